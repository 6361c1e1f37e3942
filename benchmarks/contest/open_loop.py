"""Latency at a steady rate, from the intended send time: ours and Kafka Streams.

Owns the open loop: orders go out by a fixed schedule whether or not answers come, and an order's
event time and its latency begin when it is due, so a stall counts against every order that was due
in it. It ends when a `read_committed` consumer of this process has the decision. Before that, the
contestant decides a backlog, so that it is warm. The broker's time stamps on orders and decisions
also give the time from the append of an order to the append of its decision, without sender and
reader; and our worker says itself how long orders stay in it.
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Producer

from benchmarks.contest.entries import Entry
from benchmarks.contest.inputs import CME, accounts_of, restamped
from benchmarks.contest.runs import Cores, Run, read_committed, run_of
from benchmarks.contest.throughput import FIRST_US, Throughput
from benchmarks.decision_reader import DecisionReader
from benchmarks.measure import percentile
from benchmarks.stack import BenchError, Stack, say
from benchmarks.watch import RESIDENCE, Buckets, buckets, free_port, quantile
from pipeline.codecs.avro import decode_decision
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.settings import Settings
from pipeline.topics import ORDERS

_ANSWERS_S_MAX: Final = 60.0
_FLUSH_S_MAX: Final = 30
_POLL_S: Final = 0.1
_LEAD_NS: Final = 500_000_000


@dataclass(frozen=True)
class Pace:
    """How many orders a second, for how long, and how many are decided before."""

    per_s: int
    warm_up_s: float
    measured_s: float
    backlog: int


@dataclass(frozen=True)
class Latency:
    """Milliseconds; `late_ms_max`: how late the latest order was sent, which counts in."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    append_p99_ms: float
    residence_p99_ms: float | None
    late_ms_max: float
    orders: int


class Reader(DecisionReader):
    """Notes when each decision can be read: (lane, offset of the order) -> nanoseconds."""

    def __init__(self, settings: Settings) -> None:
        """Also when the broker appended each, in milliseconds."""
        super().__init__(settings)
        self.read_ns: Final[dict[tuple[int, int], int]] = {}
        self.appended_ms: Final[dict[tuple[int, int], int]] = {}

    def take(self, message: Any, now_ns: int) -> None:
        """Note it by its order's place."""
        decision = decode_decision(message.value(), FRAME_BYTES)
        place = message.partition(), decision.source_offset
        self.read_ns[place] = now_ns
        self.appended_ms[place] = message.timestamp()[1]


def measure(
    stack: Stack, throughput: Throughput, cores: Cores, entry: Entry, pace: Pace
) -> Latency:
    """One run. Raises BenchError when an order stays without a decision."""
    inputs = throughput.inputs(CME)
    port = free_port()
    if entry.gate:
        entry = entry.having(TOLLGATE_METRICS_PORT=port)
    with run_of(stack, entry, inputs, next(throughput.names)) as run:
        run.prepare(accounts_of(CME), FIRST_US, stamp_orders=True)
        run.load(pace.backlog, time.time_ns() // 1000)
        run.start(cores.contestant)
        run.await_decisions(pace.backlog)
        time.sleep(1)
        resided = _resided(entry, port)
        reader = Reader(run.settings)
        reader.start()
        try:
            due_ns, late_ns = _send(run, pace)
            _await_answers(run, reader, len(due_ns))
        finally:
            reader.stop()
        residence_s = quantile(resided, _resided(entry, port), 0.99)
        run.stop()
        found = _latency(run, reader, due_ns, late_ns, pace, residence_s)
    say(
        f"{entry.title} {entry.options}: p50 {found.p50_ms:.1f} ms, p95 {found.p95_ms:.1f} ms, "
        f"p99 {found.p99_ms:.1f} ms"
    )
    return found


def _send(run: Run, pace: Pace) -> tuple[dict[tuple[int, int], int], int]:
    """Send by schedule; when each order was due, by the place the broker gave it; the latest."""
    count = int(pace.per_s * (pace.warm_up_s + pace.measured_s))
    producer = Producer(
        run.settings.confluent(
            linger_ms=0, compression_type=run.settings.compression, enable_idempotence=True
        )
    )
    topic = run.settings.topic(ORDERS.name)
    due_by_place: dict[tuple[int, int], int] = {}
    records = list(run.inputs.read(run.loaded, count))
    interval_ns = 1_000_000_000 // pace.per_s
    start_ns = time.monotonic_ns() + _LEAD_NS
    wall_less_monotonic_ns = time.time_ns() - time.monotonic_ns()
    late_ns_max = 0
    for number, (partition, _, key, value) in enumerate(records):
        due_ns = start_ns + number * interval_ns

        def sent(error: Any, message: Any, due_ns: int = due_ns) -> None:
            if error is None:
                due_by_place[message.partition(), message.offset()] = due_ns

        body = restamped(value, (due_ns + wall_less_monotonic_ns) // 1000)
        wait_ns = due_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        late_ns_max = max(late_ns_max, time.monotonic_ns() - due_ns)
        producer.produce(topic, body, key, partition, on_delivery=sent)
        producer.poll(0)
    if producer.flush(_FLUSH_S_MAX):
        raise BenchError("Kafka has not taken all orders: does the broker still run?")
    return due_by_place, late_ns_max


def _await_answers(run: Run, reader: Reader, count: int) -> None:
    end = time.monotonic() + _ANSWERS_S_MAX
    while len(reader.read_ns) < count:
        _ = run.pid
        if time.monotonic() > end:
            lacking = count - len(reader.read_ns)
            raise BenchError(
                f"{run.entry.title}: {lacking} of {count} orders have no decision "
                f"{_ANSWERS_S_MAX:.0f} s after the last was sent."
            )
        time.sleep(_POLL_S)


def _resided(entry: Entry, port: int) -> Buckets:
    """How long inputs have stayed in our worker so far; nobody else says."""
    return buckets(port, RESIDENCE) if entry.gate else {}


def _latency(
    run: Run,
    reader: Reader,
    due_ns: dict[tuple[int, int], int],
    late_ns: int,
    pace: Pace,
    residence_s: float | None,
) -> Latency:
    warm_until_ns = min(due_ns.values()) + int(pace.warm_up_s * 1e9)
    counted = {place: due for place, due in due_ns.items() if due >= warm_until_ns}
    taken = sorted((reader.read_ns[place] - due) / 1e6 for place, due in counted.items())
    appended = {
        (message.partition(), message.offset()): message.timestamp()[1]
        for message in read_committed(run.settings, ORDERS)
    }
    appending = sorted(float(reader.appended_ms[at] - appended[at]) for at in counted)
    return Latency(
        p50_ms=percentile(taken, 0.50),
        p95_ms=percentile(taken, 0.95),
        p99_ms=percentile(taken, 0.99),
        append_p99_ms=percentile(appending, 0.99),
        residence_p99_ms=None if residence_s is None else residence_s * 1000,
        late_ms_max=late_ns / 1e6,
        orders=len(taken),
    )
