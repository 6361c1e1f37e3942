"""One lane of fuzzing: the real processor over rows in memory, with a judge beside it.

Owns how records are put through a lane, when it is opened again from its rows, and the second
lane that never crashes. Raises nothing: what went wrong is told with how to see it again.
"""

import traceback
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Final

from pipeline.codecs.avro import decode_decision
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.processor import LaneOutput, LaneProcessor, bounded
from pipeline.lane.rows import DictRows
from pipeline.risk.keys import DECISION, EXECUTION, TRANSFER
from pipeline.risk.records import AUDIT_OUTCOME_NAMES
from tests.fuzz.judge import Judge, Sent, WrongError, require
from tests.fuzz.source import Source
from tests.property.gate import DECODE_ROW
from tests.property.world import LANE, LANE_COUNT, TOPICS

# Every so many lanes there is a second one, which must come to the same bytes.
TWIN_EVERY: Final = 4
# Chances, of a record, that a lane crashes before it, or forgets its cache.
_CRASH: Final = 0.005
_TRIM: Final = 0.02
_SHOWN_BYTES_MAX: Final = 4_096
_REMEMBERED: Final = (DECISION, EXECUTION, TRANSFER)


@dataclass
class Summary:
    """What many records came to."""

    records: int = 0
    # (outcome, reason) -> records; under SWEPT the orders that were swept.
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        """Take in what another process found."""
        self.records += other.records
        self.reasons += other.reasons
        self.failures += other.failures

    def outcomes(self, name: str) -> int:
        """How many records came to an outcome."""
        return sum(count for (outcome, _), count in self.reasons.items() if outcome == name)


class FuzzedLane:
    """A processor and its rows, which a crash leaves behind."""

    def __init__(self) -> None:
        """A lane that has seen nothing."""
        self.rows: Final = DictRows()
        self.processor = self._open()

    def _open(self) -> LaneProcessor:
        return LaneProcessor(LANE, LANE_COUNT, TOPICS, fixed_ids(), self.rows)

    def crash(self) -> None:
        """Go on from the rows alone, without those that are forgotten."""
        bound = self.processor.head.forgotten_before
        stored = list(self.rows.rows.items())
        forgotten = [k for k, b in stored if k[:1] in _REMEMBERED and _touched_at(k, b) < bound]
        self.rows.store([(key, None) for key in forgotten])
        self.processor = self._open()

    def trim(self) -> None:
        """Forget every cached row."""
        self.processor.trim(0)
        self.processor.trim(0)

    def apply(self, sent: Sent) -> LaneOutput:
        """Put the next record through and store what it changed, as a commit would."""
        key, value, oversized = bounded(sent.key, sent.value)
        output = self.processor.apply(
            sent.topic,
            sent.offset,
            sent.timestamp_ms,
            key,
            value,
            sent.traceparent,
            sent.timestamp_ms * 1000,
            False,
            oversized,
        )
        self.rows.store(output.rows)
        self.rows.store([self.processor.head_row()])
        return output


def _touched_at(key: bytes, body: bytes) -> int:
    touched_at: int = DECODE_ROW[key[:1]](body).touched_at
    return touched_at


def run_lane(seed: int, records: int) -> Summary:
    """The first `records` records of the lane of a seed, up to the first failure."""
    summary = Summary()
    source = Source(seed)
    crashes = Random(f"crashes {seed}")
    judge = Judge(LANE, LANE_COUNT)
    lane = FuzzedLane()
    twin = FuzzedLane() if seed % TWIN_EVERY == 0 else None
    for index, sent in enumerate(islice(source, records)):
        try:
            if crashes.random() < _CRASH:
                lane.crash()
            if crashes.random() < _TRIM:
                lane.trim()
            output = lane.apply(sent)
            judge.take(sent, output, lane.processor.head.forgotten_before)
            if twin is not None:
                same = bytes_of(twin.apply(sent)) == bytes_of(output)
                require(same, "the lane that never crashed comes to other bytes")
        except Exception as error:  # noqa: BLE001 -- any of them would stop a worker
            summary.failures.append(failure(seed, index, sent, error))
            return summary
        source.next_control = judge.control_number + 1
        summary.records += 1
        summary.reasons[AUDIT_OUTCOME_NAMES[output.outcome], output.reason_code] += 1
        for _, body in output.swept:
            summary.reasons["SWEPT", decode_decision(body).reason_code] += 1
    if twin is not None:
        twin.crash()
        lane.crash()
        if twin.rows.rows != lane.rows.rows:
            summary.failures.append(f"seed {seed}: after crashes the lane has other rows")
    return summary


def bytes_of(output: LaneOutput) -> tuple[object, ...]:
    """Everything that leaves the lane."""
    return (
        output.outcome,
        output.reason_code,
        output.swept,
        output.decision,
        output.audit,
        output.events,
        output.dead_letter,
        output.rows,
    )


def failure(seed: int, index: int, sent: Sent, error: Exception) -> str:
    """What went wrong, with which record, and how to see it again."""
    told = str(error) if isinstance(error, WrongError) else traceback.format_exc().strip()
    value = "none" if sent.value is None else sent.value[:_SHOWN_BYTES_MAX].hex()
    length = 0 if sent.value is None else len(sent.value)
    key = "none" if sent.key is None else sent.key[:_SHOWN_BYTES_MAX].hex()
    return (
        f"seed {seed}, record {index}: {told}\n"
        f"  {TOPICS[sent.topic]} at {sent.timestamp_ms} ms, offset {sent.offset}, key {key}\n"
        f"  value of {length} bytes: {value}\n"
        f"  again: make fuzz SEED={seed} RECORDS={index + 1}"
    )
