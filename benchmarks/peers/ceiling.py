"""The ceiling: `python -m benchmarks.peers.ceiling SETTINGS_FILE`.

Copies the profile's bytes transactionally and decides nothing: for each order read it writes a
decision, an audit record and two changelog rows, of the sizes and the content that the profile
makes, with source offsets in the same transaction. One librdkafka consumer and one producer; the
bytes are those of the first orders, made before it starts and sent again and again. Runs until
SIGTERM.
"""

import signal
import sys
import threading
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from benchmarks.peers.profile_core import LaneHead, Output, ProfileCore, Settings

_SAMPLED: Final = 2_000
_FETCHED_MAX: Final = 2_000
_STEP_S_MAX: Final = 30.0


class Copier:
    """Reads orders and writes what a decision of each would come to, less the deciding."""

    def __init__(self, settings: Settings) -> None:
        """Join the group and fence an earlier self."""
        self._settings: Final = settings
        client = {"bootstrap.servers": settings["bootstrap"]}
        self._consumer: Final = Consumer(
            {
                **client,
                "group.id": settings["app_id"],
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "queued.max.messages.kbytes": 65_536,
            }
        )
        self._producer: Final = Producer(
            {
                **client,
                "transactional.id": settings["app_id"],
                "compression.type": settings["compression"],
                "linger.ms": 100,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 1 << 20,
            }
        )
        self._producer.init_transactions(_STEP_S_MAX)
        self._consumer.subscribe([settings["orders"]])
        self._commit_s: Final = int(settings["commit_interval_ms"]) / 1000

    def sample(self) -> list[Output]:
        """What the first orders come to."""
        core, sampled = ProfileCore(self._settings), list[Output]()
        heads: dict[int, LaneHead] = {}
        while len(sampled) < _SAMPLED:
            for record in self._consumer.consume(_SAMPLED, 1.0)[: _SAMPLED - len(sampled)]:
                lane = record.partition() or 0
                head = heads.setdefault(lane, LaneHead(None, 0))
                key, value = record.key() or b"", record.value() or b""
                order = core.order_of(value)
                sampled.append(
                    core.decide(
                        head,
                        lane,
                        record.offset() or 0,
                        record.timestamp()[1],
                        key,
                        value,
                        order,
                        None,
                        None,
                    )
                )
        for place in self._consumer.assignment():
            self._consumer.seek(TopicPartition(place.topic, place.partition, 0))
        return sampled

    def run(self, stopping: threading.Event) -> None:
        """Copy until told to stop."""
        outputs = cycle(self.sample())
        while not stopping.is_set():
            records = self._consumer.consume(_FETCHED_MAX, 0.1)
            if not records:
                continue
            begun = time.monotonic()
            self._producer.begin_transaction()
            while records:
                self._copy(records, outputs)
                if time.monotonic() - begun >= self._commit_s:
                    break
                records = self._consumer.consume(_FETCHED_MAX, 0.0)
            self._producer.flush(_STEP_S_MAX)
            self._producer.send_offsets_to_transaction(
                self._consumer.position(self._consumer.assignment()),
                self._consumer.consumer_group_metadata(),
                _STEP_S_MAX,
            )
            self._producer.commit_transaction(_STEP_S_MAX)
        self._consumer.close()

    def _copy(self, records: list[Message], outputs: "cycle[Output]") -> None:
        settings, produce = self._settings, self._producer.produce
        decisions, audit, changelog = (
            settings["decisions"],
            settings["audit"],
            settings["changelog"],
        )
        for record, output in zip(records, islice(outputs, len(records)), strict=True):
            if record.error() is not None:
                raise KafkaException(record.error())
            key, lane = record.key(), record.partition() or 0
            produce(decisions, output.decision, key, lane)
            produce(audit, output.audit, key, lane)
            produce(changelog, output.user_row, key, lane)
            if output.order_row is not None:
                produce(changelog, output.order_row, key, lane)
        self._producer.poll(0)


def main() -> None:
    """Run until SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    Copier(Settings(Path(sys.argv[1]))).run(stopping)


if __name__ == "__main__":
    main()
