"""The check BUYING_POWER: whether what an order would hold is there.

Owns what accepting an order would add to what is held, and what that may be covered by. Must never
change anything.
"""

from dataclasses import replace
from typing import NamedTuple

from pipeline.risk.records import (
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    Instrument,
    Order,
)
from tests.oracle.arithmetic import fits
from tests.oracle.book import Version, margin, margined_lots, order_hold
from tests.oracle.lines import Check, failed, line, skipped
from tests.oracle.pledges import Taken, search
from tests.oracle.situation import Situation, added_lots, price_of, reduces


class Demand(NamedTuple):
    """What an order would hold if it were accepted, and what the book holds for it now."""

    currency: str
    hold: int
    hold_now: int
    margin: int
    margin_now: int

    @property
    def added(self) -> int:
        """By how much the order would raise what is held; what it frees does not count."""
        return max(0, self.hold - self.hold_now + self.margin - self.margin_now)


def demand_of(order: Order, price: int, added: int, known: Instrument, now: Situation) -> Demand:
    """Accept the order in mind."""
    name, book, target = order.instrument_id, now.book, now.target
    hold_now = 0
    if target is None:
        currency, hold = order_hold(order.side, order.quantity_lots, price, known, now.fees)
    else:
        pending = Version(order.order_id, order.quantity_lots, price)
        currency, hold = replace(target, pending=pending, terms=(known, now.fees)).hold
        _, hold_now = target.hold
    before = book.margined.get(name)
    margin_now = 0 if before is None else book.margin_of(before)
    return Demand(
        currency,
        hold,
        hold_now,
        margin(known, book.position(name), *working_after(order, added, now)),
        margin_now,
    )


def working_after(order: Order, added: int, now: Situation) -> tuple[int, int]:
    """Working buys and sells with the order among them."""
    name = order.instrument_id
    working = [now.book.working(name, SIDE_BUY), now.book.working(name, 1 - SIDE_BUY)]
    working[order.side] += added
    return working[0], working[1]


def lacks_margin(order: Order, added: int, known: Instrument, now: Situation) -> bool:
    """Whether the order would need a margin that nobody has set."""
    if known.margin_minor_per_lot is not None or known.kind == INSTRUMENT_KIND_SPOT:
        return False
    if known.kind == INSTRUMENT_KIND_FUTURE:
        return True
    position = now.book.position(order.instrument_id)
    before, after = (
        margined_lots(known.kind, position, *working_after(order, lots, now)) for lots in (0, added)
    )
    return after > before


class Power(NamedTuple):
    """What the check says, and what of other currencies it counts on."""

    check: Check
    taken: tuple[Taken, ...] = ()


def power_of(order: Order, now: Situation) -> Power:
    """Whether what the order holds is there. Who closes a position may always do so."""
    name, known = "BUYING_POWER", now.instrument
    price, added = price_of(order, now), added_lots(order, now)
    if price is None or added is None or known is None or now.account is None:
        return Power(skipped(name))
    if now.fees is None:
        return Power(failed(name, "FEE_MISSING"))
    demand = demand_of(order, price, added, known, now)
    if not fits(demand.hold):
        return Power(failed(name, "OUT_OF_RANGE"))
    if lacks_margin(order, added, known, now):
        return Power(failed(name, "MARGIN_MISSING"))
    if not fits(demand.added):
        return Power(failed(name, "OUT_OF_RANGE"))
    available = now.book.available(demand.currency)
    enough = demand.added == 0 or demand.added <= available
    closes = reduces(order, now) and demand.margin <= demand.margin_now
    waived = closes and known.kind != INSTRUMENT_KIND_SPOT
    if enough or waived:
        return Power(line(name, None, demand.added, available, None))
    if known.kind == INSTRUMENT_KIND_SPOT and order.side != SIDE_BUY:
        return Power(line(name, name, demand.added, available, None))
    return with_pledges(demand, now)


def with_pledges(demand: Demand, now: Situation) -> Power:
    """Whether money of other currencies makes up for what is missing."""
    name, currency, added = "BUYING_POWER", demand.currency, demand.added
    available = now.book.available(currency)
    found = search(currency, added - available, now)
    if found.problem is not None:
        blind = line(name, found.problem, added, available, None)
        return Power(skipped(name) if found.problem == "" else blind)
    limit = available + found.good_for
    if found.left > 0:
        return Power(line(name, name, added, limit, None), found.taken)
    after = (now.book.held(currency) + added, now.book.covered(currency) + added - available)
    if not all(fits(figure) for figure in after):
        return Power(failed(name, "OUT_OF_RANGE"))
    return Power(line(name, None, added, limit, None), found.taken)


def buying_power(order: Order, now: Situation) -> Check:
    """The line of the decision vector."""
    return power_of(order, now).check
