"""Everything the harness publishes goes through here, straight to the broker.

Owns the producer and what was acknowledged. The workers' way to the broker may be cut; this one is
not, and it waits for a broker that is being restarted.
"""

import threading
import time
from typing import Any, Final

from confluent_kafka import Producer

from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from tests.flow import encode

_DELIVERY_MS_MAX: Final = 300_000


def now_us() -> int:
    """The wall clock, in microseconds."""
    return time.time_ns() // 1_000


class Gateway:
    """An idempotent producer into the topics of one run; safe for several threads."""

    def __init__(self, settings: Settings) -> None:
        """Connect; topics must exist."""
        self._settings: Final = settings
        self._producer: Final = Producer(
            {
                **settings.confluent(
                    partitioner="murmur2",
                    enable_idempotence=True,
                    linger_ms=5,
                    message_max_bytes=2**20,
                    delivery_timeout_ms=_DELIVERY_MS_MAX,
                ),
                "log_level": 0,
            }
        )
        self._lock: Final = threading.Lock()
        # (topic on the broker, partition) -> highest acknowledged offset.
        self.last_offsets: Final[dict[tuple[str, int], int]] = {}
        self.failures: Final[list[str]] = []

    def send(self, topic: str, name: str, record: dict[str, Any]) -> bytes:
        """Publish a record to its user's partition; its bytes, to send them again."""
        value = encode(name, record)
        self.send_raw(topic, record["user_id"].encode(), value)
        return value

    def send_raw(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None
    ) -> None:
        """Publish bytes as they are."""
        place = partition
        if place is None:
            place = partition_of(key or b"", self._settings.partitions)
        while True:
            try:
                self._producer.produce(
                    self._settings.topic(topic), value, key, place, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.1)
                continue
            self._producer.poll(0)
            return

    def broadcast(self, topic: str, key: bytes, value: bytes) -> None:
        """Publish a record once into every partition."""
        for partition in range(self._settings.partitions):
            self.send_raw(topic, key, value, partition)

    def flush(self) -> None:
        """Wait until everything sent is acknowledged. Raises RuntimeError when it is not."""
        left = self._producer.flush(_DELIVERY_MS_MAX / 1000)
        if left or self.failures:
            raise RuntimeError(f"the workload was not all published: {left} {self.failures[:3]}")

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self.failures.append(str(error))
            return
        place = (message.topic(), message.partition())
        with self._lock:
            self.last_offsets[place] = max(self.last_offsets.get(place, -1), message.offset())
