"""`tollgate worker` that makes its audit records and does not send them, for `audit_on_vs_off`.

Owns leaving them out. The record is still made and hashed, since the chain is the core's; what it
costs to send, store and acknowledge it is what the figure shows.
"""

from typing import Any

import faust

from pipeline.agents.gate import Gate
from pipeline.settings import Settings
from pipeline.streaming.commit import Output
from pipeline.topics import AUDIT


def install(audit: str) -> None:
    """Take the records of topic `audit` out of what the gate emits."""
    emit = Gate._emit  # noqa: SLF001 -- there is no setting for this, and there shall be none

    def emit_less(
        gate: Gate,
        outputs: list[Output],
        partition: int,
        key: bytes | None,
        result: Any,
        traceparent: str | None,
    ) -> None:
        begin = len(outputs)
        emit(gate, outputs, partition, key, result, traceparent)
        outputs[begin:] = [output for output in outputs[begin:] if output[0] != audit]

    setattr(Gate, "_emit", emit_less)  # noqa: B010 -- mypy does not let a method be assigned


def main() -> None:
    """Run until SIGTERM."""
    install(Settings.load().topic(AUDIT.name))
    from pipeline.app import app  # noqa: PLC0415 -- builds the app with what is left out

    faust.Worker(
        app, loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
