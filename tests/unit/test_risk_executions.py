"""Execution reports: applied whatever their order, flagged where odd, refused where unplaceable."""

from typing import Any

import pytest

from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    ORDER_ACTION_CANCEL,
    SIDE_SELL,
)
from tests.property.desk import (
    ACCOUNT,
    FEE_PER_LOT,
    MARGIN,
    PRICE_E9,
    USER,
    Desk,
)
from tests.property.histories import WINDOW_MS


@pytest.mark.parametrize(
    ("exec_type", "event"),
    [(EXEC_TYPE_CANCELED, "CAME"), (EXEC_TYPE_EXPIRED, "EXPI"), (EXEC_TYPE_REJECTED, "REMO")],
)
def test_an_end_releases_what_was_not_filled(exec_type: int, event: str) -> None:
    desk = Desk()
    order = desk.works(quantity_lots=5)
    desk.trade(order, 2, exec_type=EXEC_TYPE_PARTIAL_FILL)
    assert desk.event_types() == ["PARF"]
    answer = desk.report(order, exec_type, cum_lots=2)
    assert (answer.reason_code, desk.event_types()) == ("APPLIED", [event])
    assert desk.balance().held_minor == 2 * MARGIN
    assert desk.gate.orders() == {}


def test_an_end_that_knows_of_more_fills_keeps_the_hold_for_them() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=5)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=2)
    assert desk.balance().held_minor == 2 * MARGIN + 2 * FEE_PER_LOT
    assert desk.user().open_orders_count == 1
    assert desk.trade(order, 2).reason_code == "APPLIED"
    assert desk.balance().held_minor == 2 * MARGIN
    assert desk.user().open_orders_count == 0


def test_the_first_end_counts() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=5)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=2)
    desk.report(order, EXEC_TYPE_EXPIRED, cum_lots=0)
    assert desk.gate.orders()[USER, order.order_id].final_lots == 2


def test_an_end_that_knows_of_fewer_fills_is_odd() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=5)
    desk.trade(order, 3)
    answer = desk.report(order, EXEC_TYPE_CANCELED, cum_lots=2)
    assert (answer.reason_code, desk.event_types()) == ("OVERFILL", ["CAME", "ODD"])


def test_a_fill_after_the_end_is_late_and_applied() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=5)
    desk.report(order, EXEC_TYPE_CANCELED)
    answer = desk.trade(order, 2)
    assert (answer.reason_code, desk.event_types()) == ("LATE_FILL", ["FILL", "ODD"])
    assert desk.position().position_lots == 2
    assert desk.report(order, EXEC_TYPE_EXPIRED).reason_code == "APPLIED"


def test_a_fill_beyond_the_quantity_is_an_overfill_and_applied() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    answer = desk.trade(order, 3)
    assert (answer.reason_code, desk.event_types()) == ("OVERFILL", ["FILL", "ODD"])
    assert desk.position().position_lots == 3
    assert desk.balance().held_minor == 3 * MARGIN


def test_a_report_is_applied_once() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    desk.trade(order, 1)
    answer = desk.report_again()
    assert (answer.outcome, answer.reason_code) == ("IGNORED", "REPEATED_EXEC")
    assert desk.position().position_lots == 1
    assert desk.report_again(venue="XEUR").reason_code == "APPLIED"
    assert desk.position().position_lots == 2


def test_a_report_from_before_the_window_might_be_a_repeat() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    edge = desk.world.now_us - WINDOW_MS * 1000
    answer = desk.trade(order, 1, event_time=edge - 1)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "FACT_TOO_OLD")
    assert desk.trade(order, 1, event_time=edge).reason_code == "APPLIED"


def test_a_trade_of_an_order_nobody_knows_is_applied_where_the_report_says() -> None:
    desk = Desk(ACCOUNT)
    order = desk.new(side=SIDE_SELL)
    answer = desk.trade(order, 2)
    assert (answer.outcome, answer.reason_code) == ("FACT", "UNKNOWN_ORDER")
    assert desk.position().position_lots == -2
    assert desk.event_types() == ["FILL", "ODD", "DEFICIT"]
    assert (desk.user().registered, desk.user().deficit_count) == (False, 1)


