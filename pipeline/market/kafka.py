"""Questions of a replay to the broker: partitions, what is on the topics already, who works.

Owns the waiting for partition leaders: right after topics were created a broker answers that it is
not the leader of a partition it will lead. Publishes nothing.
"""

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.control.history import kafka_error
from pipeline.market.errors import ReplayError
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import admin_client
from pipeline.topics import LANE_INPUTS

REQUEST_S_MAX: Final = 10
_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.2
_PASSING: Final = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}

_T = TypeVar("_T")


def client_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """Settings of a client whose trouble comes as exceptions only, never as lines on stderr."""
    return settings.confluent(**extra) | {"log_level": 0}


def patiently(ask: Callable[[], _T]) -> _T:
    """What `ask` returns, asked again while leaders are being elected. Raises KafkaException."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if kafka_error(error).code() not in _PASSING or time.monotonic() > end:
                raise
        time.sleep(_PAUSE_S)


def partitions_of(client: Any, topic: str) -> list[int]:
    """The partition numbers of a topic. Raises ReplayError when there is none, KafkaException."""
    found = client.list_topics(topic, timeout=REQUEST_S_MAX).topics[topic]
    if found.error is not None:
        raise ReplayError(f"topic {topic}: {found.error.str()}; run `tollgate topics create`")
    return sorted(found.partitions)


def refuse_later_records(settings: Settings, time_ms: int) -> None:
    """Raises ReplayError where a lane's input holds a record of `time_ms` or later.

    A lane's time never runs backwards, so a recording's orders would be stale there.
    """
    consumer = Consumer(client_config(settings, group_id=f"{settings.app_id}-replay"))
    try:
        for topic in LANE_INPUTS:
            name = settings.topic(topic.name)
            if _has_records_from(consumer, name, time_ms):
                raise ReplayError(
                    f"topic {name} holds records that are later than this recording, and a lane's "
                    "time never runs backwards. Replay on a fresh broker (`tollgate run` starts "
                    "one), or set TOLLGATE_TOPIC_PREFIX and TOLLGATE_APP_ID to new names for "
                    "worker and replay"
                )
    except KafkaException as error:
        raise ReplayError(
            f"Kafka at {settings.kafka_bootstrap} does not answer: {kafka_error(error).str()}. Set "
            "KAFKA_BOOTSTRAP, or start one with `tollgate up`"
        ) from error
    finally:
        consumer.close()


def workers_text(settings: Settings) -> str:
    """Whether a worker runs, as a sentence with what to do."""
    group = settings.app_id
    client: Any = admin_client(settings)
    try:
        described = client.describe_consumer_groups([group], request_timeout=REQUEST_S_MAX)
        members = len(described[group].result().members)
    except KafkaException:
        return f"Kafka at {settings.kafka_bootstrap} does not answer: is it running?"
    if not members:
        return "No worker is running: start one with `TOLLGATE_GATE_CLOCK=record tollgate worker`"
    return f"{members} worker(s) are running: look at their logs and at `tollgate doctor`"


def _has_records_from(consumer: Any, topic: str, time_ms: int) -> bool:
    wanted = [TopicPartition(topic, number, time_ms) for number in partitions_of(consumer, topic)]
    later = patiently(lambda: consumer.offsets_for_times(wanted, timeout=REQUEST_S_MAX))
    return any(partition.offset >= 0 for partition in later)
