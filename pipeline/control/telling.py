"""Control definitions in a line each, for people.

Owns what a reader is told of a definition beside its subject: figures as they are, a calendar by
its cover and its next session, a list by its length and its first ids. Knows no Kafka.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import islice
from typing import Final

from pipeline.codecs.rendering import time_text, value_to_json
from pipeline.control.definitions import Payload, subject_of
from pipeline.risk.records import Release, Restriction, SessionCalendar

_IDS_SHOWN: Final = 5


def told(payload: Payload, now_us: int, listed: Iterable[str] = ()) -> str:
    """The content of a definition, without what names its subject.

    `listed`: of a restriction, the ids that are on its list now.
    """
    if isinstance(payload, SessionCalendar):
        return _calendar(payload, now_us)
    if isinstance(payload, Restriction):
        return _list(payload, list(listed))
    if isinstance(payload, Release) and payload.check is None and payload.algo_id is None:
        return "every latch and halt"
    subject = subject_of(payload)
    rendered = value_to_json(subject[0], payload)
    return ", ".join(
        f"{name} {value}"
        for name, value in rendered.items()
        if value is not None and value not in subject
    )


def _calendar(calendar: SessionCalendar, now_us: int) -> str:
    cover = f"covers {time_text(calendar.covers_from)} until {time_text(calendar.covers_until)}"
    count = f"{len(calendar.opens):,} sessions"
    if not calendar.covers_from <= now_us < calendar.covers_until:
        return f"{cover}, {count}; does not cover now: its instruments are refused SESSION_UNKNOWN"
    following = bisect_right(calendar.closes, now_us)
    if following == len(calendar.opens):
        return f"{cover}, {count}; none left"
    opens, closes = (time_text(each[following]) for each in (calendar.opens, calendar.closes))
    when = "open" if calendar.opens[following] <= now_us else "the next"
    return f"{cover}, {count}; {when} from {opens} until {closes}"


def _list(last: Restriction, listed: list[str]) -> str:
    change = "restricted" if last.restricted else "unrestricted"
    shown = ", ".join(islice(listed, _IDS_SHOWN))
    more = len(listed) - _IDS_SHOWN
    names = f": {shown}" if shown else ""
    rest = f" and {more:,} more" if more > 0 else ""
    return f"{len(listed):,} listed{names}{rest}; the last record {change} {len(last.ids):,}"
