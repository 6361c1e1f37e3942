"""The gate under test, seen as the auditor sees it.

Owns a lane processor over rows in memory and the translation of its bytes into what the auditor
expects, so that the two can be compared with `==`. Must never compute what it reports.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pipeline.codecs.avro import (
    decode_audit_record,
    decode_decision,
    decode_regulatory_event,
    decode_row_algorithm,
    decode_row_alias,
    decode_row_balance,
    decode_row_band,
    decode_row_decision,
    decode_row_holdings,
    decode_row_order,
    decode_row_pledge,
    decode_row_position,
    decode_row_recent,
    decode_row_restriction,
    decode_row_result,
    decode_row_seen,
    decode_row_user,
    decode_row_withdrawal,
)
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.processor import LaneOutput, LaneProcessor, bounded
from pipeline.lane.rows import DictRows
from pipeline.risk import keys
from pipeline.risk.records import (
    AUDIT_OUTCOME_NAMES,
    CHECK_OUTCOME_NAMES,
    DECISION_ORIGIN_NAMES,
    VERDICT_NAMES,
    RegulatoryEvent,
    RowAlias,
    RowBalance,
    RowDecision,
    RowOrder,
    RowPledge,
    RowPosition,
    RowSeen,
    RowUser,
    RowWithdrawal,
)
from tests.oracle.auditor import DecisionSummary, Event, Expected, SweptDecision
from tests.oracle.checks import Check
from tests.oracle.pledges import Taken
from tests.property.world import LANE, LANE_COUNT, TOPICS, Input

DECODE_ROW: Final[dict[bytes, Callable[[bytes], Any]]] = {
    keys.USER: decode_row_user,
    keys.BALANCE: decode_row_balance,
    keys.POSITION: decode_row_position,
    keys.ORDER: decode_row_order,
    keys.ALIAS: decode_row_alias,
    keys.WITHDRAWAL: decode_row_withdrawal,
    keys.PLEDGE: decode_row_pledge,
    keys.DECISION: decode_row_decision,
    keys.EXECUTION: decode_row_seen,
    keys.TRANSFER: decode_row_seen,
    keys.ALGORITHM: decode_row_algorithm,
    keys.RECENT: decode_row_recent,
    keys.BAND: decode_row_band,
    keys.RESTRICTION: decode_row_restriction,
    keys.RESULT: decode_row_result,
    keys.HOLDINGS: decode_row_holdings,
}
REMEMBERED: Final = (keys.DECISION, keys.EXECUTION, keys.TRANSFER)


class Left(NamedTuple):
    """The stored rows of a lane, and how far it has read each topic."""

    rows: dict[bytes, bytes]
    offsets: dict[str, int]


class Gate:
    """One lane over rows in memory. `rows` are what a crash leaves behind."""

    def __init__(self, left: "Left | None" = None) -> None:
        """A lane that has seen nothing, or one that goes on from what another has left."""
        self.rows = DictRows()
        self.offsets = dict.fromkeys(TOPICS, -1)
        if left is not None:
            self.rows.rows.update(left.rows)
            self.offsets.update(left.offsets)
        self.audit: list[bytes] = []
        self.processor = self._open()

    def _open(self) -> LaneProcessor:
        return LaneProcessor(LANE, LANE_COUNT, TOPICS, fixed_ids(), self.rows)

    def left(self) -> "Left":
        """What another lane needs to go on from here."""
        return Left(dict(self.rows.rows), dict(self.offsets))

    def restart(self) -> None:
        """Forget everything but the rows."""
        self.processor = self._open()

    def apply(self, given: Input) -> LaneOutput:
        """Take the next input and store the rows it changed, as a commit would."""
        self.offsets[given.topic] += 1
        key, value, oversized = bounded(given.key, given.value)
        output = self.processor.apply(
            TOPICS.index(given.topic),
            self.offsets[given.topic],
            given.timestamp_ms,
            key,
            value,
            None,
            given.timestamp_ms * 1000,
            False,
            oversized,
        )
        self.audit.append(output.audit)
        self.rows.store(output.rows)
        self.rows.store([self.processor.head_row()])
        return output

    def touched(self) -> dict[bytes, int]:
        """Stored row of an id to when it was touched, forgotten or not."""
        return {
            key: DECODE_ROW[key[:1]](body).touched_at
            for key, body in self.rows.rows.items()
            if key[:1] in REMEMBERED
        }

    def sweep(self) -> None:
        """Delete what is forgotten."""
        bound = self.processor.head.forgotten_before
        forgotten = [key for key, touched_at in self.touched().items() if touched_at < bound]
        self.rows.store([(key, None) for key in forgotten])

    def rows_of(self, kind: bytes) -> dict[tuple[str, ...], Any]:
        """The stored rows of a kind by the parts of their keys."""
        return {
            parts_of(key): DECODE_ROW[kind](body)
            for key, body in self.rows.rows.items()
            if key[:1] == kind
        }

    def users(self) -> dict[tuple[str, ...], RowUser]:
        """By user."""
        return self.rows_of(keys.USER)

    def balances(self) -> dict[tuple[str, ...], RowBalance]:
        """By user and currency."""
        return self.rows_of(keys.BALANCE)

    def positions(self) -> dict[tuple[str, ...], RowPosition]:
        """By user and instrument."""
        return self.rows_of(keys.POSITION)

    def orders(self) -> dict[tuple[str, ...], RowOrder]:
        """By user and order id."""
        return self.rows_of(keys.ORDER)

    def aliases(self) -> dict[tuple[str, ...], RowAlias]:
        """By user and alias."""
        return self.rows_of(keys.ALIAS)

    def executions(self) -> dict[tuple[str, ...], RowSeen]:
        """By user, order id, venue and exec id, those that are not forgotten."""
        bound = self.processor.head.forgotten_before
        rows = self.rows_of(keys.EXECUTION)
        return {key: row for key, row in rows.items() if row.touched_at >= bound}

    def decisions(self) -> dict[tuple[str, ...], RowDecision]:
        """By user and order id."""
        return self.rows_of(keys.DECISION)

    def withdrawals(self) -> dict[tuple[str, ...], RowWithdrawal]:
        """By user and withdrawal id."""
        return self.rows_of(keys.WITHDRAWAL)

    def pledges(self) -> dict[tuple[str, ...], RowPledge]:
        """By user, covered and covering currency."""
        return self.rows_of(keys.PLEDGE)


def parts_of(key: bytes) -> tuple[str, ...]:
    """The parts of a row's key after its kind."""
    parts: list[str] = []
    position = 1
    while position < len(key):
        end = position + 1 + key[position]
        parts.append(key[position + 1 : end].decode())
        position = end
    return tuple(parts)


