"""A judge of single records: one outcome each, of those that its input can come to.

Owns what docs/rules.md promises of every record whatever is in it: its outcome and reason, its
place in the lane and the chain, one decision for an order, money that adds up. Keeps nothing of
the rules themselves; the auditor in tests/oracle does that.
"""

from hashlib import sha256
from typing import Any, Final, NamedTuple

from pipeline.audit.conservation import Conservation
from pipeline.codecs.avro import decode_audit_record, decode_dead_letter, decode_decision
from pipeline.lane.processor import LaneOutput
from pipeline.risk.reasons import ACCEPTED, APPLIED, DEAD_LETTERS, FACTS, PENDING, REJECTIONS, SWEPT
from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    AUDIT_OUTCOME_DECISION,
    AUDIT_OUTCOME_FACT,
    AUDIT_OUTCOME_IGNORED,
    AUDIT_OUTCOME_NAMES,
    DECISION_ORIGIN_CLIENT,
    VERDICT_ACCEPTED,
    AuditRecord,
)
from tests.fuzz.reading import INPUTS, UnreadableError, read_input

GATE_TIME_MAX: Final = 253_402_300_799_999_999
SWEPT_MAX: Final = 100

_TIME: Final = {"FACT_TOO_OLD", "EVENT_TIME_IN_FUTURE", "UNPLACED_FACT", "OUT_OF_RANGE"}
_REPEATS: Final = {
    "control": {"REPEATED_CONTROL"},
    "mark": set[str](),
    "deposit": {"REPEATED_DEPOSIT"},
    "fill": {"REPEATED_EXEC", "SUPERSEDED_EXEC"},
}
# What a record that could be read can come to: input -> outcome -> reasons.
REASONS: Final[dict[str, dict[int, set[str]]]] = {
    "order": {AUDIT_OUTCOME_DECISION: {ACCEPTED, *REJECTIONS}},
    "control": {
        AUDIT_OUTCOME_FACT: {APPLIED, PENDING},
        AUDIT_OUTCOME_IGNORED: _REPEATS["control"],
        AUDIT_OUTCOME_DEAD_LETTER: {"BAD_CONTROL"},
    },
    "mark": {
        AUDIT_OUTCOME_FACT: {APPLIED},
        AUDIT_OUTCOME_DEAD_LETTER: {"BAD_PRICE"},
    },
    "deposit": {
        AUDIT_OUTCOME_FACT: {
            APPLIED,
            "WITHDRAWAL_REFUSED",
            "WITHDRAWAL_REPEATED",
            "REPEATED_SESSION",
        },
        AUDIT_OUTCOME_IGNORED: _REPEATS["deposit"],
        AUDIT_OUTCOME_DEAD_LETTER: _TIME
        | {
            "FIELD_TOO_LONG",
            "BAD_AMOUNT",
            "BAD_PRICE",
            "WITHDRAWAL_ID_MISSING",
            "WITHDRAWAL_UNKNOWN",
            "SETTLEMENT_INCOMPLETE",
        },
    },
    "fill": {
        AUDIT_OUTCOME_FACT: {
            APPLIED,
            "UNKNOWN_ORDER",
            "REJECTED_ORDER",
            "UNKNOWN_EXEC",
            "REPEATED_BUST",
            "UNKNOWN_REPLACE",
            "LATE_FILL",
            "OVERFILL",
        },
        AUDIT_OUTCOME_IGNORED: _REPEATS["fill"],
        AUDIT_OUTCOME_DEAD_LETTER: _TIME
        | {"FIELD_TOO_LONG", "BAD_QUANTITY", "BAD_PRICE", "EXEC_REF_MISSING"},
    },
}
# Every reason that the product knows, by outcome; a sweep's stand under its name.
EVERY_REASON: Final = {
    *((AUDIT_OUTCOME_NAMES[AUDIT_OUTCOME_DECISION], reason) for reason in (ACCEPTED, *REJECTIONS)),
    *((AUDIT_OUTCOME_NAMES[AUDIT_OUTCOME_DEAD_LETTER], reason) for reason in DEAD_LETTERS),
    *(
        (AUDIT_OUTCOME_NAMES[outcome], reason)
        for reason in FACTS
        for outcome in (AUDIT_OUTCOME_FACT, AUDIT_OUTCOME_IGNORED)
        if (outcome == AUDIT_OUTCOME_IGNORED) == any(reason in r for r in _REPEATS.values())
    ),
    *(("SWEPT", reason) for reason in SWEPT),
}


class Sent(NamedTuple):
    """A record as it is put into the lane."""

    topic: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    traceparent: str | None


class WrongError(Exception):
    """What came of a record is not what may come of it."""


def require(holds: object, text: str) -> None:
    """Raise WrongError unless it holds."""
    if not holds:
        raise WrongError(text)


