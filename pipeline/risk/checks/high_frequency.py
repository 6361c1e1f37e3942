"""HIGH_FREQUENCY_RATE, HIGH_FREQUENCY_DAY: has the account become a high-frequency one?

An account that sends so many orders and cancels in a second or on a day is one, and has duties of
its own (China: 300 a second, 20,000 a day). So cancels are judged too, and the severity is usually
NOTIFY. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.activity import today
from pipeline.risk.checks.context import OrderContext, not_evaluated, within
from pipeline.risk.records import CheckResult

RATE: Final = "HIGH_FREQUENCY_RATE"
DAY: Final = "HIGH_FREQUENCY_DAY"


def check_rate(c: OrderContext) -> CheckResult:
    """Accepted messages of the last second, this one counted in."""
    limit = c.limit
    user = c.user
    if limit is None or user is None:
        return not_evaluated(RATE)
    observed = c.messages_within(user) + 1
    return within(RATE, RATE, observed, limit)


def check_day(c: OrderContext) -> CheckResult:
    """Accepted messages of the open day, this one counted in."""
    limit = c.limit
    user = c.user
    if limit is None or user is None:
        return not_evaluated(DAY)
    return within(DAY, DAY, today(c, user.messages_today, user) + 1, limit)
