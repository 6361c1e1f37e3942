"""One lane's stored rows: a write-back cache over RocksDB.

Owns what is dirty and the rule that RocksDB is never ahead of Kafka: rows changed by a batch stay
in the cache until the transaction that carries them to the changelog has committed, and reach
RocksDB in one WriteBatch with the changelog offset they were written up to. Never decides when.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rocksdict import (
    BlockBasedOptions,
    Cache,
    Options,
    Rdict,
    WriteBatch,
)

from pipeline.codecs.avro import decode_row_lane, encode_row_lane
from pipeline.lane.family import LaneFamily
from pipeline.lane.rows import STATE_FORMAT, RowSource
from pipeline.risk.effects import CORE_VERSION
from pipeline.risk.keys import CONTROL, LANE
from pipeline.risk.records import RowLane
from pipeline.risk.state import InvariantViolated

# Beyond every row key: what the store knows about itself. Not part of the changelog.
_STORE_KEY: Final = b"\xff store"
_STORE: Final = struct.Struct("<qq16s")
_WRITE_BUFFER_BYTES: Final = 16 << 20
_BLOCK_CACHE_BYTES: Final = 64 << 20
_BLOOM_BITS: Final = 10

# One cache for all lanes of the process, so that its memory does not grow with its lanes.
_SHARED_CACHE: Final = Cache(_BLOCK_CACHE_BYTES)


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(_SHARED_CACHE)
    blocks.set_bloom_filter(_BLOOM_BITS, False)
    options.set_block_based_table_factory(blocks)
    return options


class StoreMark:
    """What a local store says it holds: rows of the changelog `topic_id` up to `offset`."""

    def __init__(self, offset: int, written_ms: int, topic_id: bytes) -> None:
        self.offset: Final = offset
        self.written_ms: Final = written_ms
        self.topic_id: Final = topic_id


class TableLane(RowSource):
    """The rows of one partition of a lane table."""

    def __init__(self, family: LaneFamily, partition: int, path: Path) -> None:
        """Open or create the store. Raises what rocksdict raises for one that cannot be opened."""
        self.family: Final = family
        self.partition: Final = partition
        self.path: Final = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db: Final[Any] = Rdict(str(path), _options())
        self._dirty: dict[bytes, bytes | None] = {}
        self.applied: dict[str, int] = {}
        # Set by recovery when the lane is whole; the agent's own object for the lane.
        self.work: Any = None

    # -- rows

    def get(self, key: bytes) -> bytes | None:
        """The row under `key`: dirty, or stored."""
        if key in self._dirty:
            return self._dirty[key]
        found: bytes | None = self._db.get(key)
        return found

    def scan(self, prefix: bytes, start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Stored rows whose key begins with `prefix`, from `start` on, in key order."""
        for key, body in self._db.items(from_key=start or prefix):
            if not key.startswith(prefix):
                return
            yield key, body

    def control_rows(self) -> list[tuple[bytes, bytes]]:
        """All rows of kind CONTROL."""
        if self._dirty:
            raise InvariantViolated("control rows are read when a lane is opened, not later")
        return list(self.scan(CONTROL))

    def stage(self, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Take rows an input changed; None deletes."""
        dirty = self._dirty
        for key, body in rows:
            dirty[key] = body

    # -- the commit

    def take_dirty(self) -> dict[bytes, bytes | None]:
        """Everything staged since the last commit, with the lane row."""
        row = RowLane(
            lane=self.partition,
            state_format=STATE_FORMAT,
            core_version=CORE_VERSION,
            applied=self.applied,
        )
        self._dirty[LANE] = encode_row_lane(row)
        return self._dirty

    def write(self, rows: Mapping[bytes, bytes | None], mark: StoreMark) -> None:
        """Write rows of the changelog up to `mark.offset`, and the mark, at once."""
        batch = WriteBatch(raw_mode=True)
        for key, body in rows.items():
            if body is None:
                batch.delete(key)
            else:
                batch.put(key, body)
        batch.put(_STORE_KEY, _STORE.pack(mark.offset, mark.written_ms, mark.topic_id))
        self._db.write(batch)

    def committed(self, mark: StoreMark) -> None:
        """The transaction with everything dirty has committed: write it to RocksDB."""
        self.write(self._dirty, mark)
        self._dirty = {}

    # -- opening and closing

    def mark(self) -> StoreMark | None:
        """What the store holds, or None when it is new."""
        stored: bytes | None = self._db.get(_STORE_KEY)
        if stored is None:
            return None
        return StoreMark(*_STORE.unpack(stored))

    def load_applied(self) -> None:
        """Read the lane row after recovery. Raises InvariantViolated for a foreign format."""
        stored = self.get(LANE)
        if stored is None:
            self.applied = {}
            return
        row = decode_row_lane(stored)
        if row.state_format != STATE_FORMAT:
            raise InvariantViolated(
                f"the rows of lane {self.partition} have format {row.state_format}, "
                f"this version reads {STATE_FORMAT}: run the version that wrote them"
            )
        self.applied = dict(row.applied)

    def close(self) -> None:
        """Close RocksDB; what is dirty is dropped, as it was never committed."""
        self._dirty = {}
        self._db.close()
