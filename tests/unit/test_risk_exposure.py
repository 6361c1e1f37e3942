"""Exposure in money: gross and net, by instrument, currency, sector and user."""

from typing import Any

import pytest

from pipeline.risk import keys
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_TRADE_CANCEL,
    LIMIT_SCOPE_USER,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    CheckLimit,
    Listing,
    RowHoldings,
)
from pipeline.risk.state import InvariantViolated
from tests.oracle.checks import Check
from tests.property.desk import ACME, ESX, POLICY, PRICE_E9, USER, Desk, check
from tests.property.wide import (
    ACME_LOT,
    BTC_LOT,
    ESX_LOT,
    EUR_USD,
    EURX,
    EURX_LOT,
    EURX_PRICE_E9,
    MANY,
    fresh_marks,
    has,
    limit,
    of,
    passing_lots,
    wide_desk,
)
from tests.property.world import DAY_MS, E9, changed

INT64_MAX = 2**63 - 1
GROUPS = ("INSTRUMENT", "CURRENCY", "SECTOR", "USER")
EXPOSURES = [f"{group}_{kind}" for group in GROUPS for kind in ("GROSS", "NET")]
MINUTE_MS = 60_000


def figures(desk: Desk, group: str, **changes: Any) -> tuple[int | None, int | None]:
    """(gross, net) of a group as the vector of an order shows them."""
    answer = desk.order(**changes)
    gross, net = (check(answer, f"{group}_{kind}") for kind in ("GROSS", "NET"))
    assert {gross.result, net.result} <= {"PASS", "FAIL"}
    return gross.observed, net.observed


# -- the boundary


@pytest.mark.parametrize("name", EXPOSURES)
def test_exposure_at_its_limit_passes_and_a_lot_more_does_not(name: str) -> None:
    desk = wide_desk()
    desk.control(Listing("ESX", "index", None))
    limit(desk, name, 2 * ESX_LOT)
    version = desk.version
    answer = desk.order(quantity_lots=3)
    assert answer.reason_code == name
    assert check(answer, name) == Check(
        name, "FAIL", name, 3 * ESX_LOT, 2 * ESX_LOT, version, -ESX_LOT
    )
    answer = desk.order(quantity_lots=2)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, name) == Check(name, "PASS", None, 2 * ESX_LOT, 2 * ESX_LOT, version, 0)
    assert desk.order().reason_code == name


@pytest.mark.parametrize("name", EXPOSURES)
def test_without_a_limit_nothing_passes_not_even_what_reduces(name: str) -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    limit(desk, name, None)
    assert check(desk.order(), name) == Check(name, "FAIL", "LIMIT_MISSING")
    assert desk.order(side=SIDE_SELL).reason_code == "LIMIT_MISSING"


def test_the_limit_of_a_user_in_an_instrument_comes_first() -> None:
    desk = wide_desk()
    desk.control(CheckLimit("USER_NET", LIMIT_SCOPE_USER, USER, "ESX", ESX_LOT, None, None))
    assert check(desk.order(quantity_lots=2), "USER_NET").limit == ESX_LOT
    assert check(desk.order(**of("ACME", 1)), "USER_NET").limit == 10**18


# -- what counts


def test_gross_counts_both_sides_and_net_the_worse() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    desk.works(quantity_lots=1)
    # Position 2, buys 1 and sells 4: at the most 3 long or 2 short.
    assert figures(desk, "INSTRUMENT", **of("ESX", -4)) == (7 * ESX_LOT, 3 * ESX_LOT)
    # Sells 10: at the most 8 short.
    assert figures(desk, "INSTRUMENT", **of("ESX", -6)) == (13 * ESX_LOT, 8 * ESX_LOT)


def test_a_short_future_counts_by_its_amount() -> None:
    desk = wide_desk()
    has(desk, "ESX", -3)
    assert figures(desk, "INSTRUMENT", **of("ESX", -1)) == (4 * ESX_LOT, 4 * ESX_LOT)
    # Sells 1, buys 1: gross 5, at the most 4 short.
    assert figures(desk, "INSTRUMENT", **of("ESX", 1)) == (5 * ESX_LOT, 4 * ESX_LOT)


def test_shares_count_like_futures() -> None:
    desk = wide_desk()
    has(desk, "ACME", 5)
    assert figures(desk, "INSTRUMENT", **of("ACME", -7)) == (12 * ACME_LOT, 5 * ACME_LOT)


