"""What random histories reach seldom: ends of ranges, ids forgotten while in use, crowds."""

from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.risk import keys, order_ids
from pipeline.risk.bounds import NEVER_US
from pipeline.risk.effects import InputContext
from pipeline.risk.executions import Reported, is_trade
from pipeline.risk.order_ids import Found
from pipeline.risk.order_life import UNKNOWN, WORKING
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_SETTLEMENT,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    FeeSchedule,
    Listing,
    Order,
    RowAlias,
    RowDecision,
    RowOrder,
    RowSeen,
)
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import InvariantViolated
from pipeline.risk.sweeping import SWEPT_MAX, Sweeping
from pipeline.risk.transfers import is_by_price
from tests.oracle.auditor import Expected
from tests.oracle.checks import Check
from tests.property.desk import (
    ACME,
    BTC_USD,
    ESX,
    FEE_PER_LOT,
    FUNDS,
    LIMITS,
    MARGIN,
    POLICY,
    PRICE_E9,
    SHARE_PRICE_E9,
    USER,
    Desk,
    check,
)
from tests.property.reports import report_on
from tests.property.world import E9, changed, fx_pair

INT64_MAX = 2**63 - 1
MINUTE_MS = 60_000


def market(desk: Desk, **changes: Any) -> Expected:
    """Send a MARKET order."""
    return desk.order(order_type=ORDER_TYPE_MARKET, price_e9=None, **changes)


# -- market orders


def test_a_market_order_without_a_mark_is_refused() -> None:
    desk = Desk()
    desk.control(changed(ESX, instrument_id="NEWX"))
    desk.control(Listing("NEWX", None, None))
    answer = market(desk, instrument_id="NEWX")
    assert answer.reason_code == "MARK_MISSING"
    assert check(answer, "MARKET_BOUND").result == "FAIL"
    assert check(answer, "BUYING_POWER").result == "NOT_EVALUATED"


def test_a_market_order_whose_bound_is_no_price_is_refused() -> None:
    desk = Desk()
    desk.mark("ESX", 10**18)
    answer = market(desk)
    assert answer.reason_code == "OUT_OF_RANGE"
    assert check(answer, "MARKET_BOUND") == Check("MARKET_BOUND", "FAIL", "OUT_OF_RANGE")


def test_a_market_order_without_a_policy_has_no_bound() -> None:
    answer = market(Desk(POLICY))
    assert check(answer, "MARKET_BOUND").result == "NOT_EVALUATED"


def test_a_market_order_with_a_price_is_refused() -> None:
    assert Desk().order(order_type=ORDER_TYPE_MARKET).reason_code == "BAD_PRICE"


@pytest.mark.parametrize("side", [SIDE_BUY, SIDE_SELL])
def test_a_market_order_is_as_far_from_the_mark_as_its_protection_price(side: int) -> None:
    desk = Desk()
    assert check(market(desk, side=side), "PRICE_COLLAR").observed == LIMITS.market_collar_bps


def test_what_adds_nothing_shows_nothing_and_passes_whatever_is_left() -> None:
    desk = Desk()
    order = desk.works(instrument_id="BTC-USD")
    held = desk.balance().held_minor
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -FUNDS)
    answer = desk.send(desk.replacement(order))
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "BUYING_POWER") == Check(
        "BUYING_POWER", "PASS", None, 0, -held, None, -held
    )


def test_what_frees_margin_is_shown_as_nothing() -> None:
    desk = Desk()
    desk.bought(2)
    desk.control(changed(ESX, margin_minor_per_lot=1))
    assert check(desk.order(), "BUYING_POWER").observed == 0


def test_a_hold_out_of_range_is_told_before_a_missing_margin() -> None:
    desk = Desk()
    desk.control(changed(ESX, margin_minor_per_lot=None))
    desk.control(FeeSchedule("gold", None, 10**9, 0))
    line = check(desk.order(quantity_lots=10**12), "BUYING_POWER")
    assert line == Check("BUYING_POWER", "FAIL", "OUT_OF_RANGE")


def test_an_order_that_closes_a_part_raises_no_margin() -> None:
    desk = Desk()
    desk.bought(2, side=SIDE_SELL)
    assert check(desk.order(side=SIDE_BUY), "BUYING_POWER").observed == FEE_PER_LOT
    desk.bought(6)
    assert check(desk.order(side=SIDE_SELL), "BUYING_POWER").observed == FEE_PER_LOT


