"""Execution reports: trades, the end of orders, busts and corrections.

Owns what a venue's report does. Must never read `pipeline/risk` or `pipeline/lane`.
"""

from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

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
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    Fill,
)
from tests.oracle.answers import DeadLetterError, RepeatedError
from tests.oracle.arithmetic import exact_notional, half_even
from tests.oracle.book import Book, Entry, Remembered, Trade, close_and_open
from tests.oracle.lane import Execution, ExecutionKey, Lane
from tests.oracle.lines import LOTS_MAX, bad_id, is_price
from tests.oracle.results import enter

REPORT_EVENT: Final = {
    EXEC_TYPE_CANCELED: "CAME",
    EXEC_TYPE_EXPIRED: "EXPI",
    EXEC_TYPE_REJECTED: "REMO",
    EXEC_TYPE_PARTIAL_FILL: "PARF",
    EXEC_TYPE_FILL: "FILL",
    EXEC_TYPE_REPLACED: "REME",
    EXEC_TYPE_TRADE_CANCEL: "BUST",
    EXEC_TYPE_TRADE_CORRECT: "CORR",
}
# The flags with which a report is not what its type says.
SILENT: Final = {
    EXEC_TYPE_REPLACED: ("UNKNOWN_REPLACE",),
    EXEC_TYPE_TRADE_CANCEL: ("UNKNOWN_EXEC", "REPEATED_BUST"),
    EXEC_TYPE_TRADE_CORRECT: ("REPEATED_BUST",),
}
FILLS: Final = (EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL)
PRICED: Final = (*FILLS, EXEC_TYPE_TRADE_CORRECT)
TERMINAL: Final = (EXEC_TYPE_CANCELED, EXEC_TYPE_EXPIRED, EXEC_TYPE_REJECTED)
CORRECTIONS: Final = (EXEC_TYPE_TRADE_CANCEL, EXEC_TYPE_TRADE_CORRECT)
NO_TRADE: Final = Execution()


class Placed(NamedTuple):
    """The order a report is about, where it trades, and the flag that this deserves."""

    known: Remembered | None
    instrument_id: str
    side: int
    flag: str | None


@dataclass
class Effect:
    """What a report does apart from the order's life.

    `trades` in the order in which they are applied. `own`: what is kept of the report itself;
    `superseded`: of others. `filled` and `final`: by how much the order's figures change.
    """

    flag: str | None = None
    trades: list[Execution] = field(default_factory=list)
    own: Execution = NO_TRADE
    superseded: dict[ExecutionKey, Execution] = field(default_factory=dict)
    filled: int = 0
    final: int = 0


