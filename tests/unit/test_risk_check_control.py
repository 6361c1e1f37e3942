"""Control records that steer single checks: which are refused, and where their bounds are."""

import pytest

from pipeline.codecs.avro import decode_dead_letter
from pipeline.risk import keys
from pipeline.risk.check_rules import (
    NO_LIMIT,
    RESTRICTED_IDS_MAX,
    SESSIONS_MAX,
    CheckPayload,
)
from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.records import (
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_NOTIFY,
    CHECK_SEVERITY_REJECT,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    RESTRICTION_SUBJECT_DESK,
    RESTRICTION_SUBJECT_USER,
    STATE_SCOPE_DESK,
    TRADING_STATE_HALTED,
    CheckLimit,
    CheckPolicy,
    Listing,
    Release,
    Restriction,
    Rule,
    ScopeState,
    SessionCalendar,
)
from tests.property.desk import ACCOUNT, FIRM, PRICE_E9, USER, Desk, check
from tests.property.world import E9, USERS, changed

LIMIT = CheckLimit("MESSAGE_RATE", LIMIT_SCOPE_TIER, "gold", None, 10, None, None)
MONEY = changed(LIMIT, check="USER_GROSS", currency="USD")
RATIO = changed(LIMIT, check="ORDER_TO_TRADE", allowance=10)
WINDOW = CheckPolicy("PUSH", CHECK_SEVERITY_REJECT, 1)
STATE = ScopeState(STATE_SCOPE_DESK, "d", TRADING_STATE_HALTED)
RELEASE = Release(USER, "a", "PUSH")
LIST = Restriction(RESTRICTION_SUBJECT_DESK, ["d"], None, restricted=True)
CALENDAR = SessionCalendar("c", 0, 100, [10, 20], [20, 30])
LISTING = Listing("ESX", "index", "c")
RULE = Rule("r", "quantity_lots > 0", CHECK_SEVERITY_REJECT, enabled=False)
LONG = "é" * 33

BAD: list[CheckPayload] = [
    changed(LIMIT, check="NO_SUCH_CHECK"),
    changed(LIMIT, check="x" * 300),
    changed(LIMIT, check="FIELDS"),
    changed(LIMIT, check="PRICE_COLLAR"),
    changed(LIMIT, scope_id=""),
    changed(LIMIT, scope=LIMIT_SCOPE_USER, scope_id=LONG),
    changed(LIMIT, instrument_id=""),
    changed(LIMIT, instrument_id=LONG),
    changed(LIMIT, limit=-1),
    changed(LIMIT, limit=10**18 + 1),
    changed(LIMIT, check="SAME_CONTENT", limit=16),
    changed(LIMIT, allowance=0),
    changed(RATIO, allowance=-1),
    changed(RATIO, allowance=10**18 + 1),
    changed(LIMIT, currency="USD"),
    changed(MONEY, currency=""),
    changed(MONEY, currency="C" * 17),
    CheckPolicy("NO_SUCH_CHECK", CHECK_SEVERITY_REJECT, None),
    CheckPolicy("RULE:r", CHECK_SEVERITY_REJECT, None),
    CheckPolicy("BUYING_POWER", CHECK_SEVERITY_NOTIFY, None),
    CheckPolicy("LATCH", CHECK_SEVERITY_HALT, None),
    CheckPolicy("MESSAGE_RATE", CHECK_SEVERITY_REJECT, 1_000),
    changed(WINDOW, window_ms=0),
    changed(WINDOW, window_ms=86_400_001),
    changed(STATE, scope_id=""),
    changed(STATE, scope_id=LONG),
    changed(RELEASE, user_id=""),
    changed(RELEASE, user_id=LONG),
    changed(RELEASE, algo_id=""),
    changed(RELEASE, algo_id=LONG),
    changed(RELEASE, check=""),
    changed(RELEASE, check="RULE:" + "x" * 65),
    changed(LIST, ids=[]),
    changed(LIST, ids=[str(number) for number in range(RESTRICTED_IDS_MAX + 1)]),
    changed(LIST, ids=["d", ""]),
    changed(LIST, ids=[LONG]),
    changed(LIST, instrument_id=""),
    changed(LIST, instrument_id=LONG),
    changed(CALENDAR, calendar_id=""),
    changed(CALENDAR, covers_until=0, opens=[], closes=[]),
    changed(CALENDAR, closes=[20]),
    changed(
        CALENDAR,
        covers_until=10**6,
        opens=list(range(SESSIONS_MAX + 1)),
        closes=list(range(1, SESSIONS_MAX + 2)),
    ),
    changed(CALENDAR, covers_from=11),
    changed(CALENDAR, covers_until=29),
    changed(CALENDAR, opens=[10, 19]),
    changed(CALENDAR, opens=[10, 30]),
    changed(CALENDAR, opens=[20, 10], closes=[30, 20]),
    changed(LISTING, instrument_id=""),
    changed(LISTING, sector_id=LONG),
    changed(LISTING, calendar_id=""),
    changed(RULE, rule_id=""),
    changed(RULE, rule_id=LONG),
]