def events_of(output: LaneOutput) -> list[RegulatoryEvent]:
    """The events an input led to, decoded."""
    return [decode_regulatory_event(body) for _, body in output.events]


def seen(output: LaneOutput) -> Expected:
    """What the gate made of an input, in the auditor's words."""
    decision = None
    if output.decision is not None:
        record = decode_decision(output.decision)
        decision = DecisionSummary(
            verdict=VERDICT_NAMES[record.verdict],
            reason_code=record.reason_code,
            duplicate_of=record.duplicate_of,
            hold_currency=record.hold_currency,
            hold_minor=record.hold_minor,
            protection_price_e9=record.protection_price_e9,
            fx_instrument_id=record.fx_instrument_id,
            fx_price_e9=record.fx_price_e9,
            fx_as_of=record.fx_as_of,
            passing_lots_max=record.passing_lots_max,
            cover=tuple(Taken(*(getattr(c, n) for n in Taken._fields)) for c in record.cover),
            checks=tuple(
                Check(
                    line.check,
                    CHECK_OUTCOME_NAMES[line.result],
                    line.reason_code,
                    line.observed,
                    line.limit,
                    line.limit_version,
                    line.headroom,
                )
                for line in record.checks
            ),
        )
    events = tuple(Event(e.event_type, e.tenant_id, e.reason_code) for e in events_of(output))
    outcome = AUDIT_OUTCOME_NAMES[output.outcome]
    audit = decode_audit_record(output.audit)
    swept = tuple(swept_decision(body) for body in audit.swept)
    return Expected(outcome, output.reason_code, decision, events, audit.core_version, swept)


def swept_decision(body: bytes) -> SweptDecision:
    """A decision of the gate's own, in the auditor's words."""
    record = decode_decision(body)
    return SweptDecision(
        origin=DECISION_ORIGIN_NAMES[record.origin],
        order_id=record.order_id,
        orig_order_id=record.orig_order_id or "",
        tenant_id=record.tenant_id,
        user_id=record.user_id,
        reason_code=record.reason_code,
        hold_currency=record.hold_currency or "",
        hold_minor=record.hold_minor,
    )
