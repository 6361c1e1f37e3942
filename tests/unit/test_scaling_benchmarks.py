"""The parts of the scaling and hot spot benches that need no broker, and the model's table."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import hot_spot, scaling, scaling_model, senders, sizes
from benchmarks.contest.runs import Told
from benchmarks.contest.throughput import Measured as Run
from benchmarks.flow import OrderFlow
from benchmarks.senders import Plan
from benchmarks.watch import Sample


def document() -> str:
    return scaling_model.DOCUMENT.read_text()


def test_the_table_of_the_document_is_what_the_model_says_with_its_figures() -> None:
    measured, assumed = scaling_model.read_document(document())
    assert scaling_model.table_of(document()) == scaling_model.table(measured, assumed)


def test_the_document_is_written_as_it_is() -> None:
    figures = scaling_model.read_document(document())
    assert scaling_model.written_document(document(), *figures) == document()


def test_twice_the_load_needs_twice_the_workers_and_their_lanes_come_along() -> None:
    measured, assumed = scaling_model.read_document(document())
    one, two = (
        scaling_model.needs(scaling_model.Load("", per_s, 1e6), measured, assumed)
        for per_s in (500_000, 1_000_000)
    )
    assert two.workers == pytest.approx(2 * one.workers, abs=1)
    assert two.partitions == two.workers * assumed.lanes_a_worker
    assert two.log_tb > 1.9 * one.log_tb
    # A user is made known to each lane, so what that takes of the log grows with the lanes.
    assert two.users_log_gb == pytest.approx(one.users_log_gb * two.partitions / one.partitions)


def test_a_small_load_has_a_second_worker_and_a_broker_for_each_copy() -> None:
    measured, assumed = scaling_model.read_document(document())
    need = scaling_model.needs(scaling_model.Load("", 10, 100), measured, assumed)
    assert (need.workers, need.brokers, need.brokers_for) == (2, 3, "copies")


def test_a_figure_is_changed_by_its_name_and_another_name_is_refused() -> None:
    figures = scaling_model.read_document(document())
    measured, assumed = scaling_model.changed(*figures, {"broker_us": 1.5, "log_days": 30})
    assert (measured.broker_us, assumed.log_days) == (1.5, 30)
    with pytest.raises(ValueError, match="no figure brokerus"):
        scaling_model.changed(*figures, {"brokerus": 1})


def test_a_document_without_a_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="broker_us"):
        scaling_model.read_document(document().replace('"broker_us"', '"other"'))


def test_each_sender_keeps_its_own_pace_and_all_are_merged_by_time() -> None:
    plan = Plan(senders=50, every_s=1.0, seconds=10.0, together=False)
    due = list(plan.due())
    assert due == sorted(due, key=lambda pair: pair[0]) == list(plan.due())
    by_sender: dict[str, list[int]] = {}
    for due_ns, account in due:
        by_sender.setdefault(account.user_id, []).append(due_ns)
    assert len(by_sender) == 50
    for times in by_sender.values():
        gaps = {after - before for before, after in pairwise(times)}
        assert len(gaps) == 1
        assert 0.5e9 <= gaps.pop() <= 1.5e9


def test_senders_that_are_due_together_have_an_order_under_way_together() -> None:
    plan = Plan(senders=20, every_s=1.0, seconds=2.0, together=True)
    due = list(plan.due())
    assert [due_ns for due_ns, _ in due] == [0] * 20 + [1_000_000_000] * 20
    assert len({account.user_id for _, account in due[:20]}) == 20


def test_those_that_overlap_are_counted() -> None:
    assert senders.most_at_once([0, 1, 5], [4, 6, 7]) == 2
    assert senders.most_at_once([0, 4], [4, 8]) == 1
    assert senders.most_at_once([0, 0, 0], [9, 9, 9]) == 3


def test_the_hot_user_sends_as_many_orders_as_all_others() -> None:
    alone = list(hot_spot.Plan(1_000, 2.0, hot=False, first=0).due())
    due = list(hot_spot.Plan(1_000, 2.0, hot=True, first=0).due())
    hot = OrderFlow().accounts[0].user_id
    assert [pair for pair in due if pair[1].user_id != hot] == alone
    assert len(due) == 2 * len(alone)
    assert due == sorted(due, key=lambda pair: pair[0])


def test_memory_is_put_down_to_the_lag_only_beyond_what_as_many_orders_cost() -> None:
    def phase(growth_mb: float, decided: int) -> hot_spot.Phase:
        looks = [Sample(0.0, 200.0, 0, 0, 50), Sample(1.0, 200.0 + growth_mb, 9, 0, 50 + decided)]
        return hot_spot.Phase([], [], looks, 0.0, 0)

    alone = [phase(10.0, 1_000)]
    assert hot_spot.grown_for_lag_mb(alone, [phase(20.0, 2_000)]) == 0.0
    assert hot_spot.grown_for_lag_mb(alone, [phase(19.0, 2_000)]) == 0.0
    assert hot_spot.grown_for_lag_mb(alone, [phase(50.0, 2_000)]) == pytest.approx(30.0)


def test_a_lane_that_falls_behind_is_seen_by_its_thirds() -> None:
    assert hot_spot.thirds([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 9.0, 9.0, 9.0]) == [1.0, 2.0, 9.0]


def test_what_an_order_weighs_is_the_difference_of_two_looks(tmp_path: Path) -> None:
    (tmp_path / "00.log").write_bytes(b"x" * 30)
    (tmp_path / "00.index").write_bytes(b"x" * 500)
    before = sizes.Sizes({"orders": sizes.bytes_in(tmp_path, "*.log")})
    (tmp_path / "01.log").write_bytes(b"x" * 120)
    now = sizes.Sizes({"orders": sizes.bytes_in(tmp_path, "*.log"), "audit": 60})
    assert now.since(before).each(40) == {"orders": 3.0, "audit": 1.5}


def test_what_grows_with_lanes_is_a_line_that_never_falls() -> None:
    assert scaling.per_lane([(2, 52.0), (4, 54.0), (8, 58.0)]) == pytest.approx((50.0, 1.0))
    assert scaling.per_lane([(2, 58.0), (8, 52.0)]) == (55.0, 0.0)
    assert scaling.per_lane([(4, 50.0), (4, 60.0)]) == (55.0, 0.0)


def test_the_bench_gives_the_model_its_figures() -> None:
    run = Run(per_s=10_000, decided=1, contestant_us=50.0, broker_us=10.0)
    twice = replace(run, per_s=18_000)
    taken = senders.Answered(1, 1.0, 2.0, 3.0, 4, 5, 6.0)
    weights = dict.fromkeys((*sizes.TOPICS, "store", "worker_written"), 100.0)
    found = scaling.Found(
        {(4, 1): [run], (4, 2): [twice]},
        {"steady": taken, "together": taken},
        {"backlog": weights, "steady": weights, "user": weights},
        publish_us=5.0,
        apply_us=20.0,
    )
    constants = scaling.constants_of(found)
    line = json.loads(json.dumps(scaling.last_line(found, constants)))
    assert (line["per_s"], line["processes_vs_1"]) == (
        {"4": {"1": 10_000, "2": 18_000}},
        {"2": 1.8},
    )
    figures = scaling_model.read_document(document())
    measured, _ = scaling_model.changed(*figures, constants)
    assert (measured.worker_per_s, measured.user_lane_us) == (10_000, 20.0)


def test_what_every_set_up_takes_is_not_counted_as_what_a_user_costs() -> None:
    small, large = Told(1_000, 1.0, 2.0), Told(101_000, 1.5, 4.0)
    assert scaling.apply_us(small, large) == pytest.approx(20.0)
