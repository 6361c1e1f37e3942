"""How many ids a lane remembers, and since when: the bound of its memory by time and by count.

Owns `forgotten_before` and the counts in the gate row from which it moves on. Must never depend on
which forgotten rows are still stored: what is counted here is enough (docs/rules.md, "Count"; why
so: docs/adr/0006-memory-of-ids.md). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.records import RowGate
from pipeline.risk.rules_in_force import RulesInForce

# A span of present ids is full at this part of the bound.
SPANS: Final = 16
# Of the bound, for ids from ahead of gate time.
AHEAD_PART: Final = 2
# The shortest span ahead is 2^20 us, about a second.
AHEAD_BITS_MIN: Final = 20


class Memory:
    """Counts remembered ids of one lane and says from when on they count. Times in microseconds."""

    def __init__(self, head: RowGate, rules: RulesInForce) -> None:
        self.head: Final = head
        self.rules: Final = rules
        self.ahead_ids: int = sum(head.ahead_counts)
        # Never fewer than the rows which are still remembered.
        self.ids: int = sum(head.remembered_counts) + self.ahead_ids
        # Counted ids that the bound by count has ended, since the lane was opened.
        self.ids_forgotten_early: int = 0

    def begin_input(self, gate_time: int) -> None:
        """Forget what is too old or too much, and say what may be taken from now on."""
        self._catch_up(gate_time)
        self._forget(gate_time)
        rules = self.rules
        rules.forgotten_before = self.head.forgotten_before
        ahead_us = rules.dedup_window_us
        if self.ahead_ids >= rules.remembered_ids_max // AHEAD_PART:
            ahead_us = min(ahead_us, rules.future_skew_us)
        rules.latest_event_time = gate_time + ahead_us

    def touch(self, gate_time: int, event_time: int) -> int:
        """Count an id that is remembered from now on, or again; returns its `touched_at`."""
        self.ids += 1
        if event_time <= gate_time:
            self._count(gate_time, 1)
            return gate_time
        self.ahead_ids += 1
        bits = max((event_time - gate_time).bit_length() - 1, AHEAD_BITS_MIN)
        self._count_ahead((((event_time >> bits) + 1) << bits) - 1)
        return event_time

    def _count(self, until: int, ids: int) -> None:
        """Into the newest span, or a new one when that is full and of an earlier time."""
        untils = self.head.remembered_until
        counts = self.head.remembered_counts
        span_ids = max(self.rules.remembered_ids_max // SPANS, 1)
        if not untils or (counts[-1] >= span_ids and untils[-1] < until):
            untils.append(until)
            counts.append(ids)
        else:
            untils[-1] = until
            counts[-1] += ids

    def _count_ahead(self, until: int) -> None:
        untils = self.head.ahead_until
        counts = self.head.ahead_counts
        at = len(untils)
        while at > 0 and untils[at - 1] > until:
            at -= 1
        if at > 0 and untils[at - 1] == until:
            counts[at - 1] += 1
        else:
            untils.insert(at, until)
            counts.insert(at, 1)

    def _catch_up(self, gate_time: int) -> None:
        """What lay ahead and does no more is counted with the rest."""
        untils = self.head.ahead_until
        counts = self.head.ahead_counts
        while untils and untils[0] <= gate_time:
            ids = counts.pop(0)
            self.ahead_ids -= ids
            self._count(untils.pop(0), ids)

    def _forget(self, gate_time: int) -> None:
        head = self.head
        untils = head.remembered_until
        # Never goes back, so that what was forgotten once, and may have been deleted, stays
        # forgotten when the window is made longer.
        forgotten = gate_time - self.rules.dedup_window_us
        head.forgotten_before = max(head.forgotten_before, forgotten)
        while untils and untils[0] < head.forgotten_before:
            self._drop_oldest()
        # What was touched at gate time stays: to forget it is to refuse the present.
        while self.ids > self.rules.remembered_ids_max and untils and untils[0] < gate_time:
            head.forgotten_before = untils[0] + 1
            self.ids_forgotten_early += self._drop_oldest()

    def _drop_oldest(self) -> int:
        ids = self.head.remembered_counts.pop(0)
        self.head.remembered_until.pop(0)
        self.ids -= ids
        return ids
