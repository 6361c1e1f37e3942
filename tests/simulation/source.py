"""What recovery asks Kafka, answered by the model: the product's `ChangelogSource`.

Owns waiting: for pending offsets, and for the last stable offset. Every question is a step of the
schedule, and may fail as a broker's answer may.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from pipeline.tables.changelog import Abandoned, Place, Tail
from tests.simulation.broker import Broker

_BATCH_MAX: Final = 120
Step = Callable[[str], str | None]


class ModelChangelogs:
    """`step` begins every call, `wait` lets time pass, `cancelled` ends a wait."""

    def __init__(
        self,
        broker: Broker,
        step: Step,
        wait: Callable[[], None],
        pick: Callable[[int], int],
        cancelled: Callable[[], bool],
    ) -> None:
        self.broker: Final = broker
        self.step: Final = step
        self.wait: Final = wait
        self.pick: Final = pick
        self.cancelled: Final = cancelled

    def stable_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """The group's committed offsets once no transaction is pending on them; -1: none."""
        self.step("source.offsets")
        group = self.broker.group
        while group.is_pending(places):
            if self.cancelled():
                raise Abandoned
            self.wait()
        return {place: group.committed.get(place, -1) for place in places}

    def ends(self, places: Sequence[Place]) -> tuple[dict[Place, int], dict[Place, int]]:
        """(first offsets, high watermarks); pending transactions count."""
        first = self.first_offsets(places)
        self.step("source.ends")
        return first, {place: self.broker.logs[place].high for place in places}

    def first_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """Where the logs begin."""
        self.step("source.first")
        if self.cancelled():
            raise Abandoned
        return {place: self.broker.logs[place].first for place in places}

    def topic_ids(self, topics: Collection[str]) -> dict[str, bytes]:
        """16 bytes a topic."""
        self.step("source.ids")
        return {topic: self.broker.topic_ids[topic] for topic in topics}

    def reader(self, positions: Mapping[Place, int]) -> "ModelReader":
        """A reader from these positions on."""
        self.step("source.reader")
        return ModelReader(self, positions)

    def close(self) -> None:
        """Nothing is open."""


class ModelReader:
    """Committed records of changelog partitions, some at a time."""

    def __init__(self, source: ModelChangelogs, positions: Mapping[Place, int]) -> None:
        self._source: Final = source
        self._positions: Final = dict(positions)

    def read(self) -> Tail:
        """What is there now; empty when nothing came for a moment."""
        source = self._source
        logs = source.broker.logs
        tail = Tail()
        if all(position >= logs[place].stable for place, position in self._positions.items()):
            # A reader at the end is told where it is.
            source.wait()
            tail.positions.update(self._positions)
            return tail
        source.step("source.read")
        for place, position in self._positions.items():
            found, reached = logs[place].read(position, 1 + source.pick(_BATCH_MAX))
            if found:
                tail.rows[place] = [(e.offset, e.key or b"", e.value) for e in found]
            tail.positions[place] = self._positions[place] = max(position, reached)
        return tail

    def leave(self, places: Collection[Place]) -> None:
        """Read these partitions no more."""
        for place in places:
            self._positions.pop(place, None)

    def close(self) -> None:
        """Nothing is open."""
