"""RESTRICTED: is anybody or anything of the order on a restricted list?

SEC 15c3-5(c)(2)(ii). Says which list, and the version of the record that put it there. Compiled
with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed_at, passed
from pipeline.risk.records import (
    RESTRICTION_SUBJECT_ALGORITHM,
    RESTRICTION_SUBJECT_COUNTERPARTY,
    RESTRICTION_SUBJECT_DESK,
    RESTRICTION_SUBJECT_INSTRUMENT,
    RESTRICTION_SUBJECT_USER,
    CheckResult,
)

NAME: Final = "RESTRICTED"
_PASSED: Final = passed(NAME)
_REASONS: Final[list[str]] = [
    "USER_RESTRICTED",
    "DESK_RESTRICTED",
    "INSTRUMENT_RESTRICTED",
    "COUNTERPARTY_RESTRICTED",
    "ALGORITHM_RESTRICTED",
]


def check(c: OrderContext) -> CheckResult:
    """The first of what the order names that is restricted, everywhere or in its instrument."""
    if c.rules.checks.restrictions.count == 0:
        return _PASSED
    order = c.order
    return (
        _restricted(c, RESTRICTION_SUBJECT_USER, order.user_id)
        or _restricted(c, RESTRICTION_SUBJECT_DESK, order.desk_id)
        or _restricted(c, RESTRICTION_SUBJECT_INSTRUMENT, order.instrument_id)
        or _restricted(c, RESTRICTION_SUBJECT_COUNTERPARTY, order.counterparty_id)
        or _restricted(c, RESTRICTION_SUBJECT_ALGORITHM, order.algo_id)
        or _PASSED
    )


def _restricted(c: OrderContext, subject: int, each: str | None) -> CheckResult | None:
    if each is None:
        return None
    version = c.rules.checks.restrictions.version_of(subject, each, c.order.instrument_id)
    return None if version is None else failed_at(NAME, _REASONS[subject], None, version)
