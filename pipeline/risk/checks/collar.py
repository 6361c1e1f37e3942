"""PRICE_COLLAR: is the price near a fresh reference price?

RTS 6 Art. 15(1)(a). Fails closed: no mark or a stale one rejects. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.bounds import MS
from pipeline.risk.checks.context import (
    OrderContext,
    failed,
    failed_at,
    not_evaluated,
    within,
)
from pipeline.risk.money import distance_bps
from pipeline.risk.records import CheckResult

NAME: Final = "PRICE_COLLAR"


def check(c: OrderContext) -> CheckResult:
    """Distance from the mark in 1e-4 of the mark, rounded up."""
    instrument = c.instrument
    policy = c.rules.policy
    limits = c.limits
    if instrument is None or policy is None or limits is None or not c.price_valid:
        return not_evaluated(NAME)
    figure = limits.price_collar_bps
    if figure.value is None:
        return failed(NAME, "LIMIT_MISSING")
    mark = c.mark(instrument)
    if mark is None:
        return failed_at(NAME, "MARK_MISSING", figure.value, figure.version)
    if c.gate_time - mark.as_of > policy.mark_age_ms_max * MS:
        return failed_at(NAME, "MARK_STALE", figure.value, figure.version)
    bound = c.protection_price_e9
    price = c.price_e9 if bound is None else bound
    return within(NAME, "PRICE_COLLAR", distance_bps(price, mark.price_e9), figure)
