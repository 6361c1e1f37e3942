"""When a tenant's business day is complete.

Owns the rows `RowReportDay` of one tenant: which lanes have closed a day and how many of its events
have come. Pure: no Kafka, no clock; the reporting agent feeds it the regulatory events in the order
of their partition and stores the rows it changed in the same transaction as the documents.

A lane closes a day with a DAY_CLOSE that says how many events it emitted on it. A lane's days only
go forward, but it may skip one (nothing came in on a Saturday) or learn of a tenant later than
others. So a lane's DAY_CLOSE of one day also says that nothing more will come from it for any
earlier one, and that what it has not closed itself had no event of it. A day is complete when every
lane has closed it, in one way or the other, and as many events have come as they say.

Late: an event of a day whose document is out. Exactly-once delivery and days that only go forward
leave no way for it to happen; should it (events written by something else than the gate), the day
is complete again at once: a further document with the same report id holds all events, the late one
among them. Of several documents with one report id the last in the topic counts.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final

from pipeline.risk.records import RegulatoryEvent, RowReportDay

DAY_CLOSE: Final = "DAY_CLOSE"


class BrokenDayError(RuntimeError):
    """A DAY_CLOSE does not say what it must: nothing built on it could be trusted."""


@dataclass(frozen=True)
class Observed:
    """What an event changed.

    `changed`: days whose rows must be stored. `complete`: days whose document must be made now,
    oldest first; their rows already say `reported`. `late`: the event's day had been reported.
    """

    changed: tuple[int, ...]
    complete: tuple[int, ...] = ()
    late: bool = False


class DayTracker:
    """The business days of one tenant."""

    def __init__(self, days: MutableMapping[int, RowReportDay]) -> None:
        """Take over `days`: business day (days since 1970) -> its row, as they were stored."""
        self.days: Final = days

    def observe(self, event: RegulatoryEvent, offset: int) -> Observed:
        """Take the tenant's next event, which lies at `offset` of its partition.

        Raises BrokenDayError for a DAY_CLOSE without its counts.
        """
        row = self._row(event.business_day, offset)
        row.first_offset = min(row.first_offset, offset)
        row.last_offset = max(row.last_offset, offset)
        if event.event_type == DAY_CLOSE:
            changed = self._close(event, row)
            return Observed(changed, tuple(day for day in changed if self._completes(day)))
        row.event_count += 1
        day = event.business_day
        if row.reported:
            return Observed((day,), (day,), late=True)
        return Observed((day,), (day,) if self._completes(day) else ())

    def resume(self) -> tuple[int, ...]:
        """Days that are complete and not reported, after the rows were loaded, oldest first."""
        return tuple(day for day in sorted(self.days) if self._completes(day))

    def _row(self, day: int, offset: int) -> RowReportDay:
        row = self.days.get(day)
        if row is None:
            later = [known for number, known in self.days.items() if number > day]
            row = self.days[day] = RowReportDay(
                first_offset=offset,
                last_offset=offset,
                event_count=0,
                closed={lane: 0 for known in later for lane in known.closed},
                lane_count=max((known.lane_count for known in later), default=0),
                reported=False,
            )
        return row

    def _close(self, event: RegulatoryEvent, row: RowReportDay) -> tuple[int, ...]:
        """Note that a lane has left a day, and with it all earlier ones. Days changed, in order."""
        if event.lane_count is None or event.day_event_count is None:
            raise BrokenDayError(
                f"the DAY_CLOSE of lane {event.lane}, sequence {event.lane_sequence} has no "
                "lane_count or no day_event_count; the reporting of its partition cannot go on"
            )
        lane = str(event.lane)
        changed = []
        for day in sorted(day for day in self.days if day < event.business_day):
            earlier = self.days[day]
            if not earlier.reported and lane not in earlier.closed:
                earlier.closed[lane] = 0
                earlier.lane_count = event.lane_count
                changed.append(day)
        row.closed[lane] = event.day_event_count
        row.lane_count = event.lane_count
        return (*changed, event.business_day)

    def _completes(self, day: int) -> bool:
        row = self.days[day]
        if (
            row.reported
            or row.lane_count == 0
            or len(row.closed) < row.lane_count
            or row.event_count < sum(row.closed.values())
        ):
            return False
        row.reported = True
        return True
