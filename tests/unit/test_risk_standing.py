"""May it be traded at all: sessions, restricted lists, states, what an order says of itself."""

from typing import Any

import pytest

from pipeline.codecs.avro import decode_dead_letter
from pipeline.risk import keys
from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    ORDER_TYPE_MARKET,
    RESTRICTION_SUBJECT_ALGORITHM,
    RESTRICTION_SUBJECT_COUNTERPARTY,
    RESTRICTION_SUBJECT_DESK,
    RESTRICTION_SUBJECT_INSTRUMENT,
    RESTRICTION_SUBJECT_USER,
    SHORT_MARK_SHORT,
    SHORT_MARK_SHORT_EXEMPT,
    SIDE_BUY,
    SIDE_SELL,
    STATE_SCOPE_ALGORITHM,
    STATE_SCOPE_DESK,
    STATE_SCOPE_INSTRUMENT,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    CheckPolicy,
    Listing,
    Restriction,
    ScopeState,
    SessionCalendar,
)
from pipeline.risk.restrictions import Restrictions
from tests.oracle.checks import Check
from tests.oracle.definitions import Payload
from tests.property.desk import (
    ACCOUNT,
    ACME,
    ESX,
    LIMITS,
    POLICY,
    PRICE_E9,
    SHARE_PRICE_E9,
    USER,
    Desk,
    check,
)
from tests.property.world import ELSEWHERE, START_MS, changed

HOUR_US = 3_600_000_000
START_US = START_MS * 1_000
LONG = "x" * 65


# -- SESSION


def calendar(*sessions: tuple[int, int], until: int = 72, **changes: Any) -> SessionCalendar:
    """From the start of the world on; sessions and the end in hours after it."""
    shape: dict[str, Any] = {
        "calendar_id": "XCME",
        "covers_from": START_US,
        "covers_until": START_US + until * HOUR_US,
        "opens": [START_US + opens * HOUR_US for opens, _ in sessions],
        "closes": [START_US + closes * HOUR_US for _, closes in sessions],
    }
    return SessionCalendar(**(shape | changes))


def listed(*sessions: tuple[int, int], until: int = 72) -> Desk:
    """A desk whose ESX trades by a calendar."""
    desk = Desk()
    desk.control(calendar(*sessions, until=until))
    desk.control(Listing("ESX", "equity-index", "XCME"))
    return desk


def at(desk: Desk, microseconds: int) -> str:
    """What the session says to an order at a time after the start, in microseconds."""
    clock_ms, rest = divmod(microseconds, 1_000)
    assert rest == 0
    desk.world.now_ms = START_MS + clock_ms
    line = check(desk.order(), "SESSION")
    assert (line.observed, line.limit, line.limit_version, line.headroom) == (None,) * 4
    return line.reason or line.result


def test_a_session_is_open_from_its_first_to_before_its_last_microsecond() -> None:
    desk = listed((1, 2), (2, 3), (27, 28))
    answers = [
        at(desk, hours_us)
        for hours_us in (
            0,
            HOUR_US - 1_000,
            HOUR_US,
            2 * HOUR_US - 1_000,
            # One session begins where the one before ends.
            2 * HOUR_US,
            3 * HOUR_US - 1_000,
            3 * HOUR_US,
            # A holiday between two sessions.
            26 * HOUR_US,
            27 * HOUR_US,
            28 * HOUR_US,
            72 * HOUR_US - 1_000,
            72 * HOUR_US,
        )
    ]
    closed, opened, unknown = "SESSION_CLOSED", "PASS", "SESSION_UNKNOWN"
    assert answers == [
        *(closed, closed, opened, opened, opened, opened, closed),
        *(closed, opened, closed, closed, unknown),
    ]


def test_before_its_cover_and_without_sessions_a_calendar_opens_nothing() -> None:
    desk = Desk()
    desk.control(calendar(covers_from=START_US + HOUR_US))
    desk.control(Listing("ESX", None, "XCME"))
    assert at(desk, HOUR_US - 1_000) == "SESSION_UNKNOWN"
    assert at(desk, HOUR_US) == "SESSION_CLOSED"


