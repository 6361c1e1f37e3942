"""Pledges: what covers an order in another currency, by which figures, and when that ends."""

from fractions import Fraction
from math import floor
from random import Random
from typing import Any, Final

import pytest

from pipeline.codecs.avro import decode_decision
from pipeline.risk import keys
from pipeline.risk.collateral import COLLATERALS_MAX
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    EXEC_TYPE_CANCELED,
    SIDE_BUY,
    SIDE_SELL,
    TRADING_STATE_ACTIVE,
    Collateral,
    Listing,
    UserAccount,
)
from pipeline.risk.state import InvariantViolated
from tests.oracle.auditor import Expected
from tests.oracle.checks import Check
from tests.oracle.pledges import Taken
from tests.property.desk import (
    ESX,
    EURO_E9,
    FUNDS,
    POLICY,
    PRICE_E9,
    USER,
    Desk,
    check,
    pledging,
)
from tests.property.world import (
    E9,
    TENANT,
    changed,
    fx_pair,
    send_mark,
    spot,
    usual_limits,
    usual_policy,
)

# What a lot of ESX needs: its margin and fee.
NEED: Final = 100_100
HAIRCUT: Final = 300
# What a euro covers, and what has to be pledged for a lot.
WORTH: Final = Fraction(125, 100) * Fraction(97, 100)
PLEDGED: Final = 82_557
INT64_MAX: Final = 2**63 - 1


def desk(euros: int = 200_000, usd: int = 0, haircut: int = HAIRCUT) -> Desk:
    """A desk with euros that may cover dollars."""
    made = Desk()
    made.control(fx_pair("EUR-USD"))
    made.mark("EUR-USD", EURO_E9)
    made.control(Collateral("gold", "EUR", haircut))
    made.money(DEPOSIT_KIND_ADJUSTMENT, usd - FUNDS)
    if euros:
        made.money(DEPOSIT_KIND_DEPOSIT, euros, "EUR")
    return made


def pledges(made: Desk) -> dict[tuple[str, str], tuple[int, int]]:
    """By covered and covering currency: what is covered, and what is pledged for that."""
    return {
        (into, of): (row.covered_minor, row.pledged_minor)
        for (_, into, of), row in made.gate.pledges().items()
    }


def cover(answer: Expected) -> list[tuple[str, int, int]]:
    """What an answer says of pledges."""
    assert answer.decision is not None
    return [(one.currency, one.covered_minor, one.pledged_minor) for one in answer.decision.cover]


def power(answer: Expected) -> Check:
    """The line of the check."""
    return check(answer, "BUYING_POWER")


# -- taking


def test_a_euro_account_buys_in_dollars() -> None:
    made = desk()
    answer = made.order()
    assert answer.decision is not None
    assert answer.reason_code == "ACCEPTED"
    limit = floor(200_000 * WORTH)
    assert power(answer)[1:] == ("PASS", None, NEED, limit, None, limit - NEED)
    version = made.world.control_number * 10
    as_of = made.world.now_us
    assert answer.decision.cover == (
        Taken("EUR", NEED, PLEDGED, HAIRCUT, version, "EUR-USD", EURO_E9, as_of),
    )
    assert (answer.decision.hold_currency, answer.decision.hold_minor) == ("USD", NEED)
    assert pledges(made) == {("USD", "EUR"): (NEED, PLEDGED)}
    usd, eur = made.balance(), made.balance("EUR")
    assert (usd.cash_minor, usd.held_minor, usd.covered_minor) == (0, NEED, NEED)
    assert (usd.covered_by, usd.pledged_minor) == (["EUR"], 0)
    assert (eur.cash_minor, eur.held_minor, eur.pledged_minor) == (200_000, 0, PLEDGED)
    assert made.user().deficit_count == 0


def test_who_never_had_a_dollar_may_buy_all_the_same() -> None:
    made = pledging(haircut_bps=HAIRCUT)
    assert cover(made.order()) == [("EUR", NEED, PLEDGED)]
    assert made.balance().covered_minor == NEED


def test_only_what_is_missing_is_pledged() -> None:
    made = desk(usd=NEED - 97)
    answer = made.order()
    # 97 / 1.2125 is exactly 80.
    assert cover(answer) == [("EUR", 97, 80)]
    assert power(answer).limit == NEED - 97 + floor(200_000 * WORTH)


