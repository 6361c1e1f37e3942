"""The check FIELDS: what an order record must look like before anything else can be said about it.

Owns the bounds of its fields. Must never look at the lane's state.
"""

from pipeline.risk.records import ORDER_TYPE_MARKET, Order
from tests.oracle.lines import ID_BYTES_MAX, LOTS_MAX, Check, bad_id, failed, is_price, passed

TAGS_MAX = 16
RESERVED = "gate:"


def has_bad_id(order: Order) -> bool:
    """Whether any id or tag is out of bounds."""
    ids = (
        order.source_system_id,
        order.tenant_id,
        order.orig_order_id,
        order.instrument_id,
        order.trader_id,
        order.algo_id,
        order.desk_id,
        order.counterparty_id,
    )
    return (
        any(bad_id(text) for text in [*ids, *order.tags])
        or len(order.tags) > TAGS_MAX
        or any(len(text.encode()) > ID_BYTES_MAX for text in order.tags.values())
    )


def bad_name(order: Order) -> str | None:
    """What is wrong with its ids, whatever it asks for."""
    if has_bad_id(order):
        return "FIELD_TOO_LONG"
    return "RESERVED_ID" if order.order_id.startswith(RESERVED) else None


def bad_price_or_quantity(order: Order, *, at_market: bool) -> str | None:
    """What is wrong with its figures. A MARKET order names no price."""
    bad_price = order.price_e9 is not None if at_market else not is_price(order.price_e9)
    if bad_price:
        return "BAD_PRICE"
    return None if 0 < order.quantity_lots <= LOTS_MAX else "BAD_QUANTITY"


def fields(order: Order, _: object) -> Check:
    """Of a NEW."""
    at_market = order.order_type == ORDER_TYPE_MARKET
    return judged(bad_name(order) or bad_price_or_quantity(order, at_market=at_market))


def cancel_fields(order: Order, _: object) -> Check:
    """Of a CANCEL."""
    return judged(bad_name(order) or bad_reference(order))


def replace_fields(order: Order, _: object) -> Check:
    """Of a REPLACE."""
    unsupported = "UNSUPPORTED" if order.order_type == ORDER_TYPE_MARKET else None
    return judged(
        bad_name(order)
        or bad_reference(order)
        or unsupported
        or bad_price_or_quantity(order, at_market=False)
    )


def bad_reference(order: Order) -> str | None:
    """Whether it says which order it is about."""
    return "ORIG_ORDER_MISSING" if order.orig_order_id is None else None


def judged(reason: str | None) -> Check:
    """The check by what was found."""
    return passed("FIELDS") if reason is None else failed("FIELDS", reason)
