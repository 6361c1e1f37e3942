"""One partition's log: records, transaction markers, what a reader may see, compaction.

Owns offsets. A marker takes an offset and is never delivered; a record of an open transaction holds
back the last stable offset. `history` keeps what compaction removes, for the judge alone.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

PENDING: Final = 0
COMMITTED: Final = 1
ABORTED: Final = 2
MARKER: Final = 3


class Entry:
    """A record, or a marker: `state` says which, and what became of its transaction."""

    __slots__ = ("key", "offset", "state", "timestamp", "value")

    def __init__(
        self, offset: int, key: bytes | None, value: bytes | None, timestamp: int, state: int
    ) -> None:
        self.offset = offset
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.state = state

    # What the gate's batches expect of a fetched record.
    headers: tuple[tuple[str, bytes], ...] = ()


def _offset(entry: Entry) -> int:
    return entry.offset


class PartitionLog:
    """A log. `open` maps a producer id to the entries of its open transaction here."""

    def __init__(self) -> None:
        self.first = 0
        self.high = 0
        self.entries: list[Entry] = []
        self.history: list[Entry] = self.entries
        self.open: dict[int, list[Entry]] = {}

    def clone(self) -> "PartitionLog":
        """A log of its own with the same past; there must be no open transaction."""
        other = PartitionLog()
        other.first, other.high = self.first, self.high
        other.entries = list(self.entries)
        other.history = other.entries
        return other

    def append(
        self, key: bytes | None, value: bytes | None, timestamp: int, producer: int | None
    ) -> int:
        """Add a record, of a producer's open transaction or of none; returns its offset."""
        state = COMMITTED if producer is None else PENDING
        entry = Entry(self.high, key, value, timestamp, state)
        self._add(entry)
        if producer is not None:
            self.open.setdefault(producer, []).append(entry)
        return entry.offset

    def end(self, producer: int, *, commit: bool, timestamp: int) -> None:
        """Write the marker that ends the producer's transaction in this partition."""
        for entry in self.open.pop(producer, []):
            entry.state = COMMITTED if commit else ABORTED
        self._add(Entry(self.high, None, None, timestamp, MARKER))

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        if self.history is not self.entries:
            self.history.append(entry)
        self.high += 1

    @property
    def stable(self) -> int:
        """The last stable offset."""
        if not self.open:
            return self.high
        return min(entries[0].offset for entries in self.open.values())

    def read(self, position: int, limit: int) -> tuple[list[Entry], int]:
        """Committed records from `position` on, at most `limit`, and the next position."""
        stable = self.stable
        entries = self.entries
        found: list[Entry] = []
        index = bisect_left(entries, position, key=_offset)
        while index < len(entries) and entries[index].offset < stable:
            if len(found) == limit:
                return found, entries[index].offset
            if entries[index].state == COMMITTED:
                found.append(entries[index])
            index += 1
        return found, max(position, stable)

    def compact(self, now_ms: int, delete_retention_ms: int) -> None:
        """Drop what a later committed record of the key supersedes, and old tombstones.

        As Kafka's cleaner does: only below the last stable offset, aborted records with them; a
        tombstone goes once it is older than the retention.
        """
        stable = self.stable
        last: dict[bytes | None, int] = {
            entry.key: entry.offset
            for entry in self.entries
            if entry.offset < stable and entry.state == COMMITTED
        }
        if self.history is self.entries:
            self.history = list(self.entries)
        self.entries = [
            entry
            for entry in self.entries
            if entry.offset >= stable
            or (entry.state == MARKER and entry.offset == stable - 1)
            or (
                entry.state == COMMITTED
                and last[entry.key] == entry.offset
                and (entry.value is not None or now_ms - entry.timestamp <= delete_retention_ms)
            )
        ]

    def truncate(self, high: int) -> None:
        """Lose everything from `high` on, as after an unclean election."""
        self.entries = [entry for entry in self.entries if entry.offset < high]
        self.history = list(self.entries)
        self.open = {}
        self.high = high

    def materialised(self, upto: int) -> dict[bytes, bytes]:
        """Key -> value by the committed records up to offset `upto`, nothing compacted."""
        return _applied({}, (entry for entry in self.history if entry.offset <= upto))

    def materialised_on(self, rows: dict[bytes, bytes], after: int) -> dict[bytes, bytes]:
        """The same of what is still in the log after offset `after`, on top of `rows`."""
        return _applied(dict(rows), (entry for entry in self.entries if entry.offset > after))


def _applied(rows: dict[bytes, bytes], entries: Iterable[Entry]) -> dict[bytes, bytes]:
    for entry in entries:
        if entry.state != COMMITTED:
            continue
        if entry.value is None:
            rows.pop(entry.key or b"", None)
        else:
            rows[entry.key or b""] = entry.value
    return rows
