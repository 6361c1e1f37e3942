"""EVENT_TIME: does the source's clock agree with the gate's, and is the order fresh?

The producer's stamp is checked and reported, never trusted for anything else. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.bounds import MS
from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, with_figures
from pipeline.risk.records import CheckResult

NAME: Final = "EVENT_TIME"


def _judge(c: OrderContext, *, stale_fails: bool) -> CheckResult:
    policy = c.rules.policy
    if policy is None:
        return failed(NAME, "POLICY_MISSING") if stale_fails else not_evaluated(NAME)
    age = c.gate_time - c.order.event_time
    limit = policy.order_age_ms_max * MS
    reason: str | None = None
    if -age > policy.future_skew_ms_max * MS:
        reason = "EVENT_TIME_IN_FUTURE"
    elif age > limit and stale_fails:
        reason = "ORDER_STALE"
    return with_figures(NAME, reason, age, limit, c.rules.policy_version)


def check_new(c: OrderContext) -> CheckResult:
    """Of a NEW."""
    return _judge(c, stale_fails=True)


def check_cancel(c: OrderContext) -> CheckResult:
    """Of a CANCEL: a late one is as welcome as any."""
    return _judge(c, stale_fails=False)
