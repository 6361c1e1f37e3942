"""`make bench-scaling`: what more worker processes and more lanes bring, and what an order weighs.

Owns three measurements under the bench profile, each on topics of its own:

- orders a second from a preloaded backlog for each number of worker processes and of partitions, by
  turns, medians of the rounds, with the processor time of workers and broker;
- the time from the intended send time to the decision for 10,000 senders, each an account with a
  schedule of its own, and with all of them due at the same moment;
- bytes an order by topic as Kafka keeps it, in the local stores, and written to disk.

It says what the constants of scaling_model.py are by these figures. The last line is JSON:
{"per_s": {partitions: {processes: ...}}, "processes_vs_1", "p99_ms", "together_p99_ms",
"under_way_max", "bytes_an_order", "constants"}.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import linear_regression, mean, median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks import senders, sizes
from benchmarks.contest.entries import Entry, gate
from benchmarks.contest.inputs import CME, Funded, accounts_of
from benchmarks.contest.profile import users
from benchmarks.contest.runs import (
    Cores,
    Run,
    Told,
    place_broker,
    run_of,
    split_cores,
    tree_written,
)
from benchmarks.contest.throughput import FIRST_US, Measured, Throughput, Window
from benchmarks.latency import Reader
from benchmarks.measure import machine_facts
from benchmarks.senders import Answered
from benchmarks.stack import GATE_WORKER, BenchError, Stack, bench_stack, say
from pipeline.control.publisher import ControlChange, ControlWriter
from pipeline.settings import PROJECT_ROOT
from pipeline.topics import DECISIONS

_RESULTS: Final = PROJECT_ROOT / "var/bench"
_DECIDED_S_MAX: Final = 600
# Lanes of a worker in the model: so many partitions a worker are recommended at least.
_LANES_A_WORKER: Final = 4
_LANES_OF_SENDERS: Final = 8
# A second's orders before the throughput of anything is known.
_GUESS_PER_S: Final = 12_000


@dataclass(frozen=True)
class Size:
    """How much of everything. `warm_up_s`: processor seconds of each process."""

    rounds: int
    warm_up_s: float
    measured_s: float
    partitions: Sequence[int]
    senders: int
    every_s: float
    steady_s: float
    together: int
    weighed_orders: int


_FULL: Final = Size(3, 8, 10, (4, 8, 16), 10_000, 10.0, 30.0, 5, 100_000)
_SHORT: Final = Size(1, 4, 4, (4, 8), 10_000, 10.0, 10.0, 2, 30_000)


@dataclass
class Found:
    """What was measured. `grid`: (partitions, processes) -> runs."""

    grid: dict[tuple[int, int], list[Measured]] = field(default_factory=dict)
    senders: dict[str, Answered] = field(default_factory=dict)
    bytes_: dict[str, dict[str, float]] = field(default_factory=dict)
    # Microseconds of a user's record in one lane: to publish it, and of processor to apply it.
    publish_us: float = 0.0
    apply_us: float = 0.0

    def middle(self, partitions: int, processes: int, of: str) -> float:
        """The median of the rounds of `per_s`, `contestant_us` or `broker_us`."""
        return float(median(getattr(run, of) for run in self.grid[partitions, processes]))


def entry_of(processes: int) -> Entry:
    """So many workers under one supervisor."""
    return replace(
        gate(),
        name=f"workers-{processes}",
        title=f"{processes} worker process{'es' if processes > 1 else ''}",
        command=(*GATE_WORKER, "--processes", str(processes)),
        guess_per_s=_GUESS_PER_S * min(processes, os.cpu_count() or 1),
    )


def stack_of(stack: Stack, partitions: int) -> Stack:
    """The same broker with another number of partitions; topics and files apart."""
    directory = stack.directory / f"lanes-{partitions}"
    directory.mkdir()
    settings = replace(
        stack.settings, app_id=f"{stack.settings.app_id}-l{partitions}", partitions=partitions
    )
    return replace(stack, directory=directory, settings=settings)


class Grid:
    """Throughput for numbers of processes and of partitions."""

    def __init__(self, stacks: Mapping[int, Stack], cores: Cores, size: Size) -> None:
        """`stacks`: by number of partitions."""
        self._size: Final = size
        window = Window(size.warm_up_s, size.measured_s)
        self._throughputs: Final = {
            partitions: Throughput(stack, cores, window, every_lane=True)
            for partitions, stack in stacks.items()
        }

    def measure(self, processes: Sequence[int]) -> Iterator[tuple[tuple[int, int], Measured]]:
        """Each cell in turn, round by round, every other round the other way round."""
        cells = [
            (partitions, count)
            for partitions in self._throughputs
            for count in processes
            if count <= partitions
        ]
        for turn in range(self._size.rounds):
            for partitions, count in cells if turn % 2 == 0 else reversed(cells):
                say(f"{partitions} partitions, {count} processes, round {turn + 1}")
                window = Window(self._size.warm_up_s * count, self._size.measured_s)
                measured = self._throughputs[partitions].measure(entry_of(count), CME, window)
                yield (partitions, count), measured


def weigh(stack: Stack, cores: Cores, orders: int) -> tuple[dict[str, float], Told]:
    """Bytes an order when a backlog is decided; what the gate was told before, and its time."""
    throughput = Throughput(stack, cores, Window(0, 0))
    with run_of(stack, entry_of(1), throughput.inputs(CME), next(throughput.names)) as run:
        run.prepare(accounts_of(CME), FIRST_US)
        before = sizes.look(stack, run.settings)
        run.load(orders)
        run.start(cores.contestant)
        broker_pid = _broker_pid(stack)
        broker_before = tree_written(broker_pid)
        _await_all(run, orders)
        written = {
            "worker_written": tree_written(run.pid),
            "broker_written": tree_written(broker_pid) - broker_before,
        }
        run.stop()
        found = sizes.look(stack, run.settings).since(before).each(orders)
        return found | sizes.Sizes(written).each(orders), run.told


def _broker_pid(stack: Stack) -> int:
    pid = None if stack.broker is None else stack.broker.pid
    if pid is None:
        raise BenchError("This bench needs a broker of its own: unset KAFKA_BOOTSTRAP.")
    return pid


def _await_all(run: Run, orders: int) -> None:
    end = time.monotonic() + _DECIDED_S_MAX
    run.await_decisions(orders, _DECIDED_S_MAX)
    while (decided := run.count(DECISIONS)) < orders:
        _ = run.pid
        if time.monotonic() > end:
            raise BenchError(f"{decided} of {orders} orders are decided after {_DECIDED_S_MAX} s")
        time.sleep(1)


def ask_many(stack: Stack, cores: Cores, size: Size, processes: int, found: Found) -> Run:
    """The senders' two phases, the bytes of an order in the first, and those of a user."""
    throughput = Throughput(stack, cores, Window(0, 0))
    first_us = time.time_ns() // 1000
    entry = entry_of(processes)
    with run_of(stack, entry, throughput.inputs(CME), next(throughput.names)) as run:
        before = sizes.look(stack, run.settings)
        say(f"{size.senders:,} accounts are made known to {stack.settings.partitions} lanes")
        accounts = senders.accounts(size.senders)
        run.prepare(accounts, first_us)
        told = sizes.look(stack, run.settings).since(before)
        found.bytes_["user"] = told.each(size.senders * stack.settings.partitions)
        found.publish_us = publish_us(run, accounts)
        run.start(cores.contestant)
        reader = Reader(run.settings)
        reader.start()
        try:
            warm_up = senders.Plan(size.senders, size.every_s, size.every_s / 2, together=False)
            first = senders.measure(run, reader, warm_up).orders
            steady = replace(warm_up, seconds=size.steady_s, first=first, seed=2)
            say(f"{size.senders:,} senders, an order every {size.every_s:.0f} s of each")
            before = sizes.look(stack, run.settings)
            found.senders["steady"] = senders.measure(run, reader, steady)
            taken = sizes.look(stack, run.settings).since(before)
            found.bytes_["steady"] = taken.each(found.senders["steady"].orders)
            together = replace(
                steady,
                together=True,
                seconds=size.every_s * size.together,
                first=first + found.senders["steady"].orders,
            )
            say(f"{size.senders:,} senders at once, {size.together} times")
            found.senders["together"] = senders.measure(run, reader, together)
        finally:
            reader.stop()
        run.stop()
        return run


