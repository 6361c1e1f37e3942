"""What an order is judged against, and what several checks take from it.

Owns the look-up of limits and marks, the price that a MARKET order is given, conversion between
currencies, and what *reduces*. Must never change anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from pipeline.risk.records import (
    INSTRUMENT_KIND_SPOT,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    ORDER_ACTION_NEW,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    Collateral,
    FeeSchedule,
    Instrument,
    Limits,
    Order,
    Policy,
    UserAccount,
)
from tests.oracle.arithmetic import E9, up
from tests.oracle.book import Book, Remembered
from tests.oracle.check_limits import Steering
from tests.oracle.lines import LOTS_MAX, Check, Figure, blind, failed, is_price, passed, skipped

BPS: Final = 10_000


class SeenMark(NamedTuple):
    """A mark as it was applied, and the width of PERIOD_COLLAR's buckets then."""

    gate_time: int
    price_e9: int
    width_us: int


@dataclass(frozen=True)
class Situation:
    """What an order is judged against: the rules in force, the user's book and the time.

    `account` is None for a user who is not registered. `limits` by (scope, scope id, instrument
    or None), `collateral` by (tier, currency) and `policy` come with their versions; `marks` are
    (price_e9, as_of), `marks_seen` all that were applied, oldest first; `open_day` is the business
    day. `named`: the order that a CANCEL or REPLACE names; `target`: the same, if a REPLACE may be
    measured by it.
    """

    gate_time: int
    policy: tuple[Policy, int] | None
    firm_state: int | None
    account: UserAccount | None
    instrument: Instrument | None
    limits: Mapping[tuple[int, str, str | None], tuple[Limits, int]]
    fees: FeeSchedule | None
    instruments: Mapping[str, Instrument]
    marks: Mapping[str, tuple[int, int]]
    marks_seen: Mapping[str, Sequence[SeenMark]]
    steering: Steering
    open_day: int
    collateral: Mapping[tuple[str, str], tuple[Collateral, int]]
    book: Book
    named: Remembered | None = None
    target: Remembered | None = None

    @property
    def mark(self) -> tuple[int, int] | None:
        """Of the order's own instrument."""
        return None if self.instrument is None else self.marks.get(self.instrument.instrument_id)

    def is_stale(self, as_of: int) -> bool:
        """Whether a mark is too old to go by."""
        age_ms_max = 0 if self.policy is None else self.policy[0].mark_age_ms_max
        return self.gate_time - as_of > age_ms_max * 1000

    def limits_for(self, instrument_id: str) -> list[tuple[Limits, int]]:
        """What binds the user there, most specific first."""
        if self.account is None:
            return []
        subjects = [
            (scope, scope_id, instrument)
            for scope, scope_id in (
                (LIMIT_SCOPE_USER, self.account.user_id),
                (LIMIT_SCOPE_TIER, self.account.tier_id),
            )
            for instrument in (instrument_id, None)
        ]
        return [self.limits[subject] for subject in subjects if subject in self.limits]

    def limit(self, name: str, instrument_id: str) -> Figure | None:
        """The most specific limit that has this figure."""
        for limits, version in self.limits_for(instrument_id):
            value = getattr(limits, name)
            if value is not None:
                return Figure(value, version, limits.notional_currency)
        return None

    def check_limit(self, check: str, instrument_id: str | None) -> Figure | None:
        """The limit of a check that has one of its own; without an instrument that of any."""
        return self.steering.limit(check, self.account, instrument_id)

    def short_limit(self, instrument_id: str) -> Figure:
        """Lots that may be sold short: none unless they were located."""
        for limits, version in self.limits_for(instrument_id):
            if limits.short_lots_max is not None and limits.locate_id is not None:
                return Figure(limits.short_lots_max, version)
        return Figure(0, None)


def quantity_of(order: Order) -> int | None:
    """The quantity, if it is one."""
    return order.quantity_lots if 0 < order.quantity_lots <= LOTS_MAX else None


def price_of(order: Order, now: Situation) -> int | None:
    """The price that it is checked and holds at, if there is one."""
    if order.order_type == ORDER_TYPE_MARKET:
        return bound_of(order, now).price
    return order.price_e9 if is_price(order.price_e9) else None


def collar_price(order: Order, now: Situation) -> int | None:
    """The worst price at which it may be filled, if there is one."""
    at_market = order.order_type == ORDER_TYPE_MARKET
    return bound_of(order, now).protection if at_market else price_of(order, now)