def kept(desk: Desk) -> dict[bytes, bytes]:
    """The stored control records in force."""
    rows = desk.gate.rows.rows.items()
    return {key: row for key, row in rows if key.startswith(keys.CONTROL)}


@pytest.mark.parametrize("payload", BAD)
def test_what_is_out_of_bounds_is_a_dead_letter_and_steers_nothing(payload: CheckPayload) -> None:
    desk = Desk()
    before = set(desk.gate.rows.rows)
    answer = desk.control(payload)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "BAD_CONTROL")
    assert "(" in decode_dead_letter(desk.dead_letter or b"").reason_text
    assert set(desk.gate.rows.rows) == before
    assert desk.control(FIRM).reason_code == "APPLIED"
    desk.works()


@pytest.mark.parametrize(
    "payload",
    [
        changed(LIMIT, limit=0),
        changed(LIMIT, limit=10**18, instrument_id="x" * 64),
        changed(LIMIT, limit=None),
        changed(LIMIT, check="SAME_CONTENT", limit=15),
        changed(RATIO, allowance=0),
        changed(RATIO, allowance=10**18),
        changed(MONEY, currency="C" * 16),
        changed(MONEY, currency=None),
        changed(WINDOW, window_ms=86_400_000),
        CheckPolicy("BUYING_POWER", CHECK_SEVERITY_REJECT, None),
        STATE,
        RELEASE,
        changed(RELEASE, check="RULE:" + "x" * 64),
        changed(LIST, ids=[str(number) for number in range(RESTRICTED_IDS_MAX)]),
        changed(LIST, subject=RESTRICTION_SUBJECT_USER, ids=["x" * 64], instrument_id="x" * 64),
        CALENDAR,
        changed(CALENDAR, opens=[0, 20], closes=[20, 100]),
        changed(CALENDAR, opens=[], closes=[]),
        changed(
            CALENDAR,
            covers_until=10**6,
            opens=list(range(SESSIONS_MAX)),
            closes=list(range(1, SESSIONS_MAX + 1)),
        ),
        LISTING,
        changed(LISTING, sector_id=None, calendar_id=None),
        RULE,
    ],
)
def test_what_is_at_its_bounds_is_applied(payload: CheckPayload) -> None:
    desk = Desk()
    assert desk.control(payload).reason_code == "APPLIED"
    desk.gate.restart()
    assert desk.control(FIRM).reason_code == "APPLIED"


def test_a_limit_replaces_that_of_its_subject_and_no_other() -> None:
    desk = Desk()
    desk.control(LIMIT)
    desk.control(changed(LIMIT, instrument_id="ESX", limit=5))
    desk.control(changed(LIMIT, limit=7))
    assert check(desk.order(), "MESSAGE_RATE").limit == 5
    assert check(desk.order(instrument_id="BTC-USD"), "MESSAGE_RATE").limit == 7


def test_a_limit_waits_for_its_time() -> None:
    desk = Desk()
    desk.control(LIMIT, desk.world.now_us + 1_000)
    assert check(desk.order(), "MESSAGE_RATE").limit == 10**18
    desk.wait(1)
    assert check(desk.order(), "MESSAGE_RATE").limit == 10


