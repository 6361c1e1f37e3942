"""`make bench-flash-crash`: a price gap, and then far more requests than before.

Open loop, as in latency.py: requests go out by the script's schedule (`crash_script.py`), whether
or not answers come, and an order's time begins when it is due. gate_clock is wall: staleness, the
rate windows and the latency are those of a real day. Shown: collars refuse old prices, users left
short may only reduce, nothing is lost, and the latency second by second. Exit code 1 when an order
was lost, or an order passed that the collar or REDUCING should have stopped. The last line is JSON:
{"orders", "lost", "collar_rejects", "reducing_rejects", "reducing_accepts", "base_p99_ms",
"crash_p99_ms", "recovered_after_s"}.
"""

import argparse
import csv
import heapq
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.crash_judge import Found, judge_crash
from benchmarks.crash_script import Course, Script, Venue
from benchmarks.flow import deposit, mark
from benchmarks.judge import unapplied
from benchmarks.latency import Reader, await_answers
from benchmarks.measure import machine_facts, percentile
from benchmarks.stack import GATE_WORKER, BenchError, Contender, bench_stack, say
from pipeline.market.publisher import Publisher
from pipeline.settings import PROJECT_ROOT

CURVE_FILE: Final = PROJECT_ROOT / "var/bench/flash_crash.csv"

_FULL: Final = Course(
    quiet_s=30, peak_s=5, flood_s=25, after_s=30, per_s=50, peak_factor=50, flood_factor=20
)
_SHORT: Final = Course(
    quiet_s=8, peak_s=2, flood_s=6, after_s=8, per_s=50, peak_factor=50, flood_factor=20
)
_LEAD_NS: Final = 500_000_000
# Seconds at the start that do not count as the quiet market: caches and code are cold.
_WARM_UP_S: Final = 5.0
# Recovered: p99 of a second is at most so many times that of the quiet market.
_RECOVERED_FACTOR: Final = 2.0
_BARS: Final = "▁▂▃▄▅▆▇█"
_APPLIED_S_MAX: Final = 120.0
_POLL_S: Final = 0.5
_REQUEST, _MARK, _RESCUE = range(3)


@dataclass(frozen=True)
class Second:
    """The orders due in one second of the course."""

    at_s: int
    orders: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Measured:
    """A course that was performed. `taken`: (due, milliseconds to the decision) of each request."""

    script: Script
    taken: list[tuple[float, float]]

    def p99_ms(self, from_s: float, to_s: float) -> float:
        """The 99th percentile of the requests that were due from `from_s` until before `to_s`."""
        return percentile(sorted(ms for at_s, ms in self.taken if from_s <= at_s < to_s), 0.99)

    def curve(self) -> list[Second]:
        """Second by second, in order of when the requests were due."""
        by_second: defaultdict[int, list[float]] = defaultdict(list)
        for at_s, ms in self.taken:
            by_second[int(at_s)].append(ms)
        return [
            Second(at_s, len(ms), percentile(sorted(ms), 0.5), percentile(sorted(ms), 0.99))
            for at_s, ms in sorted(by_second.items())
        ]


def recovered_after_s(course: Course, curve: Sequence[Second], base_p99_ms: float) -> int | None:
    """Seconds from the gap until p99 is near the quiet market's for good; None: not within it."""
    bound_ms = base_p99_ms * _RECOVERED_FACTOR
    gap_at_s = int(course.gap_at_s)
    later = [second for second in curve if second.at_s >= gap_at_s]
    slow = [second.at_s for second in later if second.p99_ms > bound_ms]
    recovered = max(slow, default=gap_at_s - 1) + 1
    return recovered - gap_at_s if recovered <= later[-1].at_s else None


