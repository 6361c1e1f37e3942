"""Which working orders gate time alone may end: by time, by business day, never acknowledged.

Owns the order in which they come up and nothing of what ending means (`core.py`). It is an index
over the order rows, built again from them when a lane is opened, and must never know more than they
say. Compiled with mypyc.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Final

from mypy_extensions import i64, mypyc_attr

from pipeline.risk.bounds import NEVER_US
from pipeline.risk.keys import order_key
from pipeline.risk.order_life import ON_REQUEST, state_of
from pipeline.risk.records import TIME_IN_FORCE_DAY, RowOrder

# Orders ended before one input, so that the close of a day makes no input wait for all of them.
SWEPT_MAX: Final = 100
# Entries of ended orders that are kept before they are cleared away.
_DEAD_MAX: Final = 1_000

EXPIRED: Final = "EXPIRED"
ORPHANED: Final = "ORPHANED"


@mypyc_attr(acyclic=True)
class Entry:
    """A working order: whose, under which root, and the time that a line counts it from."""

    def __init__(self, user_id: str, root_id: str, since: int) -> None:
        self.user_id: Final = user_id
        self.root_id: Final = root_id
        self.since: Final = since
        self.alive = True


@mypyc_attr(acyclic=True)
class Due:
    """An order whose time is over, and why."""

    def __init__(self, entry: Entry, reason: str) -> None:
        self.user_id: Final = entry.user_id
        self.root_id: Final = entry.root_id
        self.reason: Final = reason


class Line:
    """Entries in the order they were added."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.alive: dict[bytes, Entry] = {}
        # The first that is alive, and its place: those before it have ended.
        self._first: Entry | None = None
        self._first_at: i64 = 0

    def add(self, since: int, key: bytes, user_id: str, root_id: str) -> None:
        """At the end."""
        entry = Entry(user_id, root_id, since)
        self.alive[key] = entry
        self.entries.append(entry)
        if self._first is None:
            self._first = entry
            self._first_at = len(self.entries) - 1

    def drop(self, key: bytes) -> None:
        """It does not count any more, if it did."""
        entry = self.alive.pop(key, None)
        if entry is None:
            return
        entry.alive = False
        if entry is self._first:
            self._find_first()
        if len(self.entries) > 2 * len(self.alive) + _DEAD_MAX:
            self.entries = [other for other in self.entries if other.alive]
            self._first_at = 0

    def _find_first(self) -> None:
        entries = self.entries
        at = self._first_at
        while at < len(entries) and not entries[at].alive:
            at += 1
        self._first_at = at
        self._first = entries[at] if at < len(entries) else None

    def oldest(self) -> int:
        """From when the oldest counts; later than any time without one."""
        first = self._first
        return NEVER_US if first is None else first.since

    def until(self, latest: int) -> Iterator[Entry]:
        """Those that count from `latest` or earlier, oldest first."""
        entries = self.entries
        for at in range(self._first_at, len(entries)):
            entry = entries[at]
            if entry.since > latest:
                return
            if entry.alive:
                yield entry


class Sweeping:
    """The orders of one lane that may come up. Times in microseconds."""

    def __init__(self) -> None:
        self._expiring: list[tuple[int, int, Entry]] = []
        self._expiring_alive: dict[bytes, Entry] = {}
        self._of_a_day: Final = Line()
        self._unacknowledged: Final = Line()

    def restore(self, orders: list[tuple[str, str, RowOrder]]) -> None:
        """Take a stored lane's (user, root, order), in any order."""
        for user_id, root_id, order in sorted(orders, key=_lane_sequence):
            if ON_REQUEST[state_of(order)].expires:
                self.placed(order_key(user_id, root_id), user_id, root_id, order)

    # -- following the orders, by the key of each

    def placed(self, key: bytes, user_id: str, root_id: str, order: RowOrder) -> None:
        """The order works from now on."""
        if order.expires_at is not None:
            entry = Entry(user_id, root_id, order.expires_at)
            self._expiring_alive[key] = entry
            heappush(self._expiring, (order.expires_at, order.lane_sequence, entry))
        if order.time_in_force == TIME_IN_FORCE_DAY:
            self._of_a_day.add(order.business_day, key, user_id, root_id)
        if not order.acknowledged:
            self._unacknowledged.add(order.accepted_at, key, user_id, root_id)

    def acknowledged(self, key: bytes) -> None:
        """The venue has reported on the order."""
        self._unacknowledged.drop(key)

    def over(self, key: bytes) -> None:
        """The order has ended, or its end is known: nothing here can end it any more."""
        self._unacknowledged.drop(key)
        self._of_a_day.drop(key)
        entry = self._expiring_alive.pop(key, None)
        if entry is None:
            return
        entry.alive = False
        if len(self._expiring) > 2 * len(self._expiring_alive) + _DEAD_MAX:
            self._expiring = [item for item in self._expiring if item[2].alive]
            heapify(self._expiring)

    # -- what has come up

    def has_due(self, gate_time: int, open_day: int, orphan_us: int) -> bool:
        """Whether any has. `orphan_us` NEVER_US: there is no policy, so nothing is an orphan."""
        if self._next_expiry() <= gate_time or self._of_a_day.oldest() < open_day:
            return True
        return self._unacknowledged.oldest() <= gate_time - orphan_us

    def due(self, gate_time: int, open_day: int, orphan_us: int) -> list[Due]:
        """At most SWEPT_MAX orders, in the order in which they end (docs/rules.md, "Sweeping")."""
        found: list[Due] = []
        taken: set[tuple[str, str]] = set()
        for _, _, entry in self._expired(gate_time):
            _take(found, taken, entry, EXPIRED)
        for entry in self._of_a_day.until(open_day - 1):
            if len(found) == SWEPT_MAX:
                return found
            _take(found, taken, entry, EXPIRED)
        for entry in self._unacknowledged.until(gate_time - orphan_us):
            if len(found) == SWEPT_MAX:
                return found
            _take(found, taken, entry, ORPHANED)
        return found

    def _next_expiry(self) -> int:
        heap = self._expiring
        while heap and not heap[0][2].alive:
            heappop(heap)
        return heap[0][0] if heap else NEVER_US

    def _expired(self, gate_time: int) -> list[tuple[int, int, Entry]]:
        """The first of those with a time of their own; they stay where they are."""
        heap = self._expiring
        first: list[tuple[int, int, Entry]] = []
        while heap and heap[0][0] <= gate_time and len(first) < SWEPT_MAX:
            item = heappop(heap)
            if item[2].alive:
                first.append(item)
        for item in first:
            heappush(heap, item)
        return first


def _take(found: list[Due], taken: set[tuple[str, str]], entry: Entry, reason: str) -> None:
    key = (entry.user_id, entry.root_id)
    if key not in taken:
        taken.add(key)
        found.append(Due(entry, reason))


def _lane_sequence(order: tuple[str, str, RowOrder]) -> int:
    return order[2].lane_sequence
