"""Whether every input was applied exactly once, read back from Kafka.

Owns the count: an input is lost when it has no audit record, or is an order record without a
decision; it is doubled when it has more than one of either. Everything is read with
`read_committed`, so what an aborted transaction wrote does not count. Never asks a worker.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.codecs.avro import decode_audit_record, decode_decision
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.risk.records import AuditRecord, Decision
from pipeline.settings import Settings
from pipeline.streaming.topic_reader import read_topic
from pipeline.topics import AUDIT, DECISIONS, DEPOSITS, FILLS, LANE_INPUTS, MARKS, ORDERS

_REQUEST_S_MAX: Final = 10.0

# Topic as on the broker, partition, offset.
_Place: TypeAlias = tuple[str, int, int]


@dataclass(frozen=True)
class Judgement:
    """How many inputs there were, and what became of them.

    `out_of_sync`: audit records of inputs that were applied before another topic had caught up.
    """

    inputs: int
    orders: int
    lost: int
    doubled: int
    out_of_sync: int


def judge(
    settings: Settings,
    *,
    on_decision: Callable[[Decision], None] | None = None,
    on_audit: Callable[[AuditRecord], None] | None = None,
) -> Judgement:
    """Read inputs, decisions and audit from their first record on.

    The callbacks get every decision, then every audit record, lane by lane in order of
    `lane_sequence`. Raises TopicError when Kafka refuses.
    """
    inputs: Final[set[_Place]] = set()
    for topic in LANE_INPUTS:
        name = settings.topic(topic.name)
        for message in read_topic(settings, name, range(settings.partitions)):
            inputs.add((name, message.partition() or 0, message.offset() or 0))
    decided: Counter[_Place] = Counter()
    for message in read_topic(settings, settings.topic(DECISIONS.name), range(settings.partitions)):
        decision = decode_decision(message.value() or b"", FRAME_BYTES)
        decided[(decision.source_topic, decision.lane, decision.source_offset)] += 1
        if on_decision is not None:
            on_decision(decision)
    audited: Counter[_Place] = Counter()
    out_of_sync = 0
    for message in read_topic(settings, settings.topic(AUDIT.name), range(settings.partitions)):
        record = decode_audit_record(message.value() or b"", FRAME_BYTES)
        audited[(record.source_topic, record.source_partition, record.source_offset)] += 1
        out_of_sync += record.out_of_sync
        if on_audit is not None:
            on_audit(record)
    orders = {place for place in inputs if place[0] == settings.topic(ORDERS.name)}
    return Judgement(
        inputs=len(inputs),
        orders=len(orders),
        lost=len(inputs - audited.keys() | orders - decided.keys()),
        doubled=len(
            {place for counts in (audited, decided) for place in counts if counts[place] > 1}
        ),
        out_of_sync=out_of_sync,
    )


def unapplied(settings: Settings) -> int | None:
    """Records of orders, fills, deposits and marks that no committed transaction holds.

    None: Kafka cannot say now, as after a stall, while it loads its groups again.
    """
    names = [settings.topic(topic.name) for topic in (ORDERS, FILLS, DEPOSITS, MARKS)]
    places = [TopicPartition(name, part) for name in names for part in range(settings.partitions)]
    # It looks at the group's offsets without joining the group.
    consumer = Consumer({**settings.confluent(group_id=settings.app_id), "log_level": 0})
    try:
        applied = consumer.committed(places, timeout=_REQUEST_S_MAX)
        ends = [consumer.get_watermark_offsets(place, timeout=_REQUEST_S_MAX) for place in applied]
    except KafkaException:
        return None
    finally:
        consumer.close()
    return sum(end - max(0, place.offset) for place, (_, end) in zip(applied, ends, strict=True))
