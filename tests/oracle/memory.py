"""Which ids a lane still remembers: the window and the count of docs/rules.md ("Memory", "Count").

Owns `forgotten_before` and every single time at which an id was touched, from which all counts are
taken anew. Must never look at a gate's rows.
"""

from dataclasses import dataclass, field
from typing import Final

SPANS: Final = 16
SHORTEST_AHEAD_US: Final = 2**20


@dataclass
class Span:
    """Times at which ids were touched, none of them after `until`."""

    until: int
    touched: list[int]


@dataclass
class Memory:
    """One lane's. Times in microseconds of gate time."""

    forgotten_before: int = 0
    latest_event_time: int = 0
    spans: list[Span] = field(default_factory=list)
    ahead: dict[int, Span] = field(default_factory=dict)

    @property
    def ids_ahead(self) -> int:
        """Touched ahead of gate time, and time has not come there."""
        return sum(len(span.touched) for span in self.ahead.values())

    @property
    def ids(self) -> int:
        """All that count."""
        return self.ids_ahead + sum(len(span.touched) for span in self.spans)

    def before_input(self, now: int, window_us: int, ids_max: int, skew_us: int) -> None:
        """What an input finds, by the policy in force."""
        for until in sorted(self.ahead):
            if until <= now:
                self._add(until, self.ahead.pop(until).touched, ids_max)
        self.forgotten_before = max(self.forgotten_before, now - window_us)
        self.spans = [span for span in self.spans if span.until >= self.forgotten_before]
        while self.ids > ids_max and self.spans and self.spans[0].until < now:
            self.forgotten_before = self.spans.pop(0).until + 1
        crowded = self.ids_ahead >= ids_max // 2
        self.latest_event_time = now + (min(window_us, skew_us) if crowded else window_us)

    def touch(self, now: int, event_time: int, ids_max: int) -> int:
        """When an id that is stamped so counts as touched."""
        if event_time <= now:
            self._add(now, [now], ids_max)
            return now
        size = SHORTEST_AHEAD_US
        while 2 * size <= event_time - now:
            size *= 2
        until = event_time - event_time % size + size - 1
        self.ahead.setdefault(until, Span(until, [])).touched.append(event_time)
        return event_time

    def _add(self, until: int, touched: list[int], ids_max: int) -> None:
        """To the newest span, or to a new one where that is full and of an earlier time."""
        full = max(1, ids_max // SPANS)
        newest = self.spans[-1] if self.spans else None
        if newest is None or (len(newest.touched) >= full and newest.until < until):
            newest = Span(until, [])
            self.spans.append(newest)
        newest.until = until
        newest.touched += touched
