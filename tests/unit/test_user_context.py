"""A user's context as people are shown it: the figures of the rows, whoever reads them."""

from typing import Any

import pytest

from pipeline.commands import state
from pipeline.lane.rows import DictRows
from pipeline.risk.records import (
    DEPOSIT_KIND_SETTLEMENT,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REPLACED,
    SIDE_SELL,
)
from pipeline.tables.user_context import UserContext, describe
from tests.property.desk import PRICE_E9, SPOT_PRICE_E9, USER, Desk, pledging
from tests.property.world import E9, LANE, USERS


def context_of(rows: DictRows, user_id: str) -> UserContext:
    def scan(prefix: bytes, rows_max: int) -> list[tuple[bytes, bytes]]:
        found = sorted(item for item in rows.rows.items() if item[0].startswith(prefix))
        return found[:rows_max]

    context = UserContext(user_id, LANE)
    context.collect(scan)
    return context


def described(desk: Desk, user_id: str = USER) -> dict[str, Any]:
    return describe(context_of(desk.gate.rows, user_id))


def replaced() -> tuple[Desk, list[str]]:
    """An order that was replaced once, is to be replaced again and cancelled; its ids."""
    desk = Desk()
    first = desk.works(quantity_lots=4, expires_at=desk.world.now_us + 60_000_000)
    second = desk.replace(first, quantity_lots=5)
    desk.report(second, EXEC_TYPE_REPLACED)
    desk.trade(second, 1, PRICE_E9 - E9, exec_type=EXEC_TYPE_PARTIAL_FILL)
    desk.trade(second, 2, PRICE_E9, exec_type=EXEC_TYPE_PARTIAL_FILL)
    third = desk.replace(second, quantity_lots=9, price_e9=PRICE_E9 + E9)
    desk.cancel(third.order_id)
    return desk, [first.order_id, second.order_id, third.order_id]


def test_a_working_order_has_all_its_ids_and_what_either_version_can_still_fill() -> None:
    desk, ids = replaced()
    (order,) = described(desk)["working_orders"]
    named = [order[name] for name in ("order_id", "current_order_id", "pending_order_id")]
    assert named == ids
    figures = ("quantity_lots", "pending_quantity_lots", "filled_lots", "open_lots", "hold_minor")
    assert [order[name] for name in figures] == [5, 9, 3, 6, 600]
    assert (order["acknowledged"], order["cancel_requested"]) == (True, True)


def test_fills_that_are_still_to_come_are_open() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=4)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=3)
    (row,) = described(desk)["working_orders"]
    assert (row["quantity_lots"], row["final_lots"], row["open_lots"]) == (4, 3, 3)


def test_the_average_price_of_a_future_is_its_cost_by_lot() -> None:
    desk, _ = replaced()
    (position,) = described(desk)["positions"]
    # One lot at 4,999 and two at 5,000.
    assert position["average_price_e9"] == 4_999_666_666_667
    desk.money(
        DEPOSIT_KIND_SETTLEMENT,
        0,
        instrument_id="ESX",
        settlement_price_e9=PRICE_E9 + E9,
        session_date=19_675,
    )
    (position,) = described(desk)["positions"]
    assert position["average_price_e9"] == PRICE_E9 + E9
    assert position["settled_on"] == "2023-11-14"


@pytest.mark.parametrize("side_changes", [{}, {"side": SIDE_SELL}])
def test_nothing_open_has_no_average_price(side_changes: dict[str, Any]) -> None:
    desk = Desk()
    desk.works(**side_changes)
    (position,) = described(desk)["positions"]
    assert position["average_price_e9"] is None


def test_a_short_position_has_the_price_it_was_sold_at() -> None:
    desk = Desk()
    desk.bought(2, side=SIDE_SELL)
    (position,) = described(desk)["positions"]
    assert (position["position_lots"], position["average_price_e9"]) == (-2, PRICE_E9)


def test_spot_has_no_average_price() -> None:
    desk = Desk()
    desk.bought(1, SPOT_PRICE_E9, instrument_id="BTC-USD")
    (position,) = described(desk)["positions"]
    assert position["average_price_e9"] is None


def test_the_held_part_is_told_by_what_holds_it() -> None:
    desk, _ = replaced()
    desk.money(DEPOSIT_KIND_WITHDRAWAL_REQUEST, 1_000, withdrawal_id="w-1")
    shown = described(desk)
    (balance,) = shown["balances"]
    parts = ("orders_held_minor", "margin_held_minor", "pending_withdrawals_minor")
    assert [balance[name] for name in parts] == [600, 900_000, 1_000]
    assert balance["held_minor"] == 901_600
    assert balance["available_minor"] == balance["cash_minor"] - 901_600
    (withdrawal,) = shown["pending_withdrawals"]
    assert (withdrawal["withdrawal_id"], withdrawal["amount_minor"]) == ("w-1", 1_000)


def test_pledges_are_told_and_what_they_leave_available(capsys: pytest.CaptureFixture[str]) -> None:
    desk = pledging()
    desk.works()
    shown = described(desk)
    pledge = {
        "covered_currency": "USD",
        "pledged_currency": "EUR",
        "covered_minor": 100_100,
        "pledged_minor": 80_080,
    }
    assert shown["pledges"] == [pledge]
    figures = ("currency", "held_minor", "pledged_minor", "covered_minor", "available_minor")
    assert [[balance[name] for name in figures] for balance in shown["balances"]] == [
        ["EUR", 0, 80_080, 0, 119_920],
        ["USD", 100_100, 0, 100_100, 0],
    ]
    state._show({"source": "changelog", "worker": None, **shown})
    printed = capsys.readouterr().out
    assert "Pledges (minor units)" in printed
    assert "80,080" in printed


def test_requests_name_the_order_they_are_about() -> None:
    desk, ids = replaced()
    roots = {row["order_id"]: row["root_order_id"] for row in described(desk)["last_decisions"]}
    assert roots[ids[0]] is None
    assert roots[ids[1]] == roots[ids[2]] == ids[0]


def test_rows_of_others_are_not_taken() -> None:
    desk, _ = replaced()
    shown = described(desk, USERS[1])
    assert not any(shown[name] for name in ("user", "balances", "positions", "working_orders"))


def test_the_tables_say_what_a_person_looks_for(capsys: pytest.CaptureFixture[str]) -> None:
    desk, ids = replaced()
    desk.money(DEPOSIT_KIND_WITHDRAWAL_REQUEST, 1_000, withdrawal_id="w-1")
    state._show({"source": "changelog", "worker": None, **described(desk)})
    shown = capsys.readouterr().out
    for text in (
        *ids,
        "4,999.666666667",
        "LIMIT GTC",
        "until 2023-11-14T22:14:20.000000Z",
        "acknowledged",
        "replace by 9 at 5,001 pending",
        "cancel requested",
        "w-1",
    ):
        assert text in shown
    assert "1969" not in shown
    assert "\x1b" not in shown


def test_of_many_orders_some_are_shown_and_the_rest_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk, _ = replaced()
    shown = {"source": "changelog", "worker": None, **described(desk)}
    (one,) = shown["working_orders"]
    shown["working_orders"] = [one | {"order_id": f"many-{number}"} for number in range(1_234)]
    state._show(shown)
    printed = capsys.readouterr().out
    assert "Working orders: 200 of 1,234, --json has all" in printed
    assert ("many-199" in printed, "many-200" in printed) == (True, False)
