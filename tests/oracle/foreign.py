"""Amounts in several currencies as one amount in another (docs/rules.md, "Foreign limits").

Owns the sum of converted amounts and the line of a check that compares one. Must never know whose
amounts they are.
"""

from collections.abc import Mapping

from tests.oracle.arithmetic import up
from tests.oracle.lines import Check, Figure, blind, compared, passed
from tests.oracle.situation import Situation, fx_of


def converted(amounts: Mapping[str, int], currency: str, now: Situation) -> int | str:
    """The amounts by their currencies, each converted and rounded away from 0; or why not."""
    total = 0
    for own, amount in sorted(amounts.items()):
        if own == currency:
            total += amount
            continue
        fx = fx_of(own, currency, now)
        if fx is None:
            return "FX_MISSING"
        if now.is_stale(fx.as_of):
            return "FX_STALE"
        magnitude = up(abs(amount) * fx.rate)
        total += magnitude if amount > 0 else -magnitude
    return total


def within(check: str, seen: int | str, limit: Figure, *, reduces: bool) -> Check:
    """What was seen, or why nothing was, against the limit. An order that reduces passes."""
    if isinstance(seen, str):
        return passed(check) if reduces else blind(check, seen, limit)
    judged = compared(check, seen, limit)
    return judged._replace(result="PASS", reason=None) if reduces else judged
