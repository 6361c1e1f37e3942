"""`make bench-market-data`: a feed of 200,000 ticks a second, and what its marks cost a worker.

A worker decides orders from a backlog. Windows of one run take turns: without a feed; with the feed
and its publisher on topics of their own, so that processor and broker are shared but no mark
reaches the lanes; with the feed conflated as shipped, in a usual market and in one where all prices
move all the time; and conflated by its interval alone. Then the publisher reads a backlog of ticks
by itself. The last line is JSON: {"ticks_per_s", "marks_per_s", "conflation",
"with_feed_vs_without", "with_feed_vs_shared", "all_move_vs_shared", "interval_only_vs_shared",
"marks_share", "publisher_us_per_tick", "publisher_alone_us_per_tick", "publisher_ticks_per_s_max",
"mark_core_us", "order_core_us"}.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from benchmarks.core import Desk
from benchmarks.flow import OrderFlow, mark
from benchmarks.measure import machine_facts, processor_seconds
from benchmarks.stack import GATE_WORKER, BenchError, Contender, Stack, bench_stack, say
from benchmarks.throughput import FIRST_US, Load
from benchmarks.tick_feed import Feed
from benchmarks.watch import free_port
from pipeline.codecs.avro import decode_decision
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.lane.processor import MARKS as MARKS_INPUT
from pipeline.local.processes import ManagedProcess, log_tail
from pipeline.market.publisher import Publisher
from pipeline.risk.reasons import ACCEPTED, APPLIED
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.streaming.topic_admin import create_topics
from pipeline.streaming.topic_reader import read_topic
from pipeline.topics import DECISIONS, MARKS

QUIET: Final = "no feed"
SHARED: Final = "feed elsewhere"
FEED: Final = "feed"
WILD: Final = "all prices move"
INTERVAL_ONLY: Final = "interval only"
KINDS: Final = (QUIET, SHARED, FEED, WILD, INTERVAL_ONLY)

_PUBLISHER: Final = (sys.executable, "-m", "pipeline", "marks", "--json")
_TICKS: Final = (sys.executable, "-m", "benchmarks.tick_feed")
# As first marks come together, so do the second ones, mark_refresh_ms later.
_SETTLE_S: Final = 6.0
_START_S_MAX: Final = 60.0
_STOP_S_MAX: Final = 60
_PULSE_S: Final = 0.5
_DRAIN_S_MAX: Final = 60.0
_READ_BACK_S_MAX: Final = 300.0
# Earlier than any order, later than the definitions: marks are merged before the backlog of orders.
_TICKS_FIRST_US: Final = FIRST_US - 4_000_000
# Source time of a run of the feed moves on by this, so that none of its ticks is late.
_WILD_BPS: Final = 60.0
_RUN_US: Final = 100_000
_MARK_INPUTS: Final = "inputs of marks"
_MARK_LAG: Final = "lag of marks"
_ACCEPTED_SHARE_MIN: Final = 0.99
_SHORT_S: Final = 5.0
_FIRST_ORDERS: Final = 100_000
_CORE_MARKS: Final = 2_000
_CORE_ROUNDS: Final = 10


@dataclass
class Window:
    """One measured stretch. Times of the broker in milliseconds; processor time in seconds.

    ticks, marks: what the publisher read and published in it. mark_inputs: of the lanes' inputs,
    marks. commits, inputs: the worker's.
    """

    kind: str
    from_ms: int
    to_ms: int
    worker_s: float
    publisher_s: float = 0.0
    ticks: float = 0.0
    marks: float = 0.0
    mark_inputs: float = 0.0
    commits: float = 0.0
    inputs: float = 0.0
    decided: int = 0

    @property
    def seconds(self) -> float:
        """How long it was."""
        return (self.to_ms - self.from_ms) / 1000

    @property
    def per_s(self) -> float:
        """Decisions a second."""
        return self.decided / self.seconds

    @property
    def worker_us(self) -> float:
        """The worker's processor time a decision."""
        return self.worker_s / self.decided * 1_000_000 if self.decided else 0.0


