"""The largest quantity with which a rejected order would have passed.

Owns the halving of docs/rules.md, "The largest quantity that would have passed". Must never judge
an order itself.
"""

from collections.abc import Callable
from typing import Final

from pipeline.risk.records import ORDER_ACTION_REPLACE, Order
from tests.oracle.check_limits import RULE
from tests.oracle.lines import Check
from tests.oracle.situation import Situation, quantity_of, works
from tests.oracle.traits import EXPOSURES

# Those that another quantity may pass, rules apart.
BY_QUANTITY: Final = (
    "LOT",
    "FIRM_STATE",
    "USER_STATE",
    "ALGORITHM_STATE",
    "DESK_STATE",
    "INSTRUMENT_STATE",
    "LATCH",
    "REDUCE_ONLY",
    "ORDER_QUANTITY",
    "ORDER_NOTIONAL",
    "SHORT_SALE",
    "POSITION_LIMIT",
    *EXPOSURES,
    "CREDIT",
    "DAILY_LOSS",
    "DRAWDOWN",
    "BUYING_POWER",
)
Vector = Callable[[Order, Situation], list[Check]]


def failures(vector: list[Check]) -> list[str]:
    """The checks that would reject it."""
    return [judged.check for judged in vector if judged.result == "FAIL"]


def passing_lots_max(order: Order, now: Situation, vector: Vector) -> int | None:
    """Of an order that fails; None of one that passes."""
    failed = failures(vector(order, now))
    if not failed:
        return None
    quantity = quantity_of(order)
    hopeless = any(c not in BY_QUANTITY and not c.startswith(RULE) for c in failed)
    if hopeless or now.instrument is None or quantity is None:
        return 0
    lot = now.instrument.lot
    replaced = works(now.named) if order.action == ORDER_ACTION_REPLACE else None
    filled = 0 if replaced is None else replaced.filled // lot
    low, high = filled, (quantity - 1) // lot + 1
    while high - low > 1:
        middle = (low + high) // 2
        if failures(vector(with_quantity(order, middle * lot), now)):
            high = middle
        else:
            low = middle
    return 0 if low == filled else low * lot


def with_quantity(order: Order, quantity_lots: int) -> Order:
    """The same order, of another size."""
    return Order(
        order.event_time,
        order.source_system_id,
        order.tenant_id,
        order.action,
        order.order_id,
        order.orig_order_id,
        order.user_id,
        order.instrument_id,
        order.side,
        order.order_type,
        order.time_in_force,
        quantity_lots,
        order.price_e9,
        order.expires_at,
        order.trader_id,
        order.algo_id,
        order.desk_id,
        order.counterparty_id,
        order.tags,
        order.reduce_only,
        order.short_mark,
    )
