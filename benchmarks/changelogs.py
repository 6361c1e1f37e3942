"""Rows of many users in a changelog, without the hours in which they would have come.

Owns writing them: what a lane makes of a user's registration and first deposit is computed by the
lane processor, lane by lane, and appended to the changelog as committed transactions, while no
worker runs. The lane rows stay as the product wrote them, so that restored state and group offsets
agree.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.flow import FirstInputs, ManyAccounts
from pipeline.codecs.registry import schema_ids
from pipeline.lane.processor import LaneProcessor
from pipeline.lane.rows import DictRows
from pipeline.market.accounts import Account
from pipeline.market.config import load_replay_config
from pipeline.risk.keys import BALANCE, TRANSFER, USER
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.streaming.topic_reader import read_topic
from pipeline.topics import LANE_INPUTS, RISK_CONTEXTS_CHANGELOG

_KINDS: Final = (USER, BALANCE, TRANSFER)
_USERS_AT_ONCE: Final = 20_000
_INIT_S_MAX: Final = 60.0
_STEP_S_MAX: Final = 60.0


class UserRows:
    """Writes users' rows into the gate's changelog, a transaction for some thousands of users."""

    def __init__(self, settings: Settings, time_us: int) -> None:
        """`time_us`: when the users were registered and funded."""
        config = load_replay_config()
        ids = schema_ids(settings)
        topics = [settings.topic(topic.name) for topic in LANE_INPUTS]
        self._changelog: Final = settings.topic(RISK_CONTEXTS_CHANGELOG.name)
        self._accounts: Final = ManyAccounts(0, config)
        self._time_us: Final = time_us
        self._partitions: Final = settings.partitions
        self._rows: Final = {partition: DictRows() for partition in range(settings.partitions)}
        self._lanes: Final = {
            partition: LaneProcessor(partition, settings.partitions, topics, ids, rows)
            for partition, rows in self._rows.items()
        }
        self._first: Final = {p: FirstInputs(ids, config, time_us) for p in self._lanes}
        for partition, first in self._first.items():
            self._applied(partition, first.definitions())
        self._producer: Final = producer(settings, transactional_id=f"{settings.app_id}-rows")
        self._producer.init_transactions(_INIT_S_MAX)

    def write(self, numbers: range) -> int:
        """Append the rows of the users with these numbers; how many rows that were."""
        written = 0
        for start in range(numbers.start, numbers.stop, _USERS_AT_ONCE):
            of_lane: defaultdict[int, list[Account]] = defaultdict(list)
            for number in range(start, min(start + _USERS_AT_ONCE, numbers.stop)):
                account = self._accounts.account(number)
                of_lane[partition_of(account.key, self._partitions)].append(account)
            self._producer.begin_transaction()
            for partition, accounts in of_lane.items():
                inputs = self._first[partition].accounts(accounts)
                for key, body in self._applied(partition, inputs):
                    put(self._producer, self._changelog, partition, key, body)
                    written += 1
            self._producer.commit_transaction(_STEP_S_MAX)
        return written

    def _applied(
        self, partition: int, inputs: Iterable[tuple[int, bytes | None, bytes]]
    ) -> list[tuple[bytes, bytes]]:
        """The users' rows that a lane has after these inputs."""
        found: dict[bytes, bytes] = {}
        lane, rows = self._lanes[partition], self._rows[partition]
        for topic, key, value in inputs:
            at_ms = self._time_us // 1000
            result = lane.apply(topic, 0, at_ms, key, value, None, self._time_us, False)
            rows.store(result.rows)
            found |= {key: body for key, body in result.rows if body and key[:1] in _KINDS}
        return list(found.items())


def copy_changelog(settings: Settings, topic: str) -> int:
    """Copy the gate's changelog, record by record, into a new topic; how many records it has."""
    made = NewTopic(
        topic,
        num_partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        config={"cleanup.policy": "compact"},
    )
    # The client must outlive its answers.
    admin = AdminClient(settings.confluent())
    for future in admin.create_topics([made]).values():
        future.result(_STEP_S_MAX)
    source = settings.topic(RISK_CONTEXTS_CHANGELOG.name)
    copier = producer(settings)
    copied = 0
    for message in read_topic(settings, source, range(settings.partitions)):
        put(copier, topic, message.partition(), message.key(), message.value())
        copied += 1
    copier.flush(_STEP_S_MAX)
    return copied


def producer(settings: Settings, **more: Any) -> Producer:
    """A producer of many records."""
    return Producer(
        settings.confluent(
            enable_idempotence=True, compression_type=settings.compression, linger_ms=50, **more
        )
    )


def put(to: Producer, topic: str, partition: int | None, key: Any, body: Any) -> None:
    """Queue a record, waiting while the queue is full."""
    while True:
        try:
            to.produce(topic, body, key, -1 if partition is None else partition)
        except BufferError:
            to.poll(0.1)
            continue
        to.poll(0)
        return
