"""CREDIT: what is held and owed with an order, against the threshold that was given."""

import pytest

from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    SIDE_SELL,
    FeeSchedule,
    Policy,
)
from tests.oracle.checks import Check
from tests.property.desk import (
    ACME,
    BTC_USD,
    ESX,
    FEE_PER_LOT,
    FEES,
    MARGIN,
    POLICY,
    Desk,
    check,
)
from tests.property.wide import BTC_LOT, EURX, FX_E9, has, limit, of, wide_desk
from tests.property.world import changed

INT64_MAX = 2**63 - 1
A_LOT = MARGIN + FEE_PER_LOT


def test_credit_at_its_threshold_passes_and_a_lot_more_does_not() -> None:
    desk = wide_desk()
    limit(desk, "CREDIT", 3 * A_LOT)
    version = desk.version
    desk.works(quantity_lots=1)
    answer = desk.order(quantity_lots=3)
    assert answer.reason_code == "CREDIT"
    assert check(answer, "CREDIT") == Check(
        "CREDIT", "FAIL", "CREDIT", 4 * A_LOT, 3 * A_LOT, version, -A_LOT
    )
    answer = desk.order(quantity_lots=2)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "CREDIT") == Check(
        "CREDIT", "PASS", None, 3 * A_LOT, 3 * A_LOT, version, 0
    )


def test_what_is_owed_and_what_waits_to_be_paid_out_are_used_too() -> None:
    desk = wide_desk()
    desk.money(DEPOSIT_KIND_WITHDRAWAL_REQUEST, 70, withdrawal_id="w")
    assert check(desk.order(), "CREDIT").observed == A_LOT + 70
    cash = desk.balance().cash_minor
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -cash - 5)
    assert check(desk.order(), "CREDIT").observed == 2 * A_LOT + 75


def test_a_user_without_money_uses_what_the_order_adds() -> None:
    desk = Desk()
    desk.control(EURX)
    assert check(desk.order(**of("EURX", 1)), "CREDIT").observed == A_LOT


def test_an_order_that_adds_less_than_nothing_adds_nothing() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    desk.control(changed(ESX, margin_minor_per_lot=1))
    assert check(desk.order(), "CREDIT").observed == 2 * MARGIN


def test_what_reduces_passes_above_the_threshold() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    limit(desk, "CREDIT", 0)
    assert desk.order().reason_code == "CREDIT"
    answer = desk.order(side=SIDE_SELL, quantity_lots=2)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "CREDIT").headroom == -2 * MARGIN - 2 * FEE_PER_LOT


def test_without_a_threshold_nothing_passes() -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    limit(desk, "CREDIT", None)
    assert desk.order(side=SIDE_SELL).reason_code == "LIMIT_MISSING"
    assert check(desk.order(), "CREDIT") == Check("CREDIT", "FAIL", "LIMIT_MISSING")


def test_a_threshold_in_another_currency_needs_a_fresh_rate() -> None:
    desk = wide_desk()
    limit(desk, "CREDIT", 80_080, "EUR")
    version = desk.version
    assert check(desk.order(), "CREDIT") == Check(
        "CREDIT", "PASS", None, 80_080, 80_080, version, 0
    )
    desk.mark("EUR-USD", FX_E9 - 1)
    assert desk.order().reason_code == "CREDIT"
    desk.mark("EUR-USD", FX_E9, age_us=60_000_001)
    assert check(desk.order(), "CREDIT") == Check(
        "CREDIT", "FAIL", "FX_STALE", None, 80_080, version
    )
    limit(desk, "CREDIT", 80_080, "CHF")
    assert check(desk.order(), "CREDIT").reason == "FX_MISSING"
    has_nothing_to_convert = desk.order(**of("BTC-USD", -1))
    assert check(has_nothing_to_convert, "CREDIT") == Check("CREDIT", "PASS")


def test_a_spot_sale_uses_what_it_delivers_by_the_pairs_own_mark() -> None:
    desk = wide_desk()
    line = check(desk.order(**of("BTC-USD", -3)), "CREDIT")
    assert (line.result, line.observed) == ("PASS", 3 * BTC_LOT)
    desk.control(changed(BTC_USD, instrument_id="ALT-USD"))
    line = check(desk.order(**of("BTC-USD", -3)), "CREDIT")
    assert line == Check("CREDIT", "PASS")


@pytest.mark.parametrize("without", [FEES, POLICY])
def test_credit_needs_a_fee_schedule_and_for_a_rate_a_policy(without: FeeSchedule | Policy) -> None:
    desk = wide_desk(without)
    limit(desk, "CREDIT", 10**9, "EUR")
    assert check(desk.order(), "CREDIT").result == "NOT_EVALUATED"
    if without is POLICY:
        limit(desk, "CREDIT", 10**9)
        assert check(desk.order(), "CREDIT").result == "PASS"


def test_where_buying_power_has_no_figure_credit_has_none() -> None:
    desk = wide_desk()
    desk.control(changed(ACME, margin_minor_per_lot=None))
    answer = desk.order(**of("ACME", -1))
    assert check(answer, "BUYING_POWER").reason == "MARGIN_MISSING"
    assert check(answer, "CREDIT").result == "NOT_EVALUATED"
    desk.control(changed(FEES, fee_per_lot_minor_max=10**18))
    answer = desk.order(quantity_lots=10)
    assert check(answer, "BUYING_POWER").reason == "OUT_OF_RANGE"
    assert check(answer, "CREDIT").result == "NOT_EVALUATED"


def test_a_sum_beyond_64_bits_is_compared_and_shown_as_near_as_it_can_be() -> None:
    desk = wide_desk()
    for _ in range(9):
        desk.money(DEPOSIT_KIND_ADJUSTMENT, -(10**18))
    desk.control(changed(FEES, fee_per_lot_minor_max=10**18))
    line = check(desk.order(), "CREDIT")
    assert (line.result, line.observed) == ("FAIL", INT64_MAX)
