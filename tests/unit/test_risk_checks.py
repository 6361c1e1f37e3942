"""Each check of a NEW order: what passes at the boundary, what fails just beyond it."""

from typing import Any

import pytest

from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_PARTIAL_FILL,
    INSTRUMENT_STATE_CLOSED,
    INSTRUMENT_STATE_HALTED,
    LIMIT_SCOPE_USER,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    FirmState,
)
from tests.oracle.checks import Check
from tests.property.desk import (
    ACCOUNT,
    ESX,
    FEE_PER_LOT,
    FEES,
    FIRM,
    FUNDS,
    LIMITS,
    MARGIN,
    POLICY,
    PRICE_E9,
    SPOT_PRICE_E9,
    USER,
    Desk,
    check,
)
from tests.property.histories import E9, OTHER_TENANT, changed
from tests.property.world import STRANGER

INT64_MAX = 2**63 - 1
LONG = "é" * 33
EXPOSURES = {
    f"{group}_{kind}"
    for group in ("INSTRUMENT", "CURRENCY", "SECTOR", "USER")
    for kind in ("GROSS", "NET")
}


def roomily(name: str, observed: int, version: int) -> Check:
    """What passes a limit that nobody reaches."""
    return Check(name, "PASS", None, observed, 10**18, version, 10**18 - observed)


def test_a_sound_order_passes_every_check_and_shows_its_headroom() -> None:
    answer = Desk().order()
    assert answer.decision is not None
    assert answer.decision.checks == (
        Check("FIELDS", "PASS"),
        Check("EVENT_TIME", "PASS", None, 0, 5_000_000, 30, 5_000_000),
        Check("EXPIRY", "PASS"),
        Check("USER", "PASS"),
        Check("INSTRUMENT", "PASS"),
        Check("SESSION", "PASS"),
        Check("RESTRICTED", "PASS"),
        Check("FIRM_STATE", "PASS"),
        Check("USER_STATE", "PASS"),
        Check("ALGORITHM_STATE", "PASS"),
        Check("DESK_STATE", "PASS"),
        Check("INSTRUMENT_STATE", "PASS"),
        Check("LATCH", "PASS"),
        Check("REDUCE_ONLY", "PASS"),
        Check("PRICE_TICK", "PASS"),
        Check("LOT", "PASS"),
        Check("MARKET_BOUND", "PASS"),
        Check("ORDER_RATE", "PASS", None, 1, 4, 40, 3),
        roomily("MESSAGE_RATE", 1, 80),
        roomily("ORDER_TO_TRADE", 1, 90),
        Check("REPEATED_EXECUTION", "PASS"),
        Check("SAME_CONTENT", "PASS", None, 1, 16, 110, 15),
        Check("ORDER_QUANTITY", "PASS", None, 1, 20, 40, 19),
        Check("ORDER_NOTIONAL", "PASS", None, 25_000_000, 400_000_000, 40, 375_000_000),
        Check("PRICE_COLLAR", "PASS", None, 0, 200, 40, 200),
        Check("PERIOD_COLLAR", "PASS", None, 0, 10**18, 120, 10**18),
        Check("SELF_MATCH", "PASS"),
        Check("SHORT_SALE", "PASS"),
        Check("SHORT_MARK", "PASS"),
        Check("POSITION_LIMIT", "PASS", None, 1, 30, 40, 29),
        roomily("INSTRUMENT_GROSS", 25_000_000, 130),
        roomily("INSTRUMENT_NET", 25_000_000, 140),
        roomily("CURRENCY_GROSS", 25_000_000, 150),
        roomily("CURRENCY_NET", 25_000_000, 160),
        Check("SECTOR_GROSS", "PASS"),
        Check("SECTOR_NET", "PASS"),
        roomily("USER_GROSS", 25_000_000, 190),
        roomily("USER_NET", 25_000_000, 200),
        Check("OPEN_ORDERS", "PASS", None, 1, 6, 30, 5),
        Check("HOLDINGS", "PASS", None, 1, 256, None, 255),
        roomily("CREDIT", MARGIN + FEE_PER_LOT, 210),
        roomily("DAILY_LOSS", 0, 220),
        roomily("DRAWDOWN", 0, 230),
        Check("BUYING_POWER", "PASS", None, MARGIN + FEE_PER_LOT, FUNDS, None, 9_899_900),
        roomily("HIGH_FREQUENCY_RATE", 1, 240),
        roomily("HIGH_FREQUENCY_DAY", 1, 250),
        roomily("INSTANT_CANCEL", 0, 260),
        roomily("PUSH", 0, 270),
    )
    assert (answer.decision.hold_currency, answer.decision.hold_minor) == ("USD", 100_100)


