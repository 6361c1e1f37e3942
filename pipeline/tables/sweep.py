"""Removes remembered ids whose time is over.

Owns nothing that can change a decision: the core treats a row past its window as absent, whether it
is still stored or not; the sweep only keeps the table from growing. It walks the remembered rows a
few at a time, and rests once it has passed all until the oldest it saw can have expired. Each walk
also tells the lane's filter over remembered keys what is stored.
"""

from typing import Final

from pipeline.lane.processor import LaneProcessor
from pipeline.lane.remembered_keys import REMEMBERED
from pipeline.lane.rows import decode_row
from pipeline.risk.records import RowDecision, RowSeen
from pipeline.tables.lane import TableLane

# Between two walks at least, so that an empty table is not walked at every batch.
_REST_US: Final = 60_000_000


class Sweep:
    """The walk over one lane's remembered rows."""

    def __init__(self, lane: TableLane) -> None:
        self._lane: Final = lane
        self._kind = 0
        self._from: bytes | None = None
        # Nothing that this walk passes by, or that is written behind it, was touched earlier.
        self._oldest_us = 0
        self._rests_until_us = 0

    def expired(self, processor: LaneProcessor, rows_max: int) -> list[tuple[bytes, bytes | None]]:
        """Deletions among the next `rows_max` rows, to be staged after the batch's own rows."""
        forgotten_before = processor.head.forgotten_before
        if forgotten_before <= self._rests_until_us:
            return []
        if self._kind == 0 and self._from is None:
            # What is written from here on is touched now or later, also where all that was seen
            # lies ahead of gate time.
            self._oldest_us = processor.head.gate_time
            processor.remembered.begin_walk(self._lane.unstored)
        deletions: list[tuple[bytes, bytes | None]] = []
        looked = 0
        for key, _ in self._lane.scan(REMEMBERED[self._kind], self._from):
            if looked >= rows_max:
                self._from = key
                return deletions
            looked += 1
            # What the batch has just rewritten counts, not what is stored.
            body = self._lane.get(key)
            if body is None:
                continue
            row = decode_row(key, body)
            if not isinstance(row, RowDecision | RowSeen):
                continue
            if row.touched_at < forgotten_before:
                deletions.append((key, None))
            else:
                processor.remembered.walked_by(key)
                self._oldest_us = min(self._oldest_us, row.touched_at)
        self._next_kind(processor, forgotten_before)
        return deletions

    def _next_kind(self, processor: LaneProcessor, forgotten_before: int) -> None:
        self._from = None
        self._kind = (self._kind + 1) % len(REMEMBERED)
        if self._kind == 0:
            processor.remembered.end_walk()
            self._rests_until_us = max(forgotten_before + _REST_US, self._oldest_us)
