"""Which control records steer a check as it cannot be steered.

Owns the ranges of the payloads of docs/rules.md, "Control of checks". Must never look at the
lane's state.
"""

from typing import Final

from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    CheckLimit,
    CheckPolicy,
    Listing,
    Release,
    Restriction,
    ScopeState,
    SessionCalendar,
)
from tests.oracle.lines import CURRENCY_BYTES_MAX, ID_BYTES_MAX, bad_id
from tests.oracle.traits import CHECKS, EXEMPTABLE, IN_MONEY, LIMITED, WINDOW_MS

FIGURE_MAX: Final = 10**18
# Only so many accepted orders of an instrument are remembered, the newest among them.
SAME_CONTENT_MAX: Final = 15
WINDOW_MS_MAX: Final = 86_400_000
SESSIONS_MAX: Final = 5_000
RESTRICTED_IDS_MAX: Final = 1_000
# RULE: and a rule's id.
CHECK_BYTES_MAX: Final = ID_BYTES_MAX + len("RULE:")

Steer = CheckLimit | CheckPolicy | ScopeState | Release | Restriction | SessionCalendar | Listing


def bad_steer(payload: Steer) -> bool:
    """Whether it says what cannot be."""
    if isinstance(payload, CheckLimit):
        return bad_check_limit(payload)
    if isinstance(payload, CheckPolicy):
        return bad_check_policy(payload)
    if isinstance(payload, ScopeState):
        return bad_id(payload.scope_id)
    if isinstance(payload, Release):
        ids = bad_id(payload.user_id) or bad_id(payload.algo_id)
        return ids or bad_id(payload.check, CHECK_BYTES_MAX)
    if isinstance(payload, Restriction):
        return bad_restriction(payload)
    if isinstance(payload, SessionCalendar):
        return bad_calendar(payload)
    return any(bad_id(i) for i in (payload.instrument_id, payload.sector_id, payload.calendar_id))


def bad_check_limit(limit: CheckLimit) -> bool:
    """Whether the check has no such limit."""
    most = SAME_CONTENT_MAX if limit.check == "SAME_CONTENT" else FIGURE_MAX
    in_range = limit.limit is None or 0 <= limit.limit <= most
    allowed = limit.allowance is None or (
        limit.check == "ORDER_TO_TRADE" and 0 <= limit.allowance <= FIGURE_MAX
    )
    priced = limit.currency is None or (
        limit.check in IN_MONEY and not bad_id(limit.currency, CURRENCY_BYTES_MAX)
    )
    ids = bad_id(limit.scope_id) or bad_id(limit.instrument_id)
    return limit.check not in LIMITED or not in_range or not allowed or not priced or ids


def bad_check_policy(policy: CheckPolicy) -> bool:
    """Whether there is no such check, or it cannot be made to act so."""
    if policy.check not in CHECKS:
        return True
    if policy.severity != CHECK_SEVERITY_REJECT and policy.check not in EXEMPTABLE:
        return True
    if policy.window_ms is None:
        return False
    return policy.check not in WINDOW_MS or not 1 <= policy.window_ms <= WINDOW_MS_MAX


def bad_restriction(restriction: Restriction) -> bool:
    """Whether it names nobody, too many, or what can be nobody's id."""
    count = len(restriction.ids)
    ids = any(bad_id(text) for text in [*restriction.ids, restriction.instrument_id])
    return not 1 <= count <= RESTRICTED_IDS_MAX or ids


def bad_calendar(calendar: SessionCalendar) -> bool:
    """Whether sessions are none, overlap, or lie outside of what it covers."""
    if len(calendar.opens) != len(calendar.closes) or len(calendar.opens) > SESSIONS_MAX:
        return True
    sessions = list(zip(calendar.opens, calendar.closes, strict=True))
    ends = [calendar.covers_from, *calendar.closes]
    in_order = all(end <= opens for end, opens in zip(ends, calendar.opens, strict=False))
    covered = all(opens < closes <= calendar.covers_until for opens, closes in sessions)
    wrong = calendar.covers_from >= calendar.covers_until or not in_order or not covered
    return wrong or bad_id(calendar.calendar_id)