def test_a_calendar_is_replaced_wholesale_and_comes_back_after_a_restart() -> None:
    desk = listed((0, 1))
    desk.works()
    desk.control(calendar((5, 6)))
    desk.gate.restart()
    assert at(desk, 1_000) == "SESSION_CLOSED"
    assert at(desk, 5 * HOUR_US) == "PASS"


def test_a_calendar_can_wait_for_its_time() -> None:
    desk = listed((0, 72))
    desk.control(calendar(), START_US + HOUR_US)
    assert at(desk, HOUR_US - 1_000) == "PASS"
    assert at(desk, HOUR_US) == "SESSION_CLOSED"


def test_an_instrument_without_a_listing_or_a_known_calendar_does_not_trade() -> None:
    desk = Desk()
    desk.control(changed(ESX, instrument_id="NEWX"))
    assert desk.order(instrument_id="NEWX").reason_code == "SESSION_UNKNOWN"
    desk.control(Listing("NEWX", None, "NOWHERE"))
    assert desk.order(instrument_id="NEWX").reason_code == "SESSION_UNKNOWN"
    desk.control(Listing("NEWX", "sector", None))
    assert check(desk.order(instrument_id="NEWX"), "SESSION") == Check("SESSION", "PASS")


def test_a_closed_session_holds_back_a_replace_and_never_a_cancel() -> None:
    desk = listed((0, 1))
    order = desk.works()
    desk.wait(HOUR_US // 1_000)
    refused = desk.send(desk.replacement(order, quantity_lots=2))
    assert refused.reason_code == "SESSION_CLOSED"
    assert desk.cancel(order.order_id).reason_code == "ACCEPTED"


def test_sessions_can_be_switched_off() -> None:
    desk = listed((1, 2))
    desk.control(changed(POLICY, checks_exempt=["SESSION"]))
    desk.works()


BAD_CALENDARS: list[Payload] = [
    calendar((0, 1), calendar_id=""),
    calendar((0, 1), calendar_id=LONG),
    calendar(until=0),
    calendar((0, 1), closes=[]),
    calendar((1, 1)),
    calendar((2, 1)),
    calendar((0, 2), (1, 3)),
    calendar((-1, 1)),
    calendar((71, 73)),
    calendar(*[(n, n + 1) for n in range(5_001)], until=6_000),
    Listing("", None, None),
    Listing(LONG, None, None),
    Listing("ESX", "", None),
    Listing("ESX", None, LONG),
]


@pytest.mark.parametrize("payload", BAD_CALENDARS)
def test_a_calendar_or_listing_that_cannot_be_changes_nothing(payload: Payload) -> None:
    desk = listed((0, 1))
    answer = desk.control(payload)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "BAD_CONTROL")
    assert desk.dead_letter is not None
    assert "(" in decode_dead_letter(desk.dead_letter).reason_text
    desk.works()


def test_five_thousand_sessions_are_taken() -> None:
    desk = Desk()
    sessions = [(2 * n, 2 * n + 1) for n in range(5_000)]
    assert desk.control(calendar(*sessions, until=10_000)).reason_code == "APPLIED"
    desk.control(Listing("ESX", None, "XCME"))
    assert at(desk, 0) == "PASS"
    assert at(desk, 9_997 * HOUR_US) == "SESSION_CLOSED"
    assert at(desk, 9_998 * HOUR_US) == "PASS"


# -- RESTRICTED


def restriction(subject: int, *ids: str, instrument: str | None = None) -> Restriction:
    return Restriction(subject, list(ids), instrument, restricted=True)


