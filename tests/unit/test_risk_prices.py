"""The period's collar: how far a price may be from all that an instrument was marked at lately."""

from typing import Any

import pytest

from pipeline.codecs.avro import decode_row_band
from pipeline.risk import keys
from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    LIMIT_SCOPE_TIER,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    CheckLimit,
    CheckPolicy,
    Listing,
    RowBand,
)
from tests.oracle.checks import Check
from tests.property.desk import ACCOUNT, ESX, LIMITS, POLICY, PRICE_E9, Desk, check
from tests.property.world import E9, START_MS, changed

TICK = E9 // 4
NAME = "PERIOD_COLLAR"
# A bucket is an eighth of the window of five minutes.
BUCKET_MS = 37_500


def collared(limit: int | None = 100) -> Desk:
    """A desk whose prices may be 1 % from the period's marks, and anywhere for other checks."""
    desk = Desk()
    desk.control(changed(LIMITS, price_collar_bps=10**18, order_rate_per_s_max=1_000))
    desk.control(changed(POLICY, mark_age_ms_max=10**12, open_orders_max=1_000))
    desk.control(CheckLimit(NAME, LIMIT_SCOPE_TIER, "gold", None, limit))
    return desk


def to_bucket(desk: Desk, number: int, bucket_ms: int = BUCKET_MS) -> None:
    """Let it be the first millisecond of a later bucket."""
    first = -(-START_MS // bucket_ms)
    desk.world.now_ms = (first + number) * bucket_ms


def line(desk: Desk, price_e9: int = PRICE_E9, **changes: Any) -> Check:
    return check(desk.order(price_e9=price_e9, **changes), NAME)


def band(desk: Desk, name: str = "ESX") -> RowBand:
    return decode_row_band(desk.gate.rows.rows[keys.band_key(name)])


@pytest.mark.parametrize(
    ("price_e9", "distance"),
    [
        (PRICE_E9, 0),
        (PRICE_E9 + TICK, 1),
        (5_050 * E9, 100),
        (5_050 * E9 + TICK, 101),
        (4_950 * E9, 100),
        (4_950 * E9 - TICK, 101),
    ],
)
def test_a_price_is_near_the_period_or_refused(price_e9: int, distance: int) -> None:
    desk = collared()
    version = desk.version
    answer = desk.order(price_e9=price_e9)
    figures = (distance, 100, version, 100 - distance)
    if distance <= 100:
        assert answer.reason_code == "ACCEPTED"
        assert check(answer, NAME) == Check(NAME, "PASS", None, *figures)
    else:
        assert answer.reason_code == NAME
        assert check(answer, NAME) == Check(NAME, "FAIL", NAME, *figures)


def test_both_ends_of_the_period_count_whatever_came_between() -> None:
    desk = collared()
    for price in (5_000, 5_040, 4_980, 5_010):
        desk.mark("ESX", price * E9)
    assert (band(desk).low_e9[0], band(desk).high_e9[0]) == (4_980 * E9, 5_040 * E9)
    # From 4,980 it is 1 % and a little to 5,030, from 5,040 only 0.2 %.
    assert line(desk, 5_030 * E9).observed == 101
    # From 5,040 it is 1.2 % to 4,980, where the period was itself.
    assert line(desk, 4_980 * E9).observed == 120
    assert line(desk, 5_000 * E9).observed == 80


@pytest.mark.parametrize("prices", [(4_900, 5_000), (5_000, 4_900), (4_950, 4_900, 5_000)])
def test_the_lowest_mark_counts_in_whichever_bucket_it_was(prices: tuple[int, ...]) -> None:
    desk = collared()
    to_bucket(desk, 20)
    for number, price in enumerate(prices):
        to_bucket(desk, 20 + number)
        desk.mark("ESX", price * E9)
    # 100 / 4,900 is a little more than 2.04 %.
    assert line(desk).observed == 205


def test_a_mark_that_jumps_takes_no_order_with_it() -> None:
    desk = collared(9_000)
    spike = PRICE_E9 * 19 // 10
    desk.mark("ESX", spike)
    # At the spike the last mark's own collar sees no distance at all.
    answer = desk.order(price_e9=spike)
    assert check(answer, "PRICE_COLLAR").observed == 0
    assert check(answer, NAME).observed == 9_000
    desk.control(CheckLimit(NAME, LIMIT_SCOPE_TIER, "gold", None, 8_999))
    assert desk.order(price_e9=spike).reason_code == NAME
    # Nor at the price before it, as long as the spike is in the period: 0.9 / 1.9, rounded up.
    assert line(desk).observed == 4_737
    desk.mark("ESX", PRICE_E9 // 10)
    assert line(desk).observed == 90_000


def test_the_period_ends_with_its_ninth_bucket() -> None:
    desk = collared()
    to_bucket(desk, 0)
    desk.mark("ESX", 5_500 * E9)
    to_bucket(desk, 1)
    desk.mark("ESX", PRICE_E9)
    to_bucket(desk, 9)
    desk.wait(-1)
    assert line(desk).reason == NAME
    desk.wait(1)
    assert line(desk).result == "PASS"


def test_marks_that_stop_leave_no_period() -> None:
    desk = collared()
    version = desk.version
    to_bucket(desk, 0)
    desk.mark("ESX", PRICE_E9)
    to_bucket(desk, 8)
    desk.wait(BUCKET_MS - 1)
    assert line(desk).result == "PASS"
    desk.wait(1)
    assert line(desk) == Check(NAME, "FAIL", "MARK_MISSING", None, 100, version)
    desk.wait(100 * BUCKET_MS)
    assert desk.order().reason_code == "MARK_MISSING"
    desk.mark("ESX", 6_000 * E9)
    assert line(desk, 6_000 * E9).observed == 0
    assert band(desk).low_e9 == [6_000 * E9, *[0] * 8]


def test_buckets_without_a_mark_between_two_with_one_are_no_marks() -> None:
    desk = collared()
    to_bucket(desk, 0)
    desk.mark("ESX", PRICE_E9)
    to_bucket(desk, 3)
    desk.mark("ESX", 5_010 * E9)
    assert band(desk).low_e9 == [5_010 * E9, 0, 0, PRICE_E9, *band(desk).low_e9[4:]]
    assert band(desk).high_e9[:4] == [5_010 * E9, 0, 0, PRICE_E9]
    assert line(desk).observed == 20


def test_the_collar_and_its_marks_survive_a_restart() -> None:
    desk = collared()
    desk.mark("ESX", 5_500 * E9)
    desk.gate.restart()
    assert desk.order().reason_code == NAME


def test_a_window_that_changes_begins_anew_with_the_next_mark() -> None:
    desk = collared()
    desk.mark("ESX", 5_500 * E9)
    desk.control(CheckPolicy(NAME, CHECK_SEVERITY_REJECT, 8_000))
    assert desk.order().reason_code == "MARK_MISSING"
    desk.gate.restart()
    to_bucket(desk, 0, 1_000)
    desk.mark("ESX", PRICE_E9)
    assert (band(desk).width_us, line(desk).observed) == (1_000_000, 0)
    to_bucket(desk, 8, 1_000)
    assert line(desk).result == "PASS"
    to_bucket(desk, 9, 1_000)
    assert line(desk).reason == "MARK_MISSING"
    # Back to its own window: what was marked meanwhile was cut otherwise.
    desk.control(CheckPolicy(NAME, CHECK_SEVERITY_REJECT, None))
    assert line(desk).reason == "MARK_MISSING"
    desk.mark("ESX", PRICE_E9)
    assert line(desk).result == "PASS"


def test_a_window_of_one_millisecond_is_cut_into_eighths_of_it() -> None:
    desk = collared()
    desk.control(CheckPolicy(NAME, CHECK_SEVERITY_REJECT, 1))
    desk.mark("ESX", PRICE_E9)
    assert band(desk).width_us == 125
    desk.wait(1)
    assert line(desk).result == "PASS"
    desk.wait(1)
    assert line(desk).reason == "MARK_MISSING"


def test_the_first_mark_is_the_only_one_of_its_row() -> None:
    row = band(collared())
    assert row.low_e9 == row.high_e9 == [PRICE_E9] + [0] * 8


@pytest.mark.parametrize("price", [5_000, 5_020, 5_040])
def test_a_mark_within_the_period_changes_no_row_of_it(price: int) -> None:
    desk = collared()
    for end in (5_000, 5_040):
        desk.mark("ESX", end * E9)
    before = desk.gate.rows.rows[keys.band_key("ESX")]
    desk.mark("ESX", price * E9)
    assert keys.band_key("ESX") not in desk.gate.processor.state.changed
    assert desk.gate.rows.rows[keys.band_key("ESX")] == before


def test_a_mark_that_is_refused_is_in_no_period() -> None:
    desk = collared()
    desk.mark("ESX", 0)
    assert line(desk).observed == 0


@pytest.mark.parametrize(
    ("side", "distance"),
    # The protection prices of 1 %, from the lowest and the highest mark.
    [(SIDE_BUY, 100), (SIDE_SELL, 100)],
)
def test_a_market_order_is_judged_by_its_protection_price(side: int, distance: int) -> None:
    desk = collared(99)
    answer = desk.order(order_type=ORDER_TYPE_MARKET, price_e9=None, side=side)
    assert (answer.reason_code, check(answer, NAME).observed) == (NAME, distance)


def test_without_a_limit_nothing_is_near() -> None:
    desk = collared(None)
    answer = desk.order()
    assert answer.reason_code == "LIMIT_MISSING"
    assert check(answer, NAME) == Check(NAME, "FAIL", "LIMIT_MISSING")


def test_a_missing_limit_is_told_before_a_missing_mark() -> None:
    desk = collared(None)
    desk.control(changed(ESX, instrument_id="NEWX"))
    assert line(desk, instrument_id="NEWX") == Check(NAME, "FAIL", "LIMIT_MISSING")


def test_an_instrument_that_was_never_marked_has_no_period() -> None:
    desk = collared()
    version = desk.version
    desk.control(changed(ESX, instrument_id="NEWX"))
    desk.control(Listing("NEWX", None, None))
    answer = desk.order(instrument_id="NEWX", price_e9=PRICE_E9)
    assert check(answer, NAME) == Check(NAME, "FAIL", "MARK_MISSING", None, 100, version)


def test_what_has_no_price_user_or_instrument_is_not_judged() -> None:
    desk = collared()
    for changes in ({"price_e9": None}, {"user_id": "stranger-5"}, {"instrument_id": "NOPE"}):
        assert check(desk.order(**changes), NAME) == Check(NAME, "NOT_EVALUATED")
    assert check(Desk(ACCOUNT).order(), NAME).result == "NOT_EVALUATED"


def test_a_replace_is_held_to_the_period_too() -> None:
    desk = collared()
    order = desk.works()
    answer = desk.send(desk.replacement(order, price_e9=5_050 * E9 + TICK))
    assert answer.reason_code == NAME
    desk.replace(order, price_e9=5_050 * E9)


def test_a_distance_beyond_64_bits_is_shown_as_near_as_it_can_be() -> None:
    desk = collared()
    desk.mark("ESX", 1)
    assert line(desk, 10**18).observed == 2**63 - 1


def test_a_period_can_be_switched_off_and_its_marks_are_followed_all_the_same() -> None:
    desk = collared()
    desk.control(changed(POLICY, checks_exempt=[NAME]))
    desk.mark("ESX", 5_500 * E9)
    answer = desk.order()
    assert (answer.reason_code, check(answer, NAME)) == ("ACCEPTED", Check(NAME, "EXEMPT"))
    desk.control(POLICY)
    assert desk.order().reason_code == NAME
