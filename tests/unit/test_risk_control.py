"""Control records, business days and marks: what is in force, from when, and when a day ends."""

import pytest

from pipeline.codecs.avro import decode_dead_letter
from pipeline.risk.records import (
    EXEC_TYPE_NEW,
    INSTRUMENT_KIND_EQUITY,
    LIMIT_SCOPE_USER,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    DayClose,
    FirmState,
    Mark,
    UserAccount,
)
from pipeline.risk.rules_in_force import PROVISIONS_MAX
from pipeline.risk.state import InvariantViolated
from tests.oracle.definitions import Payload
from tests.property.desk import (
    ACCOUNT,
    BTC_USD,
    ESX,
    FEES,
    FIRM,
    LIMITS,
    POLICY,
    PRICE_E9,
    USER,
    Desk,
    check,
)
from tests.property.histories import (
    DAY_MS,
    ELSEWHERE,
    LANE_COUNT,
    OTHER_TENANT,
    START_MS,
    TENANT,
    changed,
)

TODAY = START_MS // DAY_MS
HALT = FirmState(TRADING_STATE_HALTED)


def test_a_change_counts_at_once() -> None:
    desk = Desk()
    answer = desk.control(HALT)
    assert (answer.outcome, answer.reason_code, answer.events) == ("FACT", "APPLIED", ())
    assert desk.order().reason_code == "FIRM_HALTED"


def test_a_change_waits_for_its_time() -> None:
    desk = Desk()
    answer = desk.control(HALT, desk.world.now_us + 1_000_000)
    assert (answer.outcome, answer.reason_code) == ("FACT", "PENDING")
    desk.wait(999)
    desk.works()
    desk.gate.restart()
    desk.wait(1)
    assert desk.order().reason_code == "FIRM_HALTED"


def test_changes_that_wait_come_in_order_of_their_time_then_number() -> None:
    desk = Desk()
    later, sooner = desk.world.now_us + 2_000_000, desk.world.now_us + 1_000_000
    desk.control(FIRM, later)
    desk.control(HALT, sooner)
    desk.control(changed(POLICY, open_orders_max=0), later)
    desk.control(POLICY, later)
    desk.wait(2_000)
    desk.works()
    assert not [key for key in desk.gate.rows.rows if b"waiting" in key]


def test_a_number_is_applied_once() -> None:
    desk = Desk()
    desk.control(FIRM)
    answer = desk.control_again(payload=HALT)
    assert (answer.outcome, answer.reason_code) == ("IGNORED", "REPEATED_CONTROL")
    desk.works()


def test_a_gap_stops_the_lane() -> None:
    desk = Desk()
    desk.world.control_number += 1
    with pytest.raises(InvariantViolated, match="gap"):
        desk.control(FIRM)


BAD_DEFINITIONS: list[Payload] = [
    changed(ESX, instrument_id=""),
    changed(ESX, currency="C" * 17),
    changed(ESX, tick_e9=0),
    changed(ESX, lot=-1),
    changed(ESX, multiplier_numerator=10**18 + 1),
    changed(ESX, multiplier_denominator=0),
    changed(ESX, margin_minor_per_lot=-1),
    changed(ESX, kind=INSTRUMENT_KIND_EQUITY),
    changed(ESX, currency="EUR"),
    changed(BTC_USD, base_currency=None),
    changed(BTC_USD, base_currency=""),
    changed(BTC_USD, base_currency="USD"),
    changed(BTC_USD, base_currency="ETH"),
    changed(BTC_USD, base_minor_per_lot=0),
    changed(LIMITS, scope_id=""),
    changed(LIMITS, instrument_id="x" * 65),
    changed(LIMITS, position_lots_max=-1),
    changed(LIMITS, price_collar_bps=10**18 + 1),
    changed(FEES, tier_id=""),
    changed(FEES, instrument_id=""),
    changed(FEES, fee_per_lot_minor_max=-1),
    changed(FEES, fee_notional_bps_max=10**18 + 1),
    changed(ACCOUNT, user_id="x" * 65),
    changed(ACCOUNT, account_tenant_id=""),
    changed(ACCOUNT, tier_id=""),
    changed(POLICY, dedup_window_ms=0),
    changed(POLICY, remembered_ids_max=0),
    changed(POLICY, dedup_window_ms=100 * 366 * DAY_MS + 1),
    changed(POLICY, order_age_ms_max=-1),
    changed(POLICY, mark_age_ms_max=100 * 366 * DAY_MS + 1),
    changed(POLICY, open_orders_max=-1),
    changed(POLICY, checks_exempt=["BUYING_POWER"]),
    DayClose(2_932_897),
]


@pytest.mark.parametrize("payload", BAD_DEFINITIONS)
def test_a_definition_out_of_range_is_a_dead_letter_and_its_number_is_used_up(
    payload: Payload,
) -> None:
    desk = Desk()
    answer = desk.control(payload)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "BAD_CONTROL")
    assert desk.dead_letter is not None
    assert "(" in decode_dead_letter(desk.dead_letter).reason_text
    assert desk.control(FIRM).reason_code == "APPLIED"
    desk.works()


def test_an_instrument_that_waits_fixes_its_nature_too() -> None:
    desk = Desk()
    newcomer = changed(ESX, instrument_id="NEWX")
    desk.control(changed(ACCOUNT), desk.world.now_us + 1)
    desk.control(changed(ESX), desk.world.now_us + 1)
    desk.control(newcomer, desk.world.now_us + 1)
    assert desk.control(changed(newcomer, currency="EUR")).reason_code == "BAD_CONTROL"
    assert desk.control(changed(newcomer, lot=2)).reason_code == "APPLIED"


