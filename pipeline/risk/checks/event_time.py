"""EVENT_TIME: does the source's clock agree with the gate's, and is the order fresh?

The producer's stamp is checked and reported, never trusted for anything else. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, with_figure
from pipeline.risk.records import CheckResult

NAME: Final = "EVENT_TIME"


def _judge(c: OrderContext, *, stale_fails: bool) -> CheckResult:
    rules = c.rules
    if rules.policy is None:
        return failed(NAME, "POLICY_MISSING") if stale_fails else not_evaluated(NAME)
    age = c.gate_time - c.order.event_time
    limit = rules.order_age_us_max
    reason: str | None = None
    if -age > rules.future_skew_us:
        reason = "EVENT_TIME_IN_FUTURE"
    elif age > limit.bound and stale_fails:
        reason = "ORDER_STALE"
    return with_figure(NAME, reason, age, limit)


def check_new(c: OrderContext) -> CheckResult:
    """Of a NEW."""
    return _judge(c, stale_fails=True)


def check_cancel(c: OrderContext) -> CheckResult:
    """Of a CANCEL: a late one is as welcome as any."""
    return _judge(c, stale_fails=False)
