"""What trading has brought: kept by every trade, valued by every order, and bounded for a day."""

from typing import Any

import pytest

from pipeline.risk import keys
from pipeline.risk.ledger import OutOfRange, Trade
from pipeline.risk.records import (
    DEPOSIT_KIND_SETTLEMENT,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    LIMIT_SCOPE_TIER,
    SIDE_BUY,
    SIDE_SELL,
    CheckLimit,
    DayClose,
    Order,
    RowResult,
)
from tests.oracle.checks import Check
from tests.property.desk import ACME, ESX, POLICY, PRICE_E9, USER, Desk, check
from tests.property.wide import EUR_USD, MANY, fresh_marks, has, limit, of, passing_lots, wide_desk
from tests.property.world import DAY_MS, E9, OTHER_TENANT, START_MS, changed

INT64_MAX = 2**63 - 1
TODAY = START_MS // DAY_MS
POINT = 5_000
LOSSES = ["DAILY_LOSS", "DRAWDOWN"]
KEY = keys.result_key(USER, "USD")


def row_of(desk: Desk, currency: str = "USD") -> tuple[int, int, int, int, int]:
    """The stored figures: trading, day, opening, last, peak."""
    row = desk.result(currency)
    return (row.trading_minor, row.day, row.opening_minor, row.last_minor, row.peak_minor)


def settle(desk: Desk, price_e9: int, session: int) -> str:
    """A session of ESX is settled by price."""
    answer = desk.money(
        DEPOSIT_KIND_SETTLEMENT,
        0,
        instrument_id="ESX",
        settlement_price_e9=price_e9,
        session_date=session,
    )
    return answer.reason_code


def shown(desk: Desk, name: str = "DAILY_LOSS", **changes: Any) -> int | None:
    """What a loss check observes for an order."""
    line = check(desk.order(**changes), name)
    assert line.result in ("PASS", "FAIL")
    return line.observed


def at(points: int) -> dict[str, Any]:
    """A price so far above the usual one."""
    return {"price_e9": PRICE_E9 + points * E9}


def move(desk: Desk, points: int) -> None:
    """The mark of ESX goes so far from the usual one."""
    desk.mark("ESX", PRICE_E9 + points * E9)


# -- what trading has brought


def test_profits_of_futures_less_fees_are_kept() -> None:
    desk = wide_desk()
    order = desk.works(quantity_lots=2)
    desk.trade(order, 2, fee_minor=30)
    assert desk.result().trading_minor == -30
    desk.trade(desk.works(**of("ESX", -2, **at(10))), 2, fee_minor=-5)
    assert desk.result().trading_minor == 2 * 10 * POINT - 25


def test_shares_move_their_price_and_pairs_only_the_quote_currency() -> None:
    desk = wide_desk()
    has(desk, "ACME", 3)
    assert desk.result().trading_minor == -3 * 20_000
    has(desk, "BTC-USD", 2)
    assert desk.result().trading_minor == -3 * 20_000 - 2 * 40_000
    assert keys.result_key(USER, "BTC") not in desk.gate.rows.rows
    has(desk, "BTC-USD", -2)
    assert desk.result().trading_minor == -3 * 20_000


def test_each_currency_has_its_own_result() -> None:
    desk = wide_desk()
    desk.trade(desk.works(), 1, fee_minor=7)
    desk.trade(desk.works(**of("EURX", 1)), 1, fee_minor=9)
    assert desk.result().trading_minor == -7
    assert desk.result("EUR").trading_minor == -9


def test_a_bust_takes_a_result_back_and_a_correction_puts_it_right() -> None:
    desk = wide_desk()
    desk.bought(2)
    closing = desk.works(**of("ESX", -2, **at(10)))
    desk.trade(closing, 2, fee_minor=30, exec_id="x")
    profit = 2 * 10 * POINT - 30
    assert desk.result().trading_minor == profit
    desk.report(
        closing,
        EXEC_TYPE_TRADE_CORRECT,
        exec_ref_id="x",
        exec_id="y",
        last_lots=2,
        last_price_e9=PRICE_E9 + 8 * E9,
        fee_minor=20,
    )
    assert desk.result().trading_minor == 2 * 8 * POINT - 20
    desk.report(closing, EXEC_TYPE_TRADE_CANCEL, exec_ref_id="y")
    # The position is open again, at what it was closed for: money and cost make up for it.
    assert desk.result().trading_minor + 2 * PRICE_E9 * POINT // E9 == (
        desk.position().open_cost_e9 * POINT // E9
    )


