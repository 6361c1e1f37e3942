"""EXPIRY: is there any time left?"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, passed, with_figures
from pipeline.risk.records import CheckResult

NAME: Final = "EXPIRY"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """Gate time against expires_at (FIX ExpireTime 126), in microseconds since 1970."""
    expires_at = c.order.expires_at
    if expires_at is None:
        return _PASSED
    reason = "ORDER_EXPIRED" if expires_at <= c.gate_time else None
    return with_figures(NAME, reason, c.gate_time, expires_at, None)
