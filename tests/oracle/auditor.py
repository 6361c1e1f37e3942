"""The auditor: one lane's inputs in, what the gate must answer out.

Owns the way of an input through the lane; the rules are in the files beside it. Written from
docs/rules.md and schemas/avro alone: of the product it uses nothing but the contract's value
classes and codecs. Must never read `pipeline/risk` or `pipeline/lane`, or it is no second opinion.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipeline.codecs.avro import (
    decode_control,
    decode_deposit,
    decode_fill,
    decode_mark,
    decode_order,
)
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.records import Control, Deposit, Fill, Mark, Order
from tests.oracle.answers import (
    CORES,
    ControlGapError,
    DeadLetterError,
    DecisionSummary,
    Event,
    Expected,
    RepeatedError,
    SweptDecision,
    UnknownCoreError,
)
from tests.oracle.control import Controls
from tests.oracle.lane import DAY_US, GATE_TIME_MAX, NO_TENANT, Execution
from tests.oracle.lines import bad_id
from tests.oracle.money import Money
from tests.oracle.orders import Orders
from tests.oracle.reports import Reports

__all__ = [
    "CORES",
    "DAY_US",
    "GATE_TIME_MAX",
    "INPUT_BYTES_MAX",
    "NO_TENANT",
    "Auditor",
    "ControlGapError",
    "DeadLetterError",
    "DecisionSummary",
    "Event",
    "Execution",
    "Expected",
    "Input",
    "RepeatedError",
    "SweptDecision",
    "UnknownCoreError",
]

FRAME_BYTES: Final = 5
_IDS: Final = fixed_ids()
INPUT_BYTES_MAX: Final = 1_048_576

Input = Control | Mark | Deposit | Fill | Order

DECODE: Final[dict[str, tuple[str, Callable[[bytes, int], Input]]]] = {
    "control": ("control", decode_control),
    "marks": ("mark", decode_mark),
    "deposits": ("deposit", decode_deposit),
    "fills": ("fill", decode_fill),
    "orders": ("order", decode_order),
}


@dataclass
class Auditor(Orders, Reports, Money, Controls):
    """One lane. `apply` takes its inputs one at a time; the other methods show where they led."""

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
        swept = self._sweep()
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
        return Expected(outcome, reason, decision, tuple(self.events), core_version, swept)

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

    def _fact(self, record: Control | Mark | Deposit | Fill) -> str:
        """Apply a fact; its reason code."""
        if isinstance(record, Control):
            return self._control(record)
        if isinstance(record, Mark):
            return self._mark(record)
        if isinstance(record, Deposit):
            return self._deposit(record)
        return self._fill(record)
