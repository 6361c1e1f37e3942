"""Checks whose limit is in money, in whatever currency: converting to it, and what reduces passes.

Owns what the exposures, CREDIT, DAILY_LOSS and DRAWDOWN have in common; what is observed is each
check's own (docs/rules.md, "Exposure"). Compiled with mypyc.
"""

from pipeline.risk.bounds import MS
from pipeline.risk.check_rules import LimitInForce
from pipeline.risk.checks.context import OrderContext, failed_at, passed, with_figure
from pipeline.risk.money import divide_up
from pipeline.risk.records import CheckResult, Policy


def fx_problem(c: OrderContext, policy: Policy, own: str, wanted: str) -> str | None:
    """Why nothing can be converted from `own` to `wanted`, or None."""
    if own == wanted:
        return None
    rate = c.rate(own, wanted)
    if rate is None:
        return "FX_MISSING"
    if c.gate_time - rate.mark.as_of > policy.mark_age_ms_max * MS:
        return "FX_STALE"
    return None


def into(c: OrderContext, amount: int, own: str, wanted: str) -> int:
    """`amount` in another currency, rounded away from zero; `fx_problem` has found none."""
    rate = None if own == wanted else c.rate(own, wanted)
    if rate is None:
        return amount
    if amount < 0:
        return -divide_up(-amount * rate.numerator, rate.denominator)
    return divide_up(amount * rate.numerator, rate.denominator)


def compared(c: OrderContext, name: str, observed: int, limit: LimitInForce) -> CheckResult:
    """PASS within the limit, or when the order reduces; else FAIL with the check's own name."""
    reason = None if observed <= limit.bound or c.reduces() else name
    return with_figure(name, reason, observed, limit)


def unknown(c: OrderContext, name: str, problem: str, limit: LimitInForce) -> CheckResult:
    """There is no figure to compare: FAIL, or PASS when the order reduces."""
    if c.reduces():
        return passed(name)
    return failed_at(name, problem, limit.value, limit.version)
