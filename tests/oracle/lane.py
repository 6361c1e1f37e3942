"""One lane's rules in force, its time and its books.

Owns what all inputs share: gate time, days, memory and marks. Must never read `pipeline/risk` or
`pipeline/lane`.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.risk.records import (
    Collateral,
    Control,
    FeeSchedule,
    Instrument,
    Limits,
    Mark,
    Policy,
    UserAccount,
)
from tests.oracle.answers import CORES, DeadLetterError, Event
from tests.oracle.arithmetic import fits, murmur2
from tests.oracle.book import Book, Remembered
from tests.oracle.check_limits import Steering
from tests.oracle.memory import Memory
from tests.oracle.pledges import release
from tests.oracle.prices import width_of
from tests.oracle.situation import SeenMark

DAY_US: Final = 86_400_000_000
WINDOW_MS_WITHOUT_POLICY: Final = 7 * 86_400_000
IDS_MAX_WITHOUT_POLICY: Final = 5_000_000
NO_TENANT: Final = "UNKNOWN"
COLLATERALS_MAX: Final = 16
# The end of the year 9999.
GATE_TIME_MAX: Final = 253_402_300_799_999_999


class Execution(NamedTuple):
    """What is kept of an execution report: the trade, if it was one, and whether it counts.

    Without `lots` it was none; if `superseded`, it was busted or corrected before it came.
    """

    instrument_id: str | None = None
    side: int | None = None
    lots: int = 0
    price_e9: int = 0
    fee_minor: int = 0
    superseded: bool = False


# User, order id of the report, venue, exec id.
ExecutionKey = tuple[str, str, str, str]


@dataclass
class Lane:
    """The state of a lane, and what changes it whatever the input is."""

    lane: int
    lane_count: int
    sequence: int = 0
    gate_time: int = -1
    memory: Memory = field(default_factory=Memory)
    control_number: int = 0
    core_version: int = CORES[0]
    open_day: int | None = None
    tenants: set[str] = field(default_factory=set)
    waiting: list[Control] = field(default_factory=list)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    limits: dict[tuple[int, str, str | None], tuple[Limits, int]] = field(default_factory=dict)
    accounts: dict[str, UserAccount] = field(default_factory=dict)
    fees: dict[tuple[str, str | None], FeeSchedule] = field(default_factory=dict)
    collateral: dict[tuple[str, str], tuple[Collateral, int]] = field(default_factory=dict)
    firm_state: int | None = None
    policy: tuple[Policy, int] | None = None
    steering: Steering = field(default_factory=Steering)
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    marks_seen: dict[str, list[SeenMark]] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    seen_reports: dict[ExecutionKey, int] = field(default_factory=dict)
    executions: dict[ExecutionKey, Execution] = field(default_factory=dict)
    seen_deposits: dict[tuple[str, str], int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def _is_ours(self, user_id: str) -> bool:
        return murmur2(user_id.encode()) % self.lane_count == self.lane

    # Time

    @property
    def _bounds(self) -> tuple[int, int, int]:
        """Window, ids remembered, and skew: microseconds, ids, microseconds."""
        if self.policy is None:
            return WINDOW_MS_WITHOUT_POLICY * 1000, IDS_MAX_WITHOUT_POLICY, 0
        policy = self.policy[0]
        return (
            policy.dedup_window_ms * 1000,
            policy.remembered_ids_max,
            policy.future_skew_ms_max * 1000,
        )

    def _touched(self, event_time: int) -> int:
        """Count an id that is remembered from now on; when it counts as touched."""
        return self.memory.touch(self.gate_time, event_time, self._bounds[1])

    def _is_too_old(self, event_time: int) -> bool:
        """Whether it might be a repeat of something that is no longer remembered."""
        return event_time < self.memory.forgotten_before

    def _is_too_far_ahead(self, event_time: int) -> bool:
        """Whether it is further ahead than ids are remembered."""
        return event_time > self.memory.latest_event_time

    def _check_event_time(self, event_time: int) -> None:
        """A fact that could be a repeat, or that could not be remembered, is not applied."""
        if self._is_too_old(event_time):
            raise DeadLetterError("FACT_TOO_OLD")
        if self._is_too_far_ahead(event_time):
            raise DeadLetterError("EVENT_TIME_IN_FUTURE")

    def _emit(self, event_type: str, tenant: str, reason_code: str = "APPLIED") -> None:
        filed_under = tenant if tenant in self.tenants else NO_TENANT
        self.events.append(Event(event_type, filed_under, reason_code))

    def _close_day(self, next_day: int) -> None:
        for tenant in [*sorted(self.tenants - {NO_TENANT}), NO_TENANT]:
            self._emit("DAY_CLOSE", tenant)
        self.open_day = next_day

    def _is_open(self, business_day: int) -> bool:
        """Whether a day has not been closed yet."""
        return self.open_day is not None and business_day >= self.open_day

    def _roll_day(self) -> None:
        day = self.gate_time // DAY_US
        if self.open_day is None:
            self.open_day = day
        elif day > self.open_day:
            self._close_day(day)

    # Marks

    def _mark(self, mark: Mark) -> str:
        if mark.price_e9 <= 0:
            raise DeadLetterError("BAD_PRICE")
        as_of = min(mark.source_time, self.gate_time)
        self.marks[mark.instrument_id] = (mark.price_e9, as_of)
        width_us = width_of(self.steering.window_us("PERIOD_COLLAR"))
        self.marks_seen.setdefault(mark.instrument_id, []).append(
            SeenMark(self.gate_time, mark.price_e9, width_us)
        )
        return "APPLIED"

    # Books

    def _book(self, user: str) -> Book:
        return self.books.get(user, Book())

    def _keep(self, user: str, book: Book) -> None:
        """A fact has been entered in the book: from now on it is the user's."""
        if not all(fits(figure) for figure in book.figures()):
            raise DeadLetterError("OUT_OF_RANGE")
        book.exists = True
        self.books[user] = book

    def _fees_in_force(self, user: str, instrument_id: str) -> FeeSchedule | None:
        account = self.accounts.get(user)
        if account is None:
            return None
        own = self.fees.get((account.tier_id, instrument_id))
        return own if own is not None else self.fees.get((account.tier_id, None))

    def _terms(self, user: str, instrument_id: str) -> tuple[Instrument, FeeSchedule | None]:
        """By what an order is valued now."""
        return self.instruments[instrument_id], self._fees_in_force(user, instrument_id)

    def _known_order(self, book: Book, order_id: str) -> Remembered | None:
        """What is remembered of an id: working orders for ever, the rest for the window."""
        known = book.orders.get(order_id)
        if known is None or known.open or known.touched >= self.memory.forgotten_before:
            return known
        return None

    def _order_named(self, book: Book, order_id: str) -> Remembered | None:
        """The order that an id leads to, working or, remembered, ended."""
        root = book.root_of_alias(order_id)
        known = self._known_order(book, order_id)
        if root is None and known is not None:
            root = known.root
        order = known if root is None else self._known_order(book, root)
        return order if order is not None and order.is_order else None

    def _note_deficits(self, book: Book, tenant: str) -> None:
        """Release pledges; tell of currencies that have gone short or are covered again."""
        release(book)
        short = book.shortfalls()
        for currency in sorted(short ^ book.short):
            self._emit("DEFICIT" if currency in short else "DEFICIT_CURED", tenant)
        book.short = short
