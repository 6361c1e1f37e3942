"""A transactional producer over the model, with confluent_kafka.Producer's methods and errors.

Owns what lives in the client: the queue of records not delivered yet, delivery reports not served
yet, and the states that librdkafka goes through. What is in the queue may reach the broker at any
moment; only the order within a partition is kept.
"""

import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NoReturn

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipeline.risk.partition import partition_of
from tests.simulation.broker import Broker, Refused
from tests.simulation.group import Place

# What the scheduler may want of a call.
TIMED_OUT_BEFORE: Final = "timed out, not done"
TIMED_OUT_AFTER: Final = "timed out, done"
QUEUE_FULL: Final = "queue full"
LOST: Final = "delivery failed"
PARTIAL: Final = "partly delivered"
FATAL: Final = "fatal"

# One record in so many finds the client's sender awake.
_DELIVERED_EARLY: Final = 8
_NEW: Final = 0
_READY: Final = 1
_OPEN: Final = 2
_BROKEN: Final = 3
_COMMITTING: Final = 4

Delivered = Callable[[Any, Any], None]
_Queued = tuple[bytes | None, bytes | None, Delivered | None]


class Delivery:
    """What a delivery report tells of a record."""

    __slots__ = ("_offset",)

    def __init__(self, offset: int) -> None:
        self._offset: Final = offset

    def offset(self) -> int:
        """Where it is in its partition."""
        return self._offset


