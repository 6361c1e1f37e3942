"""DAILY_LOSS and DRAWDOWN: has the user lost as much today as may be lost?

Of the result in the order's currency with open positions at their marks, since the day before and
since the day's best; then only what reduces passes (RTS 6 Art. 15(3); docs/rules.md, "Credit and
results"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks import in_money
from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.records import CheckResult
from pipeline.risk.valuation import OUT_OF_RANGE

DAILY_LOSS: Final = "DAILY_LOSS"
DRAWDOWN: Final = "DRAWDOWN"


def check_daily_loss(c: OrderContext) -> CheckResult:
    """By how much the result is below the last one of the day before."""
    return _check(c, DAILY_LOSS)


def check_drawdown(c: OrderContext) -> CheckResult:
    """By how much the result is below the best of the day."""
    return _check(c, DRAWDOWN)


def exempt(exempted: set[str]) -> bool:
    """Whether nobody looks at the result."""
    return DAILY_LOSS in exempted and DRAWDOWN in exempted


def _check(c: OrderContext, name: str) -> CheckResult:
    policy = c.rules.policy
    instrument = c.instrument
    limit = c.limit
    if policy is None or instrument is None or limit is None:
        return not_evaluated(name)
    if limit.value is None:
        return failed(name, "LIMIT_MISSING")
    standing = c.standing(instrument, policy)
    problem = standing.problem
    if problem == OUT_OF_RANGE:
        # No loss is so large that it passes.
        return passed(name) if c.reduces() else failed(name, problem)
    wanted = limit.currency or instrument.currency
    problem = problem or in_money.fx_problem(c, policy, instrument.currency, wanted)
    if problem is not None:
        return in_money.unknown(c, name, problem, limit)
    before = standing.opening_minor if name == DAILY_LOSS else standing.peak_minor
    lost = max(0, before - standing.result_minor)
    observed = in_money.into(c, lost, instrument.currency, wanted)
    return in_money.compared(c, name, observed, limit)
