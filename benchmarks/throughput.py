"""`make bench-throughput`: orders a second, the worker against a stock Faust agent.

Both decide the same orders from a full backlog on the same broker, one after the other, and only
decisions that a `read_committed` consumer reads back count. The last line is JSON:
{"ours_per_s", "stock_faust_per_s", "ratio"}. docs/performance.md says what is and is not the same.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.flow import INTERVAL_US, OrderFlow, mark
from benchmarks.measure import decisions_between, machine_facts, processor_seconds
from benchmarks.stack import GATE_WORKER, BenchError, Contender, bench_stack, say

STOCK_WORKER: Final = (sys.executable, "-m", "benchmarks.stock_faust")
# Made-up time of the first order: a Tuesday's opening, so that no order is near the end of a day.
FIRST_US: Final = 1_704_205_800_000_000

_FIRST_ORDERS: Final = 20_000
# A mark a minute of made-up time: PERIOD_COLLAR needs one in its period.
_ORDERS_A_MARK: Final = 60_000_000 // INTERVAL_US
# Of what it would decide in the measured time by its rate in the warm-up: what must lie ready, and
# what is loaded where that is lacking (it decides some while the rest is being loaded).
_BACKLOG_FACTOR_MIN: Final = 1.3
_LOAD_FACTOR: Final = 2.0
_ACCEPTED_SHARE_MIN: Final = 0.99
_SHORT_S: Final = 4.0


@dataclass(frozen=True)
class Measured:
    """One contender's result. `processor_s`: seconds of processor time a second, by thread kind."""

    per_s: float
    decided: int
    accepted_share: float
    processor_s: dict[str, float]


class Load:
    """Publishes a flow's orders at made-up times, as fast as the broker takes them."""

    def __init__(self, contender: Contender, flow: OrderFlow, *, marks: bool = False) -> None:
        """Nothing published yet. `marks`: a mark among the orders, as often as they need one."""
        self.published = 0
        self._marks: Final = marks
        self._contender: Final = contender
        self._flow: Final = flow

    def publish(self, count: int) -> None:
        """Return once `count` more orders are on the broker."""
        publisher = self._contender.publisher
        for _ in range(count):
            time_us = FIRST_US + self.published * INTERVAL_US
            if self._marks and self.published % _ORDERS_A_MARK == 0:
                publisher.mark(mark(self._flow.config, time_us), time_us)
            order, account = self._flow.next(time_us)
            publisher.order(order, account.key, time_us)
            self.published += 1
        publisher.flush()


def fill(contender: Contender, seconds: float, warm_up_s: float) -> None:
    """Start the contender, give it more orders than it can decide in `seconds`, warm it up."""
    say(f"{contender.name}: starting")
    contender.start(flow := OrderFlow(), FIRST_US)
    before = contender.decisions_about()
    load = Load(contender, flow, marks=True)
    orders = _FIRST_ORDERS
    while True:
        load.publish(orders)
        rate = _warm_up(contender, warm_up_s)
        left = load.published - (contender.decisions_about() - before)
        if left >= rate * seconds * _BACKLOG_FACTOR_MIN:
            return
        orders = int(rate * (seconds + warm_up_s) * _LOAD_FACTOR)
        say(f"{contender.name}: at about {rate:,.0f}/s too few; loading {orders:,} orders more")


def _warm_up(contender: Contender, seconds: float) -> float:
    """Let it work; roughly how many orders a second it decides."""
    first = contender.decisions_about()
    time.sleep(seconds)
    _ = contender.pid
    return (contender.decisions_about() - first) / seconds


def measure(contender: Contender, seconds: float, warm_up_s: float) -> Measured:
    """Start the contender, warm it up, measure it from a full backlog, stop it."""
    fill(contender, seconds, warm_up_s)
    say(f"{contender.name}: warm; measuring {seconds:.0f} s")
    before, from_ms = processor_seconds(contender.pid), _now_ms()
    time.sleep(seconds)
    after, to_ms = processor_seconds(contender.pid), _now_ms()
    contender.stop()
    return _result(contender, (from_ms, to_ms), before, after)


def _result(
    contender: Contender,
    window: tuple[int, int],
    before: dict[str, float],
    after: dict[str, float],
) -> Measured:
    from_ms, to_ms = window
    decided = decisions_between(contender.settings, from_ms, to_ms)
    if decided.last_ms < to_ms:
        raise BenchError(
            f"{contender.name} had decided every order before the time was over: it was much "
            "slower while it was warmed up. Run the bench again on a quieter machine."
        )
    if decided.accepted_share < _ACCEPTED_SHARE_MIN:
        raise BenchError(
            f"{contender.name} accepted only {decided.accepted_share:.1%} of the orders: "
            f"the definitions of benchmarks/control do not suit the flow: {decided.reasons[:3]}"
        )
    seconds = (to_ms - from_ms) / 1000
    return Measured(
        per_s=decided.in_window / seconds,
        decided=decided.in_window,
        accepted_share=decided.accepted_share,
        processor_s={kind: (after[kind] - before.get(kind, 0.0)) / seconds for kind in after},
    )


def _print(facts: dict[str, str], found: dict[str, Measured], compression: str) -> None:
    table = Table(title="Throughput", title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name, value)
    table.add_row("Compression", f"{compression}, the same for both")
    for name, measured in found.items():
        table.add_section()
        table.add_row(name, f"[bold]{measured.per_s:,.0f}[/bold] decisions a second")
        table.add_row("", f"{measured.decided:,} read back, {measured.accepted_share:.2%} accepted")
        used = ", ".join(f"{kind} {share:.2f}" for kind, share in measured.processor_s.items())
        table.add_row("", f"cores used: {used}")
    Console().print(table)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main() -> None:
    """Measure both and print; exit code 0 when both were measured."""
    parser = argparse.ArgumentParser(description="Orders a second: the worker and stock Faust.")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured time of each")
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds before, not counted")
    parser.add_argument(
        "--short", action="store_true", help=f"{_SHORT_S:.0f} s each: a quick trial"
    )
    options = parser.parse_args()
    seconds = _SHORT_S if options.short else options.seconds
    facts = machine_facts()
    with bench_stack() as stack:
        if stack.settings.kafka_security_protocol != "PLAINTEXT":
            raise BenchError("The stock agent speaks PLAINTEXT only: use a Kafka that does.")
        contenders = (
            ("Tollgate worker", "ours", GATE_WORKER),
            ("Stock Faust agent", "stock", STOCK_WORKER),
        )
        found = {
            title: measure(
                stack.contender(name, command, gate_clock="record"), seconds, options.warm_up
            )
            for title, name, command in contenders
        }
        compression = stack.settings.compression
    _print(facts, found, compression)
    ours, stock = (measured.per_s for measured in found.values())
    result = {
        "ours_per_s": round(ours),
        "stock_faust_per_s": round(stock),
        "ratio": round(ours / stock, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
