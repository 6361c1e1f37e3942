"""The lane processor and the peers' core side by side, without Kafka.

Owns lanes in this process that are fed a flow: what they answer is compared in a test, and how long
the gate's takes is `core_us` and `core_all_us`.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from benchmarks.contest.inputs import Funded
from benchmarks.contest.profile import users
from benchmarks.flow import deposit, mark
from pipeline.codecs.avro import encode_control, encode_deposit, encode_mark
from pipeline.codecs.wire import fixed_ids
from pipeline.control.definitions import Payload
from pipeline.lane.processor import CONTROL, DEPOSITS, LaneOutput, LaneProcessor
from pipeline.lane.rows import DictRows
from pipeline.market.config import load_replay_config
from pipeline.risk.partition import partition_of
from pipeline.risk.records import Control
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