def test_a_spot_sale_is_no_exposure_and_a_spot_position_is_at_least_zero() -> None:
    desk = wide_desk()
    has(desk, "BTC-USD", 5)
    assert figures(desk, "INSTRUMENT", **of("BTC-USD", -3)) == (5 * BTC_LOT, 5 * BTC_LOT)
    desk.trade(desk.new(order_id="unknown", **of("BTC-USD", -1)), 9)
    assert desk.position("BTC-USD").position_lots == -4
    assert figures(desk, "INSTRUMENT", **of("BTC-USD", 2)) == (2 * BTC_LOT, 2 * BTC_LOT)


def test_each_notional_is_rounded_up_in_its_amount() -> None:
    desk = wide_desk()
    desk.control(changed(ESX, multiplier_numerator=1, multiplier_denominator=3))
    desk.mark("ESX", E9)
    at = {"price_e9": E9}
    has(desk, "ESX", 1, E9)
    # A third each, rounded to one: position and buys, and together two thirds are one.
    assert figures(desk, "INSTRUMENT", **of("ESX", 1, **at)) == (2, 1)
    # Sold are four: four thirds are two; three short are one.
    assert figures(desk, "INSTRUMENT", **of("ESX", -4, **at)) == (4, 1)


def test_a_replace_adds_what_it_adds_to_the_larger_of_both() -> None:
    desk = wide_desk()
    limit(desk, "INSTRUMENT_GROSS", 5 * ESX_LOT)
    order = desk.works(quantity_lots=3)
    answer = desk.send(desk.replacement(order, quantity_lots=6))
    assert check(answer, "INSTRUMENT_GROSS").observed == 6 * ESX_LOT
    assert answer.reason_code == "INSTRUMENT_GROSS"
    desk.replace(order, quantity_lots=5)
    mismatch = desk.send(desk.replacement(order, side=SIDE_SELL))
    assert check(mismatch, "USER_NET").result == "NOT_EVALUATED"


def test_a_currency_counts_its_own_instruments_only() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    has(desk, "EURX", 7)
    has(desk, "ACME", -10)
    gross = 3 * ESX_LOT + 10 * ACME_LOT
    assert figures(desk, "CURRENCY", **of("ESX", 1)) == (gross, 3 * ESX_LOT - 10 * ACME_LOT)
    assert figures(desk, "CURRENCY", **of("EURX", 1)) == (8 * EURX_LOT, 8 * EURX_LOT)


def test_a_sector_counts_what_is_listed_in_it_and_a_user_everything() -> None:
    desk = wide_desk()
    desk.control(Listing("ESX", "index", None))
    desk.control(Listing("EURX", "index", None))
    desk.control(Listing("ACME", "retail", None))
    has(desk, "ESX", 1)
    has(desk, "ACME", 3)
    # A EUR is 1.25 USD: a lot of EURX 50,000.00 USD.
    eurx = 5_000_000
    has(desk, "EURX", -2)
    assert figures(desk, "SECTOR", **of("ESX", 1)) == (
        2 * ESX_LOT + 2 * eurx,
        2 * ESX_LOT - 2 * eurx,
    )
    assert figures(desk, "USER", **of("ACME", 1)) == (
        2 * ESX_LOT + 2 * eurx + 4 * ACME_LOT,
        2 * ESX_LOT - 2 * eurx + 4 * ACME_LOT,
    )


@pytest.mark.parametrize("name", ["SECTOR_GROSS", "SECTOR_NET"])
def test_an_instrument_without_a_sector_has_no_exposure_in_one(name: str) -> None:
    desk = wide_desk()
    limit(desk, name, 0)
    assert check(desk.order(), name) == Check(name, "PASS")
    desk.control(changed(ESX, instrument_id="UNLISTED"))
    desk.mark("UNLISTED", PRICE_E9)
    assert check(desk.order(instrument_id="UNLISTED"), name) == Check(name, "PASS")


def test_a_spot_sale_without_a_position_is_no_exposure() -> None:
    assert figures(wide_desk(), "INSTRUMENT", **of("BTC-USD", -1)) == (0, 0)


# -- the largest quantity


def test_the_largest_quantity_within_every_exposure_is_told() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    limit(desk, "INSTRUMENT_GROSS", 9 * ESX_LOT)
    limit(desk, "USER_NET", 6 * ESX_LOT + 1)
    assert desk.order(quantity_lots=50).reason_code == "INSTRUMENT_GROSS"
    assert passing_lots(desk) == 4
    # A sale may lead to 6 lots short, which is 8 lots sold; gross allows 7.
    assert desk.order(**of("ESX", -50)).reason_code == "INSTRUMENT_GROSS"
    assert passing_lots(desk) == 7
    # With nothing left to add, what reduces still passes.
    limit(desk, "INSTRUMENT_GROSS", 0)
    assert desk.order(**of("ESX", -50)).reason_code == "INSTRUMENT_GROSS"
    assert passing_lots(desk) == 2


