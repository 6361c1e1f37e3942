"""The independent auditor, made fast enough for hot users.

Owns running totals of a user's money, positions and holds in place of the auditor's sums over
everything that ever happened, and the few facts that only stored rows show. Rules stay in
`tests/oracle`; must never decide anything itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from pipeline.risk.records import (
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    SIDE_SELL,
    CheckLimit,
    CheckPolicy,
    Collateral,
    Control,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Listing,
    Mark,
    Policy,
    Rule,
    ScopeState,
    SessionCalendar,
    UserAccount,
)
from tests.chaos.checker_conduct import RunningConduct
from tests.oracle.arithmetic import murmur2
from tests.oracle.auditor import Auditor, Expected, Input
from tests.oracle.book import SIGN, Book, Column, Entry, Moved, Remembered, Trade, close_and_open
from tests.oracle.definitions import Payload
from tests.oracle.pledges import release
from tests.oracle.prices import PERIOD_BUCKETS, same_width
from tests.oracle.situation import SeenMark

partition_hash: Final = cache(murmur2)


class Entries(list[Entry]):
    """Movements of money, kept as the sum of each column alone."""

    def __init__(self, totals: dict[tuple[str, Column], int] | None = None) -> None:
        super().__init__()
        self.totals: Final = {} if totals is None else dict(totals)

    def append(self, entry: Entry) -> None:
        """Add a movement to its column."""
        column = (entry.currency, entry.column)
        self.totals[column] = self.totals.get(column, 0) + entry.amount


class Trading(list[Moved]):
    """What trading has brought, kept as the sum of each currency alone."""

    def __init__(self, totals: dict[str, int] | None = None) -> None:
        super().__init__()
        self.totals: Final = {} if totals is None else dict(totals)

    def append(self, moved: Moved) -> None:
        """Add to the currency."""
        self.totals[moved.currency] = self.totals.get(moved.currency, 0) + moved.amount


class Trades(list[Trade]):
    """Trades, kept as (position, open cost) of each instrument alone."""

    def __init__(self, open_: dict[str, tuple[int, int]] | None = None) -> None:
        super().__init__()
        self.open: Final = {} if open_ is None else dict(open_)

    def append(self, trade: Trade) -> None:
        """Add a trade to its position."""
        position, cost = self.open.get(trade.instrument_id, (0, 0))
        if trade.future:
            position, cost, _ = close_and_open(position, cost, trade)
        else:
            position += trade.lots
        self.open[trade.instrument_id] = position, cost


class Orders(dict[str, Remembered]):
    """Remembered orders with running totals of what the open ones hold.

    The dictionary's own items are what was changed since the book was last copied; `settled` are
    the others, shared by all copies. A copy that is given up leaves `settled` as it was.
    """

    def __init__(self, settled: dict[str, Remembered]) -> None:
        super().__init__()
        self.settled: Final = settled
        self.open: dict[str, Remembered] = {}
        self.holds: dict[str, int] = {}
        self.working: dict[tuple[str, int], int] = {}

    def branch(self) -> "Orders":
        """A copy to write in. Only ever taken of what is in force."""
        self.settled.update(self)
        self.clear()
        copied = Orders(self.settled)
        copied.open, copied.holds = dict(self.open), dict(self.holds)
        copied.working = dict(self.working)
        return copied

    def get(self, order_id: str, default: Any = None) -> Any:
        """What is known of an id."""
        return self[order_id] if order_id in self else self.settled.get(order_id, default)

    def __setitem__(self, order_id: str, known: Remembered) -> None:
        """Take the order's old share out of the totals and the new one in."""
        self._count(self.get(order_id), -1)
        self._count(known, 1)
        super().__setitem__(order_id, known)
        if known.open:
            self.open[order_id] = known
        else:
            self.open.pop(order_id, None)

    def _count(self, known: Remembered | None, sign: int) -> None:
        if known is None or not known.open:
            return
        currency, amount = known.hold
        self.holds[currency] = self.holds.get(currency, 0) + sign * amount
        side = (known.order.instrument_id, known.order.side)
        self.working[side] = self.working.get(side, 0) + sign * known.open_lots

    def everything(self) -> dict[str, Remembered]:
        """All that is remembered, in force and settled."""
        return self.settled | self