def test_the_first_failure_in_order_of_precedence_decides() -> None:
    answer = Desk().order(tenant_id=OTHER_TENANT, price_e9=PRICE_E9 + 1, quantity_lots=21)
    assert answer.reason_code == "TENANT_MISMATCH"
    assert check(answer, "PRICE_TICK").result == "FAIL"
    assert check(answer, "ORDER_QUANTITY").result == "FAIL"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source_system_id": ""}, "FIELD_TOO_LONG"),
        ({"tenant_id": LONG}, "FIELD_TOO_LONG"),
        ({"instrument_id": ""}, "FIELD_TOO_LONG"),
        ({"trader_id": LONG}, "FIELD_TOO_LONG"),
        ({"orig_order_id": ""}, "FIELD_TOO_LONG"),
        ({"tags": {str(n): "" for n in range(17)}}, "FIELD_TOO_LONG"),
        ({"tags": {"": "empty"}}, "FIELD_TOO_LONG"),
        ({"tags": {"long": "x" * 65}}, "FIELD_TOO_LONG"),
        ({"order_id": "gate:1"}, "RESERVED_ID"),
        ({"order_type": ORDER_TYPE_MARKET}, "BAD_PRICE"),
        ({"price_e9": None}, "BAD_PRICE"),
        ({"price_e9": 0}, "BAD_PRICE"),
        ({"price_e9": 10**18 + 1}, "BAD_PRICE"),
        ({"quantity_lots": 0}, "BAD_QUANTITY"),
        ({"quantity_lots": 10**12 + 1}, "BAD_QUANTITY"),
        ({"price_e9": 0, "quantity_lots": 0}, "BAD_PRICE"),
    ],
)
def test_fields_out_of_bounds_are_refused(changes: dict[str, Any], reason: str) -> None:
    answer = Desk().order(**changes)
    assert answer.reason_code == reason
    assert check(answer, "FIELDS").reason == reason


def test_ids_and_tags_at_their_bounds_pass() -> None:
    tags = {str(n): "x" * 64 for n in range(16)}
    Desk().works(trader_id="x" * 64, algo_id="a", desk_id="d", counterparty_id="c", tags=tags)


@pytest.mark.parametrize(
    ("changes", "skipped"),
    [
        (
            {"price_e9": None},
            {
                "PRICE_TICK",
                "SAME_CONTENT",
                "ORDER_NOTIONAL",
                "PRICE_COLLAR",
                "CREDIT",
                "BUYING_POWER",
                "PUSH",
                "PERIOD_COLLAR",
                "SELF_MATCH",
            },
        ),
        (
            {"quantity_lots": 0},
            {
                "LOT",
                "SAME_CONTENT",
                "ORDER_QUANTITY",
                "ORDER_NOTIONAL",
                "POSITION_LIMIT",
                *EXPOSURES,
                "CREDIT",
                "BUYING_POWER",
            },
        ),
        (
            {"user_id": "stranger-5"},
            {
                "USER_STATE",
                "LATCH",
                "PERIOD_COLLAR",
                "SELF_MATCH",
                "ORDER_RATE",
                "MESSAGE_RATE",
                "ORDER_TO_TRADE",
                "REPEATED_EXECUTION",
                "SAME_CONTENT",
                "ORDER_QUANTITY",
                "ORDER_NOTIONAL",
                "PRICE_COLLAR",
                "POSITION_LIMIT",
                *EXPOSURES,
                "HOLDINGS",
                "CREDIT",
                "DAILY_LOSS",
                "DRAWDOWN",
                "BUYING_POWER",
                "HIGH_FREQUENCY_RATE",
                "HIGH_FREQUENCY_DAY",
                "INSTANT_CANCEL",
                "PUSH",
            },
        ),
        (
            {"instrument_id": "NOPE"},
            {
                "SESSION",
                "INSTRUMENT_STATE",
                "PERIOD_COLLAR",
                "SELF_MATCH",
                "SHORT_MARK",
                "PRICE_TICK",
                "LOT",
                "SAME_CONTENT",
                "ORDER_QUANTITY",
                "ORDER_NOTIONAL",
                "PRICE_COLLAR",
                "SHORT_SALE",
                "POSITION_LIMIT",
                *EXPOSURES,
                "HOLDINGS",
                "CREDIT",
                "DAILY_LOSS",
                "DRAWDOWN",
                "BUYING_POWER",
                "PUSH",
            },
        ),
    ],
)
def test_what_cannot_be_judged_is_not_evaluated(changes: dict[str, Any], skipped: set[str]) -> None:
    answer = Desk().order(**changes)
    assert answer.decision is not None
    lines = answer.decision.checks
    assert {line.check for line in lines if line.result == "NOT_EVALUATED"} == skipped
    assert sum(line.result == "FAIL" for line in lines) == 1


