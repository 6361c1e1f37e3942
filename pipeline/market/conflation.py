"""Conflation of a feed: which of its ticks become marks, and when.

Owns the newest tick of each instrument that has not become a mark, the pace at which it may, and
what a tick must be. A mark is a tick as it came, byte for byte, so it never claims to be fresher
than its source said. No Kafka, no clock: times are handed in. Compiled with mypyc, because every
tick of a feed comes by; a tick whose source, tenant and instrument are those of the one before it
is read up to its two last numbers only.
"""

from typing import Final

from pipeline.codecs.avro import decode_mark
from pipeline.codecs.primitives import MalformedAvro, Reader
from pipeline.codecs.published import upgrade_body
from pipeline.codecs.wire import FRAME_BYTES, SchemaIds
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.topics import INPUT_BYTES_MAX

# What a tick came to; the others are the reasons with which a lane would make it a dead letter.
TAKEN: Final = ""
# Older than one of its instrument that is held or has become a mark: no fault of anybody's.
LATE: Final = "LATE"
TOO_MANY_INSTRUMENTS: Final = "TOO_MANY_INSTRUMENTS"

_BPS: Final = 10_000
# The urgency of a price that has just moved or waited enough.
_DUE: Final = 1_000


class Pace:
    """How often an instrument may have a mark.

    interval_us: Time is cut into intervals of this length, the same for all instruments, so that
    lanes get marks together and not one by one. At the end of each an instrument has at most one.
    move_bps: A price that has moved by less, in 1e-4 of the last mark, waits for `refresh_us`: by
    then, in whole intervals, the newest tick becomes a mark whatever its price. per_s_max: So many
    marks of all instruments, first ones apart; where more are due, the most urgent go first.
    """

    def __init__(self, interval_us: int, move_bps: int, refresh_us: int, per_s_max: int) -> None:
        self.interval_us: Final = interval_us
        self.move_bps: Final = move_bps
        self.refresh_us: Final = refresh_us
        self.per_interval_max: Final = max(1, per_s_max * interval_us // 1_000_000)


class Newest:
    """An instrument: its newest tick that is no mark yet, and its last mark.

    `identity`: the bytes of a tick between its first number and its two last ones, which name
    source, tenant and instrument; those of the last tick that was read in full.
    """

    def __init__(self, key: bytes, partition: int) -> None:
        self.key: Final = key
        self.partition: Final = partition
        self.identity = b""
        # Empty: none is held.
        self.held = b""
        self.held_price = 0
        self.held_time = 0
        self.held_since = 0
        self.has_mark = False
        self.mark_price = 0
        # The earlier of the mark's source time and its publication: what a lane takes for its age.
        # A source whose clock is ahead must not make all that comes later late.
        self.mark_as_of = 0
        # When the interval began in which it was published.
        self.mark_at_us = 0


class Conflater:
    """Takes ticks and says which of them are due as marks.

    `frame` and the published versions are those of `ids`. `instruments_max`: so many are told
    apart; beyond it those are forgotten that hold no tick, which may let one of them have a mark
    too early.
    """

    def __init__(self, ids: SchemaIds, pace: Pace, instruments_max: int) -> None:
        self.pace: Final = pace
        self._ids: Final = ids
        self._frame: Final = ids.frame("mark")
        self._instruments_max: Final = instruments_max
        self._newest: Final[dict[bytes, Newest]] = {}
        # Instruments whose newest tick is no mark: those that have none yet, and the others.
        self._first: list[Newest] = []
        self._waiting: list[Newest] = []
        self._interval_at_us = -1
        self._behind: Final[set[int]] = set()
        self._places = 0

    @property
    def instruments(self) -> int:
        """How many instruments are known."""
        return len(self._newest)

    def take(self, partition: int, key: bytes | None, value: bytes | None) -> str:
        """Take the next tick of a partition: TAKEN, LATE, or why it is refused.

        Of several ticks of an instrument the one with the latest source time is held, of equal
        ones the one that came last.
        """
        if value is None:
            return "MALFORMED"
        if len(value) > INPUT_BYTES_MAX:
            return "TOO_LARGE"
        if key is None:
            return "NULL_KEY"
        newest = self._newest.get(key)
        identity = b"" if newest is None else newest.identity
        try:
            problem, identity, price_e9, source_time = self._tick(key, value, identity)
        except MalformedAvro:
            return "MALFORMED"
        if problem != TAKEN:
            return problem
        if newest is None:
            if not self._has_room():
                return TOO_MANY_INSTRUMENTS
            newest = self._newest[key] = Newest(key, partition)
        if newest.partition != partition:
            # In two partitions its ticks have no order, and two publishers may have one each.
            return "WRONG_PARTITION"
        newest.identity = identity
        return self._hold(newest, value, price_e9, source_time)

    def due(self, now_us: int, wall_us: int) -> list[tuple[bytes, bytes, int]]:
        """The ticks that become marks now: (key, value, source time), each instrument once.

        `now_us` never runs backwards and paces; `wall_us` is what source times are compared with.
        An instrument's first mark is due at once, all others when an interval has ended.
        """
        at_us = now_us - now_us % self.pace.interval_us
        found: list[tuple[bytes, bytes, int]] = []
        if self._first:
            first = self._first
            self._first = []
            for newest in first:
                if newest.partition in self._behind:
                    self._first.append(newest)
                else:
                    found.append(self._made(newest, at_us, wall_us))
        if at_us > self._interval_at_us:
            self._interval_at_us = at_us
            found += [self._made(newest, at_us, wall_us) for newest in self._chosen(at_us)]
        return found

    def rest(self, now_us: int, wall_us: int) -> list[tuple[bytes, bytes, int]]:
        """All that is held, whatever the pace: the end of the feed."""
        at_us = now_us - now_us % self.pace.interval_us
        held = self._first + self._waiting
        self._first = []
        self._waiting = []
        return [self._made(newest, at_us, wall_us) for newest in held]

    def place(self) -> int:
        """A place in the feed between the ticks so far and those to come, for `settled`."""
        self._places += 1
        return self._places

    def settled(self, place: int) -> bool:
        """Whether each instrument's newest tick before `place` is a mark, or one after it is."""
        return all(newest.held_since >= place for newest in self._first + self._waiting)

    def fall_behind(self, partition: int) -> None:
        """A partition is read from a place in the past: hold its ticks until `catch_up`."""
        self._behind.add(partition)

    def catch_up(self, partition: int) -> None:
        """A partition has been read to where its past ended."""
        self._behind.discard(partition)

    def leave(self, partition: int) -> None:
        """Forget a partition and its instruments: another publisher reads it now."""
        self._behind.discard(partition)
        for newest in list(self._newest.values()):
            if newest.partition == partition:
                del self._newest[newest.key]
        self._first = [newest for newest in self._first if newest.partition != partition]
        self._waiting = [newest for newest in self._waiting if newest.partition != partition]

    def _chosen(self, at_us: int) -> list[Newest]:
        """Take those out of the waiting ones whose newest ticks become marks in this interval."""
        due: list[Newest] = []
        waiting: list[Newest] = []
        for newest in self._waiting:
            if newest.partition not in self._behind and self._urgency(newest, at_us) >= _DUE:
                due.append(newest)
            else:
                waiting.append(newest)
        if len(due) > self.pace.per_interval_max:
            ranked = sorted([(-self._urgency(due[i], at_us), i) for i in range(len(due))])
            due = [due[i] for _, i in ranked]
            waiting += due[self.pace.per_interval_max :]
            due = due[: self.pace.per_interval_max]
        self._waiting = waiting
        return due

    def _urgency(self, newest: Newest, at_us: int) -> int:
        """How far a price has moved or waited, the more urgent of the two, in `_DUE` of its bound.

        So whatever waits becomes the most urgent one in the end.
        """
        passed_us = at_us - newest.mark_at_us
        if passed_us <= 0:
            # Not again in the interval that it had its first one in.
            return 0
        waited = passed_us * _DUE // self.pace.refresh_us
        if self.pace.move_bps == 0:
            return max(waited, _DUE)
        moved = abs(newest.held_price - newest.mark_price)
        return max(waited, moved * _BPS * _DUE // (self.pace.move_bps * newest.mark_price))

    def _made(self, newest: Newest, at_us: int, wall_us: int) -> tuple[bytes, bytes, int]:
        value = newest.held
        newest.held = b""
        newest.has_mark = True
        newest.mark_price = newest.held_price
        newest.mark_as_of = min(newest.held_time, wall_us)
        newest.mark_at_us = at_us
        return newest.key, value, newest.held_time

    def _hold(self, newest: Newest, value: bytes, price_e9: int, source_time: int) -> str:
        if newest.has_mark and source_time < newest.mark_as_of:
            return LATE
        if not newest.held:
            newest.held_since = self._places
            (self._waiting if newest.has_mark else self._first).append(newest)
        elif source_time < newest.held_time:
            return LATE
        newest.held = value
        newest.held_price = price_e9
        newest.held_time = source_time
        return TAKEN

    def _tick(self, key: bytes, value: bytes, identity: bytes) -> tuple[str, bytes, int, int]:
        """What `_read` says of a framed tick of any published version. Raises MalformedAvro."""
        if value[:FRAME_BYTES] == self._frame:
            return _read(key, value, FRAME_BYTES, identity)
        known = None
        if len(value) >= FRAME_BYTES and value[0] == 0:
            known = self._ids.readable.get(int.from_bytes(value[1:FRAME_BYTES], "big"))
        if known is None or known[0] != "mark":
            return "UNKNOWN_SCHEMA", identity, 0, 0
        return _read(key, upgrade_body("mark", known[1], value[FRAME_BYTES:]), 0, identity)

    def _has_room(self) -> bool:
        if len(self._newest) < self._instruments_max:
            return True
        for newest in list(self._newest.values()):
            if not newest.held:
                del self._newest[newest.key]
        return len(self._newest) < self._instruments_max


def _read(key: bytes, body: bytes, position: int, identity: bytes) -> tuple[str, bytes, int, int]:
    """A tick: (why it is refused, its identity, price, source time), as a lane would read it.

    `identity`: that of its instrument's last tick, b"" without one. Raises MalformedAvro.
    """
    reader = Reader(body, position)
    reader.long()
    begin = reader.position
    end = begin + len(identity)
    if identity and body[begin:end] == identity:
        reader.position = end
    else:
        mark = decode_mark(body, position)
        if not is_id(mark.instrument_id, ID_BYTES_MAX):
            return "FIELD_TOO_LONG", identity, 0, 0
        if mark.instrument_id.encode("utf-8") != key:
            return "KEY_MISMATCH", identity, 0, 0
        reader.string()
        reader.string()
        reader.string()
        identity = body[begin : reader.position]
    price_e9 = reader.long()
    source_time = reader.long()
    reader.finish()
    return TAKEN if price_e9 > 0 else "BAD_PRICE", identity, price_e9, source_time
