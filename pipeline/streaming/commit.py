"""The steps of a commit: outputs, changed rows and source offsets in one Kafka transaction.

Owns their order, and nothing about time: `transaction.py` decides when. The steps run one after
another in one thread, over either of two producers; between any two of them the
process may die or be stopped, and what that leaves behind is what recovery has to understand. Only
step 7 touches RocksDB, so a store is never ahead of Kafka. What is committed was closed before: the
lanes may go on deciding meanwhile, into the next open work.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException

from pipeline import points
from pipeline.lane.batch import OutputSink
from pipeline.points import reached
from pipeline.risk.state import InvariantViolated
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import StoreMark, partition_id

_log: Final = structlog.get_logger(__name__)

# (topic, partition), or (family, partition).
Place = tuple[str, int]
LanePlaces = dict[Place, int]

_STEP_TIMEOUT_S: Final = 10.0


class Membership(NamedTuple):
    """A member of a consumer group as it was at an assignment."""

    group: str
    generation: int
    member_id: str
    instance_id: str | None = None


class TransactionalProducer(Protocol):
    """What a commit needs of a producer; errors are confluent_kafka's KafkaException."""

    def begin_transaction(self) -> None:
        """Open a transaction, here only."""
        ...

    def new_outputs(self) -> OutputSink:
        """Where outputs of a transaction to come are put; called beside the one that is open."""
        ...

    def send_outputs(self, outputs: Any) -> None:
        """Queue what was put into one of `new_outputs`."""
        ...

    def send_rows(
        self,
        topic: str,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        delivered: Callable[[int], None],
    ) -> None:
        """Queue rows, None deletes; `delivered` is told the offset of the last one."""
        ...

    def flush(self, timeout: float) -> None:
        """Send what is queued."""
        ...

    def send_offsets(
        self, offsets: Mapping[Place, int], membership: Membership, timeout: float
    ) -> None:
        """Add source offsets; refused for a membership that is not the group's."""
        ...

    def commit_transaction(self, timeout: float) -> None:
        """Commit; a retriable error leaves the outcome open."""
        ...


class ClosedWork:
    """What one commit holds.

    `outputs` in the order of the lanes' work; `rows` of each lane that advanced, its lane row last;
    `offsets`: (topic, partition) -> the offset to read on from.
    """

    def __init__(
        self,
        outputs: OutputSink,
        lanes: Mapping[Place, TableLane],
        offsets: Mapping[Place, int],
    ) -> None:
        """Takes what is dirty in the lanes."""
        self.outputs: Final = outputs
        self.lanes: Final = lanes
        self.offsets: Final = offsets
        self.rows: Final = {place: lane.take_dirty() for place, lane in lanes.items()}
        # When all of it had been handed to the producer, in monotonic microseconds.
        self.produced_us = 0


class OpenWork:
    """What the lanes of a worker have come to since work was last closed."""

    def __init__(self, outputs: OutputSink) -> None:
        self.outputs: Final = outputs
        self.offsets: Final[dict[Place, int]] = {}
        # (family, partition) -> lane.
        self.lanes: Final[dict[Place, TableLane]] = {}
        self.inputs = 0

    def add(self, lane: TableLane, applied: Mapping[str, int], inputs: int) -> None:
        """What a batch came to beside outputs; `applied`: topic -> highest offset of the batch."""
        self.lanes[(lane.family.name, lane.partition)] = lane
        for topic, offset in applied.items():
            lane.applied[topic] = offset
            self.offsets[(topic, lane.partition)] = offset + 1
        self.inputs += inputs

    def close(self) -> ClosedWork:
        """What a commit takes. Only when the commit before it has been stored."""
        return ClosedWork(self.outputs, self.lanes, self.offsets)


class Commit:
    """Commits closed work; after any exception the producer and the process are of no more use."""

    def __init__(self, producer: TransactionalProducer, changelog_ids: Mapping[str, bytes]) -> None:
        """`changelog_ids`: the broker's id of each changelog topic, written into local stores."""
        self._producer: Final = producer
        self._changelog_ids: Final = changelog_ids

    def run(self, work: ClosedWork, membership: Membership) -> None:
        """Commit `work` as the group's member that `membership` names; returns when it is durable.

        Raises KafkaException when the broker refuses, and whatever a store raises: then it is not
        known what is durable, and only a new start may go on.
        """
        # The age of the stores: not of step 7, before which this process may have slept for long.
        began_ms = time.time_ns() // 1_000_000
        # 1. Begin.
        self._producer.begin_transaction()
        reached(points.COMMIT_BEGUN)
        # 2. Outputs, in the order of the lanes' work.
        self._producer.send_outputs(work.outputs)
        reached(points.COMMIT_OUTPUTS_PRODUCED)
        # 3. Changelog: changed rows and the lane row of each lane that advanced.
        last_offsets: LanePlaces = {}
        self.send_rows(work, last_offsets)
        work.produced_us = time.monotonic_ns() // 1000
        reached(points.COMMIT_ROWS_PRODUCED)
        # 4. Source offsets, with the generation at assignment: an old one is refused, here or in
        # step 5. Never after the records: offsets wait while the transaction before is being ended.
        self.send_offsets(work, membership)
        reached(points.COMMIT_OFFSETS_SENT)
        # 5. Flush: a delivery that failed fails the commit, here or in step 6.
        self._producer.flush(_STEP_TIMEOUT_S)
        reached(points.COMMIT_FLUSHED)
        # 6. Commit. Once asked for, it is asked for until the outcome is known.
        self.commit()
        reached(points.COMMIT_COMMITTED)
        # 7. RocksDB, with the changelog offset in the same write.
        self.store(work, last_offsets, began_ms)
        reached(points.COMMIT_STORED)

    def send_rows(self, work: ClosedWork, last_offsets: LanePlaces) -> None:
        """Step 3; the delivery of a lane's last row tells its changelog offset."""
        for place, lane in work.lanes.items():

            def delivered(offset: int, place: Place = place) -> None:
                last_offsets[place] = offset

            self._producer.send_rows(
                lane.family.changelog, lane.partition, work.rows[place], delivered
            )

    def send_offsets(self, work: ClosedWork, membership: Membership) -> None:
        """Step 4. Raises InvariantViolated without any: a commit that nobody could refuse."""
        if not work.offsets:
            raise InvariantViolated("a commit without source offsets")
        self._producer.send_offsets(work.offsets, membership, _STEP_TIMEOUT_S)

    def commit(self) -> None:
        """Step 6."""
        while True:
            try:
                self._producer.commit_transaction(_STEP_TIMEOUT_S)
            except KafkaException as error:
                reason = error.args[0]
                if not (isinstance(reason, KafkaError) and reason.retriable()):
                    raise
                _log.warning("commit outcome not known yet, asking again", error=str(error))
                continue
            return

    def store(self, work: ClosedWork, last_offsets: LanePlaces, began_ms: int) -> None:
        """Step 7."""
        for place, lane in work.lanes.items():
            topic_id = partition_id(self._changelog_ids[lane.family.changelog], lane.partition)
            lane.committed(StoreMark(last_offsets[place], began_ms, topic_id))
            reached(points.COMMIT_LANE_STORED)
