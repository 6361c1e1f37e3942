"""The Faust transport: one event is a batch of one lane's inputs, merged.

Owns fetching (through aiokafka, `read_committed`), the merge of a lane's topics and how many events
are in flight. A Faust message carries a `MergedBatch` as its value and the place of its last
record. Offsets are committed by the transaction alone: Faust's own commits are
switched off. Every seek happens here, between two fetches.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.errors import CorruptRecordException
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from pipeline import points
from pipeline.fatal import stop_worker
from pipeline.lane.family import LaneFamily
from pipeline.points import reached
from pipeline.streaming.merge import NEVER, Fetch, LaneMerge

_log: Final = structlog.get_logger(__name__)

# How long the broker keeps a fetch that has nothing to return: bounds how long a fact waits for
# the evidence that no earlier order is on its way.
FETCH_WAIT_MS: Final = 20
# A broker is not asked again sooner after it was asked last: what comes meanwhile comes together,
# each fetch costs about a millisecond. A lone order is answered by the fetch that waits for it.
_FETCH_SPACING_S: Final = 0.006
_UNPOLLED_S_MAX: Final = 0.015
# While the agents still have so many batches, nothing more is polled: enough to keep them busy
# while the next poll is made, few enough to bound memory (a poll takes one batch a lane).
BATCHES_AHEAD_MAX: Final = 6
# Batches of one input that are buffered for the merge before it is polled no more: what was fetched
# of it then stays with aiokafka, as it came (compressed), and nothing more of it is fetched.
INPUT_BATCHES_MAX: Final = 2
_POLL_WAITING_S: Final = 0.005
_POLL_S: Final = 1.0


@dataclass(frozen=True)
class Snapshot:
    """What one poll found of a partition: its newest fetch, and whether its end was reached."""

    fetch: Fetch
    at_end: bool
    lag: int


class PlainRecords(aiokafka_fetcher.PartitionRecords):
    """The records of one partition of one fetch, a Kafka batch at a time and as they were parsed.

    aiokafka hands them out one by one, each copied into a larger object with names and sizes that
    nobody here asks for; that was more than half of what fetching cost. Which batches are passed
    over (aborted transactions, control batches) is decided as aiokafka does under `read_committed`.
    """

    next_fetch_offset: int

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # The batch that is being handed out, how far, and where its successor begins.
        self._batch: list[Any] = []
        self._handed_out = 0
        self._batch_end = self.next_fetch_offset

    def take(self, records_max: int) -> tuple[list[Any], bool]:
        """The next records, at most so many, and whether these were the last."""
        taken: list[Any] = []
        while len(taken) < records_max:
            if self._handed_out == len(self._batch):
                self.next_fetch_offset = self._batch_end
                batch = next(self._records_iterator, None)
                if batch is None:
                    self.next_fetch_offset = self._batch_end
                    return taken, True
                self._batch, self._handed_out = batch, 0
                continue
            part = self._batch[self._handed_out : self._handed_out + records_max - len(taken)]
            self._handed_out += len(part)
            taken += part
            self.next_fetch_offset = part[-1].offset + 1
        return taken, False

    def _unpack_records(self) -> Iterator[list[Any]]:
        """The records of each batch that counts."""
        batches = self._records
        while batches.has_next():
            batch = batches.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if self._counts(batch):
                first = self.next_fetch_offset
                records = list(batch)
                if records and records[0].offset < first:
                    records = [record for record in records if record.offset >= first]
                self._batch_end = batch.next_offset
                yield records
            else:
                self._batch_end = batch.next_offset

    def _counts(self, batch: Any) -> bool:
        """Whether a `read_committed` reader sees the batch's records."""
        if batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return False
        return not batch.is_control_batch


