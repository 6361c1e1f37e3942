"""One schedule: a seed, run from the common past to its end and judged."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.cluster import Cluster, Past
from tests.simulation.product import run_under
from tests.simulation.workload import Workload


@dataclass
class Result:
    """What a schedule came to."""

    seed: int
    fingerprint: int = 0
    operations: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)


def _ran(seed: int, past: Past | None, workload: Workload | None = None) -> Cluster:
    cluster = Cluster(seed, past)
    if workload is not None:
        now_ms = cluster.broker.now_ms
        for topic, lane, key, value in workload.definitions(now_ms):
            cluster.broker.logs[topic, lane].append(key, value, now_ms, None)
        cluster.workload = workload
    run_under(cluster.scheduler)
    cluster.run()
    return cluster


# By whether orders are plain.
_PASTS: Final[dict[bool, Past]] = {}


def past_of_all(*, plain: bool = False) -> Past:
    """What every schedule starts from: rules and money, applied without any fault."""
    if plain not in _PASTS:
        cluster = _ran(0, None, Workload(plain=plain))
        violations = cluster.judged()
        if violations:
            raise RuntimeError(f"the first inputs already fail: {violations}")
        _PASTS[plain] = Past(cluster.broker, cluster.workload)
    return _PASTS[plain]


def run_schedule(seed: int, *, plain: bool = False) -> Result:
    """Run and judge one schedule, inside `simulated()`; with plain orders it is another one."""
    cluster = _ran(seed, past_of_all(plain=plain))
    scheduler = cluster.scheduler
    result = Result(
        seed,
        scheduler.fingerprint(),
        scheduler.steps,
        scheduler.faults,
        scheduler.crashes,
        cluster.judged(),
        scheduler.trace,
    )
    # Strands that never end would keep their worker's whole world alive.
    for strand in list(scheduler.strands):
        strand.owner.dead = True
        strand.kill()
    return result
