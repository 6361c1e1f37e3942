"""What checks are steered by: limits, severities, windows, states, lists, sessions, releases.

Owns the control records by which a history steers single checks, sound and impossible, and what
lets everybody go again. Must never know how the gate answers.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from pipeline.risk.records import (
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_NOTIFY,
    CHECK_SEVERITY_REJECT,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
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
from tests.oracle.definitions import Payload
from tests.oracle.traits import CHECKS, EXEMPTABLE, IN_MONEY, LIMITED, NEVER_EXEMPT, WINDOW_MS
from tests.property.orders import LONG
from tests.property.world import (
    ALGORITHMS,
    COUNTERPARTIES,
    DAY_MS,
    DESKS,
    ELSEWHERE,
    EVERYBODY,
    INSTRUMENTS,
    STRANGER,
    TIERS,
    World,
)

LIMIT_MAX: Final = 10**18
COUNTS: Final = tuple(check for check in LIMITED if check not in (*IN_MONEY, "PERIOD_COLLAR"))
# Rejections are what most of the checks are there for; latches stop a user for a long time.
SEVERITIES: Final = (
    *[CHECK_SEVERITY_REJECT] * 5,
    *[CHECK_SEVERITY_NOTIFY] * 3,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_HALT,
)
WINDOWS_MS: Final = (None, None, 1, 300, 5_000, 86_400_000)
CALENDARS: Final = ("xnys", "round")
SUBJECTS: Final[dict[int, tuple[str, ...]]] = {
    RESTRICTION_SUBJECT_USER: (*EVERYBODY, ELSEWHERE, STRANGER),
    RESTRICTION_SUBJECT_DESK: DESKS,
    RESTRICTION_SUBJECT_INSTRUMENT: tuple(INSTRUMENTS),
    RESTRICTION_SUBJECT_COUNTERPARTY: COUNTERPARTIES,
    RESTRICTION_SUBJECT_ALGORITHM: ALGORITHMS,
}
SCOPES: Final[dict[int, tuple[str, ...]]] = {
    STATE_SCOPE_ALGORITHM: ALGORITHMS,
    STATE_SCOPE_DESK: DESKS,
    STATE_SCOPE_INSTRUMENT: tuple(INSTRUMENTS),
}


def limit_most(check: str) -> int:
    """The highest limit that the check can have."""
    return 15 if check == "SAME_CONTENT" else LIMIT_MAX


def new_count_limit(_: World, rng: Random) -> CheckLimit:
    """A limit of how much may be sent, of somebody, lowered, lifted or taken away."""
    check = rng.choice(COUNTS)
    scope = rng.choice([LIMIT_SCOPE_TIER, LIMIT_SCOPE_USER, LIMIT_SCOPE_USER])
    allowance = rng.choice([None, 0, 3, LIMIT_MAX]) if check == "ORDER_TO_TRADE" else None
    return CheckLimit(
        check,
        scope,
        rng.choice(TIERS if scope == LIMIT_SCOPE_TIER else EVERYBODY),
        rng.choice([None, None, *INSTRUMENTS]),
        rng.choice([None, None, 0, 2, 5, limit_most(check), limit_most(check)]),
        allowance,
        None,
    )


def wide_limit(_: World, rng: Random) -> CheckLimit:
    """A tier may send what it likes again."""
    check = rng.choice(COUNTS)
    allowance = LIMIT_MAX if check == "ORDER_TO_TRADE" else None
    most = limit_most(check)
    return CheckLimit(check, LIMIT_SCOPE_TIER, rng.choice(TIERS), None, most, allowance, None)


def new_check_policy(_: World, rng: Random) -> CheckPolicy:
    """How a check acts, and how far it looks back."""
    check = rng.choice([*EXEMPTABLE, *WINDOW_MS])
    window = rng.choice(WINDOWS_MS) if check in WINDOW_MS else None
    return CheckPolicy(check, rng.choice(SEVERITIES), window)


def new_state(_: World, rng: Random) -> ScopeState:
    """An algorithm, a desk or an instrument is stopped, or let go again, mostly."""
    scope = rng.choice(list(SCOPES))
    state = rng.choice([TRADING_STATE_ACTIVE] * 3 + [TRADING_STATE_REDUCING, TRADING_STATE_HALTED])
    return ScopeState(scope, rng.choice(SCOPES[scope]), state)


def new_restriction(_: World, rng: Random) -> Restriction:
    """Some are put on a list or, mostly, taken off it."""
    subject = rng.choice(list(SUBJECTS))
    ids = rng.choices(SUBJECTS[subject], k=rng.choice([1, 1, 2, 4]))
    where = rng.choice([None, None, rng.choice(list(INSTRUMENTS))])
    return Restriction(subject, ids, where, rng.random() < 0.4)


def calendar_around(world: World, rng: Random, name: str) -> SessionCalendar:
    """Sessions around the present, with gaps or without, that end soon or not."""
    begin = world.now_us - rng.choice([0, 1, 10_000_000, DAY_MS * 1000])
    covers_from = begin - rng.choice([0, 0, 5_000_000])
    opens: list[int] = []
    closes: list[int] = []
    for _ in range(rng.choice([0, 1, 2, 3, 6])):
        length = rng.choice([1, 500_000, 20_000_000, DAY_MS * 2000])
        opens.append(begin)
        closes.append(begin + length)
        begin = closes[-1] + rng.choice([0, 0, 1, 1_000_000, 60_000_000])
    last = closes[-1] if closes else begin
    covers_until = last + rng.choice([0, 1, 3_000_000, DAY_MS * 10_000])
    return SessionCalendar(name, covers_from, max(covers_from + 1, covers_until), opens, closes)


def new_calendar(world: World, rng: Random) -> SessionCalendar:
    """The sessions of a calendar that some instruments may be listed under."""
    return calendar_around(world, rng, rng.choice(CALENDARS))


def new_calendar_listing(_: World, rng: Random) -> Listing:
    """An instrument trades by a calendar, by one that nobody knows or, mostly, all the time."""
    calendar = rng.choice([None, None, None, *CALENDARS, "never"])
    return Listing(rng.choice(list(INSTRUMENTS)), rng.choice([None, "tech"]), calendar)


def new_release(_: World, rng: Random) -> Release:
    """A person lets a user go, or an algorithm; now and then one that nobody knows."""
    algorithm = rng.choice([None, None, *ALGORITHMS, "never"])
    check = rng.choice([None, None, None, *EXEMPTABLE, "never", "RULE:" + "r" * 64])
    return Release(rng.choice([*EVERYBODY, *EVERYBODY, ELSEWHERE, STRANGER]), algorithm, check)


BAD_LIMITS: Final[tuple[Callable[[Random], dict[str, Any]], ...]] = (
    lambda r: {"check": r.choice([*set(CHECKS) - set(LIMITED), "RULE:r", "never", ""])},
    lambda r: {"limit": r.choice([-1, LIMIT_MAX + 1])},
    lambda _: {"check": "SAME_CONTENT", "limit": 16},
    lambda r: {"allowance": r.choice([0, 1, -1])},
    lambda r: {"check": "ORDER_TO_TRADE", "allowance": r.choice([-1, LIMIT_MAX + 1])},
    lambda _: {"currency": "USD"},
    lambda r: {"check": "CREDIT", "currency": r.choice(["", "C" * 17])},
    lambda r: {"scope_id": r.choice(["", LONG])},
    lambda r: {"instrument_id": r.choice(["", LONG])},
)
BAD_POLICIES: Final[tuple[Callable[[Random], dict[str, Any]], ...]] = (
    lambda r: {"check": r.choice(["never", "", "IDENTITY", "RULE:r"])},
    lambda r: {"check": r.choice(NEVER_EXEMPT), "severity": r.choice([1, 2, 3])},
    lambda r: {"check": r.choice([*set(CHECKS) - set(WINDOW_MS)]), "window_ms": 1_000},
    lambda r: {"check": r.choice(list(WINDOW_MS)), "window_ms": r.choice([0, -1, 86_400_001])},
)
BAD_CALENDARS: Final[tuple[dict[str, Any], ...]] = (
    {"calendar_id": ""},
    {"calendar_id": LONG},
    {"covers_until": 10},
    {"opens": [9, 30]},
    {"closes": [20, 101]},
    {"opens": [10, 19]},
    {"opens": [20, 30]},
    {"opens": [10]},
    {"closes": []},
    {"closes": [20, 20]},
    {"covers_until": 20_000, "opens": [*range(10, 5011)], "closes": [*range(11, 5012)]},
)


def bad_steering(_: World, rng: Random) -> Payload:
    """What no check can be steered by."""
    shape: dict[str, Any] = {"check": "MESSAGE_RATE", "scope": 0, "scope_id": "gold", "limit": 5}
    acts: dict[str, Any] = {"check": "PUSH", "severity": CHECK_SEVERITY_REJECT, "window_ms": None}
    calendar: dict[str, Any] = {
        "calendar_id": "xnys",
        "covers_from": 10,
        "covers_until": 100,
        "opens": [10, 20],
        "closes": [20, 40],
    }
    bad_id = rng.choice(["", LONG])
    few = rng.choice([[], [bad_id], ["east", bad_id], [str(n) for n in range(1001)]])
    payloads: list[Payload] = [
        CheckLimit(**(shape | rng.choice(BAD_LIMITS)(rng))),
        CheckLimit(**(shape | rng.choice(BAD_LIMITS)(rng))),
        CheckPolicy(**(acts | rng.choice(BAD_POLICIES)(rng))),
        CheckPolicy(**(acts | rng.choice(BAD_POLICIES)(rng))),
        SessionCalendar(**(calendar | rng.choice(BAD_CALENDARS))),
        SessionCalendar(**(calendar | rng.choice(BAD_CALENDARS))),
        ScopeState(STATE_SCOPE_DESK, bad_id, TRADING_STATE_HALTED),
        Release(bad_id, None, None),
        Release(EVERYBODY[0], bad_id, None),
        Release(EVERYBODY[0], None, rng.choice(["", "c" * 70])),
        Restriction(RESTRICTION_SUBJECT_DESK, few, None, restricted=True),
        Restriction(RESTRICTION_SUBJECT_DESK, ["east"], bad_id, restricted=True),
        Listing(**({"instrument_id": "ESX"} | {rng.choice(LISTING_FIELDS): bad_id})),
    ]
    return rng.choice(payloads)


LISTING_FIELDS: Final = ("instrument_id", "sector_id", "calendar_id")
CONTROLS: Final[tuple[Callable[[World, Random], Payload], ...]] = (
    new_count_limit,
    new_count_limit,
    wide_limit,
    wide_limit,
    new_check_policy,
    new_check_policy,
    new_state,
    new_restriction,
    new_calendar,
    new_calendar_listing,
    new_release,
    bad_steering,
    bad_steering,
    bad_steering,
)


def step_steer(world: World, rng: Random) -> None:
    """A change of what steers checks, at once or a little later."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        later = world.now_us + rng.choice([1, 500_000, 5_000_000])
        world.send_control(rng.choice(CONTROLS)(world, rng), rng.choice([0, 0, later]))