class Clock:
    """The course's time on this machine's clocks."""

    def __init__(self) -> None:
        """The course begins in a moment."""
        self._wall_less_monotonic_ns: Final = time.time_ns() - time.monotonic_ns()
        self._start_ns: Final = time.monotonic_ns() + _LEAD_NS

    def due_ns(self, at_s: float) -> int:
        """`at_s` of the course as monotonic nanoseconds."""
        return self._start_ns + int(at_s * 1e9)

    def wall_us(self, at_s: float) -> int:
        """`at_s` of the course as microseconds since 1970."""
        return (self.due_ns(at_s) + self._wall_less_monotonic_ns) // 1000

    @staticmethod
    def now_us() -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000


def perform(publisher: Publisher, script: Script, clock: Clock) -> list[float]:
    """Send everything by the schedule; when each request was due, in the order of sending."""
    course, due_s = script.course, []
    schedule = heapq.merge(
        zip(course.request_times_s(), repeat(_REQUEST)),
        zip(script.marks_s(), repeat(_MARK)),
        [(course.flood_ends_s, _RESCUE)],
    )
    for at_s, kind in schedule:
        time_us = clock.wall_us(at_s)
        _wait_until(clock.due_ns(at_s))
        if kind == _REQUEST:
            order, account = script.request(at_s, time_us)
            publisher.order(order, account.key, time_us)
            due_s.append(at_s)
        elif kind == _MARK:
            price_e9 = course.mark_e9(at_s)
            publisher.mark(mark(script.flow.config, time_us, price_e9), time_us)
        else:
            _rescue(publisher, script, time_us)
    return due_s


def _wait_until(due_ns: int) -> None:
    wait_ns = due_ns - time.monotonic_ns()
    if wait_ns > 0:
        time.sleep(wait_ns / 1e9)


def _rescue(publisher: Publisher, script: Script, time_us: int) -> None:
    """New money for every leveraged account: what it is short of is covered."""
    for account in script.leveraged:
        money = deposit(account, script.flow.config, time_us, script.rescue_minor, "RESCUE")
        publisher.deposit(money, account.key, time_us)


def measure(contender: Contender, course: Course) -> Measured:
    """Perform the course on a fresh worker. Raises BenchError when a request gets no decision."""
    script = Script(course)
    contender.start(script.flow, Clock.now_us())
    reader = Reader(contender.settings, Venue(script, contender.publisher, Clock.now_us).told)
    reader.start()
    opening_us = Clock.now_us()
    say(f"{course.seconds:.0f} s of market; the gap after {course.gap_at_s:.0f} s")
    # A publisher of its own: the venue's is used by another thread.
    with Publisher(contender.settings) as publisher:
        try:
            for order, account in script.openings(opening_us):
                publisher.order(order, account.key, opening_us)
            _await_applied(contender, publisher, reader, first := len(script.sent))
            clock = Clock()
            due_s = perform(publisher, script, clock)
            _await_applied(contender, publisher, reader, len(script.sent))
        finally:
            reader.stop()
    contender.stop()
    times_ns = reader.answers.times_ns
    taken_ms = [
        (times_ns[number] - clock.due_ns(at_s)) / 1e6
        for number, at_s in enumerate(due_s, start=first)
    ]
    return Measured(script, list(zip(due_s, taken_ms, strict=True)))


def _await_applied(contender: Contender, publisher: Publisher, reader: Reader, count: int) -> None:
    """Return when the first `count` requests are decided and the venue's answers applied."""
    publisher.flush()
    await_answers(contender, reader, count)
    contender.publisher.flush()
    end = time.monotonic() + _APPLIED_S_MAX
    while (left := unapplied(contender.settings)) != 0:
        _ = contender.pid
        if time.monotonic() > end:
            raise BenchError(
                f"{left or 'an unknown number of'} records are not applied after "
                f"{_APPLIED_S_MAX:.0f} s"
            )
        time.sleep(_POLL_S)