def test_a_future_needs_a_margin_even_to_be_closed() -> None:
    desk = Desk()
    desk.bought(2)
    desk.control(changed(ESX, margin_minor_per_lot=None))
    assert check(desk.order(side=SIDE_SELL), "BUYING_POWER").reason == "MARGIN_MISSING"


def test_an_order_that_closes_adds_nothing_to_what_is_covered() -> None:
    desk = Desk()
    desk.bought(1)
    row = changed(desk.balance(), cash_minor=-INT64_MAX, covered_minor=INT64_MAX)
    desk.gate.processor.state.put(keys.balance_key(USER, "USD"), row)
    answer = desk.order(side=SIDE_SELL, price_e9=PRICE_E9 + 1)
    assert (answer.reason_code, check(answer, "BUYING_POWER").result) == ("PRICE_INCREMENT", "PASS")


def test_an_order_that_closes_must_be_covered_when_it_raises_the_margin_by_one() -> None:
    desk = Desk()
    desk.bought(1)
    desk.money(DEPOSIT_KIND_ADJUSTMENT, MARGIN - desk.balance().cash_minor)
    desk.control(changed(ESX, margin_minor_per_lot=MARGIN + 1))
    assert desk.order(side=SIDE_SELL).reason_code == "BUYING_POWER"
    desk.control(ESX)
    assert desk.order(side=SIDE_SELL).reason_code == "ACCEPTED"


# -- limits in another currency


def foreign(desk: Desk) -> None:
    """The notional is limited in EUR, which EUR-USD converts."""
    desk.control(changed(LIMITS, notional_currency="EUR"))
    desk.control(fx_pair("EUR-USD"))


def test_a_foreign_limit_needs_a_policy_to_judge_the_rates_age() -> None:
    desk = Desk(POLICY)
    foreign(desk)
    assert check(desk.order(), "ORDER_NOTIONAL").result == "NOT_EVALUATED"


def test_a_converted_notional_beyond_64_bits_is_out_of_range() -> None:
    desk = Desk()
    foreign(desk)
    desk.mark("EUR-USD", 1)
    answer = desk.order(quantity_lots=10**10)
    assert check(answer, "ORDER_NOTIONAL").reason == "OUT_OF_RANGE"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"notional_currency": ""}, "notional_currency is empty or too long"),
        ({"locate_id": "x" * 65}, "locate_id is empty or too long"),
    ],
)
def test_limits_with_ids_out_of_bounds_are_bad_control(
    changes: dict[str, Any], problem: str
) -> None:
    desk = Desk()
    assert desk.control(changed(LIMITS, **changes)).reason_code == "BAD_CONTROL"
    assert desk.dead_letter is not None
    assert problem.encode() in desk.dead_letter


# -- replaces


def test_a_replace_must_name_an_order() -> None:
    desk = Desk()
    order = desk.works()
    assert desk.send(desk.replacement(order, orig_order_id=None)).reason_code == (
        "ORIG_ORDER_MISSING"
    )
    assert desk.send(desk.replacement(order, order_id="gate:1")).reason_code == "RESERVED_ID"


def test_an_id_that_was_forgotten_but_is_in_use_is_not_taken_again() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    request = desk.replace(order, quantity_lots=3)
    desk.report(request, EXEC_TYPE_REPLACED, orig_order_id=order.order_id)
    desk.wait(POLICY.dedup_window_ms + MINUTE_MS)
    desk.mark("ESX", PRICE_E9)
    assert desk.order(order_id=request.order_id).reason_code == "DUPLICATE_ID"
    # Under which it is still found.
    assert desk.cancel(request.order_id).reason_code == "ACCEPTED"
    assert desk.trade(request, 3).reason_code == "APPLIED"
    assert (desk.gate.orders(), desk.gate.aliases()) == ({}, {})


def test_the_root_of_a_replace_may_be_forgotten_after_it_has_ended() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    request = desk.replace(order)
    state = desk.gate.processor.state
    desk.report(order, EXEC_TYPE_CANCELED)
    root = state.decision(USER, order.order_id, 0)
    assert root is not None
    state.begin_input()
    state.delete(keys.decision_key(USER, order.order_id))
    assert order_ids.find(state, USER, request.order_id, 0).state == UNKNOWN


