"""MARKET_BOUND: has a MARKET order a worst price?

Without one nothing could be held for it. Fails closed: no mark or a stale one rejects. Compiled
with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import (
    OrderContext,
    failed,
    failed_at,
    not_evaluated,
    passed,
)
from pipeline.risk.records import CHECK_OUTCOME_PASS, CheckResult

NAME: Final = "MARKET_BOUND"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """The protection price, made from a fresh mark and market_collar_bps."""
    if not c.is_market:
        return _PASSED
    problem = c.market_problem
    limits = c.limits
    if problem == "" or limits is None:
        return not_evaluated(NAME)
    collar = limits.market_collar_bps
    if problem in ("LIMIT_MISSING", "OUT_OF_RANGE"):
        return failed(NAME, problem)
    if problem is not None:
        return failed_at(NAME, problem, collar.value, collar.version)
    return CheckResult(
        NAME,
        CHECK_OUTCOME_PASS,
        None,
        c.protection_price_e9,
        collar.value,
        collar.version,
        None,
    )