def per_lane(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """What does not and what does grow with a worker's lanes: a fitted line, level at least."""
    if len({lanes for lanes, _ in points}) > 1:
        slope, intercept = linear_regression(*zip(*points, strict=True))
        if slope > 0 and intercept > 0:
            return intercept, slope
    return mean(value for _, value in points), 0.0


def constants_of(found: Found) -> dict[str, float]:
    """The measured constants of scaling_model.py; the bytes are those of the steady senders."""
    alone = [cell for cell in found.grid if cell[1] == 1]
    nearest = min(alone, key=lambda cell: abs(cell[0] - _LANES_A_WORKER))
    steady = found.bytes_["steady"]
    backlog = found.bytes_["backlog"]

    def fitted(of: str) -> float:
        points = [
            (partitions / processes, found.middle(partitions, processes, of))
            for partitions, processes in found.grid
        ]
        level, slope = per_lane(points)
        return level + slope * _LANES_A_WORKER

    constants = {
        "worker_per_s": found.middle(*nearest, "per_s"),
        "worker_us": fitted("contestant_us"),
        "broker_us": fitted("broker_us"),
        "order_bytes": steady["orders"],
        "decision_bytes": backlog["decisions"],
        "audit_bytes": backlog["audit"],
        "event_bytes": backlog["events"],
        "row_bytes": backlog["rows"],
        "store_bytes": backlog["store"],
        "worker_written_bytes": backlog["worker_written"],
        "user_lane_control_bytes": found.bytes_["user"]["control"],
        "user_lane_audit_bytes": found.bytes_["user"]["audit"],
        "user_lane_publish_us": found.publish_us,
        "user_lane_us": found.apply_us,
    }
    return {name: round(value, 1) for name, value in constants.items()}


def apply_us(small: Told, large: Told) -> float:
    """Processor microseconds of a control input: two set-ups, without what both of them take."""
    return max(0.0, (large.apply_s - small.apply_s) / (large.inputs - small.inputs) * 1e6)


def publish_us(run: Run, accounts: Sequence[Funded]) -> float:
    """Microseconds of a user's record in one lane when all of them are published once more."""
    changes = [ControlChange(user, "tollgate-bench", "tollgate-bench") for user in users(accounts)]
    with ControlWriter(run.settings) as writer:
        began = time.monotonic()
        writer.publish(changes)
        took_s = time.monotonic() - began
    return took_s / (len(changes) * run.settings.partitions) * 1e6


def last_line(found: Found, constants: Mapping[str, float]) -> dict[str, Any]:
    """The last line of the output."""
    per_s: dict[str, dict[str, int]] = {}
    for partitions, processes in sorted(found.grid):
        middle = round(found.middle(partitions, processes, "per_s"))
        per_s.setdefault(str(partitions), {})[str(processes)] = middle
    ratios = {
        str(processes): round(
            median(
                found.middle(partitions, processes, "per_s") / found.middle(partitions, 1, "per_s")
                for partitions, count in found.grid
                if count == processes
            ),
            2,
        )
        for processes in sorted({count for _, count in found.grid} - {1})
    }
    steady, together = found.senders["steady"], found.senders["together"]
    return {
        "per_s": per_s,
        "processes_vs_1": ratios,
        "p99_ms": round(steady.p99_ms, 1),
        "together_p99_ms": round(together.p99_ms, 1),
        "under_way_max": together.under_way_max,
        "bytes_an_order": found.bytes_["backlog"],
        "constants": constants,
    }


def show(facts: Mapping[str, str], found: Found) -> None:
    """The tables for people."""
    console = Console()
    head = Table(title="Scaling", title_justify="left", show_header=False)
    for name, value in facts.items():
        head.add_row(name, value)
    console.print(head)
    grid = Table("lanes", "processes", "orders/s", "least", "most", "worker us", "broker us")
    for (partitions, processes), runs in sorted(found.grid.items()):
        rates = [run.per_s for run in runs]
        grid.add_row(
            str(partitions),
            str(processes),
            *(f"{rate:,.0f}" for rate in (median(rates), min(rates), max(rates))),
            f"{found.middle(partitions, processes, 'contestant_us'):.1f}",
            f"{found.middle(partitions, processes, 'broker_us'):.1f}",
        )
    console.print(grid)
    many = Table(
        "senders", "orders", "p50 ms", "p95 ms", "p99 ms", "under way", "unanswered", "late"
    )
    for name, taken in found.senders.items():
        many.add_row(
            name,
            f"{taken.orders:,}",
            *(f"{ms:.1f}" for ms in (taken.p50_ms, taken.p95_ms, taken.p99_ms)),
            f"{taken.under_way_max:,}",
            f"{taken.unanswered_max:,}",
            f"{taken.late_ms_max:.1f} ms",
        )
    console.print(many)
    names = list(dict.fromkeys(name for kind in found.bytes_.values() for name in kind))
    weights = Table("bytes", *found.bytes_)
    for name in names:
        weights.add_row(name, *(f"{kind.get(name, 0):,.1f}" for kind in found.bytes_.values()))
    console.print(weights)


def write(facts: Mapping[str, str], found: Found, line: Mapping[str, Any]) -> Path:
    """All of it as a file of results."""
    path = _RESULTS / f"scaling-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    runs = [
        {"partitions": partitions, "processes": processes, **asdict(run)}
        for (partitions, processes), measured in found.grid.items()
        for run in measured
    ]
    senders_found = {name: asdict(taken) for name, taken in found.senders.items()}
    told = {**line, "facts": facts, "runs": runs, "senders": senders_found, "bytes": found.bytes_}
    path.write_text(json.dumps(told, indent=2) + "\n")
    return path


