"""The venue on Kafka: decisions in, fills out, each report exactly once.

Owns the clients, the clock and the order in which decisions of several lanes are taken up. A step
takes what is due, lets the engine act, and commits its reports with the decisions' offsets in one
transaction. Whatever goes wrong ends the process: the next start goes on from what is committed.
"""

import time
from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from pipeline.codecs.avro import decode_decision, decode_fill, decode_mark, encode_fill
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import unframe
from pipeline.codecs.registry import schema_ids
from pipeline.control.history import ControlError, kafka_error, read_history
from pipeline.risk.records import EXEC_TYPE_NAMES, Fill, Instrument
from pipeline.settings import Settings
from pipeline.streaming.topic_reader import partition_count, read_topic
from pipeline.topics import DECISIONS, FILLS, MARKS, Topic
from pipeline.venue.engine import Engine
from pipeline.venue.history import Report, report_of, restored, taken_up_to
from pipeline.venue.orders import Request, request_of
from pipeline.venue.quotes import Quoting, quote_prices
from pipeline.venue.switches import Switches

_INIT_S_MAX: Final = 60.0
_STEP_S_MAX: Final = 10.0
_REQUEST_S_MAX: Final = 10.0
_POLL_S: Final = 0.1
_BATCH_MAX: Final = 500
# Decisions that wait for the acknowledgement delay; beyond it reading waits as well.
_WAITING_MAX: Final = 20_000

_T = TypeVar("_T")


class VenueError(Exception):
    """The venue could not start; the text says why and what to do."""


class VenueStoppedError(Exception):
    """The venue stopped because going on could have been wrong; a new start goes on."""