@pytest.mark.parametrize(
    ("age_us", "reason"),
    [
        (5_000_000, "ACCEPTED"),
        (5_000_001, "ORDER_STALE"),
        (-1_000_000, "ACCEPTED"),
        (-1_000_001, "EVENT_TIME_IN_FUTURE"),
    ],
)
def test_the_sources_clock_must_agree_with_the_gates(age_us: int, reason: str) -> None:
    desk = Desk()
    answer = desk.order(event_time=desk.world.now_us - age_us)
    assert answer.reason_code == reason
    line = check(answer, "EVENT_TIME")
    assert (line.observed, line.headroom) == (age_us, 5_000_000 - age_us)


def test_without_a_policy_nothing_passes() -> None:
    answer = Desk(POLICY).order()
    assert answer.reason_code == "POLICY_MISSING"
    assert check(answer, "EVENT_TIME") == Check("EVENT_TIME", "FAIL", "POLICY_MISSING")
    assert check(answer, "PRICE_COLLAR").result == "NOT_EVALUATED"
    assert check(answer, "OPEN_ORDERS").result == "NOT_EVALUATED"


def test_users_must_be_registered_and_of_the_orders_tenant() -> None:
    assert Desk(ACCOUNT).order().reason_code == "USER_UNKNOWN"
    assert Desk().order(tenant_id=OTHER_TENANT).reason_code == "TENANT_MISMATCH"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": INSTRUMENT_STATE_CLOSED}, "INSTRUMENT_NOT_OPEN"),
        ({"state": INSTRUMENT_STATE_HALTED}, "INSTRUMENT_NOT_OPEN"),
    ],
)
def test_instruments_must_be_open(change: dict[str, Any], reason: str) -> None:
    desk = Desk()
    desk.control(changed(ESX, **change))
    assert desk.order().reason_code == reason


def test_instruments_must_be_defined() -> None:
    assert Desk().order(instrument_id="NOPE").reason_code == "INSTRUMENT_UNKNOWN"


def test_the_firm_can_halt_or_reduce() -> None:
    assert Desk(FIRM).order().reason_code == "FIRM_STATE_MISSING"
    desk = Desk()
    desk.bought(2)
    desk.control(FirmState(TRADING_STATE_REDUCING))
    assert desk.order(side=SIDE_BUY).reason_code == "FIRM_REDUCING"
    assert desk.order(side=SIDE_SELL, quantity_lots=3).reason_code == "FIRM_REDUCING"
    assert desk.order(side=SIDE_SELL, quantity_lots=2).reason_code == "ACCEPTED"
    desk.control(FirmState(TRADING_STATE_HALTED))
    assert desk.order(side=SIDE_SELL).reason_code == "FIRM_HALTED"


def test_a_user_can_be_halted_or_reducing() -> None:
    desk = Desk()
    desk.works(side=SIDE_SELL, quantity_lots=2)
    desk.trade(desk.works(side=SIDE_SELL, quantity_lots=2), 2)
    desk.control(changed(ACCOUNT, trading_state=TRADING_STATE_REDUCING))
    assert desk.order(side=SIDE_SELL).reason_code == "USER_REDUCING"
    assert desk.order(side=SIDE_BUY, quantity_lots=3).reason_code == "USER_REDUCING"
    assert desk.order(side=SIDE_BUY, quantity_lots=2).reason_code == "ACCEPTED"
    desk.control(changed(ACCOUNT, trading_state=TRADING_STATE_HALTED))
    assert desk.order(side=SIDE_BUY).reason_code == "USER_HALTED"


def test_an_order_that_cannot_be_placed_does_not_reduce() -> None:
    desk = Desk()
    desk.control(FirmState(TRADING_STATE_REDUCING))
    for changes in ({"instrument_id": "NOPE"}, {"user_id": "stranger-5"}, {"quantity_lots": 0}):
        assert check(desk.order(**changes), "FIRM_STATE").reason == "FIRM_REDUCING"


