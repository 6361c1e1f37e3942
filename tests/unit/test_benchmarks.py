"""The parts of the benches that need no broker: figures, flow, schedule, and what is timed."""

import asyncio
from pathlib import Path

import pytest

from benchmarks import fleet, flow, latency, measure, stages, users
from benchmarks.stock_faust import create_app
from pipeline.risk.keys import ORDER, USER
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.tables.rocks import RocksRows
from pipeline.topics import LANE_INPUTS


def test_percentile_is_the_smallest_value_that_the_share_does_not_exceed() -> None:
    values = [float(value) for value in range(1, 101)]
    assert measure.percentile(values, 0.5) == 50
    assert measure.percentile(values, 0.99) == 99
    assert measure.percentile(values, 1.0) == 100
    assert measure.percentile([7.0], 0.5) == 7


def test_the_same_seed_gives_the_same_orders_and_every_id_is_fresh() -> None:
    one, two = flow.OrderFlow(seed=3), flow.OrderFlow(seed=3)
    orders = [one.next(time_us)[0] for time_us in range(500)]
    again = [two.next(time_us)[0] for time_us in range(500)]
    assert [order.order_id for order in orders] == [order.order_id for order in again]
    assert [order.price_e9 for order in orders] == [order.price_e9 for order in again]
    assert len({order.order_id for order in orders}) == 500
    assert flow.order_number(orders[42].order_id) == 42


def test_orders_reach_every_one_of_eight_lanes() -> None:
    orders = flow.OrderFlow()
    lanes = {partition_of(orders.next(0)[1].key, 8) for _ in range(2_000)}
    assert lanes == set(range(8))


def test_orders_are_due_by_schedule_whatever_was_sent() -> None:
    schedule = latency.Schedule(start_ns=1_000, interval_ns=10, count=5)
    assert [schedule.due_ns(number) for number in range(5)] == [1_000, 1_010, 1_020, 1_030, 1_040]


def test_definitions_of_the_benches_let_the_orders_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "ORDER_COUNT", 300)
    assert stages.accepted_share() == 1.0


def test_the_stock_agent_reads_the_five_inputs_and_keeps_rows_in_one_table(tmp_path: Path) -> None:
    settings = Settings(app_id="peer", topic_prefix="peer.", data_dir=str(tmp_path))
    app = create_app(settings)
    (agent,) = app.agents.values()
    assert set(agent.channel.topics) == {f"peer.{topic.name}" for topic in LANE_INPUTS}
    assert list(app.tables) == ["rows"]


def test_lanes_without_kafka_store_every_user_and_every_accepted_order(tmp_path: Path) -> None:
    async def run() -> dict[str, float]:
        worker = users.Worker(tmp_path, users=200, hot_users=20, row_cache_max=1_000)
        await worker.fund()
        found = await worker.orders(users.UNIFORM, 300)
        worker.close()
        return found

    found = asyncio.run(run())
    stored = [RocksRows(tmp_path / str(lane)) for lane in range(8)]
    assert sum(len(list(rows.scan(USER))) for rows in stored) == 200
    assert sum(len(list(rows.scan(ORDER))) for rows in stored) == 300
    assert found["cache_rows"] > 0
    for rows in stored:
        rows.close()


def test_the_hot_set_sends_nine_orders_of_ten(tmp_path: Path) -> None:
    accounts = flow.ManyAccounts(1_000, flow.OrderFlow().config)
    assert accounts.account(7) == accounts.account(7)
    assert {accounts.drawn(10).user_id for _ in range(500)} == {
        accounts.account(number).user_id for number in range(10)
    }
    worker = users.Worker(tmp_path, users=1_000, hot_users=10, row_cache_max=1_000)
    hot = {accounts.account(number).user_id for number in range(10)}
    sent = [account.user_id in hot for account in worker.senders(users.HOT, 2_000)]
    worker.close()
    assert 0.85 < sum(sent) / len(sent) < 0.95


def test_a_gap_counts_from_and_to_the_ends_of_its_window() -> None:
    times = [1.0, 2.0, 2.5, 6.0, 9.0]
    assert fleet.longest_gap_s(times, 1.5, 6.5) == 3.5
    assert fleet.longest_gap_s(times, 6.0, 9.0) == 3.0
    assert fleet.longest_gap_s(times, 3.0, 5.0) == 2.0


def test_a_note_that_a_kill_cut_short_is_none() -> None:
    assert fleet.whole_lines('{"point": "a"}\n{"poi') == [{"point": "a"}]
