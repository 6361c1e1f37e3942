"""A batch of a lane's inputs: records in, Kafka records and changed rows out, in one compiled loop.

Owns the walk over the records of a batch and which topic, key and partition each output of an input
gets. What an input comes to is the processor's business, when it is committed the transaction's.
Compiled with mypyc.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from pipeline.codecs.wire import SchemaIds
from pipeline.lane.processor import (
    DEAD_KEY_BYTES_MAX,
    DEPOSITS,
    FILLS,
    INPUT_BYTES_MAX,
    ORDERS,
    LaneOutput,
    LaneProcessor,
    Oversized,
    bounded,
)
from pipeline.risk.state import InvariantViolated

Headers = list[tuple[str, str | bytes | None]]
# Topic, value, key, partition (None: by key), headers.
Output = tuple[str, bytes, bytes | None, int | None, Headers | None]
# Of one batch; all of them are on the dead-letters topic and in the metrics.
LETTERS_NAMED_MAX: Final = 10
# So many records are applied between two chances of other threads.
_RECORDS_HELD: Final = 8


class OutputTopics:
    """The broker's names of the gate's output topics."""

    def __init__(self, decisions: str, audit: str, events: str, dead_letters: str) -> None:
        self.decisions: Final = decisions
        self.audit: Final = audit
        self.events: Final = events
        self.dead_letters: Final = dead_letters


class OutputSink:
    """Where a lane's outputs go, in the order of its work."""

    def put(
        self,
        topic: str,
        frame: bytes,
        body: bytes,
        key: bytes | None,
        partition: int | None,
        headers: Headers | None,
    ) -> None:
        """Take a record, whose value is `frame` and `body`; `partition` None: by its key."""
        raise NotImplementedError


class ListedOutputs(OutputSink):
    """Outputs as a list, for whoever looks at each."""

    def __init__(self) -> None:
        self.records: Final[list[Output]] = []

    def put(
        self,
        topic: str,
        frame: bytes,
        body: bytes,
        key: bytes | None,
        partition: int | None,
        headers: Headers | None,
    ) -> None:
        """Append a record."""
        self.records.append((topic, frame + body, key, partition, headers))


class BatchOutput:
    """What a batch came to, beside its outputs.

    `inputs`: (topic index, audit outcome, reason code)
    -> how many; `order_times_ms`: Kafka time stamps of the order records; `letters` (lane sequence,
    topic index, reason, traceparent): the first dead letters; `traced` (traceparent, lane sequence,
    reason): inputs that are part of a trace; `swept`: orders that gate time has ended.
    """

    def __init__(self) -> None:
        self.inputs: Final[dict[tuple[int, int, str], int]] = {}
        self.order_times_ms: Final[list[int]] = []
        self.letters: Final[list[tuple[int, int, str, str | None]]] = []
        self.traced: Final[list[tuple[str, int, str]]] = []
        self.swept = 0


