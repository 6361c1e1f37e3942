"""A small world for broker tests: records with sane defaults, a worker process, what came out.

The reader here shares nothing with `pipeline.audit`: it decodes with fastavro and judges with plain
dictionaries, so that a fault of the product's own reading cannot hide another.
"""

import contextlib
import hashlib
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from pipeline.codecs.schemas import SCHEMA_NAMES, load_json
from pipeline.codecs.wire import fixed_ids
from pipeline.control.definitions import Payload
from pipeline.control.publisher import ControlChange, ControlWriter
from pipeline.risk.partition import partition_of
from pipeline.risk.records import (
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    UserAccount,
)
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import create_topics
from tests.roomy import roomy
from tests.upgrade.next_version import THIS_RELEASE, Release

NOW_US = 1_700_000_000_000_000
TENANT = "tenant-1"
PRICE = 4_800 * 10**9
WAIT_S = 120.0
# Longer than any test: nothing is swept that the venue has not reported on.
ORPHAN_MS = 30 * 86_400_000
INPUTS = ("control", "marks", "deposits", "fills", "orders")


def _plain(schema: Any) -> Any:
    """A schema without logical types: hostile times do not fit into a datetime."""
    if isinstance(schema, dict):
        return {name: _plain(part) for name, part in schema.items() if name != "logicalType"}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema


_NAMED: dict[str, Any] = {}
_PARSED = {
    name: fastavro.parse_schema(_plain(load_json(name)), named_schemas=_NAMED)
    for name in SCHEMA_NAMES
}
_IDS = fixed_ids()


def encode(name: str, record: dict[str, Any]) -> bytes:
    """A framed value, written by fastavro."""
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, _PARSED[name], record)
    return _IDS.frame(name) + buffer.getvalue()


def decode(name: str, value: bytes) -> dict[str, Any]:
    """A framed value, read by fastavro; times as integers."""
    assert value[:5] == _IDS.frame(name)
    return decode_body(name, value[5:])


def decode_body(name: str, body: bytes) -> dict[str, Any]:
    """A bare body, read by fastavro."""
    read = fastavro.schemaless_reader(BytesIO(body), _PARSED[name], None)
    assert isinstance(read, dict)
    return read


def order(user: str, order_id: str, **changes: Any) -> dict[str, Any]:
    """A NEW limit order that every check accepts."""
    return {
        "event_time": NOW_US,
        "source_system_id": "gateway",
        "tenant_id": TENANT,
        "action": "NEW",
        "order_id": order_id,
        "orig_order_id": None,
        "user_id": user,
        "instrument_id": "ESH4",
        "side": "BUY",
        "order_type": "LIMIT",
        "time_in_force": "GTC",
        "quantity_lots": 1,
        "price_e9": PRICE,
        "expires_at": None,
        "trader_id": None,
        "algo_id": None,
        "desk_id": None,
        "counterparty_id": None,
        "tags": {},
    } | changes


def fill(user: str, order_id: str, exec_id: str, **changes: Any) -> dict[str, Any]:
    """A full fill of one lot."""
    return {
        "event_time": NOW_US,
        "source_system_id": "venue",
        "tenant_id": TENANT,
        "exec_id": exec_id,
        "exec_ref_id": None,
        "order_id": order_id,
        "orig_order_id": None,
        "user_id": user,
        "instrument_id": None,
        "side": None,
        "exec_type": "FILL",
        "last_lots": 1,
        "last_price_e9": PRICE,
        "cum_lots": 1,
        "leaves_lots": 0,
        "fee_minor": 100,
        "trade_id": None,
        "venue": "XCME",
    } | changes


def deposit(user: str, deposit_id: str, **changes: Any) -> dict[str, Any]:
    """Money for about 8,000 lots."""
    return {
        "event_time": NOW_US,
        "source_system_id": "bank",
        "tenant_id": TENANT,
        "deposit_id": deposit_id,
        "withdrawal_id": None,
        "user_id": user,
        "currency": "USD",
        "amount_minor": 10**10,
        "kind": "DEPOSIT",
        "channel": None,
        "counterparty": None,
        "instrument_id": None,
        "settlement_price_e9": None,
        "session_date": None,
    } | changes


