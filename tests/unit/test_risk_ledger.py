"""Holds, margins, settlement: what an order keeps, and what a trade makes of it."""

import pytest

from pipeline.risk.ledger import average_cost
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_NEW,
    SIDE_BUY,
    SIDE_SELL,
)
from tests.property.desk import (
    ACCOUNT,
    BTC_USD,
    ESX,
    FEE_PER_LOT,
    FEES,
    FUNDS,
    MARGIN,
    PRICE_E9,
    SPOT_PRICE_E9,
    USER,
    Desk,
)
from tests.property.histories import E9, changed


def test_a_future_holds_margin_for_the_worse_side_and_the_fee_of_each_order() -> None:
    desk = Desk()
    desk.works(quantity_lots=3)
    assert desk.balance().held_minor == 3 * MARGIN + 3 * FEE_PER_LOT
    desk.works(quantity_lots=2, side=SIDE_SELL)
    assert desk.balance().held_minor == 3 * MARGIN + 5 * FEE_PER_LOT
    desk.works(quantity_lots=2, side=SIDE_SELL)
    assert desk.balance().held_minor == 4 * MARGIN + 7 * FEE_PER_LOT


def test_a_fill_turns_the_orders_fee_into_a_fee_and_keeps_the_margin() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=3)
    desk.trade(order, 2, fee_minor=150)
    assert desk.balance().held_minor == 3 * MARGIN + FEE_PER_LOT
    assert (desk.balance().cash_minor, desk.balance().fees_minor) == (FUNDS - 150, 150)
    desk.trade(order, 1)
    assert desk.balance().held_minor == 3 * MARGIN
    assert desk.position().position_lots == 3
    assert desk.user().open_orders_count == 0


def test_closing_a_position_realises_the_profit_and_frees_the_margin() -> None:
    desk = Desk()
    desk.bought(2)
    desk.bought(2, PRICE_E9 + 10 * E9)
    desk.bought(3, PRICE_E9 + 20 * E9, side=SIDE_SELL)
    # Bought 4 at 5,005 on average, sold 3 at 5,020: 15 points a lot of 5,000 minor units each.
    assert desk.balance().traded_minor == 3 * 15 * 5_000
    assert desk.balance().held_minor == MARGIN
    assert desk.position().open_cost_e9 == 5_005 * E9


def test_a_trade_through_zero_closes_all_and_opens_the_rest_at_its_price() -> None:
    desk = Desk()
    desk.bought(2, side=SIDE_SELL)
    desk.bought(5, PRICE_E9 + E9)
    assert desk.balance().traded_minor == -2 * 5_000
    assert (desk.position().position_lots, desk.position().open_cost_e9) == (3, 3 * 5_001 * E9)


def test_average_cost_leaves_no_remainder_behind() -> None:
    position, cost, gone = 3, 10, 0
    for _ in range(3):
        cost_after, realised = average_cost(position, cost, -1, 0)
        gone -= realised
        assert cost - cost_after == -realised
        position, cost = position - 1, cost_after
    assert (cost, gone) == (0, 10)


def test_half_a_minor_unit_settles_to_the_even_one() -> None:
    desk = Desk()
    desk.control(changed(BTC_USD, multiplier_denominator=2, tick_e9=E9))
    for price, paid in ((40_001 * E9, 20_000), (40_003 * E9, 20_002)):
        before = desk.balance().cash_minor
        desk.bought(1, price, instrument_id="BTC-USD")
        assert before - desk.balance().cash_minor == paid


def test_a_hold_is_rounded_up() -> None:
    desk = Desk()
    desk.control(changed(BTC_USD, multiplier_denominator=3, tick_e9=E9))
    desk.control(changed(FEES, fee_per_lot_minor_max=0, fee_notional_bps_max=1))
    desk.works(instrument_id="BTC-USD", price_e9=40_000 * E9)
    assert desk.balance().held_minor == 13_334 + 2


def test_a_spot_purchase_delivers_the_base_and_a_sale_gives_it() -> None:
    desk = Desk()
    desk.bought(3, SPOT_PRICE_E9, instrument_id="BTC-USD")
    assert (desk.balance().cash_minor, desk.balance("BTC").cash_minor) == (FUNDS - 120_000, 3_000)
    assert desk.balance().held_minor == 0
    order = desk.works(instrument_id="BTC-USD", side=SIDE_SELL, quantity_lots=2)
    assert desk.balance("BTC").held_minor == 2_000
    desk.trade(order, 2, fee_minor=7)
    assert (desk.balance().cash_minor, desk.balance("BTC").cash_minor) == (FUNDS - 40_007, 1_000)
    assert desk.balance("BTC").held_minor == 0
    assert desk.position("BTC-USD").position_lots == 1


def test_an_order_at_a_better_price_than_its_limit_releases_the_difference() -> None:
    desk = Desk()
    order = desk.works(instrument_id="BTC-USD", quantity_lots=2)
    desk.trade(order, 1, SPOT_PRICE_E9 - 1_000 * E9)
    assert desk.balance().cash_minor == FUNDS - 39_000
    assert desk.balance().held_minor == 40_000 + FEE_PER_LOT


