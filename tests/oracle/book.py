"""One user's money, orders and trades as plain lists, from which every figure is summed anew.

Owns what happened to a user; keeps no counter and no running total, so that it cannot share a
bookkeeping slip with a gate that does. Must never decide: `checks.py` and `auditor.py` do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal, NamedTuple

from pipeline.risk.records import (
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    ORDER_ACTION_NEW,
    SIDE_BUY,
    FeeSchedule,
    Instrument,
    Order,
)
from tests.oracle.arithmetic import exact_notional, fee_hold, half_even, up
from tests.oracle.conduct import Conduct

Column = Literal["deposited", "withdrawn", "adjusted", "traded", "fees"]
SIGN: dict[Column, int] = {"deposited": 1, "withdrawn": -1, "adjusted": 1, "traded": 1, "fees": -1}


class Entry(NamedTuple):
    """A movement of `amount` minor units, as it is entered in its column."""

    currency: str
    column: Column
    amount: int


class Moved(NamedTuple):
    """What a trade or a settlement by price has brought in an instrument's currency, fees off."""

    currency: str
    amount: int


class Result(NamedTuple):
    """What trading had brought by the end of the day before, when last valued, and at its best.

    `day`: the business day of the others. All in minor units, open positions at their marks.
    """

    day: int
    opening: int = 0
    last: int = 0
    peak: int = 0


class Trade(NamedTuple):
    """`lots` (positive: bought) of an instrument at a price; only a future has an open cost."""

    instrument_id: str
    lots: int
    price_e9: int
    future: bool


class Pending(NamedTuple):
    """A withdrawal that was asked for and neither settled nor failed."""

    currency: str
    amount: int


class Pledge(NamedTuple):
    """What money of one currency covers in another, and what is pledged of it for that."""

    covered: int
    pledged: int


class Version(NamedTuple):
    """An order as it was asked for under one of its ids; `price_e9` is the price it holds at."""

    order_id: str
    quantity_lots: int
    price_e9: int


@dataclass(frozen=True)
class Remembered:
    """What is known of an order id: the first answer and what became of the order.

    `terms` are the instrument and fee schedule by which an open order was last valued.
    `open` is False for what holds nothing: rejected, ended, or no NEW at all; that is remembered
    from when it was last `touched`. `root`: the id of the order that an accepted CANCEL or REPLACE
    is about. The rest is of an accepted NEW: the version in force (`current`), the REPLACE that the
    venue has not answered (`pending`), and how it stands with the venue.
    """

    order: Order
    accepted: bool
    reason_code: str
    lane_sequence: int
    touched: int
    open: bool
    terms: tuple[Instrument, FeeSchedule | None] | None = None
    filled: int = 0
    final: int | None = None
    root: str | None = None
    current: Version | None = None
    pending: Version | None = None
    acknowledged: bool = False
    cancel_requested: bool = False
    accepted_at: int = 0
    business_day: int = 0

    @property
    def is_order(self) -> bool:
        """Whether it is an order that was accepted, working or ended."""
        return self.accepted and self.order.action == ORDER_ACTION_NEW

    @property
    def versions(self) -> list[Version]:
        """What the venue may hold it to: one, or two while a REPLACE is pending."""
        return [version for version in (self.current, self.pending) if version is not None]

    @property
    def aliases(self) -> frozenset[str]:
        """The other ids under which it is known for as long as it works."""
        if not self.open:
            return frozenset()
        return frozenset(version.order_id for version in self.versions) - {self.order.order_id}

    @property
    def whole(self) -> int:
        """The quantity, or the larger one while a REPLACE is pending."""
        return max((version.quantity_lots for version in self.versions), default=0)

    @property
    def open_lots(self) -> int:
        """What is still to be filled."""
        whole = self.whole if self.final is None else self.final
        return max(0, whole - self.filled) if self.open else 0

    @property
    def hold(self) -> tuple[str, int]:
        """Currency and minor units held for what is open."""
        if not self.open or self.terms is None:
            return "", 0
        holds = [
            order_hold(
                self.order.side,
                self.open_lots if self.final is not None else max(0, lots - self.filled),
                price_e9,
                *self.terms,
            )
            for _, lots, price_e9 in self.versions
        ]
        return max(holds, key=lambda hold: hold[1])


