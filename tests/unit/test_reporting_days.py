"""A business day is reported once, when every lane has left it, and with all its events."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.avro import decode_row_report_day, encode_row_report_day
from pipeline.reporting.days import BrokenDayError, DayTracker
from pipeline.risk.records import RegulatoryEvent
from tests.regulatory_events import DAY, make_event

LANES = 3


def event(lane: int, day: int, closes: int | None = None) -> RegulatoryEvent:
    """An order's event, or with `closes` the DAY_CLOSE that declares so many."""
    if closes is None:
        return make_event(lane=lane, business_day=day)
    return make_event(
        lane=lane,
        business_day=day,
        event_type="DAY_CLOSE",
        lane_count=LANES,
        day_event_count=closes,
    )


@st.composite
def lane_histories(draw: st.DrawFn) -> list[RegulatoryEvent]:
    """What the lanes emit for one tenant over some days, interleaved in any way.

    A lane may skip days and may have learnt of the tenant late, but leaves the last day at the end.
    """
    pending = []
    last = DAY + 4
    for lane in range(LANES):
        days = sorted({*draw(st.sets(st.integers(DAY, last - 1))), last})
        emitted = []
        for day in days:
            count = draw(st.integers(0, 3))
            emitted += [event(lane, day)] * count + [event(lane, day, closes=count)]
        pending.append(emitted)
    interleaved = []
    while any(pending):
        chosen = draw(st.sampled_from([emitted for emitted in pending if emitted]))
        interleaved.append(chosen.pop(0))
    return interleaved


@dataclass
class Run:
    """What a tracker said over a history."""

    complete_at: dict[int, int] = field(default_factory=dict)
    completions: Counter[int] = field(default_factory=Counter)
    tracker: DayTracker = field(default_factory=lambda: DayTracker({}))

    def feed(self, history: list[RegulatoryEvent], *, restart: bool = False) -> "Run":
        """Observe the history, offsets from 0; `restart` stores and reloads the rows each time."""
        for offset, each in enumerate(history):
            if restart:
                self.tracker = DayTracker(
                    {
                        day: decode_row_report_day(encode_row_report_day(row))
                        for day, row in self.tracker.days.items()
                    }
                )
            observed = self.tracker.observe(each, offset)
            assert not observed.late
            assert set(observed.complete) <= set(observed.changed)
            for day in observed.complete:
                self.completions[day] += 1
                self.complete_at[day] = offset
        return self


@given(lane_histories())
def test_any_interleaving_completes_each_day_exactly_once(history: list[RegulatoryEvent]) -> None:
    run = Run().feed(history)
    assert run.completions == Counter({each.business_day: 1 for each in history})


@given(lane_histories())
def test_a_day_completes_after_its_last_event_and_counts_them_all(
    history: list[RegulatoryEvent],
) -> None:
    run = Run().feed(history)
    for day, row in run.tracker.days.items():
        offsets = [offset for offset, each in enumerate(history) if each.business_day == day]
        events = [each for each in history if each.business_day == day]
        assert row.event_count == sum(each.event_type != "DAY_CLOSE" for each in events)
        assert (row.first_offset, row.last_offset) == (offsets[0], offsets[-1])
        assert run.complete_at[day] >= offsets[-1]


@given(lane_histories())
def test_a_restart_after_any_event_changes_nothing(history: list[RegulatoryEvent]) -> None:
    assert Run().feed(history, restart=True).complete_at == Run().feed(history).complete_at


@given(st.data())
def test_a_close_that_overtakes_its_events_waits_for_them(data: st.DataObject) -> None:
    day = [event(lane, DAY) for lane in range(LANES) for _ in range(lane)]
    day += [event(lane, DAY, closes=lane) for lane in range(LANES)]
    shuffled = data.draw(st.permutations(day))
    assert Run().feed(shuffled).complete_at == {DAY: len(day) - 1}


def test_a_day_waits_for_a_lane_that_has_not_left_it() -> None:
    history = [event(0, DAY), event(0, DAY, closes=1), event(1, DAY, closes=0)]
    assert not Run().feed(history).completions
    assert Run().feed([*history, event(2, DAY, closes=0)]).completions == {DAY: 1}


def test_a_lane_that_skipped_a_day_closes_it_with_the_next() -> None:
    closes = [event(0, DAY, closes=0), event(1, DAY, closes=0), event(2, DAY + 2, closes=0)]
    assert Run().feed(closes).completions == {DAY: 1}


def test_a_late_event_calls_for_a_further_document() -> None:
    run = Run().feed([event(lane, DAY, closes=0) for lane in range(LANES)])
    observed = run.tracker.observe(event(0, DAY), 9)
    assert observed.late
    assert observed.complete == (DAY,)
    row = run.tracker.days[DAY]
    assert (row.event_count, row.last_offset, row.reported) == (1, 9, True)


def test_a_close_without_its_counts_stops_the_reporting() -> None:
    broken = make_event(lane=1, event_type="DAY_CLOSE", day_event_count=2)
    with pytest.raises(BrokenDayError, match="lane 1"):
        DayTracker({}).observe(broken, 0)
