"""SELF_MATCH: could the order trade with a working order of the same user?

FIX SelfMatchPreventionID (2362), before the order leaves; MAR Art. 12(1)(a): wash trades. Compiled
with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, not_evaluated, passed
from pipeline.risk.records import (
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_PASS,
    SIDE_BUY,
    SIDE_SELL,
    CheckResult,
)

NAME: Final = "SELF_MATCH"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """Against the best own price of the other side; the limit is the last that does not cross."""
    if c.user is None or c.instrument is None or not c.price_valid:
        return not_evaluated(NAME)
    order = c.order
    buys = order.side == SIDE_BUY
    other = SIDE_SELL if buys else SIDE_BUY
    best = c.state.own_prices.best(c.keys, order.instrument_id, other)
    if best is None:
        return _PASSED
    bound = c.protection_price_e9
    price = c.price_e9 if bound is None else bound
    limit = best - 1 if buys else best + 1
    headroom = limit - price if buys else price - limit
    if headroom < 0:
        return CheckResult(NAME, CHECK_OUTCOME_FAIL, NAME, price, limit, None, headroom)
    return CheckResult(NAME, CHECK_OUTCOME_PASS, None, price, limit, None, headroom)