def everybody_goes(world: World) -> list[Payload]:
    """What takes back the lists, states and sessions that were published, and lets users go."""
    lists: dict[tuple[int, str | None], set[str]] = {}
    states: dict[tuple[int, str], int] = {}
    listings: dict[str, Listing] = {}
    for control in world.controls:
        payload = control.payload
        if isinstance(payload, Restriction) and set(payload.ids) <= set(SUBJECTS[payload.subject]):
            ids = lists.setdefault((payload.subject, payload.instrument_id), set())
            (ids.update if payload.restricted else ids.difference_update)(payload.ids)
        elif isinstance(payload, ScopeState):
            states[payload.scope, payload.scope_id] = payload.trading_state
        elif isinstance(payload, Listing):
            listings[payload.instrument_id] = payload
    return [
        *(
            Restriction(subject, sorted(ids), where, restricted=False)
            for (subject, where), ids in lists.items()
            if ids
        ),
        *(
            ScopeState(scope, id_, TRADING_STATE_ACTIVE)
            for (scope, id_), state in states.items()
            if state != TRADING_STATE_ACTIVE
        ),
        *(
            Listing(name, listing.sector_id, None)
            for name, listing in listings.items()
            if listing.calendar_id is not None
        ),
        *(Release(user, None, None) for user in EVERYBODY),
    ]
