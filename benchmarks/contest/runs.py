"""One run of one contestant: its topics, its inputs, its process on its cores, what it used.

Owns that every run begins with nothing: topics, group, state and directory are the run's own, and
are gone afterwards. The gate is told definitions and accounts before its run, by a worker that is
stopped again, so that everybody then starts on the same preloaded orders.
"""

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import NewTopic, OffsetSpec

from benchmarks.contest.entries import Entry
from benchmarks.contest.inputs import Funded, Input, InputFile, load, restamped
from benchmarks.contest.profile import publish, write_peer_settings
from benchmarks.stack import GATE_WORKER, BenchError, Stack, say, stamp_appends
from pipeline.local.processes import ManagedProcess, log_tail
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.streaming.topic_admin import admin_client, create_topics, partition_counts
from pipeline.topics import AUDIT, DECISIONS, ORDERS, RISK_CONTEXTS_CHANGELOG, Topic

_STOP_S_MAX: Final = 60
_START_S_MAX: Final = 120
_SETUP_S_MAX: Final = 300
_REQUEST_S_MAX: Final = 60
_POLL_S: Final = 0.1
_READ_AT_ONCE: Final = 10_000
_SEPARATE_CORES_MIN: Final = 4
# librdkafka calls none of these retriable.
_NO_LEADER_YET: Final = frozenset(
    (
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    )
)


@dataclass(frozen=True)
class Cores:
    """Which cores the broker and the contestant may run on, as `taskset --cpu-list` takes them."""

    broker: str
    contestant: str


@dataclass(frozen=True)
class Used:
    """Processor seconds so far, and when (broker's clock is ours: one machine)."""

    at_ms: int
    contestant_s: float
    broker_s: float


@dataclass(frozen=True)
class Told:
    """What the gate was told before its run: how long publishing and applying it took.

    `publish_s`: by the clock; `apply_s`: processor seconds of the worker, its start included.
    """

    inputs: int
    publish_s: float
    apply_s: float


@dataclass(frozen=True)
class Appended:
    """Decisions of a window, when the last of all came, and the lanes of which all are decided."""

    in_window: int
    last_ms: int
    dry: Sequence[int]


