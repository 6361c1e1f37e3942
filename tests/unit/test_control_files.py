"""The files of config/control: the shipped ones are right, a slip is refused by file and key."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.rendering import parse_time
from pipeline.control.definitions import OutOfRangeError, Payload, check, subject_of
from pipeline.control.directory import DefinitionError, plan_changes, read_directory
from pipeline.control.history import ControlError, ControlHistory
from pipeline.control.lists import changes_of_list, listed, read_ids
from pipeline.control.telling import told
from pipeline.lane.rows import DictRows, StoredRows
from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.collateral import COLLATERALS_MAX
from pipeline.risk.records import (
    LIMIT_SCOPE_TIER,
    RESTRICTION_SUBJECT_USER,
    STATE_SCOPE_DESK,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    CheckLimit,
    Collateral,
    Control,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    Release,
    Restriction,
    ScopeState,
    SessionCalendar,
    UserAccount,
)
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import LaneState
from pipeline.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "config/control"


def control(number: int, payload: Payload) -> Control:
    return Control(0, "s", "t", number, 1, "p", None, "r", 0, None, payload)


def core() -> RulesInForce:
    """The core's own judge of definitions, in a lane that knows nothing yet."""
    return RulesInForce(CATALOG, 0, 1, LaneState(StoredRows(DictRows())))


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text)
    return directory


def test_the_core_takes_every_shipped_definition() -> None:
    definitions = read_directory(SHIPPED)
    assert [core().problem(control(1, each.payload)) for each in definitions] == [None] * len(
        definitions
    )


def test_the_shipped_files_leave_no_tier_without_limits_fees_or_a_firm_to_trade_for() -> None:
    payloads = [each.payload for each in read_directory(SHIPPED)]
    limited = {payload.scope_id for payload in payloads if isinstance(payload, Limits)}
    charged = {payload.tier_id for payload in payloads if isinstance(payload, FeeSchedule)}
    tiers = {payload.tier_id for payload in payloads if isinstance(payload, UserAccount)}
    assert tiers <= limited == charged
    kinds = {type(payload) for payload in payloads}
    assert {Instrument, FirmState, Policy} <= kinds


def test_everything_is_new_to_an_empty_topic_and_nothing_the_second_time() -> None:
    definitions = read_directory(SHIPPED)
    history = ControlHistory()
    plan = plan_changes(definitions, history)
    assert (len(plan.payloads), plan.unchanged) == (len(definitions), 0)
    for number, payload in enumerate(plan.payloads, start=1):
        history.record(control(number, payload))
    again = plan_changes(definitions, history)
    assert (again.payloads, again.unchanged) == ((), len(definitions))


