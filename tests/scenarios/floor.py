"""A trading floor before one lane: the clock, who has sent what, and the rows that came of it.

Owns sending records to a real lane and reading its rows. Must never compute what it reports.
"""

from typing import Any, Final

from pipeline.codecs.avro import (
    decode_row_algorithm,
    decode_row_balance,
    decode_row_decision,
    decode_row_order,
    decode_row_position,
    decode_row_result,
    decode_row_user,
    encode_control,
    encode_deposit,
    encode_fill,
    encode_mark,
    encode_order,
)
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.processor import (
    CONTROL,
    DEPOSITS,
    FILLS,
    INPUT_SCHEMAS,
    MARKS,
    ORDERS,
    LaneOutput,
    LaneProcessor,
)
from pipeline.lane.rows import DictRows
from pipeline.risk import keys
from pipeline.risk.records import (
    EXEC_TYPE_NEW,
    Control,
    Deposit,
    Fill,
    Instrument,
    Limits,
    Mark,
    Order,
    Policy,
    RowBalance,
    RowOrder,
    RowPosition,
    RowResult,
    RowUser,
)
from tests.oracle.definitions import Payload
from tests.property.world import changed
from tests.scenarios.figures import FIRST_DAY, day_of, moment
from tests.scenarios.usual_desk import (
    INSTRUMENTS,
    LIMITS,
    MARKS_E9,
    PAYLOADS,
    POLICY,
    TENANT,
    USER,
)

TOPICS: Final = ("control", "marks", "deposits", "fills", "orders")


Parts = dict[str, str]


class PhraseError(ValueError):
    """A phrase that cannot be understood."""