class Child:
    """A child process with settings and a log of its own."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._name: Final = name
        self._directory: Final = stack.directory
        self.log: Final = stack.directory / f"{name}.log"
        self.process: Final = ManagedProcess(stack.directory / f"{name}.lock")

    def start(self, command: tuple[str, ...], settings: Settings) -> None:
        """Start it; return at once."""
        env = dict(os.environ) | settings.as_env()
        self.process.start(command, log=self.log, env=env, directory=PROJECT_ROOT)

    def stop(self) -> dict[str, Any]:
        """SIGTERM; the JSON it printed last. Raises BenchError without one."""
        self.process.stop(_STOP_S_MAX)
        with suppress(ValueError, IndexError):
            result: dict[str, Any] = json.loads(self.log.read_text().splitlines()[-1])
            return result
        raise BenchError(f"{self._name} failed. The end of its log:\n{log_tail(self.log)}")

    @property
    def used_s(self) -> float:
        """Processor seconds it has used."""
        pid = self.process.pid
        if pid is None:
            raise BenchError(f"{self._name} has ended. Its log:\n{log_tail(self.log)}")
        return sum(processor_seconds(pid).values())


class Pulse(threading.Thread):
    """A mark of the orders' instrument twice a second, in windows without a feed as well.

    A backlog is decided many times faster than its time stamps run, and a collar over a period
    wants a mark in it.
    """

    def __init__(self, settings: Settings) -> None:
        """`settings` of the worker."""
        super().__init__(name="pulse", daemon=True)
        self._publisher: Final = Publisher(settings)
        self._mark: Final = mark(OrderFlow().config, _TICKS_FIRST_US)
        self._stopping: Final = threading.Event()

    def run(self) -> None:
        """Publish until `stop`."""
        while not self._stopping.wait(_PULSE_S):
            self._publisher.mark(self._mark, _TICKS_FIRST_US)

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self.join()
        self._publisher.flush()


class Backlog:
    """Orders of which there are always enough for the next window."""

    def __init__(self, worker: Contender) -> None:
        """The worker is started and given its first orders; takes a while."""
        self._worker: Final = worker
        worker.start(flow := OrderFlow(), FIRST_US)
        self._load: Final = Load(worker, flow)
        self._per_s_max = 0.0
        self._seen = time.monotonic(), 0.0
        self._load.publish(_FIRST_ORDERS)

    def ensure(self, seconds: float) -> None:
        """Load what the worker would decide in `seconds`, were it twice as fast as ever before."""
        before_s, before = self._seen
        decided = counters(*_of_worker(self._worker))["tollgate_decisions_total"]
        self._seen = time.monotonic(), decided
        per_s = (decided - before) / (self._seen[0] - before_s)
        self._per_s_max = max(self._per_s_max, per_s)
        wanted = int(2 * self._per_s_max * seconds)
        left = self._load.published - int(decided)
        if left < wanted:
            self._load.publish(2 * wanted - left)


class Market:
    """The feed and its publisher, started and stopped for each window."""

    def __init__(self, stack: Stack, worker: Contender, options: argparse.Namespace) -> None:
        """Topics of their own beside the worker's are created."""
        self.worker: Final = worker
        self.port: Final = free_port()
        self.runs = 0
        self._options: Final = options
        settings = replace(worker.settings, log_level="INFO", metrics_port=self.port)
        aside = replace(
            settings, app_id=f"{settings.app_id}-aside", topic_prefix=f"{settings.app_id}-aside."
        )
        create_topics(aside)
        self.settings: Final = {
            SHARED: aside,
            FEED: settings,
            WILD: settings,
            INTERVAL_ONLY: replace(settings, mark_move_bps=0, mark_rate_max=1_000_000),
        }
        self.publisher: Final = Child(stack, "publisher")
        self.ticks: Final = Child(stack, "ticks")

    def feed_command(self, kind: str, *more: str) -> tuple[str, ...]:
        """The feed's command; its ticks are later than those of the run before."""
        first_us = _TICKS_FIRST_US + self.runs * _RUN_US
        self.runs += 1
        given = self._options
        wild = _WILD_BPS if kind == WILD else given.volatility_bps
        return (
            *_TICKS,
            f"--first-us={first_us}",
            f"--rate={given.rate}",
            f"--instruments={given.instruments}",
            f"--volatility-bps={wild}",
            *more,
        )

    def start(self, kind: str) -> None:
        """Publisher and feed of a kind of window; return when the publisher has its partitions."""
        settings = self.settings[kind]
        self.publisher.start(_PUBLISHER, settings)
        wait_until_whole(self.publisher, self.port, _START_S_MAX)
        self.ticks.start(self.feed_command(kind), settings)

    def stop(self) -> float:
        """Stop both; how many ticks a second the feed has sent."""
        sent = self.ticks.stop()
        self.publisher.stop()
        return float(sent["sent"]) / float(sent["seconds"])


