"""Several workers of one machine under one process that starts them, restarts them and ends them.

Owns the workers' processes and nothing of what they do: each is an ordinary `tollgate worker` with
an id, a data directory and an endpoint of its own, and the group shares the lanes out among them.
What a worker's end means is its exit code:

    0                    it was stopped as asked; it stays stopped
    70, or a signal      starting it again is right: it is, after a pause that grows
    anything else        starting it again would not help: all are ended

No worker outlives the supervisor. The kernel kills them when it ends (PR_SET_PDEATHSIG), also when
it was killed with -9, and whatever a worker is doing: a pipe that each would have to watch could
not end one that is stopped or stuck. Killing them loses nothing, they recover. Elsewhere than on
Linux there is no such call.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from pipeline.fatal import EXIT_CODE
from pipeline.local.cpus import cpus_text, shares
from pipeline.local.processes import dying_with_parent
from pipeline.settings import PROJECT_ROOT, Settings, SettingsError

# As long as `tollgate down` waits: a worker commits what it has and leaves its group.
STOP_S_MAX: Final = 60.0
_PAUSE_S_MIN: Final = 1.0
_PAUSE_S_MAX: Final = 30.0
# Who has run for so long has recovered: its next end is counted as its first.
_HEALTHY_S: Final = 60.0
_POLL_S: Final = 0.1
_PORT_MAX: Final = 65_535

_log: Final = structlog.get_logger(__name__)

Launch = Callable[["Plan"], subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Plan:
    """What one worker is started with; `cpus`: None where it may run anywhere."""

    worker_id: str
    data_dir: Path
    metrics_port: int
    cpus: Sequence[int] | None

    @property
    def command(self) -> list[str]:
        """Its command line, which `ps` shows."""
        place = [] if self.cpus is None else ["--cpus", cpus_text(self.cpus)]
        own = ["--worker-id", self.worker_id, "--data-dir", str(self.data_dir)]
        # -P: what lies in the current directory is no module of ours.
        return [sys.executable, "-P", "-m", "pipeline", "worker", "--processes", "1", *own, *place]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        """Its environment, made of the supervisor's."""
        path = os.pathsep.join(filter(None, (str(PROJECT_ROOT), env.get("PYTHONPATH"))))
        return {**env, "PYTHONPATH": path, "TOLLGATE_METRICS_PORT": str(self.metrics_port)}


def plans(settings: Settings, processes: int, cpus: Sequence[int] | None) -> list[Plan]:
    """One plan a worker. Raises SettingsError where there are too few ports for them."""
    port = settings.metrics_port
    if port and port + processes - 1 > _PORT_MAX:
        raise SettingsError(
            f"metrics_port {port} and the {processes - 1} after it: the greatest port is "
            f"{_PORT_MAX}; choose a lower one, or 0"
        )
    if processes > settings.partitions:
        raise SettingsError(
            f"{processes} processes for {settings.partitions} lanes: a worker without a lane does "
            f"nothing; start at most {settings.partitions}"
        )
    placed = [None] * processes if cpus is None else shares(cpus, processes)
    return [
        Plan(
            worker_id=f"{settings.worker_id}-{number}",
            data_dir=Path(settings.data_dir) / f"process-{number}",
            metrics_port=port + number - 1 if port else 0,
            cpus=share,
        )
        for number, share in enumerate(placed, start=1)
    ]


def launch(plan: Plan) -> subprocess.Popen[bytes]:
    """Start a worker; its log goes where the supervisor's goes.

    In a session of its own: Ctrl-C reaches the supervisor alone, which then ends all in order.
    """
    return subprocess.Popen(  # noqa: S603 - our own command, no shell
        dying_with_parent(plan.command),
        stdin=subprocess.DEVNULL,
        env=plan.env(os.environ),
        start_new_session=True,
    )


@dataclass(frozen=True)
class _Waiting:
    """A worker that is started again at `due_s` (monotonic)."""

    due_s: float


@dataclass(frozen=True)
class _Running:
    """A worker's process; `since_s` (monotonic)."""

    process: subprocess.Popen[bytes]
    since_s: float


class _Worker:
    """One worker: its plan, its process or its next start, and how often it has ended in a row."""

    def __init__(self, plan: Plan) -> None:
        self.plan: Final = plan
        self.state: _Running | _Waiting | None = _Waiting(0.0)
        self.endings = 0


