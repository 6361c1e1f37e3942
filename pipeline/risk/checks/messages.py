"""MESSAGE_RATE, ORDER_TO_TRADE: how many messages, in a second and for what comes of them.

Not on new orders alone (RTS 6 Art. 15(1)(d)); and the ratio of messages to transactions (RTS 7 Art.
18). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.activity import today
from pipeline.risk.checks.context import OrderContext, compared, failed, not_evaluated, within
from pipeline.risk.records import CheckResult

MESSAGE_RATE: Final = "MESSAGE_RATE"
ORDER_TO_TRADE: Final = "ORDER_TO_TRADE"


def check_rate(c: OrderContext) -> CheckResult:
    """Accepted messages of the last second, this one counted in."""
    limit = c.limit
    user = c.user
    if limit is None or user is None:
        return not_evaluated(MESSAGE_RATE)
    observed = c.messages_within(user) + 1
    return within(MESSAGE_RATE, MESSAGE_RATE, observed, limit)


def check_to_trade(c: OrderContext) -> CheckResult:
    """The day's accepted messages, this one counted in, for what was traded on it."""
    limit = c.limit
    user = c.user
    if limit is None or user is None:
        return not_evaluated(ORDER_TO_TRADE)
    for_each = limit.value
    if for_each is None:
        return failed(ORDER_TO_TRADE, "LIMIT_MISSING")
    observed = today(c, user.messages_today, user) + 1
    allowed = limit.allowance + for_each * today(c, user.trades_today, user)
    return compared(ORDER_TO_TRADE, ORDER_TO_TRADE, observed, allowed, limit.version)
