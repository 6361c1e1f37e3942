"""Turns market-by-order messages into what a gate would have seen: orders, reports, marks.

Owns the reading of the data: which messages are requests and which only restate the book after a
trade. Pure: messages in, events out, the same for the same messages. Never invents volume: what it
cannot attribute is counted in `FlowStats` and left out. Holds the orders that rest, and a bounded
number of ids of those that did.

Messages of one engine time belong to one match and are read together:

- ADD: a NEW, good till cancelled, and the venue's acknowledgement. Those of the opening snapshot
  are marked `opening`.
- TRADE of an order that is not in the book: an aggressor. One NEW for all it traded at this time,
  at the worst of its prices, immediate or cancel, with a fill for each trade. An ADD of the same
  order at the same time is what rests of it: the NEW then has that quantity and price, good till
  cancelled. What an immediate-or-cancel order did not trade is unknown (the feed shows only
  executions), so it is always filled completely and no CANCELED follows.
- FILL: a fill of the resting order.
- CANCEL, MODIFY after a FILL of the same order at the same time: a book effect of that fill, no
  request.
- CANCEL: a CANCEL and the venue's CANCELED.
- MODIFY: a REPLACE, which is the order's next revision, and the venue's REPLACED. The message has
  what is displayed from then on; the REPLACE asks for the total, with what has been filled.
- A fill that needs more than the order shows (the hidden part of an iceberg), or trades an order
  from the book as the aggressor (its change of price is never shown): a REPLACE to what is needed
  comes first.
- Every trade is a mark. Where there was none for `mark_quiet_us`, the midpoint of the book is,
  before the next NEW; the first mark is the midpoint of the opening book.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from pipeline.market.book import Book, BookOrder, Match
from pipeline.market.messages import (
    ADD,
    CANCEL,
    FILL,
    FLAG_SNAPSHOT,
    MODIFY,
    TRADE,
    MboMessage,
)
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REPLACED,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_IOC,
)

EVENT_MARK: Final = 0
EVENT_NEW: Final = 1
EVENT_CANCEL: Final = 2
EVENT_REPLACE: Final = 3
EVENT_REPORT: Final = 4

# Ids of orders that rested, remembered so that one that comes again gets a request id of its own.
_ENDED_IDS_MAX: Final = 250_000

_SIDES: Final = {"B": SIDE_BUY, "A": SIDE_SELL}


class MarketEvent(NamedTuple):
    """One input of the gate, without accounts. Integers only.

    `sequence`: 1, 2, 3, ... in the flow. `time_us`: recorded time. `venue_order_id`, `revision`
    (from 1, each REPLACE has the next) name the order; both 0 for a mark. `orig_revision`: which
    one a REPLACE, and the REPLACED that answers it, take the place of; else 0. `lots`: the total
    quantity of a NEW or a REPLACE, a report's last quantity. `price_e9`: limit, trade price or
    mark, 0 where there is none. `leaves_lots`: what works after the event. `exec_type`, `cum_lots`,
    `trade` (the number of the trade, 0 for none): reports. `opening`: part of the opening book.
    """

    kind: int
    sequence: int
    time_us: int
    venue_order_id: int = 0
    revision: int = 0
    orig_revision: int = 0
    side: int = SIDE_BUY
    lots: int = 0
    price_e9: int = 0
    time_in_force: int = TIME_IN_FORCE_GTC
    exec_type: int = EXEC_TYPE_NEW
    cum_lots: int = 0
    leaves_lots: int = 0
    trade: int = 0
    opening: bool = False


@dataclass
class FlowStats:
    """What became of the messages; `unmatched_*`: what could not be attributed and is left out.

    `traded_lots`: of all trades. `executed_lots`: what orders traded, both sides of each trade: by
    the fills of resting orders and the trades of aggressors. `implied_replaces`: changes of an
    order that a fill shows and no message.
    """

    messages: int = 0
    adds: int = 0
    cancels: int = 0
    modifies: int = 0
    trades: int = 0
    fills: int = 0
    opening_orders: int = 0
    book_effect_cancels: int = 0
    book_effect_modifies: int = 0
    book_effect_adds: int = 0
    aggressors: int = 0
    implied_replaces: int = 0
    traded_lots: int = 0
    executed_lots: int = 0
    unmatched_fills: int = 0
    unmatched_lots: int = 0
    unmatched_cancels: int = 0
    unmatched_modifies: int = 0
    ignored: int = 0


class MarketFlow:
    """The events of a recording, in time order; `stats` is complete once they are read."""

    def __init__(self, mark_quiet_us: int) -> None:
        """A midpoint becomes a mark after `mark_quiet_us` without a trade."""
        self.stats: Final = FlowStats()
        self._mark_quiet_us: Final = mark_quiet_us
        self._book: Final = Book()
        # Order id -> last revision, of orders that have ended, the oldest first.
        self._ended: Final[dict[int, int]] = {}
        self._sequence = 0
        self._time_us = 0
        self._marked_us: int | None = None

    def events(self, messages: Iterable[MboMessage]) -> Iterator[MarketEvent]:
        """Read `messages`. Each engine time is one match."""
        for time_ns, group in groupby(messages, attrgetter("time_ns")):
            self._time_us = time_ns // 1000
            together = list(group)
            self.stats.messages += len(together)
            yield from self._opening_mark(together)
            match = Match(together)
            for message in together:
                yield from self._message(message, match)

    def _message(self, message: MboMessage, match: Match) -> Iterator[MarketEvent]:
        if message.action == ADD:
            return self._add(message, match)
        if message.action == CANCEL:
            return self._cancel(message, match)
        if message.action == MODIFY:
            return self._modify(message, match)
        if message.action == TRADE:
            return self._trade(message, match)
        if message.action == FILL:
            return self._fill(message, match)
        self.stats.ignored += 1
        return iter(())

    def _add(self, message: MboMessage, match: Match) -> Iterator[MarketEvent]:
        self.stats.adds += 1
        aggressor = match.aggressors.pop(message.order_id, None)
        if aggressor is not None:
            self.stats.book_effect_adds += 1
            self._book.insert(message.order_id, aggressor)
            return
        opening = bool(message.flags & FLAG_SNAPSHOT)
        self.stats.opening_orders += opening
        yield from self._new(
            message.order_id, _side(message), message.price_e9, message.lots, opening=opening
        )

    def _cancel(self, message: MboMessage, match: Match) -> Iterator[MarketEvent]:
        self.stats.cancels += 1
        if message.order_id in match.seen_fills:
            self.stats.book_effect_cancels += 1
        elif message.order_id in self._book.orders:
            yield from self._withdraw(message.order_id)
        else:
            self.stats.unmatched_cancels += 1

    def _modify(self, message: MboMessage, match: Match) -> Iterator[MarketEvent]:
        self.stats.modifies += 1
        if message.order_id in match.seen_fills:
            self.stats.book_effect_modifies += 1
        elif message.order_id in self._book.orders:
            yield from self._replace(message.order_id, message.price_e9, message.lots)
        else:
            self.stats.unmatched_modifies += 1

    def _trade(self, message: MboMessage, match: Match) -> Iterator[MarketEvent]:
        self.stats.trades += 1
        self.stats.traded_lots += message.lots
        yield self._mark(message.price_e9)
        order_id = message.order_id
        # No id: an auction. In the book: its own FILL follows.
        if order_id == 0 or order_id in self._book.orders:
            return
        order = match.aggressors.get(order_id)
        if order is None:
            yield from self._aggress(message, match)
            order = match.aggressors[order_id]
        self.stats.executed_lots += message.lots
        order.filled_lots += message.lots
        yield self._filled(order_id, order, message)

    def _aggress(self, message: MboMessage, match: Match) -> Iterator[MarketEvent]:
        self.stats.aggressors += 1
        order_id, side = message.order_id, _side(message)
        rest = match.rests.get(order_id)
        order = BookOrder(
            revision=self._next_revision(order_id),
            side=side,
            price_e9=rest.price_e9 if rest else match.worst_price(order_id, side),
            lots=match.traded_lots[order_id] + (rest.lots if rest else 0),
        )
        match.aggressors[order_id] = order
        tif = TIME_IN_FORCE_GTC if rest else TIME_IN_FORCE_IOC
        yield from self._announce(order_id, order, time_in_force=tif)

    def _fill(self, message: MboMessage, match: Match) -> Iterator[MarketEvent]:
        self.stats.fills += 1
        self.stats.executed_lots += message.lots
        order_id = message.order_id
        first = order_id not in match.seen_fills
        match.seen_fills.add(order_id)
        order = self._book.orders.get(order_id)
        if order is None:
            self.stats.unmatched_fills += 1
            self.stats.unmatched_lots += message.lots
            return
        if first:
            yield from self._make_room(order_id, order, match)
        order = self._book.fill(order_id, message.lots)
        yield self._filled(order_id, order, message)

    def _make_room(self, order_id: int, order: BookOrder, match: Match) -> Iterator[MarketEvent]:
        """Change the order first where the fills need another quantity or price than it shows."""
        filled = match.filled_lots[order_id]
        needed = filled + match.rest_lots.get(order_id, max(order.leaves_lots - filled, 0))
        price_e9 = order.price_e9
        if order_id in match.traded_lots:
            price_e9 = match.worst_price(order_id, order.side)
        if needed != order.leaves_lots or price_e9 != order.price_e9:
            self.stats.implied_replaces += 1
            yield from self._replace(order_id, price_e9, needed)

    def _replace(self, order_id: int, price_e9: int, leaves_lots: int) -> Iterator[MarketEvent]:
        yield from self._quiet_mark()
        order = self._book.change(order_id, price_e9, leaves_lots)
        yield self._event(
            EVENT_REPLACE,
            order_id,
            order,
            orig_revision=order.revision - 1,
            lots=order.lots,
            price_e9=price_e9,
            leaves_lots=leaves_lots,
        )
        yield self._event(
            EVENT_REPORT,
            order_id,
            order,
            orig_revision=order.revision - 1,
            exec_type=EXEC_TYPE_REPLACED,
            cum_lots=order.filled_lots,
            leaves_lots=leaves_lots,
        )

    def _withdraw(self, order_id: int) -> Iterator[MarketEvent]:
        order = self._book.remove(order_id)
        self._remember_ended(order_id, order)
        yield self._event(EVENT_CANCEL, order_id, order)
        yield self._event(
            EVENT_REPORT,
            order_id,
            order,
            exec_type=EXEC_TYPE_CANCELED,
            cum_lots=order.filled_lots,
        )

    def _new(
        self,
        order_id: int,
        side: int,
        price_e9: int,
        lots: int,
        *,
        opening: bool,
    ) -> Iterator[MarketEvent]:
        order = BookOrder(self._next_revision(order_id), side, price_e9, lots)
        yield from self._quiet_mark()
        yield from self._announce(order_id, order, opening=opening)
        self._book.insert(order_id, order)

    def _announce(
        self,
        order_id: int,
        order: BookOrder,
        *,
        time_in_force: int = TIME_IN_FORCE_GTC,
        opening: bool = False,
    ) -> Iterator[MarketEvent]:
        yield self._event(
            EVENT_NEW,
            order_id,
            order,
            lots=order.lots,
            price_e9=order.price_e9,
            time_in_force=time_in_force,
            leaves_lots=order.lots,
            opening=opening,
        )
        yield self._event(
            EVENT_REPORT,
            order_id,
            order,
            exec_type=EXEC_TYPE_NEW,
            leaves_lots=order.lots,
            opening=opening,
        )

    def _filled(self, order_id: int, order: BookOrder, message: MboMessage) -> MarketEvent:
        if not order.leaves_lots:
            self._remember_ended(order_id, order)
        return self._event(
            EVENT_REPORT,
            order_id,
            order,
            exec_type=EXEC_TYPE_PARTIAL_FILL if order.leaves_lots else EXEC_TYPE_FILL,
            lots=message.lots,
            price_e9=message.price_e9,
            cum_lots=order.filled_lots,
            leaves_lots=order.leaves_lots,
            trade=self.stats.trades,
        )

    def _opening_mark(self, together: list[MboMessage]) -> Iterator[MarketEvent]:
        opening = [message for message in together if message.flags & FLAG_SNAPSHOT]
        bids = [message.price_e9 for message in opening if message.side == "B"]
        offers = [message.price_e9 for message in opening if message.side == "A"]
        if bids and offers:
            yield self._mark((max(bids) + min(offers)) // 2)

    def _quiet_mark(self) -> Iterator[MarketEvent]:
        if self._marked_us is not None and self._time_us - self._marked_us <= self._mark_quiet_us:
            return
        midpoint = self._book.midpoint()
        if midpoint is not None:
            yield self._mark(midpoint)

    def _mark(self, price_e9: int) -> MarketEvent:
        self._marked_us = self._time_us
        self._sequence += 1
        return MarketEvent(EVENT_MARK, self._sequence, self._time_us, price_e9=price_e9)

    def _event(
        self,
        kind: int,
        order_id: int,
        order: BookOrder,
        *,
        orig_revision: int = 0,
        lots: int = 0,
        price_e9: int = 0,
        time_in_force: int = TIME_IN_FORCE_GTC,
        exec_type: int = EXEC_TYPE_NEW,
        cum_lots: int = 0,
        leaves_lots: int = 0,
        trade: int = 0,
        opening: bool = False,
    ) -> MarketEvent:
        self._sequence += 1
        return MarketEvent(
            kind,
            self._sequence,
            self._time_us,
            order_id,
            order.revision,
            orig_revision,
            order.side,
            lots,
            price_e9,
            time_in_force,
            exec_type,
            cum_lots,
            leaves_lots,
            trade,
            opening,
        )

    def _next_revision(self, order_id: int) -> int:
        return self._ended.pop(order_id, 0) + 1

    def _remember_ended(self, order_id: int, order: BookOrder) -> None:
        if len(self._ended) >= _ENDED_IDS_MAX:
            del self._ended[next(iter(self._ended))]
        self._ended[order_id] = order.revision


def _side(message: MboMessage) -> int:
    return _SIDES.get(message.side, SIDE_BUY)
