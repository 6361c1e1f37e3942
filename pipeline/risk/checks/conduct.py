"""INSTANT_CANCEL, PUSH: orders withdrawn at once, and prices pushed order by order.

What layering and momentum ignition look like from outside (MAR, Delegated Regulation 2016/522,
Annex II); China names both among the abnormal behaviour of programme trading. Compiled with mypyc.
"""

from pipeline.risk.activity import INSTANT_CANCEL, PUSH, is_instant_cancel, is_push, today
from pipeline.risk.checks.context import OrderContext, not_evaluated, within
from pipeline.risk.records import CheckResult


def check_instant_cancel(c: OrderContext) -> CheckResult:
    """Instant cancels of the open day, this one counted in if it is one."""
    limit = c.limit
    user = c.user
    if limit is None or user is None:
        return not_evaluated(INSTANT_CANCEL)
    observed = today(c, user.instant_cancels_today, user)
    if is_instant_cancel(c):
        observed += 1
    return within(INSTANT_CANCEL, INSTANT_CANCEL, observed, limit)


def check_push(c: OrderContext) -> CheckResult:
    """Pushes of the open day, this one counted in if it is one."""
    limit = c.limit
    user = c.user
    priced = c.is_market or c.price_given
    if limit is None or user is None or c.instrument is None or not priced:
        return not_evaluated(PUSH)
    observed = today(c, user.pushes_today, user)
    if is_push(c):
        observed += 1
    return within(PUSH, PUSH, observed, limit)
