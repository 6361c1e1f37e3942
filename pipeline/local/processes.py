"""Child processes that other processes can find again.

Owns starting, finding and ending one child. A child holds a lock on a file of its own for as long
as it lives, so whether it runs is a question to the kernel: a stale process id is never taken for
a living child, and no stranger's process is ever signalled. Must never know what it runs.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.05
_LOG_TAIL_BYTES: Final = 16_384

# Runs in the child between fork and exec of the program. The kernel's PR_SET_PDEATHSIG ends the
# child when the thread that started it ends; the check after it closes the gap in which the parent
# died before the call. Elsewhere than on Linux there is no such call and the child lives on.
_DIE_WITH_PARENT: Final = """
import ctypes, os, signal, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit("the process that started this one has ended")
os.execvp(command[0], command)
"""


class AlreadyRunningError(RuntimeError):
    """The child that was to be started runs already."""


class ManagedProcess:
    """One child process, known by its lock file.

    The lock file holds the process id; its lock, not its content, says whether the child lives.
    """

    def __init__(self, lock: Path) -> None:
        """`lock` is made when the child is first started; its directory must exist by then."""
        self.lock = lock
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The living child's process id, whoever started it; None when there is none."""
        if not self.lock.exists():
            return None
        with self.lock.open("rb") as file:
            if _try_lock(file.fileno()):
                self._reap()
                return None
            return int(file.read() or 0) or None

    def start(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        directory: Path | None = None,
        detached: bool = False,
    ) -> None:
        """Start `command` in a session of its own, its output going to `log`.

        A session of its own keeps Ctrl-C in the terminal from reaching it, so that its parent can
        end things in order. Unless `detached`, it is killed when the calling thread ends (Linux).
        Raises AlreadyRunningError, or FileNotFoundError when there is no such program.
        """
        if not detached:
            command = dying_with_parent(command)
        with self.lock.open("a+b") as lock, log.open("ab") as output:
            if not _try_lock(lock.fileno()):
                raise AlreadyRunningError(f"{self.lock}: its process runs already")
            # The lock belongs to the open file, which the child inherits; it outlives ours.
            self._child = subprocess.Popen(  # noqa: S603 - our own command, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=directory,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
            lock.truncate(0)
            lock.write(str(self._child.pid).encode())

    def stop(self, grace_s: float) -> bool:
        """SIGTERM, then SIGKILL if it lives after `grace_s`. True when SIGTERM was enough."""
        if self.terminate() and not self.wait(grace_s):
            self.kill()
            return False
        return True

    def terminate(self) -> bool:
        """SIGTERM, without waiting; False when there is no child."""
        return self.send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        while self.send(signal.SIGKILL) and not self.wait(1):
            pass

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False when there is no child to send it to."""
        pid = self.pid
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def wait(self, limit_s: float) -> bool:
        """Wait until the child is gone; False when it still lives after `limit_s`."""
        end = time.monotonic() + limit_s
        while self.pid is not None:
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)
        return True

    def _reap(self) -> None:
        # The lock is free as soon as the child's files are closed, a moment before it is a zombie.
        if self._child is not None:
            self._child.wait()
            self._child = None


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """`command` such that the kernel kills it when the thread that starts it ends (Linux)."""
    shim = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())]
    return [*shim, *command]


def log_tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log file, "" when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def _try_lock(descriptor: int) -> bool:
    """Lock without waiting; the lock goes when the file is closed. False when another holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