# -- limits in another currency


def test_sums_are_converted_by_currency_and_then_added() -> None:
    desk = wide_desk()
    desk.mark("EUR-USD", 1_250_000_001)
    limit(desk, "USER_GROSS", 10**17, "EUR")
    limit(desk, "USER_NET", 10**17, "EUR")
    has(desk, "EURX", -1)
    # USD 25,000,000 at 1.250000001 are 19,999,999.98 EUR and a bit, rounded up.
    esx = 20_000_000
    assert figures(desk, "USER", **of("ESX", 1)) == (EURX_LOT + esx, esx - EURX_LOT)
    # A negative sum is rounded by its amount.
    limit(desk, "USER_NET", 10**17, "USD")
    assert figures(desk, "USER", **of("ESX", 1))[1] == 2 * ESX_LOT - 5_000_001


def test_the_worse_side_can_be_that_of_instruments_in_another_currency() -> None:
    desk = wide_desk()
    has(desk, "EURX", -6)
    short = 6 * EURX_LOT * 5 // 4
    assert figures(desk, "USER", **of("ESX", 1)) == (ESX_LOT + short, short)


def test_all_instruments_of_another_currency_count() -> None:
    desk = wide_desk()
    desk.control(changed(EURX, instrument_id="EURY"))
    desk.control(Listing("EURY", None, None))
    desk.mark("EURY", EURX_PRICE_E9)
    has(desk, "EURX", 1)
    has(desk, "EURY", 2, EURX_PRICE_E9)
    exposure = ESX_LOT + 3 * EURX_LOT * 5 // 4
    assert figures(desk, "USER", **of("ESX", 1)) == (exposure, exposure)


def test_the_least_of_negative_sums_is_rounded_by_its_amount_too() -> None:
    desk = wide_desk()
    desk.control(changed(EURX, multiplier_numerator=1, multiplier_denominator=10**6))
    has(desk, "EURX", -1)
    # One minor unit of EUR is 1.25 of USD, and two when rounded.
    assert figures(desk, "USER", **of("ESX", 1)) == (ESX_LOT + 2, ESX_LOT - 2)


def test_a_limit_is_in_the_instruments_currency_unless_it_names_one() -> None:
    desk = wide_desk()
    has(desk, "ESX", 4)
    # 1,000,000.00 USD are 800,000.00 EUR.
    exposure = 80_000_000 + EURX_LOT
    assert figures(desk, "USER", **of("EURX", 1)) == (exposure, exposure)


def test_the_fields_of_a_converted_notional_stay_those_of_order_notional() -> None:
    desk = wide_desk()
    limit(desk, "USER_GROSS", 10**17, "EUR")
    answer = desk.order()
    assert answer.decision is not None
    assert check(answer, "USER_GROSS").observed == 20_000_000
    assert answer.decision.fx_instrument_id is None


def test_a_rate_must_be_there_and_fresh_by_order_of_currency() -> None:
    desk = wide_desk()
    limit(desk, "USER_GROSS", 10**17, "CHF")
    version = desk.version
    name = "USER_GROSS"
    has_eur = of("EURX", 1)
    assert check(desk.order(**has_eur), name) == Check(
        name, "FAIL", "FX_MISSING", None, 10**17, version
    )
    desk.control(changed(EUR_USD, instrument_id="CHF-EUR", base_currency="CHF", currency="EUR"))
    assert check(desk.order(**has_eur), name).reason == "FX_MISSING"
    limit(desk, name, 10**18)
    has(desk, "EURX", 1)
    limit(desk, name, 10**17, "CHF")
    desk.mark("CHF-EUR", E9, age_us=MINUTE_MS * 1000 + 1)
    # EUR has a stale rate and comes before USD, which has none.
    assert check(desk.order(), name).reason == "FX_STALE"
    desk.mark("CHF-EUR", E9, age_us=MINUTE_MS * 1000)
    assert check(desk.order(), name).reason == "FX_MISSING"
    desk.control(changed(EUR_USD, instrument_id="CHF-USD", base_currency="CHF"))
    desk.mark("CHF-USD", E9)
    assert check(desk.order(), name).result == "PASS"