@dataclass
class RunningBook(Book):
    """A book whose every figure is at hand."""

    entries: Entries = field(default_factory=Entries)
    trades: Trades = field(default_factory=Trades)
    orders: Orders = field(default_factory=lambda: Orders({}))
    conduct: RunningConduct = field(default_factory=RunningConduct)
    trading: Trading = field(default_factory=Trading)

    def copy(self) -> "RunningBook":
        """A book that can be written in without changing this one."""
        return replace(
            self,
            entries=Entries(self.entries.totals),
            trades=Trades(self.trades.open),
            pending=dict(self.pending),
            orders=self.orders.branch(),
            margined=dict(self.margined),
            conduct=self.conduct.copy(),
            trading=Trading(self.trading.totals),
            results=dict(self.results),
            pledges=dict(self.pledges),
        )

    def total(self, currency: str, column: Column) -> int:
        """The sum of one column."""
        return self.entries.totals.get((currency, column), 0)

    def cash(self, currency: str) -> int:
        """Sum of the columns: deposited - withdrawn + adjusted + traded - fees."""
        return sum(sign * self.total(currency, column) for column, sign in SIGN.items())

    def held(self, currency: str) -> int:
        """Order holds, position margins and pending withdrawals."""
        margins = sum(
            self.margin_of(known)
            for known in self.margined.values()
            if known.currency == currency and known.kind != INSTRUMENT_KIND_SPOT
        )
        return self.pending_total(currency) + self.orders.holds.get(currency, 0) + margins

    def currencies(self) -> set[str]:
        """Every currency that has ever moved or is held."""
        return (
            {currency for currency, _ in self.entries.totals}
            | {pending.currency for pending in self.pending.values()}
            | {known.currency for known in self.margined.values()}
            | {currency for currency, amount in self.orders.holds.items() if amount}
        )

    def open_orders(self) -> list[Remembered]:
        """Orders that hold something."""
        return list(self.orders.open.values())

    def working(self, instrument_id: str, side: int) -> int:
        """Open lots of one side."""
        return self.orders.working.get((instrument_id, side), 0)

    def position(self, instrument_id: str) -> int:
        """Signed net filled lots."""
        return self.trades.open.get(instrument_id, (0, 0))[0]

    def open_cost_e9(self, instrument_id: str) -> int:
        """Sum of price x lots of what is open."""
        return self.trades.open.get(instrument_id, (0, 0))[1]

    def holdings(self) -> set[str]:
        """Instruments with a position or with lots that work."""
        held = {name for name, (position, _) in self.trades.open.items() if position}
        return held | {name for (name, _), lots in self.orders.working.items() if lots}

    def trading_minor(self, currency: str) -> int:
        """What trading has brought so far, open positions apart."""
        return self.trading.totals.get(currency, 0)

    def figures(self) -> Iterator[int]:
        """Every figure that has to fit in int64 and may have changed since the last copy."""
        yield from self.entries.totals.values()
        yield from self.trading.totals.values()
        for currency in self.currencies():
            yield self.cash(currency)
            yield self.held(currency)
            yield self.pending_total(currency)
        for position, cost in self.trades.open.values():
            yield position
            yield cost
        for known in self.margined.values():
            yield self.margin_of(known)
        for changed in self.orders.values():
            yield changed.filled
            yield changed.hold[1]

    def lots(self, instrument_id: str) -> tuple[int, int, int]:
        """Position, working buys and working sells."""
        return (
            self.position(instrument_id),
            self.working(instrument_id, SIDE_BUY),
            self.working(instrument_id, SIDE_SELL),
        )