def order_hold(
    side: int, lots: int, price_e9: int, instrument: Instrument, fees: FeeSchedule | None
) -> tuple[str, int]:
    """Currency and minor units that open lots hold, position margin apart."""
    if side != SIDE_BUY and instrument.kind == INSTRUMENT_KIND_SPOT:
        return instrument.base_currency or "", lots * instrument.base_minor_per_lot
    if side != SIDE_BUY and instrument.kind == INSTRUMENT_KIND_EQUITY:
        return instrument.currency, 0
    notional = up(exact_notional(instrument, lots, price_e9))
    fee = fee_hold(fees, lots, notional)
    if instrument.kind == INSTRUMENT_KIND_FUTURE:
        return instrument.currency, fee
    return instrument.currency, notional + fee


def margined_lots(kind: int, position: int, buys: int, sells: int) -> int:
    """Lots of a position, with its working orders, that need margin."""
    if kind == INSTRUMENT_KIND_SPOT:
        return 0
    if kind == INSTRUMENT_KIND_EQUITY:
        return max(0, sells - position)
    return max(abs(position + buys), abs(position - sells))


def margin(instrument: Instrument, position: int, buys: int, sells: int) -> int:
    """Margin of a position with its working orders, in the instrument's currency."""
    per_lot = instrument.margin_minor_per_lot or 0
    return per_lot * margined_lots(instrument.kind, position, buys, sells)


