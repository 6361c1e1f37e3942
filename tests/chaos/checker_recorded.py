"""What a sound run leaves in Kafka, made without Kafka: for tests of the judge.

Owns a lane in memory and its topics as lists. Must never judge.
"""

from pipeline.codecs.avro import encode_row_lane
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import RowLane
from tests.chaos.checker_history import CHANGELOG, INPUTS, OUTPUTS, History, Record
from tests.oracle.arithmetic import murmur2
from tests.property.gate import Gate, events_of
from tests.property.histories import LANE, LANE_COUNT, Input


class Run:
    """A lane and everything that it read and wrote."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.records: dict[str, list[Record]] = {
            name: [] for name in (*INPUTS, *OUTPUTS, CHANGELOG)
        }

    def apply(self, given: Input) -> None:
        """Take an input and publish what comes of it."""
        output = self.gate.apply(given)
        self._write(given.topic, LANE, given.key, given.value, given.timestamp_ms)
        self._publish(given, output)

    def history(self) -> History:
        """What a reader finds."""
        return History(
            lane_count=LANE_COUNT,
            prefix="",
            clock="record",
            records={name: list(found) for name, found in self.records.items()},
            committed={
                (topic, LANE): offset + 1
                for topic, offset in self.gate.offsets.items()
                if offset >= 0
            },
        )

    def _publish(self, given: Input, output: LaneOutput) -> None:
        ids = fixed_ids()
        self._write("audit", LANE, given.key, ids.frame("audit_record") + output.audit)
        for user, body in output.swept:
            self._write("decisions", LANE, user.encode(), ids.frame("decision") + body)
        if output.decision is not None:
            self._write("decisions", LANE, given.key, ids.frame("decision") + output.decision)
        if output.dead_letter is not None:
            letter = ids.frame("dead_letter") + output.dead_letter
            self._write("dead-letters", LANE, given.key, letter)
        for event, (tenant, body) in zip(events_of(output), output.events, strict=True):
            key = event.tenant_id.encode()
            partition = murmur2(tenant.encode()) % LANE_COUNT
            value = ids.frame("regulatory_event") + body
            self._write("regulatory-events", partition, key, value)
        for key, row in [*output.rows, self.gate.processor.head_row(), self._lane_row()]:
            self._write(CHANGELOG, LANE, key, row)

    def _lane_row(self) -> tuple[bytes, bytes]:
        applied = {name: at for name, at in self.gate.offsets.items() if at >= 0}
        return b"L", encode_row_lane(RowLane(LANE, 1, applied))

    def _write(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, at_ms: int = 0
    ) -> None:
        """Append to a partition; outputs leave the gaps that transaction markers leave."""
        step = 1 if topic in INPUTS else 2
        offset = step * sum(record.partition == partition for record in self.records[topic])
        self.records[topic].append(Record(topic, partition, offset, at_ms, key, value))
