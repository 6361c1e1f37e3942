"""ORDER_RATE: accepted orders in a sliding second of gate time (RTS 6 Art. 15(1)(d)).

Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, not_evaluated, within
from pipeline.risk.records import CheckResult, RowUser
from pipeline.risk.windows import count_one, counted

NAME: Final = "ORDER_RATE"


def count_accepted(user: RowUser, gate_time: int) -> None:
    """Add an accepted order to the window."""
    user.rate_bucket = count_one(user.rate_counts, user.rate_bucket, gate_time)


def check(c: OrderContext) -> CheckResult:
    """This order counted in."""
    user = c.user
    limits = c.limits
    if user is None or limits is None:
        return not_evaluated(NAME)
    observed = counted(user.rate_counts, user.rate_bucket, c.gate_time) + 1
    return within(NAME, "ORDER_RATE", observed, limits.order_rate_per_s_max)
