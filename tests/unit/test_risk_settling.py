"""The ledger by itself: edges of 64 bits, users who have nothing yet, what must not be touched.

Beside test_risk_ledger.py, which shows what a desk sees: here are figures that a desk would need
years to reach, and guards that only a bug could meet.
"""

from typing import Final

import pytest

from pipeline.lane.rows import DictRows, StoredRows
from pipeline.risk.keys import balance_key, position_key
from pipeline.risk.ledger import NEVER_SETTLED, Ledger, OutOfRange, Trade
from pipeline.risk.records import (
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    SIDE_BUY,
    SIDE_SELL,
    RowBalance,
    RowPosition,
)
from pipeline.risk.results import Results
from pipeline.risk.state import InvariantViolated, LaneState
from tests.property.desk import ACME, ESX, MARGIN, PRICE_E9, USER, Desk
from tests.property.world import E9, changed

INT64_MAX: Final = 2**63 - 1


def a_ledger() -> Ledger:
    """One in which nobody has anything."""
    state = LaneState(StoredRows(DictRows()))
    return Ledger(state, Results(state, Desk().gate.processor.head))


def has(ledger: Ledger, *, cash: int = 0, held: int = 0, currency: str = "USD") -> RowBalance:
    """Give the user money."""
    row = RowBalance(cash, held, cash, 0, 0, 0, 0, 0, 0, [], 0)
    ledger.state.put(balance_key(USER, currency), row)
    return row


def stands(ledger: Ledger, lots: int, name: str = "ESX", margin: int = 0) -> RowPosition:
    """Give the user a position that has cost nothing."""
    row = RowPosition(lots, 0, 0, margin, "USD", 0, NEVER_SETTLED)
    ledger.state.put(position_key(USER, name), row)
    return row


# -- balances


@pytest.mark.parametrize(("held", "amount"), [(0, INT64_MAX), (7, INT64_MAX - 7), (7, -7)])
def test_there_is_room_to_hold_up_to_the_last_unit(held: int, amount: int) -> None:
    ledger = a_ledger()
    has(ledger, held=held)
    ledger.require_room_to_hold(USER, "USD", amount)
    if amount > 0:
        with pytest.raises(OutOfRange):
            ledger.require_room_to_hold(USER, "USD", amount + 1)


def test_who_has_nothing_yet_has_all_the_room_and_nothing_available() -> None:
    ledger = a_ledger()
    ledger.require_room_to_hold(USER, "USD", INT64_MAX)
    with pytest.raises(OutOfRange):
        ledger.require_room_to_hold(USER, "USD", INT64_MAX + 1)
    assert ledger.available(USER, "USD") == 0
    assert ledger.state.changed == {}


def test_not_one_unit_can_be_withdrawn_of_a_currency_that_was_never_paid_in() -> None:
    desk = Desk()
    answer = desk.money(DEPOSIT_KIND_WITHDRAWAL_REQUEST, 1, "YEN", withdrawal_id="w")
    assert answer.reason_code == "WITHDRAWAL_REFUSED"


def test_what_holds_nothing_more_leaves_the_balance_alone() -> None:
    ledger = a_ledger()
    ledger.hold(USER, "USD", 0)
    assert (ledger.state.changed, ledger.touched()) == ({}, [])
    has(ledger, held=5)
    ledger.hold(USER, "USD", -1)
    assert ledger.available(USER, "USD") == -4


def test_no_more_is_released_than_was_held() -> None:
    ledger = a_ledger()
    has(ledger, cash=10, held=5)
    ledger.hold(USER, "USD", -5)
    with pytest.raises(InvariantViolated, match="more released"):
        ledger.hold(USER, "USD", -1)


@pytest.mark.parametrize(("side", "other"), [(SIDE_BUY, SIDE_SELL), (SIDE_SELL, SIDE_BUY)])
def test_never_does_less_than_nothing_work(side: int, other: int) -> None:
    ledger = a_ledger()
    ledger.work(USER, ESX, side, 1)
    ledger.work(USER, ESX, other, 3)
    ledger.work(USER, ESX, side, -1)
    with pytest.raises(InvariantViolated, match="less than nothing"):
        ledger.work(USER, ESX, side, -1)


# -- margins


@pytest.mark.parametrize("side", [SIDE_BUY, SIDE_SELL])
def test_the_first_order_changes_the_margin_by_its_own_lots(side: int) -> None:
    ledger = a_ledger()
    assert ledger.margin_change(USER, ESX, side, 0, 0) == 0
    assert ledger.margin_change(USER, ESX, side, 0, 3) == 3 * MARGIN


@pytest.mark.parametrize(("side", "lots"), [(SIDE_BUY, 2), (SIDE_SELL, -2)])
def test_a_margin_that_is_held_already_is_not_asked_for_again(side: int, lots: int) -> None:
    ledger = a_ledger()
    stands(ledger, lots, margin=2 * MARGIN)
    assert ledger.margin_change(USER, ESX, side, 0, 1) == MARGIN


# -- trades


def test_a_position_may_reach_the_end_of_64_bits_and_not_pass_it() -> None:
    for side, last in ((SIDE_BUY, INT64_MAX), (SIDE_SELL, -INT64_MAX - 1)):
        ledger = a_ledger()
        row = stands(ledger, last - (1 if side == SIDE_BUY else -1), "ACME")
        ledger.trade(USER, ACME, [Trade(side, 1, 1, 0)])
        assert row.position_lots == last
        with pytest.raises(OutOfRange):
            ledger.trade(USER, ACME, [Trade(side, 1, 1, 0)])
        assert row.position_lots == last


def test_a_future_that_names_an_asset_delivers_none_of_it() -> None:
    named = changed(ESX, base_currency="BTC", base_minor_per_lot=10**18)
    ledger = a_ledger()
    bitcoin = has(ledger, cash=500, currency="BTC")
    ledger.trade(USER, named, [Trade(SIDE_BUY, 10, PRICE_E9, 0)])
    assert (bitcoin.cash_minor, bitcoin.traded_minor) == (500, 0)
    assert "BTC" not in ledger.touched()


# -- settlement by price


def test_a_settlement_pays_nothing_to_who_has_no_position() -> None:
    ledger = a_ledger()
    # So large a multiplier that not even 1e-9 of a price would be lost in rounding.
    assert ledger.settle(USER, changed(ESX, multiplier_numerator=E9), PRICE_E9) == 0
    assert ledger.state.balance(USER, "USD") is None


def test_a_settlement_whose_cost_cannot_be_counted_is_refused_though_its_money_could() -> None:
    # So small a multiplier that what is paid fits.
    small = changed(ESX, multiplier_numerator=1, multiplier_denominator=10**18)
    ledger = a_ledger()
    row = stands(ledger, 10)
    with pytest.raises(OutOfRange):
        ledger.settle(USER, small, 10**18)
    assert row.open_cost_e9 == 0
    ledger.settle(USER, small, 9 * 10**17)
    assert row.open_cost_e9 == 9 * 10**18
