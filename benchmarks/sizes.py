"""What an order weighs: bytes by topic as Kafka keeps them, and in the worker's local stores.

Owns the accounting. Sizes are those of log files of the bench's own broker, so compression, batch
heads and transaction markers are in them; what one order costs is a difference of two looks.
Counts bytes only: what a run does is the caller's.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.stack import BenchError, Stack
from pipeline.settings import Settings
from pipeline.topics import (
    AUDIT,
    CONTROL,
    DEAD_LETTERS,
    DECISIONS,
    ORDERS,
    REGULATORY_EVENTS,
    RISK_CONTEXTS_CHANGELOG,
)

# Name of a figure -> topic.
TOPICS: Final = {
    "orders": ORDERS,
    "decisions": DECISIONS,
    "audit": AUDIT,
    "events": REGULATORY_EVENTS,
    "rows": RISK_CONTEXTS_CHANGELOG,
    "control": CONTROL,
    "dead_letters": DEAD_LETTERS,
}
# Kafka's own: where a transaction and a group's offsets are kept.
_KAFKAS_OWN: Final = {"__transaction_state": "transactions", "__consumer_offsets": "offsets"}


@dataclass(frozen=True)
class Sizes:
    """Bytes by figure: those of `TOPICS`, Kafka's own, and `store`, the workers' directories."""

    bytes_of: Mapping[str, int] = field(default_factory=dict)

    def since(self, before: "Sizes") -> "Sizes":
        """What has come since."""
        return Sizes({name: self[name] - before[name] for name in self.bytes_of})

    def each(self, count: int) -> dict[str, float]:
        """Bytes for one of `count`."""
        return {name: round(size / count, 1) for name, size in self.bytes_of.items()}

    def __getitem__(self, name: str) -> int:
        return self.bytes_of.get(name, 0)


def look(stack: Stack, settings: Settings) -> Sizes:
    """The sizes now. Raises BenchError where the broker is somebody else's."""
    if stack.broker is None:
        raise BenchError("Log sizes are those of the bench's own broker: unset KAFKA_BOOTSTRAP.")
    wanted = {settings.topic(topic.name): name for name, topic in TOPICS.items()} | _KAFKAS_OWN
    found: defaultdict[str, int] = defaultdict(int)
    for directory in (stack.broker.directory / "data").iterdir():
        name = wanted.get(directory.name.rpartition("-")[0])
        if name is not None:
            found[name] += bytes_in(directory, "*.log")
    found["store"] = bytes_in(Path(settings.data_dir), "**/*")
    return Sizes(dict(found))


def bytes_in(directory: Path, pattern: str) -> int:
    """The length of all files that fit; files that vanish meanwhile are none."""
    total = 0
    for path in directory.glob(pattern):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
