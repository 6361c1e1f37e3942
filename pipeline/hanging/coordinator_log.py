"""What a transaction's coordinator decided, read from its own log.

`__transaction_state` has a record for every step of every transactional id (Kafka's
TransactionLogKey and TransactionLogValue): the partitions are named until the outcome is decided
and gone once the coordinator believes all markers written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
from typing import Final

from aiokafka.protocol.types import Array as PlainArray
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    String,
    TaggedFields,
)

from pipeline.settings import Settings
from pipeline.streaming.topic_reader import partition_count, read_topic

TOPIC: Final = "__transaction_state"
_VALUES: Final = {
    0: Schema(
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("timeout_ms", Int32),
        ("status", Int8),
        ("partitions", PlainArray(("topic", String()), ("ids", PlainArray(Int32)))),
    ),
    1: Schema(
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("timeout_ms", Int32),
        ("status", Int8),
        (
            "partitions",
            CompactArray(
                ("topic", CompactString()), ("ids", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
    ),
}


class Status(IntEnum):
    """Kafka's TransactionState."""

    EMPTY = 0
    ONGOING = 1
    PREPARE_COMMIT = 2
    PREPARE_ABORT = 3
    COMPLETE_COMMIT = 4
    COMPLETE_ABORT = 5
    DEAD = 6
    PREPARE_EPOCH_FENCE = 7


DECIDED: Final = {Status.PREPARE_COMMIT, Status.PREPARE_ABORT}
# The coordinator still owes the partitions their markers, and remembers it.
_PENDING: Final = {Status.ONGOING, *DECIDED, Status.PREPARE_EPOCH_FENCE}


@dataclass(frozen=True)
class Step:
    """A step of a transaction: its producer, its state, and the partitions it then named."""

    producer_id: int
    status: Status
    partitions: frozenset[tuple[str, int]]


def steps(settings: Settings, transactional_id: str) -> list[Step]:
    """What is left of a transactional id's steps in its coordinator's log, oldest first.

    Raises TopicError when the log cannot be read.
    """
    partition = coordinator_of(transactional_id, partition_count(settings, TOPIC))
    key = Int16.encode(0) + String().encode(transactional_id)
    return [
        step
        for message in read_topic(settings, TOPIC, [partition])
        if message.key() == key
        for step in parsed(message.value())
    ]


def outcome(told: list[Step], producer_id: int, partition: tuple[str, int]) -> Status | None:
    """How the last transaction of `producer_id` that wrote to `partition` ended, in `DECIDED`.

    ONGOING: the coordinator has still to end it. None: the log does not say.
    """
    if told and told[-1].status in _PENDING and partition in told[-1].partitions:
        return Status.ONGOING
    ends = [
        step.status
        for step in told
        if step.producer_id == producer_id
        and step.status in DECIDED
        and partition in step.partitions
    ]
    return ends[-1] if ends else None


def coordinator_of(transactional_id: str, partitions: int) -> int:
    """The partition of the log: Java's String.hashCode, as Kafka's Utils.abs makes it positive."""
    number = 0
    units = transactional_id.encode("utf-16-be")
    for at in range(0, len(units), 2):
        number = (31 * number + (units[at] << 8) + units[at + 1]) & 0xFFFF_FFFF
    signed = number - (1 << 32) if number & 0x8000_0000 else number
    return 0 if signed == -(1 << 31) else abs(signed) % partitions


def parsed(value: bytes | None) -> Iterator[Step]:
    """The step of a record; nothing for a tombstone or a version that is not known."""
    if value is None:
        return
    data = BytesIO(value)
    schema = _VALUES.get(Int16.decode(data))
    if schema is None:
        return
    producer_id, _, _, status, partitions = schema.decode(data)
    named = frozenset((entry[0], number) for entry in partitions or () for number in entry[1])
    yield Step(producer_id, Status(status), named)
