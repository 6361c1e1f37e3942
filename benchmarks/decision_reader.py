"""Decisions as they can be read, each with the moment in which this process had it.

Owns the consumer: `read_committed`, from the end of the decisions topic, in a thread of its own,
since librdkafka waits outside the interpreter's lock. What is noted of a decision its users say.
"""

import threading
import time
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from pipeline.settings import Settings
from pipeline.topics import DECISIONS

_REQUEST_S_MAX: Final = 10
_POLL_S: Final = 0.1
_FETCH_WAIT_MS: Final = 5


class DecisionReader(threading.Thread):
    """Reads until it is stopped; subclasses `take` what comes."""

    def __init__(self, settings: Settings) -> None:
        """Stand at the end of the topic; what was decided before is not read."""
        super().__init__(name="decisions", daemon=True)
        self.failure: str | None = None
        self._stopping: Final = threading.Event()
        self._consumer: Any = Consumer(
            settings.confluent(
                group_id=f"{settings.app_id}-latency",
                isolation_level="read_committed",
                enable_auto_commit=False,
                fetch_wait_max_ms=_FETCH_WAIT_MS,
            )
        )
        topic = settings.topic(DECISIONS.name)
        places = [TopicPartition(topic, part) for part in range(settings.partitions)]
        for place in places:
            _, place.offset = self._consumer.get_watermark_offsets(place, timeout=_REQUEST_S_MAX)
        self._consumer.assign(places)

    def take(self, message: Any, now_ns: int) -> None:
        """A decision came, at `now_ns` (monotonic)."""
        raise NotImplementedError

    def run(self) -> None:
        """Read until `stop`."""
        while not self._stopping.is_set():
            message = self._consumer.poll(_POLL_S)
            if message is None:
                continue
            now_ns = time.monotonic_ns()
            if message.error() is not None:
                self.failure = message.error().str()
                continue
            self.take(message, now_ns)
        self._consumer.close()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self.join()