def test_a_currency_whose_exposure_is_nothing_needs_its_rate_all_the_same() -> None:
    desk = wide_desk()
    desk.trade(desk.new(order_id="unknown", **of("BTC-USD", -1)), 9)
    limit(desk, "USER_NET", 10**17, "EUR")
    desk.mark("EUR-USD", E9, age_us=MINUTE_MS * 1000 + 1)
    assert check(desk.order(**of("EURX", 1)), "USER_NET").reason == "FX_STALE"


# -- marks


def test_every_instrument_of_a_group_needs_a_mark_and_a_missing_one_is_told_first() -> None:
    desk = wide_desk()
    desk.control(changed(ACME, instrument_id="NEWCO"))
    desk.control(Listing("NEWCO", None, None))
    desk.works(**of("ACME", 1))
    desk.trade(desk.new(order_id="unknown", **of("NEWCO", 1)), 1)
    desk.wait(MINUTE_MS)
    desk.mark("ESX", PRICE_E9)
    answer = desk.order()
    assert answer.reason_code == "MARK_MISSING"
    assert check(answer, "INSTRUMENT_GROSS").result == "PASS"
    assert check(answer, "CURRENCY_GROSS").reason == "MARK_MISSING"
    desk.mark("NEWCO", PRICE_E9)
    assert check(desk.order(), "CURRENCY_GROSS").result == "PASS"
    desk.wait(1)
    answer = desk.order()
    version = check(answer, "CURRENCY_NET").limit_version
    assert check(answer, "CURRENCY_NET") == Check(
        "CURRENCY_NET", "FAIL", "MARK_STALE", None, 10**18, version
    )
    desk.trade(desk.new(order_id="another", **of("NEWCO", 1)), 1)
    assert check(desk.order(), "USER_GROSS").reason == "MARK_STALE"


def test_a_stale_mark_does_not_hide_a_missing_one() -> None:
    desk = wide_desk()
    for name in ("AAA", "ZZZ"):
        desk.control(changed(ACME, instrument_id=name))
        desk.trade(desk.new(order_id=name, **of(name, 1, price_e9=E9)), 1)
    desk.mark("ZZZ", E9, age_us=2 * MINUTE_MS * 1000)
    assert check(desk.order(), "USER_GROSS").reason == "MARK_MISSING"
    desk.mark("ZZZ", E9)
    desk.mark("AAA", E9, age_us=2 * MINUTE_MS * 1000)
    assert check(desk.order(), "USER_GROSS").reason == "MARK_STALE"


def test_when_marks_stop_only_what_reduces_passes() -> None:
    desk = wide_desk()
    has(desk, "ESX", 2)
    desk.control(changed(MANY, checks_exempt=["PRICE_COLLAR"]))
    desk.wait(MINUTE_MS + 1)
    assert desk.order().reason_code == "MARK_STALE"
    answer = desk.order(side=SIDE_SELL, quantity_lots=2)
    assert answer.reason_code == "ACCEPTED"
    assert {check(answer, name) for name in EXPOSURES} == {
        Check(name, "PASS") for name in EXPOSURES
    }


# -- limits that are exceeded already


def test_a_limit_below_what_works_lets_only_pass_what_reduces() -> None:
    desk = wide_desk()
    has(desk, "ESX", 4)
    order = desk.works(quantity_lots=2)
    limit(desk, "USER_GROSS", ESX_LOT)
    assert desk.order().reason_code == "USER_GROSS"
    assert desk.order(**of("ACME", 1)).reason_code == "USER_GROSS"
    assert desk.order(side=SIDE_SELL, quantity_lots=5).reason_code == "USER_GROSS"
    answer = desk.order(side=SIDE_SELL, quantity_lots=4)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "USER_GROSS").headroom == -9 * ESX_LOT
    desk.replace(order, quantity_lots=1)


def test_a_mark_that_jumps_by_nine_tenths_raises_exposure_at_once() -> None:
    desk = wide_desk()
    has(desk, "ACME", 100)
    limit(desk, "CURRENCY_NET", 150 * ACME_LOT)
    desk.mark("ACME", 380 * E9)
    at = {"price_e9": 380 * E9}
    answer = desk.order(**of("ACME", 1, **at))
    assert (answer.reason_code, check(answer, "CURRENCY_NET").observed) == (
        "CURRENCY_NET",
        101 * 38_000,
    )
    desk.works(**of("ACME", -100, **at))
    desk.mark("ACME", 20 * E9)
    desk.works(**of("ACME", 1_000, price_e9=20 * E9))


