"""Which ticks become marks, by example."""

import pytest

from pipeline.codecs.avro import encode_mark
from pipeline.codecs.wire import fixed_ids
from pipeline.market.conflation import LATE, TAKEN, TOO_MANY_INSTRUMENTS, Conflater, Pace
from pipeline.risk.records import Mark
from pipeline.topics import INPUT_BYTES_MAX

MS = 1_000
PACE = Pace(100 * MS, 5, 1_000 * MS, 1_000)
POINT = 10**9
WALL = 2_000_000_000_000_000
KEY = b"ESH4"


def tick(price: int, source_time: int, instrument: str = "ESH4") -> bytes:
    """A framed tick; the price in points."""
    mark = Mark(source_time, "feed", "demo", instrument, price * POINT, source_time)
    return fixed_ids().frame("mark") + encode_mark(mark)


def conflater(instruments_max: int = 10, pace: Pace = PACE) -> Conflater:
    return Conflater(fixed_ids(), pace, instruments_max)


def values(made: list[tuple[bytes, bytes, int]]) -> list[bytes]:
    return [value for _, value, _ in made]


def test_the_first_tick_goes_out_at_once_and_the_last_of_an_interval_at_its_end() -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, 1))
    assert values(feed.due(0, WALL)) == [tick(4_800, 1)]
    feed.take(0, KEY, tick(4_900, 2))
    feed.take(0, KEY, tick(4_850, 3))
    assert feed.due(99 * MS, WALL) == []
    assert values(feed.due(100 * MS, WALL)) == [tick(4_850, 3)]
    assert feed.due(10_000 * MS, WALL) == []


def test_intervals_are_the_same_for_all_so_that_marks_come_together() -> None:
    feed = conflater()
    for at, instrument in ((10, "A"), (40, "B"), (70, "C")):
        feed.take(0, instrument.encode(), tick(4_800, 1, instrument))
        assert len(feed.due(at * MS, WALL)) == 1
        feed.take(0, instrument.encode(), tick(4_900, 2, instrument))
    assert feed.due(99 * MS, WALL) == []
    assert len(feed.due(105 * MS, WALL)) == 3
    feed.take(0, b"A", tick(5_000, 3, "A"))
    assert feed.due(199 * MS, WALL) == []
    assert values(feed.due(200 * MS, WALL)) == [tick(5_000, 3, "A")]


def test_a_price_that_hardly_moves_waits_for_its_refresh() -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, 1))
    feed.due(0, WALL)
    feed.take(0, KEY, tick(4_801, 2))
    assert feed.due(899 * MS, WALL) == []
    # 5 in 10,000 of 4,800 are 2.4.
    feed.take(0, KEY, tick(4_803, 3))
    assert values(feed.due(950 * MS, WALL)) == [tick(4_803, 3)]
    feed.take(0, KEY, tick(4_803, 4))
    assert feed.due(1_899 * MS, WALL) == []
    assert values(feed.due(1_900 * MS, WALL)) == [tick(4_803, 4)]


def test_a_tick_of_an_earlier_source_time_is_late() -> None:
    feed = conflater()
    assert feed.take(0, KEY, tick(4_800, 5)) == TAKEN
    assert feed.take(0, KEY, tick(4_700, 4)) == LATE
    assert values(feed.due(0, WALL)) == [tick(4_800, 5)]
    assert feed.take(0, KEY, tick(4_700, 4)) == LATE
    assert feed.take(0, KEY, tick(4_810, 5)) == TAKEN


