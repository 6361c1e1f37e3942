"""A lane's rows on disk: one RocksDB a lane.

Owns the files and what is known of their health. Rows and the mark that says which changelog offset
they stand for are one WriteBatch. What RocksDB finds damaged is noted beside the store before the
error goes up, so that the next start rebuilds it from the changelog and never serves it.
"""

import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch

# Beyond every row key: what the store knows about itself. Not part of the changelog.
_STORE_KEY: Final = b"\xff store"
_STORE: Final = struct.Struct("<qq16s")
_WRITE_BUFFER_BYTES: Final = 16 << 20
_BLOCK_CACHE_BYTES: Final = 64 << 20
_BLOOM_BITS: Final = 10
_MEMTABLE_BLOOM_RATIO: Final = 0.1
# How RocksDB words what no retry can mend: files that are wrong, or not there.
_DAMAGE: Final = ("Corruption", "No such file", "Not implemented", "Invalid argument")
_IN_USE: Final = ("lock hold by current process", "While lock file")
_DISK_FULL: Final = ("No space left", "File too large", "quota exceeded")

# One cache for all lanes of the process, so that its memory does not grow with its lanes.
_SHARED_CACHE: Final = Cache(_BLOCK_CACHE_BYTES)


class StoreDamaged(Exception):
    """The store cannot be trusted; it will be rebuilt when it is opened next."""


class StoreUnavailable(Exception):
    """The store is sound as far as is known but cannot be used now; the text says why."""


class StoreMark:
    """What a local store says it holds: rows of a changelog's partition up to `offset`.

    `topic_id` is that partition's id: see `partition_id`.
    """

    def __init__(self, offset: int, written_ms: int, topic_id: bytes) -> None:
        self.offset: Final = offset
        self.written_ms: Final = written_ms
        self.topic_id: Final = topic_id


def partition_id(topic_id: bytes, partition: int) -> bytes:
    """16 bytes that tell a changelog's partition from those of all changelogs there ever were.

    A store that was put where another lane's belongs does not have its lane's.
    """
    return topic_id[:12] + partition.to_bytes(4, "big")


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    # Most lookups of a new order find nothing: the filter answers them without a search.
    options.set_memtable_prefix_bloom_ratio(_MEMTABLE_BLOOM_RATIO)
    options.set_memtable_whole_key_filtering(True)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(_SHARED_CACHE)
    blocks.set_bloom_filter(_BLOOM_BITS, False)
    options.set_block_based_table_factory(blocks)
    return options


class RocksRows:
    """The committed rows of one lane. Its methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises StoreDamaged or StoreUnavailable."""
        self.path: Final = path
        self._distrust: Final = distrust_file(path)
        # Held by readers of another thread than the lane's, and to close.
        self._reading: Final = threading.Lock()
        self._closed = False
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._distrust.exists():
            raise StoreDamaged(f"{path} was found damaged before")
        try:
            self._db: Final[Any] = Rdict(str(path), _options())
        except Exception as error:  # noqa: BLE001 -- rocksdict raises nothing narrower
            self._failed(error)

    def get(self, key: bytes) -> bytes | None:
        """The row under `key`."""
        try:
            found: bytes | None = self._db.get(key)
        except Exception as error:  # noqa: BLE001
            self._failed(error)
        return found

    def scan(self, prefix: bytes, start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Rows whose key begins with `prefix`, from `start` on, in key order."""
        # Not items(): that one ends at a damaged block as if there were no more rows.
        rows = self._db.iter()
        rows.seek(start or prefix)
        while rows.valid():
            key: bytes = rows.key()
            if not key.startswith(prefix):
                return
            yield key, rows.value()
            rows.next()
        try:
            rows.status()
        except Exception as error:  # noqa: BLE001
            self._failed(error)

    def write(self, rows: Mapping[bytes, bytes | None], mark: StoreMark) -> None:
        """Write rows of the changelog up to `mark.offset`, and the mark, at once; None deletes."""
        batch = WriteBatch(raw_mode=True)
        for key, body in rows.items():
            if body is None:
                batch.delete(key)
            else:
                batch.put(key, body)
        batch.put(_STORE_KEY, _STORE.pack(mark.offset, mark.written_ms, mark.topic_id))
        try:
            self._db.write(batch)
        except Exception as error:  # noqa: BLE001
            self._failed(error)

    def mark(self) -> StoreMark | None:
        """What the store holds, or None when it is new."""
        stored = self.get(_STORE_KEY)
        if stored is None:
            return None
        return StoreMark(*_STORE.unpack(stored))

    @contextmanager
    def frozen(self) -> Iterator["FrozenRows"]:
        """The rows as they are now, whatever is written meanwhile; `close` waits for the reader.

        Raises StoreUnavailable when the store has been closed.
        """
        with self._reading:
            if self._closed:
                raise StoreUnavailable(f"{self.path} has been closed")
            rows = FrozenRows(self._db.iter(), self._failed)
            try:
                yield rows
            finally:
                rows.release()

    def close(self) -> None:
        """Close the files."""
        with self._reading:
            self._closed = True
            self._db.close()

    def _failed(self, error: Exception) -> NoReturn:
        text = str(error)
        if any(words in text for words in _IN_USE):
            raise StoreUnavailable(
                f"{self.path} is in use by another process: give each worker its own data_dir"
            ) from error
        if any(words in text for words in _DISK_FULL):
            raise StoreUnavailable(
                f"{self.path} cannot be written, its disk is full: make room and start again"
            ) from error
        if any(words in text for words in _DAMAGE):
            self._distrust.touch()
            raise StoreDamaged(f"{self.path}: {text}") from error
        raise error


class FrozenRows:
    """Rows as of one moment between two commits. Good only within `RocksRows.frozen`."""

    def __init__(self, iterator: Any, failed: Callable[[Exception], NoReturn]) -> None:
        # One iterator sees one moment, wherever it is put. That of a snapshot of rocksdict's does
        # not: it sees what is written later.
        self._iterator: Any = iterator
        self._failed: Final = failed

    def scan(self, prefix: bytes, rows_max: int) -> list[tuple[bytes, bytes]]:
        """The first `rows_max` rows whose key begins with `prefix`, in key order."""
        rows: list[tuple[bytes, bytes]] = []
        iterator = self._iterator
        try:
            iterator.seek(prefix)
            while iterator.valid() and len(rows) < rows_max:
                key = iterator.key()
                if not key.startswith(prefix):
                    break
                rows.append((key, iterator.value()))
                iterator.next()
            iterator.status()
        except Exception as error:  # noqa: BLE001 -- rocksdict raises nothing narrower
            self._failed(error)
        return rows

    def release(self) -> None:
        """Let go: as long as an iterator is held, RocksDB keeps its files open and locked."""
        self._iterator = None


def distrust_file(path: Path) -> Path:
    """Where it is noted that the store in `path` is damaged."""
    return path.with_name(f"{path.name}.damaged")
