"""Publishes a replay's records, each with its recorded time as the Kafka time stamp.

Owns one idempotent producer. Keyed records go where murmur2 sends their key, marks to every
partition of their topic. A record that could not be delivered is an error at the next call, never a
line in a log: a gap in the input would make every figure after it wrong.
"""

import time
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import KafkaException, Producer

from pipeline.codecs.avro import encode_deposit, encode_fill, encode_mark, encode_order
from pipeline.codecs.registry import schema_ids
from pipeline.market.errors import ReplayError
from pipeline.market.kafka import client_config, partitions_of
from pipeline.risk.records import Deposit, Fill, Mark, Order
from pipeline.settings import Settings
from pipeline.topics import DEPOSITS, FILLS, MARKS, ORDERS

_FLUSH_S_MAX: Final = 60
_QUEUE_S_MAX: Final = 60
_POLL_EVERY: Final = 64


class Publisher:
    """Publishes orders, fills, deposits and marks; ReplayError when Kafka does not take them."""

    def __init__(self, settings: Settings) -> None:
        """Connect and look up how many partitions `marks` has."""
        client = client_config(
            settings,
            partitioner="murmur2",
            enable_idempotence=True,
            linger_ms=2,
            compression_type=settings.compression,
            delivery_report_only_error=True,
        )
        self._bootstrap: Final = settings.kafka_bootstrap
        self._producer: Any = Producer({**client, "on_delivery": self._delivered})
        self._failure: Any = None
        self._since_poll = 0
        ids = schema_ids(settings)
        self._topics: Final = {
            topic.schema: (settings.topic(topic.name), ids.frame(topic.schema))
            for topic in (ORDERS, FILLS, DEPOSITS, MARKS)
        }
        self._mark_partitions: Final = self._partition_count(self._topics[MARKS.schema][0])

    def __enter__(self) -> Self:
        """Connected already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drop what is not on the broker yet: after an error it would come too late."""
        del kind, error, traceback
        self._producer.purge()
        self._producer = None

    def order(self, order: Order, key: bytes, time_us: int) -> None:
        """Publish a NEW, a REPLACE or a CANCEL."""
        self._send(ORDERS.schema, encode_order(order), time_us, key)

    def fill(self, fill: Fill, key: bytes, time_us: int) -> None:
        """Publish an execution report."""
        self._send(FILLS.schema, encode_fill(fill), time_us, key)

    def deposit(self, deposit: Deposit, key: bytes, time_us: int) -> None:
        """Publish a movement of money."""
        self._send(DEPOSITS.schema, encode_deposit(deposit), time_us, key)

    def mark(self, mark: Mark, time_us: int) -> None:
        """Publish a reference price to every partition, so that every lane sees it."""
        body = encode_mark(mark)
        key = mark.instrument_id.encode()
        for partition in range(self._mark_partitions):
            self._send(MARKS.schema, body, time_us, key, partition=partition)

    def flush(self) -> None:
        """Return once everything published is on the broker."""
        left = self._producer.flush(_FLUSH_S_MAX)
        self._check()
        if left:
            raise ReplayError(
                f"Kafka at {self._bootstrap} has not taken {left} records in {_FLUSH_S_MAX} s: "
                "does the broker still run?"
            )

    def _send(
        self,
        schema: str,
        body: bytes,
        time_us: int,
        key: bytes,
        **where: Any,
    ) -> None:
        topic, frame = self._topics[schema]
        end = time.monotonic() + _QUEUE_S_MAX
        while True:
            try:
                self._producer.produce(topic, frame + body, key, timestamp=time_us // 1000, **where)
                break
            except BufferError:
                self._check()
                if time.monotonic() > end:
                    raise ReplayError(
                        f"Kafka at {self._bootstrap} has taken nothing for {_QUEUE_S_MAX} s: does "
                        "the broker still run?"
                    ) from None
                self._producer.poll(0.1)
        self._since_poll += 1
        if self._since_poll >= _POLL_EVERY:
            self._since_poll = 0
            self._producer.poll(0)
            self._check()

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None and self._failure is None:
            self._failure = error

    def _check(self) -> None:
        if self._failure is not None:
            raise ReplayError(f"a record was not delivered: {self._failure.str()}")

    def _partition_count(self, topic: str) -> int:
        try:
            return len(partitions_of(self._producer, topic))
        except KafkaException as error:
            raise ReplayError(
                f"no Kafka broker answered at {self._bootstrap}: set KAFKA_BOOTSTRAP, or start one "
                "with `tollgate up`"
            ) from error