def ends_of_buckets(seen: list[SeenMark]) -> list[SeenMark]:
    """The lowest and the highest mark of each bucket that a check can still look at."""
    width_us = seen[-1].width_us
    buckets: dict[int, list[SeenMark]] = {}
    for mark in same_width(seen):
        buckets.setdefault(mark.gate_time // width_us, []).append(mark)
    oldest = max(buckets) - PERIOD_BUCKETS + 1
    return [
        end
        for bucket, marks in sorted(buckets.items())
        if bucket >= oldest
        for end in (min(marks, key=price_of), max(marks, key=price_of))
    ]


def price_of(mark: SeenMark) -> int:
    """What a mark says."""
    return mark.price_e9


@dataclass
class LaneAuditor(Auditor):
    """The auditor of one lane, given its gate times.

    `read`: the last input, None when it could not be read. `versions`: user -> version of the
    control record in force. `in_force`: subject -> number of its control record.
    `control_values`: number -> the value it was sent as. `shortfalls`: currency and minor units of
    each deficit that the last input brought, in the order of their events.
    """

    read: Input | None = None
    versions: dict[str, int] = field(default_factory=dict)
    in_force: dict[tuple[str | int | None, ...], int] = field(default_factory=dict)
    control_values: dict[int, bytes] = field(default_factory=dict)
    shortfalls: list[tuple[str, int]] = field(default_factory=list)
    _sources: dict[int, Control] = field(default_factory=dict)

    def apply_at(
        self, gate_time: int, topic: str, key: bytes | None, value: bytes | None
    ) -> Expected:
        """What the next input leads to at a gate time that somebody else's clock gave."""
        self.read = None
        self.shortfalls = []
        self.gate_time = max(self.gate_time, gate_time)
        return self.apply(topic, 0, key, value)

    def shortfall_of(self, user: str, currency: str) -> int:
        """What is held and pledged beyond cash and cover; nothing or less when all is there."""
        return -self._book(user).available(currency)

    def control_rows(self) -> list[int]:
        """Numbers of the control records that must be stored: in force or waiting."""
        return sorted([*self.in_force.values(), *(waiting.number for waiting in self.waiting)])

    def _book(self, user: str) -> Book:
        found = self.books.get(user)
        return RunningBook() if found is None else found

    def _is_ours(self, user_id: str) -> bool:
        return partition_hash(user_id.encode()) % self.lane_count == self.lane

    def _read(self, topic: str, key: bytes | None, value: bytes | None) -> Input:
        self.read = super()._read(topic, key, value)
        if isinstance(self.read, Control) and value is not None:
            self.control_values.setdefault(self.read.number, value)
        return self.read

    def _mark(self, mark: Mark) -> str:
        said = super()._mark(mark)
        self.marks_seen[mark.instrument_id] = ends_of_buckets(self.marks_seen[mark.instrument_id])
        return said

    def _control(self, control: Control) -> str:
        self._sources[id(control.payload)] = control
        return super()._control(control)

    def _note_deficits(self, book: Book, tenant: str) -> None:
        release(book)
        self.shortfalls += [
            (currency, -book.available(currency))
            for currency in sorted(book.shortfalls() - book.short)
        ]
        super()._note_deficits(book, tenant)

    def _put_in_force(self, payload: Payload, version: int) -> None:
        number = self._sources[id(payload)].number
        if isinstance(payload, UserAccount):
            tenant = payload.account_tenant_id
            if tenant not in self.tenants:
                self.in_force["tenant", tenant] = number
            if self._is_ours(payload.user_id):
                self.versions[payload.user_id] = version
        else:
            subject = _subject(payload)
            if subject is not None:
                self.in_force[subject] = number
        super()._put_in_force(payload, version)


def _subject(payload: Payload) -> tuple[str | int | None, ...] | None:
    """What a control record replaces; None where the record itself does not stay in force."""
    if isinstance(payload, Instrument):
        return "instrument", payload.instrument_id
    if isinstance(payload, Limits):
        return "limits", payload.scope, payload.scope_id, payload.instrument_id
    if isinstance(payload, FeeSchedule):
        return "fees", payload.tier_id, payload.instrument_id
    if isinstance(payload, Collateral):
        return "collateral", payload.tier_id, payload.currency
    if isinstance(payload, Policy):
        return ("policy",)
    return ("firm",) if isinstance(payload, FirmState) else _steered(payload)


def _steered(payload: Payload) -> tuple[str | int | None, ...] | None:
    """The same of what steers single checks; a restriction has rows of its own."""
    if isinstance(payload, CheckLimit):
        scope = (payload.scope, payload.scope_id, payload.instrument_id)
        return "check limit", payload.check, *scope
    if isinstance(payload, CheckPolicy):
        return "check policy", payload.check
    if isinstance(payload, ScopeState):
        return "state", payload.scope, payload.scope_id
    if isinstance(payload, SessionCalendar):
        return "calendar", payload.calendar_id
    if isinstance(payload, Listing):
        return "listing", payload.instrument_id
    return ("rule", payload.rule_id) if isinstance(payload, Rule) else None