NAMES: dict[str, Any] = {"desk_id": "d", "counterparty_id": "c", "algo_id": "a"}
SUBJECTS = [
    (RESTRICTION_SUBJECT_USER, USER, "USER_RESTRICTED"),
    (RESTRICTION_SUBJECT_DESK, "d", "DESK_RESTRICTED"),
    (RESTRICTION_SUBJECT_INSTRUMENT, "ESX", "INSTRUMENT_RESTRICTED"),
    (RESTRICTION_SUBJECT_COUNTERPARTY, "c", "COUNTERPARTY_RESTRICTED"),
    (RESTRICTION_SUBJECT_ALGORITHM, "a", "ALGORITHM_RESTRICTED"),
]


@pytest.mark.parametrize("instrument", [None, "ESX"])
@pytest.mark.parametrize(("subject", "name", "reason"), SUBJECTS)
def test_who_is_on_a_list_is_refused_until_taken_off(
    subject: int, name: str, reason: str, instrument: str | None
) -> None:
    desk = Desk()
    desk.control(restriction(subject, "other", name, instrument=instrument))
    version = desk.version
    desk.control(restriction(subject, "another", instrument="BTC-USD"))
    answer = desk.order(**NAMES)
    assert answer.reason_code == reason
    assert check(answer, "RESTRICTED") == Check("RESTRICTED", "FAIL", reason, None, None, version)
    desk.gate.restart()
    assert desk.order(**NAMES).reason_code == reason
    desk.control(changed(restriction(subject, name, instrument=instrument), restricted=False))
    assert check(desk.order(**NAMES), "RESTRICTED") == Check("RESTRICTED", "PASS")


def test_a_restriction_in_one_instrument_says_nothing_of_another() -> None:
    desk = Desk()
    for subject, name, _ in SUBJECTS:
        desk.control(restriction(subject, name, instrument="BTC-USD"))
    desk.works(**NAMES)
    answer = desk.order(instrument_id="BTC-USD", **NAMES)
    assert answer.reason_code == "USER_RESTRICTED"


def test_the_first_list_in_order_of_subjects_and_everywhere_before_within_is_told() -> None:
    desk = Desk()
    versions = []
    for subject, name, _ in reversed(SUBJECTS):
        desk.control(restriction(subject, name))
        versions.append(desk.version)
        desk.control(restriction(subject, name, instrument="ESX"))
    for subject, name, reason in SUBJECTS:
        line = check(desk.order(**NAMES), "RESTRICTED")
        assert (line.reason, line.limit_version) == (reason, versions.pop())
        lifted = changed(restriction(subject, name), restricted=False)
        desk.control(lifted)
        assert check(desk.order(**NAMES), "RESTRICTED").reason == reason
        desk.control(changed(lifted, instrument_id="ESX"))
    desk.works(**NAMES)


def test_what_an_order_does_not_name_is_on_no_list() -> None:
    desk = Desk()
    for subject in (
        RESTRICTION_SUBJECT_DESK,
        RESTRICTION_SUBJECT_COUNTERPARTY,
        RESTRICTION_SUBJECT_ALGORITHM,
    ):
        desk.control(restriction(subject, "d", "c", "a"))
    desk.works()


def test_an_order_that_cannot_be_placed_is_on_a_list_all_the_same() -> None:
    desk = Desk()
    desk.control(restriction(RESTRICTION_SUBJECT_DESK, "d", instrument="NOPE"))
    answer = desk.order(instrument_id="NOPE", desk_id="d", user_id="stranger-5")
    assert answer.reason_code == "USER_UNKNOWN"
    assert check(answer, "RESTRICTED").reason == "DESK_RESTRICTED"


def restricted_rows(desk: Desk) -> int:
    return sum(key[:1] == keys.RESTRICTION for key in desk.gate.rows.rows)


def test_a_user_is_listed_in_the_lane_of_that_user_alone() -> None:
    desk = Desk()
    desk.control(restriction(RESTRICTION_SUBJECT_USER, USER, ELSEWHERE))
    assert restricted_rows(desk) == 1
    assert desk.gate.processor.core.rules.checks.restrictions.count == 1


