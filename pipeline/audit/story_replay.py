"""What each step of an order's story meant for its user: the lane replayed from the audit alone.

Owns the figures after a step: the order's hold and what is open, the user's money in the
instrument's currencies and in those that cover them, the position. They are those of the core
itself, given the recorded inputs, and are shown only as long as the core comes to the very bytes
that were recorded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pipeline.audit.recorded import RecordedLane
from pipeline.codecs.avro import (
    decode_audit_record,
    decode_row_balance,
    decode_row_decision,
    decode_row_order,
    decode_row_position,
)
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.wire import SchemaIds
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.core_versions import CORE_VERSIONS, UnknownCore, known_cores
from pipeline.risk.keys import (
    BALANCE,
    balance_key,
    decision_key,
    order_key,
    part,
    position_key,
    text_part,
)
from pipeline.risk.ledger import OrderTerms, available_of
from pipeline.risk.order_life import ENDED, REFUSED, STATES, UNKNOWN, state_of
from pipeline.risk.records import (
    VERDICT_REJECTED,
    AuditRecord,
    Instrument,
    RowBalance,
    RowDecision,
    RowOrder,
    RowPosition,
)
from pipeline.risk.state import InvariantViolated


@dataclass(frozen=True)
class Purse:
    """The user's money in a currency after a step, in minor units, and by how much that changed."""

    currency: str
    cash_minor: int
    held_minor: int
    covered_minor: int
    pledged_minor: int
    available_minor: int
    cash_change_minor: int
    held_change_minor: int
    covered_change_minor: int
    pledged_change_minor: int


@dataclass(frozen=True)
class After:
    """How things stood after a step.

    `order_state`: as in docs/order-life.md. `hold_minor` is what the order holds for itself; the
    margin of the position is held beside it. `order` is absent when it holds nothing any more.
    """

    order_state: str
    filled_lots: int
    open_lots: int
    hold_minor: int
    hold_change_minor: int
    hold_currency: str | None
    instrument_id: str | None
    purses: tuple[Purse, ...]
    order: RowOrder | None
    position: RowPosition | None