def test_a_settlement_by_price_is_a_result_and_one_of_an_amount_is_not() -> None:
    desk = wide_desk()
    desk.bought(2)
    assert settle(desk, PRICE_E9 + 3 * E9, TODAY) == "APPLIED"
    assert desk.result().trading_minor == 2 * 3 * POINT
    assert settle(desk, PRICE_E9, TODAY) == "REPEATED_SESSION"
    desk.money(DEPOSIT_KIND_SETTLEMENT, -500)
    assert desk.result().trading_minor == 2 * 3 * POINT


def test_a_trade_alone_makes_the_row_on_the_open_day() -> None:
    desk = wide_desk()
    desk.wait(DAY_MS)
    desk.trade(desk.new(order_id="unknown"), 1, fee_minor=3)
    assert row_of(desk) == (-3, TODAY + 1, 0, 0, 0)


# -- its value


def test_an_order_values_open_positions_at_their_marks() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    has(desk, "ACME", 3)
    has(desk, "EURX", 5)
    move(desk, 10)
    desk.mark("ACME", 201 * E9)
    desk.works(**of("ESX", 1, **at(10)))
    assert row_of(desk) == (-60_000, TODAY, 0, 100_300, 100_300)
    move(desk, -4)
    desk.works(**of("ESX", 1, **at(-4)))
    assert row_of(desk) == (-60_000, TODAY, 0, -39_700, 100_300)
    assert row_of(desk, "EUR") == (0, TODAY, 0, 0, 0)


def test_a_short_pair_counts_as_what_it_would_cost() -> None:
    desk = wide_desk()
    desk.trade(desk.new(order_id="unknown", **of("BTC-USD", -1)), 3)
    desk.mark("BTC-USD", 40_010 * E9)
    assert shown(desk) == 30