class World:
    """Topics of one test, a producer into them, and what came out of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        create_topics(settings)
        self._producer = Producer(
            settings.confluent(partitioner="murmur2", linger_ms=1, message_max_bytes=2**20)
        )
        self._mark_ms = NOW_US // 1000

    def define(self, users: list[str]) -> None:
        """Publish an instrument, limits, fees, policy and users, a mark, and fund the users."""
        payloads: list[Payload] = [
            Instrument("ESH4", 0, "USD", None, 0, 250_000_000, 1, 5_000, 1, 1_200_000, 0),
            Limits(0, "standard", None, 10**6, 1_000, 10**12, None, 10**6, 500, 500, None, None),
            FeeSchedule("standard", None, 250, 0),
            Policy(3_600_000, 1_000, 3_600_000, 3_600_000, 10**6, 10**6, ORPHAN_MS, []),
            FirmState(0),
            *roomy(["standard"], ["ESH4"]),
            *[UserAccount(user, TENANT, "standard", 0) for user in users],
        ]
        changes = [ControlChange(payload, proposer="test", reason="set-up") for payload in payloads]
        with ControlWriter(self.settings) as writer:
            writer.publish(changes, record_time_ms=self._mark_ms)
        mark = {
            "event_time": NOW_US,
            "source_system_id": "feed",
            "tenant_id": TENANT,
            "instrument_id": "ESH4",
            "price_e9": PRICE,
            "source_time": NOW_US,
        }
        for partition in range(self.settings.partitions):
            self.send_raw("marks", b"ESH4", encode("mark", mark), partition=partition)
        for user in users:
            self.send("deposits", "deposit", deposit(user, f"fund-{user}"))
        self.flush()

    def send(self, topic: str, name: str, record: dict[str, Any], **place: Any) -> None:
        """Publish a keyed record to its user's partition."""
        self.send_raw(topic, record["user_id"].encode(), encode(name, record), **place)

    def send_raw(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """Publish bytes as they are."""
        place = partition
        if place is None:
            place = partition_of(key or b"", self.settings.partitions)
        while True:
            try:
                self._producer.produce(
                    self.settings.topic(topic),
                    value,
                    key,
                    place,
                    timestamp=self._mark_ms,
                    headers=headers or [],
                )
            except BufferError:
                self._producer.poll(0.1)
                continue
            return

    def send_packed(self, topic: str, key: bytes, value: bytes) -> None:
        """Publish a value that is larger than the topic allows, compressed below that."""
        producer = Producer(
            self.settings.confluent(compression_type="gzip", message_max_bytes=8 * 2**20)
        )
        place = partition_of(key, self.settings.partitions)
        producer.produce(self.settings.topic(topic), value, key, place, timestamp=self._mark_ms)
        assert producer.flush(WAIT_S) == 0

    def flush(self) -> None:
        """Wait until everything sent is acknowledged."""
        assert self._producer.flush(WAIT_S) == 0

    def read(self, topic: str) -> list[Any]:
        """Every committed record of a topic, in partition and offset order."""
        name = self.settings.topic(topic)
        consumer = Consumer(
            self.settings.confluent(
                group_id="none",
                isolation_level="read_committed",
                enable_partition_eof=True,
                enable_auto_commit=False,
            )
        )
        count = self.settings.partitions
        consumer.assign([TopicPartition(name, partition, 0) for partition in range(count)])
        # By place: librdkafka may deliver a record again when a leader has changed.
        messages: dict[tuple[int, int], Any] = {}
        ended: set[int | None] = set()
        deadline = time.monotonic() + WAIT_S
        try:
            while len(ended) < count:
                assert time.monotonic() < deadline, f"{name} could not be read to its end"
                message = consumer.poll(0.2)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    messages[message.partition() or 0, message.offset() or 0] = message
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
        finally:
            consumer.close()
        return [messages[place] for place in sorted(messages)]

    def decisions(self) -> list[dict[str, Any]]:
        """Every committed decision."""
        return [decode("decision", message.value()) for message in self.read("decisions")]

    def await_records(self, topic: str, count: int) -> list[Any]:
        """Wait until a topic has `count` committed records."""
        found: list[Any] = wait_for(
            lambda: records if len(records := self.read(topic)) >= count else None, topic
        )
        return found


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`; fails after a generous time."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {WAIT_S} s for {what}")


class WorkerProcess:
    """A `tollgate worker` as a child process."""

    def __init__(
        self, settings: Settings, worker_id: str, log: Path, release: Release = THIS_RELEASE
    ) -> None:
        own = replace(settings, worker_id=worker_id, data_dir=str(log.parent / worker_id))
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                release.command("pipeline", "worker"),
                env=release.environment(own.as_env()),
                cwd=release.root,
                stdout=output,
                stderr=output,
            )

    def ready(self) -> "WorkerProcess":
        """Wait until it has its lanes."""
        wait_for(self._is_ready, f"the worker to be ready: {self.log}")
        return self

    def _is_ready(self) -> bool:
        text = self.log.read_text(errors="replace")
        assert self.process.poll() is None, f"the worker ended: {text[-3000:]}"
        return '"lanes ready"' in text

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(WAIT_S)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)


@contextlib.contextmanager
def worker(
    settings: Settings, worker_id: str, directory: Path, release: Release = THIS_RELEASE
) -> Iterator[WorkerProcess]:
    """A worker that does not outlive the block."""
    started = WorkerProcess(settings, worker_id, directory / f"{worker_id}.log", release)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def assert_applied_exactly_once(world: World) -> list[dict[str, Any]]:
    """Each input has one audit record, in offset order; chains are whole; returns audit records."""
    audit = [decode("audit_record", message.value()) for message in world.read("audit")]
    applied = Counter((a["source_topic"], a["source_partition"], a["source_offset"]) for a in audit)
    sent = Counter(
        (message.topic(), message.partition(), message.offset())
        for topic in INPUTS
        for message in world.read(topic)
    )
    assert applied == sent
    head: dict[int, tuple[int, bytes]] = {}
    for message, record in zip(world.read("audit"), audit, strict=True):
        sequence, previous = head.get(record["lane"], (0, bytes(32)))
        assert record["lane"] == message.partition()
        assert record["lane_sequence"] == sequence + 1
        assert record["previous_hash"] == previous
        head[record["lane"]] = (sequence + 1, hashlib.sha256(message.value()[5:]).digest())
    return audit


def assert_one_decision_an_order(world: World, sent: set[tuple[str, str]]) -> None:
    """Every order record sent once has one first answer, and no client asked for anything else."""
    first = Counter(
        (decision["user_id"], decision["order_id"])
        for decision in world.decisions()
        if decision["duplicate_of"] is None and decision["origin"] == "CLIENT"
    )
    assert set(first) == sent
    assert set(first.values()) == {1}


def expected_inputs(world: World) -> int:
    """How many records the input topics hold."""
    return sum(len(world.read(topic)) for topic in INPUTS)
