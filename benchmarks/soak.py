"""`make bench-soak`: an hour's orders at once, a broker that stands still, and what a worker needs.

An hour's traffic by its own time stamps is published as fast as Kafka takes it, so that the worker
falls far behind; half way the broker is stopped (SIGSTOP) and later goes on. A worker that ends
meanwhile is started again, as a supervisor would. Afterwards every input is counted. Exit code 1
when one was lost or doubled, or the worker's memory kept growing. The last line is JSON: {"inputs",
"lost", "doubled", "rss_mb_start", "rss_mb_max", "rss_mb_end", "stall_s", "restarts", "lag_max",
"catch_up_per_s", "produced_per_s"}.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.flow import OrderFlow
from benchmarks.judge import Judgement, judge, unapplied
from benchmarks.measure import machine_facts
from benchmarks.stack import GATE_WORKER, BenchError, Contender, Stack, bench_stack, say
from benchmarks.throughput import FIRST_US
from benchmarks.traffic import Traffic, times_us
from benchmarks.watch import Sample, free_port, look
from pipeline.local.processes import log_tail
from pipeline.market.errors import ReplayError

_LOOK_EVERY_S: Final = 1.0
_SAY_EVERY_S: Final = 10.0
_RUN_S_MAX: Final = 3_600.0
_RESTARTS_MAX: Final = 20
# By how much the most memory of the last third may exceed that of the middle third: RocksDB's write
# buffers are still filling then, 32 MiB a lane at most.
_GROWTH_SHARE_MAX: Final = 0.25
_SHORT_MINUTES: Final = 5.0
_SHORT_STALL_S: Final = 12.0


class Producers(threading.Thread):
    """Publishes the whole traffic, never waiting for the worker."""

    def __init__(self, contender: Contender, minutes: float, orders_per_s: float) -> None:
        """Nothing published yet."""
        super().__init__(name="producers", daemon=True)
        self.failure: ReplayError | None = None
        self.seconds = 0.0
        self._orders_wanted: Final = int(minutes * 60 * orders_per_s)
        self.traffic: Final = Traffic(OrderFlow(), contender.publisher)
        self._publisher: Final = contender.publisher
        self._times_us: Final = times_us(FIRST_US, minutes * 60, orders_per_s)

    @property
    def half_way(self) -> bool:
        """Whether half of the orders are published."""
        return self.traffic.published.orders * 2 >= self._orders_wanted

    def run(self) -> None:
        """Publish; an error is kept for whoever waits."""
        started = time.monotonic()
        try:
            for at_us in self._times_us:
                self.traffic.publish(at_us)
            self._publisher.flush()
        except ReplayError as error:
            self.failure = error
        self.seconds = time.monotonic() - started


class Stall:
    """The broker standing still once, for `seconds`."""

    def __init__(self, pid: int, seconds: float) -> None:
        """It runs."""
        self._pid: Final = pid
        self._seconds: Final = seconds
        self._began: float | None = None
        self.over = False

    @property
    def going_on(self) -> bool:
        """Whether the broker stands still now."""
        return self._began is not None and not self.over

    def begin(self) -> None:
        """Stop it, unless that has been done."""
        if self._began is None:
            os.kill(self._pid, signal.SIGSTOP)
            self._began = time.monotonic()
            say(f"the broker stands still for {self._seconds:.0f} s")

    def end_in_time(self) -> None:
        """Let it go on when its time is over."""
        if self._began is not None and time.monotonic() - self._began >= self._seconds:
            self.end()

    def end(self) -> None:
        """Let it go on, whatever the time; harmless when it runs."""
        if self.going_on:
            os.kill(self._pid, signal.SIGCONT)
            self.over = True
            say("the broker goes on")


@dataclass
class Course:
    """What was seen while the soak ran. `endings`: why each worker ended that was started again."""

    samples: list[Sample] = field(default_factory=list)
    # Of the newest process of the worker, from when nothing but catching up was left.
    catching_up: list[Sample] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)

    @property
    def growth_share(self) -> float:
        """By what share the most memory of the last third exceeds that of the middle third."""
        rss = [sample.rss_mb for sample in self.samples]
        third = len(rss) // 3
        middle, last = max(rss[third : 2 * third]), max(rss[2 * third :])
        return last / middle - 1 if middle else 0.0

    @property
    def catch_up_per_s(self) -> float:
        """Inputs a second applied while nothing was published any more."""
        if len(self.catching_up) < 2:
            return 0.0
        first, last = self.catching_up[0], self.catching_up[-1]
        return (last.inputs - first.inputs) / (last.at_s - first.at_s)


class Soak:
    """One worker, its producers and the broker's stall, looked at once a second."""

    def __init__(self, contender: Contender, producers: Producers, stall: Stall) -> None:
        """The worker runs; the producers are not started."""
        self.course: Final = Course()
        self._contender: Final = contender
        self._producers: Final = producers
        self._stall: Final = stall
        self._said_at = 0.0

    def run(self) -> Course:
        """Return when all that was published is applied. Raises BenchError when that fails."""
        end = time.monotonic() + _RUN_S_MAX
        self._look()
        self._producers.start()
        try:
            while not self._finished():
                if time.monotonic() > end:
                    raise BenchError(f"the worker has not caught up after {_RUN_S_MAX:.0f} s")
                time.sleep(_LOOK_EVERY_S)
                self._supervise()
                self._look()
                if self._producers.half_way:
                    self._stall.begin()
                self._stall.end_in_time()
        finally:
            self._stall.end()
        return self.course

    def _finished(self) -> bool:
        producers = self._producers
        if producers.is_alive() or not self._stall.over:
            return False
        if producers.failure is not None:
            raise producers.failure
        return unapplied(self._contender.settings) == 0

    def _supervise(self) -> None:
        if self._contender.running:
            return
        course = self.course
        course.endings.append(ending(log_tail(self._contender.log, 200)))
        course.catching_up.clear()
        say(f"the worker ended ({course.endings[-1]}); it is started again")
        if len(course.endings) > _RESTARTS_MAX:
            raise BenchError(
                f"the worker ended {len(course.endings)} times. The end of its log:\n"
                f"{log_tail(self._contender.log)}"
            )
        self._contender.resume()

    def _look(self) -> None:
        sample = look(self._contender.settings.metrics_port)
        if sample is None:
            return
        self.course.samples.append(sample)
        if self._stall.over and not self._producers.is_alive() and sample.inputs:
            self.course.catching_up.append(sample)
        if sample.at_s - self._said_at >= _SAY_EVERY_S:
            self._said_at = sample.at_s
            published = self._producers.traffic.published.messages
            behind = "no lanes yet" if sample.lag is None else f"{sample.lag:,} records behind"
            say(f"{published:>9,} messages published, {behind}, {sample.rss_mb:.0f} MiB")