class Judge:
    """Follows one lane from its first record on."""

    def __init__(self, lane: int, lane_count: int) -> None:
        """Nothing has been sent yet."""
        self._lane: Final = lane
        self._lane_count: Final = lane_count
        self._sequence = 0
        self._gate_time = -1
        self._chain_head = bytes(32)
        self.control_number = 0
        self._conservation: Final = Conservation()
        # Orders that were accepted and may not be again: when each was touched.
        self._accepted: Final[dict[tuple[str, str], int]] = {}

    def take(self, sent: Sent, output: LaneOutput, forgotten_before: int) -> None:
        """Judge what came of the next record. Raises WrongError."""
        self._sequence += 1
        self._outcome(sent, output)
        audit = decode_audit_record(output.audit)
        self._place(sent, audit)
        require(
            (audit.outcome, audit.reason_code, audit.decision, audit.swept)
            == (output.outcome, output.reason_code, output.decision, [b for _, b in output.swept]),
            "the audit record tells another outcome",
        )
        self._chain_head = sha256(output.audit).digest()
        self._own_decisions(output)
        if output.decision is not None:
            self._accepted_once(output.decision, forgotten_before)
        self._conservation.observe(output.rows, self._sequence)
        require(self._conservation.problem is None, f"{self._conservation.problem}")

    def _outcome(self, sent: Sent, output: LaneOutput) -> None:
        outcome, reason = output.outcome, output.reason_code
        came_to = f"{AUDIT_OUTCOME_NAMES[outcome]} {reason}"
        is_letter = outcome == AUDIT_OUTCOME_DEAD_LETTER
        require(is_letter == (output.dead_letter is not None), f"{came_to}: letter or none")
        is_decision = outcome == AUDIT_OUTCOME_DECISION
        require(is_decision == (output.decision is not None), f"{came_to}: decision or none")
        if output.dead_letter is not None:
            letter = decode_dead_letter(output.dead_letter)
            require(letter.reason_code == reason, f"{came_to}: the letter says another reason")
            require(reason in DEAD_LETTERS, f"{came_to}: no known reason")
        name = INPUTS[sent.topic]
        try:
            record = read_input(sent.topic, sent.key, sent.value, self._lane, self._lane_count)
        except UnreadableError as unread:
            require(
                is_letter and reason == unread.reason,
                f"{came_to}, but it is a dead letter {unread.reason}",
            )
            return
        known = REASONS[name].get(outcome, set())
        require(reason in known, f"{came_to}, which a readable {name} cannot come to")
        self._answer(record, name, output)

    def _answer(self, record: dict[str, Any], name: str, output: LaneOutput) -> None:
        """That the answer is to this record, and that control is counted."""
        if output.decision is not None:
            decision = decode_decision(output.decision)
            require(
                (decision.user_id, decision.order_id, decision.lane_sequence, decision.reason_code)
                == (record["user_id"], record["order_id"], self._sequence, output.reason_code),
                "the decision is on another record",
            )
            accepted = decision.reason_code == ACCEPTED
            require(
                accepted == (decision.verdict == VERDICT_ACCEPTED), "reason and verdict disagree"
            )
            require(decision.origin == DECISION_ORIGIN_CLIENT, "a client's order is the gate's own")
        if name == "control":
            is_next = record["number"] == self.control_number + 1
            ignored = output.outcome == AUDIT_OUTCOME_IGNORED
            require(is_next != ignored, f"control record {record['number']} was taken wrongly")
            self.control_number += is_next

    def _place(self, sent: Sent, audit: AuditRecord) -> None:
        """Where the record stands in the lane."""
        clock = max(self._gate_time, sent.timestamp_ms * 1000, 0)
        self._gate_time = min(clock, GATE_TIME_MAX)
        require(audit.lane_sequence == self._sequence, f"lane sequence {audit.lane_sequence}")
        require(audit.previous_hash == self._chain_head, "the hash chain is broken")
        require(audit.gate_time == self._gate_time, f"gate time {audit.gate_time}")
        require(audit.control_number == self.control_number, "control number miscounted")
        require(
            (audit.source_offset, audit.record_time, audit.traceparent)
            == (sent.offset, sent.timestamp_ms, sent.traceparent),
            "the audit record is of another input",
        )
        if audit.oversized_sha256 is None:
            require(audit.value == sent.value, "the audit record holds another value")
        else:
            digest = sha256(sent.value or b"").digest()
            require(audit.oversized_sha256 == digest, "the audit record has another hash")

    def _own_decisions(self, output: LaneOutput) -> None:
        require(len(output.swept) <= SWEPT_MAX, "more was swept than may be at once")
        for number, (user, body) in enumerate(output.swept, start=1):
            own = decode_decision(body)
            own_id = f"gate:{self._lane}:{self._sequence}:{number}"
            require((own.user_id, own.order_id) == (user, own_id), "swept under another id")
            require(own.reason_code in SWEPT, f"swept as {own.reason_code}")
            require(own.origin != DECISION_ORIGIN_CLIENT, "swept by a client")

    def _accepted_once(self, body: bytes, forgotten_before: int) -> None:
        decision = decode_decision(body)
        if decision.verdict != VERDICT_ACCEPTED or decision.duplicate_of is not None:
            return
        who = (decision.user_id, decision.order_id)
        touched_at = self._accepted.get(who, -1)
        require(touched_at < forgotten_before, f"{who} was accepted twice")
        self._accepted[who] = max(decision.gate_time, decision.event_time)