class Reports(Lane):
    """The part of a lane that hears from the venue."""

    def _fill(self, fill: Fill) -> str:
        """Apply an execution report; the flag it deserves or APPLIED."""
        seen = (fill.user_id, fill.order_id, fill.venue, fill.exec_id)
        execution = self._execution(seen)
        if execution is not None:
            came = not execution.superseded or execution.lots > 0
            raise RepeatedError("REPEATED_EXEC" if came else "SUPERSEDED_EXEC")
        self._check_report(fill)
        book = self._book(fill.user_id).copy()
        place = self._place(fill, book)
        effect = self._effect(fill, place)
        for trade in effect.trades:
            self._trade(trade, book)
        flag = effect.flag or place.flag
        if place.known is not None:
            after, of_life = self._life(fill, place.known, effect)
            book.orders[after.order.order_id] = after
            flag = flag or of_life
            if place.known.open:
                if is_trade(fill) and place.known.order.algo_id is not None:
                    book.conduct.execute(place.known.order.algo_id)
                book.margined[place.instrument_id] = self.instruments[place.instrument_id]
        if is_trade(fill):
            book.conduct.trade(self.open_day or 0)
        self._keep(fill.user_id, book)
        self._remember_report(fill, seen, effect)
        if place.known is not None:
            self._touch_ended(place.known, book, fill)
        self._tell(fill, flag, effect)
        self._note_deficits(book, fill.tenant_id)
        return flag or "APPLIED"

    def _execution(self, key: ExecutionKey) -> Execution | None:
        """What is remembered of an execution."""
        if self.seen_reports.get(key, -1) >= self.memory.forgotten_before:
            return self.executions[key]
        return None

    def _check_report(self, fill: Fill) -> None:
        if any(bad_id(text) for text in (fill.venue, fill.orig_order_id, fill.exec_ref_id)):
            raise DeadLetterError("FIELD_TOO_LONG")
        if any(not 0 <= n <= LOTS_MAX for n in (fill.last_lots, fill.cum_lots, fill.leaves_lots)):
            raise DeadLetterError("BAD_QUANTITY")
        if fill.exec_type in PRICED and fill.last_lots > 0 and not is_price(fill.last_price_e9):
            raise DeadLetterError("BAD_PRICE")
        if fill.exec_type in CORRECTIONS and fill.exec_ref_id is None:
            raise DeadLetterError("EXEC_REF_MISSING")
        self._check_event_time(fill.event_time)

    def _place(self, fill: Fill, book: Book) -> Placed:
        """Find the order; without one the report must say itself where it belongs."""
        for order_id in (fill.order_id, fill.orig_order_id):
            known = None if order_id is None else self._order_named(book, order_id)
            if known is not None:
                return Placed(known, known.order.instrument_id, known.order.side, None)
        name = fill.instrument_id
        if fill.side is None or name is None or name not in self.instruments:
            raise DeadLetterError("UNPLACED_FACT")
        asked = self._known_order(book, fill.order_id)
        rejected = asked is not None and not asked.accepted
        return Placed(None, name, fill.side, "REJECTED_ORDER" if rejected else "UNKNOWN_ORDER")

    # What it does

    def _effect(self, fill: Fill, place: Placed) -> Effect:
        if fill.exec_type in CORRECTIONS:
            return self._correct(fill, place)
        if is_trade(fill):
            own = own_trade(fill, place.instrument_id, place.side)
            return Effect(trades=[own], own=own, filled=fill.last_lots)
        return Effect()

    def _correct(self, fill: Fill, place: Placed) -> Effect:
        """Take back the trade that is meant; a correction puts another in its place."""
        key = self._trade_meant(fill, place)
        if key is None:
            key = (fill.user_id, fill.order_id, fill.venue, fill.exec_ref_id or "")
            superseded = {key: Execution(superseded=True)}
            own = own_trade(fill, place.instrument_id, place.side)
            trades = [own] if own.lots else []
            return Effect("UNKNOWN_EXEC", trades, own, superseded, filled=own.lots)
        meant = self.executions[key]
        if meant.superseded:
            return Effect("REPEATED_BUST")
        if meant.instrument_id is None or meant.side is None or meant.lots == 0:
            return Effect("UNKNOWN_EXEC")
        back = meant._replace(side=1 - meant.side, fee_minor=-meant.fee_minor)
        own = own_trade(fill, meant.instrument_id, meant.side)
        change = own.lots - meant.lots
        return Effect(
            trades=[back, own] if own.lots else [back],
            own=own,
            superseded={key: meant._replace(superseded=True)},
            filled=change,
            final=change,
        )

    def _trade_meant(self, fill: Fill, place: Placed) -> ExecutionKey | None:
        """The first remembered execution of that id under any id of the order."""
        root = None if place.known is None else place.known.order.order_id
        for order_id in (fill.order_id, root, fill.orig_order_id):
            key = (fill.user_id, order_id or "", fill.venue, fill.exec_ref_id or "")
            if self._execution(key) is not None:
                return key
        return None

    def _trade(self, execution: Execution, book: Book) -> None:
        instrument = self.instruments[execution.instrument_id or ""]
        name, price = instrument.instrument_id, execution.price_e9
        lots = execution.lots if execution.side == SIDE_BUY else -execution.lots
        future = instrument.kind == INSTRUMENT_KIND_FUTURE
        trade = Trade(name, lots, price, future)
        if future:
            _, _, profit_e9 = close_and_open(book.position(name), book.open_cost_e9(name), trade)
            amount = half_even(exact_notional(instrument, 1, profit_e9))
        else:
            amount = half_even(exact_notional(instrument, -lots, price))
        if instrument.kind == INSTRUMENT_KIND_SPOT:
            base = lots * instrument.base_minor_per_lot
            book.entries.append(Entry(instrument.base_currency or "", "traded", base))
        book.entries.append(Entry(instrument.currency, "traded", amount))
        book.entries.append(Entry(instrument.currency, "fees", execution.fee_minor))
        enter(book, instrument.currency, amount - execution.fee_minor, self.open_day or 0)
        book.trades.append(trade)
        book.margined[name] = instrument

    # The order's life

    def _life(self, fill: Fill, known: Remembered, effect: Effect) -> tuple[Remembered, str | None]:
        """The order after the report, and what is odd about that."""
        filled = max(0, known.filled + effect.filled)
        if not known.open:
            return replace(known, filled=filled), self._late_flag(fill)
        terms = self._terms(fill.user_id, known.order.instrument_id)
        after = replace(known, filled=filled, terms=terms, acknowledged=True)
        if known.final is not None:
            after = replace(after, final=max(0, known.final + effect.final))
        elif fill.exec_type in TERMINAL:
            after = replace(after, final=min(fill.cum_lots, known.whole), pending=None)
        flag = None
        if fill.exec_type == EXEC_TYPE_REPLACED:
            flag = "UNKNOWN_REPLACE" if known.pending is None else None
            after = replace(after, current=known.pending or known.current, pending=None)
        elif fill.exec_type == EXEC_TYPE_CANCEL_REJECTED:
            after = rejected_cancel(fill.order_id, after)
        bound = after.whole if after.final is None else after.final
        if flag is None and filled > bound:
            flag = "OVERFILL"
        if after.open_lots == 0:
            after = replace(
                after, open=False, pending=None, touched=max(self.gate_time, known.touched)
            )
        return after, flag

    def _late_flag(self, fill: Fill) -> str | None:
        """Of a report on an order that has ended."""
        if fill.exec_type == EXEC_TYPE_REPLACED:
            return "UNKNOWN_REPLACE"
        return "LATE_FILL" if is_trade(fill) else None

    # What is left of it

    def _remember_report(self, fill: Fill, seen: ExecutionKey, effect: Effect) -> None:
        for key, execution in effect.superseded.items():
            was = fill.event_time if self._execution(key) is None else self.seen_reports[key]
            self.seen_reports[key] = self._touched(was)
            self.executions[key] = execution
        self.seen_reports[seen] = self._touched(fill.event_time)
        self.executions[seen] = effect.own

    def _touch_ended(self, before: Remembered, book: Book, fill: Fill) -> None:
        """An order that has ended is remembered from now on, and from each late fill on."""
        after = book.orders[before.order.order_id]
        if after.open:
            return
        if before.open or self._late_flag(fill) == "LATE_FILL":
            touched = self._touched(before.touched)
            book.orders[before.order.order_id] = replace(after, touched=touched)

    def _tell(self, fill: Fill, flag: str | None, effect: Effect) -> None:
        said = fill.exec_type in REPORT_EVENT and flag not in SILENT.get(fill.exec_type, ())
        if fill.exec_type == EXEC_TYPE_TRADE_CORRECT and not effect.trades:
            said = False
        if said:
            self._emit(REPORT_EVENT[fill.exec_type], fill.tenant_id, flag or "APPLIED")
        if flag is not None:
            self._emit("ODD", fill.tenant_id, flag)


def is_trade(fill: Fill) -> bool:
    """Whether the venue has traded, as opposed to correcting what was traded."""
    return fill.exec_type in FILLS and fill.last_lots > 0


def own_trade(fill: Fill, instrument_id: str, side: int) -> Execution:
    """The trade that a report tells of; none without lots."""
    if fill.last_lots == 0 or fill.exec_type not in PRICED:
        return NO_TRADE
    price = fill.last_price_e9 or 0
    return Execution(instrument_id, side, fill.last_lots, price, fill.fee_minor)


def rejected_cancel(order_id: str, known: Remembered) -> Remembered:
    """What the venue has refused: the REPLACE that is pending, or the CANCEL."""
    pending = known.pending
    if pending is not None and (order_id == pending.order_id or not known.cancel_requested):
        return replace(known, pending=None)
    return replace(known, cancel_requested=False)