def test_a_replace_that_adds_no_lots_reduces_unless_it_is_dearer() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=4)
    desk.control(changed(POLICY))
    desk.money(DEPOSIT_KIND_SETTLEMENT, -9_700_000)
    assert desk.user().deficit_count == 1
    for changes, reason in (
        ({"quantity_lots": 4, "price_e9": PRICE_E9 + E9}, "USER_REDUCING"),
        ({"quantity_lots": 5}, "USER_REDUCING"),
        ({"quantity_lots": 3, "price_e9": PRICE_E9 - E9}, "ACCEPTED"),
    ):
        assert desk.send(desk.replacement(order, **changes)).reason_code == reason


# -- broken rows, which only a broken disk can make


def placed(desk: Desk) -> tuple[Order, RowOrder]:
    """An order that works, and its row."""
    order = desk.works(quantity_lots=2)
    row = desk.gate.processor.state.order(USER, order.order_id)
    assert row is not None
    return order, row


def test_an_alias_of_nothing_stops_the_lane() -> None:
    desk = Desk()
    state = desk.gate.processor.state
    state.put(keys.alias_key(USER, "a"), RowAlias("gone"))
    with pytest.raises(InvariantViolated, match="alias"):
        order_ids.find(state, USER, "a", 0)


def test_only_a_pending_replace_is_carried_out() -> None:
    desk = Desk()
    order, row = placed(desk)
    with pytest.raises(InvariantViolated, match="not pending"):
        order_ids.take_pending(desk.gate.processor.state, USER, order.order_id, row)
    order_ids.add_pending(desk.gate.processor.state, USER, order.order_id, row)
    assert desk.gate.aliases() == {}


def test_a_replace_of_what_does_not_work_is_not_accepted() -> None:
    desk = Desk()
    core = desk.gate.processor.core
    request = desk.new(action=ORDER_ACTION_REPLACE, orig_order_id="never")
    context = InputContext(0, 1, 0, "orders", 0, b"", None)

    @dataclass
    class View:
        """Nothing was found."""

        user: None = None
        instrument: None = None
        replaced: None = None

    desk_of_orders: Any = core.orders
    with pytest.raises((InvariantViolated, TypeError)):
        desk_of_orders._request_replace(context, request, View(), "never")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (RowSeen(1, 1, None, None, 3, 1, 0, superseded=False), "trade of nothing"),
        (RowSeen(1, 1, "GONE", SIDE_BUY, 3, 1, 0, superseded=False), "remembered trade is gone"),
    ],
)
def test_a_remembered_trade_of_nothing_stops_the_lane(row: RowSeen, problem: str) -> None:
    desk = Desk()
    order, _ = placed(desk)
    core = desk.gate.processor.core
    fill = report_on(
        desk.world, order, exec_type=EXEC_TYPE_TRADE_CANCEL, exec_ref_id="x", venue="XVEN"
    )
    core.state.put(keys.execution_key(USER, order.order_id, "XVEN", "x"), row)
    core.rules.forgotten_before = 0
    reported = Reported(fill, ESX, SIDE_BUY, Found(order.order_id, UNKNOWN, None, None))
    with pytest.raises(InvariantViolated, match=problem):
        core.executions._take_back(reported)


def test_a_working_order_has_terms() -> None:
    desk = Desk()
    order, row = placed(desk)
    core = desk.gate.processor.core
    fill = report_on(desk.world, order, exec_type=EXEC_TYPE_NEW)
    reported = Reported(fill, ESX, SIDE_BUY, Found(order.order_id, WORKING, None, None))
    with pytest.raises(InvariantViolated, match="without terms"):
        core.executions._account_working(
            InputContext(0, 1, 0, "fills", 0, b"", None), reported, row
        )


def test_what_is_swept_works_and_has_an_instrument() -> None:
    desk = Desk()
    order, row = placed(desk)
    core = desk.gate.processor.core
    context = InputContext(0, 1, row.accepted_at + 1, "marks", 0, b"", None)
    core.rules.orphan_us = 0
    gone = core.rules.instruments.pop("ESX")
    with pytest.raises(InvariantViolated, match="instrument"):
        core.endings.sweep(context, 0, 0)
    core.rules.instruments["ESX"] = gone
    core.state.delete(keys.order_key(USER, order.order_id))
    with pytest.raises(InvariantViolated, match="does not work"):
        core.endings.sweep(context, 0, 0)


