"""`make bench-hot-spot`: one user sends half of all orders; who has to wait, and what it costs.

Owns the comparison. One worker, all checks evaluated. First the others alone send at a steady
rate, then the same with one more user who sends as many orders as all of them together, so that the
worker cannot keep up: that user's lane falls behind. Latency is taken from the intended send time,
of the hot user's lane and of the other lanes. The worker's memory is watched, because a lane that
is behind must not be buffered without bound: what it grows by beyond what as many orders cost when
nothing waits (they fill RocksDB's write buffers) is put down to the lag. Exit code 1 when that is
more than a quarter of the worker's memory. The last line is JSON: {"per_s", "hot_lane_p99_ms",
"others_p99_ms", "others_alone_p99_ms", "lag_max", "rss_mb_start", "rss_mb_max", "rss_mb_end",
"rss_mb_for_lag"}.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks import senders
from benchmarks.flow import OrderFlow
from benchmarks.latency import Reader
from benchmarks.measure import machine_facts, percentile
from benchmarks.stack import GATE_WORKER, BenchError, Contender, bench_stack, say
from benchmarks.watch import Sample, free_port, look
from pipeline.market.accounts import Account
from pipeline.risk.partition import partition_of

_LOOK_EVERY_S: Final = 0.5
# So many orders at once, then so many seconds of orders, tell how fast the worker is.
_TRIAL_ORDERS: Final = 30_000
_TRIAL_S: Final = 5.0
# All orders by what the worker was seen to decide; more when its hot lane does not fall behind.
_LOADS: Final = (1.3, 1.6, 1.9, 2.4)
# The lane is behind when so many seconds of the hot user's orders wait.
_BEHIND_S_MIN: Final = 1.0
# Memory that may be put down to a lane that is behind, as a share of the worker's.
_LAG_SHARE_MAX: Final = 0.25
# Decoded rows a lane keeps: so few that they reach their bound before anything is measured.
_ROWS: Final = 2_000
# Sizes of the hot user's orders, so many that they do not repeat too often for SAME_CONTENT.
_LOTS_MAX: Final = 100


@dataclass(frozen=True)
class Plan:
    """The others' orders at even intervals; `hot`: one user's between them, as many again."""

    per_s: float
    seconds: float
    hot: bool
    first: int
    lots_max: int = _LOTS_MAX

    def due(self) -> Iterator[tuple[int, Account]]:
        """(nanoseconds after the start, sender) of each order."""
        hot, *others = OrderFlow().accounts
        draw = random.Random(self.first).random
        interval_ns = 1e9 / self.per_s
        for number in range(int(self.per_s * self.seconds)):
            yield int(number * interval_ns), others[int(draw() * len(others))]
            if self.hot:
                yield int((number + 0.5) * interval_ns), hot


@dataclass(frozen=True)
class Phase:
    """Milliseconds, as orders were due, of the hot user's lane and of the others; the worker."""

    hot_lane: list[float]
    others: list[float]
    samples: list[Sample]
    late_ms: float
    # Orders of the hot user's lane that were due and not answered, at most.
    lag_max: int

    @property
    def decided(self) -> int:
        """Orders decided between the first look and the last."""
        return self.samples[-1].decisions - self.samples[0].decisions

    @property
    def growth_mb(self) -> float:
        """What memory grew by at most."""
        return max(sample.rss_mb for sample in self.samples) - self.samples[0].rss_mb


@dataclass
class Found:
    """What was measured; `alone`: without the hot user."""

    per_s: float = 0.0
    alone: list[Phase] = field(default_factory=list)
    beside: list[Phase] = field(default_factory=list)


class Looks(threading.Thread):
    """Looks at the worker's metrics until it is stopped."""

    def __init__(self, port: int) -> None:
        """Nothing seen yet."""
        super().__init__(name="looks", daemon=True)
        self.samples: Final[list[Sample]] = []
        self._port: Final = port
        self._stopping: Final = threading.Event()

    def run(self) -> None:
        """Look now and then."""
        while not self._stopping.wait(_LOOK_EVERY_S):
            sample = look(self._port)
            if sample is not None:
                self.samples.append(sample)

    def stop(self) -> list[Sample]:
        """End the thread; what was seen."""
        self._stopping.set()
        self.join()
        return self.samples


