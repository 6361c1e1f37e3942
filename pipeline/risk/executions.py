"""Execution reports: the venue's facts about orders, in whatever order they arrive.

Owns how a hold is settled, released or kept until the last fill has come. Always applied, flagged
where odd; only what could be a forgotten repeat or cannot be placed becomes a dead letter
(docs/rules.md, "Execution reports"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import PRICE_E9_MAX, QUANTITY_LOTS_MAX
from pipeline.risk.effects import Effects, InputContext, dead_letter, fact, ignored
from pipeline.risk.journal import Journal
from pipeline.risk.keys import decision_key, execution_key, order_key, user_key
from pipeline.risk.ledger import Ledger, OutOfRange, open_lots
from pipeline.risk.memory import Memory
from pipeline.risk.money import hold_currency, order_hold
from pipeline.risk.reasons import ACCEPTED, APPLIED
from pipeline.risk.records import (
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    VERDICT_ACCEPTED,
    VERDICT_REJECTED,
    Fill,
    Instrument,
    RowDecision,
    RowOrder,
    RowSeen,
)
from pipeline.risk.rules_in_force import ID_BYTES_MAX, RulesInForce, is_id
from pipeline.risk.state import InvariantViolated, LaneState

# What a report is called in the order record; a NEW or CANCEL_REJECTED alone is no event there.
_EVENT_TYPES: Final[dict[int, str]] = {
    EXEC_TYPE_PARTIAL_FILL: "PARF",
    EXEC_TYPE_FILL: "FILL",
    EXEC_TYPE_CANCELED: "CAME",
    EXEC_TYPE_REJECTED: "REMO",
    EXEC_TYPE_EXPIRED: "EXPI",
}


class Placement:
    """The order a report belongs to: working, ended, or not known to have been accepted."""

    def __init__(
        self,
        instrument: Instrument,
        side: int,
        working: RowOrder | None,
        ended: RowDecision | None,
        flag: str,
    ) -> None:
        self.instrument: Final = instrument
        self.side: Final = side
        self.working: Final = working
        self.ended: Final = ended
        self.flag: Final = flag


def is_trade(fill: Fill) -> bool:
    """Whether lots changed hands."""
    return fill.exec_type in (EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL) and fill.last_lots > 0


def final_lots(fill: Fill, order: RowOrder) -> int | None:
    """What the order will have been filled with when all is told; the first end counts."""
    ends = fill.exec_type in (EXEC_TYPE_CANCELED, EXEC_TYPE_EXPIRED, EXEC_TYPE_REJECTED)
    if ends and order.final_lots is None:
        return min(fill.cum_lots, order.quantity_lots)
    return order.final_lots


class ExecutionDesk:
    """Applies execution reports of one lane."""

    def __init__(
        self,
        state: LaneState,
        rules: RulesInForce,
        ledger: Ledger,
        journal: Journal,
        memory: Memory,
    ) -> None:
        self.state: Final = state
        self.rules: Final = rules
        self.ledger: Final = ledger
        self.journal: Final = journal
        self.memory: Final = memory

    def apply(self, context: InputContext, fill: Fill) -> Effects:
        """What becomes of a report."""
        if not is_id(fill.venue, ID_BYTES_MAX):
            return dead_letter("FIELD_TOO_LONG", "venue")
        seen_key = execution_key(fill.user_id, fill.order_id, fill.venue, fill.exec_id)
        if self.state.seen(seen_key, self.rules.forgotten_before) is not None:
            return ignored("REPEATED_EXEC")
        problem = self._problem(fill)
        if problem is not None:
            return dead_letter(problem)
        placement = self._place(fill)
        if placement is None:
            return dead_letter("UNPLACED_FACT")
        try:
            self._require_room_to_hold(fill, placement)
            if is_trade(fill):
                self._trade(fill, placement)
        except OutOfRange:
            return dead_letter("OUT_OF_RANGE")
        # From here it must succeed.
        touched_at = self.memory.touch(context.gate_time, fill.event_time)
        self.state.put(seen_key, RowSeen(touched_at, context.lane_sequence))
        flag = self._account(context, fill, placement)
        self._note(context, fill, placement, flag)
        return fact(flag)

    def _problem(self, fill: Fill) -> str | None:
        for lots in (fill.last_lots, fill.cum_lots, fill.leaves_lots):
            if not 0 <= lots <= QUANTITY_LOTS_MAX:
                return "BAD_QUANTITY"
        if is_trade(fill):
            price = fill.last_price_e9
            if price is None or not 0 < price <= PRICE_E9_MAX:
                return "BAD_PRICE"
        if fill.exec_type in (
            EXEC_TYPE_REPLACED,
            EXEC_TYPE_TRADE_CANCEL,
            EXEC_TYPE_TRADE_CORRECT,
        ):
            return "UNSUPPORTED"
        return self.rules.event_time_problem(fill.event_time)

    def _place(self, fill: Fill) -> Placement | None:
        working = self.state.order(fill.user_id, fill.order_id)
        if working is not None:
            instrument = self.rules.tradable(working.instrument_id)
            if instrument is None:
                raise InvariantViolated("a working order's instrument is gone")
            return Placement(instrument, working.side, working, None, APPLIED)
        ended = self.state.decision(fill.user_id, fill.order_id, self.rules.forgotten_before)
        flag = "UNKNOWN_ORDER"
        if ended is not None and ended.instrument_id is not None and ended.side is not None:
            instrument = self.rules.tradable(ended.instrument_id)
            if instrument is None:
                raise InvariantViolated("an ended order's instrument is gone")
            return Placement(instrument, ended.side, None, ended, APPLIED)
        if ended is not None and ended.verdict == VERDICT_REJECTED:
            flag = "REJECTED_ORDER"
        if fill.instrument_id is None or fill.side is None:
            return None
        instrument = self.rules.tradable(fill.instrument_id)
        if instrument is None:
            return None
        return Placement(instrument, fill.side, None, None, flag)

    def _require_room_to_hold(self, fill: Fill, placement: Placement) -> None:
        """Raises OutOfRange where what is held afterwards, by the terms of now, would not fit."""
        traded = fill.last_lots if is_trade(fill) else 0
        instrument = placement.instrument
        working = placement.working
        lots_change = 0
        order_change = 0
        if working is not None:
            final = final_lots(fill, working)
            total = working.quantity_lots if final is None else final
            open_after = max(0, total - working.filled_lots - traded)
            lots_change = open_after - open_lots(working)
            user = self.state.user(fill.user_id)
            tier_id = "" if user is None else user.tier_id
            fee = self.rules.fee_of(tier_id, instrument.instrument_id)
            held = order_hold(instrument, fee, working.side, open_after, working.price_e9)
            order_change = held - working.hold_minor
        margin_change = 0
        if traded or working is not None:
            margin_change = self.ledger.margin_change(
                fill.user_id, instrument, placement.side, traded, lots_change
            )
        # Only a FUTURE has a margin, and holds for its orders in the same currency.
        currency = hold_currency(instrument, placement.side)
        self.ledger.require_room_to_hold(fill.user_id, currency, order_change + margin_change)

    def _trade(self, fill: Fill, placement: Placement) -> None:
        price = fill.last_price_e9
        if price is None:
            raise InvariantViolated("a trade without a price")
        self.ledger.trade(
            fill.user_id,
            placement.instrument,
            placement.side,
            fill.last_lots,
            price,
            fill.fee_minor,
        )

    def _account(self, context: InputContext, fill: Fill, placement: Placement) -> str:
        """Bring order, holds and position up to date; returns the flag."""
        self.state.put(user_key(fill.user_id), self.state.user_or_new(fill.user_id))
        working = placement.working
        flag = placement.flag
        if working is not None:
            flag = self._account_working(context, fill, placement.instrument, working)
        elif placement.ended is not None:
            flag = self._account_ended(context, fill, placement.ended)
        if is_trade(fill) or working is not None:
            self.ledger.rehold_position(fill.user_id, placement.instrument)
        return flag

    def _account_working(
        self, context: InputContext, fill: Fill, instrument: Instrument, order: RowOrder
    ) -> str:
        open_before = open_lots(order)
        order.acknowledged = True
        if fill.exec_type == EXEC_TYPE_CANCEL_REJECTED:
            order.cancel_requested = False
        if is_trade(fill):
            order.filled_lots += fill.last_lots
        order.final_lots = final_lots(fill, order)
        expected = order.quantity_lots if order.final_lots is None else order.final_lots
        open_after = open_lots(order)
        self.ledger.work(fill.user_id, instrument, order.side, open_after - open_before)
        user = self.state.user_or_new(fill.user_id)
        fee = self.rules.fee_of(user.tier_id, instrument.instrument_id)
        self.ledger.rehold_order(fill.user_id, fill.order_id, order, instrument, fee)
        if open_after == 0:
            self._end(context, fill, order)
        return "OVERFILL" if order.filled_lots > expected else APPLIED

    def _end(self, context: InputContext, fill: Fill, order: RowOrder) -> None:
        """The order holds nothing any more: what is left is the memory of its answer."""
        user = self.state.user_or_new(fill.user_id)
        user.open_orders_count -= 1
        self.state.put(user_key(fill.user_id), user)
        self.state.delete(order_key(fill.user_id, fill.order_id))
        ended = RowDecision(
            verdict=VERDICT_ACCEPTED,
            reason_code=ACCEPTED,
            lane_sequence=order.lane_sequence,
            touched_at=self.memory.touch(context.gate_time, order.touched_at),
            content_hash=order.content_hash,
            instrument_id=order.instrument_id,
            side=order.side,
            filled_lots=order.filled_lots,
        )
        self.state.put(decision_key(fill.user_id, fill.order_id), ended)

    def _account_ended(self, context: InputContext, fill: Fill, ended: RowDecision) -> str:
        if not is_trade(fill):
            return APPLIED
        ended.filled_lots += fill.last_lots
        ended.touched_at = self.memory.touch(context.gate_time, ended.touched_at)
        self.state.put(decision_key(fill.user_id, fill.order_id), ended)
        return "LATE_FILL"

    def _note(self, context: InputContext, fill: Fill, placement: Placement, flag: str) -> None:
        instrument_id = placement.instrument.instrument_id
        working = placement.working
        side = placement.side
        event_type = _EVENT_TYPES.get(fill.exec_type)
        if event_type is not None:
            self.journal.of_fill(context, fill, working, instrument_id, side, event_type, flag)
        if flag != APPLIED:
            self.journal.of_fill(context, fill, working, instrument_id, side, "ODD", flag)
