"""Self match: an order against the prices at which the same user's own orders work."""

from random import Random
from typing import Any

import pytest

from pipeline.codecs.avro import decode_row_order
from pipeline.risk import keys
from pipeline.risk.keys import text_part
from pipeline.risk.own_prices import OwnPrices
from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    CheckPolicy,
    UserAccount,
)
from tests.oracle.checks import Check
from tests.property.desk import ESX, LIMITS, POLICY, PRICE_E9, Desk, check
from tests.property.gate import Gate
from tests.property.histories import make_history
from tests.property.world import E9, TENANT, USERS, changed, future

TICK = E9 // 4
NAME = "SELF_MATCH"
ABOVE = PRICE_E9 + TICK
BELOW = PRICE_E9 - TICK


def strict() -> Desk:
    """A desk where an order that could trade with an own one is refused."""
    desk = Desk()
    desk.control(changed(LIMITS, order_rate_per_s_max=1_000))
    desk.control(changed(POLICY, open_orders_max=1_000))
    desk.control(CheckPolicy(NAME, CHECK_SEVERITY_REJECT, None))
    return desk


def line(desk: Desk, side: int, price_e9: int | None = PRICE_E9, **changes: Any) -> Check:
    """What the check says to an order."""
    return check(desk.order(side=side, price_e9=price_e9, **changes), NAME)


def crosses(desk: Desk, side: int, price_e9: int) -> bool:
    """Whether an order would; it is of no lots, so that nothing is placed."""
    return line(desk, side, price_e9, quantity_lots=0).reason == NAME


NOTHING = Check(NAME, "PASS")


@pytest.mark.parametrize("price_e9", [BELOW, PRICE_E9 - 1, PRICE_E9, ABOVE])
def test_a_buy_stays_below_what_the_user_sells_at(price_e9: int) -> None:
    desk = strict()
    desk.control(changed(ESX, tick_e9=1))
    desk.works(side=SIDE_SELL)
    desk.works(side=SIDE_SELL, price_e9=ABOVE)
    answer = desk.order(side=SIDE_BUY, price_e9=price_e9)
    figures = (price_e9, PRICE_E9 - 1, None, PRICE_E9 - 1 - price_e9)
    if price_e9 < PRICE_E9:
        assert answer.reason_code == "ACCEPTED"
        assert check(answer, NAME) == Check(NAME, "PASS", None, *figures)
    else:
        assert answer.reason_code == NAME
        assert check(answer, NAME) == Check(NAME, "FAIL", NAME, *figures)


@pytest.mark.parametrize("price_e9", [ABOVE, PRICE_E9 + 1, PRICE_E9, BELOW])
def test_a_sell_stays_above_what_the_user_buys_at(price_e9: int) -> None:
    desk = strict()
    desk.control(changed(ESX, tick_e9=1))
    desk.works(side=SIDE_BUY)
    desk.works(side=SIDE_BUY, price_e9=BELOW)
    answer = desk.order(side=SIDE_SELL, price_e9=price_e9)
    figures = (price_e9, PRICE_E9 + 1, None, price_e9 - PRICE_E9 - 1)
    if price_e9 > PRICE_E9:
        assert answer.reason_code == "ACCEPTED"
        assert check(answer, NAME) == Check(NAME, "PASS", None, *figures)
    else:
        assert answer.reason_code == NAME
        assert check(answer, NAME) == Check(NAME, "FAIL", NAME, *figures)


def test_where_nothing_works_on_the_other_side_there_is_nothing_to_show() -> None:
    desk = strict()
    assert line(desk, SIDE_BUY) == NOTHING
    assert line(desk, SIDE_BUY) == NOTHING
    desk.works(side=SIDE_SELL, instrument_id="ESX", price_e9=ABOVE)
    assert line(desk, SIDE_BUY).limit == ABOVE - 1


def test_orders_of_others_and_in_other_instruments_are_no_own_orders() -> None:
    desk = strict()
    other = USERS[1]
    desk.control(UserAccount(other, TENANT, "gold", 0))
    desk.control(future("EURX"))
    desk.works(side=SIDE_SELL)
    assert line(desk, SIDE_BUY, user_id=other) == NOTHING
    assert line(desk, SIDE_BUY, instrument_id="BTC-USD") == NOTHING
    assert line(desk, SIDE_BUY, instrument_id="EURX") == NOTHING


