"""Execution reports: the venue's facts about orders, in whatever order they arrive.

Owns how a hold is settled, released or kept until the last fill has come. What a report comes to is
looked up in `order_life.py`; always applied, flagged where odd; only what could be a forgotten
repeat or cannot be placed becomes a dead letter (docs/rules.md, "Execution reports"). Compiled with
mypyc.
"""

from typing import Final

from pipeline.risk import activity, order_ids
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.checks.context import PRICE_E9_MAX, QUANTITY_LOTS_MAX
from pipeline.risk.effects import Effects, InputContext, dead_letter, fact, ignored
from pipeline.risk.endings import Endings
from pipeline.risk.journal import Journal
from pipeline.risk.keys import execution_key
from pipeline.risk.ledger import Ledger, OrderTerms, OutOfRange, Trade
from pipeline.risk.memory import Memory
from pipeline.risk.money import hold_currency
from pipeline.risk.order_life import (
    ANSWER,
    BUST,
    CLOSE,
    CORRECT,
    NOTHING,
    ON_REPORT,
    REFUSED,
    REPLACE,
    TRADE,
    UNKNOWN,
)
from pipeline.risk.reasons import APPLIED
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    Fill,
    Instrument,
    RowDecision,
    RowOrder,
    RowSeen,
)
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import InvariantViolated, LaneState

# What a report is called in the order record; a NEW or CANCEL_REJECTED alone is no event there.
_EVENT_TYPES: Final[dict[int, str]] = {
    EXEC_TYPE_PARTIAL_FILL: "PARF",
    EXEC_TYPE_FILL: "FILL",
    EXEC_TYPE_CANCELED: "CAME",
    EXEC_TYPE_REJECTED: "REMO",
    EXEC_TYPE_EXPIRED: "EXPI",
    EXEC_TYPE_REPLACED: "REME",
    EXEC_TYPE_TRADE_CANCEL: "BUST",
    EXEC_TYPE_TRADE_CORRECT: "CORR",
}
_REFERS: Final = (EXEC_TYPE_TRADE_CANCEL, EXEC_TYPE_TRADE_CORRECT)
_PRICED: Final = (EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL, EXEC_TYPE_TRADE_CORRECT)

_UNKNOWN_EXEC: Final = "UNKNOWN_EXEC"
_REPEATED_BUST: Final = "REPEATED_BUST"


def is_trade(fill: Fill) -> bool:
    """Whether the report says that lots changed hands."""
    return fill.exec_type in (EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL) and fill.last_lots > 0


class Reported:
    """A report placed: the order it is about, what it comes to, and what is odd about it."""

    def __init__(
        self, fill: Fill, instrument: Instrument, side: int, order: order_ids.Found
    ) -> None:
        cell = ON_REPORT[order.state][fill.exec_type]
        self.fill: Final = fill
        self.instrument: Final = instrument
        self.side: Final = side
        self.root_id: Final = order.root_id
        self.working: Final[RowOrder | None] = order.working
        self.ended: Final[RowDecision | None] = order.ended
        self.terms: Final = None if order.working is None else OrderTerms(order.working)
        self.effect = cell.effect
        self.flag = cell.flag
        # What changes hands, in turn, and by how much that changes filled_lots.
        self.trades: list[Trade] = []
        self.filled_change = 0
        # Whether the first undoes another, whether the last is the report's own, and what they are
        # all in.
        self.takes_back = False
        self.makes = False
        self.traded = instrument
        # Of a bust or correction: the trade meant, or where it is to be remembered as superseded.
        self.meant: RowSeen | None = None
        self.meant_key = b""


