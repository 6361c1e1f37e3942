"""Waits for the regulatory documents of the days a replay went through, and counts them.

Owns nothing but the counting: reads `regulatory-reports` under read_committed from its start, and
looks at no content.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from pipeline.codecs.avro import decode_regulatory_report
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.control.history import kafka_error
from pipeline.market.errors import ReplayError
from pipeline.market.kafka import client_config, partitions_of
from pipeline.risk.records import RegulatoryReport
from pipeline.settings import Settings
from pipeline.topics import REGULATORY_REPORTS

_BATCH_RECORDS: Final = 100
_POLL_S: Final = 0.2


@dataclass(frozen=True)
class DocumentCount:
    """Complete documents and the events in them. `missing`: tenants without one for the day."""

    documents: int
    events: int
    missing: tuple[str, ...]


class _Documents:
    def __init__(self) -> None:
        self._parts: Final[dict[tuple[str, str, int], dict[int, int]]] = defaultdict(dict)
        self._complete: Final[set[tuple[str, str, int]]] = set()

    def take(self, report: RegulatoryReport) -> None:
        key = (report.report_id, report.tenant_id, report.business_day)
        parts = self._parts[key]
        parts[report.part] = report.event_count
        if len(parts) == report.parts:
            self._complete.add(key)

    def missing(self, tenants: Iterable[str], day: int) -> tuple[str, ...]:
        there = {tenant for _, tenant, of_day in self._complete if of_day == day}
        return tuple(tenant for tenant in tenants if tenant not in there)

    def count(self, missing: tuple[str, ...]) -> DocumentCount:
        events = sum(sum(self._parts[key].values()) for key in self._complete)
        return DocumentCount(len(self._complete), events, missing)


def await_documents(
    settings: Settings,
    tenants: Iterable[str],
    day: int,
    limit_s: float,
    check: Callable[[], None],
) -> DocumentCount:
    """Wait until each of `tenants` has a complete document for `day` (days since 1970).

    After `limit_s` the count says who has none. `check` is called meanwhile and may raise.
    """
    wanted = tuple(tenants)
    documents = _Documents()
    end = time.monotonic() + limit_s
    consumer = Consumer(
        client_config(
            settings,
            group_id=f"{settings.app_id}-documents",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
    )
    try:
        consumer.assign(_from_start(consumer, settings.topic(REGULATORY_REPORTS.name)))
        while documents.missing(wanted, day) and time.monotonic() < end:
            for report in _read(consumer):
                documents.take(report)
            check()
    except KafkaException as error:
        raise ReplayError(f"the reports cannot be read: {kafka_error(error).str()}") from error
    finally:
        consumer.close()
    return documents.count(documents.missing(wanted, day))


def _read(consumer: Any) -> list[RegulatoryReport]:
    reports = []
    for message in consumer.consume(_BATCH_RECORDS, _POLL_S):
        if message.error() is not None:
            raise KafkaException(message.error())
        reports.append(decode_regulatory_report(message.value(), FRAME_BYTES))
    return reports


def _from_start(consumer: Any, topic: str) -> list[Any]:
    numbers = partitions_of(consumer, topic)
    return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers]