def test_a_list_named_again_counts_once_and_shows_the_newest_version() -> None:
    desk = Desk()
    for _ in range(2):
        desk.control(restriction(RESTRICTION_SUBJECT_USER, USER, USER))
    assert check(desk.order(), "RESTRICTED").limit_version == desk.version
    assert restricted_rows(desk) == 1
    lifted = changed(restriction(RESTRICTION_SUBJECT_USER, USER), restricted=False)
    for changes in ({"instrument_id": "ESX"}, {}, {}):
        desk.control(changed(lifted, **changes))
    desk.works()
    assert restricted_rows(desk) == 0


def test_a_list_of_many_records_is_one_list() -> None:
    desk = Desk()
    many = [f"counterparty-{number}" for number in range(3_000)]
    for start in range(0, len(many), 1_000):
        desk.control(restriction(RESTRICTION_SUBJECT_COUNTERPARTY, *many[start : start + 1_000]))
    desk.gate.restart()
    for name in (many[0], many[1_500], many[-1]):
        assert desk.order(counterparty_id=name).reason_code == "COUNTERPARTY_RESTRICTED"
    assert restricted_rows(desk) == len(many)
    desk.works(counterparty_id="counterparty-3000")


def test_what_is_listed_is_counted_and_what_is_not_cannot_be_taken_off() -> None:
    lists = Restrictions()
    for each, instrument in (("a", ""), ("a", ""), ("a", "ESX"), ("b", "ESX")):
        lists.add(RESTRICTION_SUBJECT_DESK, each, instrument, len(each + instrument))
    assert lists.count == 3
    assert not lists.remove(RESTRICTION_SUBJECT_DESK, "c", "")
    assert not lists.remove(RESTRICTION_SUBJECT_DESK, "a", "BTC-USD")
    assert lists.remove(RESTRICTION_SUBJECT_DESK, "a", "ESX")
    assert lists.count == 2
    assert lists.version_of(RESTRICTION_SUBJECT_DESK, "a", "ESX") == 1
    assert lists.version_of(RESTRICTION_SUBJECT_DESK, "b", "ESX") == 4
    assert lists.remove(RESTRICTION_SUBJECT_DESK, "b", "ESX")
    assert lists.remove(RESTRICTION_SUBJECT_DESK, "a", "")
    assert lists.count == 0
    assert not any(lists._within)


BAD_RESTRICTIONS: list[Payload] = [
    restriction(RESTRICTION_SUBJECT_USER),
    restriction(RESTRICTION_SUBJECT_USER, *[f"u{n}" for n in range(1_001)]),
    restriction(RESTRICTION_SUBJECT_USER, USER, ""),
    restriction(RESTRICTION_SUBJECT_USER, USER, LONG),
    restriction(RESTRICTION_SUBJECT_USER, USER, instrument=""),
    restriction(RESTRICTION_SUBJECT_USER, USER, instrument=LONG),
    ScopeState(STATE_SCOPE_DESK, "", TRADING_STATE_HALTED),
    ScopeState(STATE_SCOPE_DESK, LONG, TRADING_STATE_HALTED),
]


@pytest.mark.parametrize("payload", BAD_RESTRICTIONS)
def test_a_list_or_state_that_cannot_be_stops_nobody(payload: Payload) -> None:
    desk = Desk()
    answer = desk.control(payload)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "BAD_CONTROL")
    desk.works()


def test_a_thousand_ids_are_taken() -> None:
    ids = [USER, *[f"u{n}" for n in range(999)]]
    desk = Desk()
    assert desk.control(restriction(RESTRICTION_SUBJECT_USER, *ids)).reason_code == "APPLIED"
    assert desk.order().reason_code == "USER_RESTRICTED"


# -- ALGORITHM_STATE, DESK_STATE, INSTRUMENT_STATE


STATES = [
    (STATE_SCOPE_ALGORITHM, "a", "ALGORITHM"),
    (STATE_SCOPE_DESK, "d", "DESK"),
    (STATE_SCOPE_INSTRUMENT, "ESX", "INSTRUMENT"),
]


