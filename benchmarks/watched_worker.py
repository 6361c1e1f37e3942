"""`tollgate worker` that notes how far a recovery is, for recovery.py alone.

Owns the notes: a line of JSON for each point of a recovery (pipeline/points.py), with the lanes the
worker has, and for each look at a standby's distance, in the file that the worker's id names in
TOLLGATE_POINTS_DIRECTORY. Times are monotonic, the same clock for all processes of a machine. When
told to by a file beside it, the worker kills itself in the middle of a transaction.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Final

import faust

from pipeline import points
from pipeline.telemetry.metrics import Metrics

POINTS_DIRECTORY: Final = "TOLLGATE_POINTS_DIRECTORY"
KILLED: Final = "killed"
STANDBY: Final = "standby"

_RECOVERY: Final = frozenset(point for point in points.POINTS if point.startswith("recovery."))


def notes_file(directory: Path, worker_id: str) -> Path:
    """Where a worker's notes are."""
    return directory / f"{worker_id}.jsonl"


def kill_file(directory: Path, worker_id: str) -> Path:
    """While it exists, the worker kills itself in its next transaction."""
    return directory / f"{worker_id}.kill"


class Notes:
    """Writes lines as things happen; the file is complete up to a kill -9."""

    def __init__(self, directory: Path, app: Any) -> None:
        """Take the app whose lanes are noted."""
        worker_id = app.settings.worker_id
        self._file: Final = notes_file(directory, worker_id).open("a", buffering=1)
        self._kill: Final = kill_file(directory, worker_id)
        self._app: Final = app

    def reached(self, point: str) -> None:
        """The product is at one of its points."""
        if point in _RECOVERY:
            self.write(point, lanes=sorted(self._app.stores["gate"].lanes))
        elif point == points.COMMIT_FLUSHED and self._kill.exists():
            self.write(KILLED)
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, point: str, **facts: Any) -> None:
        """Note a point and the time."""
        self._file.write(json.dumps({"point": point, "at_s": time.monotonic(), **facts}) + "\n")


def main() -> None:
    """Run until SIGTERM."""
    from pipeline.app import app  # noqa: PLC0415 -- builds the app from the environment

    notes = Notes(Path(os.environ[POINTS_DIRECTORY]), app)
    points.install(notes.reached)
    show = Metrics.standing_by

    def standing_by(metrics: Metrics, table: str, lane: int, records_left: int) -> None:
        show(metrics, table, lane, records_left)
        notes.write(STANDBY, lane=lane, left=records_left)

    setattr(Metrics, "standing_by", standing_by)  # noqa: B010 -- mypy refuses the assignment
    faust.Worker(
        app, loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