SPOT = """
instruments:
  - {instrument_id: X, kind: SPOT, currency: USD, base_currency: BTC, base_minor_per_lot: 1,
     tick_e9: 1, lot: 1, multiplier_numerator: 1, multiplier_denominator: 1, state: OPEN}
"""
USER = "{user_id: u, account_tenant_id: t, tier_id: standard, trading_state: ACTIVE}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("instrument: []", "unknown section 'instrument'"),
        ("- a", "expected sections"),
        ("instruments: {}", "instruments: expected a list"),
        ("users: [7]", "users entry 1: user_account: expected an object"),
        ("users: [{user_id: u}]", "users entry 1: user_account: field 'account_tenant_id' is miss"),
        (f"users: [{USER}, {USER}]", "users entry 2: user_account u is defined already in"),
        ("users:\n- {user_id: a, user_id: b}", "key 'user_id' comes twice"),
        ("firm: {trading_state: NO}", "expected one of ACTIVE, REDUCING, HALTED, not False"),
        ("firm: {trading_state: [", "not readable as YAML"),
        (SPOT.replace("tick_e9: 1", "tick_e9: 0"), "tick_e9 must be between 1 and"),
        (SPOT.replace("lot: 1,", "lot: -1,"), "lot must be between 1 and"),
        (SPOT.replace("tick_e9: 1", "tick_e9: 0.25"), "instrument.tick_e9: expected a whole numb"),
        (SPOT.replace("BTC", "USD"), "base_currency must differ"),
        (SPOT.replace("base_currency: BTC, ", ""), "base_currency is missing"),
        (SPOT.replace("SPOT", "FUTURE"), "for SPOT instruments only"),
        (SPOT.replace("X", "x" * 65), "instrument_id must be 1 to 64 bytes"),
        (SPOT.replace("state: OPEN", "state: OPEN, tick: 1"), "unknown field 'tick'"),
        ("limits: [{scope: TIER, scope_id: a}]", "no figure is given"),
        (
            "limits: [{scope: TIER, scope_id: a, price_collar_bps: -1}]",
            "price_collar_bps must be between 0",
        ),
        (
            "fees: [{tier_id: a, fee_per_lot_minor_max: -1, fee_notional_bps_max: 0}]",
            "fee_per_lot_minor_max must be between 0",
        ),
        (
            "collateral: [{tier_id: a, currency: EUR, haircut_bps: 10001}]",
            "haircut_bps must be between 0 and 10000",
        ),
        ("collateral: [{tier_id: a, currency: '', haircut_bps: 0}]", "currency must be 1 to 16"),
    ],
)
def test_a_slip_is_refused_and_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_directory(write(tmp_path, slip=text))
    assert message in str(caught.value)
    assert "slip.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dedup_window_ms", 0, "dedup_window_ms must be between 1"),
        ("remembered_ids_max", 0, "remembered_ids_max must be between 1"),
        ("order_age_ms_max", -1, "order_age_ms_max must be between 0"),
        ("mark_age_ms_max", 10**15, "mark_age_ms_max must be between 0"),
        ("checks_exempt", ["BUYING_POWER"], "'BUYING_POWER' cannot be exempt"),
        ("checks_exempt", "ORDER_RATE", "policy.checks_exempt: expected a list"),
    ],
)
def test_a_policy_out_of_bounds_is_refused(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    policy = yaml.safe_load((SHIPPED / "policy.yaml").read_text())
    policy["policy"][key] = value
    with pytest.raises(DefinitionError) as caught:
        read_directory(write(tmp_path, policy=yaml.safe_dump(policy)))
    assert message in str(caught.value)


def test_a_directory_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="yaml files here"):
        read_directory(tmp_path)


def test_an_instrument_never_changes_what_money_is_settled_by(tmp_path: Path) -> None:
    history = ControlHistory()
    (old,) = read_directory(write(tmp_path, instruments=SPOT))
    history.record(control(1, old.payload))
    changed = read_directory(write(tmp_path, instruments=SPOT.replace("USD", "EUR")))
    with pytest.raises(DefinitionError, match="currency of 'X' never changes"):
        plan_changes(changed, history)


def test_a_stricter_state_in_force_is_kept_and_a_stricter_state_in_the_file_counts(
    tmp_path: Path,
) -> None:
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    history = ControlHistory()
    history.record(control(1, UserAccount("carol", "demo", "standard", TRADING_STATE_HALTED)))
    history.record(control(2, UserAccount("alice", "demo", "other", TRADING_STATE_REDUCING)))
    plan = plan_changes(read_directory(tmp_path), history)
    assert plan.kept == ("alice", "carol")
    users = {p.user_id: p for p in plan.payloads if isinstance(p, UserAccount)}
    assert "carol" not in users
    assert users["alice"].tier_id == "standard"
    assert users["alice"].trading_state == TRADING_STATE_REDUCING