def ending(log: str) -> str:
    """Why a worker stopped itself, by the end of its log."""
    for line in reversed(log.splitlines()):
        if '"worker stopped"' in line:
            entry: dict[str, Any] = json.loads(line[line.index("{") :])
            return f"{entry['why']}: {entry['error']}"
    raise BenchError(f"the worker ended without saying why. The end of its log:\n{log[-3_000:]}")


def measure(stack: Stack, minutes: float, orders_per_s: float, stall_s: float, rows: int) -> Any:
    """Run the soak on a fresh worker: what was seen, the judgement, and the producers' figures."""
    pid = None if stack.broker is None else stack.broker.pid
    if pid is None:
        raise BenchError("The soak stops the broker: unset KAFKA_BOOTSTRAP so that it has its own.")
    contender = stack.contender(
        "soak", GATE_WORKER, gate_clock="record", metrics_port=free_port(), row_cache_max=rows
    )
    contender.start(OrderFlow(), FIRST_US)
    producers = Producers(contender, minutes, orders_per_s)
    course = Soak(contender, producers, Stall(pid, stall_s)).run()
    contender.stop()
    say("counting what came out")
    return course, producers, judge(contender.settings)


def _print(
    facts: dict[str, str], settings: Sequence[str], course: Course, judgement: Judgement
) -> None:
    table = Table(title="Soak", title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name, value)
    table.add_section()
    for text in settings:
        table.add_row("", text)
    table.add_section()
    table.add_row(
        "Inputs",
        f"{judgement.inputs:,}, of which {judgement.orders:,} orders and cancels; "
        f"{judgement.lost} lost, {judgement.doubled} doubled, {judgement.out_of_sync:,} applied "
        "out of sync",
    )
    rss = [sample.rss_mb for sample in course.samples]
    third = len(rss) // 3
    table.add_row(
        "Memory",
        f"most of each third: {max(rss[:third]):.0f}, {max(rss[third : 2 * third]):.0f}, "
        f"{max(rss[2 * third :]):.0f} MiB",
    )
    for number, why in enumerate(course.endings, start=1):
        table.add_row(f"Ending {number}", why)
    Console().print(table)


def main() -> None:
    """Run, print; exit code 0 when nothing was lost or doubled and memory stayed bounded."""
    parser = argparse.ArgumentParser(description="An hour's orders at once, and a stalled broker.")
    parser.add_argument("--minutes", type=float, default=60.0, help="of record time")
    parser.add_argument("--rate", type=float, default=50.0, help="new orders a second of it")
    parser.add_argument("--stall", type=float, default=30.0, help="seconds the broker stands still")
    parser.add_argument(
        "--rows", type=int, default=10_000, help="row_cache_max: rows a lane keeps decoded"
    )
    parser.add_argument("--short", action="store_true", help="a quick trial")
    options = parser.parse_args()
    minutes = _SHORT_MINUTES if options.short else options.minutes
    stall_s = _SHORT_STALL_S if options.short else options.stall
    facts = machine_facts()
    with bench_stack() as stack:
        course, producers, judgement = measure(stack, minutes, options.rate, stall_s, options.rows)
        lanes = stack.settings.partitions
    size = f"{minutes:.0f} minutes of record time at {options.rate:.0f} new orders a second"
    kept = f"{lanes} lanes, row_cache_max {options.rows:,}"
    _print(facts, (size, kept), course, judgement)
    rss = [sample.rss_mb for sample in course.samples]
    result = {
        "inputs": judgement.inputs,
        "lost": judgement.lost,
        "doubled": judgement.doubled,
        "rss_mb_start": round(rss[0]),
        "rss_mb_max": round(max(rss)),
        "rss_mb_end": round(rss[-1]),
        "stall_s": round(stall_s),
        "restarts": len(course.endings),
        "lag_max": max(sample.lag or 0 for sample in course.samples),
        "catch_up_per_s": round(course.catch_up_per_s),
        "produced_per_s": round(producers.traffic.published.messages / producers.seconds),
    }
    print(json.dumps(result))
    if judgement.lost or judgement.doubled or course.growth_share > _GROWTH_SHARE_MAX:
        sys.exit(1)


if __name__ == "__main__":
    main()