def _processes(wanted: Sequence[int] | None) -> list[int]:
    """1, 2, 4, ... up to the cpus, 2 at least."""
    if wanted:
        return sorted({1, *wanted})
    most = max(2, os.cpu_count() or 1)
    return [1 << power for power in range(most.bit_length()) if 1 << power <= most]


def main() -> None:
    """Measure and print; exit code 0 when all of it was measured."""
    parser = argparse.ArgumentParser(description="More workers, more lanes, many senders, bytes.")
    parser.add_argument("--short", action="store_true", help="a quick trial: one round")
    parser.add_argument("--processes", type=int, nargs="+", help="1 is always measured")
    parser.add_argument("--partitions", type=int, nargs="+")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--senders", type=int)
    parser.add_argument("--every", type=float, help="seconds between two orders of a sender")
    options = parser.parse_args()
    size = _SHORT if options.short else _FULL
    size = replace(
        size,
        rounds=options.rounds or size.rounds,
        partitions=tuple(options.partitions or size.partitions),
        senders=options.senders or size.senders,
        every_s=options.every or size.every_s,
    )
    processes, cores = _processes(options.processes), split_cores()
    facts = {
        "Started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **machine_facts(),
        "Cores": f"broker {cores.broker}, workers {cores.contestant}; sender and reader any",
    }
    found = Found()
    with bench_stack() as stack:
        place_broker(stack, cores)
        stacks = {
            partitions: stack_of(stack, partitions)
            for partitions in dict.fromkeys((*size.partitions, _LANES_OF_SENDERS))
        }
        grid = Grid({partitions: stacks[partitions] for partitions in size.partitions}, cores, size)
        for cell, measured in grid.measure(processes):
            found.grid.setdefault(cell, []).append(measured)
        say("weighing orders")
        home = replace(stacks[_LANES_OF_SENDERS], directory=stack.directory / "weighed")
        home.directory.mkdir()
        home.settings = replace(home.settings, app_id=f"{stack.settings.app_id}-weighed")
        found.bytes_["backlog"], small = weigh(home, cores, size.weighed_orders)
        asked = replace(home, directory=stack.directory / "senders")
        asked.directory.mkdir()
        asked.settings = replace(home.settings, app_id=f"{stack.settings.app_id}-senders")
        large = ask_many(asked, cores, size, max(processes), found).told
        found.apply_us = apply_us(small, large)
    facts["Load after"] = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    constants = constants_of(found)
    line = last_line(found, constants)
    show(facts, found)
    print(write(facts, found, line).relative_to(PROJECT_ROOT))
    print(json.dumps(line))


if __name__ == "__main__":
    main()
