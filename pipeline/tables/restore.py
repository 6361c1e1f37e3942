"""Bulk restore: local RocksDB + the tail of the changelog, read in large batches by librdkafka.

Owns what must be true before a lane answers anything: the group's offsets are known with no
transaction pending, the changelog has been applied up to its high watermark, and the lane row says
it has applied exactly what the group has committed. Blocking; runs in a thread. Knows no Faust.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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

from pipeline.lane.family import LaneFamily
from pipeline.risk.state import InvariantViolated
from pipeline.settings import Settings
from pipeline.tables.lane import StoreMark, TableLane
from pipeline.tables.store import LaneStore
from pipeline.topics import CHANGELOG_DELETE_RETENTION_MS

_log: Final = structlog.get_logger(__name__)

_ASK_S: Final = 2.0
_ANSWER_S_MAX: Final = 60.0
_BATCH_RECORDS: Final = 20_000
_POLL_S: Final = 0.05
# Tombstones older than delete.retention.ms may be gone: a store that might have missed some is
# worth nothing. Half of it leaves room for clocks that disagree.
_STORE_AGE_MS_MAX: Final = CHANGELOG_DELETE_RETENTION_MS // 2


class Abandoned(Exception):
    """The assignment has changed while restoring; what was restored stays valid."""


@dataclass(frozen=True)
class LanePlace:
    """A lane of a family."""

    family: LaneFamily
    partition: int


class Restorer:
    """Restores the lanes of one assignment.

    `progress(place, records_left)` is told how far each lane is; `cancelled()` ends it early.
    """

    def __init__(
        self,
        settings: Settings,
        stores: Mapping[str, LaneStore],
        *,
        progress: Callable[[LanePlace, int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Take the open stores by family name."""
        self._settings: Final = settings
        self._stores: Final = stores
        self._progress: Final = progress
        self._cancelled: Final = cancelled
        self._admin: Final = AdminClient(settings.confluent())

    def restore(self, places: Sequence[LanePlace]) -> dict[tuple[str, int], int]:
        """Make the lanes whole; returns where to read on: (topic, partition) -> offset.

        Raises InvariantViolated when state and offsets contradict each other, Abandoned when
        cancelled, KafkaException or TimeoutError when the broker does not answer.
        """
        inputs = [
            TopicPartition(topic, place.partition)
            for place in places
            for topic in place.family.topics
        ]
        changelogs = [TopicPartition(p.family.changelog, p.partition) for p in places]
        # 1. The group's offsets, once no transaction is pending on them.
        committed = self._stable_offsets(inputs)
        # 2. The changelogs' ends, pending transactions included.
        first, high = self._watermarks(changelogs)
        ids = changelog_ids(self._settings, {place.family.changelog for place in places})
        # 3. Local stores that can be trusted, and the tail of the changelog on top of them.
        lanes = {(p.family.changelog, p.partition): self._open(p, high, ids) for p in places}
        self._replay(places, lanes, first, high, ids)
        for lane in lanes.values():
            mark = lane.mark()
            if mark is not None:
                lane.write({}, StoreMark(mark.offset, _now_ms(), mark.topic_id))
        # 4. Nothing but agreement may start.
        for lane in lanes.values():
            lane.load_applied()
        return self._starts(places, lanes, committed, inputs)

    # -- 1

    def _stable_offsets(self, inputs: list[TopicPartition]) -> dict[tuple[str, int], int]:
        """Committed offsets; -1 where there is none."""
        consumer = Consumer(
            self._settings.confluent(
                group_id=self._settings.app_id,
                enable_auto_commit=False,
                # Makes librdkafka ask for stable offsets: it waits for pending transactions.
                isolation_level="read_committed",
            )
        )
        deadline = time.monotonic() + _ANSWER_S_MAX
        try:
            while True:
                self._check_cancelled()
                try:
                    answers = consumer.committed(inputs, _ASK_S)
                except KafkaException as error:
                    if time.monotonic() > deadline:
                        raise
                    _log.info("waiting for stable offsets", reason=str(error))
                    continue
                if all(answer.error is None for answer in answers):
                    return {(a.topic, a.partition): max(a.offset, -1) for a in answers}
                if time.monotonic() > deadline:
                    raise TimeoutError("the group's offsets did not become stable")
        finally:
            consumer.close()

    # -- 2

    def _watermarks(
        self, partitions: list[TopicPartition]
    ) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
        """(first offsets, high watermarks) of partitions; pending transactions count."""
        first = self._list_offsets(partitions, OffsetSpec.earliest())
        high = self._list_offsets(partitions, OffsetSpec.latest())
        return first, high

    def _list_offsets(
        self, partitions: list[TopicPartition], spec: Any
    ) -> dict[tuple[str, int], int]:
        deadline = time.monotonic() + _ANSWER_S_MAX
        while True:
            self._check_cancelled()
            futures = self._admin.list_offsets(
                dict.fromkeys(partitions, spec),
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
                time.sleep(_POLL_S)

    # -- 3

    def _open(
        self, place: LanePlace, high: Mapping[tuple[str, int], int], ids: Mapping[str, bytes]
    ) -> TableLane:
        """The lane's store, discarded first where it cannot be trusted."""
        store = self._stores[place.family.name]
        changelog = place.family.changelog
        try:
            lane = store.open(place.partition)
        except Exception as error:
            if "lock" in str(error).lower():
                raise RuntimeError(
                    f"{store.directory} is in use by another process: "
                    "give each worker its own data_dir"
                ) from error
            _log.warning("local store cannot be opened, rebuilding", lane=place.partition)
            store.discard(place.partition)
            return store.open(place.partition)
        mark = lane.mark()
        why = _distrust(mark, high[(changelog, place.partition)], ids[changelog])
        if why is None:
            return lane
        _log.warning("local store discarded, rebuilding", lane=place.partition, why=why)
        store.discard(place.partition)
        return store.open(place.partition)

    def _replay(
        self,
        places: Sequence[LanePlace],
        lanes: Mapping[tuple[str, int], TableLane],
        first: Mapping[tuple[str, int], int],
        high: Mapping[tuple[str, int], int],
        ids: Mapping[str, bytes],
    ) -> None:
        """Apply each changelog from where the store stands to its high watermark."""
        by_key = {(p.family.changelog, p.partition): p for p in places}
        position: dict[tuple[str, int], int] = {}
        for key, lane in lanes.items():
            mark = lane.mark()
            start = first[key] if mark is None else max(mark.offset + 1, first[key])
            if start < high[key]:
                position[key] = start
        if not position:
            return
        consumer = Consumer(
            self._settings.confluent(
                group_id=self._settings.app_id,
                enable_auto_commit=False,
                isolation_level="read_committed",
                enable_partition_eof=True,
                auto_offset_reset="error",
                fetch_wait_max_ms=10,
                queued_min_messages=1_000_000,
                fetch_message_max_bytes=4 << 20,
            )
        )
        try:
            # Opens the leader's connection: without it assign() may idle for a second.
            topic, partition = next(iter(position))
            consumer.get_watermark_offsets(TopicPartition(topic, partition), _ANSWER_S_MAX)
            consumer.assign([TopicPartition(t, p, at) for (t, p), at in position.items()])
            silent_since = time.monotonic()
            while position:
                self._check_cancelled()
                messages = consumer.consume(_BATCH_RECORDS, _POLL_S)
                if messages:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > _ANSWER_S_MAX:
                    raise TimeoutError(f"the changelog does not go on: {position}")
                self._apply(messages, lanes, position, ids)
                for key in [key for key, at in position.items() if at >= high[key]]:
                    del position[key]
                    self._progress(by_key[key], 0)
                for key, at in position.items():
                    self._progress(by_key[key], high[key] - at)
        finally:
            consumer.close()

    def _apply(
        self,
        messages: list[Any],
        lanes: Mapping[tuple[str, int], TableLane],
        position: dict[tuple[str, int], int],
        ids: Mapping[str, bytes],
    ) -> None:
        rows: dict[tuple[str, int], dict[bytes, bytes | None]] = defaultdict(dict)
        last: dict[tuple[str, int], int] = {}
        for message in messages:
            key = (message.topic(), message.partition())
            error = message.error()
            if error is None:
                rows[key][message.key()] = message.value()
                last[key] = message.offset()
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its public spelling
                # Counts past transaction markers, which are never delivered.
                if key in position:
                    position[key] = max(position[key], message.offset())
            else:
                raise KafkaException(error)
        for key, changed in rows.items():
            # Half way the store is as old as it was: only a whole one is of now.
            mark = lanes[key].mark()
            written_ms = _now_ms() if mark is None else mark.written_ms
            lanes[key].write(changed, StoreMark(last[key], written_ms, ids[key[0]]))
            if key in position:
                position[key] = max(position[key], last[key] + 1)

    # -- 4

    def _starts(
        self,
        places: Sequence[LanePlace],
        lanes: Mapping[tuple[str, int], TableLane],
        committed: Mapping[tuple[str, int], int],
        inputs: list[TopicPartition],
    ) -> dict[tuple[str, int], int]:
        """Where each input goes on, after state and offsets have been found to agree."""
        earliest = self._list_offsets(inputs, OffsetSpec.earliest())
        starts: dict[tuple[str, int], int] = {}
        for place in places:
            lane = lanes[(place.family.changelog, place.partition)]
            for topic in place.family.topics:
                key = (topic, place.partition)
                applied = lane.applied.get(topic, -1)
                if committed[key] >= 0 and committed[key] != applied + 1:
                    raise InvariantViolated(
                        f"{topic} partition {place.partition}: the group has committed "
                        f"{committed[key]} but the state has applied up to {applied}"
                    )
                # A group whose offsets have expired goes on from its state, which is whole.
                start = applied + 1 if applied >= 0 else earliest[key]
                if start < earliest[key]:
                    raise InvariantViolated(
                        f"{topic} partition {place.partition}: records from {start} to "
                        f"{earliest[key] - 1} were deleted before they were decided"
                    )
                starts[key] = start
        return starts

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise Abandoned


def changelog_ids(settings: Settings, changelogs: Collection[str]) -> dict[str, bytes]:
    """The broker's id of each changelog topic: a topic that was made anew is another one."""
    # The client must outlive its answers.
    admin = AdminClient(settings.confluent())
    described = admin.describe_topics(TopicCollection(list(changelogs)))
    return {
        name: hashlib.sha256(str(future.result(_ANSWER_S_MAX).topic_id).encode()).digest()[:16]
        for name, future in described.items()
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _distrust(mark: StoreMark | None, high: int, topic_id: bytes) -> str | None:
    """Why a local store must be discarded, or None."""
    if mark is None:
        return None
    if mark.topic_id != topic_id:
        return "it belongs to another changelog topic"
    if mark.offset >= high:
        return "it is ahead of the changelog"
    if _now_ms() - mark.written_ms > _STORE_AGE_MS_MAX:
        return "it is older than deletions are kept for"
    return None
