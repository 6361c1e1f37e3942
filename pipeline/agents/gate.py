"""Gate agent: decides each batch of a lane's inputs (topology.md, step 1).

Owns the walk from a merged batch to outputs, changed rows and offsets; the deciding itself is the
lane processor's. A commit closes when nothing else is at hand or after `commit_ms_max`. An
exception here is a bug or a broken disk: the worker stops with nothing committed.
"""

import time
from collections import Counter
from typing import Any, Final

from pipeline.codecs.wire import SchemaIds
from pipeline.fatal import stop_worker
from pipeline.lane.processor import DEPOSITS, FILLS, ORDERS, LaneProcessor, bounded
from pipeline.risk.reasons import ACCEPTED
from pipeline.risk.records import AUDIT_OUTCOME_DECISION, AUDIT_OUTCOME_NAMES
from pipeline.settings import Settings
from pipeline.streaming.merge import MergedBatch
from pipeline.streaming.transaction import Headers, Output
from pipeline.tables.lane import TableLane
from pipeline.tables.sweep import Sweep
from pipeline.telemetry.tracing import traceparent_of
from pipeline.topics import AUDIT, DEAD_LETTERS, DECISIONS, REGULATORY_EVENTS

_TRACED: Final = frozenset((ORDERS, FILLS, DEPOSITS))


class GateLane:
    """What the gate keeps of an open lane beside its rows."""

    def __init__(self, lane: TableLane, settings: Settings, ids: SchemaIds) -> None:
        self.processor: Final = LaneProcessor(
            lane.partition, settings.partitions, lane.family.topics, ids, lane
        )
        self.sweep: Final = Sweep(lane)


class BatchTally:
    """What a batch adds to the metrics once it is committed."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.decisions: Counter[tuple[str, str]] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.order_times_ms: list[int] = []
        # Traceparent, lane sequence, reason of what is to be traced; empty unless tracing is on.
        self.traced: list[tuple[str, int, str]] = []
        self.started_ns: Final = time.time_ns()


class Gate:
    """The gate's part of a worker: frames, clock and bookkeeping around the lane processors."""

    def __init__(self, app: Any, settings: Settings, ids: SchemaIds) -> None:
        self._app: Final = app
        self._settings: Final = settings
        self._record_clock: Final = settings.gate_clock == "record"
        self._frames: Final = {
            name: ids.frame(name)
            for name in ("decision", "audit_record", "regulatory_event", "dead_letter")
        }
        self._topics: Final = {
            topic.name: settings.topic(topic.name)
            for topic in (DECISIONS, AUDIT, REGULATORY_EVENTS, DEAD_LETTERS)
        }

    async def process(self, partition: int, batch: MergedBatch) -> None:
        """Apply a batch, and commit if it is time."""
        transaction = self._app.transaction
        async with transaction.lock:
            lane: TableLane | None = self._app.stores["gate"].lanes.get(partition)
            if lane is None or lane.work is None:
                return
            self._apply(lane, batch)
            more = self._app.consumer.more_at_hand
            await transaction.close(urgent=True, more_at_hand=more)

    def _apply(self, lane: TableLane, batch: MergedBatch) -> None:
        work: GateLane = lane.work
        processor = work.processor
        topics = lane.family.topics
        outputs: list[Output] = []
        applied: dict[str, int] = {}
        tally = BatchTally()
        tracing = self._app.tracing.enabled
        clock_us = time.time_ns() // 1000
        for topic, record in batch.records:
            offset = record.offset
            if offset <= max(lane.applied.get(topics[topic], -1), applied.get(topics[topic], -1)):
                stop_worker(f"{topics[topic]} offset {offset} came twice")
            traceparent = None
            if record.headers and topic in _TRACED:
                traceparent = traceparent_of(record.headers)
            key, value, oversized = bounded(record.key, record.value)
            result = processor.apply(
                topic,
                offset,
                record.timestamp,
                key,
                value,
                traceparent,
                record.timestamp * 1000 if self._record_clock else clock_us,
                batch.out_of_sync,
                oversized,
            )
            lane.stage(result.rows)
            applied[topics[topic]] = offset
            self._emit(outputs, lane.partition, key, result, traceparent)
            if tracing and traceparent is not None:
                sequence = processor.head.lane_sequence
                tally.traced.append((traceparent, sequence, result.reason_code))
            self._count(tally, topics[topic], topic, record.timestamp, result)
        lane.stage([processor.head_row()])
        lane.stage(work.sweep.expired(processor, 2 * len(batch.records)))
        processor.trim(self._settings.row_cache_max)
        self._app.transaction.add(
            lane,
            outputs,
            applied,
            len(batch.records),
            lambda: self._committed(lane.partition, tally),
        )

    def _emit(
        self,
        outputs: list[Output],
        partition: int,
        key: bytes | None,
        result: Any,
        traceparent: str | None,
    ) -> None:
        """The Kafka records of one input's outputs."""
        topics, frames = self._topics, self._frames
        headers: Headers | None = [("traceparent", traceparent)] if traceparent else None
        if result.decision is not None:
            value = frames["decision"] + result.decision
            outputs.append((topics["decisions"], value, key, partition, headers))
        outputs.append(
            (topics["audit"], frames["audit_record"] + result.audit, key, partition, headers)
        )
        for tenant, body in result.events:
            # A tenant's events of all lanes meet in one partition, chosen by its key.
            value = frames["regulatory_event"] + body
            outputs.append((topics["regulatory-events"], value, tenant.encode(), None, None))
        if result.dead_letter is not None:
            value = frames["dead_letter"] + result.dead_letter
            outputs.append((topics["dead-letters"], value, key, partition, headers))

    @staticmethod
    def _count(tally: BatchTally, topic_name: str, topic: int, time_ms: int, result: Any) -> None:
        tally.outcomes[(topic_name, AUDIT_OUTCOME_NAMES[result.outcome])] += 1
        if result.outcome == AUDIT_OUTCOME_DECISION:
            tally.decisions[(_verdict(result.reason_code), result.reason_code)] += 1
        if result.dead_letter is not None:
            tally.dead_letters[result.reason_code] += 1
        if topic == ORDERS:
            tally.order_times_ms.append(time_ms)

    def _committed(self, lane: int, tally: BatchTally) -> None:
        """Count and trace what has become durable, and only then."""
        for traceparent, sequence, reason in tally.traced:
            self._app.tracing.decided(
                traceparent,
                {
                    "lane": lane,
                    "lane_sequence": sequence,
                    "verdict": _verdict(reason),
                    "reason": reason,
                },
                tally.started_ns,
                time.time_ns(),
            )
        metrics = self._app.metrics
        metrics.count_batch(tally.decisions, tally.outcomes, tally.dead_letters)
        if not self._record_clock:
            now_ms = time.time_ns() // 1_000_000
            metrics.latencies([max(0, now_ms - at) / 1000 for at in tally.order_times_ms])


def _verdict(reason_code: str) -> str:
    return "ACCEPTED" if reason_code == ACCEPTED else "REJECTED"
