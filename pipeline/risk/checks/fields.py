"""FIELDS: is the order itself well formed?"""

from typing import Final

from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.checks.context import OrderContext, failed, passed
from pipeline.risk.records import CheckResult, Order

NAME: Final = "FIELDS"
# Order ids of the gate's own begin so; those of clients may not.
OWN_ID_PREFIX: Final = "gate:"
TAGS_MAX: Final = 16
_PASSED: Final = passed(NAME)


def _may_be_id(text: str | None) -> bool:
    return text is None or is_id(text, ID_BYTES_MAX)


def _ids_valid(order: Order) -> bool:
    if not (
        is_id(order.source_system_id, ID_BYTES_MAX)
        and is_id(order.tenant_id, ID_BYTES_MAX)
        and is_id(order.instrument_id, ID_BYTES_MAX)
    ):
        return False
    if not (
        _may_be_id(order.orig_order_id)
        and _may_be_id(order.trader_id)
        and _may_be_id(order.algo_id)
        and _may_be_id(order.desk_id)
        and _may_be_id(order.counterparty_id)
    ):
        return False
    tags = order.tags
    if tags:
        if len(tags) > TAGS_MAX:
            return False
        for name in tags:
            if not is_id(name, ID_BYTES_MAX) or len(tags[name].encode("utf-8")) > ID_BYTES_MAX:
                return False
    return True


def _ids_problem(order: Order) -> str | None:
    if not _ids_valid(order):
        return "FIELD_TOO_LONG"
    return "RESERVED_ID" if order.order_id.startswith(OWN_ID_PREFIX) else None


def check_new(c: OrderContext) -> CheckResult:
    """Of a NEW."""
    problem = _ids_problem(c.order)
    if problem is not None:
        return failed(NAME, problem)
    if c.is_market and c.order.price_e9 is not None:
        return failed(NAME, "BAD_PRICE")
    if not c.is_market and not c.price_given:
        return failed(NAME, "BAD_PRICE")
    if not c.quantity_valid:
        return failed(NAME, "BAD_QUANTITY")
    return _PASSED


def check_cancel(c: OrderContext) -> CheckResult:
    """Of a CANCEL."""
    problem = _ids_problem(c.order)
    if problem is not None:
        return failed(NAME, problem)
    if c.order.orig_order_id is None:
        return failed(NAME, "ORIG_ORDER_MISSING")
    return _PASSED


def check_replace(c: OrderContext) -> CheckResult:
    """Of a REPLACE."""
    problem = _ids_problem(c.order)
    if problem is not None:
        return failed(NAME, problem)
    if c.order.orig_order_id is None:
        return failed(NAME, "ORIG_ORDER_MISSING")
    if c.is_market:
        return failed(NAME, "UNSUPPORTED")
    if not c.price_given:
        return failed(NAME, "BAD_PRICE")
    if not c.quantity_valid:
        return failed(NAME, "BAD_QUANTITY")
    return _PASSED
