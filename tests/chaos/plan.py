"""From a seed to the faults of its run.

Owns how faults are spread: consecutive seeds go round the named points, so that any 50 of them plan
each point at least 25 times, and each point meets each kind of fault. The same seed always yields
the same plan. Never looks at a clock, a broker or what an earlier run did.
"""

from random import Random
from typing import Final

from pipeline import points
from tests.chaos.faults import (
    AtPoint,
    AtStore,
    AtTime,
    Plan,
    PointFault,
    StoreFault,
    TimedFault,
)

# A worker that is gone is noticed after this; less would take a busy machine for a dead worker.
SESSION_TIMEOUT_S: Final = 3
POINT_FAULTS: Final = 11
_SECONDS_MAX: Final = 50.0
# Reached often: there the first few commits are as good as the first.
_OFTEN: Final = tuple(point for point in points.POINTS if point.startswith("commit."))

# The broker aborts a transaction after its timeout, at the next of its looks, one a second.
_ABORT_LOOK_S: Final = 1.0
_TRANSACTION_TIMEOUTS_MS: Final = (2_500, 5_000)
# How a point is met, in turn: twice killed for each kind of stop.
_TURNS: Final = ("kill", "short", "beyond-session", "kill", "beyond-both")


def make_plan(seed: int) -> Plan:
    """The plan of a seed."""
    random = Random(f"plan {seed}")
    timeout_ms = _TRANSACTION_TIMEOUTS_MS[seed % len(_TRANSACTION_TIMEOUTS_MS)]
    at_points = [
        _point_fault(random, number, timeout_ms)
        for number in range(seed * POINT_FAULTS, (seed + 1) * POINT_FAULTS)
    ]
    standbys = any(fault.point == points.STANDBY_BATCH_APPLIED for fault in at_points)
    random.shuffle(at_points)
    at_points.insert(
        random.randrange(len(at_points)),
        PointFault(
            AtPoint.CLOCK,
            random.choice(_OFTEN),
            1,
            random.choice((-5.0, -1.0, -0.01, 0.01, 1.0, 5.0)),
        ),
    )
    at_points.insert(
        random.randrange(len(at_points)),
        PointFault(AtPoint.DISK_FULL, random.choice(_OFTEN), random.randint(1, 3)),
    )
    settings = {
        "transaction_timeout_ms": timeout_ms,
        "static_member": seed % 7 == 3,
        "reporting": seed % 3 == 1,
        "standby_replicas": int(standbys),
    }
    return Plan(
        seed=seed,
        settings=settings,
        points=tuple(at_points),
        times=tuple(sorted(_timed_faults(random, seed), key=lambda fault: fault.at_s)),
        stores=tuple(
            StoreFault(kind, random.randint(1, 3), random.randrange(2**32)) for kind in AtStore
        ),
        restart_s=tuple(random.choice((0.1, 0.3, 0.6, SESSION_TIMEOUT_S + 1.0)) for _ in range(16)),
        records_per_s=random.choice((60, 100, 160)),
        seconds_max=_SECONDS_MAX,
        upgrades=seed % 5 == 3,
    )


def short_plan(seed: int) -> Plan:
    """A plan for the test suite: a few faults of the most telling kinds."""
    random = Random(f"short plan {seed}")
    beyond = _stop_s(random, "beyond-both", _TRANSACTION_TIMEOUTS_MS[0])
    return Plan(
        seed=seed,
        settings={"transaction_timeout_ms": _TRANSACTION_TIMEOUTS_MS[0], "reporting": False},
        points=(
            PointFault(AtPoint.KILL, points.COMMIT_OFFSETS_SENT, 3),
            PointFault(AtPoint.STOP, points.COMMIT_OFFSETS_SENT, 3, beyond),
            PointFault(AtPoint.KILL, points.COMMIT_COMMITTED, 3),
            PointFault(AtPoint.KILL, points.RECOVERY_ENDS_KNOWN, 1),
        ),
        times=(
            TimedFault(AtTime.JOIN, 1.0, 2),
            TimedFault(AtTime.NET_CUT, 4.0),
            TimedFault(AtTime.KILL, 5.0, 2),
        ),
        stores=(StoreFault(AtStore.DELETE, 1, seed),),
        restart_s=(0.1,),
        records_per_s=60,
        seconds_max=_SECONDS_MAX,
    )


def _point_fault(random: Random, number: int, timeout_ms: int) -> PointFault:
    """Fault `number` of all seeds' faults: round the points, and with each round another turn."""
    cycle, place = divmod(number, len(points.POINTS))
    point = points.POINTS[place]
    turn = _TURNS[(cycle + place) % len(_TURNS)]
    hit = random.randint(1, 4) if point in _OFTEN else 1
    if turn == "kill":
        return PointFault(AtPoint.KILL, point, hit)
    return PointFault(AtPoint.STOP, point, hit, _stop_s(random, turn, timeout_ms))


def _stop_s(random: Random, turn: str, timeout_ms: int) -> float:
    """How long a stop of this kind lasts."""
    if turn == "short":
        return round(random.uniform(0.2, SESSION_TIMEOUT_S / 2), 2)
    if turn == "beyond-session" and timeout_ms > SESSION_TIMEOUT_S * 1000:
        return round(random.uniform(SESSION_TIMEOUT_S + 0.6, timeout_ms / 1000 - 0.6), 2)
    both = max(SESSION_TIMEOUT_S, timeout_ms / 1000 + _ABORT_LOOK_S)
    return round(both + random.uniform(0.8, 1.5), 2)


def _timed_faults(random: Random, seed: int) -> list[TimedFault]:
    """One worker, then three, then two, then three; and one of most kinds of trouble."""

    def at(low: float, high: float) -> float:
        return round(random.uniform(low, high), 1)

    leaves_s = at(10, 14)
    faults = [
        TimedFault(AtTime.JOIN, 1.0, 2),
        TimedFault(AtTime.JOIN, 1.2, 3),
        TimedFault(AtTime.LEAVE, leaves_s, 3),
        TimedFault(AtTime.JOIN, leaves_s + 6, 3),
        TimedFault(AtTime.KILL, at(4, 20), random.randint(1, 3)),
        TimedFault(AtTime.PAUSE, at(4, 20), random.randint(1, 3), at(0.3, 6)),
        TimedFault(AtTime.SIGTERM, at(4, 20), random.randint(1, 2)),
    ]
    trouble = (AtTime.NET_SLOW, AtTime.NET_CUT, AtTime.NET_REFUSE, AtTime.NET_HANG)
    faults.append(TimedFault(trouble[seed % len(trouble)], at(3, 18), seconds=at(1, 5)))
    if seed % 5 == 2:
        faults.append(TimedFault(AtTime.BROKER_KILL, at(8, 16)))
    if seed % 5 == 4:
        faults.append(TimedFault(AtTime.BROKER_PAUSE, at(8, 16), seconds=at(2, 7)))
    if seed % 3 == 0:
        # While the third is away: no more than three processes at a time.
        faults.append(TimedFault(AtTime.TWIN, leaves_s + 1, random.randint(1, 2)))
    return faults