def test_a_settlement_by_price_has_what_it_needs() -> None:
    desk = Desk()
    desk.money(DEPOSIT_KIND_DEPOSIT, 1)
    money = desk.world.deposits[-1]
    context = InputContext(0, 1, 0, "deposits", 0, b"", None)
    with pytest.raises(InvariantViolated, match="without what it needs"):
        desk.gate.processor.core.transfers._settle(context, money, b"T")


# -- sweeping


def test_no_input_waits_for_more_than_a_hundred_ends() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, order_rate_per_s_max=10**6, position_lots_max=10**6))
    desk.control(changed(POLICY, open_orders_max=10**6))
    desk.money(DEPOSIT_KIND_DEPOSIT, 10**12)
    until = desk.world.now_us + MINUTE_MS * 1_000
    for _ in range(SWEPT_MAX + 20):
        desk.works(expires_at=until)
        desk.works(time_in_force=TIME_IN_FORCE_DAY)
        desk.works()
    desk.wait(2 * MINUTE_MS)
    assert len(desk.mark("ESX", PRICE_E9).swept) == SWEPT_MAX
    assert len(desk.mark("ESX", PRICE_E9).swept) == 20
    assert desk.mark("ESX", PRICE_E9).swept == ()
    desk.wait(86_400_000)
    assert [len(desk.mark("ESX", PRICE_E9).swept) for _ in range(3)] == [SWEPT_MAX, 20, 0]
    desk.wait(POLICY.orphan_ms_max)
    assert [len(desk.mark("ESX", PRICE_E9).swept) for _ in range(3)] == [SWEPT_MAX, 20, 0]
    assert (desk.balance().held_minor, desk.user().open_orders_count) == (0, 0)


def test_an_order_that_comes_up_twice_ends_once_and_by_its_time() -> None:
    desk = Desk()
    until = desk.world.now_us + 1
    order = desk.works(expires_at=until, time_in_force=TIME_IN_FORCE_DAY)
    desk.wait(POLICY.orphan_ms_max)
    (swept,) = desk.mark("ESX", PRICE_E9).swept
    assert (swept.origin, swept.orig_order_id) == ("EXPIRY", order.order_id)


def test_an_order_whose_release_would_not_fit_stays() -> None:
    desk = Desk()
    until = desk.world.now_us + MINUTE_MS * 1_000
    desk.bought(2)
    order = desk.works(side=SIDE_SELL, expires_at=until)
    # A margin that leaves no room: held by the terms of now for the position that stays.
    desk.control(changed(ESX, margin_minor_per_lot=10**18))
    held = desk.balance().held_minor
    row = desk.gate.processor.state.balance(USER, "USD")
    assert row is not None
    row.held_minor = INT64_MAX
    desk.gate.processor.state.put(keys.balance_key(USER, "USD"), row)
    desk.wait(2 * MINUTE_MS)
    assert desk.mark("ESX", PRICE_E9).swept == ()
    assert (USER, order.order_id) in desk.gate.orders()
    assert held == 2 * MARGIN + FEE_PER_LOT


def test_what_has_ended_is_cleared_from_the_index() -> None:
    sweeping = Sweeping()
    desk = Desk()
    _, row = placed(desk)
    row.expires_at = 10**15
    row.time_in_force = TIME_IN_FORCE_DAY
    row.acknowledged = False
    # Behind one that stays, what has ended does not come up by itself.
    sweeping.placed(b"first", USER, "first", row)
    for number in range(3_000):
        row.lane_sequence = number
        sweeping.placed(b"%d" % number, USER, str(number), row)
        sweeping.over(b"%d" % number)
    sweeping.over(b"never")
    assert len(sweeping._expiring) < 1_100
    assert len(sweeping._of_a_day.entries) < 1_100
    assert len(sweeping._unacknowledged.entries) < 1_100
    sweeping.over(b"first")
    assert sweeping.due(10**16, 10**6, 0) == []