def test_who_has_enough_pledges_nothing() -> None:
    answer = desk(usd=NEED).order()
    assert cover(answer) == []
    assert power(answer)[3:] == (NEED, NEED, None, 0)


@pytest.mark.parametrize(("euros", "reason"), [(PLEDGED, None), (PLEDGED - 1, "BUYING_POWER")])
def test_the_last_euro_decides(euros: int, reason: str | None) -> None:
    made = desk(euros)
    answer = made.order()
    limit = floor(euros * WORTH)
    assert (power(answer).reason, power(answer).limit) == (reason, limit)
    # What a rejection names it would have pledged.
    assert cover(answer) == [("EUR", min(limit, NEED), euros)]
    assert pledges(made) == ({} if reason else {("USD", "EUR"): (NEED, PLEDGED)})
    assert made.balance("EUR").pledged_minor == (0 if reason else PLEDGED)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_pledged_is_worth_what_it_covers_and_not_a_unit_more(seed: int) -> None:
    rng = Random(seed)
    haircut, price = rng.choice([0, 1, 2_500, 9_999]), rng.randrange(1, 3 * E9)
    made = desk(10**15, haircut=haircut)
    made.mark("EUR-USD", price)
    ((_, covered, pledged),) = cover(made.order())
    value = Fraction(price, E9) * Fraction(10_000 - haircut, 10_000)
    assert covered == NEED
    assert (pledged - 1) * value < NEED <= pledged * value


def with_coins(made: Desk, coins: int, haircut: int = 5_000) -> Desk:
    """And bitcoin: a minor unit is worth 40 cents of a dollar."""
    made.control(Collateral("gold", "BTC", haircut))
    made.money(DEPOSIT_KIND_DEPOSIT, coins, "BTC")
    return made


def test_currencies_are_taken_in_their_order_until_nothing_is_missing() -> None:
    made = with_coins(desk(), 1_000)
    answer = made.order()
    # 1,000 at 40, half of it counted, and the rest by euros.
    assert cover(answer) == [("BTC", 20_000, 1_000), ("EUR", 80_100, 66_062)]
    assert power(answer).limit == 20_000 + floor(200_000 * WORTH)
    assert made.balance().covered_by == ["BTC", "EUR"]


def test_what_is_not_needed_counts_in_the_limit_and_is_not_pledged() -> None:
    answer = with_coins(desk(), 100_000).order()
    assert cover(answer) == [("BTC", NEED, 5_005)]
    assert power(answer).limit == 2_000_000 + floor(200_000 * WORTH)


def test_the_smallest_unit_covers_what_it_is_worth() -> None:
    made = with_coins(desk(0, usd=NEED - 20), 1)
    assert cover(made.order()) == [("BTC", 20, 1)]


def test_the_smallest_shortfall_needs_a_rate() -> None:
    made = with_coins(desk(usd=NEED - 21), 1)
    made.wait(60_001)
    for name, price in (("ESX", PRICE_E9), ("BTC-USD", 40_000 * E9)):
        send_mark(made.world, name, price)
    assert made.order().reason_code == "FX_STALE"


def test_money_that_is_worth_nothing_is_passed_over() -> None:
    answer = with_coins(desk(), 1, haircut=9_999).order()
    assert cover(answer) == [("EUR", NEED, PLEDGED)]


def test_a_pair_the_other_way_round_converts_too() -> None:
    made = Desk()
    made.control(fx_pair("USD-EUR", base_currency="USD", currency="EUR"))
    made.mark("USD-EUR", 800_000_000)
    made.control(Collateral("gold", "EUR", HAIRCUT))
    made.money(DEPOSIT_KIND_ADJUSTMENT, -FUNDS)
    made.money(DEPOSIT_KIND_DEPOSIT, 200_000, "EUR")
    assert cover(made.order()) == [("EUR", NEED, PLEDGED)]


def test_a_spot_purchase_is_covered() -> None:
    made = desk()
    answer = made.order(instrument_id="BTC-USD", quantity_lots=2)
    assert cover(answer) == [("EUR", 80_200, 66_145)]


