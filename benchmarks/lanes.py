"""The gate's lanes in this process: all that a worker does with a batch, and no Kafka.

Owns the stand-ins for what the gate agent shares with its app: a transaction that acknowledges at
once: what is dirty is taken and written to RocksDB, in the order of the real one. Agent, lane
processors, caches, sweep, metrics and local stores are the product's own.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from prometheus_client import CollectorRegistry

from pipeline.agents.gate import Gate, GateLane
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.batch import ListedOutputs
from pipeline.lane.family import LaneFamily
from pipeline.settings import Settings
from pipeline.streaming.merge import MergedBatch
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import RocksRows, StoreMark
from pipeline.telemetry.metrics import Metrics
from pipeline.topics import LANE_INPUTS, RISK_CONTEXTS_CHANGELOG

_CHANGELOG_ID: Final = bytes(16)


def gate_family(settings: Settings) -> LaneFamily:
    """The gate's lane family, as the app declares it."""
    return LaneFamily(
        name="gate",
        table="risk-contexts",
        topics=tuple(settings.topic(topic.name) for topic in LANE_INPUTS),
        changelog=settings.topic(RISK_CONTEXTS_CHANGELOG.name),
    )


@dataclass(frozen=True, slots=True)
class Fed:
    """An input record as a fetch would bring it; `timestamp` in milliseconds."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class _Acknowledging:
    """A transaction whose broker says yes at once."""

    def __init__(self, inputs_max: int) -> None:
        """Commit when `inputs_max` inputs have gathered."""
        self.joined: Final = True
        self.lock: Final = asyncio.Lock()
        self._inputs_max: Final = inputs_max
        self._inputs = 0
        self.outputs = ListedOutputs()
        self._lanes: dict[int, TableLane] = {}
        self._offsets: dict[int, int] = {}
        self._after: list[Callable[[int], None]] = []

    def add(
        self,
        lane: TableLane,
        applied: Mapping[str, int],
        inputs: int,
        after: Callable[[int], None],
    ) -> None:
        """What a batch came to."""
        lane.applied.update(applied)
        self._lanes[lane.partition] = lane
        self._inputs += inputs
        self._after.append(after)

    async def close(self, *, urgent: bool, more_at_hand: bool, behind: bool) -> None:
        """Commit if enough has gathered."""
        del urgent, more_at_hand, behind
        if self._inputs >= self._inputs_max:
            self.commit()

    def commit(self) -> None:
        """Take what is dirty, and write it with the changelog offset it would have had."""
        now_ms = time.time_ns() // 1_000_000
        for partition, lane in self._lanes.items():
            offset = self._offsets.get(partition, -1) + len(lane.take_dirty())
            self._offsets[partition] = offset
            lane.committed(StoreMark(offset, now_ms, _CHANGELOG_ID))
        for call in self._after:
            call(time.monotonic_ns() // 1000)
        self.outputs, self._lanes, self._after, self._inputs = ListedOutputs(), {}, [], 0


class Lanes:
    """All lanes of one worker over local stores in `directory`."""

    def __init__(self, directory: Path, settings: Settings, commit_inputs: int) -> None:
        """A commit closes at `commit_inputs` inputs of all lanes together."""
        self.ids: Final = fixed_ids()
        family = gate_family(settings)
        self.open: Final = {
            partition: TableLane(family, partition, RocksRows(directory / str(partition)))
            for partition in range(settings.partitions)
        }
        for lane in self.open.values():
            lane.work = GateLane(lane, settings, self.ids)
        self._transaction: Final = _Acknowledging(commit_inputs)
        self._offsets: Final = {partition: [0] * len(family.topics) for partition in self.open}
        app = SimpleNamespace(
            stores={"gate": SimpleNamespace(lanes=self.open)},
            transaction=self._transaction,
            consumer=SimpleNamespace(more_at_hand=True, behind=True),
            tracing=SimpleNamespace(enabled=False),
            metrics=Metrics(CollectorRegistry()),
        )
        self._gate: Final = Gate(app, settings)

    def batch(
        self, partition: int, inputs: Sequence[tuple[int, bytes | None, bytes]], time_us: int
    ) -> MergedBatch:
        """The next records of a lane, (topic, key, framed value) each."""
        offsets = self._offsets[partition]
        records: list[tuple[int, Fed]] = []
        for topic, key, value in inputs:
            records.append((topic, Fed(offsets[topic], time_us // 1000, key, value)))
            offsets[topic] += 1
        return MergedBatch(records, out_of_sync=False)

    async def process(self, partition: int, batch: MergedBatch) -> None:
        """What the gate agent does with one event."""
        await self._gate.process(partition, batch)

    def commit(self) -> None:
        """Commit what is open."""
        self._transaction.commit()

    @property
    def cached_rows(self) -> int:
        """Decoded rows in memory, of all lanes."""
        states = [lane.work.processor.state for lane in self.open.values()]
        return sum(len(state.cache) + len(state.older) for state in states)

    def close(self) -> None:
        """Close the local stores."""
        for lane in self.open.values():
            lane.close()