def wait_until_whole(publisher: Child, port: int, seconds: float) -> None:
    """Until the publisher has read its partitions' past. Raises BenchError."""
    end = time.monotonic() + seconds
    while True:
        with suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return
        _ = publisher.used_s
        if time.monotonic() > end:
            raise BenchError(f"no marks after {seconds:.0f} s:\n{log_tail(publisher.log)}")
        time.sleep(0.02)


def counters(port: int, marks: str = "") -> Counter[str]:
    """Sums of a process's metrics by name, and of the marks the inputs and the lag."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    sums: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] += sample.value  # type: ignore[assignment]
            if sample.name == "tollgate_inputs_total" and sample.labels["topic"] == marks:
                sums[_MARK_INPUTS] += sample.value  # type: ignore[assignment]
            if sample.name == "tollgate_lane_lag_records" and sample.labels["topic"] == marks:
                sums[_MARK_LAG] += sample.value  # type: ignore[assignment]
    return sums


def measure(market: Market, kind: str, seconds: float) -> tuple[Window, float]:
    """One window, and how many ticks a second were sent."""
    worker = market.worker
    if kind != QUIET:
        market.start(kind)
    time.sleep(_SETTLE_S)
    end_s = time.monotonic() + _DRAIN_S_MAX
    # What a window leaves behind is not to be worked off in the next one.
    while kind in {QUIET, SHARED} and counters(*_of_worker(worker))[_MARK_LAG]:
        if time.monotonic() > end_s:
            raise BenchError(f"the lanes do not get through the marks of {_DRAIN_S_MAX:.0f} s")
        time.sleep(1)
    before, window = _look(market, kind)
    time.sleep(seconds)
    after, end = _look(market, kind)
    window.to_ms = end.from_ms
    window.worker_s = end.worker_s - window.worker_s
    window.publisher_s = end.publisher_s - window.publisher_s
    window.ticks = after["tollgate_ticks_total"] - before["tollgate_ticks_total"]
    window.marks = after["tollgate_marks_total"] - before["tollgate_marks_total"]
    window.mark_inputs = after[_MARK_INPUTS] - before[_MARK_INPUTS]
    commits = "tollgate_commit_seconds_count", "tollgate_commit_inputs_sum"
    window.commits, window.inputs = (after[name] - before[name] for name in commits)
    sent_per_s = market.stop() if kind != QUIET else 0.0
    _ = worker.pid
    say(
        f"{kind}: {window.ticks / window.seconds:,.0f} ticks/s read, "
        f"{window.marks / window.seconds:,.0f} marks/s, "
        f"{window.mark_inputs / window.seconds:,.0f} of them applied a second in all lanes"
    )
    return window, sent_per_s


def _of_worker(worker: Contender) -> tuple[int, str]:
    """Its metrics' port, and the name of its marks there."""
    return worker.settings.metrics_port, worker.settings.topic(MARKS.name)


def _look(market: Market, kind: str) -> tuple[Counter[str], Window]:
    """Counters and processor times of now."""
    found = counters(*_of_worker(market.worker))
    used_s = 0.0
    if kind != QUIET:
        published = counters(market.port)
        for name in ("tollgate_ticks_total", "tollgate_marks_total"):
            found[name] = published[name]
        used_s = market.publisher.used_s
    worker_s = sum(processor_seconds(market.worker.pid).values())
    now_ms = time.time_ns() // 1_000_000
    return found, Window(kind, now_ms, now_ms, worker_s, used_s)