class Run:
    """One contestant with topics, group and directory of its own."""

    def __init__(self, stack: Stack, entry: Entry, inputs: InputFile, name: str) -> None:
        """`name` is this run's and no other's."""
        self.entry: Final = entry
        self.inputs: Final = inputs
        self.loaded = 0
        self._loaded_of: Final[Counter[int]] = Counter()
        self.told = Told(0, 0.0, 0.0)
        self._stack: Final = stack
        self.directory: Final = stack.directory / name
        self.directory.mkdir()
        own = f"{stack.settings.app_id}-{name}"
        self.settings: Final[Settings] = replace(
            stack.settings,
            app_id=own,
            topic_prefix=f"{own}.",
            worker_id=name,
            data_dir=str(self.directory / "state"),
            gate_clock="record",
        ).checked()
        self.log: Final = self.directory / "contestant.log"
        self._process: Final = ManagedProcess(self.directory / "contestant.lock")
        self._admin: Final = admin_client(self.settings)
        self._command: list[str] = []

    # -- before

    def prepare(self, accounts: list[Funded], first_us: int, *, stamp_orders: bool = False) -> None:
        """Make topics and whatever the contestant has to know; `stamp_orders`: by the broker."""
        if self.entry.gate:
            create_topics(self.settings)
            self._tell_gate(accounts, first_us)
            self._command = list(self.entry.command)
        else:
            self._create([ORDERS, DECISIONS, AUDIT, RISK_CONTEXTS_CHANGELOG])
            changelog = self.settings.topic(RISK_CONTEXTS_CHANGELOG.name)
            told = write_peer_settings(
                self.settings,
                accounts,
                self.directory,
                {**self.entry.options, "changelog": changelog},
            )
            self._command = [*self.entry.command, str(told)]
        stamp_appends(self.settings, DECISIONS)
        if stamp_orders:
            stamp_appends(self.settings, ORDERS)

    def _create(self, topics: list[Topic]) -> None:
        wanted = [
            NewTopic(
                self.settings.topic(topic.name), self.settings.partitions, 1, config=topic.config
            )
            for topic in topics
        ]
        for future in self._admin.create_topics(wanted).values():
            future.result(timeout=_REQUEST_S_MAX)

    def _tell_gate(self, accounts: list[Funded], first_us: int) -> None:
        began = time.monotonic()
        inputs = publish(self.settings, accounts, first_us)
        publish_s = time.monotonic() - began
        self._command = list(GATE_WORKER)
        self.start("")
        end = time.monotonic() + _SETUP_S_MAX
        while self.count(AUDIT) < inputs:
            if time.monotonic() > end:
                raise BenchError(
                    f"The worker has not applied its {inputs} first inputs.\n{log_tail(self.log)}"
                )
            _ = self.pid
            time.sleep(1)
        self.told = Told(inputs, publish_s, self.used().contestant_s)
        self.stop()

    def load(self, wanted: int, made_us: int | None = None) -> None:
        """See to it that the first `wanted` orders of the flow lie on the orders topic.

        `made_us`: the event time they all get instead of their own.
        """
        if wanted > self.loaded:
            records = self.inputs.read(self.loaded, wanted - self.loaded)
            if made_us is not None:
                records = (
                    record._replace(value=restamped(record.value, made_us)) for record in records
                )
            load(self.settings, self.settings.topic(ORDERS.name), self._counted(records))
            self.loaded = wanted

    def _counted(self, records: Iterable[Input]) -> Iterator[Input]:
        for record in records:
            self._loaded_of[record.partition] += 1
            yield record

    # -- while it runs

    def start(self, cores: str) -> None:
        """Start it on these cores ("" for any) and return at once."""
        placed = ["taskset", "--cpu-list", cores, *self._command] if cores else self._command
        env = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **self.settings.as_env()}
        if self.entry.gate:
            env |= self.entry.options
        self._process.start(placed, log=self.log, env=env, directory=PROJECT_ROOT)

    @property
    def pid(self) -> int:
        """Its process id. Raises BenchError with the end of its log when it has ended."""
        pid = self._process.pid
        if pid is None:
            raise BenchError(
                f"{self.entry.title} has ended. The end of its log:\n{log_tail(self.log)}"
            )
        return pid

    def await_decisions(self, wanted: int, limit_s: float = _START_S_MAX) -> None:
        """Return when about so many decisions can be read; transaction markers count along."""
        end = time.monotonic() + limit_s
        while self.decisions_about() < wanted:
            _ = self.pid
            if time.monotonic() > end:
                raise BenchError(
                    f"{self.entry.title} has decided {self.decisions_about()} of {wanted} orders "
                    f"after {limit_s:.0f} s. The end of its log:\n{log_tail(self.log)}"
                )
            time.sleep(_POLL_S)

    def decisions_about(self) -> int:
        """Decisions so far, without reading them: transaction markers are counted along.

        0 while a partition has no leader yet, which a new topic's may not have.
        """
        name = self.settings.topic(DECISIONS.name)
        wanted = {
            TopicPartition(name, partition): OffsetSpec.latest()
            for partition in range(self.settings.partitions)
        }
        futures = self._admin.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_REQUEST_S_MAX
        )
        try:
            return sum(future.result().offset for future in futures.values())
        except KafkaException as error:
            if error.args[0].code() in _NO_LEADER_YET:
                return 0
            raise

    def used(self) -> Used:
        """What contestant and broker have used so far."""
        broker = self._stack.broker
        broker_s = tree_seconds(broker.pid) if broker is not None and broker.pid else 0.0
        return Used(time.time_ns() // 1_000_000, tree_seconds(self.pid), broker_s)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        self._process.stop(_STOP_S_MAX)

    # -- afterwards

    def count(self, topic: Topic) -> int:
        """Committed records of a topic."""
        return sum(1 for _ in read_committed(self.settings, topic))

    def appended_between(self, from_ms: int, to_ms: int) -> "Appended":
        """What the broker appended in the window, and in all."""
        found, last_ms = 0, 0
        decided: Counter[int] = Counter()
        for message in read_committed(self.settings, DECISIONS):
            at_ms = message.timestamp()[1]
            found += from_ms <= at_ms < to_ms
            last_ms = max(last_ms, at_ms)
            decided[message.partition()] += 1
        dry = [lane for lane, loaded in self._loaded_of.items() if decided[lane] >= loaded]
        return Appended(found, last_ms, dry)

    def discard(self) -> None:
        """Kill it if it lives still; delete its topics and its state."""
        self._process.kill()
        names = [
            name
            for name in partition_counts(self._admin)
            if name.startswith(self.settings.app_id) or f"__{self.settings.app_id}" in name
        ]
        for future in self._admin.delete_topics(names).values() if names else ():
            try:
                future.result(timeout=_REQUEST_S_MAX)
            except KafkaException as error:
                say(f"a topic of {self.entry.name} could not be deleted: {error}")
        shutil.rmtree(self.directory / "state", ignore_errors=True)


@contextmanager
def run_of(stack: Stack, entry: Entry, inputs: InputFile, name: str) -> Iterator[Run]:
    """A run that leaves nothing but its log, however it ends."""
    run = Run(stack, entry, inputs, name)
    try:
        yield run
    finally:
        run.discard()


def read_committed(settings: Settings, topic: Topic) -> Iterator[Any]:
    """All committed records of a topic as it is now, in batches: partitions lie mixed."""
    name = settings.topic(topic.name)
    consumer = Consumer(
        settings.confluent(
            group_id=f"{settings.app_id}-reader",
            isolation_level="read_committed",
            enable_auto_commit=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
        )
    )
    partitions = range(settings.partitions)
    consumer.assign([TopicPartition(name, partition, 0) for partition in partitions])
    ended: set[int] = set()
    try:
        while len(ended) < len(partitions):
            for message in consumer.consume(_READ_AT_ONCE, 0.2):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- its only name
                    ended.add(message.partition() or 0)
                elif not error.retriable():
                    raise KafkaException(error)
    finally:
        consumer.close()


def tree_seconds(pid: int) -> float:
    """Processor seconds of a process and of all that it started, those that have ended included."""
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    # utime, stime, and both of children that were waited for.
    own = sum(int(field) for field in fields[11:15]) * tick_s
    return own + sum(tree_seconds(int(child)) for child in children)


def tree_written(pid: int) -> int:
    """Bytes that a process and its living children have sent to their disks; 0 without /proc."""
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = sum(int(line.partition(": ")[2]) for line in lines if line.startswith("write_bytes"))
    return own + sum(tree_written(int(child)) for child in children)


def split_cores(broker: str = "", contestant: str = "") -> Cores:
    """Half of the cores each; all of them for both where there are fewer than four."""
    all_cores = sorted(os.sched_getaffinity(0))
    half = len(all_cores) // 2
    separate = len(all_cores) >= _SEPARATE_CORES_MIN
    first = all_cores[:half] if separate else all_cores
    second = all_cores[half:] if separate else all_cores
    return Cores(broker or _list(first), contestant or _list(second))


def _list(cores: Sequence[int]) -> str:
    return ",".join(map(str, cores))


def place_broker(stack: Stack, cores: Cores) -> None:
    """Keep the broker to its cores. Raises BenchError where it is somebody else's."""
    if stack.broker is None or stack.broker.pid is None:
        raise BenchError("This bench needs a broker of its own: unset KAFKA_BOOTSTRAP.")
    command = ["taskset", "--all-tasks", "--pid", "--cpu-list", cores.broker]
    subprocess.run([*command, str(stack.broker.pid)], check=True, capture_output=True)
