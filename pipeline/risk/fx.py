"""Rates between currencies: the marks of SPOT instruments of the two.

Owns which instrument's mark converts one currency into another, and when there is none to go by
(docs/rules.md, "Foreign limits"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.money import rate_of
from pipeline.risk.records import Instrument, RowMark
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import LaneState


class Rate:
    """What one minor unit of a currency is worth in another: numerator / denominator."""

    def __init__(self, pair: Instrument, mark: RowMark, *, from_base: bool) -> None:
        self.pair: Final = pair
        self.mark: Final = mark
        numerator, denominator = rate_of(pair, mark.price_e9, from_base=from_base)
        self.numerator: Final = numerator
        self.denominator: Final = denominator


def find_rate(rules: RulesInForce, state: LaneState, own: str, wanted: str) -> Rate | None:
    """The rate by which `own` becomes `wanted`, however old; None without a pair or a mark."""
    pair = rules.pair_of(own, wanted)
    from_base = pair is not None
    if pair is None:
        pair = rules.pair_of(wanted, own)
    if pair is None:
        return None
    mark = state.mark(pair.instrument_id)
    return None if mark is None else Rate(pair, mark, from_base=from_base)