class ExecutionDesk:
    """Applies execution reports of one lane."""

    def __init__(
        self,
        state: LaneState,
        rules: RulesInForce,
        ledger: Ledger,
        journal: Journal,
        memory: Memory,
        endings: Endings,
    ) -> None:
        self.state: Final = state
        self.rules: Final = rules
        self.ledger: Final = ledger
        self.journal: Final = journal
        self.memory: Final = memory
        self.endings: Final = endings

    def apply(self, context: InputContext, fill: Fill) -> Effects:
        """What becomes of a report."""
        if not is_id(fill.venue, ID_BYTES_MAX):
            return dead_letter("FIELD_TOO_LONG")
        seen_key = execution_key(fill.user_id, fill.order_id, fill.venue, fill.exec_id)
        seen = self.state.seen(seen_key, self.rules.forgotten_before)
        if seen is not None:
            # Its own id was remembered by the bust of it, which came first.
            unseen = seen.superseded and seen.lots == 0
            return ignored("SUPERSEDED_EXEC" if unseen else "REPEATED_EXEC")
        problem = self._problem(fill)
        if problem is not None:
            return dead_letter(problem)
        reported = self._placed(fill)
        if reported is None:
            return dead_letter("UNPLACED_FACT")
        self._work_out(reported)
        try:
            self._require_room_to_hold(reported)
            if reported.trades:
                self.ledger.trade(fill.user_id, reported.traded, reported.trades)
        except OutOfRange:
            return dead_letter("OUT_OF_RANGE")
        # From here it must succeed.
        self._remember(context, reported, seen_key)
        self._account(context, reported)
        self._note(context, reported)
        return fact(reported.flag or APPLIED)

    def _problem(self, fill: Fill) -> str | None:
        for text in (fill.orig_order_id, fill.exec_ref_id):
            if text is not None and not is_id(text, ID_BYTES_MAX):
                return "FIELD_TOO_LONG"
        for lots in (fill.last_lots, fill.cum_lots, fill.leaves_lots):
            if not 0 <= lots <= QUANTITY_LOTS_MAX:
                return "BAD_QUANTITY"
        if fill.exec_type in _PRICED and fill.last_lots > 0:
            price = fill.last_price_e9
            if price is None or not 0 < price <= PRICE_E9_MAX:
                return "BAD_PRICE"
        if fill.exec_type in _REFERS and fill.exec_ref_id is None:
            return "EXEC_REF_MISSING"
        return self.rules.event_time_problem(fill.event_time)

    # -- whose it is

    def _placed(self, fill: Fill) -> Reported | None:
        order = self._find(fill.user_id, fill.order_id)
        if order.working is None and order.ended is None and fill.orig_order_id is not None:
            other = self._find(fill.user_id, fill.orig_order_id)
            if other.working is not None or other.ended is not None:
                order = other
        instrument_id = fill.instrument_id
        side = fill.side
        if order.working is not None:
            instrument_id = order.working.instrument_id
            side = order.working.side
        elif order.ended is not None:
            instrument_id = order.ended.instrument_id
            side = order.ended.side
        if instrument_id is None or side is None:
            return None
        instrument = self.rules.instruments.get(instrument_id)
        if instrument is None:
            if order.state not in (UNKNOWN, REFUSED):
                raise InvariantViolated("the instrument of an accepted order is gone")
            return None
        return Reported(fill, instrument, side, order)

    def _find(self, user_id: str, order_id: str) -> order_ids.Found:
        return order_ids.find(self.state, user_id, order_id, self.rules.forgotten_before)

    # -- what it comes to

    def _work_out(self, reported: Reported) -> None:
        """Fill in trades, the order's terms afterwards, and the flag; changes nothing yet."""
        fill = reported.fill
        effect = reported.effect
        if effect == TRADE:
            if fill.last_lots > 0:
                self._make(reported, reported.side)
            elif reported.working is None and reported.ended is not None:
                reported.flag = ""
        elif effect in (BUST, CORRECT):
            self._take_back(reported)
        if reported.terms is not None:
            self._change_terms(reported, reported.terms)

    def _change_terms(self, reported: Reported, terms: OrderTerms) -> None:
        """What a working order will be; flags it when more was filled than could be."""
        effect = reported.effect
        if effect == CLOSE:
            terms.final_lots = min(reported.fill.cum_lots, terms.total_lots)
        elif effect == REPLACE:
            terms.quantity_lots = terms.pending_quantity_lots
            terms.price_e9 = terms.pending_price_e9
            terms.pending_quantity_lots = 0
        elif effect == ANSWER and self._refuses_replace(reported):
            terms.pending_quantity_lots = 0
        change = reported.filled_change
        terms.filled_lots = max(0, terms.filled_lots + change)
        if reported.takes_back and terms.final_lots is not None:
            terms.final_lots = max(0, terms.final_lots + change)
        if not reported.flag and terms.filled_lots > terms.total_lots:
            reported.flag = "OVERFILL"

    def _make(self, reported: Reported, side: int) -> None:
        fill = reported.fill
        price = fill.last_price_e9
        if price is None:
            raise InvariantViolated("a trade without a price")
        reported.trades.append(Trade(side, fill.last_lots, price, fill.fee_minor))
        reported.filled_change += fill.last_lots
        reported.makes = True

    def _take_back(self, reported: Reported) -> None:
        """A bust or a correction: the trade it means, the other way round; then the right one."""
        fill = reported.fill
        side = reported.side
        self._find_meant(reported)
        meant = reported.meant
        if meant is None or (meant.lots == 0 and not meant.superseded):
            reported.flag = _UNKNOWN_EXEC
        elif meant.superseded:
            reported.flag = _REPEATED_BUST
        else:
            if meant.instrument_id is None or meant.side is None:
                raise InvariantViolated("a remembered trade of nothing")
            instrument = self.rules.instruments.get(meant.instrument_id)
            if instrument is None:
                raise InvariantViolated("the instrument of a remembered trade is gone")
            # A report on an unknown order may have named another one than the order has now.
            reported.traded = instrument
            side = meant.side
            trade = Trade(side, meant.lots, meant.price_e9, meant.fee_minor)
            reported.trades.append(trade.taken_back())
            reported.takes_back = True
            reported.filled_change -= meant.lots
        is_new = meant is None or not (meant.superseded or meant.lots == 0)
        if reported.effect == CORRECT and fill.last_lots > 0 and is_new:
            self._make(reported, side)

    def _find_meant(self, reported: Reported) -> None:
        fill = reported.fill
        exec_ref = fill.exec_ref_id or ""
        for order_id in (fill.order_id, reported.root_id, fill.orig_order_id):
            if order_id is None:
                continue
            key = execution_key(fill.user_id, order_id, fill.venue, exec_ref)
            reported.meant = self.state.seen(key, self.rules.forgotten_before)
            if reported.meant is not None:
                reported.meant_key = key
                return
        reported.meant_key = execution_key(fill.user_id, fill.order_id, fill.venue, exec_ref)

    @staticmethod
    def _refuses_replace(reported: Reported) -> bool:
        """Whether a CANCEL_REJECTED answers the pending replace, not the cancel."""
        working = reported.working
        if working is None or working.pending_order_id is None:
            return False
        return reported.fill.order_id == working.pending_order_id or not working.cancel_requested

    def _require_room_to_hold(self, reported: Reported) -> None:
        """Raises OutOfRange where what is held afterwards, by the terms of now, would not fit."""
        instrument = reported.instrument
        working = reported.working
        terms = reported.terms
        if working is None and not reported.trades:
            return
        lots_change = 0
        order_change = 0
        user_id = reported.fill.user_id
        if working is not None and terms is not None:
            lots_change = terms.open_lots - OrderTerms(working).open_lots
            user = self.state.user(user_id)
            tier_id = "" if user is None else user.tier_id
            fee = self.rules.fee_of(tier_id, instrument.instrument_id)
            order_change = terms.held(instrument, fee) - working.hold_minor
        traded_lots = sum([trade.signed_lots for trade in reported.trades])
        apart = reported.traded.instrument_id != instrument.instrument_id
        margin_change = self.ledger.margin_change(
            user_id, instrument, reported.side, 0 if apart else traded_lots, lots_change
        )
        # What has a margin holds for its orders in the same currency.
        currency = hold_currency(instrument, reported.side)
        own_change = order_change + margin_change
        if apart:
            elsewhere = self.ledger.margin_change(
                user_id, reported.traded, reported.side, traded_lots, 0
            )
            self.ledger.require_room_to_hold(user_id, reported.traded.currency, elsewhere)
            if currency == reported.traded.currency:
                own_change += elsewhere
        self.ledger.require_room_to_hold(user_id, currency, own_change)

    # -- carrying it out

    def _remember(self, context: InputContext, reported: Reported, seen_key: bytes) -> None:
        """That another execution counts no more; then the report's own id, with its trade."""
        if reported.effect in (BUST, CORRECT):
            self._supersede(context, reported)
        row = self._seen(context, reported.fill)
        if reported.makes:
            trade = reported.trades[-1]
            row.instrument_id = reported.traded.instrument_id
            row.side = trade.side
            row.lots = trade.lots
            row.price_e9 = trade.price_e9
            row.fee_minor = trade.fee_minor
        self.state.put(seen_key, row)

    def _supersede(self, context: InputContext, reported: Reported) -> None:
        meant = reported.meant
        if meant is None:
            # When it comes, it counts for nothing.
            marker = self._seen(context, reported.fill)
            marker.superseded = True
            self.state.put(reported.meant_key, marker)
        elif reported.flag not in (_UNKNOWN_EXEC, _REPEATED_BUST):
            meant.superseded = True
            meant.touched_at = self.memory.touch(context.gate_time, meant.touched_at)
            self.state.put(reported.meant_key, meant)

    def _seen(self, context: InputContext, fill: Fill) -> RowSeen:
        """The memory of an id that this report touches."""
        return RowSeen(
            touched_at=self.memory.touch(context.gate_time, fill.event_time),
            lane_sequence=context.lane_sequence,
            instrument_id=None,
            side=None,
            lots=0,
            price_e9=0,
            fee_minor=0,
            superseded=False,
        )

    def _account(self, context: InputContext, reported: Reported) -> None:
        """Bring order, holds and position up to date."""
        user_id = reported.fill.user_id
        user = self.state.user_or_new(user_id)
        self.state.put(self.state.keys(user_id).user, user)
        working = reported.working
        if is_trade(reported.fill):
            activity.count_trade(self.state, user_id, user, working, self.rules.business_day)
        if working is not None:
            self._account_working(context, reported, working)
        elif reported.ended is not None and reported.filled_change:
            self._account_ended(context, reported, reported.ended)
        if working is not None or reported.trades:
            self.ledger.rehold_position(user_id, reported.instrument)
        if reported.traded.instrument_id != reported.instrument.instrument_id:
            self.ledger.rehold_position(user_id, reported.traded)

    def _account_working(self, context: InputContext, reported: Reported, order: RowOrder) -> None:
        fill = reported.fill
        terms = reported.terms
        if terms is None:
            raise InvariantViolated("a working order without terms")
        user_id = fill.user_id
        root_id = reported.root_id
        open_before = OrderTerms(order).open_lots
        if not order.acknowledged:
            order.acknowledged = True
            self.endings.sweeping.acknowledged(self.state.keys(user_id).order(root_id))
        if reported.effect == CLOSE:
            self.state.own_prices.over(self.state.keys(user_id), order)
            order_ids.drop_pending(self.state, user_id, order)
            self.endings.sweeping.over(self.state.keys(user_id).order(root_id))
        elif reported.effect == REPLACE:
            self.state.own_prices.replace_made(self.state.keys(user_id), order)
            order_ids.take_pending(self.state, user_id, root_id, order)
        elif reported.effect == ANSWER:
            if self._refuses_replace(reported):
                self.state.own_prices.replace_dropped(self.state.keys(user_id), order)
                order_ids.drop_pending(self.state, user_id, order)
            else:
                order.cancel_requested = False
        order.filled_lots = terms.filled_lots
        order.final_lots = terms.final_lots
        open_after = OrderTerms(order).open_lots
        self.ledger.work(user_id, reported.instrument, order.side, open_after - open_before)
        user = self.state.user_or_new(user_id)
        fee = self.rules.fee_of(user.tier_id, reported.instrument.instrument_id)
        self.ledger.rehold_order(user_id, root_id, order, reported.instrument, fee)
        if open_after == 0:
            self.endings.end(context, user_id, root_id, order)

    def _account_ended(self, context: InputContext, reported: Reported, ended: RowDecision) -> None:
        ended.filled_lots = max(0, ended.filled_lots + reported.filled_change)
        if reported.effect == TRADE:
            ended.touched_at = self.memory.touch(context.gate_time, ended.touched_at)
        self.state.put(self.state.keys(reported.fill.user_id).decision(reported.root_id), ended)

    def _note(self, context: InputContext, reported: Reported) -> None:
        fill = reported.fill
        flag = reported.flag or APPLIED
        event_type = _EVENT_TYPES.get(fill.exec_type)
        idle = reported.effect in (BUST, CORRECT) and not reported.trades
        if fill.exec_type == EXEC_TYPE_REPLACED and reported.effect == NOTHING:
            idle = idle or reported.flag == "UNKNOWN_REPLACE"
        told = [] if event_type is None or idle else [event_type]
        if flag != APPLIED:
            told.append("ODD")
        for event in told:
            self.journal.of_fill(
                context,
                fill,
                reported.working,
                reported.instrument.instrument_id,
                reported.side,
                event,
                flag,
            )
