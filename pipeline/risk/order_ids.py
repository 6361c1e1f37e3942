"""The ids of an order: its own, and those of the requests that refer to it.

Owns how a report or a request finds its order. An order is kept under its root, the id of its NEW;
an accepted REPLACE adds an id, which stays an alias while it is pending or current (docs/rules.md,
"The ids of an order"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.order_life import ENDED, REFUSED, UNKNOWN, state_of
from pipeline.risk.records import VERDICT_REJECTED, RowAlias, RowDecision, RowOrder
from pipeline.risk.state import InvariantViolated, LaneState


class Found:
    """What an id leads to: a working order, one that has ended, or none."""

    def __init__(
        self, root_id: str, state: int, working: RowOrder | None, ended: RowDecision | None
    ) -> None:
        self.root_id: Final = root_id
        self.state: Final = state
        self.working: Final = working
        self.ended: Final = ended


def find(state: LaneState, user_id: str, order_id: str, forgotten_before: int) -> Found:
    """The order that `order_id` names, working or ended and remembered."""
    working = state.order(user_id, order_id)
    if working is not None:
        return Found(order_id, state_of(working), working, None)
    root_id = state.root_of(user_id, order_id)
    if root_id is not None:
        working = state.order(user_id, root_id)
        if working is None:
            raise InvariantViolated("an alias of an order that does not work")
        return Found(root_id, state_of(working), working, None)
    decision = state.decision(user_id, order_id, forgotten_before)
    if decision is None:
        return Found(order_id, UNKNOWN, None, None)
    if decision.instrument_id is not None:
        return Found(order_id, ENDED, None, decision)
    if decision.root_order_id is not None:
        return _by_root(state, user_id, decision.root_order_id, forgotten_before)
    refused = decision.verdict == VERDICT_REJECTED
    return Found(order_id, REFUSED if refused else UNKNOWN, None, None)


def _by_root(state: LaneState, user_id: str, root_id: str, forgotten_before: int) -> Found:
    working = state.order(user_id, root_id)
    if working is not None:
        return Found(root_id, state_of(working), working, None)
    ended = state.decision(user_id, root_id, forgotten_before)
    if ended is not None and ended.instrument_id is not None:
        return Found(root_id, ENDED, None, ended)
    return Found(root_id, UNKNOWN, None, None)


# -- aliases


def add_pending(state: LaneState, user_id: str, root_id: str, order: RowOrder) -> None:
    """The pending REPLACE's id leads to the order from now on."""
    pending = order.pending_order_id
    if pending is not None:
        state.put(state.keys(user_id).alias(pending), RowAlias(root_id))


def drop_pending(state: LaneState, user_id: str, order: RowOrder) -> None:
    """No REPLACE is pending any more, and none was carried out."""
    pending = order.pending_order_id
    if pending is not None:
        state.delete(state.keys(user_id).alias(pending))
        order.pending_order_id = None
        order.pending_quantity_lots = 0
        order.pending_price_e9 = 0


def take_pending(state: LaneState, user_id: str, root_id: str, order: RowOrder) -> None:
    """The pending REPLACE was carried out: its version is in force."""
    pending = order.pending_order_id
    if pending is None:
        raise InvariantViolated("carried out a replace that is not pending")
    if order.current_order_id != root_id:
        state.delete(state.keys(user_id).alias(order.current_order_id))
    order.current_order_id = pending
    order.quantity_lots = order.pending_quantity_lots
    order.price_e9 = order.pending_price_e9
    order.pending_order_id = None
    order.pending_quantity_lots = 0
    order.pending_price_e9 = 0


def drop_all(state: LaneState, user_id: str, root_id: str, order: RowOrder) -> None:
    """The order has ended: its aliases go."""
    drop_pending(state, user_id, order)
    if order.current_order_id != root_id:
        state.delete(state.keys(user_id).alias(order.current_order_id))
