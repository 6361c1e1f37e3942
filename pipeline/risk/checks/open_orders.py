"""OPEN_ORDERS: everything remembered has a bound, working orders too."""

from typing import Final

from pipeline.risk.checks.context import OrderContext, not_evaluated, within
from pipeline.risk.records import CheckResult

NAME: Final = "OPEN_ORDERS"


def check(c: OrderContext) -> CheckResult:
    """Working orders of the user, this one counted in."""
    user = c.user
    if c.rules.policy is None:
        return not_evaluated(NAME)
    observed = 1 if user is None else user.open_orders_count + 1
    return within(NAME, "OPEN_ORDERS", observed, c.rules.open_orders_max)