class ModelProducer:
    """One producer of one incarnation of a worker.

    `step(name)` is called at the beginning of every call; what it returns is what should go wrong.
    `pick(n)` chooses one of n partitions to deliver to next.
    """

    def __init__(
        self,
        broker: Broker,
        transactional_id: str,
        timeout_ms: int,
        step: Callable[[str], str | None],
        pick: Callable[[int], int],
    ) -> None:
        self._broker: Final = broker
        self._name: Final = transactional_id
        self._timeout_ms: Final = timeout_ms
        self._step: Final = step
        self._pick: Final = pick
        self._epoch = -1
        self._state = _NEW
        self._error: KafkaError | None = None
        self._queue: dict[Place, deque[_Queued]] = {}
        self._reports: list[tuple[Delivered, KafkaError | None, Delivery | None]] = []
        self._added = False

    # -- confluent_kafka.Producer

    def init_transactions(self, timeout: float) -> None:
        """Fence older owners of the transactional id and end what they left open."""
        del timeout
        fault = self._step("producer.init")
        if fault in {TIMED_OUT_BEFORE, FATAL}:
            _raise_timed_out()
        _, self._epoch = self._broker.init_producer(self._name, self._timeout_ms)
        if fault == TIMED_OUT_AFTER:
            _raise_timed_out()
        self._state = _READY

    def begin_transaction(self) -> None:
        """Open a transaction, in the client only."""
        self._step("producer.begin")
        self._require(_READY)
        self._state = _OPEN
        self._added = False

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int = -1,
        on_delivery: Delivered | None = None,
        *,
        headers: Any = None,
    ) -> None:
        """Queue a record."""
        del headers
        fault = self._step("producer.produce")
        if self._state != _OPEN:
            raise KafkaException(KafkaError(KafkaError._STATE))
        if fault == QUEUE_FULL:
            raise BufferError("Local: Queue full")
        if fault == LOST:
            self._break(KafkaError.MSG_SIZE_TOO_LARGE)
            if on_delivery is not None:
                self._reports.append((on_delivery, self._error, None))
            return
        if partition < 0:
            partition = partition_of(key or b"", self._broker.partitions)
        place = (topic, partition)
        self._queue.setdefault(place, deque()).append((key, value, on_delivery))
        if self._pick(_DELIVERED_EARLY) == 1:
            self.deliver(1 + self._pick(self.queued))

    def poll(self, timeout: float) -> int:
        """Serve delivery reports."""
        del timeout
        self._step("producer.poll")
        return self._serve()

    def flush(self, timeout: float) -> int:
        """Deliver what is queued; returns how much is left. Raises for a fatal error."""
        del timeout
        fault = self._step("producer.flush")
        if fault == PARTIAL:
            self.deliver(self._pick(self.queued + 1))
        elif fault != TIMED_OUT_BEFORE:
            self.deliver(self.queued)
        self._serve()
        if self._error is not None and self._error.fatal():
            raise KafkaException(self._error)
        return self.queued

    def send_offsets_to_transaction(
        self, positions: list[TopicPartition], group_metadata: bytes, timeout: float
    ) -> None:
        """Add offsets; the group's coordinator checks the membership, here and nowhere else."""
        del timeout
        fault = self._step("producer.offsets")
        self._require(_OPEN)
        if fault == TIMED_OUT_BEFORE:
            _raise_timed_out()
        if fault == FATAL:
            self._fence()
        offsets = {(p.topic, p.partition): p.offset for p in positions}
        try:
            self._broker.add_offsets(self._name, self._epoch, offsets, membership(group_metadata))
        except Refused as refused:
            self._refused(refused)
        self._added = True
        if fault == TIMED_OUT_AFTER:
            _raise_timed_out()

    def commit_transaction(self, timeout: float) -> None:
        """Deliver what is queued, then commit. A retriable error leaves the outcome open."""
        del timeout
        fault = self._step("producer.commit")
        if self._state != _COMMITTING:
            self._require(_OPEN)
        if fault == PARTIAL:
            self.deliver(self._pick(self.queued + 1))
            _raise_timed_out()
        self.deliver(self.queued)
        self._serve()
        self._require(_COMMITTING if self._state == _COMMITTING else _OPEN)
        if fault == FATAL:
            self._fence()
        self._state = _COMMITTING
        if fault == TIMED_OUT_BEFORE:
            _raise_timed_out()
        self._end(commit=True)
        if fault == TIMED_OUT_AFTER:
            _raise_timed_out()
        self._state = _READY

    def abort_transaction(self, timeout: float) -> None:
        """Drop what is queued and abort."""
        del timeout
        self._step("producer.abort")
        if self._state == _COMMITTING:
            raise KafkaException(KafkaError(KafkaError._CONFLICT))
        if self._error is not None and self._error.fatal():
            raise KafkaException(self._error)
        if self._state not in {_OPEN, _BROKEN}:
            raise KafkaException(KafkaError(KafkaError._STATE))
        self._queue = {}
        self._end(commit=False)
        self._error = None
        self._state = _READY

    # -- between client and broker

    @property
    def queued(self) -> int:
        """Records not delivered yet."""
        return sum(len(records) for records in self._queue.values())

    def deliver(self, count: int) -> None:
        """Let `count` queued records reach the broker, from partitions in any order."""
        for _ in range(count):
            if self._error is not None and self._error.fatal():
                return
            places = [place for place, records in self._queue.items() if records]
            if not places:
                return
            place = places[self._pick(len(places)) if len(places) > 1 else 0]
            key, value, on_delivery = self._queue[place].popleft()
            try:
                offset = self._broker.append(self._name, self._epoch, place, key, value)
            except Refused as refused:
                self._note(refused)
                return
            self._added = True
            if on_delivery is not None:
                self._reports.append((on_delivery, None, Delivery(offset)))

    def _serve(self) -> int:
        reports, self._reports = self._reports, []
        for call, error, delivery in reports:
            call(error, delivery)
        return len(reports)

    def _end(self, *, commit: bool) -> None:
        # What never reached the broker does not have to end there.
        if not self._added:
            return
        try:
            self._broker.end(self._name, self._epoch, commit=commit)
        except Refused as refused:
            self._refused(refused)

    # -- errors

    def _require(self, state: int) -> None:
        if self._error is not None:
            raise KafkaException(self._error)
        if self._state != state:
            raise KafkaException(KafkaError(KafkaError._STATE))

    def _break(self, code: int) -> None:
        """An error after which only an abort is allowed."""
        self._state = _BROKEN
        self._error = KafkaError(code, txn_requires_abort=True)

    def _note(self, refused: Refused) -> None:
        if refused.code == KafkaError.INVALID_PRODUCER_EPOCH:
            self._state = _BROKEN
            self._error = KafkaError(KafkaError._FENCED, fatal=True)
        else:
            self._break(refused.code)

    def _refused(self, refused: Refused) -> NoReturn:
        self._note(refused)
        raise KafkaException(self._error)

    def _fence(self) -> NoReturn:
        self._refused(Refused(KafkaError.INVALID_PRODUCER_EPOCH))


def membership(group_metadata: bytes) -> tuple[int, str, str | None]:
    """(generation, member id, instance id) of librdkafka's serialised group metadata."""
    kind, rest = group_metadata[:7], group_metadata[7:]
    if kind != b"CGMDv2:":
        raise ValueError("group metadata of another version")
    (generation,) = struct.unpack("<i", rest[:4])
    _, member_id, instance = rest[4:].split(b"\x00", 2)
    instance_id = None if instance == b"\x01" else instance.strip(b"\x00").decode()
    return generation, member_id.decode(), instance_id


def _raise_timed_out() -> NoReturn:
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, retriable=True))