def test_the_margin_in_force_counts_when_the_position_is_next_touched() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    desk.control(changed(ESX, margin_minor_per_lot=3 * MARGIN))
    assert desk.balance().held_minor == 2 * MARGIN + 2 * FEE_PER_LOT
    desk.report(order, EXEC_TYPE_NEW)
    assert desk.balance().held_minor == 6 * MARGIN + 2 * FEE_PER_LOT
    desk.control(changed(ESX, margin_minor_per_lot=None))
    desk.trade(order, 1)
    assert desk.balance().held_minor == FEE_PER_LOT


def test_the_fees_in_force_count_when_the_order_is_next_touched() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    desk.control(changed(FEES, instrument_id="ESX", fee_per_lot_minor_max=7))
    desk.report(order, EXEC_TYPE_NEW)
    assert desk.balance().held_minor == 2 * MARGIN + 14
    desk.control(changed(ACCOUNT, tier_id="bare"))
    desk.report(order, EXEC_TYPE_NEW)
    assert desk.balance().held_minor == 2 * MARGIN


def test_a_lower_margin_shows_as_a_negative_hold() -> None:
    desk = Desk()
    desk.bought(2)
    desk.control(changed(ESX, margin_minor_per_lot=0))
    answer = desk.order()
    assert answer.decision is not None
    assert answer.decision.hold_minor == FEE_PER_LOT - 2 * MARGIN


def test_terms_under_which_a_hold_leaves_64_bits_refuse_the_report_and_change_nothing() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=10)
    before = dict(desk.gate.rows.rows)
    desk.control(changed(ESX, margin_minor_per_lot=10**18))
    for answer in (desk.report(order, EXEC_TYPE_NEW), desk.trade(order, 10)):
        assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "OUT_OF_RANGE")
    held = {key: row for key, row in desk.gate.rows.rows.items() if key[:1] in b"UBPOD"}
    assert held == {key: row for key, row in before.items() if key[:1] in b"UBPOD"}
    assert desk.report(order, EXEC_TYPE_CANCELED).reason_code == "APPLIED"


@pytest.mark.parametrize(
    ("cash", "lots", "price_e9", "fee_minor"),
    [
        (10**18, 10**12, 10**18, 0),
        (-(10**18), 1, PRICE_E9, 2**63 - 1),
        (10**18, 1, PRICE_E9, -(2**63)),
    ],
)
def test_a_trade_that_cannot_be_counted_is_refused(
    cash: int, lots: int, price_e9: int, fee_minor: int
) -> None:
    desk = Desk()
    order = desk.works()
    desk.money(DEPOSIT_KIND_ADJUSTMENT, cash)
    answer = desk.trade(order, lots, price_e9, fee_minor=fee_minor)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "OUT_OF_RANGE")
    assert (desk.balance().fees_minor, desk.position().position_lots) == (0, 0)


def test_a_spot_trade_whose_notional_or_base_cannot_be_counted_is_refused() -> None:
    desk = Desk()
    desk.control(changed(BTC_USD, base_minor_per_lot=10**18))
    desk.money(DEPOSIT_KIND_DEPOSIT, 10**18, "BTC")
    order = desk.works(instrument_id="BTC-USD", quantity_lots=9)
    assert desk.trade(order, 9).reason_code == "OUT_OF_RANGE"
    assert desk.trade(order, 8).reason_code == "APPLIED"
    assert desk.trade(order, 10**12, 10**18).reason_code == "OUT_OF_RANGE"


def test_profit_of_a_side_is_the_loss_of_the_other() -> None:
    results = []
    for side in (SIDE_BUY, SIDE_SELL):
        desk = Desk()
        desk.bought(2, side=side)
        desk.bought(2, PRICE_E9 + E9, side=1 - side)
        results.append(desk.gate.balances()[USER, "USD"].traded_minor)
    assert results == [10_000, -10_000]


def test_nothing_is_held_where_there_is_no_balance() -> None:
    ledger = Desk().gate.processor.core.ledger
    assert ledger.state.balance(USER, "CHF") is None
    assert ledger.available(USER, "CHF") == 0


def test_a_margin_rises_by_what_is_traded_and_by_what_works_on_either_side() -> None:
    desk = Desk()
    ledger = desk.gate.processor.core.ledger
    desk.bought(3)
    assert ledger.margin_change(USER, ESX, SIDE_BUY, 2, 0) == 2 * MARGIN
    desk.bought(5, side=SIDE_SELL)
    desk.works(side=SIDE_SELL)
    assert ledger.margin_change(USER, ESX, SIDE_BUY, 0, 1) == 0


def test_a_pending_replace_of_a_single_lot_is_held_for_too() -> None:
    desk = Desk()
    order = desk.works(instrument_id="BTC-USD")
    desk.replace(order, price_e9=SPOT_PRICE_E9 + 100 * E9)
    assert desk.balance().held_minor == (SPOT_PRICE_E9 + 100 * E9) // E9 + FEE_PER_LOT
