"""Reads a business day's events again when its document is made.

Owns a short-lived librdkafka consumer over one stretch of a partition of regulatory-events. Joins
no group, commits nothing, and holds a bounded number of records, however many the day has.
"""

from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pipeline.codecs.avro import decode_regulatory_event
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import unframe
from pipeline.codecs.wire import SchemaIds, fixed_ids
from pipeline.reporting.days import DAY_CLOSE
from pipeline.risk.records import RegulatoryEvent
from pipeline.settings import Settings
from pipeline.topics import REGULATORY_EVENTS

_BATCH_RECORDS: Final = 500
_POLL_S: Final = 1.0
# What was counted is committed and must be there; a broker that restarts may take a while.
_SILENCE_S_MAX: Final = 60.0
_QUEUE_KIB: Final = 16 * 1024


class ReadError(RuntimeError):
    """A stretch of regulatory-events cannot be read; the text says why and what to do."""


def decode_event(value: bytes | None, ids: SchemaIds) -> RegulatoryEvent:
    """The event in a framed value, of any published version. Raises ReadError when there is none.

    A stretch can begin before an upgrade and end after it, so older versions must be readable.
    """
    try:
        name, _version, body = unframe(value, ids)
        if name != "regulatory_event":
            raise ReadError(
                f"a record of regulatory-events is a {name}: something other than the gate wrote "
                "it, or registry_url names another registry than the gate's"
            )
        return decode_regulatory_event(body)
    except MalformedAvro as error:
        raise ReadError(
            f"a record of regulatory-events cannot be read ({error}): something other than the "
            "gate wrote it, or registry_url names another registry than the gate's"
        ) from error


def read_events(
    settings: Settings,
    partition: int,
    first_offset: int,
    last_offset: int,
    *,
    tenant: str,
    day: int,
    ids: SchemaIds | None = None,
) -> Iterator[RegulatoryEvent]:
    """Yield the events of `tenant` on `day` from first_offset to last_offset, both included.

    In the order of the partition, without DAY_CLOSE, aborted records or other tenants and days.
    `ids`: of the registry, else the fixed ones. Raises ReadError when the stretch is gone
    (retention), cannot be decoded, or does not arrive within a minute of silence.
    """
    ids = ids or fixed_ids()
    key = tenant.encode()
    for message in _messages(settings, partition, first_offset, last_offset):
        # The key is the tenant: others need no decoding.
        if message.key() != key:
            continue
        event = decode_event(message.value(), ids)
        if event.business_day == day and event.event_type != DAY_CLOSE:
            yield event


def _messages(
    settings: Settings, partition: int, first_offset: int, last_offset: int
) -> Iterator[Message]:
    """Committed records of the stretch; ends even where its last offsets are markers."""
    topic = settings.topic(REGULATORY_EVENTS.name)
    consumer = Consumer(
        settings.confluent(
            group_id=f"{settings.app_id}-report-reader",
            enable_auto_commit=False,
            isolation_level="read_committed",
            enable_partition_eof=True,
            auto_offset_reset="error",
            queued_max_messages_kbytes=_QUEUE_KIB,
        )
    )
    try:
        consumer.assign([TopicPartition(topic, partition, first_offset)])
        silent_s = 0.0
        while silent_s < _SILENCE_S_MAX:
            batch = consumer.consume(_BATCH_RECORDS, _POLL_S)
            silent_s = 0.0 if batch else silent_s + _POLL_S
            for message in batch:
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    raise _failure(topic, partition, first_offset, error)
                offset = message.offset()
                if error is None and offset is not None and offset <= last_offset:
                    yield message
                if offset is not None and offset + (error is None) > last_offset:
                    return
    except KafkaException as error:
        raise _failure(topic, partition, first_offset, error.args[0]) from error
    finally:
        consumer.close()
    raise ReadError(
        f"{topic}[{partition}] did not deliver offset {last_offset} within {_SILENCE_S_MAX:.0f} s: "
        "check the broker (`tollgate doctor`)"
    )


def _failure(topic: str, partition: int, offset: int, error: object) -> ReadError:
    if not isinstance(error, KafkaError):
        return ReadError(f"{topic}[{partition}] cannot be read: {error}")
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - its public name
        return ReadError(
            f"{topic}[{partition}] has no offset {offset} any more: its retention is shorter than "
            "a business day; set retention.ms=-1 (`tollgate doctor` checks it)"
        )
    return ReadError(f"{topic}[{partition}] cannot be read: {error.str()}")