def count_decisions(settings: Settings, windows: list[Window]) -> None:
    """Count in each window the decisions that the broker appended in it. Raises BenchError."""
    reasons: Counter[str] = Counter()
    last_ms = 0
    for message in read_topic(settings, settings.topic(DECISIONS.name), range(settings.partitions)):
        _, appended_ms = message.timestamp()
        last_ms = max(last_ms, appended_ms)
        for window in windows:
            if window.from_ms <= appended_ms < window.to_ms:
                window.decided += 1
                if window.decided % 100 == 0:
                    reasons[decode_decision(message.value() or b"", FRAME_BYTES).reason_code] += 1
    if last_ms < windows[-1].to_ms:
        raise BenchError(
            "All orders had been decided before the last window was over: it was much slower "
            "while it was warmed up. Run the bench again on a quieter machine."
        )
    if reasons[ACCEPTED] < reasons.total() * _ACCEPTED_SHARE_MIN:
        raise BenchError(f"too many orders were refused: {dict(reasons)}")


@dataclass(frozen=True)
class Alone:
    """The publisher by itself on a backlog of ticks."""

    per_s: float
    us_per_tick: float


def alone(market: Market, count: int) -> Alone:
    """Load ticks and let the publisher read them."""
    settings = market.settings[FEED]
    market.ticks.start(market.feed_command(FEED, f"--count={count}"), settings)
    end = time.monotonic() + _READ_BACK_S_MAX
    while market.ticks.process.pid is not None:
        if time.monotonic() > end:
            raise BenchError("the ticks could not be loaded: is the broker up?")
        time.sleep(0.1)
    market.ticks.stop()
    market.publisher.start(_PUBLISHER, settings)
    while "marks ready" not in market.publisher.log.read_text():
        _ = market.publisher.used_s
        time.sleep(0.005)
    started, used_s = time.monotonic(), market.publisher.used_s
    wait_until_whole(market.publisher, market.port, _READ_BACK_S_MAX)
    seconds, used_s = time.monotonic() - started, market.publisher.used_s - used_s
    read = market.publisher.stop()["ticks"]
    if read < count:
        raise BenchError(f"the publisher has read {read:,} of {count:,} ticks")
    return Alone(read / seconds, used_s / read * 1_000_000)


def core_cost(settings: Settings, options: argparse.Namespace) -> tuple[float, float]:
    """Microseconds of a mark and of an order in the lane processor: the least of the rounds."""
    desk = Desk(1)
    feed = Feed(settings, options.instruments, options.volatility_bps, 1)
    orders, marks = [], []
    for number in range(_CORE_ROUNDS):
        orders.append(desk.round(_CORE_MARKS))
        ticks = feed.step(_CORE_MARKS, FIRST_US + number)
        spent_ns = time.perf_counter_ns()
        applied = [desk.apply(MARKS_INPUT, feed.keys[one], value) for one, value in ticks]
        marks.append((time.perf_counter_ns() - spent_ns) / len(ticks) / 1000)
        if set(applied) != {APPLIED}:
            raise BenchError("a mark of the feed was refused")
    return min(marks), min(orders)


def result_of(
    windows: list[Window], publisher: Alone, core: tuple[float, float]
) -> dict[str, float]:
    """The figures of the last line: ratios by rounds, median."""
    by_kind: defaultdict[str, list[Window]] = defaultdict(list)
    for window in windows:
        by_kind[window.kind].append(window)

    def ratio(kind: str, other: str) -> float:
        pairs = zip(by_kind[kind], by_kind[other], strict=True)
        return round(median(one.per_s / two.per_s for one, two in pairs), 3)

    feed = by_kind[FEED]
    seconds = sum(window.seconds for window in feed)
    ticks, marks = sum(w.ticks for w in feed), sum(w.marks for w in feed)
    shared_us = median(window.worker_us for window in by_kind[SHARED])
    return {
        "ticks_per_s": round(ticks / seconds),
        "marks_per_s": round(marks / seconds),
        "conflation": round(ticks / marks, 1) if marks else 0.0,
        "with_feed_vs_without": ratio(FEED, QUIET),
        "with_feed_vs_shared": ratio(FEED, SHARED),
        "all_move_vs_shared": ratio(WILD, SHARED),
        "interval_only_vs_shared": ratio(INTERVAL_ONLY, SHARED),
        "marks_share": round(1 - shared_us / median(w.worker_us for w in feed), 3),
        "publisher_us_per_tick": round(sum(w.publisher_s for w in feed) / ticks * 1e6, 2),
        "publisher_alone_us_per_tick": round(publisher.us_per_tick, 2),
        "publisher_ticks_per_s_max": round(publisher.per_s),
        "mark_core_us": round(core[0], 1),
        "order_core_us": round(core[1], 1),
    }


