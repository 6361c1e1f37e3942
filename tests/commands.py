"""Commands that run until SIGTERM, as child processes of a test."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from pipeline.settings import PROJECT_ROOT, Settings
from tests.flow import WAIT_S, wait_for


class CommandProcess:
    """A `tollgate` command with `--json`; it says `ready_words` once it does its work."""

    def __init__(self, settings: Settings, log: Path, ready_words: str, *arguments: str) -> None:
        self.log = log
        self._ready_words = ready_words
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", *arguments, "--json"],
                env=os.environ | settings.as_env(),
                cwd=PROJECT_ROOT,
                stdout=output,
                stderr=output,
            )

    def ready(self) -> Self:
        """Wait until it does its work."""
        wait_for(lambda: self._ready_words in self.text(), f"{self._ready_words!r}: {self.log}")
        return self

    def text(self) -> str:
        """Its log; it must be running."""
        text = self.log.read_text(errors="replace")
        assert self.process.poll() is None, f"it ended: {text[-3000:]}"
        return text

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(WAIT_S)

    def stop(self) -> dict[str, Any]:
        """SIGTERM; what it prints at its end."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(WAIT_S) == 0, self.log.read_text()
        result: dict[str, Any] = json.loads(self.log.read_text().splitlines()[-1])
        return result


@contextlib.contextmanager
def command(
    settings: Settings, log: Path, ready_words: str, *arguments: str
) -> Iterator[CommandProcess]:
    """One that does not outlive the block."""
    started = CommandProcess(settings, log, ready_words, *arguments)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()