@dataclass
class Book:
    """Everything that happened to one user.

    `margined`: the instrument as it stood when the position's margin was last valued.
    `short`: currencies with less than nothing there. `settled`: the last session of an instrument
    that was settled by price; never written in place. `trading`: what trades and settlements by
    price have brought; `results`: by currency. `latched` and `halted_by`: checks that reject the
    user's orders until a person releases them. `pledges`: by covered and covering currency.
    """

    entries: list[Entry] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    pending: dict[str, Pending] = field(default_factory=dict)
    orders: dict[str, Remembered] = field(default_factory=dict)
    margined: dict[str, Instrument] = field(default_factory=dict)
    conduct: Conduct = field(default_factory=Conduct)
    settled: dict[str, int] = field(default_factory=dict)
    trading: list[Moved] = field(default_factory=list)
    results: dict[str, Result] = field(default_factory=dict)
    pledges: dict[tuple[str, str], Pledge] = field(default_factory=dict)
    short: frozenset[str] = frozenset()
    latched: tuple[str, ...] = ()
    halted_by: tuple[str, ...] = ()
    exists: bool = False
    orders_count: int = 0
    messages_count: int = 0

    def copy(self) -> "Book":
        """A book that can be written in without changing this one."""
        return replace(
            self,
            entries=list(self.entries),
            trades=list(self.trades),
            pending=dict(self.pending),
            orders=dict(self.orders),
            margined=dict(self.margined),
            conduct=self.conduct.copy(),
            trading=list(self.trading),
            results=dict(self.results),
            pledges=dict(self.pledges),
        )

    def total(self, currency: str, column: Column) -> int:
        """The sum of one column."""
        return sum(e.amount for e in self.entries if e[:2] == (currency, column))

    def cash(self, currency: str) -> int:
        """Sum of the columns: deposited - withdrawn + adjusted + traded - fees."""
        return sum(SIGN[e.column] * e.amount for e in self.entries if e.currency == currency)

    def pending_total(self, currency: str) -> int:
        """Requested withdrawals."""
        return sum(p.amount for p in self.pending.values() if p.currency == currency)

    def held(self, currency: str) -> int:
        """Order holds, position margins and pending withdrawals."""
        holds = [known.hold for known in self.orders.values()]
        margins = [(i.currency, self.margin_of(i)) for i in self.margined.values()]
        return self.pending_total(currency) + sum(
            amount for held_in, amount in holds + margins if held_in == currency
        )

    def covered(self, currency: str) -> int:
        """What pledges of other currencies cover."""
        return sum(pledge.covered for (into, _), pledge in self.pledges.items() if into == currency)

    def pledged(self, currency: str) -> int:
        """What is pledged for other currencies."""
        return sum(pledge.pledged for (_, of), pledge in self.pledges.items() if of == currency)

    def needed(self, currency: str) -> int:
        """What is held and pledged beyond what is there."""
        return self.held(currency) + self.pledged(currency) - self.cash(currency)

    def available(self, currency: str) -> int:
        """What is there for orders and withdrawals."""
        return self.covered(currency) - self.needed(currency)

    def currencies(self) -> set[str]:
        """Every currency that has ever moved or is held."""
        held_in = {known.hold[0] for known in self.orders.values() if known.open}
        return (
            {e.currency for e in self.entries}
            | {p.currency for p in self.pending.values()}
            | {i.currency for i in self.margined.values()}
            | held_in
        )

    def shortfalls(self) -> frozenset[str]:
        """Currencies with held + pledged above cash + covered."""
        return frozenset(c for c in self.currencies() if self.available(c) < 0)

    def open_orders(self) -> list[Remembered]:
        """Orders that hold something, oldest first."""
        return [known for known in self.orders.values() if known.open]

    def root_of_alias(self, order_id: str) -> str | None:
        """The working order of which this is another id."""
        roots = (known.order.order_id for known in self.open_orders() if order_id in known.aliases)
        return next(roots, None)

    def working(self, instrument_id: str, side: int) -> int:
        """Open lots of one side."""
        return sum(
            known.open_lots
            for known in self.open_orders()
            if (known.order.instrument_id, known.order.side) == (instrument_id, side)
        )

    def position(self, instrument_id: str) -> int:
        """Signed net filled lots."""
        return sum(t.lots for t in self.trades if t.instrument_id == instrument_id)

    def open_cost_e9(self, instrument_id: str) -> int:
        """Sum of price x lots of what is open, by running through all trades (average cost)."""
        position = cost = 0
        for trade in self.trades:
            if trade.future and trade.instrument_id == instrument_id:
                position, cost, _ = close_and_open(position, cost, trade)
        return cost

    def holdings(self) -> set[str]:
        """Instruments with a position or with lots that work."""
        traded = {t.instrument_id for t in self.trades}
        working = {k.order.instrument_id for k in self.open_orders() if k.open_lots}
        return {name for name in traded if self.position(name)} | working

    def trading_minor(self, currency: str) -> int:
        """What trading has brought so far, open positions apart."""
        return sum(moved.amount for moved in self.trading if moved.currency == currency)

    def margin_of(self, instrument: Instrument) -> int:
        """What the position holds, by the given definition of the instrument."""
        name = instrument.instrument_id
        buys, sells = self.working(name, SIDE_BUY), self.working(name, 1 - SIDE_BUY)
        return margin(instrument, self.position(name), buys, sells)

    def figures(self) -> Iterator[int]:
        """Every figure that has to fit in int64."""
        for currency in self.currencies():
            yield self.cash(currency)
            yield self.held(currency)
            yield self.pending_total(currency)
            for column in SIGN:
                yield self.total(currency, column)
        for name in {t.instrument_id for t in self.trades} | set(self.margined):
            yield self.position(name)
            yield self.open_cost_e9(name)
        for instrument in self.margined.values():
            yield self.margin_of(instrument)
        for known in self.orders.values():
            yield known.filled
            yield known.hold[1]
        for currency in self.results:
            yield self.trading_minor(currency)


def close_and_open(position: int, cost_e9: int, trade: Trade) -> tuple[int, int, int]:
    """Position, open cost and profit (all e9) after a trade of a future at average cost."""
    same_way = position == 0 or (position > 0) == (trade.lots > 0)
    if same_way:
        return position + trade.lots, cost_e9 + trade.price_e9 * trade.lots, 0
    closed = min(abs(trade.lots), abs(position))
    cost_gone = half_even(Fraction(cost_e9 * closed, abs(position)))
    direction = 1 if position > 0 else -1
    profit_e9 = trade.price_e9 * closed * direction - cost_gone
    opened = (abs(trade.lots) - closed) * -direction
    after = position + trade.lots
    return after, cost_e9 - cost_gone + trade.price_e9 * opened, profit_e9
