"""The resting orders of one instrument: who is first.

Owns price-time priority and nothing else. Pure.
"""

from bisect import bisect_left, insort
from typing import Final

from pipeline.risk.records import SIDE_BUY, SIDE_SELL
from pipeline.venue.orders import VenueOrder, other_side


def _rank(side: int, price_e9: int) -> int:
    """Lower is better: a high bid, a low ask."""
    return -price_e9 if side == SIDE_BUY else price_e9


def accepts(order: VenueOrder, price_e9: int) -> bool:
    """Whether an order may trade at a price."""
    return _rank(order.side, order.price_e9) <= _rank(order.side, price_e9)


class _Side:
    def __init__(self, side: int) -> None:
        self._side: Final = side
        # Ranks of the levels, the best first; each level in order of place.
        self._ranks: Final[list[int]] = []
        self._levels: Final[dict[int, dict[int, VenueOrder]]] = {}

    def best(self) -> VenueOrder | None:
        if not self._ranks:
            return None
        return next(iter(self._levels[self._ranks[0]].values()))

    def add(self, order: VenueOrder) -> None:
        rank = _rank(self._side, order.price_e9)
        if rank not in self._levels:
            insort(self._ranks, rank)
            self._levels[rank] = {}
        self._levels[rank][order.number] = order

    def remove(self, order: VenueOrder) -> None:
        rank = _rank(self._side, order.price_e9)
        level = self._levels.get(rank, {})
        if level.pop(order.number, None) is not None and not level:
            del self._levels[rank]
            del self._ranks[bisect_left(self._ranks, rank)]

    def reaches(self, taker: VenueOrder, lots: int) -> bool:
        for rank in self._ranks:
            level = self._levels[rank].values()
            if not accepts(taker, abs(rank)):
                return False
            for order in level:
                lots -= order.leaves_lots
                if lots <= 0:
                    return True
        return False


class Book:
    """Both sides of an instrument."""

    def __init__(self) -> None:
        self._sides: Final = (_Side(SIDE_BUY), _Side(SIDE_SELL))

    def add(self, order: VenueOrder) -> None:
        """Put an order behind all others at its price."""
        self._sides[order.side].add(order)

    def remove(self, order: VenueOrder) -> None:
        """Take an order out, if it rests."""
        self._sides[order.side].remove(order)

    def first_for(self, taker: VenueOrder) -> VenueOrder | None:
        """The order that `taker` trades with next, if any."""
        maker = self._sides[other_side(taker.side)].best()
        return maker if maker is not None and accepts(taker, maker.price_e9) else None

    def fills(self, taker: VenueOrder) -> bool:
        """Whether all of `taker` could be filled at once."""
        return self._sides[other_side(taker.side)].reaches(taker, taker.leaves_lots)
