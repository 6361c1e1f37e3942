"""The book as a recording displays it, and what the messages of one match say of each order.

Owns which orders rest, at which price and with how many lots, from the messages alone: what a gate
would have let through is not its concern. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipeline.market.messages import ADD, FILL, MODIFY, TRADE, MboMessage
from pipeline.risk.records import SIDE_BUY, SIDE_SELL


@dataclass(slots=True)
class BookOrder:
    """An order of the recording. `lots` is its total, with what has been filled."""

    revision: int
    side: int
    price_e9: int
    lots: int
    filled_lots: int = 0

    @property
    def leaves_lots(self) -> int:
        """What is displayed of it."""
        return self.lots - self.filled_lots


class Book:
    """Displayed orders and the lots at each price, for the midpoint."""

    def __init__(self) -> None:
        """Nothing rests yet."""
        self.orders: Final[dict[int, BookOrder]] = {}
        self._levels: Final[tuple[dict[int, int], dict[int, int]]] = ({}, {})

    def insert(self, order_id: int, order: BookOrder) -> None:
        """An order rests from now on."""
        self.orders[order_id] = order
        self._move(order, order.leaves_lots)

    def remove(self, order_id: int) -> BookOrder:
        """It rests no longer."""
        order = self.orders.pop(order_id)
        self._move(order, -order.leaves_lots)
        return order

    def change(self, order_id: int, price_e9: int, leaves_lots: int) -> BookOrder:
        """It rests at another price or with other lots, as its next revision."""
        order = self.remove(order_id)
        order.revision += 1
        order.price_e9 = price_e9
        order.lots = order.filled_lots + leaves_lots
        self.insert(order_id, order)
        return order

    def fill(self, order_id: int, lots: int) -> BookOrder:
        """Some of it traded; it goes when nothing is left."""
        order = self.orders[order_id]
        self._move(order, -lots)
        order.filled_lots += lots
        if order.leaves_lots == 0:
            del self.orders[order_id]
        return order

    def midpoint(self) -> int | None:
        """Between the best prices; None while one side is empty."""
        bids, offers = self._levels[SIDE_BUY], self._levels[SIDE_SELL]
        return (max(bids) + min(offers)) // 2 if bids and offers else None

    def _move(self, order: BookOrder, lots: int) -> None:
        level = self._levels[order.side]
        left = level.get(order.price_e9, 0) + lots
        if left:
            level[order.price_e9] = left
        else:
            level.pop(order.price_e9, None)


class Match:
    """What the messages of one engine time say together about each order."""

    def __init__(self, messages: Iterable[MboMessage]) -> None:
        """Read them all; `aggressors` and `seen_fills` are filled in while they are played."""
        self.traded_lots: Final[dict[int, int]] = defaultdict(int)
        self.trade_prices: Final[dict[int, list[int]]] = defaultdict(list)
        self.filled_lots: Final[dict[int, int]] = defaultdict(int)
        # Displayed lots after the fills, where a book effect says so.
        self.rest_lots: Final[dict[int, int]] = {}
        self.rests: Final[dict[int, MboMessage]] = {}
        for message in messages:
            order_id = message.order_id
            if message.action == TRADE:
                self.traded_lots[order_id] += message.lots
                self.trade_prices[order_id].append(message.price_e9)
            elif message.action == FILL:
                self.filled_lots[order_id] += message.lots
            elif message.action == ADD and order_id in self.traded_lots:
                self.rests[order_id] = message
            elif order_id in self.filled_lots:
                self.rest_lots[order_id] = message.lots if message.action == MODIFY else 0
        self.seen_fills: Final[set[int]] = set()
        self.aggressors: Final[dict[int, BookOrder]] = {}

    def worst_price(self, order_id: int, side: int) -> int:
        """The limit an aggressor must have had at least."""
        prices = self.trade_prices[order_id]
        return max(prices) if side == SIDE_BUY else min(prices)