def test_collateral_of_a_currency_too_many_is_refused(tmp_path: Path) -> None:
    entries = [
        f"- {{tier_id: a, currency: C{number}, haircut_bps: {10_000 - number}}}"
        for number in range(COLLATERALS_MAX + 1)
    ]
    history = ControlHistory()
    history.record(control(1, Collateral("b", "C", 0)))
    fitting = write(tmp_path, some="collateral:\n" + "\n".join(entries[:-1]))
    assert len(plan_changes(read_directory(fitting), history).payloads) == COLLATERALS_MAX
    too_many = write(tmp_path, some="collateral:\n" + "\n".join(entries))
    with pytest.raises(DefinitionError, match=r"entry 17: currency 'C16' is one too many"):
        plan_changes(read_directory(too_many), history)
    # What was withdrawn counts; what is there already may change.
    for number in range(COLLATERALS_MAX):
        history.record(control(number + 2, Collateral("a", f"C{number}", 10_000)))
    last = write(tmp_path, some="collateral:\n" + entries[-1])
    with pytest.raises(DefinitionError, match="one too many"):
        plan_changes(read_directory(last), history)
    again = write(tmp_path, some="collateral:\n" + entries[0])
    plan_changes(read_directory(again), history)


def test_a_gap_in_the_topic_is_an_error() -> None:
    history = ControlHistory()
    history.record(control(1, FirmState(0)))
    with pytest.raises(ControlError, match="control record 3 follows 1"):
        history.record(control(3, FirmState(0)))


def test_subjects_of_limits_differ_by_scope_and_instrument() -> None:
    def limits(scope: int, scope_id: str, instrument_id: str | None) -> Limits:
        return Limits(
            scope,
            scope_id,
            instrument_id,
            order_rate_per_s_max=1,
            order_quantity_lots_max=None,
            order_notional_minor_max=None,
            notional_currency=None,
            position_lots_max=None,
            price_collar_bps=None,
            market_collar_bps=None,
            short_lots_max=None,
            locate_id=None,
        )

    payloads = [
        limits(0, "a", None),
        limits(1, "a", None),
        limits(0, "a", "X"),
        limits(0, "b", None),
    ]
    assert len({subject_of(payload) for payload in payloads}) == len(payloads)


figure = st.one_of(
    st.integers(-2, 2), st.integers(10**18 - 1, 10**18 + 1), st.integers(-(2**63), 2**63 - 1)
)
duration = st.one_of(figure, st.integers(0, 4 * 10**12))
text = st.one_of(st.sampled_from(["", "USD", "BTC", "x" * 64, "x" * 65, "ü" * 33]), st.text())
optional_text = st.none() | text
optional_figure = st.none() | figure
payload = st.one_of(
    st.builds(
        Instrument,
        text,
        st.integers(0, 2),
        text,
        optional_text,
        figure,
        figure,
        figure,
        figure,
        figure,
        optional_figure,
        st.integers(0, 2),
    ),
    st.builds(
        Limits,
        st.integers(0, 1),
        text,
        optional_text,
        *[optional_figure] * 3,
        optional_text,
        *[optional_figure] * 4,
        optional_text,
    ),
    st.builds(UserAccount, text, text, text, st.integers(0, 2)),
    st.builds(FeeSchedule, text, optional_text, figure, figure),
    st.builds(Collateral, text, text, figure | st.integers(9_999, 10_001)),
    st.builds(
        Policy,
        *[duration] * 4,
        *[figure] * 2,
        duration,
        st.lists(st.sampled_from(["ORDER_RATE", "OPEN_ORDERS", "USER", ""]), max_size=2),
    ),
)


@given(payload)
def test_what_is_published_is_never_a_bad_control_in_a_lane(candidate: Payload) -> None:
    try:
        check(candidate)
    except OutOfRangeError:
        return
    assert core().problem(control(1, candidate)) is None


# -- sections of checks


def read(directory: Path, text: str) -> list[Payload]:
    return [each.payload for each in read_directory(write(directory, checks=text))]