def test_one_tick_from_the_future_does_not_make_all_others_late() -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, WALL + 3_600_000 * MS))
    feed.due(0, WALL)
    assert feed.take(0, KEY, tick(4_810, WALL + 5)) == TAKEN
    assert values(feed.due(100 * MS, WALL + 9)) == [tick(4_810, WALL + 5)]


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (KEY, None, "MALFORMED"),
        (KEY, b"", "UNKNOWN_SCHEMA"),
        (KEY, b"\x00\x00\x00\x00\x01rest", "UNKNOWN_SCHEMA"),
        (KEY, tick(1, 1)[:-1], "MALFORMED"),
        (KEY, tick(1, 1) + b"\x00", "MALFORMED"),
        (KEY, tick(0, 1), "BAD_PRICE"),
        (KEY, tick(-1, 1), "BAD_PRICE"),
        (KEY, tick(1, 1) + bytes(INPUT_BYTES_MAX), "TOO_LARGE"),
        (None, tick(1, 1), "NULL_KEY"),
        (b"NQH4", tick(1, 1), "KEY_MISMATCH"),
        (b"", tick(1, 1, ""), "FIELD_TOO_LONG"),
        (b"x" * 65, tick(1, 1, "x" * 65), "FIELD_TOO_LONG"),
    ],
)
def test_a_bad_tick_is_refused_and_the_good_one_before_it_becomes_the_mark(
    key: bytes | None, value: bytes | None, reason: str
) -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, 1))
    assert feed.take(0, key, value) == reason
    assert values(feed.due(0, WALL)) == [tick(4_800, 1)]


def test_ticks_of_an_instrument_lie_in_one_partition() -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, 1))
    assert feed.take(1, KEY, tick(4_801, 2)) == "WRONG_PARTITION"
    assert values(feed.due(0, WALL)) == [tick(4_800, 1)]


def test_ticks_of_the_past_wait_until_it_has_been_read_and_others_do_not() -> None:
    feed = conflater()
    feed.fall_behind(1)
    feed.take(1, b"NQH4", tick(17_000, 1, "NQH4"))
    feed.take(0, KEY, tick(4_800, 1))
    assert values(feed.due(0, WALL)) == [tick(4_800, 1)]
    feed.take(1, b"NQH4", tick(17_010, 2, "NQH4"))
    feed.catch_up(1)
    assert values(feed.due(0, WALL)) == [tick(17_010, 2, "NQH4")]


def test_a_partition_that_left_takes_what_is_held_with_it() -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, 1))
    feed.take(1, b"NQH4", tick(17_000, 1, "NQH4"))
    feed.leave(0)
    assert values(feed.due(0, WALL)) == [tick(17_000, 1, "NQH4")]
    assert feed.instruments == 1


def test_a_place_is_settled_once_no_tick_before_it_is_held() -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, 1))
    place = feed.place()
    assert not feed.settled(place)
    feed.due(0, WALL)
    assert feed.settled(place)
    feed.take(0, KEY, tick(4_801, 2))
    assert feed.settled(place)
    assert not feed.settled(feed.place())


def test_where_more_is_due_than_may_be_what_moved_or_waited_most_goes_first() -> None:
    feed = conflater(pace=Pace(100 * MS, 5, 1_000 * MS, 20))
    moved = {"A": 4_810, "B": 4_840, "C": 4_805, "D": 4_820}
    for instrument in moved:
        feed.take(0, instrument.encode(), tick(4_800, 1, instrument))
    assert len(feed.due(0, WALL)) == 4
    for instrument, price in moved.items():
        feed.take(0, instrument.encode(), tick(price, 2, instrument))
    assert [key for key, _, _ in feed.due(100 * MS, WALL)] == [b"B", b"D"]
    feed.take(0, b"B", tick(4_848, 3, "B"))
    feed.take(0, b"D", tick(4_827, 3, "D"))
    assert [key for key, _, _ in feed.due(200 * MS, WALL)] == [b"A", b"B"]
    feed.take(0, b"B", tick(4_856, 4, "B"))
    # C has moved least, and has waited longest by now.
    assert [key for key, _, _ in feed.due(9_000 * MS, WALL)] == [b"C", b"D"]


def test_at_the_end_of_a_feed_all_that_is_held_becomes_marks() -> None:
    feed = conflater()
    feed.take(0, KEY, tick(4_800, 1))
    feed.due(0, WALL)
    feed.take(0, KEY, tick(4_801, 2))
    assert values(feed.rest(1, WALL)) == [tick(4_801, 2)]


def test_instruments_have_a_bound_and_those_without_a_tick_make_room() -> None:
    feed = conflater(instruments_max=2)
    for instrument in ("A", "B"):
        feed.take(0, instrument.encode(), tick(1, 1, instrument))
    assert feed.take(0, b"C", tick(1, 1, "C")) == TOO_MANY_INSTRUMENTS
    feed.due(0, WALL)
    assert feed.take(0, b"C", tick(1, 1, "C")) == TAKEN
