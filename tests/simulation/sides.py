"""The same operations on Apache Kafka and on the model, each telling what it came to.

Owns how each side is asked, and nothing about what the answer should be. What the product's own
recovery asks, it asks on both sides by `ChangelogSource`.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from pipeline.settings import Settings
from pipeline.streaming.commit import Membership as Member
from pipeline.streaming.rdkafka_producer import group_metadata
from pipeline.tables.changelog import Abandoned, KafkaChangelogs, Place
from tests.simulation.broker import Broker
from tests.simulation.producer import ModelProducer, membership
from tests.simulation.source import ModelChangelogs

WAIT_S: Final = 60.0
TOPICS: Final = ("a", "b")
PARTITIONS: Final = 2
PLACES: Final = [(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)]
# Whose offset the group keeps.
SOURCE: Final = PLACES[0]
Outcome = Any
Membership = tuple[int, str]


def outcome(call: Callable[[], Any]) -> Outcome:
    """What a call came to, in words that both sides share."""
    try:
        call()
    except KafkaException as error:
        reason = error.args[0]
        return KafkaError(reason.code()).name(), reason.fatal(), reason.txn_requires_abort()
    return "ok"


class Side:
    """The operations that read the same on both sides. Producers go by names."""

    def __init__(self) -> None:
        self.producers: dict[str, Any] = {}
        self.reported: list[tuple[bytes, int]] = []
        self.group = "group"

    def name(self, topic: str) -> str:
        """The topic's name on this side."""
        return topic

    def client(self, transactional_id: str, timeout_ms: int) -> Any:
        """A new producer."""
        raise NotImplementedError

    def start(self, producer: str, transactional_id: str, timeout_ms: int) -> Outcome:
        """A new producer fences the older ones of its transactional id."""
        self.producers[producer] = self.client(transactional_id, timeout_ms)
        return outcome(lambda: self.producers[producer].init_transactions(WAIT_S))

    def begin(self, producer: str) -> Outcome:
        """Begin a transaction."""
        return outcome(self.producers[producer].begin_transaction)

    def produce(self, producer: str, place: Place, value: bytes) -> Outcome:
        """Queue a record."""
        topic, partition = place

        def delivered(error: Any, message: Any) -> None:
            if error is None:
                self.reported.append((value, message.offset()))

        return outcome(
            lambda: self.producers[producer].produce(
                self.name(topic), value, b"k", partition, on_delivery=delivered
            )
        )

    def flush(self, producer: str) -> Outcome:
        """Send what is queued."""
        return outcome(lambda: self.producers[producer].flush(WAIT_S))

    def offsets(self, producer: str, offset: int, member: Membership) -> Outcome:
        """Add the source's offset to the transaction."""
        positions = [TopicPartition(self.name(SOURCE[0]), SOURCE[1], offset)]
        metadata = group_metadata(Member(self.group, *member))
        return outcome(
            lambda: self.producers[producer].send_offsets_to_transaction(
                positions, metadata, WAIT_S
            )
        )

    def commit(self, producer: str) -> Outcome:
        """Commit."""
        return outcome(lambda: self.producers[producer].commit_transaction(WAIT_S))

    def abort(self, producer: str) -> Outcome:
        """Abort."""
        return outcome(lambda: self.producers[producer].abort_transaction(WAIT_S))


