"""The feed on Kafka: ticks in, conflated marks out.

Owns the clients, the clock, the reading in batches and what is committed. Publishers of one gate
share the partitions of `ticks` as members of a group, so an instrument has one of them. What is
committed is a place before which every instrument's newest tick has become a mark in every lane;
after a crash what follows is read again, so a mark may come twice, which a lane does not mind: it
is a state, not an event. Ticks read from the past become no marks until the past has been read.
"""

import time
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from pipeline.codecs.registry import schema_ids
from pipeline.control.history import kafka_error
from pipeline.market.conflation import LATE, TAKEN, Conflater, Pace
from pipeline.market.kafka import REQUEST_S_MAX, patiently
from pipeline.settings import Settings
from pipeline.streaming.topic_reader import partition_count
from pipeline.telemetry.endpoint import Answer, Endpoint
from pipeline.telemetry.feed_metrics import FeedMetrics
from pipeline.topics import INPUT_BYTES_MAX, MARKS, TICKS

# Instruments that are told apart; each takes about a kilobyte.
INSTRUMENTS_MAX: Final = 100_000
# Ticks of all partitions that are read again after an absence, or at a first start.
READ_BACK_TICKS_MAX: Final = 5_000_000

_BATCH_MAX: Final = 10_000
# A batch is what has come in this time: long enough to be worth it, short beside an interval.
_BATCH_S: Final = 0.01
# Ticks of a partition that lie fetched while others are taken.
_PREFETCH_KB_MAX: Final = 16_384
# Marks that the broker has not acknowledged; beyond it ticks go on being conflated, and wait.
_UNACKNOWLEDGED_MAX: Final = 50_000
_DELIVERY_MS_MAX: Final = 30_000
_FLUSH_S_MAX: Final = 30.0
_SETTLE_S_MAX: Final = 1.0
_ACCOUNT_US: Final = 1_000_000
_POLL_S: Final = 0.1


class FeedError(Exception):
    """The feed stopped because Kafka did not take or give; a new start goes on."""


