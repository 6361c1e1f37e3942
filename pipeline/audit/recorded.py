"""A lane as its audit records tell it: read them, and let the core come to each again.

Owns what `verify` and `explain` need alike. Judges nothing: who replays compares.
"""

from typing import Final

from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import unframe
from pipeline.codecs.wire import FRAME_BYTES, SchemaIds
from pipeline.lane.processor import LaneOutput, LaneProcessor, Oversized
from pipeline.lane.rows import DictRows
from pipeline.risk.records import AuditRecord
from pipeline.topics import AUDIT


def audit_body(value: bytes | None, ids: SchemaIds) -> bytes:
    """The body of an audit record as it was written; empty, which none is, for anything else."""
    try:
        name, _, _ = unframe(value, ids)
    except MalformedAvro:
        return b""
    return (value or b"")[FRAME_BYTES:] if name == AUDIT.schema else b""


class RecordedLane:
    """The core over the rows that a lane's own inputs have led to."""

    def __init__(self, lane: int, lane_count: int, topics: list[str], ids: SchemaIds) -> None:
        """A lane before its first input. `topics`: the broker's names of the five inputs."""
        self.topics: Final = topics
        self.rows: Final = DictRows()
        self.processor: Final = LaneProcessor(lane, lane_count, topics, ids, self.rows)

    def replay(self, record: AuditRecord) -> LaneOutput:
        """What the core comes to. Raises UnknownCore for a core that this release has not."""
        if record.lane_sequence == 1:
            # A lane begins with the oldest core of the release that opened it; after that, only
            # its own inputs put another one in force.
            self.processor.head.core_version = record.core_version
        output = self.processor.apply(
            self.topics.index(record.source_topic),
            record.source_offset,
            record.record_time,
            record.key,
            record.value,
            record.traceparent,
            record.gate_time,
            record.out_of_sync,
            _oversized(record),
        )
        self.rows.store(output.rows)
        return output


def _oversized(record: AuditRecord) -> Oversized | None:
    if record.oversized_length is None or record.oversized_sha256 is None:
        return None
    return Oversized(record.oversized_length, record.oversized_sha256)
