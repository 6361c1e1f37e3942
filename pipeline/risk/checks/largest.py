"""The largest quantity with which a rejected order would have passed.

Owns the search. Checks that depend on the quantity never fail a smaller one where they pass a
larger one (`Entry.by_quantity`), so halving finds the boundary: that quantity passes, one lot more
does not. (An operator's rule may do otherwise: then it is a boundary, not the only one.) Compiled
with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext
from pipeline.risk.checks.registry import Judge, depends_on_quantity
from pipeline.risk.records import (
    CHECK_OUTCOME_FAIL,
    ORDER_ACTION_CANCEL,
    CheckResult,
    Order,
)

_NONE: Final = 0


def passing_lots(judge: Judge, c: OrderContext, checks: list[CheckResult]) -> int | None:
    """Of a rejected NEW or REPLACE: a multiple of the lot, or 0; None for a CANCEL."""
    order = c.order
    if order.action == ORDER_ACTION_CANCEL:
        return None
    instrument = c.instrument
    if instrument is None or not c.quantity_valid or not _depends_on_quantity(checks):
        return _NONE
    lot = instrument.lot
    least = 1
    if c.replaced is not None:
        # A REPLACE must be above what has been filled.
        least = c.replaced.filled_lots // lot + 1
    # In lots of the instrument: `fits` passes or is below the least, `fails` does not pass.
    fits = least - 1
    fails = (order.quantity_lots - 1) // lot + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if _passes(judge, c, middle * lot):
            fits = middle
        else:
            fails = middle
    return fits * lot if fits >= least else _NONE


def _depends_on_quantity(checks: list[CheckResult]) -> bool:
    """Whether all that fails could pass with another quantity."""
    for result in checks:
        if result.result == CHECK_OUTCOME_FAIL and not depends_on_quantity(result.check):
            return False
    return True


def _passes(judge: Judge, c: OrderContext, quantity_lots: int) -> bool:
    order = with_quantity(c.order, quantity_lots)
    view = OrderContext(order, c.user, c.gate_time, c.state, c.rules)
    return judge.run(view).deciding is None


def with_quantity(order: Order, quantity_lots: int) -> Order:
    """The same order, of another quantity."""
    return Order(
        event_time=order.event_time,
        source_system_id=order.source_system_id,
        tenant_id=order.tenant_id,
        action=order.action,
        order_id=order.order_id,
        orig_order_id=order.orig_order_id,
        user_id=order.user_id,
        instrument_id=order.instrument_id,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity_lots=quantity_lots,
        price_e9=order.price_e9,
        expires_at=order.expires_at,
        trader_id=order.trader_id,
        algo_id=order.algo_id,
        desk_id=order.desk_id,
        counterparty_id=order.counterparty_id,
        tags=order.tags,
        reduce_only=order.reduce_only,
        short_mark=order.short_mark,
    )
