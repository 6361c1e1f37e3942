"""One lane's stored rows: a write-back cache over the rows on disk.

Owns what is dirty and the rule that RocksDB is never ahead of Kafka: rows changed by a batch stay
in the cache until the transaction that carries them to the changelog has committed, and reach
RocksDB in one WriteBatch with the changelog offset they were written up to. There are two layers:
what a commit under way has taken, and what has changed since. Never decides when.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from pipeline.codecs.avro import decode_row_lane, encode_row_lane
from pipeline.lane.family import LaneFamily
from pipeline.lane.rows import READABLE_STATE_FORMATS, STATE_FORMAT, RowSource
from pipeline.risk.keys import LANE
from pipeline.risk.records import RowLane
from pipeline.risk.state import InvariantViolated
from pipeline.tables.rocks import StoreMark


class CommittedRows(Protocol):
    """The rows on disk: `RocksRows`, or a model of it."""

    def get(self, key: bytes) -> bytes | None:
        """The row under `key`."""
        ...

    def scan(self, prefix: bytes, start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Rows whose key begins with `prefix`, from `start` on, in key order."""
        ...

    def write(self, rows: Mapping[bytes, bytes | None], mark: StoreMark) -> None:
        """Write rows and mark at once."""
        ...

    def mark(self) -> StoreMark | None:
        """What the store holds."""
        ...

    def close(self) -> None:
        """Close the files."""
        ...


class TableLane(RowSource):
    """The rows of one partition of a lane table."""

    def __init__(self, family: LaneFamily, partition: int, stored: CommittedRows) -> None:
        """Take the rows on disk."""
        self.family: Final = family
        self.partition: Final = partition
        self.stored: Final = stored
        self._dirty: dict[bytes, bytes | None] = {}
        # What the commit under way has taken: read on top of the stored rows until it is there.
        self._committing: dict[bytes, bytes | None] = {}
        self.applied: dict[str, int] = {}
        # Set by recovery when the lane is whole; the agent's own object for the lane.
        self.work: Any = None

    # -- rows

    def get(self, key: bytes) -> bytes | None:
        """The row under `key`: dirty, about to be stored, or stored."""
        if key in self._dirty:
            return self._dirty[key]
        # Once: the thread that commits puts another one in its place, after it has stored this.
        committing = self._committing
        if key in committing:
            return committing[key]
        return self.stored.get(key)

    def scan(self, prefix: bytes, start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Stored rows whose key begins with `prefix`, from `start` on, in key order."""
        return self.stored.scan(prefix, start)

    def rows_of_kind(self, kind: bytes) -> list[tuple[bytes, bytes]]:
        """All rows whose key begins with a kind."""
        if not self.settled:
            raise InvariantViolated("rows of a kind are read when a lane is opened, not later")
        return list(self.scan(kind))

    @property
    def changing(self) -> dict[bytes, bytes | None]:
        """Where changed rows are staged until the next commit takes them; None deletes."""
        return self._dirty

    def holds_kind(self, kind: bytes) -> bool:
        """Whether there is a stored row whose key begins with a kind."""
        return next(self.scan(kind), None) is not None

    @property
    def unstored(self) -> list[bytes]:
        """Keys of what has changed and is not in the store yet."""
        return [*self._dirty, *self._committing]

    def stage(self, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Take rows an input changed; None deletes."""
        dirty = self._dirty
        for key, body in rows:
            dirty[key] = body

    # -- the commit

    def take_dirty(self) -> dict[bytes, bytes | None]:
        """Everything staged since it was last asked for, with the lane row, for one commit.

        The lane may go on meanwhile. Raises InvariantViolated while an earlier commit is under way.
        """
        if self._committing:
            raise InvariantViolated("two commits of one lane at once")
        row = RowLane(lane=self.partition, state_format=STATE_FORMAT, applied=self.applied)
        self._dirty[LANE] = encode_row_lane(row)
        self._committing, self._dirty = self._dirty, {}
        return self._committing

    def committed(self, mark: StoreMark) -> None:
        """The transaction with what was taken has committed: write it to RocksDB."""
        self.stored.write(self._committing, mark)
        self._committing = {}

    # -- opening and closing

    @property
    def settled(self) -> bool:
        """Whether everything staged has been committed."""
        return not (self._dirty or self._committing)

    def reset(self) -> None:
        """Drop what was never committed, and the agent's object with it."""
        self._dirty = {}
        self._committing = {}
        self.work = None

    def load_applied(self) -> None:
        """Read the lane row after recovery. Raises InvariantViolated for a foreign format."""
        stored = self.get(LANE)
        if stored is None:
            self.applied = {}
            return
        row = decode_row_lane(stored)
        if row.state_format not in READABLE_STATE_FORMATS:
            readable = ", ".join(map(str, READABLE_STATE_FORMATS))
            raise InvariantViolated(
                f"the rows of lane {self.partition} have format {row.state_format}, "
                f"this release reads {readable}: run a release that reads it"
            )
        self.applied = dict(row.applied)

    def close(self) -> None:
        """Close the store; what is dirty is dropped, as it was never committed."""
        self.reset()
        self.stored.close()
