"""Control changes that put margins, fees, windows, ticks and states to their extremes.

Owns which definitions are made, and what puts things right again. They are mostly within bounds:
what is out of bounds is refused and changes nothing.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from pipeline.risk.records import (
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    CheckLimit,
    CheckPolicy,
    Collateral,
    Control,
    CoreVersion,
    DayClose,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Listing,
    Policy,
    Release,
    Restriction,
    Rule,
    ScopeState,
    SessionCalendar,
    UserAccount,
)
from tests.oracle.definitions import Payload
from tests.oracle.steered import SAME_CONTENT_MAX
from tests.oracle.traits import CHECKS, EXEMPTABLE, IN_MONEY, LIMITED, WINDOW_MS
from tests.property.operator_rules import EXPRESSIONS, RULE_IDS
from tests.property.steering import CALENDARS, SCOPES, SUBJECTS
from tests.property.world import ALGORITHMS, EVERYBODY, INSTRUMENTS, TENANT, TIERS, changed

FIGURE_MAX: Final = 10**18
_DAY_US: Final = 86_400_000_000
DURATION_MS_MAX: Final = 100 * 366 * 86_400_000
_FIGURES: Final = (0, 1, 2, 1000, 10**9, 10**12, FIGURE_MAX - 1, FIGURE_MAX)
_POSITIVE: Final = _FIGURES[1:]
_LIMITS: Final = (None, FIGURE_MAX, *_FIGURES)
_DURATIONS: Final = (0, 1, 1000, 60_000, 7_200_000, DURATION_MS_MAX)
_WINDOWS: Final = (None, None, 1, 7, 8, 1_000, 60_000, 86_400_000)
_SESSIONS_MAX: Final = 5_000
_RESTRICTED_MAX: Final = 1_000
# Whether a restriction is one, and not its end.
_RESTRICTS: Final = 0.3
_INSTRUMENT_FIGURES: Final = {
    "margin_minor_per_lot": (None, *_FIGURES),
    "multiplier_numerator": _POSITIVE,
    "multiplier_denominator": _POSITIVE,
    "tick_e9": _POSITIVE,
    "lot": _POSITIVE,
    "base_minor_per_lot": _POSITIVE,
    "state": (0, 1, 2),
}


def extreme(rng: Random, today: int) -> Payload:
    """One definition at an extreme."""
    makes = rng.choices(*_MAKES)[0]
    return makes(rng, today)


def _instrument(rng: Random, _: int) -> Instrument:
    name = rng.choice(list(INSTRUMENTS))
    names = rng.sample(list(_INSTRUMENT_FIGURES), rng.randint(1, 3))
    return INSTRUMENTS[name](name, **{n: rng.choice(_INSTRUMENT_FIGURES[n]) for n in names})


def _limits(rng: Random, _: int) -> Limits:
    scope = rng.choice([LIMIT_SCOPE_TIER, LIMIT_SCOPE_USER])
    return Limits(
        scope=scope,
        scope_id=rng.choice(TIERS if scope == LIMIT_SCOPE_TIER else EVERYBODY),
        instrument_id=rng.choice([None, *INSTRUMENTS]),
        order_rate_per_s_max=rng.choice(_LIMITS),
        order_quantity_lots_max=rng.choice(_LIMITS),
        order_notional_minor_max=rng.choice(_LIMITS),
        notional_currency=rng.choice([None, "USD", "EUR", "BTC"]),
        position_lots_max=rng.choice(_LIMITS),
        price_collar_bps=rng.choice(_LIMITS),
        market_collar_bps=rng.choice(_LIMITS),
        short_lots_max=rng.choice(_LIMITS),
        locate_id=rng.choice([None, "prime"]),
    )


def _lifted(rng: Random, _: int) -> Limits:
    return lifted(rng.choice(TIERS))


def _fees(rng: Random, _: int) -> FeeSchedule:
    instrument = rng.choice([None, *INSTRUMENTS])
    return FeeSchedule(rng.choice(TIERS), instrument, rng.choice(_FIGURES), rng.choice(_FIGURES))


def _collateral(rng: Random, _: int) -> Collateral:
    currency = rng.choice(["USD", "EUR", "GBP", "BTC", "C" * 16])
    return Collateral(rng.choice(TIERS), currency, rng.choice([0, 1, 9_999, 10_000]))


def _account(rng: Random, _: int) -> UserAccount:
    user = rng.choice([*EVERYBODY, "x" * 64])
    return UserAccount(user, rng.choice([TENANT, "t" * 64]), "gold", rng.randrange(3))


def _firm(rng: Random, _: int) -> FirmState:
    return FirmState(rng.randrange(3))


def _day(rng: Random, today: int) -> DayClose:
    return DayClose(rng.choice([today, today + 1, -(2**31), 2**31 - 1]))


def _core(rng: Random, _: int) -> CoreVersion:
    return CoreVersion(rng.choice([1, 1, 0, -(2**31)]))


def lifted(tier: str) -> Limits:
    """Limits that hold nobody back, so that only arithmetic does."""
    most = FIGURE_MAX
    return Limits(
        LIMIT_SCOPE_TIER, tier, None, most, most, most, None, most, most, 9_999, most, "prime"
    )


def _policy(rng: Random, _: int) -> Policy:
    return Policy(
        order_age_ms_max=rng.choice(_DURATIONS),
        future_skew_ms_max=rng.choice(_DURATIONS),
        mark_age_ms_max=rng.choice(_DURATIONS),
        dedup_window_ms=rng.choice(_DURATIONS[1:]),
        remembered_ids_max=rng.choice([*_POSITIVE, 20, 50]),
        open_orders_max=rng.choice(_FIGURES),
        orphan_ms_max=rng.choice(_DURATIONS[1:]),
        checks_exempt=rng.sample(EXEMPTABLE, rng.choice([0, 1, 6, len(EXEMPTABLE)])),
    )


def _check_limit(rng: Random, _: int) -> CheckLimit:
    check = rng.choice(LIMITED)
    most = SAME_CONTENT_MAX if check == "SAME_CONTENT" else FIGURE_MAX
    scope = rng.choice([LIMIT_SCOPE_TIER, LIMIT_SCOPE_USER])
    limit = rng.choice([*_LIMITS, most, most])
    return CheckLimit(
        check,
        scope,
        rng.choice(TIERS if scope == LIMIT_SCOPE_TIER else EVERYBODY),
        rng.choice([None, *INSTRUMENTS]),
        None if limit is None else min(limit, most),
        rng.choice(_LIMITS) if check == "ORDER_TO_TRADE" else None,
        rng.choice([None, "USD", "EUR", "BTC", "C" * 16]) if check in IN_MONEY else None,
    )


def _check_policy(rng: Random, _: int) -> CheckPolicy:
    check = rng.choice(CHECKS)
    severity = rng.randrange(4) if check in EXEMPTABLE else 0
    return CheckPolicy(check, severity, rng.choice(_WINDOWS) if check in WINDOW_MS else None)


def _state(rng: Random, _: int) -> ScopeState:
    scope = rng.choice(list(SCOPES))
    return ScopeState(scope, rng.choice([*SCOPES[scope], "x" * 64]), rng.randrange(3))


def _restriction(rng: Random, _: int) -> Restriction:
    subject = rng.choice(list(SUBJECTS))
    many = [str(number) for number in range(_RESTRICTED_MAX - len(SUBJECTS[subject]))]
    ids = [*SUBJECTS[subject], *rng.choice([[], many])]
    where = rng.choice([None, *INSTRUMENTS, "x" * 64])
    return Restriction(subject, ids, where, rng.random() < _RESTRICTS)


def _calendar(rng: Random, today: int) -> SessionCalendar:
    begin = rng.choice([-(2**63), 0, (today - 1) * _DAY_US, (today + 1) * _DAY_US])
    count, length = rng.choice([0, 1, 2, 48, _SESSIONS_MAX]), rng.choice([1, 10**6, 3_600 * 10**6])
    opens = [begin + 2 * number * length for number in range(count)]
    until = rng.choice([2**63 - 1, begin + max(1, 2 * count * length)])
    return SessionCalendar(rng.choice(CALENDARS), begin, until, opens, [o + length for o in opens])


def _listing(rng: Random, _: int) -> Listing:
    calendar = rng.choice([None, None, *CALENDARS, "x" * 64])
    return Listing(rng.choice(list(INSTRUMENTS)), rng.choice([None, "tech", "x" * 64]), calendar)


def _release(rng: Random, _: int) -> Release:
    check = rng.choice([None, *CHECKS, "RULE:" + "r" * 64])
    return Release(rng.choice([*EVERYBODY, "x" * 64]), rng.choice([None, *ALGORITHMS]), check)


def _rule(rng: Random, _: int) -> Rule:
    expression = rng.choice([*EXPRESSIONS, "reduces" + " " * 1_017])
    return Rule(rng.choice(RULE_IDS), expression, rng.randrange(4), rng.random() < _RESTRICTS)


_MAKES: Final[tuple[list[Callable[[Random, int], Payload]], list[int]]] = (
    [
        *(_instrument, _limits, _lifted, _fees, _collateral, _policy, _account, _firm, _day, _core),
        *(_check_limit, _check_policy, _state, _restriction, _calendar, _listing, _release, _rule),
    ],
    [8, 4, 2, 2, 3, 2, 2, 1, 1, 2, 6, 4, 1, 1, 1, 1, 4, 1],
)


def effective_from(rng: Random, now_us: int) -> int:
    """Mostly at once; else soon, late or never."""
    later = [1, 1_000_000, 60_000_000, 86_400_000_000]
    times = [*(now_us + distance for distance in later), 2**63 - 1, -(2**63), 2**61]
    return rng.choice([0, 0, 0, 0, 0, 0, *times])


def control(payload: Payload, number: int, now_us: int, effective_from_us: int = 0) -> Control:
    """The record that publishes a definition."""
    return Control(
        event_time=now_us,
        source_system_id="console",
        tenant_id=TENANT,
        number=number,
        version=number,
        proposer="ann",
        approver=None,
        reason="fuzz",
        effective_from=effective_from_us,
        signature=None,
        payload=payload,
    )


def tamed(record: Control, next_number: int) -> Control:
    """A record that does not stop the lane, as a gap or an unknown core rightly would."""
    payload = record.payload
    if isinstance(payload, CoreVersion) and payload.core_version > 1:
        payload = CoreVersion(1)
    number = min(record.number, next_number)
    return control_like(record, number, payload)


def control_like(record: Control, number: int, payload: Payload) -> Control:
    """A copy under another number."""
    copy: Control = changed(record, number=number, payload=payload)
    return copy
