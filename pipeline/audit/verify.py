"""Re-reads the audit topic, checks its chains, and replays the pure core from it alone.

Owns the judgement an auditor needs: that nothing in a lane's line of records is missing, changed or
out of order; that the core, given the recorded inputs, comes to the same bytes (each replayed audit
record is compared whole: decision, digests of outputs and state, hash); that the decisions topic
says what the audit says; that the money adds up after every input. Reads committed records only,
joins no group, changes nothing.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from pipeline.audit.conservation import Conservation
from pipeline.audit.recorded import RecordedLane, audit_body
from pipeline.codecs.avro import decode_audit_record, decode_decision, decode_fill
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.registry import schema_ids
from pipeline.codecs.wire import FRAME_BYTES, SchemaIds
from pipeline.lane.processor import FILLS, ZERO_HASH
from pipeline.risk.core_versions import CORE_VERSIONS, UnknownCore, known_cores
from pipeline.risk.executions import is_trade
from pipeline.risk.reasons import ACCEPTED
from pipeline.risk.records import (
    AUDIT_OUTCOME_DECISION,
    AUDIT_OUTCOME_FACT,
    ORDER_ACTION_NEW,
    AuditRecord,
)
from pipeline.settings import Settings
from pipeline.streaming.topic_reader import partition_count, read_topic
from pipeline.topics import AUDIT, DECISIONS, LANE_INPUTS

_PROBLEMS_MAX: Final = 20
_PROGRESS_EVERY: Final = 1_000


@dataclass
class VerifyResult:
    """What was found.

    `records`: audit records read; `replayed`: how many of them the core came to again;
    `differences`: records that are missing, altered, or that the core did not come to;
    `unknown_core`: records that only a release with another core can replay, which are neither
    proved nor disproved. `accepted` and `rejected_by_reason` count first answers to NEW orders,
    `fills` those that traded, `swept` orders that gate time ended.
    """

    ok: bool = False
    lanes: int = 0
    records: int = 0
    replayed: int = 0
    differences: int = 0
    unknown_core: int = 0
    conservation_ok: bool = True
    decisions: int = 0
    accepted: int = 0
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    fills: int = 0
    swept: int = 0
    open_holds_count: int = 0
    open_holds_minor: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class LaneVerifier:
    """Judges the audit records of one lane, in their order."""

    def __init__(self, lane: int, lane_count: int, topics: list[str], ids: SchemaIds) -> None:
        self.lane: Final = lane
        self.topics: Final = topics
        self.recorded: Final = RecordedLane(lane, lane_count, topics, ids)
        self.rows: Final = self.recorded.rows
        self.conservation: Final = Conservation()
        self.rejected: Final[Counter[str]] = Counter()
        self.decisions_hash: Final = sha256()
        self.records = self.replayed = self.decisions = self.accepted = self.fills = 0
        self.differences = self.unknown_core = self.swept = 0
        self.problem: str | None = None
        self.core_problem: str | None = None
        self._offsets: Final[dict[str, int]] = {}
        self._hash = ZERO_HASH

    def take(self, body: bytes) -> None:
        """The next record's Avro body."""
        self.records += 1
        try:
            record = decode_audit_record(body)
        except MalformedAvro as error:
            self._differ(f"record {self.records} cannot be read: {error}")
            return
        place = f"lane {self.lane}, sequence {record.lane_sequence}"
        if record.lane != self.lane or record.lane_sequence != self.records:
            self._differ(f"{place}: {self.records} was due")
        elif record.previous_hash != self._hash:
            self._differ(f"{place}: it does not follow the record before it")
        elif record.source_offset <= self._offsets.get(record.source_topic, -1):
            self._differ(f"{place}: offset {record.source_offset} was applied before")
        elif record.core_version not in CORE_VERSIONS:
            self._leave_out(place, record.core_version)
        elif self.problem is None and self.core_problem is None:
            self._replay(place, record, body)
        self._offsets[record.source_topic] = record.source_offset
        self._hash = sha256(body).digest()
        self._count(record)

    def _replay(self, place: str, record: AuditRecord, body: bytes) -> None:
        if record.source_topic not in self.topics:
            self._differ(f"{place}: {record.source_topic} is no input of the gate")
            return
        try:
            output = self.recorded.replay(record)
        except UnknownCore as needed:
            self._leave_out(place, needed.version)
            return
        if output.audit != body:
            self._differ(f"{place}: the core comes to another result")
            return
        self.replayed += 1
        self.conservation.observe(output.rows, record.lane_sequence)

    def _leave_out(self, place: str, version: int) -> None:
        """A record that this release has no core for: no judgement on it or what follows."""
        self.unknown_core += 1
        self.core_problem = self.core_problem or (
            f"{place}: needs core {version}, this release knows {known_cores()}: verify it with a "
            f"release that knows core {version}"
        )

    def _differ(self, problem: str) -> None:
        self.differences += 1
        self.problem = self.problem or problem

    def _count(self, record: AuditRecord) -> None:
        for body in record.swept:
            self._publish(body)
            self.swept += 1
        if record.outcome == AUDIT_OUTCOME_FACT and record.source_topic == self.topics[FILLS]:
            self.fills += int(is_trade(decode_fill(record.value or b"", FRAME_BYTES)))
        if record.outcome != AUDIT_OUTCOME_DECISION or record.decision is None:
            return
        self._publish(record.decision)
        decision = decode_decision(record.decision)
        if decision.duplicate_of is not None or decision.action != ORDER_ACTION_NEW:
            return
        if decision.reason_code == ACCEPTED:
            self.accepted += 1
        else:
            self.rejected[decision.reason_code] += 1

    def _publish(self, decision: bytes) -> None:
        self.decisions += 1
        self.decisions_hash.update(len(decision).to_bytes(4, "big") + decision)