def test_told_only_an_order_passes() -> None:
    desk = Desk()
    desk.works(side=SIDE_SELL)
    answer = desk.order(side=SIDE_BUY)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, NAME).result == "NOTIFIED"
    assert desk.event_types() == ["NEWO", "ALERT"]


def test_a_market_order_is_judged_by_how_far_it_may_go() -> None:
    desk = strict()
    # 1 % of the mark is 50: it may buy up to 5,050.
    desk.works(side=SIDE_SELL, price_e9=5_050 * E9)
    answer = desk.order(order_type=ORDER_TYPE_MARKET, price_e9=None)
    assert (answer.reason_code, check(answer, NAME).observed) == (NAME, 5_050 * E9)
    desk = strict()
    desk.works(side=SIDE_SELL, price_e9=5_050 * E9 + TICK)
    desk.works(order_type=ORDER_TYPE_MARKET, price_e9=None)


def test_a_market_sale_is_judged_by_the_least_it_may_sell_for() -> None:
    desk = strict()
    desk.works(price_e9=PRICE_E9 - 40 * E9)
    judged = line(desk, SIDE_SELL, None, order_type=ORDER_TYPE_MARKET)
    assert (judged.result, judged.observed) == ("FAIL", PRICE_E9 - 50 * E9)


def test_a_market_order_that_works_counts_by_the_price_it_holds_at() -> None:
    desk = strict()
    desk.works(order_type=ORDER_TYPE_MARKET, price_e9=None)
    assert crosses(desk, SIDE_SELL, 5_050 * E9)
    assert not crosses(desk, SIDE_SELL, 5_050 * E9 + TICK)
    desk = strict()
    desk.mark("ESX", PRICE_E9 + 1)
    desk.works(order_type=ORDER_TYPE_MARKET, price_e9=None, side=SIDE_SELL)
    assert crosses(desk, SIDE_BUY, ABOVE)
    assert not crosses(desk, SIDE_BUY, PRICE_E9)


def test_while_a_replace_is_pending_both_prices_count_then_the_one_in_force() -> None:
    desk = strict()
    order = desk.works(side=SIDE_SELL, price_e9=ABOVE)
    request = desk.replace(order, price_e9=ABOVE + TICK)
    assert crosses(desk, SIDE_BUY, ABOVE)
    desk.report(request, EXEC_TYPE_REPLACED, orig_order_id=order.order_id)
    assert not crosses(desk, SIDE_BUY, ABOVE)
    assert crosses(desk, SIDE_BUY, ABOVE + TICK)
    lower = desk.replace(request, price_e9=PRICE_E9)
    assert crosses(desk, SIDE_BUY, PRICE_E9)
    desk.report(lower, EXEC_TYPE_CANCEL_REJECTED, orig_order_id=order.order_id)
    assert not crosses(desk, SIDE_BUY, ABOVE)


def test_a_replace_is_judged_against_the_other_side_not_against_its_own_order() -> None:
    desk = strict()
    order = desk.works(side=SIDE_SELL, price_e9=ABOVE)
    desk.works(side=SIDE_BUY, price_e9=BELOW)
    refused = desk.send(desk.replacement(order, price_e9=BELOW))
    assert refused.reason_code == NAME
    assert check(refused, NAME) == Check(NAME, "FAIL", NAME, BELOW, BELOW + 1, None, -1)
    desk.replace(order, price_e9=PRICE_E9)


@pytest.mark.parametrize("exec_type", [EXEC_TYPE_CANCELED, EXEC_TYPE_EXPIRED, EXEC_TYPE_REJECTED])
def test_an_order_whose_end_is_known_matches_nothing_though_a_fill_is_still_to_come(
    exec_type: int,
) -> None:
    desk = strict()
    order = desk.works(side=SIDE_SELL, quantity_lots=3)
    desk.replace(order, quantity_lots=4, price_e9=ABOVE)
    desk.report(order, exec_type, cum_lots=2)
    assert desk.position().working_sell_lots == 2
    assert not crosses(desk, SIDE_BUY, ABOVE)
    desk.gate.restart()
    assert not crosses(desk, SIDE_BUY, ABOVE)
    desk.trade(order, 2)
    assert not crosses(desk, SIDE_BUY, ABOVE)


