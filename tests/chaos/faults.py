"""What can go wrong in a run, as data.

Owns the kinds of faults and what each needs to know. Does nothing by itself: `plan.py` chooses
them from a seed, `worker.py` acts at points inside a worker, `run.py` and `cluster.py` do the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class AtPoint(StrEnum):
    """What a worker does to itself at a named point."""

    KILL = "kill"
    STOP = "stop"  # SIGSTOP; the harness sends SIGCONT later
    CLOCK = "clock"  # its wall clock jumps
    DISK_FULL = "disk-full"  # from here on no file can grow


class AtTime(StrEnum):
    """What the harness does at a moment of the run."""

    KILL = "kill"
    PAUSE = "pause"
    SIGTERM = "sigterm"
    JOIN = "join"
    LEAVE = "leave"
    TWIN = "twin"  # a second process with the same worker id
    BROKER_KILL = "broker-kill"
    BROKER_PAUSE = "broker-pause"
    NET_SLOW = "net-slow"
    NET_CUT = "net-cut"
    NET_REFUSE = "net-refuse"
    NET_HANG = "net-hang"


class AtStore(StrEnum):
    """What happens to a worker's RocksDB while the worker is down."""

    CORRUPT = "store-corrupt"
    DELETE = "store-delete"
    OUTDATE = "store-outdate"  # a copy of an earlier incarnation takes its place


# After these an incarnation does not live on.
ENDING: Final = frozenset({AtPoint.KILL, AtPoint.DISK_FULL})


@dataclass(frozen=True)
class PointFault:
    """At the `hit`-th time a worker reaches `point`; `amount`: seconds of a stop, hours of a jump.

    Hits are counted from when the fault is armed: from the start, or from the fault before it.
    """

    kind: AtPoint
    point: str
    hit: int
    amount: float = 0.0


@dataclass(frozen=True)
class TimedFault:
    """`at_s` seconds after the first worker was started, or as soon as it can be after that.

    `worker`: 1, 2, ...; `seconds`: how long a pause or a trouble of the network lasts.
    """

    kind: AtTime
    at_s: float
    worker: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class StoreFault:
    """Before a worker's next start for which there is something to damage."""

    kind: AtStore
    worker: int
    seed: int


@dataclass(frozen=True)
class Plan:
    """Everything that is to happen in the run of a seed.

    `settings`: of every worker, on top of the harness's own. `points` are handed to incarnations in
    this order; one that did not occur is handed out again. `restart_s`: pauses before restarts, in
    turn. `records_per_s`: the pace of the workload. After `seconds_max` no new fault begins.
    `upgrades`: workers that start again come back as the next release (`tests/upgrade`), while
    others still run this one.
    """

    seed: int
    settings: Mapping[str, Any]
    points: tuple[PointFault, ...]
    times: tuple[TimedFault, ...]
    stores: tuple[StoreFault, ...]
    restart_s: tuple[float, ...]
    records_per_s: int
    seconds_max: float
    upgrades: bool = False
