"""Reading a day's events back from Kafka."""

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from pipeline.codecs.avro import encode_regulatory_event
from pipeline.codecs.wire import fixed_ids
from pipeline.reporting.reader import ReadError, decode_event, read_events
from pipeline.risk.records import RegulatoryEvent
from pipeline.settings import Settings
from tests.regulatory_events import DAY, make_event

IDS = fixed_ids()


def framed(each: RegulatoryEvent) -> bytes:
    return IDS.frame("regulatory_event") + encode_regulatory_event(each)


def test_a_framed_event_comes_back() -> None:
    assert decode_event(framed(make_event(lane=2)), IDS).lane == 2


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\x01" + framed(make_event())[1:],
        b"\x00\x00\x00\x00\x01" + framed(make_event())[5:],
        b"\x00\xff\xff\xff\xff" + framed(make_event())[5:],
        framed(make_event())[:-1],
        framed(make_event()) + b"\x00",
    ],
)
def test_anything_else_on_the_topic_is_named_for_what_it_is(value: bytes | None) -> None:
    with pytest.raises(ReadError, match="regulatory-events"):
        decode_event(value, IDS)


@pytest.fixture
def produced(broker_settings: Settings) -> Callable[[int], list[int]]:
    """Write transactions to regulatory-events; gives the offsets of this tenant's events."""
    topic = broker_settings.topic("regulatory-events")
    admin = AdminClient(broker_settings.confluent())
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)

    def produce(transactions: int) -> list[int]:
        producer = Producer(broker_settings.confluent(transactional_id=broker_settings.app_id))
        producer.init_transactions(60)

        def write(tenant: str, day: int, lane: int, *, commit: bool) -> int:
            offsets: list[int | None] = []
            value = framed(make_event(lane=lane, tenant_id=tenant, business_day=day))
            producer.begin_transaction()
            producer.produce(
                topic,
                value,
                tenant.encode(),
                partition=0,
                on_delivery=lambda _error, message: offsets.append(message.offset()),
            )
            producer.flush(60)
            if commit:
                producer.commit_transaction(60)
            else:
                producer.abort_transaction(60)
            (offset,) = offsets
            assert offset is not None
            return offset

        wanted = []
        for number in range(transactions):
            write("acme", DAY, number, commit=False)
            wanted.append(write("acme", DAY, number, commit=True))
            write("umbrella", DAY, number, commit=True)
            write("acme", DAY + 1, number, commit=True)
        return wanted

    return produce


@pytest.mark.broker
def test_a_days_events_come_back_once_without_aborted_or_others(
    broker_settings: Settings, produced: Callable[[int], list[int]]
) -> None:
    offsets = produced(5)

    def lanes(first: int, last: int) -> list[int]:
        read = read_events(broker_settings, 0, first, last, tenant="acme", day=DAY)
        return [each.lane for each in read]

    assert lanes(offsets[0], offsets[-1]) == [0, 1, 2, 3, 4]
    assert lanes(offsets[1], offsets[3]) == [1, 2, 3]
    # The transaction's marker is the last thing in the partition: no record will ever have it.
    end = offsets[-1] + 5
    assert lanes(offsets[4], end) == [4]


@pytest.mark.broker
def test_a_stretch_that_is_gone_is_an_error_not_an_empty_day(
    broker_settings: Settings, produced: Callable[[int], list[int]]
) -> None:
    produced(1)
    with pytest.raises(ReadError, match="retention"):
        list(read_events(broker_settings, 0, 10_000, 10_001, tenant="acme", day=DAY))