def test_a_spot_sale_always_reduces() -> None:
    desk = Desk()
    desk.money(DEPOSIT_KIND_DEPOSIT, 1_000, "BTC")
    desk.control(changed(ACCOUNT, trading_state=TRADING_STATE_REDUCING))
    assert desk.order(instrument_id="BTC-USD").reason_code == "USER_REDUCING"
    desk.works(instrument_id="BTC-USD", side=SIDE_SELL)


def test_a_user_in_deficit_may_only_reduce() -> None:
    desk = Desk()
    desk.bought(2)
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -FUNDS)
    assert desk.order().reason_code == "USER_REDUCING"
    desk.control(changed(FEES, fee_per_lot_minor_max=0))
    answer = desk.order(side=SIDE_SELL)
    assert answer.reason_code == "ACCEPTED"
    assert (check(answer, "BUYING_POWER").headroom or 0) < 0


def test_prices_and_quantities_come_in_steps() -> None:
    desk = Desk()
    assert desk.order(price_e9=PRICE_E9 + 1).reason_code == "PRICE_INCREMENT"
    desk.control(changed(ESX, lot=2))
    assert desk.order(quantity_lots=3).reason_code == "LOT_SIZE"
    desk.works(quantity_lots=2)


def test_the_rate_counts_accepted_orders_of_the_last_second() -> None:
    desk = Desk()
    for _ in range(4):
        desk.works()
    answer = desk.order()
    assert check(answer, "ORDER_RATE") == Check("ORDER_RATE", "FAIL", "ORDER_RATE", 5, 4, 40, -1)
    desk.wait(1_000)
    assert desk.order().reason_code == "ORDER_RATE"
    desk.wait(125)
    assert check(desk.order(), "ORDER_RATE").observed == 1


def test_the_rate_window_slides() -> None:
    desk = Desk()
    for _ in range(4):
        desk.works()
        desk.wait(250)
    assert check(desk.order(quantity_lots=21), "ORDER_RATE").observed == 5
    desk.wait(250)
    assert check(desk.order(), "ORDER_RATE").observed == 4


def test_quantity_and_notional_are_bounded() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, order_quantity_lots_max=16))
    assert desk.order(quantity_lots=17).reason_code == "ORDER_QUANTITY"
    desk.control(LIMITS)
    answer = desk.order(quantity_lots=16)
    assert check(answer, "ORDER_NOTIONAL").headroom == 0
    answer = desk.order(quantity_lots=16, price_e9=PRICE_E9 + E9 // 4)
    assert answer.reason_code == "ORDER_NOTIONAL"


def test_a_missing_limit_is_told_before_a_notional_beyond_64_bits() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, order_notional_minor_max=None))
    line = check(desk.order(quantity_lots=10**12, price_e9=10**18), "ORDER_NOTIONAL")
    assert line.reason == "LIMIT_MISSING"


def test_a_notional_in_the_currency_of_its_limit_needs_no_rate() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, notional_currency="USD"))
    assert check(desk.order(), "ORDER_NOTIONAL").result == "PASS"


@pytest.mark.parametrize("name", ["ESX", "BTC-USD"])
def test_only_shares_are_sold_short(name: str) -> None:
    line = check(Desk().order(instrument_id=name, side=SIDE_SELL), "SHORT_SALE")
    assert line == Check("SHORT_SALE", "PASS")


def test_a_notional_beyond_64_bits_is_refused() -> None:
    desk = Desk()
    desk.control(changed(LIMITS, order_quantity_lots_max=None, instrument_id="ESX"))
    answer = desk.order(quantity_lots=10**12, price_e9=10**18)
    assert check(answer, "ORDER_NOTIONAL") == Check("ORDER_NOTIONAL", "FAIL", "OUT_OF_RANGE")