def _print(windows: list[Window], sent: dict[str, list[float]]) -> None:
    for name, value in machine_facts().items():
        say(f"{name}: {value}")
    table = Table(title="Market data", title_justify="left")
    for head in (
        *("Window", "sent/s", "ticks/s", "marks/s", "marks applied/s", "decisions/s", "commits/s"),
        *("worker us/decision", "publisher us/tick", "publisher cores"),
    ):
        table.add_column(head, justify="left" if head == "Window" else "right")
    for kind in KINDS:
        of = [window for window in windows if window.kind == kind]
        seconds = sum(window.seconds for window in of)
        ticks = sum(window.ticks for window in of)
        used_s = sum(window.publisher_s for window in of)
        table.add_row(
            kind,
            f"{median(sent[kind]):,.0f}",
            f"{ticks / seconds:,.0f}",
            f"{sum(window.marks for window in of) / seconds:,.0f}",
            f"{sum(window.mark_inputs for window in of) / seconds:,.0f}",
            f"{median(window.per_s for window in of):,.0f}",
            f"{sum(window.commits for window in of) / seconds:,.1f}",
            f"{median(window.worker_us for window in of):,.1f}",
            f"{used_s / ticks * 1e6:,.2f}" if ticks else "",
            f"{used_s / seconds:,.2f}",
        )
    Console(width=140).print(table)


def main() -> None:
    """Measure and print; exit code 0 when measured."""
    parser = argparse.ArgumentParser(description="A feed's marks, and what they cost a worker.")
    parser.add_argument("--rate", type=int, default=200_000, help="ticks a second")
    parser.add_argument("--instruments", type=int, default=300)
    parser.add_argument(
        "--volatility-bps",
        type=float,
        default=1.0,
        help="how far a price wanders in a second, in 1e-4; a fifth a year is 1",
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="measured time of a window")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each kind")
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds before, not counted")
    parser.add_argument("--backlog", type=int, default=2_000_000, help="ticks read alone, at most")
    parser.add_argument(
        "--short", action="store_true", help=f"one window of {_SHORT_S:.0f} s each: a quick trial"
    )
    options = parser.parse_args()
    rounds, seconds = (1, _SHORT_S) if options.short else (options.rounds, options.seconds)
    windows: list[Window] = []
    sent: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with bench_stack() as stack:
        worker = stack.contender("ours", GATE_WORKER, gate_clock="record", metrics_port=free_port())
        market = Market(stack, worker, options)
        pulse = Pulse(worker.settings)
        pulse.start()
        try:
            say("ours: starting")
            backlog = Backlog(worker)
            time.sleep(options.warm_up)
            for _ in range(rounds):
                for kind in KINDS:
                    # A window needs its publisher started, settled and stopped as well.
                    backlog.ensure(seconds + 3 * _SETTLE_S)
                    window, sent_per_s = measure(market, kind, seconds)
                    windows.append(window)
                    sent[kind].append(sent_per_s)
            worker.stop()
            publisher = alone(market, options.backlog)
        finally:
            pulse.stop()
            market.ticks.process.stop(_STOP_S_MAX)
            market.publisher.process.stop(_STOP_S_MAX)
        count_decisions(worker.settings, windows)
        core = core_cost(worker.settings, options)
    _print(windows, sent)
    print(json.dumps(result_of(windows, publisher, core)))


if __name__ == "__main__":
    main()
