"""OPEN_ORDERS: everything remembered has a bound, working orders too."""

from typing import Final

from pipeline.risk.checks.context import OrderContext, compared, not_evaluated
from pipeline.risk.records import CheckResult

NAME: Final = "OPEN_ORDERS"


def check(c: OrderContext) -> CheckResult:
    """Working orders of the user, this one counted in."""
    policy = c.rules.policy
    user = c.user
    if policy is None:
        return not_evaluated(NAME)
    observed = 1 if user is None else user.open_orders_count + 1
    return compared(NAME, "OPEN_ORDERS", observed, policy.open_orders_max, c.rules.policy_version)
