"""The lane processor and the peers' core side by side, without Kafka.

Owns lanes in this process that are fed a flow: what they answer is compared in a test, and how long
the gate's take is `lane_us`; and their cores, fed decoded orders, which is `core_us`.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from librt.strings import BytesWriter

from benchmarks.contest.inputs import Funded
from benchmarks.contest.profile import users
from benchmarks.flow import deposit, mark
from pipeline.codecs.avro import (
    decode_order,
    encode_control,
    encode_deposit,
    encode_mark,
    encode_order,
)
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.control.definitions import Payload
from pipeline.lane.processor import CONTROL, DEPOSITS, ORDERS, LaneOutput, LaneProcessor
from pipeline.lane.rows import DictRows, write_row
from pipeline.market.config import load_replay_config
from pipeline.risk.core import RiskCore
from pipeline.risk.effects import InputContext
from pipeline.risk.partition import partition_of
from pipeline.risk.records import Control, Order
from pipeline.risk.state import Row
from pipeline.topics import LANE_INPUTS

_BENCH: Final = "tollgate-bench"


class Setup(NamedTuple):
    """An input before the first order."""

    topic: int
    key: bytes | None
    value: bytes


class Lane:
    """One lane of the gate over rows in memory."""

    def __init__(self, partition: int, partitions: int, prefix: str = "") -> None:
        """An empty lane; `prefix` is that of the topics' names."""
        self.rows: Final = DictRows()
        topics = [prefix + topic.name for topic in LANE_INPUTS]
        self.processor: Final = LaneProcessor(partition, partitions, topics, fixed_ids(), self.rows)
        self._offsets: Final = [0] * len(topics)

    def apply(self, topic: int, time_ms: int, key: bytes | None, value: bytes) -> LaneOutput:
        """The next input; gate time is the record's."""
        offset = self._offsets[topic]
        self._offsets[topic] = offset + 1
        result = self.processor.apply(
            topic, offset, time_ms, key, value, None, time_ms * 1000, False
        )
        self.rows.store(result.rows)
        return result


class Read(NamedTuple):
    """An order as the core takes it, and where the rows that it changes are noted."""

    core: RiskCore
    changes: list[dict[bytes, Row | None]]
    context: InputContext
    order: Order
    content_hash: bytes


class CoreAlone:
    """The core of a lane without reading, encoding and hashing around it."""

    def __init__(self, lane: Lane) -> None:
        """Takes the lane over as it is; from here it has no digests."""
        self._lane: Final = lane
        self._changes: Final[list[dict[bytes, Row | None]]] = []
        self._offset = 0

    def read(self, time_ms: int, value: bytes) -> Read:
        """The next order of the lane; gate time is the record's."""
        processor = self._lane.processor
        head = processor.head
        head.lane_sequence += 1
        head.gate_time = max(head.gate_time, time_ms * 1000)
        context = InputContext(
            processor.lane,
            head.lane_sequence,
            head.gate_time,
            processor.topics[ORDERS],
            self._offset,
            sha256(value).digest(),
            None,
        )
        self._offset += 1
        order = decode_order(value, FRAME_BYTES)
        content_hash = sha256(encode_order(order)).digest()
        return Read(processor.core, self._changes, context, order, content_hash)

    def store(self) -> None:
        """Take over the rows that were changed since the last time, as a commit does."""
        for changed in self._changes:
            rows = [(key, None if row is None else _encoded(row)) for key, row in changed.items()]
            self._lane.rows.store(rows)
        self._changes.clear()


def _encoded(row: Row) -> bytes:
    writer = BytesWriter()
    write_row(writer, row)
    return writer.getvalue()


def lanes(
    payloads: Sequence[Payload], accounts: Sequence[Funded], first_us: int, partitions: int
) -> list[Lane]:
    """All lanes, with definitions, accounts and money applied."""
    made = [Lane(partition, partitions) for partition in range(partitions)]
    time_ms = first_us // 1000 - 5_000
    for place, lane in enumerate(made):
        for topic, key, value in _setup(payloads, accounts, time_ms * 1000, place, partitions):
            lane.apply(topic, time_ms, key, value)
    return made


def _setup(
    payloads: Sequence[Payload],
    accounts: Sequence[Funded],
    time_us: int,
    place: int,
    partitions: int,
) -> Iterator[Setup]:
    ids, config = fixed_ids(), load_replay_config()
    everything = [*payloads, *users(accounts)]
    for number, payload in enumerate(everything, start=1):
        record = Control(time_us, _BENCH, _BENCH, number, 1, _BENCH, None, _BENCH, 0, None, payload)
        yield Setup(CONTROL, None, ids.frame("control") + encode_control(record))
    for account, cash_minor in accounts:
        if partition_of(account.key, partitions) == place:
            body = encode_deposit(deposit(account, config, time_us, cash_minor))
            yield Setup(DEPOSITS, account.key, ids.frame("deposit") + body)


def mark_of(first_us: int) -> tuple[int, bytes]:
    """Time and framed value of the mark that the orders' prices lie around."""
    time_us = first_us - 1_000_000
    body = encode_mark(mark(load_replay_config(), time_us))
    return time_us // 1000, fixed_ids().frame("mark") + body