def test_values_are_rounded_half_even_instrument_by_instrument() -> None:
    desk = wide_desk()
    for name in ("AAA", "BBB"):
        desk.control(changed(ACME, instrument_id=name, multiplier_numerator=1))
        desk.mark(name, E9)
        desk.trade(desk.new(order_id=name, **of(name, 1, price_e9=E9)), 1)
        desk.mark(name, E9 // 2)
    # Half a cent each is nothing each.
    assert shown(desk) == 2


@pytest.mark.parametrize("names", [["DAILY_LOSS"], ["DRAWDOWN"]])
def test_a_refused_order_values_too_and_so_does_one_exempt_of_one(names: list[str]) -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    desk.control(changed(MANY, checks_exempt=names))
    move(desk, -2)
    assert desk.order(tenant_id=OTHER_TENANT).reason_code == "TENANT_MISMATCH"
    assert desk.result().last_minor == -2 * POINT
    move(desk, -3)
    assert desk.order(quantity_lots=0).reason_code == "BAD_QUANTITY"
    assert desk.result().last_minor == -3 * POINT


def test_a_replace_values_and_a_cancel_or_a_repeat_does_not() -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    order = desk.works(side=SIDE_SELL)
    move(desk, -2)
    assert desk.cancel(order.order_id).reason_code == "ACCEPTED"
    desk.send(order)
    assert desk.result().last_minor == 0
    desk.send(desk.replacement(order, quantity_lots=2))
    assert desk.result().last_minor == -2 * POINT


def test_nothing_is_valued_where_nobody_looks_or_somebody_is_unknown() -> None:
    desk = wide_desk()
    desk.control(changed(MANY, checks_exempt=LOSSES))
    answer = desk.order()
    assert check(answer, "DRAWDOWN").result == "EXEMPT"
    desk.control(MANY)
    desk.order(user_id="stranger-5")
    desk.order(instrument_id="NOPE")
    assert not desk.gate.rows_of(keys.RESULT)
    bare = wide_desk(POLICY)
    assert {check(bare.order(), name).result for name in LOSSES} == {"NOT_EVALUATED"}
    assert not bare.gate.rows_of(keys.RESULT)


def test_a_row_is_written_only_where_a_figure_changes() -> None:
    desk = wide_desk()
    desk.order()
    assert KEY in desk.gate.processor.state.changed
    desk.order()
    assert KEY not in desk.gate.processor.state.changed
    desk.wait(DAY_MS)
    fresh_marks(desk)
    desk.order()
    assert KEY in desk.gate.processor.state.changed


# -- marks


def test_marks_of_open_positions_in_the_currency_are_needed_and_no_others() -> None:
    desk = wide_desk()
    for name, currency in (("NEWUSD", "USD"), ("NEWEUR", "EUR")):
        desk.control(changed(ESX, instrument_id=name, currency=currency))
    desk.trade(desk.new(order_id="a", **of("NEWEUR", 1)), 1)
    assert shown(desk) == 0
    desk.trade(desk.new(order_id="b", **of("NEWUSD", 1)), 1)
    answer = desk.order()
    version = check(answer, "DRAWDOWN").limit_version
    assert check(answer, "DRAWDOWN") == Check(
        "DRAWDOWN", "FAIL", "MARK_MISSING", None, 10**18, version
    )
    desk.mark("NEWUSD", PRICE_E9, age_us=60_000_000)
    assert shown(desk, "DRAWDOWN") == 0
    desk.wait(1)
    desk.mark("ESX", PRICE_E9)
    assert check(desk.order(), "DAILY_LOSS").reason == "MARK_STALE"
    has_no_position = desk.order(instrument_id="ZZZ")
    assert check(has_no_position, "DAILY_LOSS").result == "NOT_EVALUATED"


def test_a_missing_mark_is_told_before_a_stale_one() -> None:
    desk = wide_desk()
    for name in ("AAA", "ZZZ"):
        desk.control(changed(ESX, instrument_id=name))
        desk.trade(desk.new(order_id=name, **of(name, 1)), 1)
    for stale, other in (("AAA", "ZZZ"), ("ZZZ", "AAA")):
        desk.mark(stale, PRICE_E9, age_us=60_000_001)
        reason = check(desk.order(), "DRAWDOWN").reason
        assert reason == ("MARK_MISSING" if other == "ZZZ" else "MARK_STALE")


def test_a_missing_mark_is_told_though_a_stale_one_comes_after_it() -> None:
    desk = wide_desk()
    for name in ("AAA", "ZZZ"):
        desk.control(changed(ESX, instrument_id=name))
        desk.trade(desk.new(order_id=name, **of(name, 1)), 1)
    desk.mark("ZZZ", PRICE_E9, age_us=60_000_001)
    assert check(desk.order(), "DRAWDOWN").reason == "MARK_MISSING"


def test_an_order_that_only_works_needs_no_mark_of_its_instrument() -> None:
    desk = wide_desk()
    desk.works(**of("ACME", 1))
    desk.wait(60_001)
    desk.mark("ESX", PRICE_E9)
    assert shown(desk) == 0


def test_when_marks_stop_nothing_is_valued_and_only_what_reduces_passes() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    desk.control(changed(MANY, checks_exempt=["PRICE_COLLAR"]))
    before = row_of(desk)
    desk.wait(60_001)
    assert check(desk.order(), "DAILY_LOSS").reason == "MARK_STALE"
    answer = desk.order(side=SIDE_SELL)
    assert answer.reason_code == "ACCEPTED"
    assert [check(answer, name) for name in LOSSES] == [Check(name, "PASS") for name in LOSSES]
    assert row_of(desk) == before


# -- the limits


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_at_its_limit_passes_and_a_cent_more_does_not(name: str) -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    limit(desk, name, 40_000)
    version = desk.version
    move(desk, -4)
    answer = desk.order(**at(-4))
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, name) == Check(name, "PASS", None, 40_000, 40_000, version, 0)
    limit(desk, name, 39_999)
    version = desk.version
    answer = desk.order(**at(-4))
    assert answer.reason_code == name
    assert check(answer, name) == Check(name, "FAIL", name, 40_000, 39_999, version, -1)


