"""The files of config/control: the shipped ones are right, a slip is refused by file and key."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.control.definitions import OutOfRangeError, Payload, check, subject_of
from pipeline.control.directory import DefinitionError, plan_changes, read_directory
from pipeline.control.history import ControlError, ControlHistory
from pipeline.lane.rows import DictRows, StoredRows
from pipeline.risk.collateral import COLLATERALS_MAX
from pipeline.risk.records import (
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    Collateral,
    Control,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
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
    return RulesInForce(0, 1, LaneState(StoredRows(DictRows())))


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
