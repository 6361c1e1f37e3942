"""Many senders at once, each an account with a schedule of its own, and how long each order takes.

Owns the open loop of many: a heap holds when each sender's next order is due, one process sends
whatever is due, and nobody waits for answers. An order's time begins when its sender's schedule
says so. A sender has an order under way from then until a `read_committed` consumer has its
decision. Orders are encoded before the first is due, so that sending costs little.
"""

import multiprocessing
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from multiprocessing.connection import Connection
from typing import Final, Protocol

from confluent_kafka import Producer

from benchmarks.contest.inputs import Funded
from benchmarks.flow import ManyAccounts, OrderFlow
from benchmarks.latency import Reader
from benchmarks.measure import percentile
from benchmarks.stack import BenchError
from pipeline.codecs.avro import encode_order
from pipeline.codecs.registry import schema_ids
from pipeline.market.accounts import Account
from pipeline.market.config import load_replay_config
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.topics import ORDERS

_MONEY_MINOR: Final = 10**15
_ANSWERS_S_MAX: Final = 120.0
_SENDER_S_MAX: Final = 120.0
_FLUSH_S_MAX: Final = 60
_POLL_S: Final = 0.1
_POLL_EVERY: Final = 64
# Encoding takes some 10 microseconds an order; the first is due after that.
_ENCODING_S: Final = 25e-6
_LEAD_S: Final = 2.0


class Schedule(Protocol):
    """Whose order is due when. Must be the same each time it is asked, and survive pickling."""

    @property
    def first(self) -> int:
        """The number of the first order."""
        ...

    @property
    def lots_max(self) -> int:
        """Sizes of orders go from 1 to it in turn."""
        ...

    def due(self) -> Iterator[tuple[int, Account]]:
        """(nanoseconds after the start, sender) of each order, ascending."""
        ...


class Deciding(Protocol):
    """The worker under measurement."""

    @property
    def settings(self) -> Settings:
        """With which its topics are found."""
        ...

    @property
    def pid(self) -> int:
        """Raises BenchError when it has ended."""
        ...


@dataclass(frozen=True)
class Plan:
    """So many senders, each with an order every `every_s` seconds for `seconds`.

    `together`: all are due at the same moments; else each has a phase and a pace of its own, up to
    half faster or slower. Orders are numbered from `first` on.
    """

    senders: int
    every_s: float
    seconds: float
    together: bool
    first: int = 0
    lots_max: int = 5
    seed: int = 1

    def due(self) -> Iterator[tuple[int, Account]]:
        """(nanoseconds after the start, sender) of each order, as they are due."""
        draw = random.Random(self.seed).random
        every_ns, end_ns = int(self.every_s * 1e9), int(self.seconds * 1e9)
        listed = [funded.account for funded in accounts(self.senders)]
        if self.together:
            for moment_ns in range(0, end_ns, every_ns):
                for account in listed:
                    yield moment_ns, account
            return
        paces_ns = [int(every_ns * (0.5 + draw())) for _ in listed]
        heap = [(int(draw() * pace_ns), sender) for sender, pace_ns in enumerate(paces_ns)]
        heapify(heap)
        while heap:
            due_ns, sender = heap[0]
            if due_ns >= end_ns:
                heappop(heap)
                continue
            yield due_ns, listed[sender]
            heapreplace(heap, (due_ns + paces_ns[sender], sender))


@dataclass(frozen=True)
class Sent:
    """By the order's number less the plan's first: when it was due, and when handed over."""

    due_ns: Sequence[int]
    handed_ns: Sequence[int]

    @property
    def late_ms_max(self) -> float:
        """How late the latest was handed to librdkafka; it is part of the latency."""
        pairs = zip(self.handed_ns, self.due_ns, strict=True)
        return max(handed - due for handed, due in pairs) / 1e6


@dataclass(frozen=True)
class Answered:
    """Milliseconds from the intended send time; how many had an order under way at most.

    `under_way_max`: due and not answered; `unanswered_max`: handed to Kafka and not answered.
    """

    orders: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    under_way_max: int
    unanswered_max: int
    late_ms_max: float


def accounts(count: int) -> list[Funded]:
    """The senders' accounts, with money for every order."""
    many = ManyAccounts(count, load_replay_config())
    return [Funded(many.account(number), _MONEY_MINOR) for number in range(count)]