def test_what_a_spot_sale_delivers_must_be_there() -> None:
    made = desk()
    answer = made.order(instrument_id="BTC-USD", side=SIDE_SELL)
    assert power(answer)[2:] == ("BUYING_POWER", 1_000, 0, None, -1_000)
    assert cover(answer) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"currency": "USD"}, "BUYING_POWER"),
        ({"tier_id": "iron"}, "BUYING_POWER"),
        ({"haircut_bps": 10_000}, "BUYING_POWER"),
        ({"haircut_bps": 9_999}, "BUYING_POWER"),
        ({}, None),
    ],
)
def test_what_may_not_cover_leaves_the_check_as_it_is(
    changes: dict[str, Any], reason: str | None
) -> None:
    made = desk(haircut=10_000)
    shape: dict[str, Any] = {"tier_id": "gold", "currency": "EUR", "haircut_bps": HAIRCUT}
    made.control(Collateral(**(shape | changes)))
    answer = made.order()
    assert power(answer).reason == reason
    if changes.get("haircut_bps") != 9_999:
        assert power(answer).limit == (0 if reason else floor(200_000 * WORTH))


def test_a_user_without_other_money_is_judged_by_what_he_has() -> None:
    assert power(desk(0).order())[2:] == ("BUYING_POWER", NEED, 0, None, -NEED)
    spent = desk(200_000)
    spent.money(DEPOSIT_KIND_WITHDRAWAL_REQUEST, 200_000, "EUR", withdrawal_id="w")
    assert power(spent.order())[2:] == ("BUYING_POWER", NEED, 0, None, -NEED)


def test_a_rate_that_is_needed_must_be_there_and_fresh() -> None:
    made = desk(usd=100)
    made.wait(60_000)
    made.mark("ESX", PRICE_E9)
    assert made.order().reason_code == "ACCEPTED"
    made.wait(1)
    stale = made.order()
    assert power(stale)[2:] == ("FX_STALE", NEED, 0, None, -NEED)
    assert cover(stale) == []
    made.control(fx_pair("AEUR-USD"))
    missing = made.order()
    assert power(missing)[2:] == ("FX_MISSING", NEED, 0, None, -NEED)


def test_without_a_pair_there_is_no_rate() -> None:
    made = desk()
    made.control(Collateral("gold", "CHF", 0))
    made.money(DEPOSIT_KIND_DEPOSIT, 5, "CHF")
    assert made.order().reason_code == "FX_MISSING"


def test_a_rate_that_is_not_needed_may_be_stale() -> None:
    made = with_coins(desk(), 100_000)
    made.wait(60_001)
    for name, price in (("ESX", PRICE_E9), ("BTC-USD", 40_000 * E9)):
        send_mark(made.world, name, price)
    answer = made.order()
    assert cover(answer) == [("BTC", NEED, 5_005)]
    assert power(answer).limit == 2_000_000


def test_a_rate_after_one_that_covered_something_is_needed_too() -> None:
    made = with_coins(desk(), 1_000)
    made.wait(60_001)
    for name, price in (("ESX", PRICE_E9), ("BTC-USD", 40_000 * E9)):
        send_mark(made.world, name, price)
    answer = made.order()
    assert power(answer)[2:] == ("FX_STALE", NEED, 0, None, -NEED)
    assert cover(answer) == []


def test_without_a_policy_nobody_knows_what_is_stale() -> None:
    made = Desk(POLICY)
    made.control(fx_pair("EUR-USD"))
    made.control(Collateral("gold", "EUR", 0))
    made.money(DEPOSIT_KIND_ADJUSTMENT, -FUNDS)
    assert power(made.order()).result == "FAIL"
    made.money(DEPOSIT_KIND_DEPOSIT, 200_000, "EUR")
    assert power(made.order()).result == "NOT_EVALUATED"


def test_who_closes_pledges_nothing() -> None:
    made = desk(usd=NEED)
    made.bought(1)
    made.money(DEPOSIT_KIND_ADJUSTMENT, -NEED)
    answer = made.order(side=SIDE_SELL)
    assert (answer.reason_code, cover(answer)) == ("ACCEPTED", [])
    assert pledges(made) == {}


def test_an_order_refused_for_something_else_pledges_nothing() -> None:
    made = desk()
    answer = made.order(price_e9=PRICE_E9 * 2)
    assert answer.reason_code == "PRICE_COLLAR"
    assert cover(answer) == [("EUR", NEED, PLEDGED)]
    assert pledges(made) == {}


def test_a_repeat_tells_of_no_pledge_and_makes_none() -> None:
    made = desk()
    order = made.works()
    before = pledges(made)
    assert cover(made.send(order)) == []
    assert pledges(made) == before