def test_figures_beyond_64_bits_are_compared_and_shown_as_near_as_they_can_be() -> None:
    desk = wide_desk()
    desk.mark("ESX", INT64_MAX)
    answer = desk.order(quantity_lots=10**6)
    line = check(answer, "USER_NET")
    assert (line.result, line.observed, line.headroom) == ("FAIL", INT64_MAX, -(2**63))


# -- who asks


def test_exempt_exposures_need_no_marks() -> None:
    desk = wide_desk()
    desk.control(changed(ACME, instrument_id="NEWCO"))
    desk.trade(desk.new(order_id="unknown", **of("NEWCO", 1)), 1)
    assert desk.order(**of("EURX", 1)).reason_code == "MARK_MISSING"
    desk.control(changed(MANY, checks_exempt=EXPOSURES))
    assert check(desk.order(**of("EURX", 1)), "USER_NET").result == "EXEMPT"
    desk.works(**of("EURX", 1))


def test_without_a_policy_exposure_is_not_evaluated() -> None:
    answer = wide_desk(POLICY).order()
    assert {check(answer, name).result for name in EXPOSURES} == {"NOT_EVALUATED"}


# -- holdings


def test_an_instrument_is_held_while_it_has_a_position_or_works() -> None:
    desk = wide_desk()
    assert desk.holdings() == []
    order = desk.works(quantity_lots=2)
    share = desk.works(**of("ACME", 1))
    assert desk.holdings() == ["ACME", "ESX"]
    desk.trade(order, 1)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=1)
    desk.report(share, EXEC_TYPE_CANCELED, cum_lots=0)
    assert desk.holdings() == ["ESX"]
    closing = desk.works(side=SIDE_SELL)
    desk.trade(closing, 1, exec_id="close")
    assert desk.holdings() == []
    desk.report(closing, EXEC_TYPE_TRADE_CANCEL, exec_ref_id="close")
    assert desk.holdings() == ["ESX"]
    desk.gate.restart()
    assert check(desk.order(**of("BTC-USD", 1)), "HOLDINGS").observed == 2


def test_an_order_that_its_day_ends_is_held_no_more() -> None:
    desk = wide_desk()
    desk.works(time_in_force=TIME_IN_FORCE_DAY)
    desk.wait(DAY_MS)
    fresh_marks(desk)
    assert desk.holdings() == []


def test_a_fill_of_an_unknown_order_is_held() -> None:
    desk = wide_desk()
    desk.trade(desk.new(order_id="unknown", **of("ACME", 1)), 1)
    assert desk.holdings() == ["ACME"]


def test_a_bust_elsewhere_changes_what_is_held_there() -> None:
    desk = wide_desk()
    early = desk.new(order_id="reused", **of("ACME", 2))
    desk.trade(early, 2, exec_id="first")
    order = desk.works(order_id="reused", quantity_lots=3)
    assert desk.holdings() == ["ACME", "ESX"]
    desk.report(order, EXEC_TYPE_TRADE_CANCEL, exec_ref_id="first")
    assert desk.holdings() == ["ESX"]


def crowd(desk: Desk, count: int) -> None:
    """Let the user be in `count` instruments beside ESX."""
    desk.control(changed(MANY, checks_exempt=EXPOSURES))
    for number in range(count):
        name = f"X{number:03}"
        desk.control(changed(ACME, instrument_id=name))
        desk.trade(desk.new(order_id=name, **of(name, 1)), 1)


def test_one_instrument_more_than_can_be_valued_is_refused() -> None:
    desk = wide_desk()
    crowd(desk, 255)
    answer = desk.order(side=SIDE_SELL)
    assert check(answer, "HOLDINGS") == Check("HOLDINGS", "PASS", None, 256, 256, None, 0)
    desk.trade(desk.new(order_id="more", **of("ACME", 1)), 1)
    answer = desk.order(**of("BTC-USD", 1))
    assert answer.reason_code == "HOLDINGS"
    assert check(answer, "HOLDINGS") == Check("HOLDINGS", "FAIL", "HOLDINGS", 257, 256, None, -1)


def test_in_what_is_held_already_more_may_be_done_however_many_there_are() -> None:
    desk = wide_desk()
    crowd(desk, 257)
    answer = desk.order(**of("X000", -1))
    assert check(answer, "HOLDINGS") == Check("HOLDINGS", "PASS", None, 257, 256, None, -1)


def test_a_holding_in_no_instrument_stops_the_lane() -> None:
    desk = wide_desk()
    desk.gate.processor.state.put(keys.holdings_key(USER), RowHoldings(["GONE"]))
    with pytest.raises(InvariantViolated, match="gone"):
        desk.order()
