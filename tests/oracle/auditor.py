"""The auditor: one lane's inputs in, what the gate must answer out.

Owns one lane's rules in force and books, and recomputes every sum from them. Written from
docs/rules.md and schemas/avro alone: of the product it uses nothing but the contract's value
classes and codecs. Must never read `pipeline/risk` or `pipeline/lane`, or it is no second opinion.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from pipeline.codecs.avro import (
    decode_control,
    decode_deposit,
    decode_fill,
    decode_mark,
    decode_order,
    encode_order,
)
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_SETTLEMENT,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    ORDER_ACTION_NEW,
    SIDE_BUY,
    Control,
    CoreVersion,
    Deposit,
    FeeSchedule,
    Fill,
    FirmState,
    Instrument,
    Limits,
    Mark,
    Order,
    Policy,
    UserAccount,
)
from tests.oracle.arithmetic import exact_notional, fits, half_even, murmur2
from tests.oracle.book import Book, Entry, Pending, Remembered, Trade, close_and_open
from tests.oracle.checks import (
    CURRENCY_BYTES_MAX,
    LOTS_MAX,
    PRICE_E9_MAX,
    Check,
    Situation,
    bad_id,
    cancel_vector,
    failed,
    new_order_vector,
    passed,
    skipped,
)
from tests.oracle.definitions import Payload, bad_definition
from tests.oracle.memory import Memory

DAY_US: Final = 86_400_000_000
WINDOW_MS_WITHOUT_POLICY: Final = 7 * 86_400_000
IDS_MAX_WITHOUT_POLICY: Final = 5_000_000
NO_TENANT: Final = "UNKNOWN"
# The end of the year 9999.
GATE_TIME_MAX: Final = 253_402_300_799_999_999
AMOUNT_MAX: Final = 10**18
FRAME_BYTES: Final = 5
_IDS: Final = fixed_ids()
INPUT_BYTES_MAX: Final = 1_048_576
# The cores whose rules are written here.
CORES: Final = (1,)

Input = Control | Mark | Deposit | Fill | Order

DECODE: Final[dict[str, tuple[str, Callable[[bytes, int], Input]]]] = {
    "control": ("control", decode_control),
    "marks": ("mark", decode_mark),
    "deposits": ("deposit", decode_deposit),
    "fills": ("fill", decode_fill),
    "orders": ("order", decode_order),
}
REPORT_EVENT: Final = {
    EXEC_TYPE_CANCELED: "CAME",
    EXEC_TYPE_EXPIRED: "EXPI",
    EXEC_TYPE_REJECTED: "REMO",
    EXEC_TYPE_PARTIAL_FILL: "PARF",
    EXEC_TYPE_FILL: "FILL",
}
MONEY_EVENT: Final = {
    DEPOSIT_KIND_DEPOSIT: "DPST",
    DEPOSIT_KIND_WITHDRAWAL_REQUEST: "WDRQ",
    DEPOSIT_KIND_WITHDRAWAL_SETTLED: "WDST",
    DEPOSIT_KIND_WITHDRAWAL_FAILED: "WDFL",
    DEPOSIT_KIND_SETTLEMENT: "STTL",
    DEPOSIT_KIND_ADJUSTMENT: "ADJT",
}
SIGNED_KINDS: Final = (DEPOSIT_KIND_SETTLEMENT, DEPOSIT_KIND_ADJUSTMENT)
WITHDRAWAL_KINDS: Final = (
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
)
TRADE_REPORTS: Final = (EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL)
TERMINAL_REPORTS: Final = (EXEC_TYPE_CANCELED, EXEC_TYPE_EXPIRED, EXEC_TYPE_REJECTED)
UNSUPPORTED_REPORTS: Final = (
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
)


class Event(NamedTuple):
    """What of a regulatory event is worth comparing."""

    event_type: str
    tenant: str
    reason_code: str


@dataclass(frozen=True)
class DecisionSummary:
    """What of a decision is worth comparing; `hold_minor` 0 unless it accepted a NEW."""

    verdict: str
    reason_code: str
    duplicate_of: int | None = None
    hold_currency: str | None = None
    hold_minor: int = 0
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Expected:
    """What the gate must make of an input."""

    outcome: str
    reason_code: str
    decision: DecisionSummary | None = None
    events: tuple[Event, ...] = ()
    core_version: int = CORES[0]


class ControlGapError(Exception):
    """A control number was left out: the lane must stop."""


class UnknownCoreError(Exception):
    """Control has put a core in force whose rules are not known: the lane must stop."""


class DeadLetterError(Exception):
    """The input cannot be read or placed. Its argument is the reason code."""

    @property
    def reason(self) -> str:
        """The reason code."""
        return str(self.args[0])


class RepeatedError(Exception):
    """The input was applied before. Its argument is the reason code."""


class Placed(NamedTuple):
    """The order a report is about, where it trades, and the flag that this deserves."""

    known: Remembered | None
    instrument: Instrument
    side: int
    flag: str


@dataclass
class Auditor:
    """One lane. `apply` takes its inputs one at a time; the other methods show where they led."""

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
    firm_state: int | None = None
    policy: tuple[Policy, int] | None = None
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    seen_reports: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    seen_deposits: dict[tuple[str, str], int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def apply(
        self, topic: str, timestamp_ms: int, key: bytes | None, value: bytes | None
    ) -> Expected:
        """What the lane's next input leads to.

        Raises ControlGapError or UnknownCoreError when the lane must stop.
        """
        self.sequence += 1
        self.gate_time = min(max(self.gate_time, timestamp_ms * 1000, 0), GATE_TIME_MAX)
        self.events = []
        self._roll_day()
        self._apply_due_controls()
        window_us, ids_max, skew_us = self._bounds
        self.memory.before_input(self.gate_time, window_us, ids_max, skew_us)
        core_version = self.core_version
        decision = None
        try:
            record = self._read(topic, key, value)
            if isinstance(record, Order):
                decision = self._order(record)
                outcome, reason = "DECISION", decision.reason_code
            else:
                outcome, reason = "FACT", self._fact(record)
        except DeadLetterError as refused:
            outcome, reason = "DEAD_LETTER", refused.reason
        except RepeatedError as repeated:
            outcome, reason = "IGNORED", str(repeated)
        return Expected(outcome, reason, decision, tuple(self.events), core_version)

    def cash(self, user: str, currency: str) -> int:
        """Minor units the user has."""
        return self._book(user).cash(currency)

    def held(self, user: str, currency: str) -> int:
        """Minor units of it that are spoken for."""
        return self._book(user).held(currency)

    def position(self, user: str, instrument: str) -> int:
        """Signed net filled lots."""
        return self._book(user).position(instrument)

    def open_orders(self, user: str) -> dict[str, int]:
        """Order id to open lots, of the orders that hold something."""
        return {o.order.order_id: o.open_lots for o in self._book(user).open_orders()}

    def currencies(self, user: str) -> set[str]:
        """Currencies the user has ever had to do with."""
        return self._book(user).currencies()

    @property
    def forgotten_before(self) -> int:
        """What was touched earlier is not remembered, and what is stamped earlier is refused."""
        return self.memory.forgotten_before

    # Reading

    def _read(self, topic: str, key: bytes | None, value: bytes | None) -> Input:
        """The record, or the dead letter it ends as."""
        name, decode = DECODE[topic]
        if value is None:
            raise DeadLetterError("MALFORMED")
        if len(value) > INPUT_BYTES_MAX:
            raise DeadLetterError("TOO_LARGE")
        schema_id = int.from_bytes(value[1:FRAME_BYTES], "big")
        known = _IDS.readable.get(schema_id)
        if len(value) < FRAME_BYTES or value[0] != 0 or known is None or known[0] != name:
            raise DeadLetterError("UNKNOWN_SCHEMA")
        if _IDS.since_core.get(schema_id, 0) > self.core_version:
            raise DeadLetterError("UNKNOWN_SCHEMA")
        try:
            record = decode(value, FRAME_BYTES)
        except MalformedAvro:
            raise DeadLetterError("MALFORMED") from None
        self._check_ids(record)
        if isinstance(record, (Deposit, Fill, Order)):
            self._check_key(record.user_id, key)
        return record

    def _check_ids(self, record: Input) -> None:
        """The ids without which nobody could be answered."""
        ids: tuple[str, ...] = ()
        if isinstance(record, Order):
            ids = (record.user_id, record.order_id)
        elif isinstance(record, Fill):
            ids = (record.user_id, record.order_id, record.exec_id)
        elif isinstance(record, Deposit):
            ids = (record.user_id, record.deposit_id)
        elif isinstance(record, Mark):
            ids = (record.instrument_id,)
        if any(bad_id(text) for text in ids):
            raise DeadLetterError("FIELD_TOO_LONG")

    def _check_key(self, user_id: str, key: bytes | None) -> None:
        """The key says whose record it is and so which lane's."""
        if key is None:
            raise DeadLetterError("NULL_KEY")
        if key != user_id.encode():
            raise DeadLetterError("KEY_MISMATCH")
        if not self._is_ours(user_id):
            raise DeadLetterError("WRONG_PARTITION")

    def _is_ours(self, user_id: str) -> bool:
        return murmur2(user_id.encode()) % self.lane_count == self.lane

    def _fact(self, record: Control | Mark | Deposit | Fill) -> str:
        """Apply a fact; its reason code."""
        if isinstance(record, Control):
            return self._control(record)
        if isinstance(record, Mark):
            return self._mark(record)
        if isinstance(record, Deposit):
            return self._deposit(record)
        return self._fill(record)

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

    def _emit(self, event_type: str, tenant: str, reason_code: str = "APPLIED") -> None:
        filed_under = tenant if tenant in self.tenants else NO_TENANT
        self.events.append(Event(event_type, filed_under, reason_code))

    def _close_day(self, next_day: int) -> None:
        for tenant in [*sorted(self.tenants - {NO_TENANT}), NO_TENANT]:
            self._emit("DAY_CLOSE", tenant)
        self.open_day = next_day

    def _roll_day(self) -> None:
        day = self.gate_time // DAY_US
        if self.open_day is None:
            self.open_day = day
        elif day > self.open_day:
            self._close_day(day)

    # Control and marks

    def _control(self, control: Control) -> str:
        """Take the next number; at once, or once its time has come."""
        if control.number <= self.control_number:
            raise RepeatedError("REPEATED_CONTROL")
        if control.number != self.control_number + 1:
            raise ControlGapError(control.number)
        self.control_number = control.number
        payload = control.payload
        if bad_definition(payload) or self._changes_its_nature(payload) or self._goes_back(payload):
            raise DeadLetterError("BAD_CONTROL")
        if control.effective_from > self.gate_time:
            self.waiting.append(control)
            return "PENDING"
        self._put_in_force(control.payload, control.version)
        return "APPLIED"

    def _changes_its_nature(self, payload: Payload) -> bool:
        """Whether an instrument would become one that its positions are not in."""
        if not isinstance(payload, Instrument):
            return False
        defined = [*self.instruments.values(), *(c.payload for c in self.waiting)]
        return any(
            (was.kind, was.currency, was.base_currency)
            != (payload.kind, payload.currency, payload.base_currency)
            for was in defined
            if isinstance(was, Instrument) and was.instrument_id == payload.instrument_id
        )

    def _goes_back(self, payload: Payload) -> bool:
        return isinstance(payload, CoreVersion) and payload.core_version < self.core_version

    def _apply_due_controls(self) -> None:
        due = [c for c in self.waiting if c.effective_from <= self.gate_time]
        self.waiting = [c for c in self.waiting if c not in due]
        for control in sorted(due, key=lambda c: (c.effective_from, c.number)):
            self._put_in_force(control.payload, control.version)

    def _put_in_force(self, payload: Payload, version: int) -> None:
        if isinstance(payload, Instrument):
            self.instruments[payload.instrument_id] = payload
        elif isinstance(payload, Limits):
            subject = (payload.scope, payload.scope_id, payload.instrument_id)
            self.limits[subject] = (payload, version)
        elif isinstance(payload, UserAccount):
            self._register(payload)
        elif isinstance(payload, FirmState):
            self.firm_state = payload.trading_state
        elif isinstance(payload, FeeSchedule):
            self.fees[payload.tier_id, payload.instrument_id] = payload
        elif isinstance(payload, Policy):
            self.policy = (payload, version)
        elif isinstance(payload, CoreVersion):
            self._decide_by(max(payload.core_version, self.core_version))
        elif self.open_day is not None and payload.business_day >= self.open_day:
            self._close_day(payload.business_day + 1)

    @property
    def cores(self) -> tuple[int, ...]:
        """The cores whose rules are known."""
        return CORES

    def _decide_by(self, core_version: int) -> None:
        if core_version not in self.cores:
            raise UnknownCoreError(core_version)
        self.core_version = core_version

    def _register(self, account: UserAccount) -> None:
        self.tenants.add(account.account_tenant_id)
        if self._is_ours(account.user_id):
            self.accounts[account.user_id] = account
            book = self._book(account.user_id).copy()
            book.exists = True
            self.books[account.user_id] = book

    def _mark(self, mark: Mark) -> str:
        if mark.price_e9 <= 0:
            raise DeadLetterError("BAD_PRICE")
        as_of = min(mark.source_time, self.gate_time)
        self.marks[mark.instrument_id] = (mark.price_e9, as_of)
        return "APPLIED"

    # Orders

    def _book(self, user: str) -> Book:
        return self.books.get(user, Book())

    def _known_order(self, book: Book, order_id: str) -> Remembered | None:
        """What is remembered of an id: working orders for ever, the rest for the window."""
        known = book.orders.get(order_id)
        if known is None or known.open or known.touched >= self.memory.forgotten_before:
            return known
        return None

    def _order(self, order: Order) -> DecisionSummary:
        """Decide, remember, and tell."""
        book = self._book(order.user_id).copy()
        self.books[order.user_id] = book
        if book.exists:
            book.messages_count += 1
        known = self._known_order(book, order.order_id)
        if known is not None:
            if encode_order(known.order) == encode_order(order):
                verdict = "ACCEPTED" if known.accepted else "REJECTED"
                return DecisionSummary(verdict, known.reason_code, known.lane_sequence)
            return self._answer(order, [failed("IDENTITY", "DUPLICATE_ID")])
        if self._is_too_old(order.event_time):
            return self._answer(order, [failed("IDENTITY", "TOO_OLD")])
        if self._is_too_far_ahead(order.event_time):
            return self._answer(order, [failed("IDENTITY", "EVENT_TIME_IN_FUTURE")])
        if order.action == ORDER_ACTION_NEW and book.exists:
            book.orders_count += 1
        decision = self._answer(order, self._vector(order, book))
        if decision.verdict == "REJECTED" or order.action != ORDER_ACTION_NEW:
            self._remember(order, decision, book)
            return decision
        instrument = self.instruments[order.instrument_id]
        gives_base = instrument.kind == INSTRUMENT_KIND_SPOT and order.side != SIDE_BUY
        currency = instrument.currency
        if gives_base:
            currency = instrument.base_currency or ""
        before = book.held(currency)
        self._remember(order, decision, book)
        hold = book.held(currency) - before
        return replace(decision, hold_currency=currency, hold_minor=hold)

    def _vector(self, order: Order, book: Book) -> list[Check]:
        now = self._situation(order, book)
        if order.action == ORDER_ACTION_NEW:
            return new_order_vector(order, now)
        return cancel_vector(order, now, self._orig_order(order, book))

    def _situation(self, order: Order, book: Book) -> Situation:
        return Situation(
            gate_time=self.gate_time,
            policy=self.policy,
            firm_state=self.firm_state,
            account=self.accounts.get(order.user_id),
            instrument=self.instruments.get(order.instrument_id),
            limits=self.limits,
            fees=self._fees_in_force(order.user_id, order.instrument_id),
            mark=self.marks.get(order.instrument_id),
            book=book,
        )

    def _fees_in_force(self, user: str, instrument_id: str) -> FeeSchedule | None:
        account = self.accounts.get(user)
        if account is None:
            return None
        own = self.fees.get((account.tier_id, instrument_id))
        return own if own is not None else self.fees.get((account.tier_id, None))

    def _orig_order(self, order: Order, book: Book) -> Check:
        if order.orig_order_id is None or bad_id(order.orig_order_id):
            return skipped("ORIG_ORDER")
        known = self._known_order(book, order.orig_order_id)
        if known is None or not known.accepted or known.order.action != ORDER_ACTION_NEW:
            return failed("ORIG_ORDER", "ORIG_ORDER_UNKNOWN")
        if not known.open or known.final is not None:
            return failed("ORIG_ORDER", "ORIG_ORDER_CLOSED")
        return passed("ORIG_ORDER")

    def _answer(self, order: Order, vector: list[Check]) -> DecisionSummary:
        """The first FAIL decides."""
        reason = next((line.reason for line in vector if line.result == "FAIL"), None)
        verdict = "ACCEPTED" if reason is None else "REJECTED"
        code = reason or "ACCEPTED"
        if order.action == ORDER_ACTION_NEW:
            self._emit("NEWO" if reason is None else "REMO", order.tenant_id, code)
        else:
            self._emit("CXRQ" if reason is None else "CXRJ", order.tenant_id, code)
        return DecisionSummary(verdict, code, checks=tuple(vector))

    def _remember(self, order: Order, decision: DecisionSummary, book: Book) -> None:
        accepted = decision.verdict == "ACCEPTED"
        works = accepted and order.action == ORDER_ACTION_NEW
        terms = None
        if works:
            instrument = self.instruments[order.instrument_id]
            terms = (instrument, self._fees_in_force(order.user_id, order.instrument_id))
            book.margined[order.instrument_id] = instrument
            book.accepted_at.append(self.gate_time)
        book.orders[order.order_id] = Remembered(
            order,
            accepted,
            decision.reason_code,
            self.sequence,
            max(self.gate_time, order.event_time) if works else self._touched(order.event_time),
            open=works,
            terms=terms,
        )
        if works:
            self._note_deficits(book, order.tenant_id)

    # Execution reports

    def _fill(self, fill: Fill) -> str:
        """Apply an execution report; the flag it deserves or APPLIED."""
        seen = (fill.user_id, fill.order_id, fill.venue, fill.exec_id)
        if self.seen_reports.get(seen, -1) >= self.memory.forgotten_before:
            raise RepeatedError("REPEATED_EXEC")
        self._check_report(fill)
        book = self._book(fill.user_id).copy()
        place = self._place(fill, book)
        trades = fill.exec_type in TRADE_REPORTS and fill.last_lots > 0
        if trades:
            self._trade(fill, place, book)
        flag = place.flag
        if place.known is not None:
            flag = self._report_on(fill, place.known, trades=trades, book=book)
        if trades or (place.known is not None and place.known.open):
            book.margined[place.instrument.instrument_id] = place.instrument
        if not all(fits(figure) for figure in book.figures()):
            raise DeadLetterError("OUT_OF_RANGE")
        book.exists = True
        self.books[fill.user_id] = book
        self.seen_reports[seen] = self._touched(fill.event_time)
        if place.known is not None and (place.known.open or trades):
            self._touch_ended(book.orders[fill.order_id])
        if fill.exec_type in REPORT_EVENT:
            self._emit(REPORT_EVENT[fill.exec_type], fill.tenant_id, flag)
        if flag != "APPLIED":
            self._emit("ODD", fill.tenant_id, flag)
        self._note_deficits(book, fill.tenant_id)
        return flag

    def _check_report(self, fill: Fill) -> None:
        if bad_id(fill.venue):
            raise DeadLetterError("FIELD_TOO_LONG")
        if any(not 0 <= n <= LOTS_MAX for n in (fill.last_lots, fill.cum_lots, fill.leaves_lots)):
            raise DeadLetterError("BAD_QUANTITY")
        price = fill.last_price_e9
        has_price = price is not None and 0 < price <= PRICE_E9_MAX
        if fill.exec_type in TRADE_REPORTS and fill.last_lots > 0 and not has_price:
            raise DeadLetterError("BAD_PRICE")
        if fill.exec_type in UNSUPPORTED_REPORTS:
            raise DeadLetterError("UNSUPPORTED")
        if self._is_too_old(fill.event_time):
            raise DeadLetterError("FACT_TOO_OLD")
        if self._is_too_far_ahead(fill.event_time):
            raise DeadLetterError("EVENT_TIME_IN_FUTURE")

    def _place(self, fill: Fill, book: Book) -> Placed:
        """Find the order; without one the report must say itself where it belongs."""
        known = self._known_order(book, fill.order_id)
        if known is not None and known.accepted and known.order.action == ORDER_ACTION_NEW:
            order = known.order
            return Placed(known, self.instruments[order.instrument_id], order.side, "APPLIED")
        instrument = self.instruments.get(fill.instrument_id or "")
        if fill.side is None or instrument is None or instrument.kind == INSTRUMENT_KIND_EQUITY:
            raise DeadLetterError("UNPLACED_FACT")
        rejected = known is not None and not known.accepted
        return Placed(
            None, instrument, fill.side, "REJECTED_ORDER" if rejected else "UNKNOWN_ORDER"
        )

    def _report_on(self, fill: Fill, known: Remembered, *, trades: bool, book: Book) -> str:
        """Move an order on: fills, the end, and its hold by the terms of now."""
        filled = known.filled + (fill.last_lots if trades else 0)
        final = known.final
        if known.open and final is None and fill.exec_type in TERMINAL_REPORTS:
            final = min(fill.cum_lots, known.order.quantity_lots)
        instrument = self.instruments[known.order.instrument_id]
        terms = (instrument, self._fees_in_force(fill.user_id, instrument.instrument_id))
        after = replace(known, filled=filled, final=final, terms=terms)
        if after.open_lots == 0 and (known.open or trades):
            after = replace(after, open=False, touched=max(self.gate_time, known.touched))
        book.orders[known.order.order_id] = after
        if not known.open:
            return "LATE_FILL" if trades else "APPLIED"
        bound = known.order.quantity_lots if final is None else final
        return "OVERFILL" if filled > bound else "APPLIED"

    def _touch_ended(self, known: Remembered) -> None:
        """An order that has ended is remembered from now on, as any other id."""
        if not known.open:
            self._touched(known.touched)

    def _trade(self, fill: Fill, place: Placed, book: Book) -> None:
        instrument, price = place.instrument, fill.last_price_e9 or 0
        lots = fill.last_lots if place.side == SIDE_BUY else -fill.last_lots
        future = instrument.kind == INSTRUMENT_KIND_FUTURE
        trade = Trade(instrument.instrument_id, lots, price, future)
        if future:
            name = instrument.instrument_id
            _, _, profit_e9 = close_and_open(book.position(name), book.open_cost_e9(name), trade)
            amount = half_even(exact_notional(instrument, 1, profit_e9))
        else:
            amount = half_even(exact_notional(instrument, -lots, price))
            base = lots * instrument.base_minor_per_lot
            book.entries.append(Entry(instrument.base_currency or "", "traded", base))
        book.entries.append(Entry(instrument.currency, "traded", amount))
        book.entries.append(Entry(instrument.currency, "fees", fill.fee_minor))
        book.trades.append(trade)

    # Money

    def _deposit(self, deposit: Deposit) -> str:
        """Move money, or refuse a withdrawal request."""
        seen = (deposit.user_id, deposit.deposit_id)
        if self.seen_deposits.get(seen, -1) >= self.memory.forgotten_before:
            raise RepeatedError("REPEATED_DEPOSIT")
        self._check_money(deposit)
        book = self._book(deposit.user_id).copy()
        refusal = self._move(deposit, book)
        if not all(fits(figure) for figure in book.figures()):
            raise DeadLetterError("OUT_OF_RANGE")
        book.exists = True
        self.books[deposit.user_id] = book
        self.seen_deposits[seen] = self._touched(deposit.event_time)
        if refusal is not None:
            self._emit("WDRJ", deposit.tenant_id, refusal)
        else:
            self._emit(MONEY_EVENT[deposit.kind], deposit.tenant_id)
        self._note_deficits(book, deposit.tenant_id)
        return refusal or "APPLIED"

    def _check_money(self, deposit: Deposit) -> None:
        if bad_id(deposit.currency, CURRENCY_BYTES_MAX) or bad_id(deposit.withdrawal_id):
            raise DeadLetterError("FIELD_TOO_LONG")
        amount = deposit.amount_minor
        signed = deposit.kind in SIGNED_KINDS
        if abs(amount) > AMOUNT_MAX or amount == 0 or (amount < 0 and not signed):
            raise DeadLetterError("BAD_AMOUNT")
        if self._is_too_old(deposit.event_time):
            raise DeadLetterError("FACT_TOO_OLD")
        if self._is_too_far_ahead(deposit.event_time):
            raise DeadLetterError("EVENT_TIME_IN_FUTURE")
        if deposit.kind in WITHDRAWAL_KINDS and deposit.withdrawal_id is None:
            raise DeadLetterError("WITHDRAWAL_ID_MISSING")

    def _move(self, deposit: Deposit, book: Book) -> str | None:
        """Enter the movement in the book; the reason if it is refused."""
        currency, amount, kind = deposit.currency, deposit.amount_minor, deposit.kind
        withdrawal = deposit.withdrawal_id or ""
        if kind == DEPOSIT_KIND_DEPOSIT:
            book.entries.append(Entry(currency, "deposited", amount))
        elif kind in SIGNED_KINDS:
            book.entries.append(Entry(currency, "adjusted", amount))
        elif kind == DEPOSIT_KIND_WITHDRAWAL_REQUEST:
            if withdrawal in book.pending:
                return "WITHDRAWAL_REPEATED"
            if amount > book.cash(currency) - book.held(currency):
                return "WITHDRAWAL_REFUSED"
            book.pending[withdrawal] = Pending(currency, amount)
        elif withdrawal not in book.pending or book.pending[withdrawal].currency != currency:
            raise DeadLetterError("WITHDRAWAL_UNKNOWN")
        else:
            del book.pending[withdrawal]
            if kind == DEPOSIT_KIND_WITHDRAWAL_SETTLED:
                book.entries.append(Entry(currency, "withdrawn", amount))
        return None

    def _note_deficits(self, book: Book, tenant: str) -> None:
        """Tell of currencies that have gone short and of those that are covered again."""
        short = book.shortfalls()
        for currency in sorted(short ^ book.short):
            self._emit("DEFICIT" if currency in short else "DEFICIT_CURED", tenant)
        book.short = short
