"""ORIG_ORDER: is there a working order to cancel?"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.records import CheckResult
from pipeline.risk.rules_in_force import ID_BYTES_MAX, is_id

NAME: Final = "ORIG_ORDER"


def check(c: OrderContext) -> CheckResult:
    """The order named by orig_order_id."""
    order_id = c.order.orig_order_id
    if order_id is None or not is_id(order_id, ID_BYTES_MAX):
        return not_evaluated(NAME)
    order = c.state.order(c.order.user_id, order_id)
    if order is not None:
        return passed(NAME) if order.final_lots is None else failed(NAME, "ORIG_ORDER_CLOSED")
    ended = c.state.decision(c.order.user_id, order_id, c.rules.forgotten_before)
    # Only an accepted NEW that has ended keeps its instrument.
    if ended is not None and ended.instrument_id is not None:
        return failed(NAME, "ORIG_ORDER_CLOSED")
    return failed(NAME, "ORIG_ORDER_UNKNOWN")