def verify(settings: Settings, progress: Callable[[int], None] | None = None) -> VerifyResult:
    """Judge all lanes. `progress(records)` is called now and then.

    Raises TopicError when Kafka cannot be read.
    """
    ids = schema_ids(settings)
    topic = settings.topic(AUDIT.name)
    lane_count = partition_count(settings, topic)
    topics = [settings.topic(name.name) for name in LANE_INPUTS]
    lanes = [LaneVerifier(lane, lane_count, topics, ids) for lane in range(lane_count)]
    for count, message in enumerate(read_topic(settings, topic, range(lane_count)), start=1):
        lanes[message.partition() or 0].take(audit_body(message.value(), ids))
        if progress is not None and count % _PROGRESS_EVERY == 0:
            progress(count)
    result = _sum(lanes)
    _compare_decisions(settings, lanes, result)
    unproved = result.differences + result.unknown_core
    result.ok = unproved == 0 and result.conservation_ok
    return result


def _compare_decisions(settings: Settings, lanes: list[LaneVerifier], result: VerifyResult) -> None:
    """What was published must be what the audit says was decided."""
    published = [sha256() for _ in lanes]
    counts = [0] * len(lanes)
    topic = settings.topic(DECISIONS.name)
    for message in read_topic(settings, topic, range(len(lanes))):
        lane = message.partition() or 0
        body = (message.value() or b"")[FRAME_BYTES:]
        published[lane].update(len(body).to_bytes(4, "big") + body)
        counts[lane] += 1
    for lane, verifier in enumerate(lanes):
        if published[lane].digest() != verifier.decisions_hash.digest():
            result.differences += 1
            result.problems.append(
                f"lane {lane}: the {counts[lane]} published decisions are not the "
                f"{verifier.decisions} of the audit"
            )


def _sum(lanes: list[LaneVerifier]) -> VerifyResult:
    result = VerifyResult(lanes=len(lanes))
    rejected: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for lane in lanes:
        result.records += lane.records
        result.replayed += lane.replayed
        result.differences += lane.differences
        result.unknown_core += lane.unknown_core
        result.decisions += lane.decisions
        result.accepted += lane.accepted
        result.fills += lane.fills
        result.swept += lane.swept
        rejected.update(lane.rejected)
        orders, holds = lane.conservation.open_holds()
        result.open_holds_count += orders
        held.update(holds)
        for problem in (lane.problem, lane.core_problem, lane.conservation.problem):
            if problem is not None and len(result.problems) < _PROBLEMS_MAX:
                result.problems.append(problem)
        if lane.conservation.problem is not None:
            result.conservation_ok = False
    result.rejected_by_reason = dict(rejected.most_common())
    result.open_holds_minor = dict(held)
    return result
