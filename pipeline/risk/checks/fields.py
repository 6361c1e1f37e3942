"""FIELDS: is the order itself well formed?"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, passed
from pipeline.risk.records import (
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_MARKET,
    CheckResult,
    Order,
)
from pipeline.risk.rules_in_force import ID_BYTES_MAX, is_id

NAME: Final = "FIELDS"
TAGS_MAX: Final = 16


def _ids_valid(order: Order) -> bool:
    if not (
        is_id(order.source_system_id, ID_BYTES_MAX)
        and is_id(order.tenant_id, ID_BYTES_MAX)
        and is_id(order.instrument_id, ID_BYTES_MAX)
    ):
        return False
    for text in (
        order.orig_order_id,
        order.trader_id,
        order.algo_id,
        order.desk_id,
        order.counterparty_id,
    ):
        if text is not None and not is_id(text, ID_BYTES_MAX):
            return False
    tags = order.tags
    if tags:
        if len(tags) > TAGS_MAX:
            return False
        for name in tags:
            if not is_id(name, ID_BYTES_MAX) or len(tags[name].encode("utf-8")) > ID_BYTES_MAX:
                return False
    return True


def check_new(c: OrderContext) -> CheckResult:
    """Of a NEW."""
    if not _ids_valid(c.order):
        return failed(NAME, "FIELD_TOO_LONG")
    if c.order.order_type == ORDER_TYPE_MARKET:
        return failed(NAME, "UNSUPPORTED")
    if not c.price_valid:
        return failed(NAME, "BAD_PRICE")
    if not c.quantity_valid:
        return failed(NAME, "BAD_QUANTITY")
    return passed(NAME)


def check_cancel(c: OrderContext) -> CheckResult:
    """Of a CANCEL or REPLACE."""
    if not _ids_valid(c.order):
        return failed(NAME, "FIELD_TOO_LONG")
    if c.order.orig_order_id is None:
        return failed(NAME, "ORIG_ORDER_MISSING")
    if c.order.action == ORDER_ACTION_REPLACE:
        return failed(NAME, "UNSUPPORTED")
    return passed(NAME)
