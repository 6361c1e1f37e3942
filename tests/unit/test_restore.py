"""A lane starts when its state and the group agree; who asks too late stands back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from pipeline.lane.family import LaneFamily
from pipeline.risk.state import InvariantViolated
from pipeline.tables.changelog import Abandoned, ChangelogReader, Place, Tail
from pipeline.tables.lane import TableLane
from pipeline.tables.restore import LanePlace, Restorer
from pipeline.tables.rocks import RocksRows

FAMILY = LaneFamily("gate", "risk-contexts", ("c", "m", "d", "f", "o"), "log")


class NothingToRead:
    """A reader at the end of every changelog."""

    def read(self) -> Tail:
        """Nothing."""
        return Tail()

    def leave(self, places: Collection[Place]) -> None:
        """Nothing was read."""

    def close(self) -> None:
        """Nothing is open."""


class Group:
    """Empty changelogs, and a group whose offsets move as another worker commits."""

    def __init__(self, *offsets: int) -> None:
        """`offsets`: of every input, at each asking; the last one stays."""
        self.offsets = list(offsets)

    def stable_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """The next of them."""
        offset = self.offsets.pop(0) if len(self.offsets) > 1 else self.offsets[0]
        return dict.fromkeys(places, offset)

    def ends(self, places: Sequence[Place]) -> tuple[dict[Place, int], dict[Place, int]]:
        """They are empty."""
        return self.first_offsets(places), self.first_offsets(places)

    def first_offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """They begin at 0."""
        return dict.fromkeys(places, 0)

    def topic_ids(self, topics: Collection[str]) -> dict[str, bytes]:
        """All alike."""
        return {topic: bytes(16) for topic in topics}

    def reader(self, positions: Mapping[Place, int]) -> ChangelogReader:
        """There is nothing to read."""
        del positions
        return NothingToRead()


class OneStore:
    """The store of one lane, on a disk."""

    def __init__(self, path: Path) -> None:
        """The lane is opened when it is asked for."""
        self.path = path
        self.lanes: dict[int, TableLane] = {}

    def open(self, partition: int) -> TableLane:
        """The lane."""
        if partition not in self.lanes:
            self.lanes[partition] = TableLane(FAMILY, partition, RocksRows(self.path))
        return self.lanes[partition]

    def discard(self, partition: int) -> None:
        """Nothing is distrusted here."""
        raise AssertionError(f"lane {partition} was discarded")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OneStore]:
    """A lane that has applied nothing."""
    opened = OneStore(tmp_path / "0")
    yield opened
    for lane in opened.lanes.values():
        lane.close()


def restore(store: OneStore, *offsets: int) -> dict[Place, int]:
    """Where the inputs go on."""
    restorer = Restorer(
        Group(*offsets), {"gate": store}, progress=lambda *_: None, cancelled=lambda: False
    )
    return dict(restorer.restore([LanePlace(FAMILY, 0)]).starts)


def test_a_lane_starts_where_its_state_and_the_group_agree(store: OneStore) -> None:
    assert set(restore(store, -1).values()) == {0}


def test_a_lane_whose_state_contradicts_the_group_does_not_start(store: OneStore) -> None:
    with pytest.raises(InvariantViolated, match="the group has committed 5"):
        restore(store, 5)


def test_who_slept_until_its_lanes_had_moved_stands_back(store: OneStore) -> None:
    with pytest.raises(Abandoned):
        restore(store, 5, 7)