def refused(directory: Path, text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        read_directory(write(directory, checks=text))
    assert "checks.yaml" in str(caught.value)
    return str(caught.value)


def test_an_entry_of_check_limits_names_several_checks(tmp_path: Path) -> None:
    text = """
    check_limits:
      - scope: TIER
        scope_id: gold
        instrument_id: ESX
        limits:
          MESSAGE_RATE: 5
          ORDER_TO_TRADE: {limit: 50, allowance: 7}
          CREDIT: {limit: 9, currency: EUR}
          DRAWDOWN: {}
    """
    assert [limit_fields(payload) for payload in read(tmp_path, text)] == [
        ("MESSAGE_RATE", 5, None, None),
        ("ORDER_TO_TRADE", 50, 7, None),
        ("CREDIT", 9, None, "EUR"),
        ("DRAWDOWN", None, None, None),
    ]


def limit_fields(payload: Payload) -> tuple[str, int | None, int | None, str | None]:
    assert isinstance(payload, CheckLimit)
    assert (payload.scope, payload.scope_id, payload.instrument_id) == (
        LIMIT_SCOPE_TIER,
        "gold",
        "ESX",
    )
    return payload.check, payload.limit, payload.allowance, payload.currency


LIMITED = "check_limits: [{scope: TIER, scope_id: gold, limits: {LIMIT}}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("check_limits: [{scope: TIER, scope_id: gold}]", "entry 1: expected `limits`: the names"),
        ("check_limits: [7]", "entry 1: expected `limits`: the names of checks"),
        (LIMITED.replace("LIMIT", "ORDER_RATE: 1"), "'ORDER_RATE' has no limit of its own"),
        (LIMITED.replace("LIMIT", "CREDIT: -1"), "CREDIT: limit must be between 0 and"),
        (LIMITED.replace("LIMIT", "SAME_CONTENT: 16"), "limit must be between 0 and 15"),
        (LIMITED.replace("LIMIT", "CREDIT: x"), "CREDIT: check_limit.limit: expected a whole numb"),
        (
            LIMITED.replace("LIMIT", "CREDIT: {limit: 1, allowance: 1}"),
            "allowance is not for this check",
        ),
        (
            LIMITED.replace("LIMIT", "PUSH: {limit: 1, currency: USD}"),
            "currency is not for this check",
        ),
        ("check_policies: [{check: NOPE, severity: HALT}]", "there is no check 'NOPE'"),
        ("check_policies: [{check: USER, severity: HALT}]", "check USER always rejects"),
        ("check_policies: [{check: PUSH, severity: LOUD}]", "expected one of REJECT, NOTIFY"),
        (
            "check_policies: [{check: CREDIT, severity: HALT, window_ms: 5}]",
            "window_ms is not for this check",
        ),
        ("listings: [{instrument_id: ''}]", "is empty or too long"),
        (
            "states: [{scope: USER, scope_id: u, trading_state: HALTED}]",
            "expected one of ALGORITHM",
        ),
        ("states: [{scope: DESK, scope_id: '', trading_state: HALTED}]", "scope_id is empty"),
        (
            "listings: [{instrument_id: a}, {instrument_id: a}]",
            "listings entry 2: listing a is defined already in",
        ),
    ],
)
def test_a_slip_in_a_section_of_checks_is_told(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path, text)


def test_a_state_of_a_file_is_only_ever_made_stricter(tmp_path: Path) -> None:
    text = "states: [{scope: DESK, scope_id: d7, trading_state: STATE}]"
    history = ControlHistory()
    history.record(control(1, ScopeState(STATE_SCOPE_DESK, "d7", TRADING_STATE_REDUCING)))
    looser = write(tmp_path, checks=text.replace("STATE", "ACTIVE"))
    plan = plan_changes(read_directory(looser), history)
    assert (plan.payloads, plan.kept) == ((), ("d7",))
    stricter = write(tmp_path, checks=text.replace("STATE", "HALTED"))
    (payload,) = plan_changes(read_directory(stricter), history).payloads
    assert isinstance(payload, ScopeState)
    assert payload.trading_state == TRADING_STATE_HALTED


# -- calendars


def us(text: str) -> int:
    return parse_time(text)


def calendar_of(directory: Path, text: str) -> SessionCalendar:
    (payload,) = read(directory, text)
    assert isinstance(payload, SessionCalendar)
    return payload


