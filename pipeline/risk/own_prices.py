"""At which prices a user's own orders work: what another order of the same user could trade with.

Owns an index over the order rows, built again from them when a lane is opened; it must never know
more than they say. An order counts until its terminal report or its end, at the price at which it
holds, and while a REPLACE is pending at both (docs/rules.md, "Self match"). Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64, mypyc_attr

from pipeline.risk.keys import UserKeys, text_part
from pipeline.risk.records import SIDE_BUY, SIDE_SELL, RowOrder


@mypyc_attr(acyclic=True)
class Prices:
    """Prices at which orders work: each once, in order, and how many orders are at it.

    Of many orders most are at few prices, so that hardly one has to be put in its place.
    """

    def __init__(self) -> None:
        self.in_order: Final[list[int]] = []
        self.orders: Final[list[int]] = []

    def add(self, price_e9: int) -> None:
        """One more order at a price."""
        place = _place_of(self.in_order, price_e9)
        if place < len(self.in_order) and self.in_order[place] == price_e9:
            self.orders[place] += 1
        else:
            self.in_order.insert(place, price_e9)
            self.orders.insert(place, 1)

    def remove(self, price_e9: int) -> None:
        """One less. Raises KeyError where there is none, which stops the lane."""
        place = _place_of(self.in_order, price_e9)
        if place == len(self.in_order) or self.in_order[place] != price_e9:
            raise KeyError(price_e9)
        if self.orders[place] == 1:
            del self.in_order[place]
            del self.orders[place]
        else:
            self.orders[place] -= 1


class OwnPrices:
    """The working prices of one lane's users, by the key of their position."""

    def __init__(self) -> None:
        self._bought_at: Final[dict[bytes, Prices]] = {}
        self._sold_at: Final[dict[bytes, Prices]] = {}

    def restore(self, orders: list[tuple[str, str, RowOrder]]) -> None:
        """Take a stored lane's (user, root, order), in any order."""
        for user_id, _, order in orders:
            if order.final_lots is None:
                keys = UserKeys(user_id)
                self.placed(keys, order)
                if order.pending_order_id is not None:
                    self.replace_asked(keys, order)

    # -- following the orders, each before its row changes, but for what begins

    def placed(self, keys: UserKeys, order: RowOrder) -> None:
        """The order works from now on."""
        self._add(keys, order, order.price_e9)

    def replace_asked(self, keys: UserKeys, order: RowOrder) -> None:
        """A REPLACE is pending from now on: either version may trade."""
        self._add(keys, order, order.pending_price_e9)

    def replace_dropped(self, keys: UserKeys, order: RowOrder) -> None:
        """Only the version in force counts, as before the REPLACE."""
        self._remove(keys, order, order.pending_price_e9)

    def replace_made(self, keys: UserKeys, order: RowOrder) -> None:
        """Only the pending version counts."""
        self._remove(keys, order, order.price_e9)

    def over(self, keys: UserKeys, order: RowOrder) -> None:
        """The order ends, or its end is known: nothing of it can trade with an order of now."""
        if order.final_lots is not None:
            return
        if order.pending_order_id is not None:
            self._remove(keys, order, order.pending_price_e9)
        self._remove(keys, order, order.price_e9)

    def _of_side(self, side: int) -> dict[bytes, Prices]:
        return self._bought_at if side == SIDE_BUY else self._sold_at

    def _add(self, keys: UserKeys, order: RowOrder, price_e9: int) -> None:
        prices_of = self._of_side(order.side)
        key = keys.position(order.instrument_id)
        prices = prices_of.get(key)
        if prices is None:
            prices = Prices()
            prices_of[key] = prices
        prices.add(price_e9)

    def _remove(self, keys: UserKeys, order: RowOrder, price_e9: int) -> None:
        prices_of = self._of_side(order.side)
        key = keys.position(order.instrument_id)
        prices = prices_of[key]
        prices.remove(price_e9)
        if not prices.orders:
            del prices_of[key]

    # -- looking up

    def best(self, keys: UserKeys, instrument_id: str, side: int) -> int | None:
        """The highest price bought at, the lowest sold at; None when nothing works there."""
        prices = self._of_side(side).get(keys.position(instrument_id))
        if prices is None:
            return None
        return prices.in_order[-1] if side == SIDE_BUY else prices.in_order[0]

    def known(self) -> dict[tuple[str, str, int], list[int]]:
        """All of it, by (user, instrument, side)."""
        return {
            (text_part(key, 0), text_part(key, 1), side): [
                price
                for price, orders in zip(prices.in_order, prices.orders, strict=True)
                for _ in range(orders)
            ]
            for side in (SIDE_BUY, SIDE_SELL)
            for key, prices in self._of_side(side).items()
        }


def _place_of(prices: list[int], price_e9: int) -> i64:
    """Where a price is or would be: as `bisect_left`, which compiled code would have to look up."""
    price: i64 = price_e9
    low: i64 = 0
    high: i64 = len(prices)
    while low < high:
        middle = (low + high) >> 1
        if i64(prices[middle]) < price:
            low = middle + 1
        else:
            high = middle
    return low
