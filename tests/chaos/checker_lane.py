"""Judges one lane: its inputs, its audit, and all that was published for each input.

Owns the walk along the audit records: the chain, the clock, which input each is of, what the
independent auditor makes of that input, and whether every topic says the same. The state that is
left at the end is `checker_state.py`'s business.
"""

from collections import Counter
from hashlib import sha256
from itertools import zip_longest
from typing import Any, Final

from tests.chaos.checker_answers import Answers
from tests.chaos.checker_auditor import LaneAuditor
from tests.chaos.checker_events import EventJudge
from tests.chaos.checker_findings import Findings, Kind
from tests.chaos.checker_history import INPUTS, History, Record
from tests.chaos.checker_outputs import DEAD_LETTERS, DECISIONS, EVENTS, LaneOutputs, Output
from tests.flow import decode_body
from tests.oracle.auditor import (
    GATE_TIME_MAX,
    INPUT_BYTES_MAX,
    ControlGapError,
    Expected,
    UnknownCoreError,
)

KEY_BYTES_MAX: Final = 1_025
OVERSIZED_BYTES_KEPT: Final = 65_536


class LaneJudge:
    """One lane. After `walk`, `auditor` is where the inputs led, in the order of the audit.

    `applied`: topic -> highest offset; `sequence`, `chain_head` and `last_audit` are of the last
    record. `lost_thread`: the auditor could not follow, so there is no state to compare.
    """

    def __init__(
        self,
        history: History,
        lane: int,
        inputs: dict[tuple[str, int], Record],
        outputs: LaneOutputs,
        findings: Findings,
    ) -> None:
        """`inputs`: the lane's input records by (topic, offset)."""
        self.lane: Final = lane
        self.auditor: Final = LaneAuditor(lane, history.lane_count)
        self.applied: Final[dict[str, int]] = {}
        self.chain_head = bytes(32)
        self.lost_thread = False
        self.last_audit: dict[str, Any] | None = None
        self.sequence = 0
        self.events: Final = EventJudge()
        self._answers: Final = Answers()
        self._history: Final = history
        self._inputs: Final = inputs
        self._outputs: Final = outputs
        self._findings: Final = findings
        self._gate_time = -1
        self._place = f"lane {lane}"

    def walk(self) -> None:
        """Judge every audit record, then what no audit record accounts for."""
        self._count_inputs()
        for audit in self._outputs.audit:
            self._step(audit)
        for topic, by_sequence in self._outputs.by_sequence.items():
            for sequence, left in by_sequence.items():
                self._add(
                    "contradicted",
                    f"{left[0].record.place} is of sequence {sequence}, of which {topic} should "
                    "have nothing: no audit record is left for it",
                )

    def _add(self, kind: Kind, sentence: str) -> None:
        self._findings.add(kind, f"{self._place}: {sentence}")

    # -- inputs

    def _count_inputs(self) -> None:
        """Every input record has one audit record."""
        applied = Counter(self._source(audit.content) for audit in self._outputs.audit)
        for place, record in self._inputs.items():
            count = applied.pop(place, 0)
            if count == 0:
                self._add("lost", f"{record.place} was never applied")
            elif count > 1:
                self._add("doubled", f"{record.place} was applied {count} times")
        for topic, offset in applied:
            self._add("contradicted", f"{topic}[{self.lane}]@{offset} was applied and is no input")

    def _source(self, audit: dict[str, Any]) -> tuple[str, int]:
        return audit["source_topic"].removeprefix(self._history.prefix), audit["source_offset"]

    def _step(self, audit: Output) -> None:
        """Judge one audit record and all that belongs to its sequence."""
        content = audit.content
        source, offset = self._source(content)
        sequence = content["lane_sequence"]
        self._place = f"lane {self.lane}, sequence {sequence} ({source}[{self.lane}]@{offset})"
        is_new = self._chain(audit)
        self._clock(content)
        if offset <= self.applied.get(source, -1):
            self._add("broken", f"offset {self.applied[source]} of the topic was applied before")
        self.applied[source] = max(offset, self.applied.get(source, -1))
        given = self._inputs.get((source, offset))
        self._decisions(content, self._outputs.take(DECISIONS, sequence))
        letter = self._letter(content, self._outputs.take(DEAD_LETTERS, sequence))
        published = self._outputs.take(EVENTS, sequence)
        if source not in INPUTS or content["source_partition"] != self.lane or given is None:
            self._add("contradicted", "it is the audit record of no input of this lane")
            return
        self._same_input(content, given)
        control_number = self.auditor.control_number
        expected = self._recompute(content, given) if is_new else None
        if expected is None:
            return
        in_order = self.events.judge(expected.events, published, self.auditor, self._add)
        bodies = [event.body for event in in_order]
        digest = outputs_digest(content["swept"], content["decision"], bodies, letter)
        if content["outputs_digest"] != digest:
            self._add("contradicted", "outputs_digest is not that of what was published")
        # The gate's own decisions come before the input, which may be a control record.
        swept = [self._decoded(body) for body in content["swept"]]
        as_swept = content | {"control_number": control_number}
        self._answers.judge_swept(swept, as_swept, expected.swept, self._add)
        self._compare(content, expected)

    def _chain(self, audit: Output) -> bool:
        """Whether the record's number is a new one; and findings where it does not follow."""
        sequence = audit.content["lane_sequence"]
        if sequence != self.sequence + 1:
            self._add("broken", f"sequence {self.sequence + 1} was due")
        if audit.content["previous_hash"] != self.chain_head:
            self._add("broken", "previous_hash is not the hash of the record before it")
        is_new: bool = sequence > self.sequence
        self.sequence = max(sequence, self.sequence)
        self.chain_head = sha256(audit.body).digest()
        self.last_audit = audit.content
        return is_new

    def _clock(self, audit: dict[str, Any]) -> None:
        gate_time = audit["gate_time"]
        if gate_time < self._gate_time:
            self._add("broken", f"gate time went back from {self._gate_time} to {gate_time}")
        elif self._history.clock == "record":
            due = min(max(self._gate_time, audit["record_time"] * 1000, 0), GATE_TIME_MAX)
            if gate_time != due:
                self._add(
                    "contradicted", f"gate time is {gate_time}, the record's clock says {due}"
                )
        self._gate_time = max(gate_time, self._gate_time)

    def _same_input(self, audit: dict[str, Any], given: Record) -> None:
        """The audit holds the input's bytes, bounded."""
        key, value = given.key, given.value
        length = digest = None
        if value is not None and len(value) > INPUT_BYTES_MAX:
            length, digest = len(value), sha256(value).digest()
            value = value[:OVERSIZED_BYTES_KEPT]
        kept = (None if key is None else key[:KEY_BYTES_MAX], value, length, digest)
        found = (audit["key"], audit["value"], audit["oversized_length"], audit["oversized_sha256"])
        if kept != found or audit["record_time"] != given.timestamp_ms:
            self._add("contradicted", "the audit record holds other bytes than the input")

    def _recompute(self, audit: dict[str, Any], given: Record) -> Expected | None:
        """What the independent auditor makes of the input; None once it cannot follow."""
        if self.lost_thread:
            return None
        self.auditor.sequence = audit["lane_sequence"] - 1
        try:
            return self.auditor.apply_at(audit["gate_time"], given.topic, given.key, given.value)
        except (ControlGapError, UnknownCoreError) as stop:
            self._add("contradicted", f"it must have stopped the lane: {stop!r}")
            self.lost_thread = True
            return None

    # -- what was published

    def _decisions(self, audit: dict[str, Any], found: list[Output]) -> None:
        """The topic has each decision of the audit once, to the last byte and in its order."""
        own = audit["decision"]
        due = [*audit["swept"], *([] if own is None else [own])]
        missing, more = list(due), []
        for published in found:
            if published.body in missing:
                missing.remove(published.body)
            else:
                more.append(published)
        for body, published in zip_longest(missing, more):
            if published is None:
                what = "decision" if body == own else "decision on a swept order"
                self._add("lost", f"its {what} was not published")
            elif body is not None:
                self._add(
                    "contradicted", f"{published.record.place} is not the decision of the audit"
                )
            elif published.body in due:
                self._add(
                    "doubled", f"its decision was published again as {published.record.place}"
                )
            else:
                place = published.record.place
                self._add("contradicted", f"{place} is a decision that the audit has not")
        if not missing and not more and [published.body for published in found] != due:
            self._add("broken", "its decisions do not stand in the order of the audit")

    def _decoded(self, body: bytes) -> dict[str, Any] | None:
        """A decision that the audit has."""
        try:
            return decode_body("decision", body)
        except Exception as error:  # noqa: BLE001 -- fastavro raises whatever the bytes provoke
            self._add("contradicted", f"a decision in its audit cannot be read: {error!r}")
            return None

    def _letter(self, audit: dict[str, Any], found: list[Output]) -> bytes | None:
        """The dead letter's body, if there is one."""
        due = int(audit["outcome"] == "DEAD_LETTER")
        if len(found) < due:
            self._add("lost", "its dead letter was not published")
        elif found and due == 0:
            place = found[0].record.place
            self._add("contradicted", f"{place} is a dead letter that the audit has not")
        elif len(found) > due:
            place = found[-1].record.place
            self._add("doubled", f"its dead letter was published again as {place}")
        if not found:
            return None
        said = found[0].content
        same = ("reason_code", "source_topic", "source_partition", "source_offset", "record_time")
        if any(said[name] != audit[name] for name in same):
            self._add(
                "contradicted", f"{found[0].record.place} is not the dead letter of the audit"
            )
        return found[0].body

    def _compare(self, audit: dict[str, Any], expected: Expected) -> None:
        """The audit record and the decision say what the auditor says."""
        said = (audit["outcome"], audit["reason_code"])
        if said != (expected.outcome, expected.reason_code):
            due = f"{expected.outcome} {expected.reason_code}"
            self._add("contradicted", f"it ended as {said[0]} {said[1]}, not as {due}")
        if audit["core_version"] != expected.core_version:
            self._add("contradicted", f"core {audit['core_version']} was not in force")
        if audit["control_number"] != self.auditor.control_number:
            self._add("contradicted", f"control number {audit['control_number']} was not in force")
        body = audit["decision"]
        decision = None if body is None else self._decoded(body)
        if decision is not None:
            self._answers.judge(decision, audit, expected, self.auditor, self._add)


def outputs_digest(
    swept: list[bytes], decision: bytes | None, events: list[bytes], letter: bytes | None
) -> bytes:
    """SHA-256 over an input's outputs, each with its kind and length."""
    outputs = [
        *((b"G", body) for body in swept),
        (b"D", decision),
        *((b"E", event) for event in events),
        (b"L", letter),
    ]
    return sha256(
        b"".join(
            kind + len(body).to_bytes(4, "big") + body for kind, body in outputs if body is not None
        )
    ).digest()
