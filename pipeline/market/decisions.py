"""Reads the gate's decisions while a replay runs.

Owns one `read_committed` consumer in a thread of its own, from the end of the topic as it was at
the start. Decodes only the head of each decision: what a venue's gateway would wait for.
"""

import time
from queue import Empty, SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.codecs.primitives import Reader
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.control.history import kafka_error
from pipeline.market.errors import ReplayError
from pipeline.market.kafka import REQUEST_S_MAX, client_config, partitions_of, patiently
from pipeline.risk.records import (
    DECISION_ORIGIN_CLIENT,
    DECISION_ORIGIN_NAMES,
    ORDER_ACTION_NAMES,
    VERDICT_ACCEPTED,
    VERDICT_NAMES,
)
from pipeline.settings import Settings
from pipeline.topics import DECISIONS

_BATCH_RECORDS: Final = 500
_POLL_S: Final = 0.1


class Answer(NamedTuple):
    """The head of a decision. `read_s`: this process's monotonic clock when it was read.

    `swept`: nobody asked, the gate ended an order whose time was over.
    """

    user_id: str
    request_id: str
    swept: bool
    accepted: bool
    reason_code: str
    read_s: float


def read_answer(value: bytes, read_s: float) -> Answer:
    """The head of a framed decision: the first fields of schemas/avro/decision.avsc."""
    reader = Reader(value, FRAME_BYTES)
    reader.long()  # gate_time
    reader.long()  # event_time
    reader.raw()  # source_system_id
    reader.raw()  # tenant_id
    user_id = reader.string()
    request_id = reader.string()
    if reader.present():
        reader.raw()  # orig_order_id
    reader.symbol(len(ORDER_ACTION_NAMES))
    swept = reader.symbol(len(DECISION_ORIGIN_NAMES)) != DECISION_ORIGIN_CLIENT
    accepted = reader.symbol(len(VERDICT_NAMES)) == VERDICT_ACCEPTED
    return Answer(user_id, request_id, swept, accepted, reader.string(), read_s)


def _read_answers(messages: list[Any], read_s: float) -> list[Answer]:
    for message in messages:
        if message.error() is not None:
            raise KafkaException(message.error())
    return [read_answer(message.value(), read_s) for message in messages]


class DecisionReader:
    """A context manager; `take` gives what was read since the last call."""

    def __init__(self, settings: Settings) -> None:
        """Remember the settings; entering the context connects."""
        self._settings: Final = settings
        self._batches: Final[SimpleQueue[list[Answer]]] = SimpleQueue()
        self._stop: Final = Event()
        self._failure: BaseException | None = None
        self._thread: Final = Thread(target=self._run, name="decisions", daemon=True)
        self._consumer: Any = None

    def __enter__(self) -> Self:
        """Find the end of each partition and start reading there."""
        self._consumer = Consumer(
            client_config(
                self._settings,
                group_id=f"{self._settings.app_id}-replay",
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="error",
            )
        )
        try:
            self._consumer.assign(self._ends())
        except KafkaException as error:
            self._consumer.close()
            raise ReplayError(
                f"the decisions cannot be read: {kafka_error(error).str()}"
            ) from error
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the thread and leave Kafka."""
        del kind, error, traceback
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def take(self, wait_s: float) -> list[Answer]:
        """A batch in the order read; [] when none came within `wait_s`. Raises ReplayError."""
        if self._failure is not None:
            raise ReplayError(f"the decisions cannot be read: {self._failure}") from self._failure
        try:
            return self._batches.get(block=wait_s > 0, timeout=wait_s or None)
        except Empty:
            return []

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                # `consume` waits for a full batch; `poll` returns as soon as there is one.
                first = self._consumer.poll(_POLL_S)
                if first is not None:
                    messages = [first, *self._consumer.consume(_BATCH_RECORDS, 0)]
                    self._batches.put(_read_answers(messages, time.monotonic()))
        except BaseException as failure:  # noqa: BLE001 - handed to the replaying thread, not lost
            self._failure = failure

    def _ends(self) -> list[Any]:
        topic = self._settings.topic(DECISIONS.name)
        return [
            TopicPartition(topic, number, self._end(TopicPartition(topic, number)))
            for number in partitions_of(self._consumer, topic)
        ]

    def _end(self, partition: TopicPartition) -> int:
        _, end = patiently(
            lambda: self._consumer.get_watermark_offsets(partition, timeout=REQUEST_S_MAX)
        )
        return int(end)
