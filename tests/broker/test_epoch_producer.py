"""The producer of transactions by epoch, against a real broker: what it commits is there once.

The oracle is librdkafka: it makes the topics, joins the group and reads what is committed.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.streaming.commit import Membership
from pipeline.streaming.epoch_producer import EpochProducer, transaction_version
from pipeline.streaming.record_batch import BATCH_BYTES_MAX, COMPRESSIONS
from tests.flow import wait_for

pytestmark = pytest.mark.broker

PARTITIONS = 3
WAIT_S = 60.0
Seen = tuple[str, int, bytes | None, bytes | None, Any]
ProducerOf = Callable[..., EpochProducer]


class Topics:
    """Two topics of a test, and what a reader sees of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.names = [settings.topic("a"), settings.topic("b")]
        admin = AdminClient(settings.confluent())
        for future in admin.create_topics(
            [NewTopic(name, PARTITIONS, 1) for name in self.names]
        ).values():
            future.result(WAIT_S)
        self._admin = admin

    def committed(self, count: int) -> list[Seen]:
        """All committed records by place, when there are `count` and the ends are reached."""
        reader = Consumer(
            self.settings.confluent(
                group_id="reader", isolation_level="read_committed", enable_partition_eof=True
            )
        )
        places = [TopicPartition(name, p, 0) for name in self.names for p in range(PARTITIONS)]
        reader.assign(places)
        found: list[Seen] = []
        deadline = time.monotonic() + WAIT_S
        at_end: set[Any] = set()
        while len(found) < count or len(at_end) < len(places):
            assert time.monotonic() < deadline, f"{len(found)} of {count} records"
            message = reader.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF
                at_end.add((message.topic(), message.partition()))
                continue
            kind, _ = message.timestamp()
            assert kind == TIMESTAMP_CREATE_TIME
            at: Any = message.topic(), message.partition()
            found.append((*at, message.key(), message.value(), message.headers()))
        reader.close()
        return sorted(found, key=lambda record: record[:2])

    def stable_end(self) -> int:
        """How many records, markers with them, no open transaction holds back."""
        places = [TopicPartition(name, p) for name in self.names for p in range(PARTITIONS)]
        futures = self._admin.list_offsets(
            {place: OffsetSpec.latest() for place in places},
            isolation_level=IsolationLevel.READ_COMMITTED,
        )
        return sum(int(future.result(WAIT_S).offset) for future in futures.values())

    def offset(self, group: str) -> int:
        """The group's stable offset of the first partition of the first topic."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(self.names[0], 0)])
        (future,) = self._admin.list_consumer_group_offsets([asked], require_stable=True).values()
        return int(future.result(WAIT_S).topic_partitions[0].offset)


@pytest.fixture
def topics(broker_settings: Settings) -> Topics:
    return Topics(broker_settings)


@pytest.fixture
def producer_of(topics: Topics) -> Iterator[ProducerOf]:
    """Makes initialised producers, and closes them."""
    made: list[EpochProducer] = []

    def new(name: str, **changes: Any) -> EpochProducer:
        settings = replace(topics.settings, **changes)
        producer = EpochProducer(settings, settings.topic(name), topics.names)
        made.append(producer)
        producer.init_transactions(WAIT_S)
        return producer

    yield new
    for producer in made:
        producer.close()


class Journal:
    """Random transactions, and what a reader has to see of them."""

    def __init__(self, topics: Topics, seed: int) -> None:
        self.topics = topics
        self.chance = random.Random(seed)
        self.expected: list[Seen] = []
        self.reported: list[int] = []
        self.number = 0

    def fill(self, producer: EpochProducer) -> list[Seen]:
        """Queue records in an open transaction."""
        chance = self.chance
        outputs = producer.new_outputs()
        queued: list[Seen] = []
        for _ in range(chance.randrange(1, 60)):
            topic = chance.choice(self.topics.names)
            key, value = self._bytes(20), self._bytes(chance.choice([10, 300, 40_000]))
            headers: Any = chance.choice([None, [("traceparent", b"00-1"), ("empty", None)]])
            to = chance.choice([None, *range(PARTITIONS)])
            outputs.put(topic, value[:5], value[5:], key, to, headers)
            at = partition_of(key, PARTITIONS) if to is None else to
            queued.append((topic, at, key, value, headers))
        producer.send_outputs(outputs)
        rows = {self._bytes(12): chance.choice([None, self._bytes(80)]) for _ in range(40)}
        partition = chance.randrange(PARTITIONS)
        topic = self.topics.names[1]
        producer.send_rows(topic, partition, rows, self.reported.append)
        queued += [(topic, partition, key, value, None) for key, value in rows.items()]
        return queued

    def _bytes(self, length_max: int) -> bytes:
        self.number += 1
        padding = self.chance.randbytes(self.chance.randrange(length_max + 1))
        return f"{self.number}:".encode() + padding

    def in_order(self) -> list[Seen]:
        """What is expected, by place."""
        return sorted(self.expected, key=lambda record: record[:2])


def send_offsets(producer: EpochProducer, topics: Topics, member: Membership) -> None:
    """Send an offset, and whatever it may have waited for."""
    producer.send_offsets({(topics.names[0], 0): 7}, member, WAIT_S)
    producer.flush(WAIT_S)


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
def test_offsets_are_committed_with_the_records_whether_or_not_they_waited(
    topics: Topics, producer_of: ProducerOf, pause_s: float
) -> None:
    producer = producer_of("p")
    journal = Journal(topics, seed=9)
    member = Membership(topics.settings.app_id, -1, "")
    for number in range(6):
        time.sleep(pause_s)
        producer.begin_transaction()
        journal.expected += journal.fill(producer)
        producer.send_offsets({(topics.names[0], 0): number}, member, WAIT_S)
        if number % 2:
            producer.flush(WAIT_S)
        producer.commit_transaction(WAIT_S)
        wait_for(lambda at=number: topics.offset(topics.settings.app_id) == at, "it is committed")  # type: ignore[misc]
    assert topics.committed(len(journal.expected)) == journal.in_order()


def refusal(call: Callable[[], Any]) -> KafkaError:
    with pytest.raises(KafkaException) as caught:
        call()
    error: KafkaError = caught.value.args[0]
    return error


def test_the_broker_of_the_tests_knows_transactions_by_epoch(broker_settings: Settings) -> None:
    assert transaction_version(broker_settings) >= 2


@pytest.mark.parametrize("compression", sorted(COMPRESSIONS))
def test_a_reader_sees_each_committed_record_once_in_order_whole(
    topics: Topics, producer_of: ProducerOf, compression: str
) -> None:
    producer = producer_of("p", compression=compression)
    journal = Journal(topics, seed=len(compression))
    for number in range(4):
        producer.begin_transaction()
        journal.expected += journal.fill(producer)
        if number == 1:
            producer.flush(WAIT_S)
            journal.expected += journal.fill(producer)
        producer.commit_transaction(WAIT_S)
    assert topics.committed(len(journal.expected)) == journal.in_order()
    assert len(journal.reported) == 5


def test_a_partition_may_get_more_than_fits_into_one_batch(
    topics: Topics, producer_of: ProducerOf
) -> None:
    producer = producer_of("p", compression="none")
    value = bytes(BATCH_BYTES_MAX // 3)
    rows: dict[bytes, bytes | None] = {str(number).encode(): value for number in range(11)}
    reported: list[int] = []
    producer.begin_transaction()
    producer.send_rows(topics.names[0], 0, rows, reported.append)
    producer.commit_transaction(WAIT_S)
    assert [record[2] for record in topics.committed(len(rows))] == list(rows)
    assert reported == [len(rows) - 1]


def test_lost_answers_neither_lose_nor_double_anything(
    topics: Topics, producer_of: ProducerOf
) -> None:
    producer = producer_of("p")
    journal = Journal(topics, seed=5)
    client = producer._client
    send = client.send
    lost = [0]

    async def losing(node: int, request: Any, **more: Any) -> Any:
        if journal.chance.random() < 0.4:
            lost[0] += 1
            sent = asyncio.ensure_future(send(node, request, **more))
            await asyncio.sleep(journal.chance.choice([0.0, 0.002, 0.02]))
            for connection in list(client._conns.values()):
                connection.close()
            return await sent
        return await send(node, request, **more)

    client.send = losing
    member = Membership(topics.settings.app_id, -1, "")
    for number in range(12):
        producer.begin_transaction()
        journal.expected += journal.fill(producer)
        producer.flush(WAIT_S)
        producer.send_offsets({(topics.names[0], 0): number}, member, WAIT_S)
        producer.commit_transaction(WAIT_S)
    assert lost[0] > 5
    assert topics.committed(len(journal.expected)) == journal.in_order()
    assert topics.offset(topics.settings.app_id) == 11


def test_a_new_owner_fences_the_old_one_at_every_step(
    topics: Topics, producer_of: ProducerOf
) -> None:
    member = Membership(topics.settings.app_id, -1, "")
    steps: list[Callable[[EpochProducer], Any]] = [
        lambda old: old.flush(WAIT_S),
        lambda old: send_offsets(old, topics, member),
        lambda old: old.commit_transaction(WAIT_S),
    ]
    journal = Journal(topics, seed=6)
    for number, step in enumerate(steps):
        old = producer_of(f"p{number}")
        old.begin_transaction()
        journal.fill(old)
        if number > 0:
            old.flush(WAIT_S)
        new = producer_of(f"p{number}")
        error = refusal(lambda old=old, step=step: step(old))  # type: ignore[misc]
        assert error.code() == KafkaError._FENCED
        assert error.fatal()
        new.begin_transaction()
        journal.expected += journal.fill(new)
        new.commit_transaction(WAIT_S)
    assert topics.committed(len(journal.expected)) == journal.in_order()
    assert topics.offset(topics.settings.app_id) < 0


@pytest.mark.parametrize("follows_at_once", [False, True])
def test_offsets_of_a_membership_that_is_not_the_groups_are_refused(
    topics: Topics, producer_of: ProducerOf, follows_at_once: bool
) -> None:
    producer = producer_of("p")
    journal = Journal(topics, seed=7)
    if follows_at_once:
        producer.begin_transaction()
        journal.expected += journal.fill(producer)
        producer.commit_transaction(WAIT_S)
    producer.begin_transaction()
    journal.fill(producer)
    stranger = Membership(topics.settings.app_id, 3, "nobody")
    error = refusal(lambda: send_offsets(producer, topics, stranger))
    assert topics.committed(len(journal.expected)) == journal.in_order()
    assert error.code() in {KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION}
    assert not error.retriable()


def test_a_transaction_that_takes_too_long_is_over(topics: Topics, producer_of: ProducerOf) -> None:
    producer = producer_of("p", transaction_timeout_ms=1_000)
    journal = Journal(topics, seed=8)
    producer.begin_transaction()
    journal.fill(producer)
    producer.flush(WAIT_S)
    wait_for(lambda: topics.stable_end() > 0, "the coordinator aborts it")
    assert refusal(lambda: producer.commit_transaction(WAIT_S)).code() in {
        KafkaError._FENCED,
        KafkaError.INVALID_TXN_STATE,
    }
    assert topics.committed(0) == []


def test_without_a_broker_it_says_that_there_was_no_answer_in_time(
    broker_settings: Settings,
) -> None:
    settings = replace(broker_settings, kafka_bootstrap="127.0.0.1:1")
    producer = EpochProducer(settings, "p", [])
    error = refusal(lambda: producer.init_transactions(0.3))
    assert error.code() == KafkaError._TIMED_OUT
    assert error.retriable()
    producer.close()