BY_THE_WEEK = """
calendars:
  - calendar_id: XNYS
    time_zone: America/New_York
    first_day: 2024-03-07
    last_day: 2024-03-12
    weekly: {mon: [09:30-16:00], tue: [09:30-16:00], thu: [09:30-16:00], fri: [09:30-16:00]}
    days: {2024-03-08: [], 2024-03-12: [09:30-11:00, 12:00-13:00]}
"""


def test_a_week_becomes_sessions_with_daylight_saving_holidays_and_short_days(
    tmp_path: Path,
) -> None:
    calendar = calendar_of(tmp_path, BY_THE_WEEK)
    assert calendar.covers_from == us("2024-03-07T05:00:00Z")
    # Clocks went forward on the 10th.
    assert calendar.covers_until == us("2024-03-13T04:00:00Z")
    assert list(zip(calendar.opens, calendar.closes, strict=True)) == [
        (us(f"2024-03-{opens}Z"), us(f"2024-03-{closes}Z"))
        for opens, closes in (
            ("07T14:30:00", "07T21:00:00"),
            ("11T13:30:00", "11T20:00:00"),
            ("12T13:30:00", "12T15:00:00"),
            ("12T16:00:00", "12T17:00:00"),
        )
    ]


def test_a_session_may_close_on_the_day_after_even_the_last(tmp_path: Path) -> None:
    text = """
    calendars:
      - calendar_id: XCME
        time_zone: UTC
        first_day: 2024-03-03
        last_day: 2024-03-04
        weekly: {sun: [17:00-16:00], mon: [17:00-16:00]}
    """
    calendar = calendar_of(tmp_path, text)
    assert calendar.opens == [us("2024-03-03T17:00:00Z"), us("2024-03-04T17:00:00Z")]
    assert calendar.closes == [us("2024-03-04T16:00:00Z"), us("2024-03-05T16:00:00Z")]
    assert calendar.covers_until == calendar.closes[-1]


BY_SESSIONS = """
calendars:
  - calendar_id: XCME
    covers_from: 2024-03-04T00:00:00Z
    covers_until: "2024-03-06T00:00:00+01:00"
    sessions:
      - {opens: 2024-03-04T09:00:00Z, closes: 2024-03-04T11:00:00+01:00}
      - {opens: 2024-03-05T09:00:00Z, closes: 2024-03-05T10:00:00Z}
"""


def test_sessions_can_be_written_one_by_one_with_their_offsets(tmp_path: Path) -> None:
    calendar = calendar_of(tmp_path, BY_SESSIONS)
    assert calendar.covers_until == us("2024-03-05T23:00:00Z")
    assert calendar.opens == [us("2024-03-04T09:00:00Z"), us("2024-03-05T09:00:00Z")]
    assert calendar.closes == [us("2024-03-04T10:00:00Z"), us("2024-03-05T10:00:00Z")]