class Supervisor:
    """Runs workers until a signal says stop, none is left, or starting again would not help."""

    def __init__(
        self, wanted: Sequence[Plan], *, start: Launch = launch, stop_s_max: float = STOP_S_MAX
    ) -> None:
        """Nothing is started yet."""
        self._workers: Final = [_Worker(plan) for plan in wanted]
        self._start: Final = start
        self._stop_s_max: Final = stop_s_max
        self._asked: signal.Signals | None = None

    def run(self) -> int:
        """Start all, and return the exit code when all have ended. For the main thread only."""
        before = {
            number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            return self._run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        # What was asked first counts. Python calls this between two steps of `_run`.
        del frame
        self._asked = self._asked or signal.Signals(number)

    def _run(self) -> int:
        _log.info("supervising", workers=[worker.plan.worker_id for worker in self._workers])
        while self._asked is None:
            for worker in self._workers:
                if not self._look_after(worker):
                    _log.critical(
                        "all are ended: starting it again would not help",
                        worker=worker.plan.worker_id,
                    )
                    self._end_all(signal.SIGTERM)
                    return 1
            if all(worker.state is None for worker in self._workers):
                _log.info("no worker is left: each was stopped as asked")
                return 0
            time.sleep(_POLL_S)
        return self._end_all(self._asked)

    def _look_after(self, worker: _Worker) -> bool:
        """Start it when it is due; see what its end means. False: starting again will not help."""
        match worker.state:
            case _Waiting(due_s) if time.monotonic() >= due_s:
                self._begin(worker)
            case _Running(process, since_s) if (code := process.poll()) is not None:
                worker.state = None
                if code == 0:
                    _log.warning(
                        "worker ended as asked by somebody else; it is not started again",
                        worker=worker.plan.worker_id,
                    )
                    return True
                if code != EXIT_CODE and code > 0:
                    _log.error("worker ended", worker=worker.plan.worker_id, how=_said(code))
                    return False
                self._start_later(worker, _said(code), time.monotonic() - since_s)
            case _:
                pass
        return True

    def _begin(self, worker: _Worker) -> None:
        try:
            process = self._start(worker.plan)
        except OSError as error:
            # The machine is short of memory or of processes, as it may have been of what ended it.
            self._start_later(worker, f"not started: {error}", 0.0)
            return
        worker.state = _Running(process, time.monotonic())
        _log.info(
            "worker started",
            worker=worker.plan.worker_id,
            pid=process.pid,
            cpus=None if worker.plan.cpus is None else cpus_text(worker.plan.cpus),
        )

    def _start_later(self, worker: _Worker, how: str, lived_s: float) -> None:
        worker.endings = 1 if lived_s >= _HEALTHY_S else worker.endings + 1
        pause_s = pause_before(worker.endings)
        worker.state = _Waiting(time.monotonic() + pause_s)
        _log.warning(
            "worker ended; it is started again, and recovers",
            worker=worker.plan.worker_id,
            how=how,
            lived_s=round(lived_s, 1),
            in_a_row=worker.endings,
            pause_s=pause_s,
        )

    def _end_all(self, number: signal.Signals) -> int:
        """Pass the signal on and wait; kill who takes too long. 0 when it stopped all, else 70."""
        running = [
            (worker.plan.worker_id, worker.state.process)
            for worker in self._workers
            if isinstance(worker.state, _Running)
        ]
        _log.info("stopping", signal=number.name, workers=[name for name, _ in running])
        # All are told first: they leave the group together instead of handing lanes on in turn.
        for _, process in running:
            process.send_signal(number)
        end_s = time.monotonic() + self._stop_s_max
        clean = True
        for name, process in running:
            try:
                code = process.wait(max(0.0, end_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.error("worker killed: it did not stop", worker=name, limit_s=self._stop_s_max)
                process.kill()
                code = process.wait()
            _log.info("worker ended", worker=name, how=_said(code))
            # Who was not far enough to have a handler yet has been ended by the signal itself.
            clean = clean and code in {0, -number}
        _log.info("stopped", clean=clean)
        return 0 if clean else EXIT_CODE


def pause_before(start: int) -> float:
    """Seconds to wait before a worker is started for the `start`-th time in a row."""
    return min(_PAUSE_S_MAX, _PAUSE_S_MIN * 2.0 ** min(start - 1, 30))


def supervise(settings: Settings, processes: int, cpus: Sequence[int] | None) -> int:
    """Run so many workers; the exit code when all have ended. Raises SettingsError."""
    wanted = plans(settings, processes, cpus)
    absolute = [replace(plan, data_dir=plan.data_dir.absolute()) for plan in wanted]
    return Supervisor(absolute).run()


def _said(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