def test_an_order_counts_until_its_last_lot_is_filled() -> None:
    desk = strict()
    order = desk.works(side=SIDE_SELL, quantity_lots=2)
    desk.trade(order, 1, exec_type=EXEC_TYPE_PARTIAL_FILL)
    assert crosses(desk, SIDE_BUY, PRICE_E9)
    desk.report(order, EXEC_TYPE_TRADE_CANCEL, exec_ref_id=desk.world.trades[-1].exec_id)
    desk.trade(order, 2)
    assert line(desk, SIDE_BUY) == NOTHING


def test_an_order_that_is_filled_while_a_replace_is_pending_leaves_no_price_behind() -> None:
    desk = strict()
    order = desk.works(side=SIDE_SELL)
    desk.replace(order, price_e9=ABOVE)
    desk.trade(order, 1)
    assert line(desk, SIDE_BUY, ABOVE) == NOTHING


def test_a_swept_order_counts_no_more() -> None:
    desk = strict()
    desk.control(changed(POLICY, orphan_ms_max=1_000, mark_age_ms_max=10**9))
    order = desk.works(side=SIDE_SELL)
    desk.replace(order, price_e9=ABOVE)
    desk.wait(999)
    assert crosses(desk, SIDE_BUY, PRICE_E9)
    desk.wait(1)
    assert line(desk, SIDE_BUY, ABOVE) == NOTHING


def test_a_cancel_that_is_only_asked_for_ends_nothing() -> None:
    desk = strict()
    order = desk.works(side=SIDE_SELL)
    desk.report(order, EXEC_TYPE_NEW)
    desk.cancel(order.order_id)
    assert crosses(desk, SIDE_BUY, PRICE_E9)


def test_of_two_orders_at_a_price_one_is_left() -> None:
    desk = strict()
    first = desk.works(side=SIDE_SELL)
    desk.works(side=SIDE_SELL)
    desk.report(first, EXEC_TYPE_CANCELED)
    assert crosses(desk, SIDE_BUY, PRICE_E9)


def test_working_prices_are_known_again_after_a_restart() -> None:
    desk = strict()
    order = desk.works(side=SIDE_SELL, price_e9=ABOVE)
    desk.replace(order, price_e9=PRICE_E9)
    desk.gate.restart()
    assert crosses(desk, SIDE_BUY, PRICE_E9)
    desk.report(order, EXEC_TYPE_CANCELED)
    assert line(desk, SIDE_BUY, ABOVE) == NOTHING


def test_what_has_no_price_user_or_instrument_is_not_judged() -> None:
    desk = strict()
    for changes in ({"price_e9": None}, {"user_id": "stranger-5"}, {"instrument_id": "NOPE"}):
        assert check(desk.order(**changes), NAME) == Check(NAME, "NOT_EVALUATED")


def test_a_price_that_is_not_there_cannot_go() -> None:
    prices = OwnPrices()
    desk = strict()
    desk.works(side=SIDE_SELL)
    (row,) = desk.gate.orders().values()
    prices.placed(keys.UserKeys("u"), row)
    row.price_e9 = ABOVE
    with pytest.raises(KeyError):
        prices.over(keys.UserKeys("u"), row)


def expected(gate: Gate) -> dict[tuple[str, str, int], list[int]]:
    """What the stored rows say, and nothing else."""
    prices: dict[tuple[str, str, int], list[int]] = {}
    for key, body in gate.rows.rows.items():
        if key[:1] != keys.ORDER:
            continue
        row = decode_row_order(body)
        if row.final_lots is None:
            of_side = prices.setdefault((text_part(key, 0), row.instrument_id, row.side), [])
            of_side.append(row.price_e9)
            if row.pending_order_id is not None:
                of_side.append(row.pending_price_e9)
    return {key: sorted(each) for key, each in prices.items()}


@pytest.mark.parametrize("seed", range(6))
def test_the_index_says_what_the_rows_say_after_every_step_of_a_random_life(seed: int) -> None:
    gate = Gate()
    rng = Random(seed)
    most = 0
    history = make_history([rng.getrandbits(32) for _ in range(400)], steady=True)
    for step, given in enumerate(history):
        gate.apply(given)
        if step % 97 == 0:
            gate.restart()
        rows = expected(gate)
        assert gate.processor.state.own_prices.known() == rows, step
        most = max(most, sum(len(each) for each in rows.values()))
    assert most > 3