@pytest.mark.parametrize(("scope", "scope_id", "name"), STATES)
def test_an_algorithm_a_desk_and_an_instrument_can_be_halted_or_reducing(
    scope: int, scope_id: str, name: str
) -> None:
    desk = Desk()
    desk.bought(2, **NAMES)
    line = f"{name}_STATE"
    desk.control(ScopeState(scope, scope_id, TRADING_STATE_REDUCING))
    desk.gate.restart()
    for changes in ({"side": SIDE_BUY}, {"side": SIDE_SELL, "quantity_lots": 3}):
        answer = desk.order(**NAMES, **changes)
        expected = Check(line, "FAIL", f"{name}_REDUCING", None, None, desk.version)
        assert (answer.reason_code, check(answer, line)) == (f"{name}_REDUCING", expected)
    answer = desk.order(**NAMES, side=SIDE_SELL, quantity_lots=2)
    assert (answer.reason_code, check(answer, line)) == ("ACCEPTED", Check(line, "PASS"))
    desk.control(ScopeState(scope, scope_id, TRADING_STATE_HALTED))
    answer = desk.order(**NAMES, side=SIDE_SELL)
    expected = Check(line, "FAIL", f"{name}_HALTED", None, None, desk.version)
    assert (answer.reason_code, check(answer, line)) == (f"{name}_HALTED", expected)
    desk.control(ScopeState(scope, scope_id, TRADING_STATE_ACTIVE))
    desk.wait(2_000)
    assert check(desk.order(**NAMES), line) == Check(line, "PASS")


def test_others_than_the_halted_trade_on() -> None:
    desk = Desk()
    for scope in (STATE_SCOPE_ALGORITHM, STATE_SCOPE_DESK, STATE_SCOPE_INSTRUMENT):
        desk.control(ScopeState(scope, "BTC-USD", TRADING_STATE_HALTED))
    desk.works(**NAMES)
    desk.works()


def test_a_halted_algorithm_may_cancel_and_not_replace() -> None:
    desk = Desk()
    order = desk.works(**NAMES)
    desk.control(ScopeState(STATE_SCOPE_ALGORITHM, "a", TRADING_STATE_HALTED))
    assert desk.send(desk.replacement(order)).reason_code == "ALGORITHM_HALTED"
    assert desk.cancel(order.order_id, **NAMES).reason_code == "ACCEPTED"


# -- REDUCE_ONLY


def test_what_is_marked_reduce_only_must_reduce_with_all_that_works() -> None:
    desk = Desk()
    desk.bought(2)
    answer = desk.order(reduce_only=True)
    assert check(answer, "REDUCE_ONLY") == Check("REDUCE_ONLY", "FAIL", "NOT_REDUCING")
    assert answer.reason_code == "NOT_REDUCING"
    desk.works(reduce_only=True, side=SIDE_SELL, quantity_lots=1)
    answer = desk.order(reduce_only=True, side=SIDE_SELL, quantity_lots=2)
    assert answer.reason_code == "NOT_REDUCING"
    desk.works(side=SIDE_SELL, quantity_lots=1)


def test_a_reduce_only_order_that_cannot_be_placed_does_not_reduce() -> None:
    desk = Desk()
    for changes in ({"instrument_id": "NOPE"}, {"user_id": "stranger-5"}, {"quantity_lots": 0}):
        answer = desk.order(reduce_only=True, side=SIDE_SELL, **changes)
        assert check(answer, "REDUCE_ONLY").reason == "NOT_REDUCING"


# -- SHORT_MARK


def marks(desk: Desk, **changes: Any) -> tuple[str, str | None]:
    """What SHORT_MARK says to a sale of shares."""
    shape = {"instrument_id": "ACME", "side": SIDE_SELL, "price_e9": SHARE_PRICE_E9}
    line = check(desk.order(**(shape | changes)), "SHORT_MARK")
    assert (line.observed, line.limit, line.limit_version, line.headroom) == (None,) * 4
    return line.result, line.reason