def test_a_lane_that_is_opened_again_sweeps_the_same() -> None:
    def history() -> Desk:
        desk = Desk()
        until = desk.world.now_us + MINUTE_MS * 1_000
        for changes in ({"expires_at": until}, {"time_in_force": TIME_IN_FORCE_DAY}, {}):
            desk.works(**changes)
        closing = desk.works(quantity_lots=2, expires_at=until)
        desk.report(closing, EXEC_TYPE_CANCELED, cum_lots=1)
        return desk

    stays, opened = history(), history()
    opened.gate.restart()
    for wait_ms in (2 * MINUTE_MS, 86_400_000, POLICY.orphan_ms_max):
        swept = []
        for desk in (stays, opened):
            desk.wait(wait_ms)
            swept.append(desk.mark("ESX", PRICE_E9).swept)
        assert swept[0] == swept[1]
        assert len(swept[0]) == 1
    assert len(stays.gate.orders()) == 1


# -- busts in places where nobody looks


def test_a_bust_under_an_id_that_has_become_another_instruments() -> None:
    desk = Desk()
    desk.control(ACME)
    desk.mark("ACME", SHARE_PRICE_E9)
    early = desk.new(order_id="reused", quantity_lots=2)
    desk.trade(early, 2, exec_id="first")
    desk.works(order_id="reused", instrument_id="ACME", quantity_lots=5)
    answer = desk.report(
        early,
        EXEC_TYPE_TRADE_CORRECT,
        exec_ref_id="first",
        last_lots=1,
        last_price_e9=PRICE_E9,
    )
    assert answer.outcome == "FACT"
    assert desk.position().position_lots == 1
    assert desk.position().margin_minor == MARGIN
    assert desk.position("ACME").position_lots == 0


def test_a_correction_that_leaves_nothing_open_ends_the_order() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=3)
    desk.trade(order, 2, exec_id="wrong")
    desk.report(
        order,
        EXEC_TYPE_TRADE_CORRECT,
        exec_ref_id="wrong",
        last_lots=3,
        last_price_e9=PRICE_E9,
    )
    assert desk.gate.orders() == {}
    assert desk.position().position_lots == 3


def test_a_correction_that_does_not_fit_changes_nothing() -> None:
    desk = Desk()
    order = desk.bought(2)
    before = desk.balance()
    answer = desk.report(
        order,
        EXEC_TYPE_TRADE_CORRECT,
        exec_ref_id=desk.world.fills[-1].exec_id,
        last_lots=10**12,
        last_price_e9=10**18,
    )
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "OUT_OF_RANGE")
    assert desk.balance().cash_minor == before.cash_minor
    assert desk.position().position_lots == 2


def test_a_settlement_that_does_not_fit_changes_nothing() -> None:
    desk = Desk()
    desk.bought(2)
    row = desk.gate.processor.state.position(USER, "ESX")
    assert row is not None
    row.position_lots = 10**12
    answer = desk.money(
        DEPOSIT_KIND_SETTLEMENT,
        0,
        instrument_id="ESX",
        settlement_price_e9=10**9,
        session_date=20_000,
    )
    assert answer.reason_code == "OUT_OF_RANGE"
    assert desk.position().settled_on == -1


def test_a_decision_row_of_an_accepted_request_names_its_root() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    request = desk.replace(order)
    row = desk.gate.processor.state.decision(USER, request.order_id, 0)
    assert isinstance(row, RowDecision)
    assert row.root_order_id == order.order_id


def test_pairs_are_chosen_by_their_least_id() -> None:
    desk = Desk()
    rules: RulesInForce = desk.gate.processor.core.rules
    desk.control(changed(BTC_USD, instrument_id="A-BTC-USD"))
    pair = rules.pair_of("BTC", "USD")
    assert pair is not None
    assert pair.instrument_id == "A-BTC-USD"
    assert rules.pair_of("USD", "BTC") is None


def test_a_settlement_is_by_price_when_it_names_any_part_of_one() -> None:
    desk = Desk()
    desk.money(DEPOSIT_KIND_SETTLEMENT, 5)
    plain = desk.world.deposits[-1]
    assert not is_by_price(plain)
    assert is_by_price(changed(plain, session_date=1))


def test_a_market_order_needs_a_collar() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, market_collar_bps=None))
    assert market(desk).reason_code == "LIMIT_MISSING"


