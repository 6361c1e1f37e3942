"""What recovery asks Kafka: the group's offsets, the ends of logs, and the changelog's records.

Owns the clients and their isolation levels, which are the point: offsets are asked for under
`read_committed`, which waits for pending transactions; ends are asked for uncommitted, which counts
them; records are read committed. Decides nothing. Blocking; belongs to one thread at a time.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.settings import Settings

_log: Final = structlog.get_logger(__name__)

Place = tuple[str, int]
"""Topic and partition."""

_ASK_S: Final = 2.0
_ANSWER_S_MAX: Final = 60.0
_BATCH_RECORDS: Final = 20_000
_POLL_S: Final = 0.05
_RETRY_S: Final = 0.2


class Abandoned(Exception):
    """The assignment has changed while restoring; what was restored stays valid."""


@dataclass
class Tail:
    """What one read brought: rows in offset order, and where each partition is read on from."""

    rows: dict[Place, list[tuple[int, bytes, bytes | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    positions: dict[Place, int] = field(default_factory=dict)


class ChangelogReader(Protocol):
    """Reads committed records of changelog partitions from given positions on."""

    def read(self) -> Tail:
        """What is there now; empty when nothing came for a moment."""
        ...

    def leave(self, places: Collection[Place]) -> None:
        """Read these partitions no more."""
        ...

    def close(self) -> None:
        """Close the client."""
        ...


class ChangelogSource(Protocol):
    """What recovery asks. Methods raise KafkaException or TimeoutError, and Abandoned."""

    def stable_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """The group's committed offsets once no transaction is pending on them; -1: none."""
        ...

    def ends(self, places: Sequence[Place]) -> tuple[dict[Place, int], dict[Place, int]]:
        """(first offsets, high watermarks); pending transactions count."""
        ...

    def first_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """Where the logs begin."""
        ...

    def topic_ids(self, topics: Collection[str]) -> dict[str, bytes]:
        """16 bytes a topic: one that was made anew has others."""
        ...

    def reader(self, positions: Mapping[Place, int]) -> ChangelogReader:
        """A reader from these positions on."""
        ...


class KafkaChangelogs:
    """`ChangelogSource` on a broker. `cancelled()` ends a wait with Abandoned."""

    def __init__(self, settings: Settings, cancelled: Callable[[], bool]) -> None:
        self._settings: Final = settings
        self._cancelled: Final = cancelled
        self._admin = AdminClient(settings.confluent())
        # Kept: the next rebalance then waits for an answer only, not for a connection.
        self._offsets: Consumer | None = None

    def stable_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """The group's committed offsets once no transaction is pending on them; -1: none."""
        if self._offsets is None:
            self._offsets = Consumer(
                self._settings.confluent(
                    group_id=self._settings.app_id,
                    enable_auto_commit=False,
                    # Makes librdkafka ask for stable offsets: it waits for pending transactions.
                    isolation_level="read_committed",
                )
            )
        wanted = [TopicPartition(topic, partition) for topic, partition in places]
        deadline = time.monotonic() + _ANSWER_S_MAX
        while True:
            self._check_cancelled()
            try:
                answers = self._offsets.committed(wanted, _ASK_S)
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise
                _log.info("waiting for stable offsets", reason=str(error))
                continue
            if all(answer.error is None for answer in answers):
                return {(a.topic, a.partition): max(a.offset, -1) for a in answers}
            if time.monotonic() > deadline:
                raise TimeoutError(
                    "the group's offsets did not become stable: a transaction hangs, see "
                    "`tollgate transactions`"
                )

    def ends(self, places: Sequence[Place]) -> tuple[dict[Place, int], dict[Place, int]]:
        """(first offsets, high watermarks); pending transactions count."""
        return self.first_offsets(places), self._list_offsets(places, OffsetSpec.latest())

    def first_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """Where the logs begin."""
        return self._list_offsets(places, OffsetSpec.earliest())

    def topic_ids(self, topics: Collection[str]) -> dict[str, bytes]:
        """16 bytes a topic: one that was made anew has others."""
        described = self._admin.describe_topics(TopicCollection(list(topics)))
        return {
            name: hashlib.sha256(str(future.result(_ANSWER_S_MAX).topic_id).encode()).digest()[:16]
            for name, future in described.items()
        }

    def reader(self, positions: Mapping[Place, int]) -> "KafkaReader":
        """A reader from these positions on."""
        return KafkaReader(self._settings, positions)

    def close(self) -> None:
        """Close what was kept open."""
        if self._offsets is not None:
            self._offsets.close()
            self._offsets = None

    def _list_offsets(self, places: Sequence[Place], spec: Any) -> dict[Place, int]:
        wanted = [TopicPartition(topic, partition) for topic, partition in places]
        deadline = time.monotonic() + _ANSWER_S_MAX
        while True:
            self._check_cancelled()
            futures = self._admin.list_offsets(
                dict.fromkeys(wanted, spec),
                isolation_level=IsolationLevel.READ_UNCOMMITTED,
                request_timeout=_ASK_S * 5,
            )
            try:
                return {
                    (tp.topic, tp.partition): int(future.result(_ANSWER_S_MAX).offset)
                    for tp, future in futures.items()
                }
            except KafkaException as error:
                # A partition that was created or moved just now has no leader for a moment.
                if time.monotonic() > deadline:
                    raise
                _log.info("waiting for offsets", reason=str(error))
                # One that saw the broker before it restarted may ask for a leader of then for ever.
                self._admin = AdminClient(self._settings.confluent())
                time.sleep(_RETRY_S)

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise Abandoned


class KafkaReader:
    """`ChangelogReader` on a broker: large batches, read committed."""

    def __init__(self, settings: Settings, positions: Mapping[Place, int]) -> None:
        # The next offset of each; librdkafka may deliver records again when a leader has changed.
        self._next: Final = dict(positions)
        self._consumer: Final = Consumer(
            settings.confluent(
                group_id=settings.app_id,
                enable_auto_commit=False,
                isolation_level="read_committed",
                enable_partition_eof=True,
                auto_offset_reset="error",
                fetch_wait_max_ms=10,
                queued_min_messages=1_000_000,
                queued_max_messages_kbytes=64 << 10,
                fetch_message_max_bytes=4 << 20,
            )
        )
        # Opens the leader's connection: without it assign() may idle for a second.
        topic, partition = next(iter(positions))
        self._consumer.get_watermark_offsets(TopicPartition(topic, partition), _ANSWER_S_MAX)
        self._consumer.assign([TopicPartition(t, p, at) for (t, p), at in positions.items()])

    def read(self) -> Tail:
        """What is there now; empty when nothing came for a moment."""
        tail = Tail()
        for message in self._consumer.consume(_BATCH_RECORDS, _POLL_S):
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            error = message.error()
            if topic is None or partition is None or offset is None:
                raise KafkaException(error)
            place = (topic, partition)
            if place not in self._next:
                continue
            if error is None:
                if offset < self._next[place]:
                    continue
                tail.rows[place].append((offset, message.key() or b"", message.value()))
                tail.positions[place] = self._next[place] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its public spelling
                # Counts past transaction markers, which are never delivered.
                tail.positions[place] = self._next[place] = max(self._next[place], offset)
            else:
                raise KafkaException(error)
        return tail

    def leave(self, places: Collection[Place]) -> None:
        """Read these partitions no more."""
        for place in places:
            self._next.pop(place, None)
        self._consumer.incremental_unassign([TopicPartition(t, p) for t, p in places])

    def close(self) -> None:
        """Close the client."""
        self._consumer.close()