def test_zero_is_a_limit() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, position_lots_max=0))
    assert desk.order().reason_code == "POSITION_LIMIT"


def test_a_user_of_another_lane_makes_only_the_tenant_known() -> None:
    desk = Desk()
    desk.control(UserAccount(ELSEWHERE, OTHER_TENANT, "gold", TRADING_STATE_ACTIVE))
    assert set(desk.gate.users()) == {(USER,)}
    assert desk.order(tenant_id=OTHER_TENANT).events[0].tenant == OTHER_TENANT


def test_what_is_in_force_survives_a_restart() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, instrument_id="ESX", order_quantity_lots_max=2))
    version = desk.version
    desk.control(changed(FEES, instrument_id="ESX", fee_per_lot_minor_max=1))
    desk.gate.restart()
    answer = desk.order()
    assert check(answer, "ORDER_QUANTITY").limit_version == version
    assert check(answer, "BUYING_POWER").observed == 100_001


def test_resolved_limits_are_kept_for_a_bounded_number() -> None:
    desk = Desk()
    rules = desk.gate.processor.core.rules
    for number in range(PROVISIONS_MAX + 3):
        rules.provisions_of(USER, "gold", str(number))
    assert len(rules.of_tiers["gold"]) == 3


def test_a_user_with_limits_of_its_own_shares_none() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, scope=LIMIT_SCOPE_USER, scope_id=USER))
    desk.works()
    rules = desk.gate.processor.core.rules
    assert (list(rules.of_users), list(rules.of_tiers)) == ([USER], [])


def test_a_day_ends_at_midnight_and_tells_its_events() -> None:
    desk = Desk()
    desk.order()
    desk.order(tenant_id="nobody")
    desk.wait(DAY_MS)
    desk.order()
    assert desk.event_types() == ["DAY_CLOSE", "DAY_CLOSE", "REMO"]
    closed = desk.events[:2]
    assert [e.tenant_id for e in closed] == [TENANT, "UNKNOWN"]
    assert [e.day_event_count for e in closed] == [2, 1]
    assert [e.lane_count for e in closed] == [LANE_COUNT] * 2
    assert [e.business_day for e in desk.events] == [TODAY, TODAY, TODAY + 1]


def test_a_day_is_closed_once_by_control() -> None:
    desk = Desk()
    desk.control(DayClose(TODAY))
    assert desk.event_types() == ["DAY_CLOSE", "DAY_CLOSE"]
    assert desk.control(DayClose(TODAY)).events == ()
    desk.order()
    assert desk.events[0].business_day == TODAY + 1
    desk.wait(DAY_MS)
    assert desk.order().events[0].event_type == "REMO"


def test_a_later_day_closes_up_to_it() -> None:
    desk = Desk()
    desk.control(DayClose(TODAY + 3))
    assert [e.business_day for e in desk.events] == [TODAY, TODAY]
    desk.order()
    assert desk.events[0].business_day == TODAY + 4


def test_a_day_that_waits_is_closed_by_the_input_that_finds_it_due() -> None:
    desk = Desk()
    desk.control(DayClose(TODAY), desk.world.now_us + 1_000)
    desk.wait(1)
    desk.works()
    assert desk.event_types() == ["DAY_CLOSE", "DAY_CLOSE", "NEWO"]


@pytest.mark.parametrize("price_e9", [0, -1])
def test_a_mark_must_be_a_price(price_e9: int) -> None:
    desk = Desk()
    answer = desk.mark("ESX", price_e9)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "BAD_PRICE")
    desk.works()


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_mark_must_name_its_instrument(name: str) -> None:
    desk = Desk()
    mark = Mark(desk.world.now_us, "feed", TENANT, name, PRICE_E9, 0)
    answer = desk.raw_mark(mark)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "FIELD_TOO_LONG")


def test_a_shorter_window_forgets_sooner_and_refuses_what_it_forgot() -> None:
    desk = Desk()
    order = desk.new(quantity_lots=21)
    desk.send(order)
    desk.control(changed(POLICY, dedup_window_ms=1_000))
    desk.wait(60_000)
    assert desk.send(changed(order, quantity_lots=1)).reason_code == "TOO_OLD"


def test_a_tenant_called_like_the_unknown_ones_has_its_day_closed_once() -> None:
    desk = Desk()
    desk.control(UserAccount(ELSEWHERE, "UNKNOWN", "gold", TRADING_STATE_ACTIVE))
    desk.control(DayClose(TODAY))
    assert desk.event_types() == ["DAY_CLOSE", "DAY_CLOSE"]


def test_a_longer_window_brings_back_nothing_that_was_forgotten() -> None:
    desk = Desk()
    desk.control(changed(POLICY, dedup_window_ms=60_000, order_age_ms_max=7_200_000))
    order = desk.works()
    desk.trade(order, order.quantity_lots)
    desk.wait(60_001)
    desk.control(changed(POLICY, dedup_window_ms=7_200_000, order_age_ms_max=7_200_000))
    again = desk.report_again()
    assert (again.outcome, again.reason_code) == ("DEAD_LETTER", "FACT_TOO_OLD")
    assert desk.send(order).reason_code == "TOO_OLD"


def test_a_report_from_beyond_the_window_could_not_be_told_from_its_repeat() -> None:
    desk = Desk()
    order = desk.works()
    late = desk.world.now_us + POLICY.dedup_window_ms * 1_000 + 1
    answer = desk.report(order, EXEC_TYPE_NEW, event_time=late)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "EVENT_TIME_IN_FUTURE")
