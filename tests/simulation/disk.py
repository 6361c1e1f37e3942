"""A worker's local stores in memory, with what a crash, a copy or a bad disk can do to them.

Owns RocksDB's promises and no more: a write is atomic, writes survive in order, and after a crash
of the machine a prefix of those since the last sync is left. Holds no rule about what to trust.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Final

from pipeline.lane.family import LaneFamily
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import StoreDamaged, StoreMark
from pipeline.tables.store import LaneStore

Rows = dict[bytes, bytes]
_Write = tuple[dict[bytes, bytes | None], StoreMark]


class Disk:
    """One lane's store on one worker's disk."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.mark: StoreMark | None = None
        self.damaged = False
        # Somebody did something to it and no worker has opened it since.
        self.spoiled = False
        # What is on the disk for certain, and the writes since.
        self._synced: tuple[Rows, StoreMark | None] = ({}, None)
        self._since: list[_Write] = []

    def put(self, rows: Rows, mark: StoreMark | None) -> None:
        """Put a whole store here, durably."""
        self.rows, self.mark = dict(rows), mark
        self._synced, self._since = (dict(rows), mark), []

    def write(self, rows: Mapping[bytes, bytes | None], mark: StoreMark) -> None:
        """One atomic write."""
        self._since.append((dict(rows), mark))
        self._apply(rows, mark)

    def _apply(self, rows: Mapping[bytes, bytes | None], mark: StoreMark) -> None:
        for key, body in rows.items():
            if body is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = body
        self.mark = mark

    def sync(self) -> None:
        """Everything written is durable now."""
        self.put(self.rows, self.mark)

    def crash(self, kept: int) -> None:
        """Only the first `kept` writes since the last sync are left."""
        writes = self._since[:kept]
        self.put(*self._synced)
        for rows, mark in writes:
            self._apply(rows, mark)
        self.sync()

    @property
    def unsynced(self) -> int:
        """Writes that a crash of the machine may lose."""
        return len(self._since)


class ModelRows:
    """`CommittedRows` over a disk."""

    def __init__(self, disk: Disk) -> None:
        """Raises StoreDamaged."""
        if disk.damaged:
            raise StoreDamaged("the model's disk is bad")
        disk.spoiled = False
        self._disk: Final = disk

    def get(self, key: bytes) -> bytes | None:
        """The row under `key`."""
        return self._disk.rows.get(key)

    def scan(self, prefix: bytes, start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Rows whose key begins with `prefix`, from `start` on, in key order."""
        begin = start or prefix
        rows = self._disk.rows
        for key in sorted(key for key in rows if key >= begin and key.startswith(prefix)):
            yield key, rows[key]

    def write(self, rows: Mapping[bytes, bytes | None], mark: StoreMark) -> None:
        """Write rows and mark at once."""
        self._disk.write(rows, mark)

    def mark(self) -> StoreMark | None:
        """What the store holds."""
        return self._disk.mark

    def close(self) -> None:
        """Nothing is open."""


class ModelStores(LaneStore):
    """The product's store of a family, over disks of the model instead of directories."""

    def __init__(self, family: LaneFamily, disks: dict[int, Disk]) -> None:
        self.family = family
        self.lanes = {}
        self.standbys = {}
        self._disks: Final = disks

    def _opened(self, partition: int) -> TableLane:
        return TableLane(self.family, partition, ModelRows(self._disks[partition]))

    def discard(self, partition: int) -> None:
        """Delete a lane's local store."""
        self.close_lane(partition)
        self._disks[partition].put({}, None)
        self._disks[partition].damaged = False


class Disks:
    """One worker's disks by lane, and the copies of them that somebody made."""

    def __init__(self, lanes: int) -> None:
        self.by_lane: Final = {lane: Disk() for lane in range(lanes)}
        self._copies: dict[int, tuple[Rows, StoreMark | None]] = {}

    def copy(self, lane: int) -> None:
        """Keep a copy of a lane's store until it is put back; older ones are missing more."""
        disk = self.by_lane[lane]
        if disk.mark is not None and lane not in self._copies:
            self._copies[lane] = dict(disk.rows), disk.mark

    def put_copy_back(self, lane: int, ahead_ms: int = 0) -> None:
        """Put the copy, if there is one, where the store is.

        `ahead_ms`: by how much the clock was ahead when the store was written.
        """
        rows, mark = self._copies.pop(lane, ({}, None))
        if mark is not None:
            written_ms = mark.written_ms + ahead_ms
            self.by_lane[lane].put(rows, StoreMark(mark.offset, written_ms, mark.topic_id))

    def exchange(self) -> None:
        """Put each lane's store where the next one's was."""
        stores = [(disk.rows, disk.mark) for disk in self.by_lane.values()]
        for disk, store in zip(self.by_lane.values(), stores[1:] + stores[:1], strict=True):
            disk.put(*store)

    def crash(self, chance: Random, *, machine: bool) -> None:
        """The process was killed, or the machine: then unsynced writes may be lost."""
        for disk in self.by_lane.values():
            if machine and disk.unsynced:
                disk.crash(chance.randrange(disk.unsynced + 1))
            else:
                disk.sync()