def shares(lots: int) -> Desk:
    """A desk with shares, where short marks are insisted on."""
    desk = Desk()
    desk.control(ACME)
    desk.control(changed(LIMITS, short_lots_max=100, locate_id="prime", order_rate_per_s_max=100))
    desk.control(CheckPolicy("SHORT_MARK", CHECK_SEVERITY_REJECT, None))
    desk.mark("ACME", SHARE_PRICE_E9)
    if lots:
        desk.bought(lots, SHARE_PRICE_E9, instrument_id="ACME")
    return desk


MISSING = ("FAIL", "SHORT_MARK_MISSING")
WRONG = ("FAIL", "SHORT_MARK_WRONG")
RIGHT = ("PASS", None)


def test_a_short_sale_is_marked_and_a_long_one_is_not() -> None:
    desk = shares(5)
    for mark in (SHORT_MARK_SHORT, SHORT_MARK_SHORT_EXEMPT):
        assert marks(desk, quantity_lots=6, short_mark=mark) == RIGHT
        desk = shares(5)
        assert marks(desk, quantity_lots=5, short_mark=mark) == WRONG
    assert marks(desk, quantity_lots=6) == MISSING
    assert marks(desk, quantity_lots=5) == RIGHT
    # Those five are sold already, as far as it is known.
    assert marks(desk, quantity_lots=1) == MISSING


def test_nothing_but_a_sale_of_shares_is_marked() -> None:
    desk = shares(5)
    assert marks(desk, side=SIDE_BUY, short_mark=SHORT_MARK_SHORT) == WRONG
    assert marks(desk, side=SIDE_BUY) == RIGHT
    future = {"instrument_id": "ESX", "price_e9": PRICE_E9}
    assert marks(desk, **future, short_mark=SHORT_MARK_SHORT) == WRONG
    assert marks(desk, **future) == RIGHT


def test_what_cannot_be_counted_is_not_judged() -> None:
    desk = shares(0)
    unknown = ("NOT_EVALUATED", None)
    assert marks(desk, instrument_id="NOPE", short_mark=SHORT_MARK_SHORT) == unknown
    assert marks(desk, quantity_lots=0) == unknown
    assert marks(desk, user_id="stranger-5") == unknown
    # Whose it is does not matter where nothing may be marked.
    stranger = {"user_id": "stranger-5", "side": SIDE_BUY}
    assert marks(desk, **stranger, short_mark=SHORT_MARK_SHORT) == WRONG
    assert marks(desk, **stranger) == RIGHT


def test_a_replace_is_marked_by_what_it_adds() -> None:
    desk = shares(5)
    order = desk.works(
        instrument_id="ACME", side=SIDE_SELL, quantity_lots=5, price_e9=SHARE_PRICE_E9
    )
    more = desk.replacement(order, quantity_lots=6)
    assert desk.send(more).reason_code == "SHORT_MARK_MISSING"
    more = desk.replacement(order, quantity_lots=6, short_mark=SHORT_MARK_SHORT)
    assert desk.send(more).reason_code == "ACCEPTED"


def test_a_market_sale_is_marked_all_the_same() -> None:
    desk = shares(0)
    market = {"order_type": ORDER_TYPE_MARKET, "price_e9": None}
    assert marks(desk, **market) == MISSING
    assert marks(desk, **market, short_mark=SHORT_MARK_SHORT) == RIGHT


def test_the_reasons_come_in_the_order_of_the_checks() -> None:
    desk = listed((1, 2))
    desk.control(restriction(RESTRICTION_SUBJECT_USER, USER))
    desk.control(ScopeState(STATE_SCOPE_INSTRUMENT, "ESX", TRADING_STATE_HALTED))
    desk.control(changed(ACCOUNT, trading_state=TRADING_STATE_HALTED))
    answer = desk.order(reduce_only=True)
    assert answer.decision is not None
    reasons = [line.reason for line in answer.decision.checks if line.reason]
    assert reasons == [
        "SESSION_CLOSED",
        "USER_RESTRICTED",
        "USER_HALTED",
        "INSTRUMENT_HALTED",
        "NOT_REDUCING",
    ]
    assert answer.reason_code == "SESSION_CLOSED"
