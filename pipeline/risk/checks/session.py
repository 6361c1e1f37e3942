"""SESSION: does the instrument trade now?

Fails closed: what no calendar covers is refused, so that a holiday nobody entered is no trading
day. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.records import CheckResult

NAME: Final = "SESSION"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """By the calendar of the instrument's listing; without one it trades round the clock."""
    instrument = c.instrument
    if instrument is None:
        return not_evaluated(NAME)
    known = c.rules.checks
    listing = known.listings.get(instrument.instrument_id)
    if listing is None:
        return failed(NAME, "SESSION_UNKNOWN")
    if listing.calendar_id is None:
        return _PASSED
    calendar = known.calendars.get(listing.calendar_id)
    if calendar is None or not calendar.covers(c.gate_time):
        return failed(NAME, "SESSION_UNKNOWN")
    if not calendar.is_open(c.gate_time):
        return failed(NAME, "SESSION_CLOSED")
    return _PASSED