def test_a_trade_of_a_rejected_order_is_applied_and_flagged() -> None:
    desk = Desk()
    order = desk.new(quantity_lots=21)
    desk.send(order)
    assert desk.trade(order, 1).reason_code == "REJECTED_ORDER"
    assert desk.position().position_lots == 1


def test_a_report_on_a_cancel_request_is_on_its_order() -> None:
    desk = Desk()
    order = desk.works()
    cancel = desk.new(action=ORDER_ACTION_CANCEL, orig_order_id=order.order_id)
    desk.send(cancel)
    assert desk.report(cancel, EXEC_TYPE_CANCELED).reason_code == "APPLIED"
    assert desk.gate.orders() == {}
    assert desk.balance().held_minor == 0


@pytest.mark.parametrize(
    "changes", [{"side": None}, {"instrument_id": None}, {"instrument_id": "NOPE"}]
)
def test_a_report_that_cannot_be_placed_is_a_dead_letter(changes: dict[str, Any]) -> None:
    desk = Desk()
    answer = desk.trade(desk.new(), 1, **changes)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "UNPLACED_FACT")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"venue": ""}, "FIELD_TOO_LONG"),
        ({"venue": "x" * 65}, "FIELD_TOO_LONG"),
        ({"exec_id": ""}, "FIELD_TOO_LONG"),
        ({"last_lots": -1}, "BAD_QUANTITY"),
        ({"cum_lots": 10**12 + 1}, "BAD_QUANTITY"),
        ({"leaves_lots": -1}, "BAD_QUANTITY"),
        ({"last_price_e9": None}, "BAD_PRICE"),
        ({"last_price_e9": 0}, "BAD_PRICE"),
        ({"last_price_e9": 10**18 + 1}, "BAD_PRICE"),
        ({"orig_order_id": ""}, "FIELD_TOO_LONG"),
        ({"exec_ref_id": "x" * 65}, "FIELD_TOO_LONG"),
        ({"exec_type": EXEC_TYPE_TRADE_CANCEL}, "EXEC_REF_MISSING"),
        ({"exec_type": EXEC_TYPE_TRADE_CORRECT}, "EXEC_REF_MISSING"),
        ({"exec_type": EXEC_TYPE_TRADE_CORRECT, "last_price_e9": None}, "BAD_PRICE"),
    ],
)
def test_a_report_out_of_bounds_is_a_dead_letter(changes: dict[str, Any], reason: str) -> None:
    desk = Desk()
    order = desk.works()
    shape = {"last_lots": 1, "last_price_e9": PRICE_E9, "exec_type": EXEC_TYPE_FILL} | changes
    answer = desk.report(order, shape.pop("exec_type"), **shape)
    assert (answer.outcome, answer.reason_code, answer.events) == ("DEAD_LETTER", reason, ())
    assert desk.position().position_lots == 0


def test_a_fill_of_nothing_is_an_event_but_no_trade() -> None:
    desk = Desk()
    order = desk.works()
    answer = desk.trade(order, 0, fee_minor=5)
    assert (answer.reason_code, desk.event_types()) == ("APPLIED", ["FILL"])
    assert desk.balance().fees_minor == 0
    assert desk.gate.orders()[USER, order.order_id].filled_lots == 0


def test_an_event_of_a_report_carries_the_orders_people_and_terms() -> None:
    desk = Desk()
    order = desk.works(trader_id="ann", algo_id="algo", desk_id="desk", counterparty_id="bank")
    desk.trade(order, 1)
    event = desk.events[0]
    assert (event.trader_id, event.algo_id, event.desk_id) == ("ann", "algo", "desk")
    assert (event.counterparty_id, event.price_e9, event.last_lots) == ("bank", PRICE_E9, 1)