class HotSpot:
    """One worker, its reader, and the phases it is put through."""

    def __init__(self, contender: Contender, reader: Reader) -> None:
        """The worker runs and has applied accounts and money."""
        self._contender: Final = contender
        self._reader: Final = reader
        self._sent = 0
        partitions = contender.settings.partitions
        self._hot_lane: Final = partition_of(OrderFlow().accounts[0].key, partitions)

    def decides_per_s(self) -> float:
        """How fast it decides while orders keep coming; it is warm afterwards.

        A backlog tells how fast it is alone. Sender and reader want their share of the machine, so
        that rate is then sent for some seconds, and what comes of it counts.
        """
        backlog_per_s = self._trial(Plan(1e9, _TRIAL_ORDERS / 1e9, hot=False, first=self._sent))
        return self._trial(Plan(backlog_per_s, _TRIAL_S, hot=False, first=self._sent))

    def _trial(self, plan: Plan) -> float:
        """Orders a second from when the first was due until the last was decided."""
        sent, read_ns = senders.ask(self._contender, self._reader, plan)
        self._sent += len(read_ns)
        return len(read_ns) / (max(read_ns) - sent.due_ns[0]) * 1e9

    def phase(self, per_s: float, seconds: float, *, hot: bool) -> Phase:
        """Both groups' latencies; returns when all orders are decided."""
        plan = Plan(per_s, seconds, hot, self._sent)
        looks = Looks(self._contender.settings.metrics_port)
        looks.start()
        try:
            sent, read_ns = senders.ask(self._contender, self._reader, plan)
        finally:
            samples = looks.stop()
        self._sent += len(read_ns)
        groups: dict[bool, list[float]] = {True: [], False: []}
        hot_due, hot_read = [], []
        partitions = self._contender.settings.partitions
        for (_, account), due, read in zip(plan.due(), sent.due_ns, read_ns, strict=True):
            in_hot_lane = partition_of(account.key, partitions) == self._hot_lane
            groups[in_hot_lane].append((read - due) / 1e6)
            if in_hot_lane:
                hot_due.append(due)
                hot_read.append(read)
        lag = senders.most_at_once(hot_due, hot_read)
        return Phase(groups[True], groups[False], samples, sent.late_ms_max, lag)


def measure(spot: HotSpot, rounds: int, seconds: float, per_s: float | None) -> Found:
    """The rounds; the rate is raised until the hot lane falls behind, unless `per_s` is given.

    `per_s`: the others' orders a second. Raises BenchError when the lane never falls behind.
    """
    able_per_s = spot.decides_per_s()
    say(f"the worker decides {able_per_s:,.0f} orders a second")
    found = Found()
    rates = [per_s] if per_s else [able_per_s * load / 2 for load in _LOADS]
    for rate in rates:
        found = Found(rate)
        for turn in range(rounds):
            say(f"round {turn + 1}: the others alone, {rate:,.0f}/s")
            found.alone.append(spot.phase(rate, seconds, hot=False))
            say(f"round {turn + 1}: with one more user, {2 * rate:,.0f}/s in all")
            found.beside.append(spot.phase(rate, seconds, hot=True))
            say(f"round {turn + 1}: at most {found.beside[-1].lag_max:,} records behind")
            if found.beside[-1].lag_max < rate * _BEHIND_S_MIN:
                break
        else:
            return found
    raise BenchError("The hot user's lane did not fall behind: give a higher --rate.")


def grown_for_lag_mb(alone: Sequence[Phase], beside: Sequence[Phase]) -> float:
    """What memory grew by while a lane was behind, beyond what as many orders cost without."""
    decided = sum(phase.decided for phase in alone)
    an_order = sum(phase.growth_mb for phase in alone) / decided if decided else 0.0
    return max(0.0, *(phase.growth_mb - an_order * phase.decided for phase in beside))


