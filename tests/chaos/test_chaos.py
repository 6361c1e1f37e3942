"""One seed of the fault harness, short; `make chaos` runs the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.kafka import Kafka
from tests.chaos.plan import make_plan, short_plan
from tests.chaos.run import Run


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