def test_a_limit_of_a_user_is_nobody_elses() -> None:
    desk = Desk()
    desk.control(changed(ACCOUNT, user_id=USERS[1]))
    desk.control(LIMIT)
    desk.control(changed(LIMIT, scope=LIMIT_SCOPE_USER, scope_id=USER, limit=5))
    limits = [check(desk.order(user_id=each), "MESSAGE_RATE").limit for each in USERS[:2]]
    assert limits == [5, 10]


def test_limits_with_and_without_an_instrument_are_both_known_after_a_restart() -> None:
    desk = Desk()
    desk.control(changed(LIMIT, instrument_id="ESX", limit=5))
    desk.control(LIMIT)
    desk.gate.restart()
    assert check(desk.order(), "MESSAGE_RATE").limit == 5
    assert check(desk.order(instrument_id="BTC-USD"), "MESSAGE_RATE").limit == 10


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (
            changed(RATIO, scope_id="silver"),
            ("check_limit", "ORDER_TO_TRADE", "TIER", "silver", ""),
        ),
        (changed(LIMIT, instrument_id="ESX"), ("check_limit", LIMIT.check, "TIER", "gold", "ESX")),
        (WINDOW, ("check_policy", "PUSH")),
        (STATE, ("scope_state", "DESK", "d")),
        (CALENDAR, ("session_calendar", "c")),
        (changed(LISTING, instrument_id="NEWX"), ("listing", "NEWX")),
        (RULE, ("rule", "r")),
    ],
)
def test_each_subject_is_kept_under_a_key_of_its_own(
    payload: CheckPayload, key: tuple[str, ...]
) -> None:
    desk = Desk()
    before = kept(desk)
    assert desk.control(payload).reason_code == "APPLIED"
    after = kept(desk)
    assert after.keys() - before.keys() == {keys.control_key(*key)}
    assert before.items() <= after.items()


def test_an_entry_without_a_limit_leaves_it_to_the_next() -> None:
    desk = Desk()
    desk.control(LIMIT)
    desk.control(changed(LIMIT, instrument_id="ESX", limit=None))
    assert check(desk.order(), "MESSAGE_RATE").limit == 10


def test_a_policy_without_a_window_gives_a_check_its_own_again() -> None:
    desk = Desk()
    assert desk.control(WINDOW).reason_code == "APPLIED"
    desk.control(changed(WINDOW, window_ms=None))
    desk.works()
    desk.wait(2)
    desk.works(price_e9=PRICE_E9 + E9)
    assert desk.user().pushes_today == 1


def test_a_release_of_nobody_who_is_held_changes_no_row() -> None:
    desk = Desk()
    desk.control(Release(USER, None, None))
    assert keys.user_key(USER) not in desk.gate.processor.state.changed


def test_everything_that_latches_is_released_at_once() -> None:
    desk = Desk()
    desk.control(Rule("never", "false", CHECK_SEVERITY_LATCH, enabled=True))
    desk.order()
    assert desk.user().latched == ["RULE:never"]
    desk.control(Release(USER, None, None))
    assert desk.user().latched == []


def test_a_check_that_halts_is_released_by_its_name_and_no_other() -> None:
    desk = Desk()
    desk.control(Rule("never", "false", CHECK_SEVERITY_HALT, enabled=True))
    desk.order()
    desk.control(Rule("never", "false", CHECK_SEVERITY_HALT, enabled=False))
    assert desk.user().halted_by == ["RULE:never"]
    desk.control(Release(USER, None, "PRICE_COLLAR"))
    assert desk.order().reason_code == "HALTED_BY_CHECK"
    desk.control(Release(USER, None, "RULE:never"))
    assert desk.user().halted_by == []
    assert desk.order().reason_code == "ACCEPTED"


def test_a_check_knows_what_control_may_say_of_it() -> None:
    by_name = CATALOG.by_name
    assert CATALOG.limited == [name for name, traits in by_name.items() if traits.limited]
    assert CATALOG.exemptible == {name for name, traits in by_name.items() if traits.exemptible}
    assert all(traits.exemptible for traits in by_name.values() if traits.limited)
    assert (NO_LIMIT.value, NO_LIMIT.version) == (None, None)
