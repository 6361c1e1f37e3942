"""What the lanes of a worker are doing, for those who ask: progress of a restore, and lag.

Owns the last figures of each lane, as recovery and the flow tell them; decides nothing.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final


@dataclass(frozen=True)
class LaneFigures:
    """The last figures of a lane; None where nothing is known yet.

    records_left: changelog records still to restore. seconds_left: how long they will take.
    lag_records: inputs that lie in Kafka and are not applied, by topic. lag_seconds: age of the
    oldest of them.
    """

    records_left: int | None = None
    seconds_left: float | None = None
    lag_records: Mapping[str, int] = field(default_factory=dict)
    lag_seconds: float | None = None


class LaneBoard:
    """The figures of a worker's lanes and standbys. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._owned: dict[int, LaneFigures] = {}
        self._standbys: dict[tuple[str, int], int] = {}

    def own(self, lanes: Collection[int]) -> None:
        """Forget every lane but these, and every standby."""
        with self._lock:
            self._owned = {lane: self._owned.get(lane, LaneFigures()) for lane in lanes}
            self._standbys = {}

    def restoring(self, lane: int, records_left: int, seconds_left: float) -> None:
        """Take how much a lane has still to restore."""
        with self._lock:
            figures = self._owned.get(lane)
            if figures is not None:
                self._owned[lane] = replace(
                    figures, records_left=records_left, seconds_left=seconds_left
                )

    def lagging(self, lane: int, records: Mapping[str, int], seconds: float) -> None:
        """Take a lane's lag."""
        with self._lock:
            figures = self._owned.get(lane)
            if figures is not None:
                self._owned[lane] = replace(figures, lag_records=dict(records), lag_seconds=seconds)

    def standing_by(self, table: str, lane: int, records_left: int) -> None:
        """Take how far the copy of another worker's lane is behind."""
        with self._lock:
            self._standbys[(table, lane)] = records_left

    def owned(self) -> dict[int, LaneFigures]:
        """Every lane that is owned, in order."""
        with self._lock:
            return dict(sorted(self._owned.items()))

    def standbys(self, table: str) -> dict[int, int]:
        """Every standby of a table, in order -> records it is behind."""
        with self._lock:
            found = sorted(self._standbys.items())
        return {lane: behind for (owner, lane), behind in found if owner == table}
