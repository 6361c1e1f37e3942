"""ORDER_RATE: accepted orders in a sliding second of gate time (RTS 6 Art. 15(1)(d)).

Constant memory: nine buckets of 125 ms, so the window is never shorter than a second and at most
1.125 s. A sender who stretches its own stamps gains nothing. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, not_evaluated, within
from pipeline.risk.records import CheckResult, RowUser
from pipeline.risk.state import RATE_BUCKET_US, RATE_BUCKETS

NAME: Final = "ORDER_RATE"


def in_window(user: RowUser, gate_time: int) -> int:
    """Accepted orders in the window that ends at `gate_time`."""
    passed_buckets = gate_time // RATE_BUCKET_US - user.rate_bucket
    if passed_buckets >= RATE_BUCKETS:
        return 0
    total = 0
    counts = user.rate_counts
    for index in range(RATE_BUCKETS - passed_buckets):
        total += counts[index]
    return total


def count_accepted(user: RowUser, gate_time: int) -> None:
    """Add an accepted order to the window."""
    bucket = gate_time // RATE_BUCKET_US
    passed_buckets = min(bucket - user.rate_bucket, RATE_BUCKETS)
    if passed_buckets > 0:
        user.rate_counts = [0] * passed_buckets + user.rate_counts[: RATE_BUCKETS - passed_buckets]
        user.rate_bucket = bucket
    user.rate_counts[0] += 1


def check(c: OrderContext) -> CheckResult:
    """This order counted in."""
    user = c.user
    limits = c.limits
    if user is None or limits is None:
        return not_evaluated(NAME)
    observed = in_window(user, c.gate_time) + 1
    return within(NAME, "ORDER_RATE", observed, limits.order_rate_per_s_max)