class RealSide(Side):
    """On Apache Kafka, in topics and with transactional ids of its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._prefix = f"{settings.app_id}-"
        self.group = settings.app_id
        self._admin = AdminClient(settings.confluent())
        made = self._admin.create_topics(
            [NewTopic(self.name(topic), PARTITIONS, 1) for topic in (*TOPICS, "members")]
        )
        for future in made.values():
            future.result(WAIT_S)
        self._members: list[Consumer] = []
        # Only while a stable offset is asked for: how often already.
        self._asked: int | None = None
        self._source = KafkaChangelogs(settings, self._asked_once)

    def name(self, topic: str) -> str:
        """The topic's name on this side."""
        return self._prefix + topic

    def client(self, transactional_id: str, timeout_ms: int) -> Any:
        """A new producer."""
        settings = self._settings.confluent(
            transactional_id=self._prefix + transactional_id,
            transaction_timeout_ms=timeout_ms,
            # Long enough that nothing is sent before it is flushed.
            linger_ms=timeout_ms // 2,
        )
        # Fenced producers complain in the log until they are closed.
        return Producer(settings | {"log_level": 0})

    def join(self) -> Membership:
        """One more member joins the group; what the first one is afterwards."""
        settings = self._settings.confluent(
            group_id=self.group, heartbeat_interval_ms=50, session_timeout_ms=30_000
        )
        member = Consumer(settings)
        member.subscribe([self.name("members")])
        self._members.append(member)
        share = PARTITIONS // len(self._members)
        deadline = time.monotonic() + WAIT_S
        while any(len(each.assignment()) != share for each in self._members):
            if time.monotonic() > deadline:
                raise TimeoutError("the group does not settle")
            for each in self._members:
                each.poll(0.02)
        metadata: Any = self._members[0].consumer_group_metadata()
        generation, member_id, _ = membership(metadata)
        return generation, member_id

    def observed(self) -> dict[str, Any]:
        """Ends, committed records, the group's stable offset, delivery reports."""
        asked = [(self.name(topic), partition) for topic, partition in PLACES]
        _, high = self._source.ends(asked)
        stable = self._stable_ends(asked)
        return {
            "high": [high[at] for at in asked],
            "stable": [stable[at] for at in asked],
            "read": self._read(stable),
            "offset": self._stable_offset(),
            "reported": sorted(self.reported),
        }

    def _stable_ends(self, asked: list[Place]) -> dict[Place, int]:
        futures = self._admin.list_offsets(
            {TopicPartition(*at): OffsetSpec.latest() for at in asked},
            isolation_level=IsolationLevel.READ_COMMITTED,
        )
        return {
            (tp.topic, tp.partition): int(future.result(WAIT_S).offset)
            for tp, future in futures.items()
        }

    def _read(self, stable: dict[Place, int]) -> list[tuple[str, int, int, bytes | None]]:
        """Committed records, read as recovery reads them."""
        left = {at: 0 for at, end in stable.items() if end > 0}
        if not left:
            return []
        reader = self._source.reader(left)
        found: list[tuple[str, int, int, bytes | None]] = []
        deadline = time.monotonic() + WAIT_S
        while any(position < stable[at] for at, position in left.items()):
            if time.monotonic() > deadline:
                raise TimeoutError("the log does not go on")
            tail = reader.read()
            left |= tail.positions
            for (topic, partition), rows in tail.rows.items():
                short = topic.removeprefix(self._prefix)
                found += [(short, partition, offset, value) for offset, _, value in rows]
        reader.close()
        return sorted(found, key=lambda row: row[:3])

    def _stable_offset(self) -> int | str:
        """The group's offset, or that Kafka does not tell it while it is pending."""
        self._asked = 0
        at = self.name(SOURCE[0]), SOURCE[1]
        try:
            return self._source.stable_offsets([at])[at]
        except Abandoned:
            return "pending"
        finally:
            self._asked = None

    def _asked_once(self) -> bool:
        if self._asked is None:
            return False
        self._asked += 1
        return self._asked > 1

    def close(self) -> None:
        """Close all clients."""
        for member in self._members:
            member.close()
        self._source.close()


class ModelSide(Side):
    """On the model."""

    def __init__(self) -> None:
        super().__init__()
        self._broker = Broker([*TOPICS], PARTITIONS, lambda _members: {})
        self._members: list[str] = []
        self._source = ModelChangelogs(
            self._broker,
            step=lambda _name: None,
            wait=lambda: None,
            pick=lambda count: count - 1,
            cancelled=lambda: False,
        )

    def client(self, transactional_id: str, timeout_ms: int) -> Any:
        """A new producer."""
        return ModelProducer(
            self._broker, transactional_id, timeout_ms, lambda _name: None, lambda _count: 0
        )

    def join(self) -> Membership:
        """One more member joins the group; what the first one is afterwards."""
        group = self._broker.group
        self._members.append(group.join(len(self._members), "", None))
        for member in self._members:
            if group.must_join(member):
                group.join(0, member, None)
        return group.generation, self._members[0]

    def observed(self) -> dict[str, Any]:
        """Ends, committed records, the group's stable offset, delivery reports."""
        self._broker.settle()
        logs = self._broker.logs
        _, high = self._source.ends(PLACES)
        pending = self._broker.group.is_pending([SOURCE])
        return {
            "high": [high[at] for at in PLACES],
            "stable": [logs[at].stable for at in PLACES],
            "read": sorted(
                (
                    (*at, entry.offset, entry.value)
                    for at in PLACES
                    for entry in logs[at].read(0, logs[at].high)[0]
                ),
                key=lambda row: row[:3],
            ),
            "offset": "pending" if pending else self._source.stable_offsets([SOURCE])[SOURCE],
            "reported": sorted(self.reported),
        }

    def pass_time(self, ms: int) -> None:
        """Let transactions time out."""
        self._broker.now_ms += ms
        self._broker.tick()