def test_a_calendar_can_be_the_record_itself(tmp_path: Path) -> None:
    record = "{calendar_id: c, covers_from: 1, covers_until: 9, opens: [1, 4], closes: [2, 8]}"
    assert calendar_of(tmp_path, f"calendars: [{record}]").opens == [1, 4]


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (BY_THE_WEEK, "time_zone: America/New_York", "", "time_zone is missing"),
        (BY_THE_WEEK, "America/New_York", "America/Nowhere", "'America/Nowhere' is not known"),
        (BY_THE_WEEK, "America/New_York", "America", "'America' is not known"),
        (BY_THE_WEEK, "America/New_York", "5", "time_zone: 5 is not known"),
        (BY_THE_WEEK, "last_day: 2024-03-12", "last_day: 2024-03-06", "last_day must be first_day"),
        (BY_THE_WEEK, "last_day: 2024-03-12", "last_day: 2044-03-06", "at most ten years"),
        (BY_THE_WEEK, "first_day: 2024-03-07", "first_day: March", "first_day: expected a date"),
        (BY_THE_WEEK, "mon: [", "monday: [", "weekly: 'monday' is no day; they are mon, tue"),
        (BY_THE_WEEK, "mon: [09:30-16:00]", "mon: 09:30-16:00", "weekly mon: expected a list"),
        (BY_THE_WEEK, "mon: [09:30", "mon: [9:30", "hours such as 09:30-16:00, not '9:30-16:00'"),
        (BY_THE_WEEK, "mon: [09:30-16:00", "mon: [09:30-24:00", "not '09:30-24:00'"),
        (BY_THE_WEEK, "mon: [09:30-16:00", "mon: [9", "hours such as 09:30-16:00, not 9"),
        (BY_THE_WEEK, "2024-03-08: []", "2025-03-08: []", "2025-03-08 is not between first_day"),
        (BY_THE_WEEK, "2024-03-08: []", "friday: []", "days: expected a date such as"),
        (BY_THE_WEEK, "days: {", "holidays: {", "unknown key 'holidays'; known: calendar_id"),
        (BY_THE_WEEK, "weekly: {", "weekly: [", "not readable as YAML"),
        (BY_THE_WEEK, "12:00-13:00", "10:00-13:00", "sessions must be in order"),
        (BY_THE_WEEK, "calendar_id: XNYS", "calendar_id: ''", "calendar_id is empty"),
        (BY_THE_WEEK, "calendar_id: XNYS", "calendar_id: 5", "calendar_id: expected text, not 5"),
        (BY_SESSIONS, "09:00:00Z, closes: 2024-03-04", "12:00:00Z, closes: 2024-03-04", "in order"),
        (BY_SESSIONS, "opens: 2024-03-05T09", "open: 2024-03-05T09", "sessions entry 2: unknown k"),
        (BY_SESSIONS, "opens: 2024-03-05T09:00:00Z, ", "", "sessions entry 2: opens is missing"),
        (
            BY_SESSIONS,
            "opens: 2024-03-05T09:00:00Z",
            "opens: 9",
            "sessions entry 2: opens: expecte",
        ),
        (
            BY_SESSIONS,
            "covers_from: 2024-03-04T00:00:00Z",
            "covers_from: 2024-03-04",
            "covers_from:",
        ),
        (
            BY_SESSIONS,
            "covers_from: 2024-03-04T00:00:00Z",
            "covers_from: 2024-03-04T00:00:00",
            "expected a time with its offset, such as 2024-01-02T14:30:00Z",
        ),
    ],
)
def test_a_slip_in_a_calendar_is_told(
    tmp_path: Path, text: str, old: str, new: str, message: str
) -> None:
    assert old in text
    told_of = refused(tmp_path, text.replace(old, new, 1))
    assert message in told_of


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weekly: []", "weekly: expected days, each with a list such as [09:30-16:00]"),
        ("weekly: {mon: []}, days: []", "days: expected days, each with a list"),
    ],
)
def test_days_are_a_mapping(tmp_path: Path, text: str, message: str) -> None:
    shared = "calendar_id: c, time_zone: UTC, first_day: 2024-01-01, last_day: 2024-01-01"
    assert message in refused(tmp_path, f"calendars: [{{{shared}, {text}}}]")


@pytest.mark.parametrize(
    ("sessions", "message"),
    [("5", "sessions: expected a list"), ("[5]", "sessions entry 1: expected opens and closes")],
)
def test_sessions_are_a_list_of_times(tmp_path: Path, sessions: str, message: str) -> None:
    shared = "calendar_id: c, covers_from: 2024-01-01T00:00:00Z, covers_until: 2024-01-02T00:00:00Z"
    assert message in refused(tmp_path, f"calendars: [{{{shared}, sessions: {sessions}}}]")


def test_calendars_that_are_no_entries_are_told(tmp_path: Path) -> None:
    assert "expected an object" in refused(tmp_path, "calendars: [7]")


# -- restricted lists


def restricted(*ids: str, instrument: str | None = None, on: bool = True) -> Restriction:
    return Restriction(RESTRICTION_SUBJECT_USER, list(ids), instrument, restricted=on)


