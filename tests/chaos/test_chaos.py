"""One seed of the fault harness, short; `make chaos` runs the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import points
from tests.chaos.incarnation import Ready, Told
from tests.chaos.kafka import Kafka
from tests.chaos.plan import make_plan, short_plan
from tests.chaos.run import Run
from tests.chaos.zombies import unfenced_commits


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A broker of its own: it would be no good company for other tests."""
    with Kafka(tmp_path / "kafka") as started:
        yield started


def test_a_plan_is_a_function_of_its_seed_and_fifty_meet_every_point_often() -> None:
    plans = [make_plan(seed) for seed in range(1, 51)]
    assert plans == [make_plan(seed) for seed in range(1, 51)]
    planned: dict[str, set[str]] = {}
    times: dict[str, int] = {}
    for plan in plans:
        for fault in plan.points:
            planned.setdefault(fault.point, set()).add(fault.kind)
            times[fault.point] = times.get(fault.point, 0) + 1
    assert min(times.values()) >= 25
    assert all({"kill", "stop"} <= kinds for kinds in planned.values())


def _zombie_and_heir(committed: set[int], heir_lanes: set[int]) -> dict[str, Told]:
    """A worker with lanes 0 to 2 sleeps from 2 to 6 and then commits; an heir is ready at 5."""
    zombie = Told(
        ready=[Ready(1.0, 9, frozenset({0, 1, 2}))],
        stops=[(points.COMMIT_OFFSETS_SENT, 2.0, 6.0)],
        commits=[(6.1, frozenset(committed))],
    )
    return {"zombie": zombie, "heir": Told(ready=[Ready(5.0, 10, frozenset(heir_lanes))])}


def test_a_zombies_commit_of_a_lane_that_runs_elsewhere_is_found() -> None:
    assert unfenced_commits(_zombie_and_heir({1}, {1, 3})) != []


def test_a_late_commit_of_a_lane_that_still_waits_for_it_is_in_order() -> None:
    assert unfenced_commits(_zombie_and_heir({1}, {0, 2})) == []


@pytest.mark.broker
@pytest.mark.chaos
def test_nothing_is_lost_doubled_or_contradicted_whatever_dies(
    kafka: Kafka, tmp_path: Path
) -> None:
    result = Run(kafka, short_plan(17), tmp_path / "run").execute()
    assert result.violations == []
    assert (result.lost, result.doubled, result.contradicted, result.unfenced) == (0, 0, 0, 0)
    assert result.inputs > 0
    assert result.faults.total() >= 5
