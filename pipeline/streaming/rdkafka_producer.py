"""The producer of a worker's transactions where the cluster knows the first protocol only.

Owns how records, rows and a group's membership are handed to librdkafka, which does the rest.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Producer, TopicPartition

from pipeline.lane.batch import Headers, ListedOutputs
from pipeline.settings import Settings
from pipeline.streaming.commit import Membership, Place
from pipeline.topics import OUTPUT_BYTES_MAX

# Producing hands over what the queue can hold; then deliveries are served.
_QUEUE_MESSAGES_MAX: Final = 1_000_000
_QUEUE_FULL_S: Final = 0.1
_LINGER_MS: Final = 100
_UNASSIGNED_PARTITION: Final = -1
# What the broker needs to write a transaction's markers. Who registers partitions for the next one
# before is sent away, and librdkafka asks again only after 20 ms.
_MARKERS_S: Final = 0.006


class RecordQueue:
    """Hands records one by one to a producer with confluent_kafka's methods."""

    def __init__(self, producer: Any) -> None:
        self._producer: Final = producer

    def begin_transaction(self) -> None:
        """Open a transaction, here only."""
        self._producer.begin_transaction()

    def new_outputs(self) -> ListedOutputs:
        """Where outputs of a transaction to come are put."""
        return ListedOutputs()

    def send_outputs(self, outputs: ListedOutputs) -> None:
        """Queue records, in their order."""
        for topic, value, key, partition, headers in outputs.records:
            place = _UNASSIGNED_PARTITION if partition is None else partition
            self._produce(topic, value, key, place, headers, None)

    def send_rows(
        self,
        topic: str,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        delivered: Callable[[int], None],
    ) -> None:
        """Queue rows; `delivered` is told the offset of the last one."""

        def reported(error: Any, message: Any) -> None:
            if error is None:
                delivered(message.offset())

        last = len(rows) - 1
        for number, (key, body) in enumerate(rows.items()):
            report = reported if number == last else None
            self._produce(topic, body, key, partition, None, report)

    def flush(self, timeout: float) -> None:
        """Send what is queued: a delivery that failed fails the commit."""
        self._producer.flush(timeout)

    def send_offsets(
        self, offsets: Mapping[Place, int], membership: Membership, timeout: float
    ) -> None:
        """Add source offsets; refused for a membership that is not the group's."""
        self._producer.send_offsets_to_transaction(
            [TopicPartition(topic, partition, at) for (topic, partition), at in offsets.items()],
            group_metadata(membership),
            timeout,
        )

    def commit_transaction(self, timeout: float) -> None:
        """Commit; a retriable error leaves the outcome open."""
        self._producer.commit_transaction(timeout)

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        headers: Headers | None,
        report: Callable[[Any, Any], None] | None,
    ) -> None:
        while True:
            try:
                # By place, and without headers where there are none: it is a hot call.
                if headers is None:
                    self._producer.produce(topic, value, key, partition, report)
                else:
                    self._producer.produce(topic, value, key, partition, report, headers=headers)
            except BufferError:
                self._producer.poll(_QUEUE_FULL_S)
                continue
            return


class RdkafkaProducer(RecordQueue):
    """A transactional producer of librdkafka; `pause_s`: how long to rest between commits."""

    pause_s: Final = _MARKERS_S

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        super().__init__(
            Producer(
                settings.confluent(
                    transactional_id=transactional_id,
                    transaction_timeout_ms=settings.transaction_timeout_ms,
                    partitioner="murmur2",
                    compression_type=settings.compression,
                    # The flush sends; until then what goes to a partition gathers.
                    linger_ms=_LINGER_MS,
                    message_max_bytes=OUTPUT_BYTES_MAX,
                    queue_buffering_max_messages=_QUEUE_MESSAGES_MAX,
                    queue_buffering_max_kbytes=1 << 20,
                )
            )
        )

    def init_transactions(self, timeout: float) -> None:
        """Fence older owners of the transactional id and end what they left open."""
        self._producer.init_transactions(timeout)

    def close(self) -> None:
        """Nothing: it ends with the process."""


def group_metadata(membership: Membership) -> bytes:
    """Librdkafka's serialised form of a consumer group's membership."""
    group, generation, member_id, instance_id = membership
    instance = b"\x01" if instance_id is None else b"\x00" + instance_id.encode() + b"\x00"
    return (
        b"CGMDv2:"
        + struct.pack("<i", generation)
        + group.encode()
        + b"\x00"
        + member_id.encode()
        + b"\x00"
        + instance
    )