def history_of(*payloads: Payload) -> ControlHistory:
    history = ControlHistory()
    for number, payload in enumerate(payloads, start=1):
        history.record(control(number, payload))
    return history


def test_a_list_is_what_all_its_records_come_to() -> None:
    history = history_of(
        restricted("a", "b"),
        restricted("c", instrument="ESX"),
        restricted("d", "a"),
        restricted("b", "z", on=False),
    )
    assert list(listed(history, RESTRICTION_SUBJECT_USER, None)) == ["a", "d"]
    assert list(listed(history, RESTRICTION_SUBJECT_USER, "ESX")) == ["c"]
    assert list(listed(history, RESTRICTION_SUBJECT_USER, "NOPE")) == []


def test_a_long_list_is_cut_and_what_is_on_it_is_left_out() -> None:
    ids = [f"u{number}" for number in range(2_500)]
    history = history_of(restricted(*ids[:100]))

    def changes(names: list[str], *, on: bool) -> tuple[list[int], int]:
        records, unchanged = changes_of_list(
            history, RESTRICTION_SUBJECT_USER, names, None, restricted=on
        )
        assert all(record.restricted == on for record in records)
        for record in records:
            check(record)
        return [len(record.ids) for record in records], unchanged

    assert changes([*ids, ids[-1]], on=True) == ([1_000, 1_000, 400], 101)
    assert changes(ids, on=False) == ([100], 2_400)
    assert changes([], on=True) == ([], 0)


def test_a_file_has_an_id_a_line(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("# of May\nalice\n\n  bob \nü\n")
    with file.open(encoding="utf-8") as opened:
        assert list(read_ids(opened)) == ["alice", "bob", "ü"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"alice\n" + b"x" * 65, "ids.txt, line 2: an id has 1 to 64 bytes of UTF-8, not 'xxx"),
        ("é".encode() * 33, "line 1: an id has 1 to 64 bytes"),
        (b"\xff\n", "ids.txt is not UTF-8 text"),
    ],
)
def test_a_line_that_is_no_id_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(content)
    with file.open(encoding="utf-8") as opened, pytest.raises(ControlError) as caught:
        list(read_ids(opened))
    assert message in str(caught.value)


# -- what people are told of a definition


def test_a_list_is_told_by_its_length_and_its_first_ids() -> None:
    ids = [f"u{number}" for number in range(1_000)]
    assert told(restricted(*ids), 0, ids) == (
        "1,000 listed: u0, u1, u2, u3, u4 and 995 more; the last record restricted 1,000"
    )
    assert told(restricted("a", on=False), 0) == "0 listed; the last record unrestricted 1"


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("2024-03-03T00:00:00Z", "does not cover now: its instruments are refused SESSION_UNKNOWN"),
        ("2024-03-04T00:00:00Z", "the next from 2024-03-04T09:00:00.000000Z until 2024-03-04T10:"),
        ("2024-03-04T09:30:00Z", "2 sessions; open from 2024-03-04T09:00:00.000000Z until"),
        ("2024-03-04T10:00:00Z", "the next from 2024-03-05T09:00:00.000000Z until"),
        ("2024-03-05T10:00:00Z", "2 sessions; none left"),
        ("2024-03-05T23:00:00Z", "does not cover now"),
    ],
)
def test_a_calendar_is_told_by_its_next_session(tmp_path: Path, now: str, text: str) -> None:
    said = told(calendar_of(tmp_path, BY_SESSIONS), us(now))
    assert said.startswith("covers 2024-03-04T00:00:00.000000Z until 2024-03-05T23:00:00.000000Z, ")
    assert text in said


def test_a_release_is_told_by_what_it_ends() -> None:
    assert told(Release("u", None, None), 0) == "every latch and halt"
    assert told(Release("u", None, "CREDIT"), 0) == "check CREDIT"
    assert told(Release("u", "twap", None), 0) == "algo_id twap"
    assert (
        told(ScopeState(STATE_SCOPE_DESK, "d", TRADING_STATE_HALTED), 0) == "trading_state HALTED"
    )
