"""Reads committed records of a topic for people and tools: outside any consumer group.

Owns what every such reader needs alike: read_committed, a start, an end, errors in plain words.
Commits nothing, joins no group, so looking never disturbs a worker.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    Message,
    TopicPartition,
)

from pipeline.settings import Settings
from pipeline.streaming.topic_admin import TopicError, admin_client, partition_counts

_POLL_S: Final = 0.25
_SILENCE_S_MAX: Final = 60.0
# Never joined: librdkafka demands a group of every consumer.
_NO_GROUP: Final = "tollgate-reader"


def partition_count(settings: Settings, topic: str) -> int:
    """How many partitions `topic` (name on the broker) has. Raises TopicError."""
    counts = partition_counts(admin_client(settings))
    if topic not in counts:
        raise TopicError(f"topic {topic!r} does not exist: run `tollgate topics create`")
    return counts[topic]


def read_topic(
    settings: Settings,
    topic: str,
    partitions: Sequence[int],
    *,
    from_start: bool = True,
    until_idle_s: float | None = 0.0,
) -> Iterator[Message]:
    """Yield the records of `partitions` of `topic` (its name on the broker), committed ones only.

    Ends when each partition has been read to its end and nothing has come for `until_idle_s`
    seconds; None: never. Raises TopicError when Kafka refuses or falls silent before an end.
    """
    consumer = Consumer(
        {
            **settings.confluent(
                group_id=_NO_GROUP,
                isolation_level="read_committed",
                enable_auto_commit=False,
                enable_partition_eof=True,
            ),
            "log_level": 0,
        }
    )
    start = OFFSET_BEGINNING if from_start else OFFSET_END
    try:
        consumer.assign([TopicPartition(topic, partition, start) for partition in partitions])
        yield from _messages(consumer, topic, len(partitions), until_idle_s)
    finally:
        consumer.close()


def _messages(
    consumer: Consumer, topic: str, partitions: int, until_idle_s: float | None
) -> Iterator[Message]:
    at_end: set[int | None] = set()
    # librdkafka may deliver records of a partition again when its leader has changed.
    read_up_to: dict[int | None, int] = {}
    heard = time.monotonic()
    while True:
        silent_s = time.monotonic() - heard
        if len(at_end) == partitions:
            if until_idle_s is not None and silent_s >= until_idle_s:
                return
        elif silent_s > _SILENCE_S_MAX:
            raise TopicError(f"Kafka has fallen silent while {topic} was read: is the broker up?")
        message = consumer.poll(_POLL_S)
        if message is None:
            continue
        error = message.error()
        if error is None:
            heard = time.monotonic()
            at_end.discard(message.partition())
            offset = message.offset() or 0
            if offset > read_up_to.get(message.partition(), -1):
                read_up_to[message.partition()] = offset
                yield message
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its only name
            at_end.add(message.partition())
        elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            raise TopicError(f"{topic} cannot be read: {error.str()}")
