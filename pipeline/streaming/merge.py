"""One lane's inputs merged into the order in which they are applied.

Owns the buffers of a lane's input topics. Records leave in the order of (running maximum of their
partition's time stamps, topic order, offset). Time stamps are not monotone within a partition, so
sorting by them would break offset order; the running maximum never does. A record leaves only when
no earlier one of another topic can be on its way: that topic has one buffered, or a fetch that the
broker read later than the record's own found its end. Otherwise the lane waits, at most
`sync_us_max`, then goes on and says so (as max.task.idle.ms does in Kafka Streams). No I/O.
Compiled with mypyc.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol


class Record(Protocol):
    """What is needed of a fetched record."""

    @property
    def offset(self) -> int:
        """Its offset."""
        ...

    @property
    def timestamp(self) -> int:
        """Its Kafka time stamp in milliseconds."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""
        ...


@dataclass(frozen=True)
class Fetch:
    """One fetch request: its number and when it was sent and answered (microseconds, any clock).

    Within a request the broker reads a lane's topics from the last of the topic order to the
    first, because `transport.py` asks for them in that order.
    """

    number: int
    sent_us: int
    answered_us: int

    def read_after(self, other: "Fetch", topic: int, other_topic: int) -> bool:
        """Whether this fetch's read of `topic` came after `other`'s read of `other_topic`."""
        if self.number == other.number:
            return topic < other_topic
        return self.sent_us >= other.answered_us


NEVER: Final = Fetch(number=-1, sent_us=-1, answered_us=-1)


@dataclass
class _Input:
    """The buffer of one topic's partition."""

    entries: deque[tuple[int, int, Record, Fetch]] = field(default_factory=deque)
    time_max: int = 0
    at_end: bool = False
    seen: Fetch = NEVER


@dataclass(frozen=True)
class MergedBatch:
    """Records in the order in which the lane applies them: (topic index, record).

    `out_of_sync`: the lane had waited its time for another topic; true of the whole batch.
    """

    records: Sequence[tuple[int, Record]]
    out_of_sync: bool
    # When the fetches that brought them were answered (microseconds), and how many each brought.
    fetched: Sequence[tuple[int, int]] = ()


class _Taken:
    """Records on their way out, at most `records_max`."""

    def __init__(self, records_max: int) -> None:
        self.records: Final[list[tuple[int, Record]]] = []
        self._records_max: Final = records_max
        self._fetched: Final[dict[int, int]] = {}

    @property
    def full(self) -> bool:
        """Whether no more may be taken."""
        return len(self.records) >= self._records_max

    def one(self, buffer: _Input) -> None:
        """The buffer's first."""
        _, topic, record, fetch = buffer.entries.popleft()
        self.records.append((topic, record))
        self._count(fetch, 1)

    def run(self, buffer: _Input, fetch: Fetch) -> None:
        """From a buffer when no other has anything: in a row what the same fetch brought."""
        entries = buffer.entries
        records = self.records
        before = len(records)
        while entries and len(records) < self._records_max and entries[0][3] is fetch:
            _, topic, record, _ = entries.popleft()
            records.append((topic, record))
        self._count(fetch, len(records) - before)

    def _count(self, fetch: Fetch, count: int) -> None:
        self._fetched[fetch.answered_us] = self._fetched.get(fetch.answered_us, 0) + count

    def batch(self, *, out_of_sync: bool) -> MergedBatch:
        """All of them."""
        return MergedBatch(self.records, out_of_sync, list(self._fetched.items()))


class LaneMerge:
    """Buffers and merges the inputs of one lane. `topic_count` inputs, in order of preference."""

    def __init__(self, topic_count: int, sync_us_max: int) -> None:
        self._inputs: Final = [_Input() for _ in range(topic_count)]
        self._sync_us_max: Final = sync_us_max
        self._waiting_since_us: int | None = None

    def add(self, topic: int, records: Sequence[Record], fetch: Fetch) -> None:
        """Buffer records that `fetch` brought, in offset order."""
        buffer = self._inputs[topic]
        time_max = buffer.time_max
        append = buffer.entries.append
        for record in records:
            time_max = max(time_max, record.timestamp)
            append((time_max, topic, record, fetch))
        buffer.time_max = time_max

    def observe(self, topic: int, fetch: Fetch, *, at_end: bool) -> None:
        """`fetch` is the topic's newest, and everything up to the end it saw is buffered or not."""
        buffer = self._inputs[topic]
        buffer.seen = fetch
        buffer.at_end = at_end

    @property
    def buffered(self) -> int:
        """Records that have not left."""
        return sum(len(buffer.entries) for buffer in self._inputs)

    def buffered_of(self, topic: int) -> int:
        """Records of one topic that have not left."""
        return len(self._inputs[topic].entries)

    @property
    def oldest_ms(self) -> int | None:
        """Time stamp of the oldest record that has not left."""
        heads = [buffer.entries[0][2].timestamp for buffer in self._inputs if buffer.entries]
        return min(heads, default=None)

    def take(self, now_us: int, records_max: int) -> MergedBatch | None:
        """What may leave now, at most `records_max`; None: nothing."""
        taken = _Taken(records_max)
        inputs = self._inputs
        cleared: tuple[int, int, int] | None = None
        while not taken.full:
            first = min(
                (buffer.entries[0] for buffer in inputs if buffer.entries),
                key=_merge_key,
                default=None,
            )
            if first is None:
                break
            _, topic, _, fetch = first
            filled = sum(1 << index for index, buffer in enumerate(inputs) if buffer.entries)
            # Neighbours of one fetch of one topic are cleared by the same evidence.
            if cleared != (topic, fetch.number, filled):
                if not self._may_leave(topic, fetch):
                    break
                cleared = (topic, fetch.number, filled)
            if filled == 1 << topic:
                taken.run(inputs[topic], fetch)
            else:
                taken.one(inputs[topic])
        if taken.records:
            self._waiting_since_us = None
            return taken.batch(out_of_sync=False)
        return self._overdue(now_us, records_max)

    def _may_leave(self, topic: int, fetch: Fetch) -> bool:
        for index, other in enumerate(self._inputs):
            if index == topic or other.entries:
                continue
            if not (other.at_end and other.seen.read_after(fetch, index, topic)):
                return False
        return True

    def _overdue(self, now_us: int, records_max: int) -> MergedBatch | None:
        """After the longest wait, what is buffered leaves in merge order, flagged."""
        if not any(buffer.entries for buffer in self._inputs):
            return None
        if self._waiting_since_us is None:
            self._waiting_since_us = now_us
        if now_us - self._waiting_since_us < self._sync_us_max:
            return None
        self._waiting_since_us = None
        taken = _Taken(records_max)
        while not taken.full:
            first = min(
                (buffer.entries[0] for buffer in self._inputs if buffer.entries),
                key=_merge_key,
                default=None,
            )
            if first is None:
                break
            taken.one(self._inputs[first[1]])
        return taken.batch(out_of_sync=True)


def _merge_key(entry: tuple[int, int, Record, Fetch]) -> tuple[int, int]:
    return entry[0], entry[1]
