"""`make bench-latency`: milliseconds from an order's intended send time to its decision.

Open loop: orders go out by a fixed schedule whether or not answers come, and an order's time begins
when the schedule says it is due, so a stall counts against every order that was due in it
(coordinated omission). It ends when a `read_committed` consumer of this process has the decision.
The last line is JSON: {"p50_ms", "p95_ms", "p99_ms"}.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Producer
from rich.console import Console
from rich.table import Table

from benchmarks.decision_reader import DecisionReader
from benchmarks.flow import OrderFlow, order_number
from benchmarks.measure import machine_facts, percentile
from benchmarks.stack import GATE_WORKER, BenchError, Contender, bench_stack, say
from pipeline.codecs.avro import decode_decision, encode_order
from pipeline.codecs.registry import schema_ids
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.risk.records import VERDICT_ACCEPTED, Decision
from pipeline.settings import Settings
from pipeline.topics import ORDERS

_ANSWERS_S_MAX: Final = 60.0
_FLUSH_S_MAX: Final = 30
_POLL_S: Final = 0.1
_ACCEPTED_SHARE_MIN: Final = 0.99
_SHORT_S: Final = 5.0


@dataclass
class Answers:
    """Decisions as they come: the time of each order's, by its number (nanoseconds, monotonic)."""

    times_ns: dict[int, int] = field(default_factory=dict)
    accepted: int = 0


class Reader(DecisionReader):
    """Notes when each decision can be read."""

    def __init__(self, settings: Settings, told: Callable[[Decision], None] | None = None) -> None:
        """`told` gets each decision, in the reader's thread."""
        super().__init__(settings)
        self._told: Final = told
        self.answers: Final = Answers()

    def take(self, message: Any, now_ns: int) -> None:
        """Note it by its order's number."""
        decision = decode_decision(message.value(), FRAME_BYTES)
        self.answers.times_ns[order_number(decision.order_id)] = now_ns
        self.answers.accepted += decision.verdict == VERDICT_ACCEPTED
        if self._told is not None:
            self._told(decision)


@dataclass(frozen=True)
class Schedule:
    """When each order is due: `count` of them, `interval_ns` apart from `start_ns` on."""

    start_ns: int
    interval_ns: int
    count: int

    def due_ns(self, number: int) -> int:
        """When order `number` is due."""
        return self.start_ns + number * self.interval_ns


def send(settings: Settings, flow: OrderFlow, schedule: Schedule) -> int:
    """Hand each order to librdkafka when it is due; how late the latest was, in nanoseconds."""
    producer = Producer(
        settings.confluent(
            partitioner="murmur2",
            linger_ms=0,
            compression_type=settings.compression,
            enable_idempotence=True,
        )
    )
    topic, frame = settings.topic(ORDERS.name), schema_ids(settings).frame(ORDERS.schema)
    wall_less_monotonic_ns = time.time_ns() - time.monotonic_ns()
    late_ns_max = 0
    for number in range(schedule.count):
        due_ns = schedule.due_ns(number)
        order, account = flow.next((due_ns + wall_less_monotonic_ns) // 1000)
        body = frame + encode_order(order)
        wait_ns = due_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        late_ns_max = max(late_ns_max, time.monotonic_ns() - due_ns)
        producer.produce(topic, body, account.key)
        producer.poll(0)
    if producer.flush(_FLUSH_S_MAX):
        raise BenchError("Kafka has not taken all orders: does the broker still run?")
    return late_ns_max


def measure(
    contender: Contender, rate: int, seconds: float, warm_up_s: float
) -> tuple[list[float], float]:
    """Ascending latencies in milliseconds of the orders due after the warm-up; the latest sending.

    Raises BenchError when an order stays without a decision.
    """
    flow = OrderFlow()
    contender.start(flow, time.time_ns() // 1000)
    reader = Reader(contender.settings)
    reader.start()
    warm_up = int(rate * warm_up_s)
    schedule = Schedule(
        start_ns=time.monotonic_ns() + 500_000_000,
        interval_ns=1_000_000_000 // rate,
        count=warm_up + int(rate * seconds),
    )
    try:
        late_ns = send(contender.settings, flow, schedule)
        await_answers(contender, reader, schedule.count)
    finally:
        reader.stop()
    contender.stop()
    times_ns = reader.answers.times_ns
    if reader.answers.accepted < schedule.count * _ACCEPTED_SHARE_MIN:
        raise BenchError("too many orders were rejected: see the limits of benchmarks/control")
    taken = sorted(
        (times_ns[number] - schedule.due_ns(number)) / 1e6
        for number in range(warm_up, schedule.count)
    )
    return taken, late_ns / 1e6


def await_answers(contender: Contender, reader: Reader, count: int) -> None:
    """Return when `count` orders have their decision. Raises BenchError when they get none."""
    end = time.monotonic() + _ANSWERS_S_MAX
    while len(reader.answers.times_ns) < count:
        _ = contender.pid
        if time.monotonic() > end:
            lacking = count - len(reader.answers.times_ns)
            raise BenchError(
                f"{lacking} of {count} orders have no decision {_ANSWERS_S_MAX:.0f} s after the "
                f"last was sent ({reader.failure or 'the consumer reports no error'})."
            )
        time.sleep(_POLL_S)


def main() -> None:
    """Measure and print; exit code 0 when every order was decided."""
    parser = argparse.ArgumentParser(description="Milliseconds from order to decision.")
    parser.add_argument("--rate", type=int, default=1_000, help="orders a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="measured time")
    parser.add_argument("--warm-up", type=float, default=10.0, help="seconds before, not counted")
    parser.add_argument("--short", action="store_true", help=f"{_SHORT_S:.0f} s: a quick trial")
    options = parser.parse_args()
    seconds = _SHORT_S if options.short else options.seconds
    facts = machine_facts()
    with bench_stack() as stack:
        contender = stack.contender("ours", GATE_WORKER, gate_clock="wall")
        say(f"{options.warm_up:.0f} s of warm-up, then {seconds:.0f} s at {options.rate:,}/s")
        taken, late_ms = measure(contender, options.rate, seconds, options.warm_up)
    result = {f"p{share}_ms": round(percentile(taken, share / 100), 1) for share in (50, 95, 99)}
    table = Table(title="Latency", title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name, value)
    table.add_section()
    table.add_row("Orders", f"{len(taken):,} measured at {options.rate:,}/s, all decided")
    table.add_row("Latency", ", ".join(f"{name[:-3]} {ms} ms" for name, ms in result.items()))
    table.add_row("Extremes", f"{taken[0]:.1f} ms to {taken[-1]:.1f} ms")
    table.add_row("Sent late by", f"at most {late_ms:.1f} ms; counted in the latency")
    Console().print(table)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
