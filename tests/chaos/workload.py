"""The whole workload of a run: orders and money, the venue's answers, operators.

Owns the pace and what must have been applied at the end. Everything goes straight to the broker.
"""

import threading
import time
from typing import Final

from pipeline.settings import Settings
from pipeline.streaming.topic_admin import create_topics
from pipeline.streaming.topic_reader import read_topic
from tests.chaos.gateway import Gateway
from tests.chaos.operators import Operators
from tests.chaos.orders import OrderFlow
from tests.chaos.venue import Venue

_TICK_S: Final = 0.05


class Workload:
    """Runs from `start` to `stop`."""

    def __init__(self, settings: Settings, seed: int, records_per_s: int) -> None:
        """`settings`: of a client that reaches the broker directly. Creates the topics."""
        self._settings: Final = settings
        self._per_s: Final = records_per_s
        create_topics(settings)
        self._gateway: Final = Gateway(settings)
        self._flow: Final = OrderFlow(self._gateway, seed)
        self._venue: Final = Venue(settings, self._gateway, seed)
        self._operators: Final = Operators(settings, seed)
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="orders", daemon=True)

    def start(self) -> None:
        """Definitions and money first, then the flow."""
        self._operators.start()
        self._flow.fund()
        self._venue.start()
        self._thread.start()

    def stop(self) -> dict[tuple[str, int], int]:
        """End the flow; (topic, partition) -> the last input's offset, of every input topic.

        Raises RuntimeError when something sent was not acknowledged.
        """
        self._stop.set()
        self._thread.join()
        self._operators.stop()
        self._venue.stop()
        self._gateway.flush()
        control = self._settings.topic("control")
        last = dict(self._gateway.last_offsets)
        for message in read_topic(self._settings, control, range(self._settings.partitions)):
            partition, offset = message.partition(), message.offset()
            if partition is None or offset is None:
                raise RuntimeError("a control record without a place")
            last[(control, partition)] = max(last.get((control, partition), -1), offset)
        return last

    def _run(self) -> None:
        started = time.monotonic()
        steps = 0
        while not self._stop.wait(_TICK_S):
            due = int((time.monotonic() - started) * self._per_s)
            # After a stall (the broker was away) the pace goes on; what was missed is not made up.
            steps = max(steps, due - self._per_s)
            while steps < due:
                steps += 1
                self._flow.step()
