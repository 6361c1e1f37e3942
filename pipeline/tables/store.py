"""The Faust table and store of a lane family.

Owns which lanes of a table are open in this worker, its own and those it stands by for. Agents work
on the `TableLane` itself; access through the Faust table serves inspection. Faust's own changelog
and recovery never touch it: the transaction writes the changelog, `recovery.py` restores from it.
"""

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from faust.stores.base import Store
from faust.streams import current_event
from faust.tables.table import Table

from pipeline.lane.family import LaneFamily
from pipeline.risk.state import InvariantViolated
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import RocksRows, distrust_file

STORE_SCHEME: Final = "lane"


class LaneStore(Store):
    """Open lanes by partition. Registered for URLs of scheme `lane`."""

    def __init__(self, url: Any, app: Any, table: Any, **kwargs: Any) -> None:
        """Take the family and directory the app has for the table's name."""
        super().__init__(url, app, table, **kwargs)
        self.family: LaneFamily = app.families[table.name]
        self.directory: Path = Path(app.settings.data_dir) / self.family.table
        self.lanes: dict[int, TableLane] = {}
        # Copies that follow the lanes of other workers; never in `lanes` as well.
        self.standbys: dict[int, TableLane] = {}

    def open(self, partition: int) -> TableLane:
        """The lane, opened if it is not. Raises StoreDamaged or StoreUnavailable."""
        lane = self.lanes.get(partition) or self.standbys.pop(partition, None)
        if lane is None:
            lane = self._opened(partition)
        self.lanes[partition] = lane
        return lane

    def open_standby(self, partition: int) -> TableLane:
        """The lane as a copy that follows its owner. Raises StoreDamaged or StoreUnavailable."""
        lane = self.standbys.get(partition) or self.lanes.pop(partition, None)
        if lane is None:
            lane = self._opened(partition)
        lane.reset()
        self.standbys[partition] = lane
        return lane

    def discard(self, partition: int) -> None:
        """Delete a lane's local store; the changelog has it all."""
        self.close_lane(partition)
        path = self._path(partition)
        shutil.rmtree(path, ignore_errors=True)
        # Last: a store that is deleted by half is still known as damaged.
        distrust_file(path).unlink(missing_ok=True)

    def close_lane(self, partition: int) -> None:
        """Close a lane that has moved away; its store stays for when it comes back."""
        for lanes in (self.lanes, self.standbys):
            lane = lanes.pop(partition, None)
            if lane is not None:
                lane.close()

    def keep(self, active: Collection[int], standby: Collection[int]) -> None:
        """Close every lane that is neither; what was active and is a standby now is no lane."""
        for partition in (self.lanes.keys() | self.standbys.keys()) - set(active) - set(standby):
            self.close_lane(partition)
        for partition in self.lanes.keys() & set(standby):
            self.open_standby(partition)

    def _opened(self, partition: int) -> TableLane:
        return TableLane(self.family, partition, RocksRows(self._path(partition)))

    def _path(self, partition: int) -> Path:
        return self.directory / str(partition)

    async def on_stop(self) -> None:
        """Close every lane."""
        self.keep((), ())

    # -- Faust's mapping interface: reads, of the lane of the current event

    def _current(self) -> TableLane:
        event = current_event()
        if event is None:
            raise RuntimeError("a lane table can be read only while an event is handled")
        return self.lanes[event.message.partition]

    def __getitem__(self, key: bytes) -> bytes:
        body = self._current().get(key)
        if body is None:
            raise KeyError(key)
        return body

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self._current().get(key) is not None

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise InvariantViolated("rows change through the lane and its transaction only")

    def __delitem__(self, key: bytes) -> None:
        raise InvariantViolated("rows change through the lane and its transaction only")

    def __iter__(self) -> Iterator[bytes]:
        return (key for key, _ in self._current().scan(b""))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    # -- Faust's recovery interface: not used

    def apply_changelog_batch(self, *_args: Any, **_kwargs: Any) -> None:
        """Refuse: recovery is ours."""
        raise InvariantViolated("Faust's recovery has touched a lane store")

    def persisted_offset(self, tp: Any) -> int | None:
        """The changelog offset the lane's store holds; None where it is not open."""
        lane = self.lanes.get(tp.partition) or self.standbys.get(tp.partition)
        mark = None if lane is None else lane.stored.mark()
        return None if mark is None else mark.offset

    def set_persisted_offset(self, tp: Any, offset: int) -> None:
        """Refuse: the offset is written with the rows."""
        del tp, offset
        raise InvariantViolated("Faust's recovery has touched a lane store")

    def reset_state(self) -> None:
        """Refuse: `discard` drops one lane at a time."""
        raise InvariantViolated("Faust wanted to delete a lane table")

    async def backup_partition(
        self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1
    ) -> None:
        """Refuse: the changelog is the backup."""
        raise NotImplementedError("the changelog is the backup of a lane table")

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """Refuse: the changelog is the backup."""
        raise NotImplementedError("the changelog is the backup of a lane table")


class LaneTable(Table):
    """A Faust table whose rows and changelog the lane's transaction writes."""

    def on_key_set(self, key: Any, value: Any) -> None:
        """Send nothing: the transaction writes the changelog."""

    def on_key_del(self, key: Any) -> None:
        """Send nothing: the transaction writes the changelog."""

    def send_changelog(self, *_args: Any, **_kwargs: Any) -> Any:
        """Refuse: the transaction writes the changelog."""
        raise InvariantViolated("Faust wanted to write a changelog")
