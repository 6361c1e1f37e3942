"""ORIG_ORDER: is there a working order to cancel or replace?"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.order_life import ON_REQUEST
from pipeline.risk.records import CheckResult

NAME: Final = "ORIG_ORDER"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """The order that orig_order_id names."""
    if c.referred is None:
        return not_evaluated(NAME)
    refusal = ON_REQUEST[c.referred.state].cancel
    return failed(NAME, refusal) if refusal else _PASSED
