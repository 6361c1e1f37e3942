"""The lane processor and the peers' core side by side, without Kafka.

Owns lanes in this process that are fed a flow: what they answer is compared in a test, and how long
the gate's takes is `core_us` and `core_all_us`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from benchmarks.contest.inputs import Funded, Input
from benchmarks.contest.profile import users
from benchmarks.flow import deposit
from pipeline.codecs.avro import encode_control, encode_deposit, encode_mark
from pipeline.codecs.wire import fixed_ids
from pipeline.control.definitions import Payload
from pipeline.lane.processor import CONTROL, DEPOSITS, MARKS, ORDERS, LaneOutput, LaneProcessor
from pipeline.lane.rows import DictRows
from pipeline.market.config import load_replay_config
from pipeline.risk.partition import partition_of
from pipeline.risk.records import Control, Mark
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
        self.processor: Final = LaneProcessor(
            partition, partitions, topics, fixed_ids(), self.rows
        )
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
    """All lanes, with definitions, accounts, money and a mark applied."""
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
        record = Control(
            time_us, _BENCH, _BENCH, number, 1, _BENCH, None, _BENCH, 0, None, payload
        )
        yield Setup(CONTROL, None, ids.frame("control") + encode_control(record))
    for account, cash_minor in accounts:
        if partition_of(account.key, partitions) == place:
            body = encode_deposit(deposit(account, config, time_us, cash_minor))
            yield Setup(DEPOSITS, account.key, ids.frame("deposit") + body)


def marks(instrument: str, prices: Iterable[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
    """Mark records, framed: (milliseconds, value) of each (milliseconds, price)."""
    frame = fixed_ids().frame("mark")
    for time_ms, price_e9 in prices:
        body = encode_mark(Mark(time_ms * 1000, _BENCH, _BENCH, instrument, price_e9, time_ms * 1000))
        yield time_ms, frame + body