class StopFlag(Protocol):
    """What tells the venue to stop: a threading.Event."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class _Input(NamedTuple):
    """A decision that was read, in the order in which it is taken up."""

    due: int
    arrival: int
    partition: int
    offset: int
    request: Request | None


class VenueService:
    """One venue; a second one of the same name and gate takes over, and the first one ends.

    restored_orders: How many orders worked when it started. decisions: how many it has taken up.
    reports: exec_type by name -> how many it has made.
    """

    def __init__(
        self,
        settings: Settings,
        switches: Switches,
        *,
        delay_ms: int = 0,
        quoting: Quoting | None = None,
    ) -> None:
        """Connect to nothing yet; `quoting`: whether and how the house quotes."""
        self.restored_orders = 0
        self.decisions = 0
        self.reports: Final[Counter[str]] = Counter()
        self._settings: Final = settings
        self._switches: Final = switches
        self._delay_us: Final = delay_ms * 1_000
        self._quoting: Final = quoting
        self._on_wall: Final = settings.gate_clock == "wall"
        self._ids: Final = schema_ids(settings)
        self._frame: Final = self._ids.frame(FILLS.schema)
        self._decisions: Final = settings.topic(DECISIONS.name)
        self._fills: Final = settings.topic(FILLS.name)
        self._marks: Final = settings.topic(MARKS.name)
        self._engine = Engine(switches)
        self._producer: Any = None
        self._consumer: Any = None
        self._waiting: Final[list[_Input]] = []
        self._arrivals = 0
        # Partition -> when its last decision that was read is due.
        self._due: Final[Counter[int]] = Counter()
        # Instrument -> the latest mark and its time, not quoted yet.
        self._new_marks: Final[dict[str, tuple[int, int]]] = {}
        self._ticks: dict[str, int] = {}

    @property
    def working_orders(self) -> int:
        """How many orders work now."""
        return self._engine.working

    def start(self) -> None:
        """Fence an earlier venue and become what it was. Raises VenueError, TopicError."""
        settings = self._settings
        partitions = range(partition_count(settings, self._decisions))
        group = f"{settings.app_id}-venue"
        client = {"log_level": 0}
        self._producer = Producer(
            settings.confluent(
                transactional_id=f"{settings.topic_prefix}{group}",
                transaction_timeout_ms=settings.transaction_timeout_ms,
                partitioner="murmur2",
                compression_type=settings.compression,
                linger_ms=1,
            )
            | client
        )
        self._consumer = Consumer(
            settings.confluent(
                group_id=group,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="error",
            )
            | client
        )
        try:
            # First: it ends what an earlier venue left open, so that what is read now is final.
            self._producer.init_transactions(_INIT_S_MAX)
            committed = self._committed(list(partitions))
            positions = self._restore(committed)
            self._consumer.assign(
                [TopicPartition(self._decisions, p, at) for p, at in positions.items()]
                + self._start_quoting()
            )
        except KafkaException as error:
            raise VenueError(
                f"Kafka at {settings.kafka_bootstrap}: {kafka_error(error).str()}"
            ) from error
        except ControlError as error:
            raise VenueError(str(error)) from error
        self.restored_orders = self._engine.working

    def run(self, stop: StopFlag) -> None:
        """Answer decisions until `stop` is set. Raises VenueStoppedError."""
        try:
            while not stop.is_set():
                self._read()
                self._step()
        except KafkaException as error:
            raise VenueStoppedError(_why(kafka_error(error))) from error

    def close(self) -> None:
        """Leave Kafka."""
        if self._consumer is not None:
            self._consumer.close()

    # -- starting

    def _committed(self, partitions: list[int]) -> dict[int, int | None]:
        places = [TopicPartition(self._decisions, partition) for partition in partitions]
        found = self._consumer.committed(places, timeout=_REQUEST_S_MAX)
        for place in found:
            if place.error is not None:
                raise KafkaException(place.error)
        return {place.partition: place.offset if place.offset >= 0 else None for place in found}

    def _restore(self, committed: dict[int, int | None]) -> dict[int, int]:
        reports: list[Report] = []
        for message in read_topic(self._settings, self._fills, list(committed)):
            fill = self._decoded(message.value(), FILLS, decode_fill)
            report = None if fill is None else report_of(fill, self._switches.venue)
            if report is not None:
                reports.append(report)
        requests: dict[int, list[tuple[int, Request]]] = {partition: [] for partition in committed}
        for message in read_topic(self._settings, self._decisions, list(committed)):
            decision = self._decoded(message.value(), DECISIONS, decode_decision)
            request = None if decision is None else request_of(decision)
            if request is not None:
                requests[message.partition() or 0].append((message.offset() or 0, request))
        positions = taken_up_to(committed, requests, reports)
        taken = [
            request
            for partition, of_lane in requests.items()
            for offset, request in of_lane
            if offset < positions[partition]
        ]
        self._engine = restored(self._switches, taken, reports)
        return positions

    def _start_quoting(self) -> list[TopicPartition]:
        """Learn ticks and latest marks; where to go on reading marks, if the house quotes."""
        if self._quoting is None:
            return []
        for control in read_history(self._settings).last.values():
            if isinstance(control.payload, Instrument):
                self._ticks[control.payload.instrument_id] = control.payload.tick_e9
        position = 0
        # Each partition holds every mark.
        for message in read_topic(self._settings, self._marks, [0]):
            position = (message.offset() or 0) + 1
            self._take_mark(message)
        return [TopicPartition(self._marks, 0, position)]

    # -- reading

    def _read(self) -> None:
        if len(self._waiting) >= _WAITING_MAX:
            time.sleep(_POLL_S)
            return
        # `consume` waits for a full batch; `poll` returns as soon as there is one.
        first = self._consumer.poll(self._wait_s())
        if first is None:
            return
        for message in [first, *self._consumer.consume(_BATCH_MAX, 0)]:
            error = message.error()
            if error is None:
                self._take(message)
            elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 -- its only name
                raise KafkaException(error)

    def _wait_s(self) -> float:
        if not self._waiting:
            return _POLL_S
        if not self._on_wall:
            return 0.0
        return min(max(self._waiting[0].due - _now_us(), 0) / 1_000_000, _POLL_S)

    def _take(self, message: Any) -> None:
        if message.topic() == self._marks:
            self._take_mark(message)
            return
        partition = message.partition()
        decision = self._decoded(message.value(), DECISIONS, decode_decision)
        due = 0 if decision is None else decision.gate_time
        if self._on_wall:
            # A gate whose clock is ahead must not make its orders wait.
            due = min(due, _now_us())
        # A lane's decisions are taken up in their order: what is committed is a place in it.
        due = self._due[partition] = max(due + self._delay_us, self._due[partition])
        self._arrivals += 1
        request = None if decision is None else request_of(decision)
        heappush(self._waiting, _Input(due, self._arrivals, partition, message.offset(), request))

    def _take_mark(self, message: Any) -> None:
        mark = self._decoded(message.value(), MARKS, decode_mark)
        if mark is not None and mark.price_e9 > 0:
            moment = message.timestamp()[1] * 1_000
            self._new_marks[mark.instrument_id] = (mark.price_e9, moment)

    def _decoded(
        self, value: bytes | None, topic: Topic, decode: Callable[[bytes], _T]
    ) -> _T | None:
        try:
            name, _, body = unframe(value, self._ids)
            return decode(body) if name == topic.schema else None
        except MalformedAvro:
            return None

    # -- acting

    def _step(self) -> None:
        """Act on what is due, and commit what came of it."""
        now = _now_us()
        reports = self._quote(now)
        offsets: dict[int, int] = {}
        for _ in range(_BATCH_MAX):
            if not self._waiting or (self._on_wall and self._waiting[0].due > now):
                break
            taken = heappop(self._waiting)
            offsets[taken.partition] = taken.offset + 1
            self.decisions += 1
            if taken.request is not None:
                moment = max(taken.due, now) if self._on_wall else taken.due
                reports += self._engine.handle(taken.request, moment)
        if self._on_wall:
            reports += self._engine.advance(now)
        if reports or offsets:
            self._commit(reports, offsets)

    def _quote(self, now: int) -> list[Fill]:
        reports: list[Fill] = []
        quoting = self._quoting
        while quoting is not None and self._new_marks:
            instrument_id, (mark_e9, moment) = self._new_marks.popitem()
            if instrument_id not in self._ticks:
                continue
            prices = quote_prices(mark_e9, self._ticks[instrument_id], quoting.bps)
            if prices is not None:
                when = now if self._on_wall else moment
                reports += self._engine.quote(instrument_id, *prices, quoting.lots, when)
        return reports

    def _commit(self, reports: list[Fill], offsets: dict[int, int]) -> None:
        producer = self._producer
        producer.begin_transaction()
        for report in reports:
            self._produce(report)
        if offsets:
            producer.send_offsets_to_transaction(
                [TopicPartition(self._decisions, p, at) for p, at in offsets.items()],
                self._consumer.consumer_group_metadata(),
                _STEP_S_MAX,
            )
        while True:
            try:
                producer.commit_transaction(_STEP_S_MAX)
            except KafkaException as error:
                # Once asked for, it is asked for until the outcome is known.
                if not kafka_error(error).retriable():
                    raise
                continue
            break
        self.reports.update(EXEC_TYPE_NAMES[report.exec_type] for report in reports)

    def _produce(self, report: Fill) -> None:
        value = self._frame + encode_fill(report)
        key = report.user_id.encode()
        while True:
            try:
                self._producer.produce(
                    self._fills, value, key, timestamp=report.event_time // 1_000
                )
            except BufferError:
                self._producer.poll(_POLL_S)
                continue
            return


def _now_us() -> int:
    return time.time_ns() // 1_000


def _why(error: KafkaError) -> str:
    if error.code() in {KafkaError._FENCED, KafkaError.PRODUCER_FENCED}:  # noqa: SLF001
        return "another venue of this gate has started and took over"
    return f"Kafka: {error.str()}"