def send(settings: Settings, plan: Schedule) -> Sent:
    """Let a process of its own send the plan's orders; return when Kafka has them all."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(settings, plan, there), daemon=True)
    process.start()
    there.close()
    try:
        # Closed without a word when the process fails, whose traceback stands in the output.
        sent: Sent | str = here.recv()
    except EOFError:
        raise BenchError("the process that sends orders has ended; see above") from None
    finally:
        process.join(_SENDER_S_MAX)
    if isinstance(sent, str):
        raise BenchError(sent)
    return sent


def _send(settings: Settings, plan: Schedule, told: Connection) -> None:
    """Encode all, then hand each to librdkafka when it is due."""
    due = list(plan.due())
    lead_ns = int((_LEAD_S + _ENCODING_S * len(due)) * 1e9)
    start_ns = time.monotonic_ns() + lead_ns
    bodies = _encoded(settings, plan, due, time.time_ns() + lead_ns)
    topic = settings.topic(ORDERS.name)
    producer = Producer(
        settings.confluent(
            linger_ms=0,
            compression_type=settings.compression,
            enable_idempotence=True,
            queue_buffering_max_messages=200_000,
        )
    )
    handed_ns: list[int] = []
    for (due_ns, _), (key, partition, body) in zip(due, bodies, strict=True):
        wait_ns = start_ns + due_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        producer.produce(topic, body, key, partition)
        handed_ns.append(time.monotonic_ns())
        if wait_ns > 0 or len(handed_ns) % _POLL_EVERY == 0:
            producer.poll(0)
    if producer.flush(_FLUSH_S_MAX):
        told.send("Kafka has not taken all orders: does the broker still run?")
        return
    told.send(Sent([start_ns + due_ns for due_ns, _ in due], handed_ns))


def _encoded(
    settings: Settings, plan: Schedule, due: Sequence[tuple[int, Account]], start_wall_ns: int
) -> list[tuple[bytes, int, bytes]]:
    """(key, partition, framed value) of each order; its event time is when it is due."""
    flow = OrderFlow(first=plan.first)
    frame = schema_ids(settings).frame(ORDERS.schema)
    places: dict[bytes, int] = {}
    bodies = []
    for number, (due_ns, account) in enumerate(due):
        lots = 1 + number % plan.lots_max
        order, _ = flow.next((start_wall_ns + due_ns) // 1000, account, lots=lots)
        if account.key not in places:
            places[account.key] = partition_of(account.key, settings.partitions)
        bodies.append((account.key, places[account.key], frame + encode_order(order)))
    return bodies


def ask(run: Deciding, reader: Reader, plan: Schedule) -> tuple[Sent, list[int]]:
    """Send and wait; what was sent, and when each decision could be read (nanoseconds).

    Raises BenchError when an order stays without one.
    """
    sent = send(run.settings, plan)
    numbers = range(plan.first, plan.first + len(sent.due_ns))
    times_ns = reader.answers.times_ns
    end = time.monotonic() + _ANSWERS_S_MAX
    while lacking := sum(number not in times_ns for number in numbers):
        _ = run.pid
        if time.monotonic() > end:
            raise BenchError(
                f"{lacking} of {len(numbers)} orders have no decision {_ANSWERS_S_MAX:.0f} s after "
                f"the last was sent ({reader.failure or 'the consumer reports no error'})."
            )
        time.sleep(_POLL_S)
    return sent, [times_ns[number] for number in numbers]


def measure(run: Deciding, reader: Reader, plan: Schedule) -> Answered:
    """Send and wait for all decisions. Raises BenchError when an order stays without one."""
    sent, read_ns = ask(run, reader, plan)
    taken = sorted((read - due) / 1e6 for read, due in zip(read_ns, sent.due_ns, strict=True))
    return Answered(
        orders=len(taken),
        p50_ms=percentile(taken, 0.50),
        p95_ms=percentile(taken, 0.95),
        p99_ms=percentile(taken, 0.99),
        under_way_max=most_at_once(sent.due_ns, read_ns),
        unanswered_max=most_at_once(sent.handed_ns, read_ns),
        late_ms_max=sent.late_ms_max,
    )


def most_at_once(begin: Sequence[int], end: Sequence[int]) -> int:
    """How many of the intervals overlap at most; one that ends as another begins does not."""
    changes = sorted([(at, 1) for at in begin] + [(at, -1) for at in end])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
