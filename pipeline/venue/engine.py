"""The matching engine: requests in, execution reports out.

Owns all orders that work at the venue and what becomes of them. Pure: integers, no clock, no I/O;
the same requests at the same times give the same reports. A report's number is gapless over the
venue's life and is its exec_id, so that the reports alone tell what happened in which order.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from pipeline.risk.records import (
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_FOK,
    TIME_IN_FORCE_GTC,
    Fill,
)
from pipeline.venue.book import Book
from pipeline.venue.orders import HOUSE, Request, VenueOrder, order_of, other_side
from pipeline.venue.switches import Switches

SOURCE: Final = "tollgate-venue"
# Deadlines of ended orders that are kept before they are cleared away.
_STALE_DEADLINES_MAX: Final = 10_000


def exec_id(number: int) -> str:
    """The exec_id of report `number`."""
    return f"E{number}"


class _Execution(NamedTuple):
    """One side of a trade, as it was reported."""

    order: VenueOrder
    exec_id: str
    order_id: str
    lots: int
    price_e9: int
    trade_id: str


class Engine:
    """All books of the venue.

    time: The latest microsecond it has seen; number: of the last report.
    """

    def __init__(self, switches: Switches) -> None:
        self.time = 0
        self.number = 0
        self._switches: Final = switches
        self._books: Final[dict[str, Book]] = {}
        # Every id under which an open or silent order may be meant.
        self._orders: Final[dict[tuple[str, str], VenueOrder]] = {}
        self._deadlines: list[tuple[int, int, VenueOrder]] = []
        self._open = 0
        self._quotes: Final[dict[str, list[VenueOrder]]] = {}
        self._house_orders = 0
        self._reports: list[Fill] = []
        self._busts: list[_Execution] = []

    def restore(self, orders: Iterable[VenueOrder], number: int, time: int) -> None:
        """Go on from what an earlier engine has reported: its open and silent orders.

        Those that rest at one price are in the order of their places.
        """
        self.number, self.time = number, time
        for order in orders:
            for name in order.names:
                self._orders[order.user_id, name] = order
            if not order.is_silent:
                self._enter(order)
                self._book(order.instrument_id).add(order)

    @property
    def working(self) -> int:
        """How many orders of users are open; silent ones are not counted."""
        return self._open

    @property
    def next_deadline(self) -> int | None:
        """When `advance` may have something to report next."""
        return self._deadlines[0][0] if self._deadlines else None

    def handle(self, request: Request, time: int) -> list[Fill]:
        """Act on a request; what has expired by `time` goes first. An id it knows is a repeat."""
        self._expire(time)
        if request.key not in self._orders:
            if request.action == ORDER_ACTION_NEW:
                self._new(request)
            elif request.action == ORDER_ACTION_CANCEL:
                self._cancel(request)
            else:
                self._replace(request)
        return self._reported()

    def advance(self, time: int) -> list[Fill]:
        """End the orders whose time is over."""
        self._expire(time)
        return self._reported()

    def quote(
        self, instrument_id: str, bid_e9: int, ask_e9: int, lots: int, time: int
    ) -> list[Fill]:
        """Replace the house's two quotes; bid below ask. They may meet resting orders at once."""
        self._expire(time)
        book = self._book(instrument_id)
        for old in self._quotes.get(instrument_id, ()):
            book.remove(old)
        self._quotes[instrument_id] = []
        for side, price_e9 in ((SIDE_BUY, bid_e9), (SIDE_SELL, ask_e9)):
            order = self._house(instrument_id, side, price_e9, lots)
            self._quotes[instrument_id].append(order)
            self._match(order)
            if order.leaves_lots:
                book.add(order)
        return self._reported()

    # -- requests

    def _new(self, request: Request) -> None:
        switches = self._switches
        order = order_of(request, self.number + 1)
        if switches.happens(switches.silence_ppm, "silence", *request.key):
            order.is_silent = True
            self._orders[request.key] = order
            return
        over = order.deadline is not None and order.deadline <= self.time
        if request.price_e9 is None or over:
            order.is_open = False
            self._report(order, EXEC_TYPE_REJECTED)
            return
        self._report(order, EXEC_TYPE_NEW)
        self._orders[request.key] = order
        self._enter(order)
        if order.time_in_force != TIME_IN_FORCE_FOK or self._book(order.instrument_id).fills(order):
            self._match(order)
        self._rest(order)

    def _cancel(self, request: Request) -> None:
        order = self._orders.get(request.orig_key)
        if order is None:
            self._refuse_unknown(request)
        elif order.is_silent:
            if request.by_gate:
                self._forget(order)
            else:
                self._name(order, request)
        elif self._switches.happens(self._switches.race_ppm, "race", *request.key):
            self._race(order, request)
        else:
            self._end(order, EXEC_TYPE_CANCELED, request)

    def _race(self, order: VenueOrder, request: Request) -> None:
        """A fill by the house meets the cancel: one of three ways to come out."""
        self._name(order, request)
        draw = self._switches.draw("race outcome", *request.key)
        lots = 1 + draw // 3 % order.leaves_lots
        if draw % 3 == 0:
            self._fill_by_house(order, order.leaves_lots)
        elif draw % 3 == 1:
            self._fill_by_house(order, lots)
        else:
            # The fill is on its way when the cancel is answered, whose cum_lots has it already.
            self._end(order, EXEC_TYPE_CANCELED, request, cum_lots=order.cum_lots + lots)
            self._fill_by_house(order, lots)
            return
        if order.is_open:
            self._end(order, EXEC_TYPE_CANCELED, request)
        else:
            self._answer(order, EXEC_TYPE_CANCEL_REJECTED, request)

    def _replace(self, request: Request) -> None:
        order = self._orders.get(request.orig_key)
        if order is None:
            self._refuse_unknown(request)
            return
        self._name(order, request)
        if order.is_silent:
            return
        if request.price_e9 is None or request.quantity_lots <= order.cum_lots:
            self._answer(order, EXEC_TYPE_CANCEL_REJECTED, request)
            return
        if not order.loses_place(request):
            order.amend(request)
            self._answer(order, EXEC_TYPE_REPLACED, request)
            return
        self._book(order.instrument_id).remove(order)
        order.amend(request)
        self._answer(order, EXEC_TYPE_REPLACED, request)
        self._match(order)
        self._rest(order)

    def _refuse_unknown(self, request: Request) -> None:
        # The gate waits for no answer about what it has ended.
        if request.by_gate:
            return
        self._append(
            request.user_id,
            request.tenant_id,
            request.order_id,
            request.orig_order_id,
            request.instrument_id,
            request.side,
            EXEC_TYPE_CANCEL_REJECTED,
        )

    # -- matching

    def _match(self, taker: VenueOrder) -> None:
        book = self._book(taker.instrument_id)
        while taker.leaves_lots and (maker := book.first_for(taker)) is not None:
            self._trade(taker, maker, min(taker.leaves_lots, maker.leaves_lots), maker.price_e9)

    def _trade(self, taker: VenueOrder, maker: VenueOrder, lots: int, price_e9: int) -> None:
        """Trade `lots`, in slices where they are bounded."""
        slice_lots = self._switches.slice_lots_max or lots
        while lots:
            part = min(lots, slice_lots)
            lots -= part
            trade_id = f"T{self.number + 1}"
            bust = self._switches.happens(self._switches.bust_ppm, "bust", trade_id)
            for order in (taker, maker):
                execution = self._execute(order, part, price_e9, trade_id)
                if bust and execution is not None:
                    self._busts.append(execution)

    def _execute(
        self, order: VenueOrder, lots: int, price_e9: int, trade_id: str
    ) -> _Execution | None:
        order.cum_lots += lots
        is_filled = order.cum_lots == order.quantity_lots
        if is_filled and order.is_open:
            self._close(order)
        if order.user_id == HOUSE:
            return None
        self._report(
            order,
            EXEC_TYPE_FILL if is_filled else EXEC_TYPE_PARTIAL_FILL,
            last_lots=lots,
            last_price_e9=price_e9,
            fee_minor=lots * self._switches.fee_per_lot_minor,
            trade_id=trade_id,
        )
        number = exec_id(self.number)
        return _Execution(order, number, order.current_id, lots, price_e9, trade_id)

    def _fill_by_house(self, order: VenueOrder, lots: int) -> None:
        side = other_side(order.side)
        house = self._house(order.instrument_id, side, order.price_e9, lots)
        self._trade(house, order, lots, order.price_e9)

    def _house(self, instrument_id: str, side: int, price_e9: int, lots: int) -> VenueOrder:
        # Below all numbers of reports: a book tells its orders apart by number.
        self._house_orders -= 1
        return VenueOrder(
            user_id=HOUSE,
            tenant_id=HOUSE,
            order_id=HOUSE,
            instrument_id=instrument_id,
            side=side,
            time_in_force=TIME_IN_FORCE_GTC,
            quantity_lots=lots,
            price_e9=price_e9,
            number=self._house_orders,
        )

    def _rest(self, order: VenueOrder) -> None:
        """What was not filled waits in the book, or ends."""
        if not order.is_open:
            return
        if order.rests:
            self._book(order.instrument_id).add(order)
        else:
            self._end(order, EXEC_TYPE_CANCELED)

    def _bust(self, execution: _Execution) -> None:
        """Take a trade back: what still works has these lots to fill again, where it stands."""
        order = execution.order
        order.cum_lots -= execution.lots
        self._report(
            order,
            EXEC_TYPE_TRADE_CANCEL,
            order_id=execution.order_id,
            exec_ref_id=execution.exec_id,
            last_lots=execution.lots,
            last_price_e9=execution.price_e9,
            trade_id=execution.trade_id,
        )

    # -- the life of an order

    def _book(self, instrument_id: str) -> Book:
        book = self._books.get(instrument_id)
        if book is None:
            book = self._books[instrument_id] = Book()
        return book

    def _enter(self, order: VenueOrder) -> None:
        self._open += 1
        if order.deadline is not None:
            heappush(self._deadlines, (order.deadline, order.number, order))

    def _name(self, order: VenueOrder, request: Request) -> None:
        order.names.append(request.order_id)
        self._orders[request.key] = order

    def _end(
        self,
        order: VenueOrder,
        exec_type: int,
        request: Request | None = None,
        cum_lots: int | None = None,
    ) -> None:
        self._close(order)
        if request is None:
            self._report(order, exec_type)
        else:
            self._answer(order, exec_type, request, cum_lots)

    def _close(self, order: VenueOrder) -> None:
        self._book(order.instrument_id).remove(order)
        order.is_open = False
        if order.user_id != HOUSE:
            self._open -= 1
            self._forget(order)

    def _forget(self, order: VenueOrder) -> None:
        for name in order.names:
            del self._orders[order.user_id, name]

    def _expire(self, time: int) -> None:
        self.time = max(self.time, time)
        while self._deadlines and self._deadlines[0][0] <= self.time:
            _, _, order = heappop(self._deadlines)
            if order.is_open:
                self._end(order, EXEC_TYPE_EXPIRED)
        if len(self._deadlines) > self._open + _STALE_DEADLINES_MAX:
            self._deadlines = [entry for entry in self._deadlines if entry[2].is_open]
            heapify(self._deadlines)

    # -- reports

    def _reported(self) -> list[Fill]:
        busts, self._busts = self._busts, []
        for execution in busts:
            self._bust(execution)
        reports, self._reports = self._reports, []
        return reports

    def _answer(
        self, order: VenueOrder, exec_type: int, request: Request, cum_lots: int | None = None
    ) -> None:
        """The report that answers a CANCEL or REPLACE."""
        self._append(
            order.user_id,
            order.tenant_id,
            request.order_id,
            request.orig_order_id,
            order.instrument_id,
            order.side,
            exec_type,
            cum_lots=order.cum_lots if cum_lots is None else cum_lots,
            leaves_lots=order.leaves_lots,
        )

    def _report(
        self,
        order: VenueOrder,
        exec_type: int,
        *,
        order_id: str | None = None,
        exec_ref_id: str | None = None,
        last_lots: int = 0,
        last_price_e9: int | None = None,
        fee_minor: int = 0,
        trade_id: str | None = None,
    ) -> None:
        own_id = order.current_id if order_id is None else order_id
        self._append(
            order.user_id,
            order.tenant_id,
            own_id,
            None if own_id == order.root_id else order.root_id,
            order.instrument_id,
            order.side,
            exec_type,
            exec_ref_id=exec_ref_id,
            last_lots=last_lots,
            last_price_e9=last_price_e9,
            cum_lots=order.cum_lots,
            leaves_lots=order.leaves_lots,
            fee_minor=fee_minor,
            trade_id=trade_id,
        )

    def _append(
        self,
        user_id: str,
        tenant_id: str,
        order_id: str,
        orig_order_id: str | None,
        instrument_id: str | None,
        side: int | None,
        exec_type: int,
        *,
        exec_ref_id: str | None = None,
        last_lots: int = 0,
        last_price_e9: int | None = None,
        cum_lots: int = 0,
        leaves_lots: int = 0,
        fee_minor: int = 0,
        trade_id: str | None = None,
    ) -> None:
        self.number += 1
        self._reports.append(
            Fill(
                event_time=self.time,
                source_system_id=SOURCE,
                tenant_id=tenant_id,
                exec_id=exec_id(self.number),
                exec_ref_id=exec_ref_id,
                order_id=order_id,
                orig_order_id=orig_order_id,
                user_id=user_id,
                instrument_id=instrument_id,
                side=side,
                exec_type=exec_type,
                last_lots=last_lots,
                last_price_e9=last_price_e9,
                cum_lots=cum_lots,
                leaves_lots=leaves_lots,
                fee_minor=fee_minor,
                trade_id=trade_id,
                venue=self._switches.venue,
            )
        )