class PlainResult(aiokafka_fetcher.FetchResult):
    """What one fetch brought of a partition."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> list[Any]:
        """The next records, at most so many."""
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return []
        records, ended = self._partition_records.take(
            sys.maxsize if max_records is None else max_records
        )
        self._update_position()
        if ended:
            self._partition_records = None
        taken: list[Any] = records
        return taken


class LaneConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka in its own thread, reading committed records and noting what each fetch proves."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust reads uncommitted unless it commits transactions itself; no setting changes that.
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def on_start(self) -> None:
        """Start aiokafka and watch its fetches."""
        await super().on_start()
        self.full: frozenset[TP] = frozenset()
        self.fetches: dict[Any, Fetch] = {}
        self.snapshots: dict[Any, Snapshot] = {}
        self._numbers = itertools.count()
        ranks = {
            topic: rank
            for family in self.consumer.app.families.values()
            for rank, topic in enumerate(family.topics)
        }
        self._ranks = ranks
        fetcher = self._consumer._fetcher
        aiokafka_fetcher.PartitionRecords = PlainRecords
        aiokafka_fetcher.FetchResult = PlainResult
        # What lies fetched keeps others from being fetched until it is polled: a request without
        # it would wait at the broker for quiet topics alone. But never for long, or their evidence
        # would come later than lane_sync_ms_max.
        fetcher._prefetch_backoff = _UNPOLLED_S_MAX
        self._watch_fetches(fetcher, ranks)

    def _watch_fetches(self, fetcher: Any, ranks: Mapping[str, int]) -> None:
        """Space requests, order their topics, and note when they were sent and answered.

        The broker reads in the order asked: last of the topic order first, so that the answer that
        brings an order also shows that no fact was there before it.
        """
        actions_per_node, answer = fetcher._get_actions_per_node, fetcher._proc_fetch_request

        due_s: dict[int, float] = {}

        def ordered_actions(assignment: Any) -> Any:
            requests, resets, timeout_s, *more = actions_per_node(assignment)
            now_s = time.monotonic()
            sent = []
            for node, request in requests:
                wait_s = due_s.get(node, now_s) - now_s
                if wait_s > 0:
                    timeout_s = min(timeout_s, wait_s)
                    continue
                due_s[node] = now_s + _FETCH_SPACING_S
                request.topics.sort(key=lambda entry: -ranks.get(entry[0], 0))
                sent.append((node, request))
            return sent, resets, timeout_s, *more

        async def noted_answer(assignment: Any, node_id: int, request: Any) -> Any:
            number, sent = next(self._numbers), _now_us()
            woken = await answer(assignment, node_id, request)
            fetch = Fetch(number, sent, _now_us())
            for topic, partitions in request.topics:
                for entry in partitions:
                    self.fetches[driver.TopicPartition(topic, entry[0])] = fetch
            return woken

        fetcher._get_actions_per_node = ordered_actions
        fetcher._proc_fetch_request = noted_answer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        """Poll what has room, facts before orders, and take the snapshot that belongs to it.

        aiokafka hands out partitions in the order in which they were fetched, up to `max_records`
        in all: a backlog of orders would keep facts that lie fetched from being seen.
        """
        wanted = active_partitions - self.full
        if not wanted:
            await asyncio.sleep(timeout or 0)  # aiokafka takes "none" for "all"
            return {}
        fetched = consumer._fetcher._records
        for tp in sorted(fetched, key=lambda tp: self._ranks.get(tp.topic, 0)):
            fetched.move_to_end(tp)
        records = await super()._fetch_records(
            consumer, wanted, timeout=timeout, max_records=max_records
        )
        subscription = self._consumer._subscription.subscription
        assignment: Any = None if subscription is None else subscription.assignment
        snapshots: dict[Any, Snapshot] = {}
        for tp in () if assignment is None else assignment.tps:
            state = assignment.state_value(tp)
            end = state.lso
            if end is None or not state.has_valid_position:
                snapshots[tp] = Snapshot(NEVER, at_end=False, lag=0)
                continue
            lag = max(0, end - state.position)
            snapshots[tp] = Snapshot(self.fetches.get(tp, NEVER), at_end=lag == 0, lag=lag)
        self.snapshots = snapshots
        return records

    async def seek_now(self, offsets: Mapping[TP, int]) -> None:
        """Seek every partition, in aiokafka's own thread, and forget older evidence."""

        async def seek() -> None:
            for tp, offset in offsets.items():
                self._consumer.seek(driver.TopicPartition(tp.topic, tp.partition), offset)
            self.fetches.clear()

        await self.call_thread(seek)


