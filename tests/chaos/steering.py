"""What operators change of single checks while the gate runs, each time until things are as before.

Owns the control records that tighten a limit, stop somebody or move a window, and those that undo
it: most orders must pass, or there is nothing to lose. Must never publish anything.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from pipeline.control.definitions import Payload
from pipeline.risk.records import (
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_NOTIFY,
    CHECK_SEVERITY_REJECT,
    LIMIT_SCOPE_TIER,
    RESTRICTION_SUBJECT_ALGORITHM,
    RESTRICTION_SUBJECT_COUNTERPARTY,
    RESTRICTION_SUBJECT_DESK,
    RESTRICTION_SUBJECT_INSTRUMENT,
    RESTRICTION_SUBJECT_USER,
    STATE_SCOPE_ALGORITHM,
    STATE_SCOPE_DESK,
    STATE_SCOPE_INSTRUMENT,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    CheckLimit,
    CheckPolicy,
    Listing,
    Release,
    Restriction,
    ScopeState,
    SessionCalendar,
)
from tests.chaos.gateway import now_us
from tests.chaos.orders import ALGORITHMS, COUNTERPARTIES, DESKS, HOT_USERS
from tests.roomy import roomy

TIER: Final = "standard"
_INSTRUMENTS: Final = ("ESH4", "BTC-USD", "ACME")
_US_PER_S: Final = 1_000_000
_YEAR_US: Final = 366 * 86_400 * _US_PER_S
# Clocks jump by hours here, and marks are only so many.
PATIENT_COLLAR: Final = CheckPolicy("PERIOD_COLLAR", CHECK_SEVERITY_REJECT, 86_400_000)
# What is near where a hot user is after a while: minor units, and what is counted.
_STAKES: Final = {
    "INSTRUMENT_GROSS": 10**9,
    "INSTRUMENT_NET": 5 * 10**8,
    "CURRENCY_GROSS": 10**9,
    "CURRENCY_NET": 5 * 10**8,
    "SECTOR_GROSS": 10**9,
    "SECTOR_NET": 5 * 10**8,
    "USER_GROSS": 10**9,
    "USER_NET": 5 * 10**8,
    "CREDIT": 10**7,
    "DAILY_LOSS": 10**5,
    "DRAWDOWN": 10**5,
}
_COUNTS: Final = {
    "MESSAGE_RATE": 3,
    "HIGH_FREQUENCY_RATE": 3,
    "HIGH_FREQUENCY_DAY": 50,
    "ORDER_TO_TRADE": 2,
    "REPEATED_EXECUTION": 5,
    "SAME_CONTENT": 0,
    "INSTANT_CANCEL": 2,
    "PUSH": 5,
    "PERIOD_COLLAR": 30,
}
_LISTS: Final[dict[int, tuple[str, ...]]] = {
    RESTRICTION_SUBJECT_USER: HOT_USERS,
    RESTRICTION_SUBJECT_DESK: DESKS,
    RESTRICTION_SUBJECT_INSTRUMENT: _INSTRUMENTS,
    RESTRICTION_SUBJECT_COUNTERPARTY: COUNTERPARTIES,
    RESTRICTION_SUBJECT_ALGORITHM: ALGORITHMS,
}
_SCOPES: Final[dict[int, tuple[str, ...]]] = {
    STATE_SCOPE_ALGORITHM: ALGORITHMS,
    STATE_SCOPE_DESK: DESKS,
    STATE_SCOPE_INSTRUMENT: _INSTRUMENTS,
}


def _limit(check: str, limit: int, currency: str | None = None) -> CheckLimit:
    allowance = 20 if check == "ORDER_TO_TRADE" else None
    return CheckLimit(check, LIMIT_SCOPE_TIER, TIER, None, limit, allowance, currency)


def _wide(check: str) -> CheckLimit:
    (wide,) = (
        room for room in roomy([TIER], []) if isinstance(room, CheckLimit) and room.check == check
    )
    return wide


def stake(random: Random) -> list[Payload]:
    """For a moment nobody may have more at stake than about what there is."""
    check = random.choice(tuple(_STAKES))
    limit = _STAKES[check] * random.choice((1, 1, 4)) // random.choice((1, 2))
    return [_limit(check, limit, random.choice((None, None, "EUR"))), _wide(check)]


def count(random: Random) -> list[Payload]:
    """For a moment nobody may send more of something, or far from where the marks were."""
    check = random.choice(tuple(_COUNTS))
    to_reject = CheckPolicy("SAME_CONTENT", CHECK_SEVERITY_REJECT, None)
    told = CheckPolicy("SAME_CONTENT", CHECK_SEVERITY_NOTIFY, None)
    limits: list[Payload] = [_limit(check, _COUNTS[check]), _wide(check)]
    return [to_reject, *limits, told] if check == "SAME_CONTENT" else limits


def own_orders(random: Random) -> list[Payload]:
    """Own orders may not meet, and whoever tries is stopped until a person has looked."""
    severities = (CHECK_SEVERITY_REJECT, CHECK_SEVERITY_LATCH, CHECK_SEVERITY_HALT)
    return [
        CheckPolicy("SELF_MATCH", random.choice(severities), None),
        CheckPolicy("SELF_MATCH", CHECK_SEVERITY_NOTIFY, None),
        *release(random),
    ]


def short_marks(_: Random) -> list[Payload]:
    """A short sale must say that it is one."""
    severities = (CHECK_SEVERITY_REJECT, CHECK_SEVERITY_NOTIFY)
    return [CheckPolicy("SHORT_MARK", severity, None) for severity in severities]


def release(random: Random) -> list[Payload]:
    """A person lets everybody go who is hot, and the algorithm of one of them."""
    algorithm = Release(random.choice(HOT_USERS), random.choice(ALGORITHMS), None)
    return [algorithm, *(Release(user, None, None) for user in HOT_USERS)]


def state(random: Random) -> list[Payload]:
    """An algorithm, a desk or an instrument is stopped for a moment."""
    scope = random.choice(tuple(_SCOPES))
    id_ = random.choice(_SCOPES[scope])
    stopped = random.choice((TRADING_STATE_REDUCING, TRADING_STATE_HALTED))
    return [ScopeState(scope, id_, state) for state in (stopped, TRADING_STATE_ACTIVE)]


def restriction(random: Random) -> list[Payload]:
    """Somebody or something is on a list for a moment, everywhere or in one instrument."""
    subject = random.choice(tuple(_LISTS))
    ids = [random.choice(_LISTS[subject])]
    where = random.choice((None, *_INSTRUMENTS))
    return [Restriction(subject, ids, where, restricted) for restricted in (True, False)]


def session(random: Random) -> list[Payload]:
    """An instrument trades by a calendar for a while, between two sessions or within one."""
    name, now = random.choice(_INSTRUMENTS), now_us()
    shut = random.randint(-1, 2) * _US_PER_S
    opens, closes = [now - _YEAR_US, now + shut + _US_PER_S], [now + shut, now + _YEAR_US]
    calendar = SessionCalendar("xcme", opens[0], closes[1], opens, closes)
    return [calendar, Listing(name, None, "xcme"), Listing(name, None, None)]


def sector(random: Random) -> list[Payload]:
    """An instrument counts in a sector, until it changes again."""
    return [Listing(random.choice(_INSTRUMENTS), random.choice((None, "tech", "rates")), None)]


def window(random: Random) -> list[Payload]:
    """A check looks back further, or not so far."""
    check, usual_ms = random.choice((("PUSH", 60_000), ("INSTANT_CANCEL", 1_000)))
    moved = CheckPolicy(check, CHECK_SEVERITY_REJECT, usual_ms * random.choice((1, 3, 100)))
    return [moved, CheckPolicy(check, CHECK_SEVERITY_REJECT, None)]


CHANGES: Final[tuple[Callable[[Random], list[Payload]], ...]] = (
    stake,
    stake,
    count,
    count,
    own_orders,
    short_marks,
    release,
    state,
    restriction,
    session,
    sector,
    window,
)
