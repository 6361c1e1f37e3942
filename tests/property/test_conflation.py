"""Conflation against a naive one that keeps every tick, and against the lane's own reading.

The naive one below is written from docs/operations.md (*Market data*): it keeps all ticks of an
instrument and looks through all of them whenever marks may be due.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.avro import decode_mark, encode_mark
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.wire import fixed_ids
from pipeline.market.conflation import LATE, TAKEN, Conflater, Pace
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.records import Mark

pytestmark = pytest.mark.property

FRAME = fixed_ids().frame("mark")
INSTRUMENTS = ("ESH4", "NQH4", "EUR/USD")
INTERVAL, REFRESH = 100, 1_000
WALL = 5_000
# More than are ever due; in a second of the microseconds in which these times are.
MANY = 10**6


def tick(instrument: str, price: int, source_time: int, source: str = "feed") -> bytes:
    """A framed tick."""
    return FRAME + encode_mark(Mark(source_time, source, "demo", instrument, price, source_time))


@dataclass(frozen=True)
class Seen:
    """A tick that was taken: `number` counts all of them."""

    number: int
    value: bytes
    price: int
    source_time: int


@dataclass
class Naive:
    """All ticks of an instrument, its marks with when each was made, and how many ticks by then."""

    ticks: list[Seen] = field(default_factory=list)
    marks: list[tuple[int, Seen]] = field(default_factory=list)
    passed: int = 0

    def due(self, interval: int, move_bps: int, *, ended: bool) -> Seen | None:
        """The tick that becomes a mark in an interval; `ended`: the one before has just ended."""
        as_of = min(self.marks[-1][1].source_time, WALL) if self.marks else 0
        fresh = [t for t in self.ticks[self.passed :] if t.source_time >= as_of]
        if not fresh:
            return None
        newest = max(fresh, key=lambda t: (t.source_time, t.number))
        if self.marks:
            at, last = self.marks[-1]
            moved = abs(newest.price - last.price) / last.price * 10_000 >= move_bps
            if not ended or interval - at < (1 if moved else REFRESH // INTERVAL):
                return None
        self.marks.append((interval, newest))
        self.passed = len(self.ticks)
        return newest


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(INSTRUMENTS),
            # Powers of two apart: a move of exactly the bound is exact in the naive one's floats.
            st.sampled_from([4_096, 4_098, 4_100, 8_192, 1_024]),
            st.integers(0, 2 * WALL),
        ),
        st.sampled_from([1, 30, 99, 100, 101, 999, 1_000]),
    ),
    max_size=120,
)


@given(steps=STEPS, move_bps=st.sampled_from([0, 5, 20]))
def test_marks_are_those_of_a_naive_conflation(
    steps: list[tuple[str, int, int] | int], move_bps: int
) -> None:
    conflater = Conflater(fixed_ids(), Pace(INTERVAL, move_bps, REFRESH, MANY), 10)
    naive = {instrument: Naive() for instrument in INSTRUMENTS}
    now, asked_in = 0, -1
    for number, step in enumerate(steps):
        if isinstance(step, int):
            now += step
            marks = conflater.due(now, WALL)
            interval = now // INTERVAL
            wanted = {
                instrument.encode(): found.value
                for instrument, one in naive.items()
                if (found := one.due(interval, move_bps, ended=interval > asked_in)) is not None
            }
            asked_in = interval
            assert {key: value for key, value, _ in marks} == wanted
            assert len(marks) == len(wanted)
            continue
        instrument, price, source_time = step
        value = tick(instrument, price, source_time)
        assert conflater.take(0, instrument.encode(), value) in {TAKEN, LATE}
        naive[instrument].ticks.append(Seen(number, value, price, source_time))
    for one in naive.values():
        intervals = [at for at, _ in one.marks]
        assert intervals == sorted(set(intervals))


@given(steps=STEPS, move_bps=st.sampled_from([0, 5, 10_000]))
def test_the_last_price_of_every_instrument_becomes_a_mark(
    steps: list[tuple[str, int, int] | int], move_bps: int
) -> None:
    conflater = Conflater(fixed_ids(), Pace(INTERVAL, move_bps, REFRESH, MANY), 10)
    now, prices, marks = 0, {}, {}
    for number, step in enumerate(steps):
        if isinstance(step, int):
            now += step
            marks.update({key: value for key, value, _ in conflater.due(now, WALL)})
        else:
            prices[step[0].encode()] = tick(step[0], step[1], number)
            conflater.take(0, step[0].encode(), prices[step[0].encode()])
    place = conflater.place()
    later = now + REFRESH + INTERVAL
    marks.update({key: value for key, value, _ in conflater.due(later, WALL)})
    assert marks == prices
    assert conflater.settled(place)
    assert conflater.rest(now, WALL) == []


@given(
    moves=st.lists(st.integers(1, 100), min_size=4, max_size=30),
    together=st.integers(1, 3),
)
def test_of_too_many_marks_the_most_urgent_are_published_and_in_the_end_all(
    moves: list[int], together: int
) -> None:
    pace = Pace(INTERVAL, 5, REFRESH, together * 1_000_000 // INTERVAL)
    conflater = Conflater(fixed_ids(), pace, 100)
    names = [f"I{number}" for number in range(len(moves))]
    for name in names:
        conflater.take(0, name.encode(), tick(name, 10_000, 1))
    # What had its first mark in this interval has no second one in it.
    assert len(conflater.due(0, WALL)) == len(names)
    for name, move in zip(names, moves, strict=True):
        conflater.take(0, name.encode(), tick(name, 10_000 + move, 2))
    left = {name.encode(): move for name, move in zip(names, moves, strict=True)}
    for interval in range(1, REFRESH // INTERVAL + len(moves) + 1):
        made = [left.pop(key) for key, _, _ in conflater.due(interval * INTERVAL, WALL)]
        assert len(made) <= together
        if interval < REFRESH // INTERVAL:
            assert all(move >= 5 for move in made)
            assert not made or min(made) >= max(left.values(), default=0)
            assert len(made) == together or all(move < 5 for move in left.values())
    assert left == {}


def judged(key: bytes, value: bytes) -> str:
    """What a lane would say of a mark, and the key must be its instrument."""
    if value[:5] != FRAME:
        return "UNKNOWN_SCHEMA"
    try:
        mark = decode_mark(value, 5)
    except MalformedAvro:
        return "MALFORMED"
    if not is_id(mark.instrument_id, ID_BYTES_MAX):
        return "FIELD_TOO_LONG"
    if mark.instrument_id.encode() != key:
        return "KEY_MISMATCH"
    return TAKEN if mark.price_e9 > 0 else "BAD_PRICE"


@given(
    changes=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 255), st.integers(0, 3)), max_size=30
    ),
    price=st.integers(-(2**40), 2**63 - 1),
)
def test_a_broken_tick_is_judged_as_a_lane_would_and_displaces_nothing(
    changes: list[tuple[int, int, int]], price: int
) -> None:
    conflater = Conflater(fixed_ids(), Pace(INTERVAL, 0, REFRESH, MANY), 10)
    good = tick("ESH4", 7, 10)
    assert conflater.take(0, b"ESH4", good) == TAKEN
    base = tick("ESH4", price, 3)
    for at, byte, cut in changes:
        value = bytearray(base)
        value[at % len(value)] = byte
        broken = bytes(value)[: len(value) - cut]
        found = conflater.take(0, b"ESH4", broken)
        # Those that can be read and say that they are newer are ticks like any other.
        assert (TAKEN if found == LATE else found) == judged(b"ESH4", broken)
        if found == TAKEN:
            good = broken
    assert [value for _, value, _ in conflater.due(0, WALL)] == [good]