class StopFlag(Protocol):
    """What tells the feed to stop: a threading.Event."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class MarkFeed:
    """One publisher of marks.

    ticks, late, marks: how many so far. refused: reason code -> how many.
    """

    def __init__(self, settings: Settings) -> None:
        """Connect to nothing yet. Raises RegistryError."""
        self.ticks = 0
        self.late = 0
        self.marks = 0
        self.refused: Final[Counter[str]] = Counter()
        self._settings: Final = settings
        self._log: Final = structlog.get_logger(__name__)
        self._on_wall: Final = settings.gate_clock == "wall"
        self._ticks_topic: Final = settings.topic(TICKS.name)
        self._marks_topic: Final = settings.topic(MARKS.name)
        pace = Pace(
            settings.mark_interval_ms * 1_000,
            settings.mark_move_bps,
            settings.mark_refresh_ms * 1_000,
            settings.mark_rate_max,
        )
        self._conflater: Final = Conflater(schema_ids(settings), pace, INSTRUMENTS_MAX)
        self._metrics: Final = FeedMetrics()
        self._endpoint: Final = Endpoint(
            self._metrics.registry, _Shown(self), token=None, remote=False
        )
        self._producer: Any = None
        self._consumer: Any = None
        self._mark_partitions = 0
        self._tick_partitions = 0
        # Partition -> the end of its past: until there its ticks are held.
        self._behind: Final[dict[int, int]] = {}
        self._assigned: set[int] = set()
        # What may be committed once the conflater's place is settled.
        self._place = 0
        self._positions: list[TopicPartition] = []
        self._account_at_us = 0
        self._counted: Counter[str] = Counter()
        self._oldest_us = 0
        # When it was known to be a member last; 0: not yet.
        self._member_at_us = 0
        self._failure: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it has partitions, and none whose past is still being read."""
        return bool(self._assigned) and not self._behind

    def start(self) -> None:
        """Connect, serve metrics and join the group. Raises TopicError, SettingsError."""
        settings = self._settings
        self._mark_partitions = partition_count(settings, self._marks_topic)
        self._tick_partitions = partition_count(settings, self._ticks_topic)
        client = {"log_level": 0}
        self._producer = Producer(
            settings.confluent(
                enable_idempotence=True,
                compression_type=settings.compression,
                linger_ms=5,
                message_timeout_ms=_DELIVERY_MS_MAX,
                message_max_bytes=INPUT_BYTES_MAX,
                delivery_report_only_error=True,
            )
            | client
            | {"on_delivery": self._delivered}
        )
        self._consumer = Consumer(
            settings.confluent(
                group_id=f"{settings.app_id}-marks",
                client_id=settings.worker_id,
                isolation_level="read_committed",
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                enable_partition_eof=True,
                auto_offset_reset="earliest",
                session_timeout_ms=settings.session_timeout_s * 1_000,
                heartbeat_interval_ms=settings.heartbeat_ms,
                fetch_wait_max_ms=20,
                queued_max_messages_kbytes=_PREFETCH_KB_MAX,
            )
            | client
        )
        port = self._endpoint.serve(settings.metrics_host, settings.metrics_port)
        self._log.info("metrics", url=f"http://{settings.metrics_host}:{port}/metrics")
        self._consumer.subscribe(
            [self._ticks_topic], on_assign=self._assign, on_revoke=self._leave, on_lost=self._leave
        )

    def run(self, stop: StopFlag) -> None:
        """Publish until `stop` is set, then what is held. Raises FeedError."""
        try:
            while not stop.is_set():
                self._read()
                self._require_membership()
                self._publish()
                if _now_us() >= self._account_at_us:
                    self._account()
            self._finish()
        except KafkaException as error:
            raise FeedError(kafka_error(error).str()) from error

    def close(self) -> None:
        """Leave the group and stop serving metrics."""
        if self._consumer is not None:
            self._consumer.close()
        if self._producer is not None:
            self._producer.purge()
        self._endpoint.close()

    # -- the group

    def _assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Begin where the last publisher of a partition can have left off, within bounds."""
        committed = patiently(lambda: consumer.committed(partitions, timeout=REQUEST_S_MAX))
        back = READ_BACK_TICKS_MAX // self._tick_partitions
        for place in committed:
            low, high = _watermarks(consumer, place)
            place.offset = max(low, high - back, place.offset)
            if place.offset < high:
                self._behind[place.partition] = high
                self._conflater.fall_behind(place.partition)
        self._assigned.update(place.partition for place in committed)
        consumer.assign(committed)
        # However long the broker took to tell, they are this one's now.
        self._member_at_us = _now_us()
        self._log.info(
            "marks ready",
            partitions=sorted(self._assigned),
            read_back=sum(
                self._behind[p.partition] - p.offset
                for p in committed
                if p.partition in self._behind
            ),
        )

    def _leave(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """Whoever gets them next reads what was held here again."""
        del consumer
        numbers = {place.partition for place in partitions}
        for partition in numbers:
            self._conflater.leave(partition)
            self._behind.pop(partition, None)
        self._assigned -= numbers
        self._positions = []
        self._metrics.leave(numbers)

    # -- ticks

    def _read(self) -> None:
        take = self._conflater.take
        batch = self._consumer.consume(_BATCH_MAX, _BATCH_S)
        self.ticks += len(batch)
        for message in batch:
            if message.error() is not None:
                self._consider(message)
                continue
            found = take(message.partition(), message.key(), message.value())
            if found == TAKEN:
                continue
            if found == LATE:
                self.late += 1
            else:
                self._refuse(found, message)
        if self._behind:
            for place in self._position(self._behind):
                if place.offset >= self._behind[place.partition]:
                    self._catch_up(place.partition)

    def _consider(self, message: Any) -> None:
        """An error that librdkafka does not get over by itself ends the feed."""
        self.ticks -= 1
        error = message.error()
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its only name
            # Where transactions end a partition, its last offsets are nobody's.
            self._catch_up(message.partition())
            return
        passing = {KafkaError._ALL_BROKERS_DOWN, KafkaError._MAX_POLL_EXCEEDED}  # noqa: SLF001
        if error.fatal() or not (error.retriable() or error.code() in passing):
            raise KafkaException(error)

    def _refuse(self, reason: str, message: Any) -> None:
        """Count it; the first of each reason in a second is named in the log."""
        if self.refused[reason] == self._counted[reason]:
            self._log.warning(
                "tick refused",
                reason=reason,
                partition=message.partition(),
                offset=message.offset(),
                so_far=self.refused[reason] + 1,
            )
        self.refused[reason] += 1

    def _catch_up(self, partition: int) -> None:
        self._behind.pop(partition, None)
        self._conflater.catch_up(partition)

    def _position(self, partitions: Any) -> list[TopicPartition]:
        """Where reading stands; a partition of which nothing has been read is left out."""
        asked = [TopicPartition(self._ticks_topic, partition) for partition in partitions]
        return [place for place in self._consumer.position(asked) if place.offset >= 0]

    # -- marks

    def _require_membership(self) -> None:
        """After a pause in which the partitions may have moved, what is held is no news."""
        now_us = _now_us()
        paused_us = now_us - self._member_at_us
        if self._member_at_us and paused_us > self._settings.session_timeout_s * 1_000_000:
            raise FeedError(
                f"stood still for {paused_us // 1_000_000} s, in which another one may have taken "
                "its partitions over"
            )
        self._member_at_us = now_us

    def _publish(self) -> None:
        self._producer.poll(0)
        self._check()
        if len(self._producer) < _UNACKNOWLEDGED_MAX:
            self._send(self._conflater.due(_now_us(), _wall_us()))

    def _send(self, marks: list[tuple[bytes, bytes, int]]) -> None:
        for key, value, source_time in marks:
            # A recorded feed keeps its own time, as `gate_clock: record` does in the lanes.
            stamp = {} if self._on_wall else {"timestamp": max(source_time // 1_000, 0)}
            for partition in range(self._mark_partitions):
                self._produce(value, key, partition, stamp)
            self._oldest_us = max(self._oldest_us, _wall_us() - source_time)
        self.marks += len(marks)

    def _produce(self, value: bytes, key: bytes, partition: int, stamp: Mapping[str, int]) -> None:
        while True:
            try:
                self._producer.produce(self._marks_topic, value, key, partition, **stamp)
            except BufferError:
                self._producer.poll(_POLL_S)
                self._check()
                continue
            return

    def _delivered(self, error: KafkaError | None, message: Any) -> None:
        # Given up in one partition, a mark would be in some lanes and not in others.
        del message
        if error is not None and error.code() != KafkaError._PURGE_QUEUE:  # noqa: SLF001
            self._failure = error.str()

    def _check(self) -> None:
        if self._failure is not None:
            raise FeedError(f"marks were not delivered: {self._failure}")

    # -- once a second

    def _account(self) -> None:
        self._account_at_us = _now_us() + _ACCOUNT_US
        if self._conflater.settled(self._place) and self._producer.flush(_SETTLE_S_MAX) == 0:
            self._check()
            self._commit(self._positions)
            self._positions = self._position(self._assigned)
            self._place = self._conflater.place()
        now = Counter({"ticks": self.ticks, "late": self.late, "marks": self.marks, **self.refused})
        grown = now - self._counted
        self._metrics.add(grown.pop("ticks", 0), grown.pop("late", 0), grown, grown.pop("marks", 0))
        self._counted = now
        self._metrics.show(self._conflater.instruments, self._oldest_us / 1_000_000, self._lag())
        self._oldest_us = 0

    def _lag(self) -> dict[int, int]:
        lag = {}
        for place in self._position(self._assigned):
            _, high = self._consumer.get_watermark_offsets(place, cached=True)
            lag[place.partition] = max(high - place.offset, 0)
        return lag

    def _commit(self, positions: list[TopicPartition]) -> None:
        # Not waited for: one that a rebalance refuses is made good by whoever commits next.
        if positions:
            self._consumer.commit(offsets=positions, asynchronous=True)

    def _finish(self) -> None:
        """Publish what is held, and commit that all has been read."""
        positions = [
            place for place in self._position(self._assigned) if place.partition not in self._behind
        ]
        for partition in self._behind:
            self._conflater.leave(partition)
        self._send(self._conflater.rest(_now_us(), _wall_us()))
        left = self._producer.flush(_FLUSH_S_MAX)
        self._check()
        if left:
            raise FeedError(f"Kafka has not taken {left} marks: is it up?")
        if positions:
            try:
                self._consumer.commit(offsets=positions, asynchronous=False)
            except KafkaException as error:
                # Between two generations of the group; its next reader begins a little earlier.
                self._log.info("places not committed", error=kafka_error(error).str())
        self._account()


class _Shown:
    """What the endpoint tells of a publisher: whether it publishes, and nothing of a user."""

    def __init__(self, feed: MarkFeed) -> None:
        self._feed: Final = feed

    def health(self) -> Answer:
        """200 when it has partitions and has read their past."""
        if self._feed.whole:
            return Answer(HTTPStatus.OK, {"status": "ok"})
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not publishing yet"})

    def lanes(self) -> Answer:
        """There are none here."""
        return Answer(HTTPStatus.NOT_FOUND, {"error": "a publisher of marks has no lanes"})

    def user(self, user_id: str) -> Answer:
        """There are none here."""
        del user_id
        return self.lanes()


def _watermarks(consumer: Any, place: TopicPartition) -> tuple[int, int]:
    low, high = patiently(lambda: consumer.get_watermark_offsets(place, timeout=REQUEST_S_MAX))
    return int(low), int(high)


def _now_us() -> int:
    return time.monotonic_ns() // 1_000


def _wall_us() -> int:
    return time.time_ns() // 1_000
