"""The transaction: outputs, changelog and source offsets become visible together, or not at all.

Owns the order of a commit. What the lanes of a worker have produced since the last commit is kept
in memory; a commit is then one Kafka transaction in numbered steps (`_commit_now`), with the
consumer group's generation and member id as they were at assignment, so that the broker refuses a
worker whose lanes have moved (KIP-447). Only then do rows reach RocksDB. Any failure but one whose
outcome is still open ends the process; what is still open is asked for until it is known.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from pipeline.fatal import stop_worker
from pipeline.settings import Settings
from pipeline.tables.lane import StoreMark, TableLane
from pipeline.topics import OUTPUT_BYTES_MAX

_log: Final = structlog.get_logger(__name__)

# Topic, value, key, partition (None: by key), headers.
Headers = list[tuple[str, str | bytes | None]]
Output = tuple[str, bytes, bytes | None, int | None, Headers | None]

_INIT_TIMEOUT_S: Final = 60.0
_STEP_TIMEOUT_S: Final = 10.0
# Producing hands over what librdkafka's queue can hold; then deliveries are served.
_QUEUE_MESSAGES_MAX: Final = 1_000_000
_COMMITS_AVERAGED: Final = 8
PATIENT_COMMIT_MS: Final = 1_000
_LINGER_MS: Final = 100
_UNASSIGNED_PARTITION: Final = -1


def group_metadata(group: str, generation: int, member_id: str, instance_id: str | None) -> bytes:
    """Librdkafka's serialised form of a consumer group's membership."""
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


class Transaction:
    """The open work of a worker and the producer that commits it.

    `on_commit(seconds, inputs)` is told of every commit.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_commit: Callable[[float, int], None],
    ) -> None:
        self._settings: Final = settings
        self._on_commit: Final = on_commit
        self._changelog_ids: Mapping[str, bytes] = {}
        self._producer: Producer | None = None
        self._executor: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
        # Held while a batch is processed and while it is committed: never both.
        self.lock: Final = asyncio.Lock()
        self._membership: bytes | None = None
        self._outputs: list[Output] = []
        self._offsets: dict[tuple[str, int], int] = {}
        self._lanes: dict[tuple[str, int], TableLane] = {}
        self._inputs = 0
        self._opened_at: float | None = None
        self._urgent = False
        self._commit_ms = 0.0
        self._after: list[Callable[[], None]] = []

    def start(self, changelog_ids: Mapping[str, bytes]) -> None:
        """Fence whoever had this worker's transactional id, and finish what it left open.

        `changelog_ids`: the broker's id of each changelog topic, written into local stores.
        """
        self._changelog_ids = changelog_ids
        settings = self._settings
        producer = Producer(
            settings.confluent(
                transactional_id=f"{settings.topic_prefix}{settings.app_id}-{settings.worker_id}",
                transaction_timeout_ms=settings.transaction_timeout_ms,
                partitioner="murmur2",
                compression_type=settings.compression,
                # The flush sends; until then what goes to a partition gathers into one request.
                linger_ms=_LINGER_MS,
                message_max_bytes=OUTPUT_BYTES_MAX,
                queue_buffering_max_messages=_QUEUE_MESSAGES_MAX,
                queue_buffering_max_kbytes=1 << 20,
            )
        )
        producer.init_transactions(_INIT_TIMEOUT_S)
        self._producer = producer

    # -- collecting

    def join(self, generation: int, member_id: str, instance_id: str | None) -> None:
        """The membership under which the lanes were assigned: what every commit is sent with."""
        self._membership = group_metadata(self._settings.app_id, generation, member_id, instance_id)

    def add(
        self,
        lane: TableLane,
        outputs: list[Output],
        applied: Mapping[str, int],
        inputs: int,
        after: Callable[[], None] | None = None,
    ) -> None:
        """What a batch of a lane came to; `applied`: topic -> highest offset of the batch.

        `after` is called when it has been committed. The caller holds `lock`.
        """
        if self._opened_at is None:
            self._opened_at = time.monotonic()
        self._outputs += outputs
        self._lanes[(lane.family.name, lane.partition)] = lane
        for topic, offset in applied.items():
            lane.applied[topic] = offset
            self._offsets[(topic, lane.partition)] = offset + 1
        self._inputs += inputs
        if after is not None:
            self._after.append(after)

    # -- committing

    async def close(self, *, urgent: bool, more_at_hand: bool) -> None:
        """Commit if it is time; the caller holds `lock`.

        Urgent work (somebody waits for an answer) is committed when nothing else is at hand, or
        when the oldest has waited `commit_ms_max` and as long as a commit takes: a lone order waits
        for nothing, and a flood spends at least as long on deciding as on committing. Work that
        nobody waits for goes with it, or after a second.
        """
        if self._opened_at is None:
            return
        self._urgent = self._urgent or urgent
        waited_ms = (time.monotonic() - self._opened_at) * 1000
        enough_ms = max(self._settings.commit_ms_max, self._commit_ms)
        if (
            self._urgent and (not more_at_hand or waited_ms >= enough_ms)
        ) or waited_ms >= PATIENT_COMMIT_MS:
            await self.commit()

    async def commit(self) -> None:
        """Commit what is open; the caller holds `lock`. Returns when it is durable."""
        if self._opened_at is None:
            return
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._commit_now)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, nothing may follow
            stop_worker("a commit failed; the next start recovers", error)
        inputs, after = self._inputs, self._after
        self._outputs, self._offsets, self._lanes, self._after = [], {}, {}, []
        self._inputs, self._opened_at, self._urgent = 0, None, False
        seconds = time.monotonic() - started
        self._commit_ms += (seconds * 1000 - self._commit_ms) / _COMMITS_AVERAGED
        self._on_commit(seconds, inputs)
        for call in after:
            call()

    async def settle(self) -> None:
        """Commit what is open before lanes are handed over or the worker stops."""
        async with self.lock:
            await self.commit()

    def _commit_now(self) -> None:
        producer, membership = self._producer, self._membership
        if producer is None or membership is None:
            raise RuntimeError("committing without a producer or a membership")
        # 1. Begin.
        producer.begin_transaction()
        # 2. Outputs, in the order of the lanes' work.
        for topic, value, key, partition, headers in self._outputs:
            self._produce(producer, topic, value, key, partition, headers)
        # 3. Changelog: changed rows and the lane row of each lane that advanced.
        last_offsets: dict[tuple[str, int], int] = {}
        for lane in self._lanes.values():
            self._produce_rows(producer, lane, last_offsets)
        # 4. Flush: a delivery that failed fails the commit in step 6.
        producer.flush(_STEP_TIMEOUT_S)
        # 5. Source offsets, with the generation at assignment: here an old one is refused.
        producer.send_offsets_to_transaction(
            [TopicPartition(topic, p, at) for (topic, p), at in self._offsets.items()],
            membership,
            _STEP_TIMEOUT_S,
        )
        # 6. Commit. Once asked for, it is asked for until the outcome is known.
        while True:
            try:
                producer.commit_transaction(_STEP_TIMEOUT_S)
                break
            except KafkaException as error:
                reason = error.args[0]
                if not (isinstance(reason, KafkaError) and reason.retriable()):
                    raise
                _log.warning("commit outcome not known yet, asking again", error=str(error))
        # 7. RocksDB, with the changelog offset in the same write.
        now_ms = time.time_ns() // 1_000_000
        for (name, partition), lane in self._lanes.items():
            offset = last_offsets[(name, partition)]
            lane.committed(StoreMark(offset, now_ms, self._changelog_ids[lane.family.changelog]))

    def _produce_rows(
        self, producer: Producer, lane: TableLane, last_offsets: dict[tuple[str, int], int]
    ) -> None:
        """Send a lane's dirty rows; the delivery of the last one tells the changelog offset."""
        place = (lane.family.name, lane.partition)

        def delivered(error: Any, message: Any) -> None:
            if error is None:
                last_offsets[place] = message.offset()

        rows = list(lane.take_dirty().items())
        for key, body in rows[:-1]:
            self._produce(producer, lane.family.changelog, body, key, lane.partition, None)
        key, body = rows[-1]
        changelog = lane.family.changelog
        self._produce(producer, changelog, body, key, lane.partition, None, delivered)

    @staticmethod
    def _produce(
        producer: Producer,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int | None,
        headers: Headers | None,
        delivered: Callable[[Any, Any], None] | None = None,
    ) -> None:
        place = _UNASSIGNED_PARTITION if partition is None else partition
        while True:
            try:
                producer.produce(
                    topic, value, key, place, headers=headers or [], on_delivery=delivered
                )
            except BufferError:
                producer.poll(0.1)
                continue
            return
