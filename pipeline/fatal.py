"""Ending the process at once when only a new one can be right.

What a bug, a broken disk or a lost fence causes must not be followed by a commit. An exception
would not do: Faust restarts an agent on its next event, and a timer could commit what is half
done. So the process ends without any clean-up; the next start recovers from Kafka.
"""

import os
import sys
import traceback
from typing import Final, NoReturn

import structlog

EXIT_CODE: Final = 70

_log: Final = structlog.get_logger(__name__)


def stop_worker(why: str, error: BaseException | None = None) -> NoReturn:
    """Log why and end the process with EXIT_CODE; nothing that is not committed will be."""
    trace = "" if error is None else "".join(traceback.format_exception(error))
    _log.critical("worker stopped", why=why, error=repr(error) if error else None, trace=trace)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_CODE)