def test_a_foreign_limit_needs_a_rate() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, notional_currency="EUR"))
    answer = desk.order()
    assert answer.reason_code == "FX_MISSING"
    assert check(answer, "ORDER_NOTIONAL").limit == LIMITS.order_notional_minor_max


def test_a_chain_of_replaces_keeps_one_alias_that_is_current() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    latest = order
    for lots in (3, 4, 5):
        request = desk.replace(latest, quantity_lots=lots)
        desk.report(request, EXEC_TYPE_REPLACED, orig_order_id=latest.order_id)
        latest = request
    assert list(desk.gate.aliases()) == [(USER, latest.order_id)]
    row = desk.gate.orders()[USER, order.order_id]
    assert (row.current_order_id, row.quantity_lots) == (latest.order_id, 5)


def test_expiry_does_not_wait_for_a_policy() -> None:
    sweeping = Sweeping()
    _, row = placed(Desk())
    row.expires_at = 10
    sweeping.placed(b"o", USER, "o", row)
    assert [due.reason for due in sweeping.due(10, 0, NEVER_US)] == ["EXPIRED"]


def test_a_bust_of_what_the_venue_has_counted_lowers_the_count() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=5)
    desk.trade(order, 1, exec_id="busted")
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=3)
    desk.report(order, EXEC_TYPE_TRADE_CANCEL, exec_ref_id="busted")
    row = desk.gate.orders()[USER, order.order_id]
    assert (row.filled_lots, row.final_lots) == (0, 2)
    assert desk.balance().held_minor == 2 * MARGIN + 2 * FEE_PER_LOT


def test_a_bust_under_an_id_of_another_currencys_instrument() -> None:
    desk = Desk()
    desk.control(changed(ESX, instrument_id="EURX", currency="EUR"))
    desk.control(fx_pair("EUR-USD"))
    desk.mark("EURX", PRICE_E9)
    desk.mark("EUR-USD", E9)
    desk.money(DEPOSIT_KIND_DEPOSIT, FUNDS, "EUR")
    early = desk.new(order_id="reused", instrument_id="EURX", quantity_lots=2)
    desk.trade(early, 2, PRICE_E9, exec_id="first")
    order = desk.works(order_id="reused", quantity_lots=3)
    desk.report(order, EXEC_TYPE_TRADE_CANCEL, exec_ref_id="first")
    assert desk.position("EURX").position_lots == 0
    assert desk.balance("EUR").held_minor == 0
    assert desk.balance().held_minor == 3 * MARGIN + 3 * FEE_PER_LOT


def test_a_closing_order_may_not_take_what_is_held_out_of_range() -> None:
    desk = Desk()
    desk.bought(15)
    desk.control(FeeSchedule("gold", None, 10**18, 0))
    order = desk.works(side=SIDE_SELL, quantity_lots=5)
    answer = desk.send(desk.replacement(order, quantity_lots=10))
    assert answer.reason_code == "OUT_OF_RANGE"
    assert check(answer, "BUYING_POWER").reason == "OUT_OF_RANGE"


def test_a_settlement_whose_amount_cannot_be_told_changes_nothing() -> None:
    desk = Desk()
    wide = changed(ESX, multiplier_numerator=10**9)
    desk.control(wide)
    desk.trade(desk.new(quantity_lots=9), 9, 10**18)
    shape: dict[str, Any] = {
        "instrument_id": "ESX",
        "settlement_price_e9": 1,
        "session_date": 1,
    }
    assert desk.money(DEPOSIT_KIND_SETTLEMENT, 0, **shape).reason_code == "APPLIED"
    desk.control(changed(wide, multiplier_numerator=2 * 10**9))
    shape |= {"settlement_price_e9": 10**18, "session_date": 2}
    assert desk.money(DEPOSIT_KIND_SETTLEMENT, 0, **shape).reason_code == "OUT_OF_RANGE"
    assert desk.position().settled_on == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order_type": ORDER_TYPE_MARKET}, "UNSUPPORTED"),
        ({"price_e9": 0}, "BAD_PRICE"),
        ({"quantity_lots": 0}, "BAD_QUANTITY"),
        ({"side": SIDE_SELL}, "REPLACE_MISMATCH"),
        ({"quantity_lots": 1}, "BELOW_FILLED"),
    ],
)
def test_a_replace_that_cannot_be_is_refused(changes: dict[str, Any], reason: str) -> None:
    desk = Desk()
    order = desk.works(quantity_lots=3)
    desk.trade(order, 1)
    assert desk.send(desk.replacement(order, **changes)).reason_code == reason
    assert desk.gate.aliases() == {}