class Floor:
    """One user before one lane."""

    def __init__(self) -> None:
        """The usual desk at nine in the morning, with fresh marks and no money."""
        self.rows: Final = DictRows()
        self.processor: Final = LaneProcessor(0, 1, TOPICS, fixed_ids(), self.rows)
        self.now_us = moment("09:00:00", FIRST_DAY)
        self.orders: Final[dict[str, Order]] = {}
        self.reports: Final[dict[str, Fill]] = {}
        self.withdrawals: Final[dict[str, Deposit]] = {}
        self.instruments: Final = {one.instrument_id: one for one in INSTRUMENTS}
        self.limits: Final[dict[str | None, Limits]] = {None: LIMITS}
        self.policy = POLICY
        self._offset = 0
        self._control_number = 0
        self._ids = 0
        for payload in PAYLOADS:
            self.publish(payload)
        for name, price_e9 in MARKS_E9.items():
            self.mark(name, price_e9, self.now_us)

    def clock(self, text: str) -> None:
        """Let it be a time of today, or of the day that the text names. Raises ValueError."""
        now_us = moment(text, day_of(self.now_us))
        if now_us < self.now_us:
            message = f"{text} is before the time of the step above"
            raise ValueError(message)
        self.now_us = now_us

    def new_id(self, prefix: str) -> str:
        """An id for what the scenario does not name."""
        self._ids += 1
        return f"{prefix}-{self._ids}"

    # -- sending

    def _send(self, topic: int, key: bytes | None, body: bytes) -> LaneOutput:
        self._offset += 1
        value = fixed_ids().frame(INPUT_SCHEMAS[topic]) + body
        output = self.processor.apply(
            topic, self._offset, self.now_us // 1000, key, value, None, self.now_us, False
        )
        self.rows.store(output.rows)
        return output

    def publish(self, payload: Payload, proposer: str = "risk") -> LaneOutput:
        """Put a definition in force."""
        self._control_number += 1
        if isinstance(payload, Instrument):
            self.instruments[payload.instrument_id] = payload
        elif isinstance(payload, Limits):
            self.limits[payload.instrument_id] = payload
        elif isinstance(payload, Policy):
            self.policy = payload
        control = Control(
            event_time=self.now_us,
            source_system_id="console",
            tenant_id=TENANT,
            number=self._control_number,
            version=self._control_number,
            proposer=proposer,
            approver=None,
            reason="scenario",
            effective_from=0,
            signature=None,
            payload=payload,
        )
        return self._send(CONTROL, None, encode_control(control))

    def mark(self, name: str, price_e9: int, made_at: int) -> LaneOutput:
        """A reference price comes."""
        mark = Mark(self.now_us, "feed", TENANT, name, price_e9, made_at)
        return self._send(MARKS, name.encode(), encode_mark(mark))

    def money(self, kind: int, currency: str, amount_minor: int, **changes: Any) -> LaneOutput:
        """Money moves."""
        shape: dict[str, Any] = {
            "event_time": self.now_us,
            "source_system_id": "treasury",
            "tenant_id": TENANT,
            "deposit_id": self.new_id("d"),
            "withdrawal_id": None,
            "user_id": USER,
            "currency": currency,
            "amount_minor": amount_minor,
            "kind": kind,
            "channel": None,
            "counterparty": None,
            "instrument_id": None,
            "settlement_price_e9": None,
            "session_date": None,
        }
        deposit = Deposit(**(shape | changes))
        if deposit.withdrawal_id is not None:
            self.withdrawals.setdefault(deposit.withdrawal_id, deposit)
        return self._send(DEPOSITS, USER.encode(), encode_deposit(deposit))

    def order(self, order: Order) -> LaneOutput:
        """The client asks for something."""
        self.orders.setdefault(order.order_id, order)
        return self._send(ORDERS, USER.encode(), encode_order(order))

    def report(self, fill: Fill) -> LaneOutput:
        """The venue reports."""
        self.reports.setdefault(fill.exec_id, fill)
        return self._send(FILLS, USER.encode(), encode_fill(fill))

    def report_of(self, order_id: str, **changes: Any) -> Fill:
        """A report on an order: nothing traded unless changed."""
        order = self.orders.get(order_id)
        shape: dict[str, Any] = {
            "event_time": self.now_us,
            "source_system_id": "venue",
            "tenant_id": TENANT,
            "exec_id": self.new_id("x"),
            "exec_ref_id": None,
            "order_id": order_id,
            "orig_order_id": None,
            "user_id": USER,
            "instrument_id": None if order is None else order.instrument_id,
            "side": None if order is None else order.side,
            "exec_type": EXEC_TYPE_NEW,
            "last_lots": 0,
            "last_price_e9": None,
            "cum_lots": 0,
            "leaves_lots": 0,
            "fee_minor": 0,
            "trade_id": None,
            "venue": "XCME",
        }
        return Fill(**(shape | changes))

    def currency_of(self, name: str) -> str:
        """What an instrument is traded in."""
        instrument = self.instruments.get(name)
        return "USD" if instrument is None else instrument.currency

    def limits_of(self, instrument: str | None) -> Limits:
        """The limits of an instrument as published so far, or new ones without any figure."""
        if instrument in self.limits:
            return self.limits[instrument]
        figures = dict.fromkeys(
            [
                "order_rate_per_s_max",
                "order_quantity_lots_max",
                "order_notional_minor_max",
                "position_lots_max",
                "price_collar_bps",
                "market_collar_bps",
            ]
        )
        new: Limits = changed(LIMITS, instrument_id=instrument, **figures)
        return new

    # -- reading

    def balance(self, currency: str) -> RowBalance:
        """The stored money."""
        body = self.rows.get(keys.balance_key(USER, currency))
        return (
            RowBalance(0, 0, 0, 0, 0, 0, 0, 0, 0, [], 0)
            if body is None
            else decode_row_balance(body)
        )

    def position(self, name: str) -> RowPosition:
        """The stored position."""
        body = self.rows.get(keys.position_key(USER, name))
        return RowPosition(0, 0, 0, 0, "", 0, -1) if body is None else decode_row_position(body)

    def result(self, currency: str) -> RowResult:
        """What trading has brought, as stored."""
        body = self.rows.get(keys.result_key(USER, currency))
        return RowResult(0, 0, 0, 0, 0) if body is None else decode_row_result(body)

    def working(self, order_id: str) -> RowOrder | None:
        """An order that works, by the id of its NEW."""
        body = self.rows.get(keys.order_key(USER, order_id))
        return None if body is None else decode_row_order(body)

    def filled_lots(self, order_id: str) -> int | None:
        """What was filled of an order that works or has ended; None of any other."""
        working = self.working(order_id)
        if working is not None:
            return working.filled_lots
        body = self.rows.get(keys.decision_key(USER, order_id))
        return None if body is None else decode_row_decision(body).filled_lots

    def executions(self, algo_id: str) -> int:
        """How often an algorithm has traded since a person let it."""
        body = self.rows.get(keys.algorithm_key(USER, algo_id))
        return 0 if body is None else decode_row_algorithm(body).executions_count

    def user(self) -> RowUser:
        """The stored user."""
        return decode_row_user(self.rows.get(keys.user_key(USER)) or b"")
