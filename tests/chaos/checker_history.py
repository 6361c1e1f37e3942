"""What lies in Kafka after a run, as plain lists.

Owns reading every input, every output, the changelog and the group's offsets, committed records
only. Waits for transactions that are still open, so that nothing committed is overlooked. Must
never judge: `checker.py` does.
"""

import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.settings import Settings
from pipeline.topics import (
    AUDIT,
    DEAD_LETTERS,
    DECISIONS,
    LANE_INPUTS,
    REGULATORY_EVENTS,
    RISK_CONTEXTS_CHANGELOG,
)

INPUTS: Final = tuple(topic.name for topic in LANE_INPUTS)
OUTPUTS: Final = (AUDIT.name, DECISIONS.name, DEAD_LETTERS.name, REGULATORY_EVENTS.name)
CHANGELOG: Final = RISK_CONTEXTS_CHANGELOG.name

_SILENCE_S_MAX: Final = 120.0
_BATCH: Final = 10_000
_PAUSE_S: Final = 0.5


class Record(NamedTuple):
    """One committed record. `topic` is the name without the prefix."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None

    @property
    def place(self) -> str:
        """Where it lies, for people."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True)
class History:
    """Everything there is to judge.

    `records`: topic (without prefix) -> its records, in partition and offset order. `committed`:
    (topic, partition) -> the next offset that the group will read, of the inputs. `clock` is the
    setting `gate_clock`.
    """

    lane_count: int
    prefix: str
    clock: str
    records: dict[str, list[Record]]
    committed: dict[tuple[str, int], int]


class HistoryError(RuntimeError):
    """Kafka could not be read to its end; nothing is judged."""


def read_history(settings: Settings) -> History:
    """Everything of one run. Raises HistoryError when the broker falls silent."""
    names = (*INPUTS, *OUTPUTS, CHANGELOG)
    places = [
        TopicPartition(settings.topic(name), partition)
        for name in names
        for partition in range(settings.partitions)
    ]
    records: dict[str, list[Record]] = {name: [] for name in names}
    for message in _messages(settings, _ends(settings, places)):
        read = _record(message, settings.topic_prefix)
        records[read.topic].append(read)
    for found in records.values():
        found.sort(key=lambda record: (record.partition, record.offset))
    return History(
        lane_count=settings.partitions,
        prefix=settings.topic_prefix,
        clock=settings.gate_clock,
        records=records,
        committed=_committed(settings),
    )


def _ends(settings: Settings, places: list[TopicPartition]) -> dict[tuple[str, int], int]:
    """The end of each partition, whatever lies before it: also what is not committed yet."""
    # Held until the answers are there: they never come once the client is gone.
    client = AdminClient(settings.confluent())
    asked = client.list_offsets(
        {place: OffsetSpec.latest() for place in places},
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        request_timeout=_SILENCE_S_MAX,
    )
    return {
        (place.topic, place.partition): answer.result().offset for place, answer in asked.items()
    }


def _messages(settings: Settings, ends: dict[tuple[str, int], int]) -> list[Message]:
    """Every committed message before the ends."""
    consumer = Consumer(
        settings.confluent(
            group_id="none",
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_partition_eof=True,
            enable_auto_commit=False,
        )
    )
    consumer.assign(
        [TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends]
    )
    messages: list[Message] = []
    heard = time.monotonic()
    left = dict(ends)
    # A log has an offset once; librdkafka may deliver records again when a leader has changed.
    last: dict[tuple[str, int], int] = {}
    try:
        while left:
            for message in consumer.consume(_BATCH, _PAUSE_S):
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    continue  # A lost connection, say: librdkafka goes on by itself.
                heard = time.monotonic()
                place = _partition_of(message)
                if error is None:
                    offset = message.offset() or 0
                    if offset > last.get(place, -1):
                        last[place] = offset
                        messages.append(message)
                elif (message.offset() or 0) >= left.get(place, 0):
                    # Short of it, a transaction is open: it ends, and then there is more.
                    left.pop(place, None)
            if time.monotonic() - heard > _SILENCE_S_MAX:
                raise HistoryError(
                    f"not read to their ends: {sorted(left)}; is a transaction open?"
                )
    finally:
        consumer.close()
    return messages


def _partition_of(message: Message) -> tuple[str, int]:
    topic, partition = message.topic(), message.partition()
    if topic is None or partition is None:
        raise HistoryError(f"a message of no partition: {message.error()}")
    return topic, partition


def _record(message: Message, prefix: str) -> Record:
    topic, partition = _partition_of(message)
    key: Any = message.key()
    return Record(
        topic.removeprefix(prefix),
        partition,
        message.offset() or 0,
        message.timestamp()[1],
        key,
        message.value(),
    )


def _committed(settings: Settings) -> dict[tuple[str, int], int]:
    """The group's offsets of the inputs, once no transaction is pending on them."""
    consumer = Consumer(
        settings.confluent(
            group_id=settings.app_id, isolation_level="read_committed", enable_auto_commit=False
        )
    )
    places = [
        TopicPartition(settings.topic(name), partition)
        for name in INPUTS
        for partition in range(settings.partitions)
    ]
    try:
        answered = consumer.committed(places, timeout=_SILENCE_S_MAX)
    finally:
        consumer.close()
    return {
        (place.topic.removeprefix(settings.topic_prefix), place.partition): place.offset
        for place in answered
        if place.offset >= 0
    }