@pytest.mark.parametrize(
    ("price_e9", "reason", "distance"),
    [
        (5_100 * E9, "ACCEPTED", 200),
        (4_900 * E9, "ACCEPTED", 200),
        (5_100 * E9 + E9 // 4, "PRICE_COLLAR", 201),
    ],
)
def test_prices_stay_near_the_mark(price_e9: int, reason: str, distance: int) -> None:
    answer = Desk().order(price_e9=price_e9)
    assert answer.reason_code == reason
    assert check(answer, "PRICE_COLLAR").observed == distance


def test_a_distance_beyond_64_bits_is_shown_as_near_as_it_can_be() -> None:
    desk = Desk()
    desk.mark("ESX", 1)
    line = check(desk.order(price_e9=10**18), "PRICE_COLLAR")
    assert (line.result, line.observed) == ("FAIL", INT64_MAX)


def test_without_a_fresh_mark_no_price_is_near() -> None:
    desk = Desk()
    desk.control(changed(ESX, instrument_id="NEWX"))
    answer = desk.order(instrument_id="NEWX")
    assert check(answer, "PRICE_COLLAR") == Check(
        "PRICE_COLLAR", "FAIL", "MARK_MISSING", None, 200, 40
    )
    desk.wait(60_000)
    desk.works()
    desk.wait(1)
    answer = desk.order()
    assert check(answer, "PRICE_COLLAR") == Check(
        "PRICE_COLLAR", "FAIL", "MARK_STALE", None, 200, 40
    )


def test_a_mark_from_the_future_is_as_old_as_its_arrival() -> None:
    desk = Desk()
    desk.mark("ESX", PRICE_E9, age_us=-3_600_000_000)
    desk.wait(60_001)
    assert desk.order().reason_code == "MARK_STALE"


def test_working_orders_count_towards_the_position_limit() -> None:
    desk = Desk()
    desk.bought(10)
    desk.works(quantity_lots=15)
    assert check(desk.order(quantity_lots=6), "POSITION_LIMIT").observed == 31
    desk.works(quantity_lots=5)
    answer = desk.order(side=SIDE_SELL, quantity_lots=16)
    assert check(answer, "POSITION_LIMIT").observed == 6


def test_what_only_closes_observes_no_position() -> None:
    desk = Desk()
    desk.bought(3)
    assert check(desk.order(side=SIDE_SELL), "POSITION_LIMIT").observed == 0
    desk.bought(9, side=SIDE_SELL)
    assert check(desk.order(side=SIDE_BUY), "POSITION_LIMIT").observed == 0


def test_a_spot_sale_is_bounded_by_what_is_there_not_by_a_position() -> None:
    desk = Desk()
    desk.money(DEPOSIT_KIND_DEPOSIT, 20_000, "BTC")
    answer = desk.order(instrument_id="BTC-USD", side=SIDE_SELL, quantity_lots=20)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "POSITION_LIMIT").observed == 0
    answer = desk.order(instrument_id="BTC-USD", side=SIDE_SELL)
    assert answer.reason_code == "BUYING_POWER"


def test_open_orders_are_bounded() -> None:
    desk = Desk()
    desk.control(changed(POLICY, open_orders_max=2))
    desk.works()
    desk.works()
    answer = desk.order()
    assert answer.reason_code == "OPEN_ORDERS"
    assert check(answer, "OPEN_ORDERS").observed == 3


def test_the_order_of_a_stranger_is_the_first_that_is_open() -> None:
    assert check(Desk().order(user_id=STRANGER), "OPEN_ORDERS").observed == 1


def test_what_is_available_must_cover_the_hold_to_the_last_minor_unit() -> None:
    desk = Desk()
    desk.control(changed(ESX, margin_minor_per_lot=FUNDS - FEE_PER_LOT))
    assert check(desk.order(), "BUYING_POWER").headroom == 0
    desk = Desk()
    desk.control(changed(ESX, margin_minor_per_lot=FUNDS - FEE_PER_LOT + 1))
    answer = desk.order()
    assert answer.reason_code == "BUYING_POWER"
    assert check(answer, "BUYING_POWER").headroom == -1


def test_the_hold_needs_a_fee_schedule_and_a_margin() -> None:
    assert Desk(FEES).order().reason_code == "FEE_MISSING"
    desk = Desk()
    desk.control(changed(ESX, margin_minor_per_lot=None))
    assert desk.order().reason_code == "MARGIN_MISSING"


@pytest.mark.parametrize(
    "terms",
    [
        changed(FEES, fee_per_lot_minor_max=10**18),
        changed(ESX, margin_minor_per_lot=10**18),
    ],
)
def test_a_hold_beyond_64_bits_is_refused(terms: Any) -> None:
    desk = Desk()
    desk.control(terms)
    answer = desk.order(quantity_lots=10)
    assert check(answer, "BUYING_POWER") == Check("BUYING_POWER", "FAIL", "OUT_OF_RANGE")