def test_further_orders_add_to_the_pledge_until_nothing_is_left() -> None:
    made = desk()
    for number in (1, 2):
        assert made.order().reason_code == "ACCEPTED"
        assert pledges(made) == {("USD", "EUR"): (NEED * number, PLEDGED * number)}
    answer = made.order()
    assert answer.reason_code == "BUYING_POWER"
    assert power(answer).limit == floor((200_000 - 2 * PLEDGED) * WORTH)


def test_what_a_replace_adds_is_covered() -> None:
    made = desk(usd=NEED)
    order = made.works()
    request = made.replacement(order, quantity_lots=2)
    assert cover(made.send(request)) == [("EUR", NEED, PLEDGED)]
    assert pledges(made) == {("USD", "EUR"): (NEED, PLEDGED)}


def test_a_reducing_order_that_adds_secures_what_is_short_as_well() -> None:
    made = desk(usd=NEED)
    made.bought(1)
    made.money(DEPOSIT_KIND_ADJUSTMENT, -150)
    assert (made.events[-1].event_type, made.events[-1].amount_minor) == ("DEFICIT", 50)
    # A margin that was raised since makes it dearer than what it closes frees.
    made.control(changed(ESX, margin_minor_per_lot=100_010))
    answer = made.order(side=SIDE_SELL)
    assert answer.reason_code == "ACCEPTED"
    assert [covered for _, covered, _ in cover(answer)] == [110 + 50]
    assert made.user().deficit_count == 0
    assert made.event_types() == ["NEWO", "DEFICIT_CURED"]


