"""Orders a second from a full backlog, and the processor time an order takes.

Owns the window: it opens when the contestant has used the processor time of the warm-up, and what
counts is decisions that the broker appended within it and that a `read_committed` consumer reads
afterwards. A run that ran dry is repeated with twice the orders.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from benchmarks.contest.entries import Entry
from benchmarks.contest.inputs import InputFile, accounts_of
from benchmarks.contest.runs import Cores, Run, run_of
from benchmarks.stack import BenchError, Stack, say

# Made-up time of the first order: a Tuesday's opening, so that no order is near the end of a day.
FIRST_US: Final = 1_704_205_800_000_000

_LOAD_FACTOR: Final = 1.5
# What a contestant needs that no compiler makes faster meanwhile.
_WARM_UP_S: Final = 5
# What it may decide while it is being stopped.
_STOP_S: Final = 2
_ATTEMPTS_MAX: Final = 4
_FIRST_DECISIONS: Final = 50
_WARM_UP_WALL_S_MAX: Final = 240
_POLL_S: Final = 0.2


@dataclass(frozen=True)
class Window:
    """How long a contestant works before and while it is measured.

    `warm_up_s`: seconds of its own processor time, so that a compiler that has to warm up gets what
    it needs on a busy machine too, 5 at most where there is none; `measured_s`: seconds.
    """

    warm_up_s: float
    measured_s: float


@dataclass(frozen=True)
class Measured:
    """One run's result; processor time in microseconds an order."""

    per_s: float
    decided: int
    contestant_us: float
    broker_us: float


class Throughput:
    """Runs contestants on one stack; remembers how fast each was, to load what it needs."""

    def __init__(
        self, stack: Stack, cores: Cores, window: Window, *, every_lane: bool = False
    ) -> None:
        """`window` holds for every run that is given no other.

        `every_lane`: a run in which one lane ran dry counts as one that did. Several processes need
        it: the one whose lanes are dry idles, and the others go on.
        """
        self.names: Final[Iterator[str]] = (f"run-{number:04d}" for number in count(1))
        self._stack: Final = stack
        self._cores: Final = cores
        self._window: Final = window
        self._every_lane: Final = every_lane
        # Contestant and flow -> orders a second, and orders a second of its processor time.
        self._speeds: Final[dict[tuple[str, str], tuple[float, float]]] = {}
        # How many times what it will decide is loaded: more where it ran dry, as lanes are uneven.
        self._factors: Final[dict[tuple[str, str], float]] = {}
        self._inputs: Final[dict[str, InputFile]] = {}

    def inputs(self, flow: str) -> InputFile:
        """The flow's records, made when first asked for."""
        if flow not in self._inputs:
            path = self._stack.directory / f"{flow}.inputs"
            partitions = self._stack.settings.partitions
            self._inputs[flow] = InputFile(path, flow, FIRST_US, partitions)
        return self._inputs[flow]

    def measure(self, entry: Entry, flow: str, window: Window | None = None) -> Measured:
        """One run. Raises BenchError when the contestant ends or always runs dry."""
        chosen = window or self._window
        if not entry.compiles:
            chosen = replace(chosen, warm_up_s=min(chosen.warm_up_s, _WARM_UP_S))
        known = entry.name, flow
        for _ in range(_ATTEMPTS_MAX):
            per_s, busy_per_s = self._speeds.get(known, (float(entry.guess_per_s),) * 2)
            orders = per_s * (chosen.measured_s + _STOP_S) + busy_per_s * chosen.warm_up_s
            factor = self._factors.get(known, _LOAD_FACTOR)
            found = self._attempt(entry, flow, chosen, int(orders * factor))
            if found is not None:
                self._speeds[known] = found.per_s, 1e6 / found.contestant_us
                if not self._every_lane:
                    # The guess was too low, which it is no more.
                    self._factors.pop(known, None)
                say(
                    f"{flow}: {entry.title} {_told(entry)}: {found.per_s:,.0f}/s, "
                    f"{found.contestant_us:.1f} us of processor an order"
                )
                return found
            self._factors[known] = factor * 2
            say(f"{flow}: {entry.title}: too few orders were loaded; again with twice as many")
        raise BenchError(f"{entry.title} ran out of orders {_ATTEMPTS_MAX} times.")

    def _attempt(self, entry: Entry, flow: str, window: Window, orders: int) -> Measured | None:
        with run_of(self._stack, entry, self.inputs(flow), next(self.names)) as run:
            run.prepare(accounts_of(flow), FIRST_US)
            run.load(orders)
            run.start(self._cores.contestant)
            run.await_decisions(_FIRST_DECISIONS)
            _warm_up(run, window.warm_up_s)
            return _measured(run, window.measured_s, every_lane=self._every_lane)


def _warm_up(run: Run, processor_s: float) -> None:
    """Let it work until it has used so much processor time."""
    end = time.monotonic() + _WARM_UP_WALL_S_MAX
    while run.used().contestant_s < processor_s and time.monotonic() < end:
        time.sleep(_POLL_S)


def _measured(run: Run, seconds: float, *, every_lane: bool) -> Measured | None:
    """What the run decides from now on for so long; None when it ran dry."""
    before = run.used()
    time.sleep(seconds)
    after = run.used()
    run.stop()
    appended = run.appended_between(before.at_ms, after.at_ms)
    decided = appended.in_window
    if decided == 0 or appended.last_ms < after.at_ms or (every_lane and appended.dry):
        return None
    return Measured(
        per_s=decided / (after.at_ms - before.at_ms) * 1000,
        decided=decided,
        contestant_us=(after.contestant_s - before.contestant_s) / decided * 1e6,
        broker_us=(after.broker_s - before.broker_s) / decided * 1e6,
    )


def _told(entry: Entry) -> str:
    shown = ("commit_interval_ms", "linger_ms", "threads")
    told = [f"{name} {entry.options[name]}" for name in shown if name in entry.options]
    return f"({', '.join(told)})" if told else ""