def thirds(taken: Sequence[float]) -> list[float]:
    """The medians of the first, the middle and the last third, as orders were due."""
    third = len(taken) // 3
    return [median(taken[first : first + third]) for first in (0, third, 2 * third)]


def _p99(phases: Sequence[Phase], of: str) -> float:
    """The median of the rounds' p99."""
    return median(percentile(sorted(getattr(phase, of)), 0.99) for phase in phases)


def _show(facts: dict[str, str], found: Found) -> None:
    console = Console()
    head = Table(title="Hot spot", title_justify="left", show_header=False)
    for name, value in facts.items():
        head.add_row(name, value)
    console.print(head)
    table = Table("round", "lanes", "orders", "p50 ms", "p95 ms", "p99 ms", "p50 by thirds")
    for turn, (alone, beside) in enumerate(zip(found.alone, found.beside, strict=True), 1):
        rows = (
            (f"{turn}, alone", "the hot user's", alone.hot_lane),
            (f"{turn}, alone", "others", alone.others),
            (f"{turn}, with the hot user", "the hot user's", beside.hot_lane),
            (f"{turn}, with the hot user", "others", beside.others),
        )
        for name, lanes, taken in rows:
            table.add_row(
                name,
                lanes,
                f"{len(taken):,}",
                *(f"{percentile(sorted(taken), share):,.1f}" for share in (0.5, 0.95, 0.99)),
                ", ".join(f"{middle:,.0f}" for middle in thirds(taken)),
            )
    console.print(table)
    worker = Table("round", "behind at most", "MiB from", "MiB at most", "orders decided", "late")
    for turn, pair in enumerate(zip(found.alone, found.beside, strict=True), 1):
        for name, phase in zip(("alone", "with the hot user"), pair, strict=True):
            worker.add_row(
                f"{turn}, {name}",
                f"{phase.lag_max:,}",
                f"{phase.samples[0].rss_mb:.0f}",
                f"{phase.samples[0].rss_mb + phase.growth_mb:.0f}",
                f"{phase.decided:,}",
                f"{phase.late_ms:.0f} ms",
            )
    console.print(worker)


def main() -> None:
    """Measure and print; exit code 0 when memory stayed bounded."""
    parser = argparse.ArgumentParser(description="One user sends half of all orders.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each phase")
    parser.add_argument("--rate", type=float, help="the others' orders a second")
    parser.add_argument("--short", action="store_true", help="one round of 12 s: a quick trial")
    options = parser.parse_args()
    rounds, seconds = (1, 12.0) if options.short else (options.rounds, options.seconds)
    facts = machine_facts()
    with bench_stack() as stack:
        contender = stack.contender(
            "hot", GATE_WORKER, gate_clock="wall", metrics_port=free_port(), row_cache_max=_ROWS
        )
        contender.start(OrderFlow(), time.time_ns() // 1000)
        reader = Reader(contender.settings)
        reader.start()
        try:
            found = measure(HotSpot(contender, reader), rounds, seconds, options.rate)
        finally:
            reader.stop()
        contender.stop()
    _show(facts, found)
    samples = [sample for phase in found.beside for sample in phase.samples]
    for_lag_mb = grown_for_lag_mb(found.alone, found.beside)
    result = {
        "per_s": round(2 * found.per_s),
        "hot_lane_p99_ms": round(_p99(found.beside, "hot_lane"), 1),
        "others_p99_ms": round(_p99(found.beside, "others"), 1),
        "others_alone_p99_ms": round(_p99(found.alone, "others"), 1),
        "lag_max": max(phase.lag_max for phase in found.beside),
        "rss_mb_start": round(samples[0].rss_mb),
        "rss_mb_max": round(max(sample.rss_mb for sample in samples)),
        "rss_mb_end": round(samples[-1].rss_mb),
        "rss_mb_for_lag": round(for_lag_mb),
    }
    print(json.dumps(result))
    if for_lag_mb > samples[0].rss_mb * _LAG_SHARE_MAX:
        sys.exit(1)


if __name__ == "__main__":
    main()
