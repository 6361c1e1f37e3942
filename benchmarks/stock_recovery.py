"""The stock Faust agent with a stopwatch around its recovery, for recovery.py alone.

Owns where the stopwatch sits: from the moment Faust begins to read the changelogs, with offsets and
ends known, until it has applied the last record. Both go, with the monotonic time, as lines of JSON
into the file that TOLLGATE_RECOVERY_FILE names.
"""

import json
import os
import time
from pathlib import Path
from typing import Any, Final

import faust
from faust.tables.recovery import Recovery

from benchmarks.stock_faust import create_app
from pipeline.settings import Settings

RECOVERY_FILE: Final = "TOLLGATE_RECOVERY_FILE"
STARTED: Final = "started"
ENDED: Final = "ended"


def _noted(method: Any, what: str, file: Path) -> Any:
    def run(recovery: Recovery) -> None:
        method(recovery)
        with file.open("a") as lines:
            lines.write(json.dumps({"what": what, "at_s": time.monotonic()}) + "\n")

    return run


def main() -> None:
    """Run until SIGTERM."""
    file = Path(os.environ[RECOVERY_FILE])
    # Faust says that it starts once when it begins to ask for offsets, and again when it reads.
    for name, what in (("_set_recovery_started", STARTED), ("_set_recovery_ended", ENDED)):
        setattr(Recovery, name, _noted(getattr(Recovery, name), what, file))
    app = create_app(Settings.load())
    faust.Worker(
        app, loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
