"""Gate agent: decides each batch of a lane's inputs (topology.md, step 1).

Owns the walk from a merged batch to outputs, changed rows and offsets; the deciding itself is the
lane processor's. A commit closes when nothing else is at hand or after `commit_ms_max`. An
exception here is a bug or a broken disk: the worker stops with nothing committed.
"""

import time
from collections import Counter
from typing import Any, Final

import structlog

from pipeline.codecs.wire import SchemaIds
from pipeline.fatal import stop_worker
from pipeline.lane.processor import DEPOSITS, FILLS, ORDERS, LaneProcessor, bounded
from pipeline.risk.reasons import ACCEPTED
from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    AUDIT_OUTCOME_DECISION,
    AUDIT_OUTCOME_NAMES,
)
from pipeline.settings import Settings
from pipeline.streaming.commit import Headers, Output
from pipeline.streaming.merge import MergedBatch
from pipeline.tables.lane import TableLane
from pipeline.tables.sweep import Sweep
from pipeline.telemetry.tracing import trace_fields, traceparent_of
from pipeline.topics import AUDIT, DEAD_LETTERS, DECISIONS, LANE_INPUTS, REGULATORY_EVENTS

_log: Final = structlog.get_logger(__name__)

# Of one batch; all of them are on the dead-letters topic and in the metrics.
_LETTERS_LOGGED_MAX: Final = 10
_TRACED: Final = frozenset((ORDERS, FILLS, DEPOSITS))


class GateLane:
    """What the gate keeps of an open lane beside its rows."""

    def __init__(self, lane: TableLane, settings: Settings, ids: SchemaIds) -> None:
        self.processor: Final = LaneProcessor(
            lane.partition, settings.partitions, lane.family.topics, ids, lane
        )
        self.sweep: Final = Sweep(lane)
        # Of the memory's ids_forgotten_early, what a committed batch has reported.
        self.forgotten_early = 0


class BatchTally:
    """What a batch adds to metrics and traces once it is committed."""

    def __init__(self) -> None:
        # Topic index, audit outcome, reason code: how many inputs.
        self.inputs: dict[tuple[int, int, str], int] = {}
        self.order_times_ms: list[int] = []
        # Traceparent, lane sequence, reason of what is to be traced; empty unless tracing is on.
        self.traced: list[tuple[str, int, str]] = []
        # Lane sequence, topic index, reason, traceparent of the first dead letters, to be logged.
        self.letters: list[tuple[int, int, str, str | None]] = []
        # Orders that gate time has ended.
        self.swept = 0
        self.started_ns: Final = time.time_ns()


class Gate:
    """The gate's part of a worker: frames, clock and bookkeeping around the lane processors."""

    def __init__(self, app: Any, settings: Settings, ids: SchemaIds) -> None:
        self._app: Final = app
        self._settings: Final = settings
        self._record_clock: Final = settings.gate_clock == "record"
        self._inputs: Final = [settings.topic(topic.name) for topic in LANE_INPUTS]
        # Topic and frame of each kind of output.
        self._decisions: Final = settings.topic(DECISIONS.name), ids.frame("decision")
        self._audit: Final = settings.topic(AUDIT.name), ids.frame("audit_record")
        self._events: Final = settings.topic(REGULATORY_EVENTS.name), ids.frame("regulatory_event")
        self._dead_letters: Final = settings.topic(DEAD_LETTERS.name), ids.frame("dead_letter")

    async def process(self, partition: int, batch: MergedBatch) -> None:
        """Apply a batch, and commit if it is time."""
        transaction = self._app.transaction
        async with transaction.lock:
            lane: TableLane | None = self._app.stores["gate"].lanes.get(partition)
            if lane is None or lane.work is None or not transaction.joined:
                return
            self._apply(lane, batch)
            more = self._app.consumer.more_at_hand
            await transaction.close(urgent=True, more_at_hand=more)

    def _apply(self, lane: TableLane, batch: MergedBatch) -> None:
        work: GateLane = lane.work
        processor = work.processor
        outputs: list[Output] = []
        applied = [lane.applied.get(topic, -1) for topic in self._inputs]
        tally = BatchTally()
        inputs = tally.inputs
        tracing = self._app.tracing.enabled
        clock_us = time.time_ns() // 1000
        for topic, record in batch.records:
            offset, time_ms = record.offset, record.timestamp
            if offset <= applied[topic]:
                stop_worker(f"{self._inputs[topic]} offset {offset} came twice")
            applied[topic] = offset
            traceparent = None
            if record.headers and topic in _TRACED:
                traceparent = traceparent_of(record.headers)
            key, value, oversized = bounded(record.key, record.value)
            result = processor.apply(
                topic,
                offset,
                time_ms,
                key,
                value,
                traceparent,
                time_ms * 1000 if self._record_clock else clock_us,
                batch.out_of_sync,
                oversized,
            )
            lane.stage(result.rows)
            self._emit(outputs, lane.partition, key, result, traceparent)
            tally.swept += len(result.swept)
            kind = (topic, result.outcome, result.reason_code)
            inputs[kind] = inputs.get(kind, 0) + 1
            if topic == ORDERS and not self._record_clock:
                tally.order_times_ms.append(time_ms)
            if result.dead_letter is not None and len(tally.letters) < _LETTERS_LOGGED_MAX:
                sequence = processor.head.lane_sequence
                tally.letters.append((sequence, topic, result.reason_code, traceparent))
            if tracing and traceparent is not None:
                sequence = processor.head.lane_sequence
                tally.traced.append((traceparent, sequence, result.reason_code))
        lane.stage([processor.head_row()])
        lane.stage(work.sweep.expired(processor, 2 * len(batch.records)))
        processor.trim(self._settings.row_cache_max)
        self._app.transaction.add(
            lane,
            outputs,
            {
                name: offset
                for name, offset in zip(self._inputs, applied, strict=True)
                if offset >= 0
            },
            len(batch.records),
            lambda: self._committed(lane.partition, work, tally),
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
        headers: Headers | None = [("traceparent", traceparent)] if traceparent else None
        for user_id, body in result.swept:
            topic, frame = self._decisions
            outputs.append((topic, frame + body, user_id.encode(), partition, None))
        if result.decision is not None:
            topic, frame = self._decisions
            outputs.append((topic, frame + result.decision, key, partition, headers))
        topic, frame = self._audit
        outputs.append((topic, frame + result.audit, key, partition, headers))
        for tenant, body in result.events:
            # A tenant's events of all lanes meet in one partition, chosen by its key.
            topic, frame = self._events
            outputs.append((topic, frame + body, tenant.encode(), None, None))
        if result.dead_letter is not None:
            topic, frame = self._dead_letters
            outputs.append((topic, frame + result.dead_letter, key, partition, headers))

    def _committed(self, lane: int, work: GateLane, tally: BatchTally) -> None:
        """Count, log and trace what has become durable, and only then."""
        for sequence, topic, reason, trace in tally.letters:
            _log.warning(
                "dead letter",
                lane=lane,
                lane_sequence=sequence,
                topic=self._inputs[topic],
                reason=reason,
                **trace_fields(trace),
            )
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
        if not self._record_clock:
            now_ms = time.time_ns() // 1_000_000
            metrics.latencies([max(0, now_ms - at) / 1000 for at in tally.order_times_ms])


def _verdict(reason_code: str) -> str:
    return "ACCEPTED" if reason_code == ACCEPTED else "REJECTED"
