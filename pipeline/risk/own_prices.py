"""At which prices a user's own orders work: what another order of the same user could trade with.

Owns an index over the order rows, built again from them when a lane is opened; it must never know
more than they say. An order counts until its terminal report or its end, at the price at which it
holds, and while a REPLACE is pending at both (docs/rules.md, "Self match"). Compiled with mypyc.
"""

from bisect import bisect_left, insort
from typing import Final

from pipeline.risk.records import SIDE_BUY, RowOrder


class OwnPrices:
    """The working prices of one lane's users, by instrument and side, each list in order."""

    def __init__(self) -> None:
        self._prices: Final[dict[tuple[str, str, int], list[int]]] = {}

    def restore(self, orders: list[tuple[str, str, RowOrder]]) -> None:
        """Take a stored lane's (user, root, order), in any order."""
        for user_id, _, order in orders:
            if order.final_lots is None:
                self.placed(user_id, order)
                if order.pending_order_id is not None:
                    self.replace_asked(user_id, order)

    # -- following the orders, each before its row changes, but for what begins

    def placed(self, user_id: str, order: RowOrder) -> None:
        """The order works from now on."""
        self._add(user_id, order, order.price_e9)

    def replace_asked(self, user_id: str, order: RowOrder) -> None:
        """A REPLACE is pending from now on: either version may trade."""
        self._add(user_id, order, order.pending_price_e9)

    def replace_dropped(self, user_id: str, order: RowOrder) -> None:
        """Only the version in force counts, as before the REPLACE."""
        self._remove(user_id, order, order.pending_price_e9)

    def replace_made(self, user_id: str, order: RowOrder) -> None:
        """Only the pending version counts."""
        self._remove(user_id, order, order.price_e9)

    def over(self, user_id: str, order: RowOrder) -> None:
        """The order ends, or its end is known: nothing of it can trade with an order of now."""
        if order.final_lots is not None:
            return
        if order.pending_order_id is not None:
            self._remove(user_id, order, order.pending_price_e9)
        self._remove(user_id, order, order.price_e9)

    def _add(self, user_id: str, order: RowOrder, price_e9: int) -> None:
        key = (user_id, order.instrument_id, order.side)
        prices = self._prices.get(key)
        if prices is None:
            self._prices[key] = [price_e9]
        else:
            insort(prices, price_e9)

    def _remove(self, user_id: str, order: RowOrder, price_e9: int) -> None:
        key = (user_id, order.instrument_id, order.side)
        prices = self._prices[key]
        # Found where it has to be; a price that is not there raises, and stops the lane.
        del prices[prices.index(price_e9, bisect_left(prices, price_e9))]
        if not prices:
            del self._prices[key]

    # -- looking up

    def best(self, user_id: str, instrument_id: str, side: int) -> int | None:
        """The highest price bought at, the lowest sold at; None when nothing works there."""
        prices = self._prices.get((user_id, instrument_id, side))
        if prices is None:
            return None
        return prices[-1] if side == SIDE_BUY else prices[0]

    def known(self) -> dict[tuple[str, str, int], list[int]]:
        """All of it, by (user, instrument, side)."""
        return {key: list(prices) for key, prices in self._prices.items()}
