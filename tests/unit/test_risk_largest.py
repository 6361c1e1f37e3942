"""The largest quantity with which a refused order would have passed, found by halving."""

from typing import Any

import pytest

from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    ORDER_TYPE_MARKET,
    SIDE_SELL,
    CheckPolicy,
    Rule,
)
from tests.property.desk import ESX, PRICE_E9, Desk
from tests.property.wide import WIDE, has, of, passing_lots, wide_desk
from tests.property.world import changed


def desk_with(lot: int, quantity_lots_max: int) -> Desk:
    """A desk at which only the quantity of an order has a bound that is met."""
    desk = wide_desk()
    desk.control(changed(ESX, lot=lot))
    desk.control(changed(WIDE, order_quantity_lots_max=quantity_lots_max))
    return desk


@pytest.mark.parametrize(
    ("lot", "quantity_lots_max", "quantity_lots", "passes"),
    [
        (1, 0, 2, 0),
        (1, 1, 2, 1),
        (1, 2, 3, 2),
        (1, 7, 1_000, 7),
        (5, 4, 20, 0),
        (5, 17, 20, 15),
        # Not more than was asked for, though more would pass.
        (5, 20, 18, 15),
        (5, 100, 3, 0),
    ],
)
def test_it_is_the_largest_multiple_of_the_lot_that_passes(
    lot: int, quantity_lots_max: int, quantity_lots: int, passes: int
) -> None:
    desk = desk_with(lot, quantity_lots_max)
    desk.order(quantity_lots=quantity_lots)
    assert passing_lots(desk) == passes


@pytest.mark.parametrize(("quantity_lots_max", "passes"), [(15, 15), (14, 0), (10, 0)])
def test_that_of_a_replace_is_above_what_was_filled(quantity_lots_max: int, passes: int) -> None:
    desk = desk_with(5, 15)
    order = desk.works(quantity_lots=15)
    desk.trade(order, 10)
    desk.control(changed(WIDE, order_quantity_lots_max=quantity_lots_max))
    desk.send(desk.replacement(order, quantity_lots=20))
    assert passing_lots(desk) == passes


@pytest.mark.parametrize("quantity_lots", [0, -5, 10**13])
def test_there_is_none_of_a_quantity_out_of_bounds(quantity_lots: int) -> None:
    desk = desk_with(1, 9)
    desk.order(quantity_lots=quantity_lots)
    assert passing_lots(desk) == 0


@pytest.mark.parametrize("changes", [{"instrument_id": "NOPE"}, {"price_e9": 9 * PRICE_E9}])
def test_there_is_none_where_something_else_fails(changes: dict[str, Any]) -> None:
    desk = desk_with(1, 9)
    desk.control(changed(WIDE, order_quantity_lots_max=9, price_collar_bps=1))
    desk.order(quantity_lots=10, **changes)
    assert passing_lots(desk) == 0


def test_there_is_none_where_a_check_fails_that_no_quantity_should_change() -> None:
    desk = wide_desk()
    has(desk, "ACME", 5)
    desk.control(CheckPolicy("SHORT_MARK", CHECK_SEVERITY_REJECT, None))
    assert desk.order(**of("ACME", -5)).reason_code == "ACCEPTED"
    assert desk.order(**of("ACME", -1)).reason_code == "SHORT_MARK_MISSING"
    has(desk, "ACME", 2)
    assert desk.order(**of("ACME", -3)).reason_code == "SHORT_MARK_MISSING"
    assert passing_lots(desk) == 0


def test_it_is_found_by_halving_between_nothing_and_what_was_asked_for() -> None:
    desk = wide_desk()
    desk.control(Rule("even", "quantity_lots == 2", CHECK_SEVERITY_REJECT, enabled=True))
    desk.order(quantity_lots=3)
    assert passing_lots(desk) == 0
    desk.order(quantity_lots=4)
    assert passing_lots(desk) == 2


def test_what_is_tried_is_the_same_order_but_for_its_quantity() -> None:
    desk = desk_with(1, 9)
    has(desk, "ESX", 9)
    desk.control(
        Rule(
            "same",
            'trader_id == "t" && algo_id == "a" && desk_id == "d" && counterparty_id == "c"'
            ' && side == "SELL" && order_type == "MARKET" && reduce_only',
            CHECK_SEVERITY_REJECT,
            enabled=True,
        )
    )
    named = {"trader_id": "t", "algo_id": "a", "desk_id": "d", "counterparty_id": "c"}
    kind = {"order_type": ORDER_TYPE_MARKET, "price_e9": None, "side": SIDE_SELL}
    desk.order(quantity_lots=10, reduce_only=True, **kind, **named)
    assert passing_lots(desk) == 9


def test_a_cancel_and_what_passes_have_none() -> None:
    desk = desk_with(1, 9)
    desk.works()
    assert passing_lots(desk) is None
    assert desk.cancel("nothing").reason_code == "ORIG_ORDER_UNKNOWN"
    assert passing_lots(desk) is None