def write_curve(file: Path, curve: Sequence[Second]) -> None:
    """The curve as CSV, one line a second."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("second", "orders", "p50_ms", "p99_ms"))
        for second in curve:
            row = (second.at_s, second.orders, f"{second.p50_ms:.1f}", f"{second.p99_ms:.1f}")
            writer.writerow(row)


def bars(values: Sequence[float], low: float, high: float) -> str:
    """One character a value, its height by the logarithm between `low` and `high`."""
    span = math.log(high / low) or 1.0
    top = len(_BARS) - 1
    heights = (math.log(min(max(value, low), high) / low) / span for value in values)
    return "".join(_BARS[round(height * top)] for height in heights)


def _plot(course: Course, curve: Sequence[Second]) -> str:
    low = min(second.p50_ms for second in curve)
    high = max(second.p99_ms for second in curve)
    flood = "".join("x" if course.in_flood(second.at_s) else "." for second in curve)
    most = max(second.orders for second in curve)
    return "\n".join(
        (
            f"a column a second, x: the flood; latency {low:.0f} to {high:.0f} ms, logarithmic",
            f"        {flood}",
            f"orders  {bars([second.orders for second in curve], 1, most)}",
            f"p50     {bars([second.p50_ms for second in curve], low, high)}",
            f"p99     {bars([second.p99_ms for second in curve], low, high)}",
        )
    )


def _print(facts: dict[str, str], course: Course, curve: Sequence[Second], found: Found) -> None:
    table = Table(title="Flash crash", title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name, value)
    table.add_section()
    table.add_row(
        "Course",
        f"{course.per_s}/s, the price falls 9 % within a second, then {course.peak_s:.0f} s at "
        f"{course.peak_factor} times and {course.flood_s:.0f} s at {course.flood_factor} times "
        "the requests",
    )
    table.add_row(
        "Requests",
        f"{found.judgement.orders:,} orders and cancels; {found.judgement.lost} lost, "
        f"{found.judgement.doubled} doubled; {found.judgement.out_of_sync:,} of "
        f"{found.judgement.inputs:,} inputs applied out of sync",
    )
    for reason, count in found.reasons.most_common():
        table.add_row("", f"{reason}: {count:,}")
    table.add_row(
        "REDUCING",
        f"{found.short_users} users fell short; of their orders meanwhile "
        f"{found.reducing_accepts:,} reduced and passed, {found.reducing_rejects:,} were refused; "
        f"{found.reducing_breaches} passed that should not have",
    )
    table.add_row(
        "Collar",
        f"{found.collar_rejects:,} refused; {found.collar_breaches} passed that should not have",
    )
    table.add_row("Curve", str(CURVE_FILE.relative_to(PROJECT_ROOT)))
    Console().print(table)
    print(_plot(course, curve))


def main() -> None:
    """Perform, judge, print; exit code 0 when nothing was lost and nothing passed wrongly."""
    parser = argparse.ArgumentParser(description="A price gap and a flood of orders.")
    parser.add_argument("--rate", type=int, default=_FULL.per_s, help="requests a second before")
    parser.add_argument("--short", action="store_true", help="a quick trial")
    options = parser.parse_args()
    course = replace(_SHORT if options.short else _FULL, per_s=options.rate)
    facts = machine_facts()
    with bench_stack() as stack:
        contender = stack.contender("crash", GATE_WORKER, gate_clock="wall")
        measured = measure(contender, course)
        say("counting what came out")
        found = judge_crash(contender.settings, measured.script)
    curve = measured.curve()
    write_curve(CURVE_FILE, curve)
    _print(facts, course, curve, found)
    base_p99_ms = measured.p99_ms(_WARM_UP_S, course.gap_at_s)
    result = {
        "orders": found.judgement.orders,
        "lost": found.judgement.lost,
        "collar_rejects": found.collar_rejects,
        "reducing_rejects": found.reducing_rejects,
        "reducing_accepts": found.reducing_accepts,
        "base_p99_ms": round(base_p99_ms, 1),
        "crash_p99_ms": round(measured.p99_ms(course.gap_at_s, course.flood_ends_s), 1),
        "recovered_after_s": recovered_after_s(course, curve, base_p99_ms),
    }
    print(json.dumps(result))
    if not found.right:
        sys.exit(1)


if __name__ == "__main__":
    main()
