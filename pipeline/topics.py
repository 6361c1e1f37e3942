"""Every topic: name, key, schema, single writer, partitions and settings.

Owns the registry that `topology.md` tabulates (a test holds the two together) and that topic
creation, the transport, the codecs and `tollgate doctor` read. Contains no Kafka client.
"""

from dataclasses import dataclass, field
from typing import Final

DAY_MS: Final = 86_400_000
MIB: Final = 1024 * 1024
# An output embeds its input (audit) and adds a decision to it: outputs may be larger than inputs.
INPUT_BYTES_MAX: Final = MIB
OUTPUT_BYTES_MAX: Final = 4 * MIB


@dataclass(frozen=True)
class Topic:
    """One topic of the flow.

    `name` is without the configured prefix. `schema` names the record of schemas/avro that its
    values hold. `lane_input`: partition P belongs to lane P. `broadcast`: the writer puts each
    record into every partition.
    """

    name: str
    schema: str
    key: str
    writer: str
    lane_input: bool = False
    broadcast: bool = False
    config: dict[str, str] = field(default_factory=dict)


_INPUT: Final = {"max.message.bytes": str(INPUT_BYTES_MAX), "cleanup.policy": "delete"}
_OUTPUT: Final = {"max.message.bytes": str(OUTPUT_BYTES_MAX), "cleanup.policy": "delete"}
# Evidence and control history are kept until somebody archives them; replayed records carry the
# time stamps of the day they were recorded on, so retention by time would delete them at once.
_KEEP: Final = {"retention.ms": "-1", "retention.bytes": "-1"}
_CREATE_TIME: Final = {"message.timestamp.type": "CreateTime"}
# A tombstone must outlive the longest absence of a local store: recovery discards stores older
# than half of this. It also bounds how long one restore may take.
CHANGELOG_DELETE_RETENTION_MS: Final = 7 * DAY_MS
# Kafka never compacts the segment that is being written. Its default of 1 GiB, which Kafka Streams
# leaves as it is, would make a lane that is rebuilt from nothing read some ten million rows of
# history, one hot row thousands of times; 64 MiB are two seconds of a restore.
CHANGELOG_SEGMENT_BYTES: Final = 64 * MIB
# The cleaner's turn comes when this part of the closed segments has been written since the last:
# they hold at most 1 / (1 - 0.3) = 1.4 times their rows. Kafka's 0.5 would be twice; still lower,
# and the cleaner writes all rows anew for every few.
CHANGELOG_DIRTY_RATIO: Final = "0.3"
# However little is written, it is compacted within a day: a quiet lane's restore must not grow for
# weeks. It also closes the segment that is being written, at the first record after that time.
CHANGELOG_COMPACTION_LAG_MS: Final = DAY_MS

# Long enough to look at a tick that was refused, and for a publisher of marks that was away; ticks
# are no evidence, what becomes a mark is. By the broker's clock and in small segments, because only
# a closed segment is deleted, and ticks may carry the times of any day.
TICKS_RETENTION_MS: Final = 600_000
TICKS_SEGMENT_BYTES: Final = 64 * MIB

TICKS: Final = Topic(
    "ticks",
    "mark",
    "instrument_id",
    "the market data feed",
    config={
        **_INPUT,
        "retention.ms": str(TICKS_RETENTION_MS),
        "segment.bytes": str(TICKS_SEGMENT_BYTES),
        "message.timestamp.type": "LogAppendTime",
    },
)
CONTROL: Final = Topic(
    "control",
    "control",
    "none",
    "tollgate control (one fenced writer)",
    lane_input=True,
    broadcast=True,
    config={**_INPUT, **_KEEP, **_CREATE_TIME},
)
MARKS: Final = Topic(
    "marks",
    "mark",
    "instrument_id",
    "tollgate marks, or a publisher of your own",
    lane_input=True,
    broadcast=True,
    config={**_INPUT, **_KEEP, **_CREATE_TIME},
)
DEPOSITS: Final = Topic(
    "deposits",
    "deposit",
    "user_id",
    "the treasury gateway",
    lane_input=True,
    config={**_INPUT, **_KEEP, **_CREATE_TIME},
)
FILLS: Final = Topic(
    "fills",
    "fill",
    "user_id",
    "the venue gateway",
    lane_input=True,
    config={**_INPUT, **_KEEP, **_CREATE_TIME},
)
ORDERS: Final = Topic(
    "orders",
    "order",
    "user_id",
    "the traders' gateways",
    lane_input=True,
    config={**_INPUT, **_KEEP, **_CREATE_TIME},
)
DECISIONS: Final = Topic(
    "decisions", "decision", "user_id", "gate agent", config={**_OUTPUT, **_KEEP}
)
AUDIT: Final = Topic(
    "audit", "audit_record", "the input's key", "gate agent", config={**_OUTPUT, **_KEEP}
)
REGULATORY_EVENTS: Final = Topic(
    "regulatory-events", "regulatory_event", "tenant_id", "gate agent", config={**_OUTPUT, **_KEEP}
)
DEAD_LETTERS: Final = Topic(
    "dead-letters", "dead_letter", "the input's key", "gate agent", config={**_OUTPUT, **_KEEP}
)
REGULATORY_REPORTS: Final = Topic(
    "regulatory-reports",
    "regulatory_report",
    "tenant_id",
    "reporting agent",
    config={**_OUTPUT, **_KEEP},
)
_CHANGELOG: Final = {
    **_OUTPUT,
    "cleanup.policy": "compact",
    "delete.retention.ms": str(CHANGELOG_DELETE_RETENTION_MS),
    "segment.bytes": str(CHANGELOG_SEGMENT_BYTES),
    "segment.ms": str(CHANGELOG_COMPACTION_LAG_MS),
    "min.cleanable.dirty.ratio": CHANGELOG_DIRTY_RATIO,
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": str(CHANGELOG_COMPACTION_LAG_MS),
}
RISK_CONTEXTS_CHANGELOG: Final = Topic(
    "risk-contexts-changelog", "row_*", "the row's key", "gate agent", config=_CHANGELOG
)
REPORT_DAYS_CHANGELOG: Final = Topic(
    "report-days-changelog", "row_*", "the row's key", "reporting agent", config=_CHANGELOG
)

# The order of the merge: of two records with the same time, facts come before the order they
# might pay for (architecture: topic order breaks ties).
LANE_INPUTS: Final = (CONTROL, MARKS, DEPOSITS, FILLS, ORDERS)
WRITTEN_BY_WORKERS: Final = (
    DECISIONS,
    AUDIT,
    REGULATORY_EVENTS,
    DEAD_LETTERS,
    REGULATORY_REPORTS,
    RISK_CONTEXTS_CHANGELOG,
    REPORT_DAYS_CHANGELOG,
)
# Of two topics with one schema the later one names its subject in a schema registry.
ALL_TOPICS: Final = (TICKS, *LANE_INPUTS, *WRITTEN_BY_WORKERS)
TOPICS_BY_NAME: Final = {topic.name: topic for topic in ALL_TOPICS}
