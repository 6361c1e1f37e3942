"""Gate agent: decides each batch of a lane's inputs (topology.md, step 1).

Owns the walk from a merged batch to outputs, changed rows and offsets; the deciding itself is the
lane processor's, when a commit closes the transaction's. An exception here is a bug or a broken
disk: the worker stops with nothing committed.
"""

import asyncio
import time
from collections import Counter
from typing import Any, Final, NamedTuple

import structlog

from pipeline.codecs.wire import SchemaIds
from pipeline.lane.batch import BatchLane, BatchOutput, OutputTopics
from pipeline.lane.processor import LaneProcessor
from pipeline.risk.reasons import ACCEPTED
from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    AUDIT_OUTCOME_DECISION,
    AUDIT_OUTCOME_NAMES,
)
from pipeline.settings import Settings
from pipeline.streaming.merge import MergedBatch
from pipeline.tables.lane import TableLane
from pipeline.tables.sweep import Sweep
from pipeline.telemetry.tracing import trace_fields, traceparent_of
from pipeline.topics import AUDIT, DEAD_LETTERS, DECISIONS, LANE_INPUTS, REGULATORY_EVENTS

_log: Final = structlog.get_logger(__name__)

# Gate time is each record's own time stamp.
_RECORD_CLOCK: Final = -1


class Applied(NamedTuple):
    """A batch that was applied; `core_s`: seconds an input of it took, on average."""

    batch: MergedBatch
    output: BatchOutput
    started_ns: int
    core_s: float


class GateLane:
    """What the gate keeps of an open lane beside its rows."""

    def __init__(self, lane: TableLane, settings: Settings, ids: SchemaIds) -> None:
        self.processor: Final = LaneProcessor(
            lane.partition, settings.partitions, lane.family.topics, ids, lane
        )
        topics = OutputTopics(
            decisions=settings.topic(DECISIONS.name),
            audit=settings.topic(AUDIT.name),
            events=settings.topic(REGULATORY_EVENTS.name),
            dead_letters=settings.topic(DEAD_LETTERS.name),
        )
        self.batches: Final = BatchLane(self.processor, topics, ids, traceparent_of, _yield_lock)
        self.sweep: Final = Sweep(lane)
        # Of the memory's ids_forgotten_early, what a committed batch has reported.
        self.forgotten_early = 0


class Gate:
    """The gate's part of a worker: clock and bookkeeping around the lanes."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app: Final = app
        self._settings: Final = settings
        self._record_clock: Final = settings.gate_clock == "record"
        self._inputs: Final = [settings.topic(topic.name) for topic in LANE_INPUTS]

    async def process(self, partition: int, batch: MergedBatch) -> None:
        """Apply a batch, and commit if it is time."""
        transaction = self._app.transaction
        async with transaction.lock:
            lane: TableLane | None = self._app.stores["gate"].lanes.get(partition)
            if lane is None or lane.work is None or not transaction.joined:
                return
            self._apply(lane, batch)
            consumer = self._app.consumer
            await transaction.close(
                urgent=True, more_at_hand=consumer.more_at_hand, behind=consumer.behind
            )
        # A commit that has ended meanwhile goes first: the next one may be due.
        await asyncio.sleep(0)

    def _apply(self, lane: TableLane, batch: MergedBatch) -> None:
        work: GateLane = lane.work
        processor = work.processor
        before = [lane.applied.get(topic, -1) for topic in self._inputs]
        applied = list(before)
        started_ns = time.time_ns()
        began_ns = time.monotonic_ns()
        clock_us = _RECORD_CLOCK if self._record_clock else started_ns // 1000
        found = work.batches.apply(
            batch.records,
            batch.out_of_sync,
            applied,
            clock_us,
            lane.changing,
            self._app.transaction.outputs,
        )
        core_s = (time.monotonic_ns() - began_ns) / 1e9 / len(batch.records)
        lane.stage([processor.head_row()])
        lane.stage(work.sweep.expired(processor, 2 * len(batch.records)))
        processor.trim(self._settings.row_cache_max)
        self._app.transaction.add(
            lane,
            {
                name: offset
                for name, old, offset in zip(self._inputs, before, applied, strict=True)
                if offset > old
            },
            len(batch.records),
            lambda produced_us: self._committed(
                lane.partition, work, Applied(batch, found, started_ns, core_s), produced_us
            ),
        )

    def _committed(self, lane: int, work: GateLane, applied: Applied, produced_us: int) -> None:
        """Count, log and trace what has become durable, and only then."""
        tally = applied.output
        for sequence, topic, reason, trace in tally.letters:
            _log.warning(
                "dead letter",
                lane=lane,
                lane_sequence=sequence,
                topic=self._inputs[topic],
                reason=reason,
                **trace_fields(trace),
            )
        for traceparent, sequence, reason in tally.traced if self._app.tracing.enabled else ():
            self._app.tracing.decided(
                traceparent,
                {
                    "lane": lane,
                    "lane_sequence": sequence,
                    "verdict": _verdict(reason),
                    "reason": reason,
                },
                applied.started_ns,
                time.time_ns(),
            )
        outcomes: Counter[tuple[str, str]] = Counter()
        decisions: Counter[tuple[str, str]] = Counter()
        dead_letters: Counter[str] = Counter()
        for (topic, outcome, reason), count in tally.inputs.items():
            outcomes[self._inputs[topic], AUDIT_OUTCOME_NAMES[outcome]] += count
            if outcome == AUDIT_OUTCOME_DECISION:
                decisions[_verdict(reason), reason] += count
            elif outcome == AUDIT_OUTCOME_DEAD_LETTER:
                dead_letters[reason] += count
        metrics = self._app.metrics
        metrics.count_batch(decisions, outcomes, dead_letters, tally.swept)
        head, memory = work.processor.head, work.processor.core.memory
        early = memory.ids_forgotten_early
        reach_s = (head.gate_time - head.forgotten_before) / 1e6
        metrics.remembering(lane, memory.ids, reach_s, early - work.forgotten_early)
        work.forgotten_early = early
        metrics.core(applied.core_s, len(applied.batch.records))
        metrics.residences(
            [(produced_us - at_us) / 1e6 for at_us, _ in applied.batch.fetched],
            [count for _, count in applied.batch.fetched],
        )
        if not self._record_clock:
            now_ms = time.time_ns() // 1_000_000
            metrics.latencies([max(0, now_ms - at) / 1000 for at in tally.order_times_ms])


def _yield_lock() -> None:
    """Nothing; but a thread that waits for Python's lock gets it when a function begins."""


def _verdict(reason_code: str) -> str:
    return "ACCEPTED" if reason_code == ACCEPTED else "REJECTED"