def test_each_reason_against_a_replace_is_of_its_own_check() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=3)
    desk.trade(order, 2)
    below = desk.send(desk.replacement(order, quantity_lots=2))
    assert check(below, "REPLACE") == Check("REPLACE", "FAIL", "BELOW_FILLED")
    nothing = desk.send(desk.replacement(order, quantity_lots=0))
    assert check(nothing, "REPLACE") == Check("REPLACE", "PASS")
    assert check(nothing, "FIELDS").reason == "BAD_QUANTITY"


def test_a_short_sale_is_not_judged_without_a_quantity() -> None:
    desk = Desk()
    desk.control(ACME)
    desk.mark("ACME", SHARE_PRICE_E9)
    answer = desk.order(instrument_id="ACME", side=SIDE_SELL, quantity_lots=0)
    assert check(answer, "SHORT_SALE").result == "NOT_EVALUATED"


def test_a_report_finds_its_order_by_either_id() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    other = desk.new(order_id="the venue's own")
    assert desk.trade(other, 1, orig_order_id=order.order_id).reason_code == "APPLIED"
    assert desk.gate.orders()[USER, order.order_id].filled_lots == 1
    assert desk.trade(other, 1, orig_order_id="nobody's").reason_code == "UNKNOWN_ORDER"


def test_a_fill_of_nothing_for_what_has_ended_is_not_late() -> None:
    desk = Desk()
    order = desk.works()
    desk.report(order, EXEC_TYPE_CANCELED)
    assert desk.trade(order, 0).reason_code == "APPLIED"


def test_a_policy_without_a_bound_for_orphans_is_bad_control() -> None:
    assert Desk().control(changed(POLICY, orphan_ms_max=0)).reason_code == "BAD_CONTROL"


def test_what_was_acknowledged_before_the_lane_was_opened_is_no_orphan() -> None:
    desk = Desk()
    order = desk.works()
    desk.report(order, EXEC_TYPE_NEW)
    desk.gate.restart()
    desk.wait(POLICY.orphan_ms_max)
    assert desk.mark("ESX", PRICE_E9).swept == ()


@pytest.mark.parametrize(
    ("amount", "changes", "reason"),
    [
        (0, {"session_date": None}, "SETTLEMENT_INCOMPLETE"),
        (5, {}, "BAD_AMOUNT"),
        (0, {"settlement_price_e9": 0}, "BAD_PRICE"),
        (0, {"instrument_id": "NOPE"}, "UNPLACED_FACT"),
        (0, {"instrument_id": "BTC-USD"}, "UNPLACED_FACT"),
        (0, {}, "APPLIED"),
    ],
)
def test_a_settlement_by_price_is_whole_or_nothing(
    amount: int, changes: dict[str, Any], reason: str
) -> None:
    shape: dict[str, Any] = {
        "instrument_id": "ESX",
        "settlement_price_e9": PRICE_E9,
        "session_date": 20_000,
    }
    answer = Desk().money(DEPOSIT_KIND_SETTLEMENT, amount, **(shape | changes))
    assert answer.reason_code == reason


def test_a_session_is_settled_once() -> None:
    desk = Desk()
    desk.bought(2)
    shape: dict[str, Any] = {"instrument_id": "ESX", "session_date": 20_000}
    for price, reason in ((PRICE_E9 + E9, "APPLIED"), (PRICE_E9, "REPEATED_SESSION")):
        answer = desk.money(DEPOSIT_KIND_SETTLEMENT, 0, settlement_price_e9=price, **shape)
        assert answer.reason_code == reason
    assert desk.position().settled_on == 20_000


def test_a_trade_is_a_fill_of_something() -> None:
    desk = Desk()
    order = desk.new()
    assert is_trade(report_on(desk.world, order, exec_type=EXEC_TYPE_FILL, last_lots=1))
    assert not is_trade(report_on(desk.world, order, exec_type=EXEC_TYPE_FILL, last_lots=0))
    assert not is_trade(report_on(desk.world, order, exec_type=EXEC_TYPE_CANCELED, last_lots=1))