class UserReplay:
    """Replays a lane and shows one user's figures. `problem`: why it cannot go on, if it cannot."""

    def __init__(
        self, user_id: str, lane: int, lane_count: int, topics: list[str], ids: SchemaIds
    ) -> None:
        self.problem: str | None = None
        self._user_id: Final = user_id
        self._lane: Final = lane
        self._recorded: Final = RecordedLane(lane, lane_count, topics, ids)
        self._records = 0
        # Currencies that the user has or had money in.
        self._had: Final[set[str]] = set()
        self._balance_prefix: Final = BALANCE + part(user_id)

    def take(self, body: bytes) -> None:
        """The lane's next audit record."""
        self._records += 1
        if self.problem is not None:
            return
        try:
            record = decode_audit_record(body)
            self.problem = self._reason_not_to(record) or self._apply(record, body)
        except (InvariantViolated, MalformedAvro) as error:
            self.problem = f"{self._place(self._records)} cannot be replayed: {error}"

    def take_and_show(self, body: bytes, root_id: str, instrument_id: str | None) -> After | None:
        """The same, and what became of the order; None when that cannot be told.

        `instrument_id`: what is traded, where the gate has nothing of the order.
        """
        held = self._order(root_id)
        before = self._balances()
        # What covered the order before may be released by this very step.
        currencies = self._currencies(root_id, instrument_id)
        self.take(body)
        if self.problem is not None:
            return None
        currencies = dict.fromkeys([*self._currencies(root_id, instrument_id), *currencies])
        return self._show(root_id, instrument_id, held, before, currencies)

    # -- replaying

    def _place(self, lane_sequence: int) -> str:
        return f"lane {self._lane}, sequence {lane_sequence}"

    def _reason_not_to(self, record: AuditRecord) -> str | None:
        """Why this record cannot be the next."""
        if record.lane_sequence != self._records:
            if self._records == 1:
                return (
                    f"the audit of lane {self._lane} begins at sequence {record.lane_sequence}, "
                    "and a lane can only be replayed from its start"
                )
            return f"{self._place(record.lane_sequence)}: {self._records} was due"
        if record.core_version not in CORE_VERSIONS:
            return self._other_release(record.lane_sequence, record.core_version)
        if record.source_topic not in self._recorded.topics:
            return f"{self._place(record.lane_sequence)}: {record.source_topic} is no input"
        return None

    def _apply(self, record: AuditRecord, body: bytes) -> str | None:
        """Replay it; why its result is not to be trusted, if it is not."""
        try:
            output = self._recorded.replay(record)
        except UnknownCore as needed:
            return self._other_release(record.lane_sequence, needed.version)
        self._had.update(
            text_part(key, 1) for key, _ in output.rows if key.startswith(self._balance_prefix)
        )
        if output.audit != body:
            return (
                f"{self._place(record.lane_sequence)}: the core comes to another result than was "
                "recorded (`tollgate verify` judges that)"
            )
        return None

    def _other_release(self, lane_sequence: int, core_version: int) -> str:
        return (
            f"{self._place(lane_sequence)} needs core {core_version}, this release knows "
            f"{known_cores()}"
        )

    # -- showing

    def _order(self, root_id: str) -> RowOrder | None:
        if not is_id(root_id, ID_BYTES_MAX):
            return None
        body = self._recorded.rows.get(order_key(self._user_id, root_id))
        return None if body is None else decode_row_order(body)

    def _answer(self, root_id: str) -> RowDecision | None:
        if not is_id(root_id, ID_BYTES_MAX):
            return None
        body = self._recorded.rows.get(decision_key(self._user_id, root_id))
        return None if body is None else decode_row_decision(body)

    def _instrument(self, root_id: str, instrument_id: str | None) -> Instrument | None:
        order = self._order(root_id)
        answer = self._answer(root_id)
        if order is not None:
            instrument_id = order.instrument_id
        elif answer is not None and answer.instrument_id is not None:
            instrument_id = answer.instrument_id
        if instrument_id is None:
            return None
        return self._recorded.processor.core.rules.instruments.get(instrument_id)

    def _balance(self, currency: str) -> RowBalance | None:
        body = self._recorded.rows.get(balance_key(self._user_id, currency))
        return None if body is None else decode_row_balance(body)

    def _balances(self) -> dict[str, RowBalance]:
        """The user's money in all currencies."""
        known = {currency: self._balance(currency) for currency in self._had}
        return {currency: row for currency, row in known.items() if row is not None}

    def _currencies(self, root_id: str, instrument_id: str | None) -> dict[str, None]:
        """The currencies of the instrument, then those that cover it, in order."""
        instrument = self._instrument(root_id, instrument_id)
        if instrument is None:
            return {}
        own = [instrument.currency, instrument.base_currency or instrument.currency]
        known = [self._balance(currency) for currency in own]
        covering = [by for balance in known if balance is not None for by in balance.covered_by]
        return dict.fromkeys([*own, *covering])

    def _show(
        self,
        root_id: str,
        instrument_id: str | None,
        held: RowOrder | None,
        before: dict[str, RowBalance],
        currencies: Iterable[str],
    ) -> After:
        order = self._order(root_id)
        answer = self._answer(root_id)
        instrument = self._instrument(root_id, instrument_id)
        known = order or held
        hold = 0 if order is None else order.hold_minor
        money = self._balances()
        return After(
            order_state=STATES[_state(order, answer)][0],
            filled_lots=_filled(order, answer),
            open_lots=0 if order is None else OrderTerms(order).open_lots,
            hold_minor=hold,
            hold_change_minor=hold - (0 if held is None else held.hold_minor),
            hold_currency=None if known is None else known.hold_currency,
            instrument_id=None if instrument is None else instrument.instrument_id,
            purses=tuple(
                _purse(currency, money[currency], before.get(currency))
                for currency in currencies
                if currency in money
            ),
            order=order,
            position=None if instrument is None else self._position(instrument.instrument_id),
        )

    def _position(self, instrument_id: str) -> RowPosition | None:
        body = self._recorded.rows.get(position_key(self._user_id, instrument_id))
        return None if body is None else decode_row_position(body)


def _state(order: RowOrder | None, answer: RowDecision | None) -> int:
    if order is not None:
        return state_of(order)
    if answer is None:
        return UNKNOWN
    if answer.instrument_id is not None:
        return ENDED
    return REFUSED if answer.verdict == VERDICT_REJECTED else UNKNOWN


def _filled(order: RowOrder | None, answer: RowDecision | None) -> int:
    if order is not None:
        return order.filled_lots
    return 0 if answer is None else answer.filled_lots


def _purse(currency: str, balance: RowBalance, before: RowBalance | None) -> Purse:
    return Purse(
        currency,
        balance.cash_minor,
        balance.held_minor,
        balance.covered_minor,
        balance.pledged_minor,
        available_of(balance),
        balance.cash_minor - (0 if before is None else before.cash_minor),
        balance.held_minor - (0 if before is None else before.held_minor),
        balance.covered_minor - (0 if before is None else before.covered_minor),
        balance.pledged_minor - (0 if before is None else before.pledged_minor),
    )