class BatchLane:
    """Applies batches to one lane.

    `traceparent_of` reads the trace a record's headers belong to; None: to none. `yield_lock` is
    called every few records and must be interpreted: by itself compiled code never lets another
    thread have Python's lock.
    """

    def __init__(
        self,
        processor: LaneProcessor,
        topics: OutputTopics,
        ids: SchemaIds,
        traceparent_of: Callable[[Any], str | None],
        yield_lock: Callable[[], None],
    ) -> None:
        self.processor: Final = processor
        self.topics: Final = topics
        self.decision_frame: Final = ids.frame("decision")
        self.audit_frame: Final = ids.frame("audit_record")
        self.event_frame: Final = ids.frame("regulatory_event")
        self.letter_frame: Final = ids.frame("dead_letter")
        self.traceparent_of: Final = traceparent_of
        self.yield_lock: Final = yield_lock
        # UTF-8 of the tenants seen, who are few.
        self.tenant_keys: Final[dict[str, bytes]] = {}

    def apply(
        self,
        records: Sequence[tuple[int, Any]],
        out_of_sync: bool,
        applied: list[int],
        clock_us: int,
        changed: dict[bytes, bytes | None],
        outputs: OutputSink,
    ) -> BatchOutput:
        """Apply records (topic index, Kafka record) in their order.

        `applied`: by topic the highest offset applied, brought up to date. `clock_us`: what the
        shell's clock says; negative: gate time is each record's time stamp. `changed` gets the
        changed rows, None where deleted, `outputs` the Kafka records. Raises InvariantViolated for
        an offset that comes twice.
        """
        processor = self.processor
        partition = processor.lane
        found = BatchOutput()
        for number, (topic, record) in enumerate(records):
            if number % _RECORDS_HELD == 0:
                self.yield_lock()
            offset: int = record.offset
            time_ms: int = record.timestamp
            if offset <= applied[topic]:
                raise InvariantViolated(f"{processor.topics[topic]} offset {offset} came twice")
            applied[topic] = offset
            key: bytes | None = record.key
            value: bytes | None = record.value
            oversized: Oversized | None = None
            if _is_large(key, DEAD_KEY_BYTES_MAX) or _is_large(value, INPUT_BYTES_MAX):
                key, value, oversized = bounded(key, value)
            traceparent: str | None = None
            headers: Headers | None = None
            if record.headers and topic in (ORDERS, FILLS, DEPOSITS):
                traceparent = self.traceparent_of(record.headers)
                if traceparent is not None:
                    headers = [("traceparent", traceparent)]
            result = processor.apply(
                topic,
                offset,
                time_ms,
                key,
                value,
                traceparent,
                time_ms * 1000 if clock_us < 0 else clock_us,
                out_of_sync,
                oversized,
            )
            _take_rows(changed, result.rows)
            self._emit(outputs, partition, key, result, headers)
            found.swept += len(result.swept)
            kind = (topic, result.outcome, result.reason_code)
            found.inputs[kind] = found.inputs.get(kind, 0) + 1
            if topic == ORDERS:
                found.order_times_ms.append(time_ms)
            sequence = processor.head.lane_sequence
            if result.dead_letter is not None and len(found.letters) < LETTERS_NAMED_MAX:
                found.letters.append((sequence, topic, result.reason_code, traceparent))
            if traceparent is not None:
                found.traced.append((traceparent, sequence, result.reason_code))
        return found

    def _emit(
        self,
        outputs: OutputSink,
        partition: int,
        key: bytes | None,
        result: LaneOutput,
        headers: Headers | None,
    ) -> None:
        """The Kafka records of one input's outputs."""
        topics = self.topics
        for user_id, body in result.swept:
            user_key = user_id.encode("utf-8")
            outputs.put(topics.decisions, self.decision_frame, body, user_key, partition, None)
        decision = result.decision
        if decision is not None:
            outputs.put(topics.decisions, self.decision_frame, decision, key, partition, headers)
        outputs.put(topics.audit, self.audit_frame, result.audit, key, partition, headers)
        for tenant, body in result.events:
            # A tenant's events of all lanes meet in one partition, chosen by its key.
            outputs.put(topics.events, self.event_frame, body, self._tenant_key(tenant), None, None)
        letter = result.dead_letter
        if letter is not None:
            outputs.put(topics.dead_letters, self.letter_frame, letter, key, partition, headers)

    def _tenant_key(self, tenant: str) -> bytes:
        key = self.tenant_keys.get(tenant)
        if key is None:
            key = tenant.encode("utf-8")
            self.tenant_keys[tenant] = key
        return key


def _take_rows(changed: dict[bytes, bytes | None], rows: list[tuple[bytes, bytes | None]]) -> None:
    for key, row in rows:
        changed[key] = row  # noqa: PERF403 -- from a list of pairs, update takes four times as long


def _is_large(data: bytes | None, bytes_max: int) -> bool:
    return data is not None and len(data) > bytes_max
