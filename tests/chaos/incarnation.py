"""One worker process from its start to its end, and everything it told.

Owns the process, the two pipes it writes to (its log, its events) and what can be concluded from
them. A pipe and not a file carries its log, so that a full disk does not silence it.
"""

import json
import os
import signal
import time
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Final

from pipeline import points
from pipeline.fatal import EXIT_CODE
from pipeline.risk.state import InvariantViolated
from pipeline.settings import Settings
from tests.chaos.faults import PointFault
from tests.chaos.nursery import nursery
from tests.chaos.worker import Spec, run
from tests.upgrade.next_version import THIS_RELEASE, Release

_READ_BYTES: Final = 1 << 16
_INVARIANT: Final = InvariantViolated.__name__


@dataclass(frozen=True)
class Ready:
    """The lanes an incarnation said it holds, by family, and the generation that gave them."""

    at: float
    generation: int
    lanes: frozenset[int]


@dataclass
class Told:
    """What an incarnation has told so far; times are the machine's monotonic clock, in seconds.

    `stops`: (point, stopped at, woken at or None). `commits`: (committed at, lanes of the commit).
    `joins`: when it joined a generation. `reason`: why it stopped itself.
    """

    ready: list[Ready] = field(default_factory=list)
    stops: list[tuple[str, float, float | None]] = field(default_factory=list)
    commits: list[tuple[float, frozenset[int]]] = field(default_factory=list)
    joins: list[float] = field(default_factory=list)
    reason: str | None = None


class _Lines:
    """Whole lines of the reading end of a pipe."""

    def __init__(self) -> None:
        self._reading, self.writing = Pipe(duplex=False)
        os.set_blocking(self._reading.fileno(), False)
        self._rest = b""

    def read(self) -> list[bytes]:
        """What has come since the last call."""
        while True:
            try:
                piece = os.read(self._reading.fileno(), _READ_BYTES)
            except BlockingIOError:
                break
            if not piece:
                break
            self._rest += piece
        *lines, self._rest = self._rest.split(b"\n")
        return lines

    def close(self) -> None:
        self._reading.close()


class Incarnation:
    """A worker process with faults of its own. Starts at once."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        chain: tuple[PointFault, ...],
        directory: Path,
        release: Release = THIS_RELEASE,
    ) -> None:
        """`settings`: with the worker's id and data directory; logs go to `directory`."""
        self.name: Final = name
        self.told: Final = Told()
        self.chain: Final = chain
        self.done: Final[list[PointFault]] = []
        self.terminated = False
        self.killed = False
        self.stopped_until: float | None = None
        self._stopped_by_itself = False
        self._log: Final = (directory / f"{name}.log").open("ab", buffering=0)
        self._output: Final = _Lines()
        self._events: Final = _Lines()
        spec = Spec(
            settings.as_env(),
            chain,
            self._output.writing,
            self._events.writing,
            directory / "calm",
            release,
        )
        self._process: Final = nursery().Process(target=run, args=(spec,), name=name)
        self._process.start()
        self._output.writing.close()
        self._events.writing.close()

    @property
    def exit_code(self) -> int | None:
        """None while it lives; negative: ended by that signal."""
        return self._process.exitcode

    @property
    def is_up(self) -> bool:
        """It has had an assignment, and nothing has been done to it that ends or stops it."""
        touched = self.killed or self.terminated or self.stopped_until is not None
        return self.exit_code is None and not touched and bool(self.told.ready)

    @property
    def left(self) -> tuple[PointFault, ...]:
        """Faults that have not occurred."""
        return self.chain[len(self.done) :]

    def kill(self) -> None:
        """SIGKILL."""
        self.killed = True
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM."""
        self.terminated = True
        self._send(signal.SIGTERM)

    def show_stacks(self) -> None:
        """Into its log: where every thread and task stands (Faust does that on SIGUSR1)."""
        self._send(signal.SIGUSR1)

    def pause(self, seconds: float) -> None:
        """SIGSTOP now, SIGCONT by `listen` when the time has come."""
        self._send(signal.SIGSTOP)
        self.stopped_until = time.monotonic() + seconds

    def listen(self) -> list[PointFault]:
        """Take what it told, wake it when it is time; the faults that have just occurred.

        Called every few hundredths of a second.
        """
        for line in self._output.read():
            self._log.write(line + b"\n")
            self._hear(line)
        occurred = []
        for line in self._events.read():
            fault = self._note(json.loads(line))
            if fault is not None:
                occurred.append(fault)
        self.done.extend(occurred)
        if self.stopped_until is not None and time.monotonic() >= self.stopped_until:
            self.stopped_until = None
            self._send(signal.SIGCONT)
        return occurred

    def close(self) -> str | None:
        """After its end: what is wrong with how it ended, None when nothing is."""
        self.listen()
        self._output.close()
        self._events.close()
        self._log.close()
        code = self.exit_code
        expected = (
            (code == -signal.SIGKILL and self.killed)
            # Before Faust listens to SIGTERM, the process ends by it.
            or (code in {0, -signal.SIGTERM} and self.terminated)
            or (code == EXIT_CODE and self.told.reason is not None)
        )
        if not expected:
            return f"{self.name} ended by itself with code {code}"
        # The last line of defence has held, but something got as far as there.
        broken = _INVARIANT in (self.told.reason or "")
        return f"{self.name} found an invariant broken: {self.told.reason}" if broken else None

    def _send(self, number: signal.Signals) -> None:
        if self.exit_code is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def _hear(self, line: bytes) -> None:
        """The two lines of its log that matter here."""
        if b'"lanes ready"' in line:
            said = json.loads(line)
            now = time.monotonic()
            self.told.ready.append(Ready(now, said["generation"], frozenset(said["lanes"])))
        elif b'"worker stopped"' in line:
            said = json.loads(line)
            self.told.reason = f"{said['why']}: {said['error']}"

    def _note(self, event: dict[str, Any]) -> PointFault | None:
        at: float = event["at"]
        if event["what"] == "reached":
            if event["point"] == points.COMMIT_COMMITTED:
                self.told.commits.append((at, frozenset(event["lanes"])))
            else:
                self.told.joins.append(at)
            return None
        if event["what"] == "woke":
            point, stopped, _ = self.told.stops[-1]
            self.told.stops[-1] = (point, stopped, at)
            return None
        fault = self.chain[len(self.done)]
        if event["kind"] == "kill":
            self.killed = True
        elif event["kind"] == "stop":
            self.told.stops.append((fault.point, at, None))
            self.stopped_until = at + fault.amount
        return fault


def own_settings(settings: Settings, worker_id: str, data_dir: Path) -> Settings:
    """Settings of one worker process."""
    return replace(settings, worker_id=worker_id, data_dir=str(data_dir))
