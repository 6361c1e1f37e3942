"""The parts of the soak and of the flash crash that need no broker."""

from dataclasses import replace

import pytest

from benchmarks import crash_script, flash_crash, soak, traffic
from benchmarks.crash_script import Course, Script
from benchmarks.flash_crash import Second
from benchmarks.flow import MARK_E9, TICK_E9
from benchmarks.stack import BenchError
from benchmarks.watch import Sample
from pipeline.risk.records import ORDER_ACTION_NEW, SIDE_BUY, SIDE_SELL

COURSE = Course(
    quiet_s=10, peak_s=1, flood_s=4, after_s=5, per_s=10, peak_factor=50, flood_factor=20
)


def test_an_hour_of_traffic_has_its_orders_in_the_order_of_time() -> None:
    times = list(traffic.times_us(1_000_000, seconds=2, per_s=3))
    assert times == [1_000_000, 1_333_333, 1_666_666, 2_000_000, 2_333_333, 2_666_666]


def test_the_price_falls_within_a_second_and_comes_back_after_the_flood() -> None:
    assert COURSE.mark_e9(0) == COURSE.mark_e9(10) == MARK_E9
    assert COURSE.mark_e9(11) == COURSE.mark_e9(15) == MARK_E9 * 91 // 100
    assert COURSE.mark_e9(20) == MARK_E9 * 96 // 100
    assert all(COURSE.mark_e9(tenth / 10) % TICK_E9 == 0 for tenth in range(200))


def test_the_flood_has_so_many_times_the_requests() -> None:
    due = list(COURSE.request_times_s())
    assert sum(at_s < 10 for at_s in due) == 100
    assert sum(10 <= at_s < 11 for at_s in due) == 500
    assert sum(11 <= at_s < 15 for at_s in due) == 800
    assert due == sorted(due)


def test_leveraged_accounts_are_long_first_and_then_must_sell() -> None:
    script = Script(COURSE)
    openings = [order for order, _ in script.openings(0)]
    assert {order.user_id for order in openings} == {
        account.user_id for account in script.leveraged
    }
    assert {(order.side, order.quantity_lots) for order in openings} == {(SIDE_BUY, 10)}
    flood = [script.request(12.0, 0) for _ in range(320)]
    forced = [o for o, account in flood if account.tier_id == crash_script.LEVERAGED_TIER]
    assert {order.side for order in forced} == {SIDE_SELL}
    assert len({order.order_id for order in script.sent}) == len(script.sent) == 64 + 320
    old = [
        o for o, _ in flood if o.action == ORDER_ACTION_NEW and (o.price_e9 or 0) > 4_700 * 10**9
    ]
    assert 80 < len(old) < 110


def test_the_market_has_recovered_when_no_second_is_slow_any_more() -> None:
    calm = [Second(at_s, 10, 5.0, 10.0) for at_s in range(20)]
    assert flash_crash.recovered_after_s(COURSE, calm, 10.0) == 0
    slow = [replace(second, p99_ms=21.0) if second.at_s == 16 else second for second in calm]
    assert flash_crash.recovered_after_s(COURSE, slow, 10.0) == 7
    never = [replace(second, p99_ms=21.0) if second.at_s > 12 else second for second in calm]
    assert flash_crash.recovered_after_s(COURSE, never, 10.0) is None


def test_bars_grow_with_the_logarithm() -> None:
    assert flash_crash.bars([1, 10, 100, 1_000], 1, 1_000) == "▁▃▆█"


def test_a_worker_that_stopped_itself_has_said_why() -> None:
    log = 'noise\n{"event": "worker stopped", "why": "a commit failed", "error": "x"}\nmore'
    assert soak.ending(log) == "a commit failed: x"
    with pytest.raises(BenchError, match="without saying why"):
        soak.ending("Killed")


def test_memory_that_grows_to_the_end_is_seen() -> None:
    grown = soak.Course([Sample(float(n), 100.0 + n, 0, 0, 0) for n in range(90)])
    assert grown.growth_share == pytest.approx((189 - 159) / 159)
