"""The product's modules as the simulation runs them: in model time, over the model, silent.

Owns every place where the product's modules are given something else than in production. Nothing
of what they decide is touched here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog

from pipeline import points
from pipeline.agents import gate
from pipeline.streaming import commit
from pipeline.tables import restore, standby
from tests.simulation.scheduler import Scheduler
from tests.simulation.source import ModelChangelogs
from tests.simulation.worker import Worker


class _Clock:
    """The `time` module of the product's modules: the wall clock of whoever is running."""

    def __init__(self) -> None:
        self.scheduler: Scheduler | None = None

    def time_ns(self) -> int:
        return running_worker().now_ms() * 1_000_000

    def monotonic_ns(self) -> int:
        return int(self.monotonic() * 1e9)

    def monotonic(self) -> float:
        scheduler = self.scheduler
        return 0.0 if scheduler is None else scheduler.broker.now_ms / 1000


_CLOCK: Final = _Clock()


def running_worker() -> Worker:
    """Whose code is running."""
    scheduler = _CLOCK.scheduler
    if scheduler is None or scheduler.current is None:
        raise RuntimeError("nobody is running")
    worker: Worker = scheduler.current.owner
    return worker


def _changelogs(_settings: Any, cancelled: Callable[[], bool]) -> ModelChangelogs:
    return running_worker().new_source(cancelled)


@contextmanager
def simulated() -> Iterator[None]:
    """The product's modules see the model's time, changelogs and ends; logging is silent."""
    replaced: list[tuple[Any, str, Any]] = [
        (gate, "time", _CLOCK),
        (commit, "time", _CLOCK),
        (restore, "time", _CLOCK),
        (standby, "time", _CLOCK),
        (standby, "KafkaChangelogs", _changelogs),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    logging = structlog.get_config()
    for module, name, value in replaced:
        setattr(module, name, value)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        structlog.configure(**logging)
        points.install(None)


def run_under(scheduler: Scheduler) -> None:
    """Clocks and crash points belong to this schedule from now on."""
    _CLOCK.scheduler = scheduler
    points.install(scheduler.point)