class LaneConsumer(driver.Consumer):
    """Yields one message a lane; see the module."""

    _thread: LaneConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places: dict[str, tuple[LaneFamily, int]] = {
            topic: (family, index)
            for family in self.app.families.values()
            for index, topic in enumerate(family.topics)
        }
        self._merges: dict[tuple[str, int], LaneMerge] = {}
        self._next_offsets: dict[TP, int] = {}
        self._seek_to: Mapping[TP, int] | None = None
        # Identities of the batches that agents have or are about to get.
        self._in_flight: set[int] = set()
        self._credit = asyncio.Event()

    # -- what the agents and recovery use

    def start_at(self, offsets: Mapping[TP, int]) -> None:
        """Read from these offsets on, dropping everything buffered."""
        self._seek_to = dict(offsets)

    def event_done(self, batch: Any) -> None:
        """An agent has finished with a batch; a forgotten one gives no credit."""
        self._in_flight.discard(id(batch))
        self._credit.set()

    @property
    def more_at_hand(self) -> bool:
        """Whether another event is on its way to an agent beside the one in its hands."""
        return len(self._in_flight) > 1

    @property
    def behind(self) -> bool:
        """Whether more lies in Kafka than one batch of a lane."""
        enough = self.app.settings.batch_records_max
        return any(snapshot.lag > enough for snapshot in self._thread.snapshots.values())

    def lag(self, family: LaneFamily, partition: int) -> tuple[dict[str, int], int | None]:
        """How far a lane is behind: (topic -> records not taken yet, time stamp of the oldest).

        The oldest is known of what is buffered; None: nothing is.
        """
        merge = self._merge(family, partition)
        behind = {}
        for index, topic in enumerate(family.topics):
            snapshot = self._thread.snapshots.get(driver.TopicPartition(topic, partition))
            # Before the first answer of the broker nobody knows.
            if snapshot is not None and snapshot.fetch is not NEVER:
                behind[topic] = snapshot.lag + merge.buffered_of(index)
        return behind, merge.oldest_ms

    def forget(self) -> None:
        """Drop everything buffered: the lanes are being handed over."""
        self._merges.clear()
        self._next_offsets.clear()
        self._in_flight.clear()
        self._credit.set()

    # -- Faust's consumer, data path

    def _new_consumer_thread(self) -> LaneConsumerThread:
        return LaneConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Poll once and yield what may leave, one message a lane."""
        del timeout
        while len(self._in_flight) >= BATCHES_AHEAD_MAX and not self.should_stop:
            self._credit.clear()
            await self._credit.wait()
        waiting = any(merge.buffered for merge in self._merges.values())
        self._thread.full = self._full()
        records, _ = await self._wait_next_records(_POLL_WAITING_S if waiting else _POLL_S)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            self.forget()
            return
        if self._seek_to is not None:
            offsets, self._seek_to = self._seek_to, None
            self.forget()
            await self._thread.seek_now(offsets)
            self._next_offsets = dict(offsets)
            return
        self._buffer(records)
        now, records_max = _now_us(), self.app.settings.batch_records_max
        taken = [
            (place, batch)
            for place, merge in self._merges.items()
            if (batch := merge.take(now, records_max)) is not None
        ]
        # All at once, so that what one poll brought can be committed together.
        self._in_flight.update(id(batch) for _, batch in taken)
        for (name, partition), batch in taken:
            if not self.flow_active or self.app.consumer_generation_id != generation:
                self.forget()
                return
            yield self._message(self.app.families_by_name[name], partition, batch, generation)

    def _full(self) -> frozenset[TP]:
        """Inputs of which enough is buffered."""
        enough = INPUT_BATCHES_MAX * self.app.settings.batch_records_max
        return frozenset(
            TP(topic, partition)
            for (name, partition), merge in self._merges.items()
            for index, topic in enumerate(self.app.families_by_name[name].topics)
            if merge.buffered_of(index) >= enough
        )

    def _buffer(self, records: Mapping[Any, list[Any]]) -> None:
        """Put polled records and the poll's evidence into the merges of their lanes."""
        snapshots = self._thread.snapshots
        for tp, fetched in records.items():
            place = self._places.get(tp.topic)
            expected = self._next_offsets.get(TP(tp.topic, tp.partition))
            if place is None or expected is None or not fetched:
                continue
            if fetched[0].offset < expected:
                fetched = [record for record in fetched if record.offset >= expected]  # noqa: PLW2901
                if not fetched:
                    continue
            family, index = place
            snapshot = snapshots.get(tp)
            fetch = NEVER if snapshot is None else snapshot.fetch
            self._merge(family, tp.partition).add(index, fetched, fetch)
            self._next_offsets[TP(tp.topic, tp.partition)] = fetched[-1].offset + 1
        for tp, snapshot in snapshots.items():
            place = self._places.get(tp.topic)
            if place is not None and TP(tp.topic, tp.partition) in self._next_offsets:
                family, index = place
                self._merge(family, tp.partition).observe(
                    index, snapshot.fetch, at_end=snapshot.at_end
                )

    def _merge(self, family: LaneFamily, partition: int) -> LaneMerge:
        merge = self._merges.get((family.name, partition))
        if merge is None:
            merge = LaneMerge(len(family.topics), self.app.settings.lane_sync_ms_max * 1000)
            self._merges[(family.name, partition)] = merge
        return merge

    @staticmethod
    def _message(family: LaneFamily, partition: int, batch: Any, generation: int) -> Any:
        topic, last = batch.records[-1]
        # The last record's own place: Faust drops a message whose offset does not exceed the one
        # it has read last from that topic and partition.
        tp = TP(family.topics[topic], partition)
        return tp, ConsumerMessage(
            tp.topic,
            partition,
            last.offset,
            last.timestamp / 1e3,
            last.timestamp_type,
            [],
            b"",
            batch,
            None,
            None,
            None,
            tp,
            # Streams silently skip a message without the current generation.
            generation_id=generation,
        )

    # -- Faust's consumer, what is switched off

    async def commit(self, *_args: Any, **_kwargs: Any) -> bool:
        """Do nothing: offsets are committed by the transaction."""
        return False

    async def _commit(self, offsets: Any) -> bool:
        stop_worker(f"Faust wanted to commit {offsets}")

    def on_buffer_full(self, tp: Any) -> None:
        """Do nothing: `getmany` bounds what is buffered."""

    def on_buffer_drop(self, tp: Any) -> None:
        """Do nothing, likewise."""

    async def perform_seek(self) -> None:
        """Do nothing: recovery says where to start, `getmany` seeks."""

    # -- handing over

    async def wait_empty(self) -> None:
        """Lanes are about to be revoked: commit what is open, drop what is buffered."""
        self._merges.clear()
        reached(points.HANDOVER_BEGUN)
        await self.app.tables.recovery.abandon()
        await self.app.transaction.settle()
        self.forget()
        reached(points.HANDOVER_SETTLED)

    async def on_stop(self) -> None:
        """Commit what is open before the group is left."""
        await self.wait_empty()
        self.transport._topic_waiters.clear()


class LaneTransport(driver.Transport):
    """Registered for broker URLs of scheme `lane`."""

    Consumer = LaneConsumer


def _now_us() -> int:
    return time.monotonic_ns() // 1000