@pytest.mark.parametrize("name", LOSSES)
def test_beyond_the_limit_only_what_reduces_passes(name: str) -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    limit(desk, name, 0)
    # Nine tenths at once.
    desk.mark("ESX", PRICE_E9 // 10)
    cheap = {"price_e9": PRICE_E9 // 10}
    loss = 2 * 4_500 * POINT
    assert desk.order(**cheap).reason_code == name
    assert desk.order(**of("ACME", 1)).reason_code == name
    assert desk.order(**of("ESX", -3, **cheap)).reason_code == name
    assert desk.order(**of("EURX", 1)).reason_code == "ACCEPTED"
    answer = desk.order(**of("ESX", -2, **cheap))
    assert answer.reason_code == "ACCEPTED"
    assert (check(answer, name).result, check(answer, name).headroom) == ("PASS", -loss)


@pytest.mark.parametrize("name", LOSSES)
def test_without_a_limit_not_even_what_reduces_passes(name: str) -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    limit(desk, name, None)
    assert check(desk.order(), name) == Check(name, "FAIL", "LIMIT_MISSING")
    assert desk.order(side=SIDE_SELL).reason_code == "LIMIT_MISSING"
    # It is valued all the same.
    move(desk, -2)
    desk.order()
    assert desk.result().last_minor == -2 * POINT


def test_a_gain_is_no_loss_and_a_fall_from_it_is_a_drawdown() -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    move(desk, 10)
    assert shown(desk, **at(10)) == 0
    move(desk, 4)
    assert shown(desk, "DRAWDOWN", **at(4)) == 6 * POINT
    assert shown(desk, "DAILY_LOSS", **at(4)) == 0
    move(desk, -1)
    assert shown(desk, "DRAWDOWN", **at(-1)) == 11 * POINT
    assert shown(desk, "DAILY_LOSS", **at(-1)) == POINT
    move(desk, 12)
    assert shown(desk, "DRAWDOWN", **at(12)) == 0


def test_a_new_day_begins_with_the_last_value_of_the_day_before() -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    move(desk, 20)
    desk.order(**at(20))
    move(desk, 10)
    desk.order(**at(10))
    assert row_of(desk) == (0, TODAY, 0, 10 * POINT, 20 * POINT)
    desk.wait(DAY_MS)
    fresh_marks(desk)
    # Overnight it fell from 10 to 3 points: that is today's loss, and today's drawdown.
    move(desk, 3)
    answer = desk.order(**at(3))
    assert [check(answer, name).observed for name in LOSSES] == [7 * POINT, 7 * POINT]
    assert row_of(desk) == (0, TODAY + 1, 10 * POINT, 3 * POINT, 10 * POINT)
    move(desk, 11)
    answer = desk.order(**at(11))
    assert [check(answer, name).observed for name in LOSSES] == [0, 0]
    assert row_of(desk) == (0, TODAY + 1, 10 * POINT, 11 * POINT, 11 * POINT)


def test_what_is_traded_before_the_first_order_of_a_day_counts_for_that_day() -> None:
    desk = wide_desk()
    order = desk.works(quantity_lots=2)
    desk.trade(order, 1)
    desk.wait(DAY_MS)
    fresh_marks(desk)
    desk.trade(order, 1, fee_minor=90)
    assert desk.result().day == TODAY
    assert shown(desk) == 90


def test_a_day_that_control_closes_begins_anew() -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    move(desk, -5)
    assert shown(desk, **at(-5)) == 5 * POINT
    desk.control(DayClose(TODAY))
    assert shown(desk, **at(-5)) == 0
    assert desk.result().day == TODAY + 1


def test_after_a_loss_the_largest_quantity_is_what_closes() -> None:
    desk = wide_desk()
    has(desk, "ESX", 3)
    limit(desk, "DRAWDOWN", 0)
    move(desk, -1)
    assert desk.order(**of("ESX", -8, **at(-1))).reason_code == "DRAWDOWN"
    assert passing_lots(desk) == 3
    assert desk.order(**at(-1)).reason_code == "DRAWDOWN"
    assert passing_lots(desk) == 0


# -- other currencies


def test_a_loss_is_converted_to_the_limits_currency_and_rounded_up() -> None:
    desk = wide_desk()
    limit(desk, "DAILY_LOSS", 10**9, "EUR")
    version = desk.version
    order = desk.works()
    desk.trade(order, 1, fee_minor=101)
    assert shown(desk) == 81
    desk.mark("EUR-USD", E9, age_us=60_000_001)
    line = check(desk.order(), "DAILY_LOSS")
    assert line == Check("DAILY_LOSS", "FAIL", "FX_STALE", None, 10**9, version)
    assert check(desk.order(side=SIDE_SELL), "DAILY_LOSS") == Check("DAILY_LOSS", "PASS")
    limit(desk, "DAILY_LOSS", 10**9, "CHF")
    assert check(desk.order(), "DAILY_LOSS").reason == "FX_MISSING"
    desk.control(changed(EUR_USD, instrument_id="CHF-USD", base_currency="CHF"))
    desk.mark("CHF-USD", 2 * E9)
    assert shown(desk) == 51


# -- 64 bits


def test_a_result_beyond_64_bits_refuses_all_but_what_reduces_and_is_not_kept() -> None:
    desk = wide_desk()
    has(desk, "ACME", -(10**9))
    before = row_of(desk)
    desk.mark("ACME", INT64_MAX)
    answer = desk.order()
    assert [check(answer, name) for name in LOSSES] == [
        Check(name, "FAIL", "OUT_OF_RANGE") for name in LOSSES
    ]
    answer = desk.order(**of("ACME", 1))
    assert [check(answer, name) for name in LOSSES] == [Check(name, "PASS") for name in LOSSES]
    assert row_of(desk) == before


@pytest.mark.parametrize(("points", "reason"), [(1, None), (2, "OUT_OF_RANGE")])
def test_what_was_traded_counts_towards_the_64_bits(points: int, reason: str | None) -> None:
    desk = wide_desk()
    desk.bought(1)
    desk.gate.processor.state.put(KEY, RowResult(INT64_MAX - POINT, TODAY, 0, 0, 0))
    move(desk, points)
    assert check(desk.order(), "DRAWDOWN").reason == reason


def test_a_missing_mark_is_told_before_a_result_beyond_64_bits() -> None:
    desk = wide_desk()
    has(desk, "ACME", -(10**9))
    desk.mark("ACME", INT64_MAX)
    desk.control(changed(ESX, instrument_id="NEWX"))
    desk.trade(desk.new(order_id="unknown", **of("NEWX", 1)), 1)
    assert check(desk.order(), "DAILY_LOSS").reason == "MARK_MISSING"


def test_a_fall_of_more_than_64_bits_is_shown_as_near_as_it_can_be() -> None:
    desk = wide_desk()
    row = RowResult(-INT64_MAX, TODAY, INT64_MAX, INT64_MAX, INT64_MAX)
    desk.gate.processor.state.put(KEY, row)
    answer = desk.order()
    for name in LOSSES:
        line = check(answer, name)
        assert (line.observed, line.headroom) == (INT64_MAX, -(2**63))
    assert desk.result().last_minor == -INT64_MAX


@pytest.mark.parametrize(("trading", "fits"), [(INT64_MAX - POINT, True), (INT64_MAX, False)])
def test_a_trade_that_would_take_a_result_out_of_64_bits_changes_nothing(
    trading: int, *, fits: bool
) -> None:
    desk = wide_desk()
    desk.bought(1)
    ledger = desk.gate.processor.core.ledger
    ledger.state.put(KEY, RowResult(trading, TODAY, 0, 0, 0))
    cash = desk.balance().cash_minor
    sale = [Trade(SIDE_SELL, 1, PRICE_E9 + E9, 0)]
    if fits:
        ledger.trade(USER, ESX, sale)
        assert ledger.results.trading(USER, "USD") == INT64_MAX
        return
    with pytest.raises(OutOfRange):
        ledger.trade(USER, ESX, sale)
    with pytest.raises(OutOfRange):
        ledger.settle(USER, ESX, PRICE_E9 + E9)
    assert ledger.results.trading(USER, "USD") == trading
    balance = ledger.state.balance(USER, "USD")
    assert balance is not None
    assert balance.cash_minor == cash


def test_a_trade_and_a_settlement_beyond_64_bits_are_dead_letters() -> None:
    desk = wide_desk()
    desk.bought(1)
    desk.gate.processor.state.put(KEY, RowResult(INT64_MAX, TODAY, 0, 0, 0))
    late: Order = desk.new(order_id="late", side=SIDE_SELL)
    assert desk.trade(late, 1, PRICE_E9 + E9).outcome == "DEAD_LETTER"
    assert settle(desk, PRICE_E9 + E9, TODAY) == "OUT_OF_RANGE"
    assert desk.position().position_lots == 1


def test_a_limit_for_another_instrument_does_not_bind_this_one() -> None:
    desk = wide_desk()
    has(desk, "ESX", 1)
    desk.control(CheckLimit("DAILY_LOSS", LIMIT_SCOPE_TIER, "gold", "ACME", 0, None, None))
    move(desk, -1)
    assert desk.order(**of("ACME", 1)).reason_code == "DAILY_LOSS"
    assert desk.order(side=SIDE_BUY, **at(-1)).reason_code == "ACCEPTED"