class Bound(NamedTuple):
    """What the check MARKET_BOUND makes of a MARKET order, and the two prices it gives it."""

    check: Check
    protection: int | None = None
    price: int | None = None


def bound_of(order: Order, now: Situation) -> Bound:
    """The prices of a MARKET order. A LIMIT order needs none, a REPLACE is given none."""
    name, known = "MARKET_BOUND", now.instrument
    if order.order_type != ORDER_TYPE_MARKET:
        return Bound(passed(name))
    is_new = order.action == ORDER_ACTION_NEW
    if known is None or now.account is None or now.policy is None or not is_new:
        return Bound(skipped(name))
    limit = now.limit("market_collar_bps", order.instrument_id)
    if limit is None:
        return Bound(failed(name, "LIMIT_MISSING"))
    if now.mark is None:
        return Bound(blind(name, "MARK_MISSING", limit))
    mark, as_of = now.mark
    if now.is_stale(as_of):
        return Bound(blind(name, "MARK_STALE", limit))
    tick = known.tick_e9
    if order.side == SIDE_BUY:
        protection = mark * (BPS + limit.value) // BPS // tick * tick
        price = protection
    else:
        lowest = up(Fraction(mark * (BPS - limit.value), BPS))
        protection = max(tick, up(Fraction(lowest, tick)) * tick)
        price = up(Fraction(mark, tick)) * tick
    if not is_price(protection) or not is_price(price):
        return Bound(failed(name, "OUT_OF_RANGE"))
    check = Check(name, "PASS", observed=protection, limit=limit.value, limit_version=limit.version)
    return Bound(check, protection, price)


class Fx(NamedTuple):
    """The mark by which an amount is converted, and what one minor unit becomes by it."""

    instrument_id: str
    price_e9: int
    as_of: int
    rate: Fraction


def fx_of(own: str, other: str, now: Situation) -> Fx | None:
    """How minor units of one currency become those of another; None without a mark."""
    pairs = sorted(
        (known.base_currency != own, known.instrument_id)
        for known in now.instruments.values()
        if known.kind == INSTRUMENT_KIND_SPOT
        and (known.base_currency, known.currency) in ((own, other), (other, own))
    )
    if not pairs or pairs[0][1] not in now.marks:
        return None
    inverse, name = pairs[0]
    price_e9, as_of = now.marks[name]
    known = now.instruments[name]
    rate = Fraction(
        price_e9 * known.multiplier_numerator,
        known.base_minor_per_lot * known.multiplier_denominator * E9,
    )
    return Fx(name, price_e9, as_of, 1 / rate if inverse else rate)


def added_lots(order: Order, now: Situation) -> int | None:
    """What it would add to what works; None if that cannot be said."""
    quantity = quantity_of(order)
    if quantity is None or order.action == ORDER_ACTION_NEW:
        return quantity
    if now.target is None:
        return None
    return max(0, quantity - now.target.filled - now.target.open_lots)


def reduces(order: Order, now: Situation) -> bool:
    """Whether the order can only bring the position nearer to zero."""
    known, added = now.instrument, added_lots(order, now)
    if known is None or now.account is None or added is None:
        return False
    if now.target is not None and added == 0 and not raises_price(order, now, now.target):
        return True
    if known.kind == INSTRUMENT_KIND_SPOT:
        return order.side != SIDE_BUY
    book, name = now.book, order.instrument_id
    if order.side == SIDE_BUY:
        return book.position(name) + book.working(name, SIDE_BUY) + added <= 0
    return book.position(name) - book.working(name, order.side) - added >= 0


def raises_price(order: Order, now: Situation, target: Remembered) -> bool:
    """Whether a BUY would pay more than before; without a price nobody knows."""
    price, current = price_of(order, now), target.current
    if order.side != SIDE_BUY:
        return False
    return price is None or current is None or price > current.price_e9


def works(named: Remembered | None) -> Remembered | None:
    """The order, if it works and no terminal report was seen."""
    return named if named is not None and named.open and named.final is None else None


def short_lots(order: Order, now: Situation) -> int | None:
    """Of a SELL: lots that would be short if all sells were filled; None if nobody can say."""
    added, name = added_lots(order, now), order.instrument_id
    if added is None:
        return None
    return max(0, now.book.working(name, order.side) + added - now.book.position(name))