def test_more_than_can_be_stored_is_out_of_range() -> None:
    made = desk(INT64_MAX // 10**18 * 10**18 // 9, haircut=0)
    made.mark("EUR-USD", 10**18)
    made.control(usual_limits(order_notional_minor_max=10**18))
    made.control(changed(ESX, margin_minor_per_lot=10**18))
    made.control(usual_policy(checks_exempt=["CREDIT"]))
    assert made.order(quantity_lots=9).reason_code == "ACCEPTED"
    answer = made.order()
    assert power(answer)[1:] == ("FAIL", "OUT_OF_RANGE", None, None, None, None)
    assert cover(answer) == []


def desk_of_dear_lots() -> Desk:
    """A desk at which a lot needs a ninth of what 64 bits can hold, and euros are worth it."""
    made = desk(10**12, haircut=0)
    made.mark("EUR-USD", 10**18)
    made.control(usual_limits(order_notional_minor_max=10**18))
    made.control(changed(ESX, margin_minor_per_lot=10**18))
    made.control(usual_policy(checks_exempt=["CREDIT"]))
    return made


def test_more_than_can_be_covered_is_out_of_range_though_it_could_be_held() -> None:
    made = desk_of_dear_lots()
    for _ in range(5):
        made.money(DEPOSIT_KIND_ADJUSTMENT, -(10**18))
    assert power(made.order(quantity_lots=4)).result == "PASS"
    assert power(made.order(quantity_lots=5)).reason == "OUT_OF_RANGE"


def test_what_is_covered_already_counts_towards_what_can_be() -> None:
    made = desk_of_dear_lots()
    made.works(quantity_lots=4)
    for _ in range(5):
        made.money(DEPOSIT_KIND_ADJUSTMENT, -(10**18))
    assert power(made.order(quantity_lots=1)).reason == "OUT_OF_RANGE"


def test_what_a_rejection_would_have_covered_is_shown_as_far_as_64_bits_go() -> None:
    made = desk(10**10 - 1, usd=NEED, haircut=0)
    made.bought(1)
    for _ in range(9):
        made.money(DEPOSIT_KIND_ADJUSTMENT, -(10**18))
    made.mark("EUR-USD", 10**18)
    made.control(changed(ESX, margin_minor_per_lot=10**18))
    answer = made.order(side=SIDE_SELL)
    assert answer.reason_code == "BUYING_POWER"
    assert cover(answer) == [("EUR", INT64_MAX, 10**10 - 1)]


# -- releasing


def test_what_an_order_held_is_given_back_when_it_ends() -> None:
    made = desk()
    order = made.works()
    made.report(order, EXEC_TYPE_CANCELED)
    assert pledges(made) == {}
    usd, eur = made.balance(), made.balance("EUR")
    assert (usd.covered_minor, usd.covered_by, eur.pledged_minor) == (0, [], 0)


def test_a_swept_order_gives_back_and_tells_what_was_held() -> None:
    made = desk()
    made.works(expires_at=made.world.now_us + 1_000_000)
    made.wait(1_000)
    answer = made.mark("ESX", PRICE_E9)
    assert [own.hold_minor for own in answer.swept] == [-NEED]
    assert pledges(made) == {}


def test_money_that_comes_gives_back_its_share() -> None:
    made = desk()
    made.bought(1)
    # The fee is less than was held for it: 100,000 of 100,100 are still needed.
    assert pledges(made) == {("USD", "EUR"): (100_000, 82_475)}
    made.money(DEPOSIT_KIND_DEPOSIT, 25_000)
    assert pledges(made) == {("USD", "EUR"): (75_000, 61_857)}
    made.money(DEPOSIT_KIND_DEPOSIT, 75_000)
    assert pledges(made) == {}
    made.money(DEPOSIT_KIND_DEPOSIT, 1)
    assert made.balance().cash_minor == 100_001


def test_a_filled_purchase_stays_covered_until_money_comes() -> None:
    made = desk()
    made.bought(1, 40_000 * E9, instrument_id="BTC-USD")
    usd = made.balance()
    assert (usd.cash_minor, usd.held_minor, usd.covered_minor) == (-40_000, 0, 40_000)
    assert made.user().deficit_count == 0
    made.money(DEPOSIT_KIND_DEPOSIT, 39_999)
    assert pledges(made) == {("USD", "EUR"): (1, 1)}
    made.money(DEPOSIT_KIND_DEPOSIT, 1)
    assert pledges(made) == {}


def test_the_last_currency_gives_back_first() -> None:
    made = with_coins(desk(), 1_000)
    made.bought(1)
    assert pledges(made) == {("USD", "BTC"): (20_000, 1_000), ("USD", "EUR"): (80_000, 65_980)}
    made.money(DEPOSIT_KIND_DEPOSIT, 90_000)
    assert pledges(made) == {("USD", "BTC"): (10_000, 500)}


def with_euro_future(made: Desk) -> Desk:
    """And a future in euros, which bitcoin may cover: a minor unit is worth 32 cents."""
    made.control(changed(ESX, instrument_id="EURX", currency="EUR"))
    made.mark("EURX", PRICE_E9)
    made.control(spot("BTC-EUR", currency="EUR", multiplier_denominator=1, lot=1))
    made.mark("BTC-EUR", 32_000 * E9)
    made.control(Listing("EURX", None, None))
    return made


def test_what_is_given_back_gives_back_what_covers_it_in_turn() -> None:
    made = with_euro_future(desk(PLEDGED))
    dollars = made.works()
    with_coins(made, 10_000)
    made.works(instrument_id="EURX", price_e9=PRICE_E9)
    assert pledges(made) == {("USD", "EUR"): (NEED, PLEDGED), ("EUR", "BTC"): (NEED, 6_257)}
    made.report(dollars, EXEC_TYPE_CANCELED)
    after = NEED - PLEDGED
    assert pledges(made) == {("EUR", "BTC"): (after, -(-6_257 * after // NEED))}
    assert made.balance("BTC").pledged_minor == pledges(made)["EUR", "BTC"][1]


def test_what_covers_two_that_cover_each_other_is_given_back_once_each() -> None:
    made = with_euro_future(with_coins(desk(66_062), 1_000))
    dollars = made.works()
    made.money(DEPOSIT_KIND_DEPOSIT, 6_257, "BTC")
    made.works(instrument_id="EURX", price_e9=PRICE_E9)
    assert pledges(made) == {
        ("USD", "BTC"): (20_000, 1_000),
        ("USD", "EUR"): (NEED - 20_000, 66_062),
        ("EUR", "BTC"): (NEED, 6_257),
    }
    made.report(dollars, EXEC_TYPE_CANCELED)
    after = NEED - 66_062
    pledged = -(-6_257 * after // NEED)
    assert pledges(made) == {("EUR", "BTC"): (after, pledged)}
    assert made.balance("BTC").pledged_minor == pledged


def test_whoever_is_short_gives_nothing_back() -> None:
    made = desk()
    made.bought(1)
    made.money(DEPOSIT_KIND_ADJUSTMENT, -500)
    before = pledges(made)
    made.money(DEPOSIT_KIND_DEPOSIT, 500)
    assert made.event_types() == ["DPST", "DEFICIT_CURED"]
    assert pledges(made) == before


def test_definitions_tiers_and_marks_change_no_pledge() -> None:
    made = desk()
    made.bought(1)
    before = pledges(made)
    made.control(Collateral("gold", "EUR", 10_000))
    made.control(UserAccount(USER, TENANT, "iron", TRADING_STATE_ACTIVE))
    made.mark("EUR-USD", 1)
    assert pledges(made) == before
    made.money(DEPOSIT_KIND_DEPOSIT, 100_000)
    assert pledges(made) == {}


# -- deficits and withdrawals


def test_pledged_money_that_goes_is_a_deficit() -> None:
    made = desk(PLEDGED)
    made.works()
    made.money(DEPOSIT_KIND_ADJUSTMENT, -7, "EUR")
    (adjusted, deficit) = made.events
    assert (adjusted.event_type, deficit.event_type) == ("ADJT", "DEFICIT")
    assert (deficit.currency, deficit.amount_minor) == ("EUR", 7)
    assert made.user().deficit_count == 1


def test_a_fact_that_leaves_short_takes_no_pledge() -> None:
    made = desk()
    made.bought(1)
    before = pledges(made)
    made.money(DEPOSIT_KIND_ADJUSTMENT, -7)
    assert pledges(made) == before
    assert (made.events[-1].event_type, made.events[-1].amount_minor) == ("DEFICIT", 7)


@pytest.mark.parametrize(("amount", "reason"), [(0, "APPLIED"), (1, "WITHDRAWAL_REFUSED")])
def test_pledged_money_is_not_withdrawn(amount: int, reason: str) -> None:
    made = desk()
    made.works()
    left = 200_000 - PLEDGED + amount
    kind = DEPOSIT_KIND_WITHDRAWAL_REQUEST
    assert made.money(kind, left, "EUR", withdrawal_id="w").reason_code == reason


def test_nothing_is_pledged_for_a_withdrawal() -> None:
    made = desk(usd=10)
    kind = DEPOSIT_KIND_WITHDRAWAL_REQUEST
    assert made.money(kind, 11, withdrawal_id="w").reason_code == "WITHDRAWAL_REFUSED"


# -- definitions


def test_collateral_beyond_its_bounds_is_refused() -> None:
    made = desk()
    for bad in (
        Collateral("", "EUR", 0),
        Collateral("x" * 65, "EUR", 0),
        Collateral("gold", "", 0),
        Collateral("gold", "C" * 17, 0),
        Collateral("gold", "EUR", -1),
        Collateral("gold", "EUR", 10_001),
    ):
        assert made.control(bad).reason_code == "BAD_CONTROL"


def test_a_tier_has_collateral_of_so_many_currencies_and_no_more() -> None:
    made = Desk()
    later = made.world.now_us + 10**9
    for number in range(COLLATERALS_MAX):
        haircut, effective_from = (10_000, 0) if number % 2 else (0, later)
        answer = made.control(Collateral("gold", f"C{number}", haircut), effective_from)
        assert answer.outcome == "FACT"
    assert made.control(Collateral("gold", "EUR", 0)).reason_code == "BAD_CONTROL"
    assert made.control(Collateral("gold", "C0", 5)).reason_code == "APPLIED"
    assert made.control(Collateral("iron", "EUR", 0)).reason_code == "APPLIED"
    made.gate.restart()
    assert made.control(Collateral("gold", "EUR", 0)).reason_code == "BAD_CONTROL"


def test_collateral_outlives_a_restart() -> None:
    made = desk()
    made.gate.restart()
    assert cover(made.order()) == [("EUR", NEED, PLEDGED)]


# -- what only a bug can cause


def test_a_pledge_cannot_be_gone() -> None:
    made = desk()
    order = made.works()
    assert made.gate.rows.rows.pop(keys.pledge_key(USER, "USD", "EUR"))
    made.gate.restart()
    with pytest.raises(InvariantViolated, match="pledge is gone"):
        made.report(order, EXEC_TYPE_CANCELED)


def test_what_is_decided_is_what_the_contract_says() -> None:
    made = desk()
    made.world.send_order(made.new(side=SIDE_BUY))
    output = made.gate.apply(made.world.sent.pop())
    decision = decode_decision(output.decision or b"")
    (one,) = decision.cover
    assert (one.currency, one.covered_minor, one.pledged_minor) == ("EUR", NEED, PLEDGED)
    assert (one.fx_instrument_id, one.fx_price_e9) == ("EUR-USD", EURO_E9)
    assert one.fx_as_of == made.world.now_us
