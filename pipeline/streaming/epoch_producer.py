"""The producer of a worker's transactions where the cluster knows transactions by their epoch.

Owns what librdkafka does not have: the second protocol of transactions (KIP-890). The broker takes
a partition into a transaction when its first batch comes, and each end of a transaction gives the
producer a new epoch, so that nothing late can become part of the next one. A commit is two round
trips, batches with source offsets and the end; three where it follows the one before at once.
Connections, metadata and coordinators are aiokafka's, the
batches `record_batch.py`'s. Everything is sent again until its time is over; within an epoch the
broker takes a batch once, by its sequence. What is refused for good raises a KafkaException, after
which the producer is of no more use.

Runs an event loop of its own in whatever thread calls it; one thread at a time.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, Final, TypeVar

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError as ClientError
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.structs import TopicPartition
from confluent_kafka import KafkaError, KafkaException

from pipeline.settings import Settings
from pipeline.streaming.commit import Membership, Place
from pipeline.streaming.record_batch import COMPRESSIONS, Outgoing, RecordBatch, SealedBatch
from pipeline.streaming.transaction_requests import (
    EndTxn,
    Features,
    Produce,
    ProducerState,
    TxnOffsetCommit,
    finalized_level,
)

# The level of the feature `transaction.version` from which on a cluster knows it.
BY_EPOCH: Final = 2

_REQUEST_MS_MAX: Final = 10_000
_BACKOFF_S: Final = 0.1
# The transaction before is still being ended by its coordinator: a matter of milliseconds. Offsets
# are refused at once; batches the broker would hold for 20 ms before it looks again.
_CONCURRENT_S: Final = 0.001
# So long after an end its markers are most likely written: then offsets and batches go together.
_MARKERS_S: Final = 0.005

_FEATURE: Final = "transaction.version"
_OK: Final = 0
_CONCURRENT: Final = KafkaError.CONCURRENT_TRANSACTIONS
_FENCED: Final = {KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}
# What passes: elections, restarts, replicas that are away.
_PASSING: Final = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    _CONCURRENT,
}
_NO_PRODUCER: Final = -1
_NO_LEADER: Final = -1

_T = TypeVar("_T")


class EpochProducer:
    """A transactional producer; times out with a retriable KafkaException.

    `pause_s`: how long to rest between commits.
    """

    pause_s: Final = 0.0

    def __init__(self, settings: Settings, transactional_id: str, topics: Collection[str]) -> None:
        """`topics`: all that are written to. Connects when transactions are initialised."""
        self._settings: Final = settings
        self._topics: Final = topics
        self._compression: Final = COMPRESSIONS[settings.compression]
        self._loop: Final = asyncio.new_event_loop()
        self._client: Any = None
        self._state = ProducerState(transactional_id, _NO_PRODUCER, _NO_PRODUCER)
        # By kind and name.
        self._coordinators: dict[tuple[int, str], int] = {}
        # Buffers that have served.
        self._spare: Final[list[RecordBatch]] = []
        self._outgoing = Outgoing({}, self._spare)
        self._next_sequences: dict[Place, int] = {}
        self._sealed: dict[Place, list[SealedBatch]] = {}
        self._delivered: dict[Place, Callable[[int], None]] = {}
        # Offsets that go along with the batches.
        self._offsets: tuple[Mapping[Place, int], Membership] | None = None
        # Whether the broker may have heard of the transaction.
        self._begun = False
        # When the transaction before was ended, in monotonic seconds.
        self._ended_at = 0.0

    # -- a transaction

    def init_transactions(self, timeout: float) -> None:
        """Fence older owners of the transactional id and end what they left open."""
        self._run(self._init(), timeout)

    def begin_transaction(self) -> None:
        """Open a transaction, here only."""
        self._outgoing = self.new_outputs()
        self._next_sequences = {}
        self._sealed, self._delivered = {}, {}
        self._offsets = None
        self._begun = False

    def new_outputs(self) -> Outgoing:
        """Where outputs of a transaction to come are put; called beside the one that is open."""
        return Outgoing(self._partition_counts(), self._spare)

    def send_outputs(self, outputs: Outgoing) -> None:
        """Queue what was put into one of `new_outputs`."""
        self._seal()
        self._outgoing = outputs

    def send_rows(
        self,
        topic: str,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        delivered: Callable[[int], None],
    ) -> None:
        """Queue rows; `delivered` is told the offset of the last one."""
        self._outgoing.rows(topic, partition, rows)
        self._delivered[topic, partition] = delivered

    def flush(self, timeout: float) -> None:
        """Send what is queued, and beside it the offsets that have waited for it."""
        self._seal()
        if self._offsets is None:
            self._run(self._deliver(), timeout)
            return
        self._run(self._deliver_beside(*self._offsets), timeout)
        self._offsets = None

    def send_offsets(
        self, offsets: Mapping[Place, int], membership: Membership, timeout: float
    ) -> None:
        """Add source offsets; refused for a membership that is not the group's, here or in `flush`.

        Where the transaction before may still be being ended they are what waits for that.
        """
        self._begun = True
        if time.monotonic() - self._ended_at >= _MARKERS_S:
            self._offsets = offsets, membership
        else:
            self._run(self._send_offsets(offsets, membership), timeout)

    def commit_transaction(self, timeout: float) -> None:
        """Commit; a retriable error leaves the outcome open, and may be asked again."""
        self.flush(timeout)
        if self._begun:
            self._run(self._end(), timeout)
            self._ended_at = time.monotonic()

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._loop.run_until_complete(self._client.close())
        self._loop.close()

    # -- what is asked of the brokers

    async def _init(self) -> None:
        if self._client is None:
            self._client = _client(self._settings)
            while True:
                try:
                    await self._client.bootstrap()
                except ClientError:
                    await asyncio.sleep(_BACKOFF_S)
                    continue
                break
            await self._client.set_topics(self._topics)
        name = self._state.transactional_id
        request = InitProducerIdRequest(name, self._settings.transaction_timeout_ms)
        answer = await self._ask_coordinator(
            CoordinationType.TRANSACTION, name, request, lambda answer: [answer.error_code]
        )
        self._state = ProducerState(name, answer.producer_id, answer.producer_epoch)

    async def _deliver_beside(self, offsets: Mapping[Place, int], membership: Membership) -> None:
        """Batches and offsets at once: the transaction takes them in any order."""
        asked = asyncio.ensure_future(self._send_offsets(offsets, membership))
        try:
            await self._deliver()
            await asked
        finally:
            asked.cancel()

    async def _deliver(self) -> None:
        """Every batch in its turn: of each partition one at a time."""
        while self._sealed:
            self._begun = True
            by_leader: dict[int, list[Place]] = {}
            for place in self._sealed:
                leader = self._client.cluster.leader_for_partition(TopicPartition(*place))
                by_leader.setdefault(_NO_LEADER if leader is None else leader, []).append(place)
            waits_s = [_BACKOFF_S] if by_leader.pop(_NO_LEADER, None) else [0.0]
            waits_s += await asyncio.gather(
                *(self._produce(leader, places) for leader, places in by_leader.items())
            )
            await self._recovered(max(waits_s))

    async def _produce(self, leader: int, places: list[Place]) -> float:
        """Send the first batch of each partition; how long to wait before the next, in seconds."""
        state = self._state
        batches = {place: self._sealed[place][0].data for place in places}
        timeout_ms = self._settings.transaction_timeout_ms
        request = Produce(state.transactional_id, timeout_ms, batches)
        try:
            answer = await self._client.send(leader, request)
        except ClientError:
            return _BACKOFF_S
        wait_s = 0.0
        for topic, partitions, _ in answer.responses:
            for index, code, offset, *_rest in partitions:
                if code == _OK:
                    self._appended((topic, index), offset)
                else:
                    wait_s = max(wait_s, _wait_s(code))
        return wait_s

    def _appended(self, place: Place, offset: int) -> None:
        batches = self._sealed[place]
        batch = batches.pop(0)
        if not batches:
            del self._sealed[place]
            delivered = self._delivered.pop(place, None)
            if delivered is not None:
                delivered(offset + batch.count - 1)

    async def _send_offsets(self, offsets: Mapping[Place, int], membership: Membership) -> None:
        await self._ask_coordinator(
            CoordinationType.GROUP,
            membership.group,
            TxnOffsetCommit(self._state, membership, offsets),
            lambda answer: [code for _, found, _ in answer.topics for _, code, _ in found],
        )

    async def _end(self) -> None:
        state = self._state
        answer = await self._ask_coordinator(
            CoordinationType.TRANSACTION,
            state.transactional_id,
            EndTxn(state),
            lambda answer: [answer.error_code],
        )
        self._state = ProducerState(
            state.transactional_id, answer.producer_id, answer.producer_epoch
        )

    # -- asking until there is an answer

    async def _ask_coordinator(
        self, kind: int, name: str, request: Any, codes_of: Callable[[Any], list[int]]
    ) -> Any:
        """The answer of a coordinator, once none of its error codes is one that passes."""
        while True:
            wait_s = _BACKOFF_S
            try:
                if (kind, name) not in self._coordinators:
                    node = await self._client.coordinator_lookup(kind, name)
                    self._coordinators[kind, name] = node
                answer = await self._client.send(self._coordinators[kind, name], request)
            except ClientError:
                self._coordinators.pop((kind, name), None)
            else:
                wait_s = max(map(_wait_s, codes_of(answer)), default=0.0)
                if wait_s == 0.0:
                    return answer
                if wait_s > _CONCURRENT_S:
                    self._coordinators.pop((kind, name), None)
            await self._recovered(wait_s)

    async def _recovered(self, wait_s: float) -> None:
        """After a wait; a long one also for what the cluster looks like now."""
        if wait_s == 0.0:
            return
        if wait_s > _CONCURRENT_S:
            await self._client.force_metadata_update()
        await asyncio.sleep(wait_s)

    def _run(self, work: Coroutine[Any, Any, _T], timeout: float) -> _T:
        """Run until done. Raises a retriable KafkaException when the time is over."""
        try:
            return self._loop.run_until_complete(asyncio.wait_for(work, timeout))
        except TimeoutError:
            raise KafkaException(
                KafkaError(KafkaError._TIMED_OUT, "no answer in time", False, True)  # noqa: SLF001
            ) from None

    # -- here only

    def _partition_counts(self) -> dict[str, int]:
        cluster = self._client.cluster
        found = {topic: cluster.partitions_for_topic(topic) for topic in self._topics}
        return {topic: len(partitions) for topic, partitions in found.items() if partitions}

    def _seal(self) -> None:
        """Number and compress what is queued, behind what has been sealed and is not sent yet."""
        _, producer_id, epoch = self._state
        time_ms = time.time_ns() // 1_000_000
        found = self._outgoing.sealed(
            producer_id, epoch, self._next_sequences, time_ms, self._compression
        )
        for place, batches in found.items():
            self._sealed.setdefault(place, []).extend(batches)


def _wait_s(code: int) -> float:
    """How long to wait before asking again, 0: not at all. Raises KafkaException if in vain."""
    if code == _OK:
        return 0.0
    if code == _CONCURRENT:
        return _CONCURRENT_S
    if code in _PASSING:
        return _BACKOFF_S
    if code in _FENCED:
        error = KafkaError(KafkaError._FENCED, "another owner of the transactional id", True)  # noqa: SLF001
    else:
        error = KafkaError(code, None, False, False, True)
    raise KafkaException(error)


def transaction_version(settings: Settings) -> int:
    """The level of the feature `transaction.version` that is in force in the cluster."""

    async def asked() -> int:
        client = _client(settings)
        await client.bootstrap()
        try:
            return finalized_level(
                await client.send(client.get_random_node(), Features()), _FEATURE
            )
        finally:
            await client.close()

    return asyncio.run(asked())


def _client(settings: Settings) -> Any:
    """A client that is not connected; only where an event loop runs."""
    return AIOKafkaClient(
        **settings.aiokafka(client_id=settings.worker_id, request_timeout_ms=_REQUEST_MS_MAX)
    )
