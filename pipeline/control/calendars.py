"""Session calendars as people write them, to the record that lanes read.

Owns two forms of an entry of `calendars`. By the week, in the local time of a place:

  calendar_id: XNYS
  time_zone: America/New_York
  first_day: 2024-01-01
  last_day: 2024-12-31
  weekly: {mon: [09:30-16:00], tue: [09:30-16:00]}
  days: {2024-03-29: [], 2024-07-03: [09:30-13:00]}

where `days` says what holds instead on single days, and a session that closes no later than it
opens closes on the next day. Or session by session, with `covers_from`, `covers_until` and
`sessions`, each `{opens: 2024-01-02T14:30:00Z, closes: 2024-01-02T21:00:00Z}`. Either way the
sessions are computed here, once, and lanes only compare times. Knows no holidays of its own.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.codecs.rendering import parse_time

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY: Final = ("calendar_id", "time_zone", "first_day", "last_day", "weekly", "days")
_LISTED: Final = ("calendar_id", "covers_from", "covers_until", "sessions")
_SESSION: Final = ("opens", "closes")
_HOURS: Final = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_DAYS_MAX: Final = 10 * 366
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CalendarError(ValueError):
    """An entry that is no calendar; the text names the key and says what is expected."""


def calendar_entry(entry: dict[str, Any]) -> dict[str, Any]:
    """The fields of `session_calendar` that an entry describes. Raises CalendarError.

    An entry that has `opens` and `closes` itself is the record already.
    """
    if "weekly" in entry:
        return _of_weeks(_only(entry, _WEEKLY, optional=("days",)))
    if "sessions" in entry:
        return _of_sessions(_only(entry, _LISTED))
    return entry


# -- session by session


def _of_sessions(entry: dict[str, Any]) -> dict[str, Any]:
    sessions = entry["sessions"]
    if not isinstance(sessions, list):
        raise CalendarError("sessions: expected a list (lines that begin with '- ')")
    spans = []
    for number, session in enumerate(sessions, start=1):
        where = f"sessions entry {number}"
        if not isinstance(session, dict):
            raise CalendarError(f"{where}: expected opens and closes")
        given = _only(session, _SESSION, where=f"{where}: ")
        spans.append([_instant(given[key], f"{where}: {key}") for key in _SESSION])
    return {
        "calendar_id": entry["calendar_id"],
        "covers_from": _instant(entry["covers_from"], "covers_from"),
        "covers_until": _instant(entry["covers_until"], "covers_until"),
        "opens": [opens for opens, _ in spans],
        "closes": [closes for _, closes in spans],
    }


def _instant(value: Any, where: str) -> int:
    """Microseconds since 1970 of what YAML makes of a time with its offset."""
    text = value.isoformat() if isinstance(value, datetime) else value
    try:
        return parse_time(text)
    except (TypeError, ValueError):
        raise CalendarError(
            f"{where}: expected a time with its offset, such as 2024-01-02T14:30:00Z, not {value!r}"
        ) from None


# -- by the week


def _of_weeks(entry: dict[str, Any]) -> dict[str, Any]:
    zone = _zone(entry["time_zone"])
    first = _day(entry["first_day"], "first_day")
    last = _day(entry["last_day"], "last_day")
    if not 0 <= (last - first).days < _DAYS_MAX:
        raise CalendarError("last_day must be first_day or later, at most ten years")
    weekly = _hours_by(entry["weekly"], "weekly")
    for name in weekly:
        if name not in WEEKDAYS:
            raise CalendarError(f"weekly: {name!r} is no day; they are {', '.join(WEEKDAYS)}")
    special = {
        _day(day, "days"): hours for day, hours in _hours_by(entry.get("days", {}), "days").items()
    }
    for day in special:
        if not first <= day <= last:
            raise CalendarError(f"days: {day} is not between first_day and last_day")
    spans = []
    for day in _days(first, last):
        for opens, closes in special.get(day, weekly.get(WEEKDAYS[day.weekday()], [])):
            ends = day if closes > opens else day + timedelta(days=1)
            spans.append((_local(day, opens, zone), _local(ends, closes, zone)))
    midnight = time()
    until = _local(last + timedelta(days=1), midnight, zone)
    return {
        "calendar_id": entry["calendar_id"],
        "covers_from": _local(first, midnight, zone),
        # The last session may close on the day after.
        "covers_until": max([until, *(closes for _, closes in spans)]),
        "opens": [opens for opens, _ in spans],
        "closes": [closes for _, closes in spans],
    }


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        raise CalendarError(
            f"time_zone: {name!r} is not known; expected a name such as America/New_York, or UTC"
        ) from None


def _day(value: Any, where: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise CalendarError(f"{where}: expected a date such as 2024-01-01, not {value!r}")


def _hours_by(value: Any, where: str) -> dict[Any, list[tuple[time, time]]]:
    if not isinstance(value, dict):
        raise CalendarError(f"{where}: expected days, each with a list such as [09:30-16:00]")
    return {day: _hours(hours, f"{where} {day}") for day, hours in value.items()}


def _hours(value: Any, where: str) -> list[tuple[time, time]]:
    if not isinstance(value, list):
        raise CalendarError(f"{where}: expected a list such as [09:30-16:00], or [] for a holiday")
    found = []
    for text in value:
        match = _HOURS.fullmatch(text) if isinstance(text, str) else None
        try:
            if match is None:
                raise ValueError  # noqa: TRY301 -- told as any other text that is no time
            found.append((time.fromisoformat(match[1]), time.fromisoformat(match[2])))
        except ValueError:
            raise CalendarError(
                f"{where}: expected hours such as 09:30-16:00, not {text!r}"
            ) from None
    return found


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _local(day: date, clock: time, zone: ZoneInfo) -> int:
    """Microseconds since 1970 of a local time: daylight saving is in the zone."""
    return (datetime.combine(day, clock, zone) - _EPOCH) // timedelta(microseconds=1)


def _only(
    entry: dict[str, Any],
    keys: tuple[str, ...],
    *,
    optional: tuple[str, ...] = (),
    where: str = "",
) -> dict[str, Any]:
    """The entry itself, which has these keys and no other."""
    for key in entry:
        if key not in keys:
            raise CalendarError(f"{where}unknown key {key!r}; known: {', '.join(keys)}")
    for key in keys:
        if key not in entry and key not in optional:
            raise CalendarError(f"{where}{key} is missing")
    return entry