def test_funds_below_64_bits_are_shown_as_near_as_they_can_be() -> None:
    desk = Desk()
    desk.trade(desk.works(), 1, fee_minor=FUNDS)
    for _ in range(9):
        desk.money(DEPOSIT_KIND_ADJUSTMENT, -(10**18))
    desk.money(DEPOSIT_KIND_ADJUSTMENT, 9 * 10**18 - 2**63)
    assert desk.balance().cash_minor == -(2**63)
    line = check(desk.order(), "BUYING_POWER")
    assert (line.limit, line.headroom) == (-(2**63), -(2**63))


def test_limits_of_a_user_come_before_those_of_the_tier() -> None:
    desk = Desk()
    figures = {
        "order_rate_per_s_max": None,
        "order_notional_minor_max": None,
        "position_lots_max": None,
        "price_collar_bps": None,
    }
    own = changed(
        LIMITS, scope=LIMIT_SCOPE_USER, scope_id=USER, order_quantity_lots_max=5, **figures
    )
    desk.control(own)
    answer = desk.order(quantity_lots=6)
    assert check(answer, "ORDER_QUANTITY") == Check(
        "ORDER_QUANTITY", "FAIL", "ORDER_QUANTITY", 6, 5, desk.version, -1
    )
    assert check(answer, "ORDER_RATE").limit_version == 40
    desk.control(changed(own, instrument_id="ESX", order_quantity_lots_max=6))
    desk.works(quantity_lots=6)


@pytest.mark.parametrize(
    ("figure", "name"),
    [
        ("order_rate_per_s_max", "ORDER_RATE"),
        ("order_quantity_lots_max", "ORDER_QUANTITY"),
        ("order_notional_minor_max", "ORDER_NOTIONAL"),
        ("price_collar_bps", "PRICE_COLLAR"),
        ("position_lots_max", "POSITION_LIMIT"),
    ],
)
def test_a_missing_limit_refuses(figure: str, name: str) -> None:
    desk = Desk()
    desk.control(changed(LIMITS, **{figure: None}))
    answer = desk.order()
    assert check(answer, name) == Check(name, "FAIL", "LIMIT_MISSING")
    assert answer.reason_code == "LIMIT_MISSING"


def test_a_missing_limit_is_told_before_a_missing_mark() -> None:
    desk = Desk()
    desk.control(changed(ESX, instrument_id="NEWX"))
    desk.control(changed(LIMITS, price_collar_bps=None))
    line = check(desk.order(instrument_id="NEWX"), "PRICE_COLLAR")
    assert line == Check("PRICE_COLLAR", "FAIL", "LIMIT_MISSING")


def test_an_exempt_check_is_recorded_and_does_not_decide() -> None:
    desk = Desk()
    desk.control(changed(POLICY, checks_exempt=["ORDER_QUANTITY", "PRICE_COLLAR"]))
    answer = desk.order(quantity_lots=12, price_e9=6_000 * E9)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "PRICE_COLLAR") == Check("PRICE_COLLAR", "EXEMPT")
    assert check(answer, "ORDER_QUANTITY") == Check("ORDER_QUANTITY", "EXEMPT")


def test_a_spot_purchase_holds_notional_and_fee() -> None:
    desk = Desk()
    answer = desk.order(instrument_id="BTC-USD", quantity_lots=3)
    assert check(answer, "BUYING_POWER").observed == 3 * SPOT_PRICE_E9 // E9 + 3 * FEE_PER_LOT


def test_a_tick_that_changes_leaves_what_works_alone_and_binds_what_comes() -> None:
    desk = Desk()
    order = desk.works(price_e9=PRICE_E9 + E9 // 4)
    desk.control(changed(ESX, tick_e9=E9))
    assert desk.order(price_e9=PRICE_E9 + E9 // 4).reason_code == "PRICE_INCREMENT"
    # It keeps its price: it is filled at it, and may be cancelled.
    assert desk.trade(order, 1, exec_type=EXEC_TYPE_PARTIAL_FILL).reason_code == "APPLIED"
    working = desk.works(quantity_lots=2)
    desk.control(changed(ESX, tick_e9=10 * E9))
    for price, reason in ((PRICE_E9 + E9, "PRICE_INCREMENT"), (PRICE_E9 + 10 * E9, "ACCEPTED")):
        assert desk.send(desk.replacement(working, price_e9=price)).reason_code == reason
    desk.control(changed(ESX, tick_e9=3 * E9))
    assert desk.cancel(working.order_id).reason_code == "ACCEPTED"
