"""A worker that does harm to itself at named points; otherwise it is `tollgate worker`.

Owns what happens inside the process: it is started with a chain of faults (`Spec`), acts on each in
turn when its point is reached, and tells the harness through a pipe, before it acts, so that a kill
cannot hide it. Never changes what the worker computes, but for the clock that a plan lets jump.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NoReturn

from pipeline import points
from pipeline.__main__ import main
from pipeline.streaming.commit import ClosedWork, Commit, Membership
from tests.chaos.faults import AtPoint, PointFault
from tests.upgrade.next_version import THIS_RELEASE, Release

# What the harness must know of every incarnation to tell whether a zombie's commit counted.
_TOLD: Final = frozenset({points.COMMIT_COMMITTED, points.RECOVERY_JOINED})
# One incarnation commits in one thread at a time.
_run_commit: Final = Commit.run
_NS_PER_HOUR: Final = 3_600 * 10**9
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True)
class Spec:
    """What a process is told: its settings, its faults, where to log and where to tell of faults.

    `environment`: on top of the harness's own. While the file `calm` exists no fault acts.
    `release`: whose sources it runs.
    """

    environment: dict[str, str]
    chain: tuple[PointFault, ...]
    output: Connection
    events: Connection
    calm: Path
    release: Release


class Saboteur:
    """Acts at the points that the chain names, one fault after the other."""

    def __init__(self, spec: Spec) -> None:
        """Take what the harness wants."""
        self._spec: Final = spec
        self._hits: Counter[str] = Counter()
        self._next = 0
        self._clock_offset_ns = 0
        self._committing: list[int] = []
        # Points are reached in the event loop's thread, the commit's and the restore's.
        self._lock: Final = threading.Lock()

    def install(self) -> None:
        """From here on the faults act."""
        if any(fault.kind is AtPoint.CLOCK for fault in self._spec.chain):
            self._take_over_the_clock()
        self._watch_commits()
        points.install(self.reached)

    def reached(self, point: str) -> None:
        """Called by the product at each of its points."""
        if point in _TOLD:
            self._tell("reached", point=point, lanes=self._committing)
        with self._lock:
            fault = self._due(point)
        if fault is not None:
            self._act(fault)

    def _due(self, point: str) -> PointFault | None:
        if self._next == len(self._spec.chain):
            return None
        fault = self._spec.chain[self._next]
        self._hits[point] += 1
        if point != fault.point or self._hits[point] < fault.hit or self._spec.calm.exists():
            return None
        self._next += 1
        self._hits.clear()
        return fault

    def _act(self, fault: PointFault) -> None:
        self._tell("fault", kind=fault.kind, point=fault.point, amount=fault.amount)
        if fault.kind is AtPoint.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault.kind is AtPoint.STOP:
            # To this thread, so that it stops at this point: sent to the process, another thread
            # might take the signal while this one goes on for a moment.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            self._tell("woke", point=fault.point)
        elif fault.kind is AtPoint.CLOCK:
            self._clock_offset_ns += int(fault.amount * _NS_PER_HOUR)
        else:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))

    def _watch_commits(self) -> None:
        """A commit holds the lanes that advanced, which may be fewer than the worker's."""

        def run(commit: Commit, work: ClosedWork, membership: Membership) -> None:
            self._committing = sorted({partition for _, partition in work.lanes})
            _run_commit(commit, work, membership)

        Commit.run = run  # type: ignore[method-assign,assignment]

    def _take_over_the_clock(self) -> None:
        real_ns = time.time_ns

        def jumping_ns() -> int:
            return real_ns() + self._clock_offset_ns

        time.time_ns = jumping_ns
        time.time = lambda: jumping_ns() / 1e9

    def _tell(self, what: str, **facts: Any) -> None:
        line = json.dumps({"what": what, "at": time.monotonic(), **facts}) + "\n"
        os.write(self._spec.events.fileno(), line.encode())


def run(spec: Spec) -> None:
    """Be a worker process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Ctrl-C is for the harness, which ends its workers itself.
    os.setsid()
    for stream in (sys.stdout, sys.stderr):
        os.dup2(spec.output.fileno(), stream.fileno())
    if spec.release != THIS_RELEASE:
        _become(spec)
    os.environ.update(spec.environment)
    Saboteur(spec).install()
    main(["worker"])


def _become(spec: Spec) -> NoReturn:
    """Be the same worker of another release: its own sources, the same pipes and faults."""
    pipes = {"output": spec.output.fileno(), "events": spec.events.fileno()}
    for pipe in pipes.values():
        os.set_inheritable(pipe, True)
    told = {
        "environment": spec.environment,
        "chain": [asdict(fault) for fault in spec.chain],
        "calm": str(spec.calm),
        **pipes,
    }
    os.chdir(spec.release.root)
    command = spec.release.command("tests.chaos.worker", json.dumps(told))
    os.execve(command[0], command, spec.release.environment(spec.environment))  # noqa: S606


def _resume(told: dict[str, Any]) -> None:
    """In the other release: go on where `_become` left."""
    spec = Spec(
        told["environment"],
        tuple(PointFault(**fault | {"kind": AtPoint(fault["kind"])}) for fault in told["chain"]),
        Connection(told["output"], readable=False),
        Connection(told["events"], readable=False),
        Path(told["calm"]),
        THIS_RELEASE,
    )
    Saboteur(spec).install()
    main(["worker"])


if __name__ == "__main__":
    _resume(json.loads(sys.argv[1]))
