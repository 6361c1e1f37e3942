"""The operator on call: after the broker was hurt, finishes the transactions it left hanging.

Does what docs/operations.md says under "A transaction hangs", and nothing else. Workers do not wait
for it: the next faults go on meanwhile.
"""

import os
import subprocess
import sys
import time
from typing import Final

from pipeline.settings import Settings
from tests.chaos.journal import Journal
from tests.chaos.kafka import Kafka

# By then what the broker can still end by itself has ended.
_COMES_AFTER_S: Final = 8.0
# What a worker had open when the broker came back may hang a moment later: looked for again.
_ROUNDS: Final = 3


class Oncall:
    """Looks after one run; one thread drives it, by calling `tick`."""

    def __init__(self, settings: Settings, kafka: Kafka, journal: Journal) -> None:
        """`settings`: those of the run, with the straight way to the broker."""
        self._settings: Final = settings
        self._kafka: Final = kafka
        self._journal: Final = journal
        self._seen: float | None = None
        self._rounds = 0
        self._next_at = 0.0
        self._running: subprocess.Popen[str] | None = None

    def tick(self) -> None:
        """Start what is due and hear what has ended."""
        if self._running is not None:
            if self._running.poll() is not None:
                self._hear(self._running)
                self._running = None
            return
        if self._kafka.hurt_at is not None and self._kafka.hurt_at != self._seen:
            self._seen = self._kafka.hurt_at
            self._rounds = _ROUNDS
            self._next_at = self._seen + _COMES_AFTER_S
        if self._rounds and self._kafka.is_well and time.monotonic() >= self._next_at:
            self._rounds -= 1
            self._next_at = time.monotonic() + _COMES_AFTER_S
            self._running = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "transactions", "--finish"],
                env={**os.environ, **self._settings.as_env()},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def leave(self) -> None:
        """The run is over."""
        if self._running is not None:
            self._running.kill()
            self._running.communicate()

    def _hear(self, ended: subprocess.Popen[str]) -> None:
        told, _ = ended.communicate()
        for line in told.splitlines():
            self._journal.tell(f"on call: {line}")
