"""`tollgate worker` with stopwatches around its stages, for benches/stages.py alone.

Owns where the stopwatches sit. Twice a second it appends the totals so far as a line of JSON to the
file that TOLLGATE_STAGES_FILE names; two lines bracket a window. Timing costs some microseconds an
order, so its throughput is no result.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import faust

from pipeline.agents import gate
from pipeline.agents.gate import Gate, GateLane
from pipeline.streaming.commit import Commit
from pipeline.streaming.epoch_producer import EpochProducer
from pipeline.streaming.merge import LaneMerge
from pipeline.streaming.transport import LaneConsumer
from pipeline.tables.lane import TableLane
from pipeline.tables.sweep import Sweep
from pipeline.telemetry.metrics import Metrics

STAGES_FILE: Final = "TOLLGATE_STAGES_FILE"
_NOTE_EVERY_S: Final = 0.5


class Stages:
    """Wall and processor seconds by stage."""

    def __init__(self) -> None:
        """All zero."""
        self.wall_s: Final[defaultdict[str, float]] = defaultdict(float)
        self.processor_s: Final[defaultdict[str, float]] = defaultdict(float)
        self.calls: Final[defaultdict[str, int]] = defaultdict(int)
        self.inputs = 0

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work` with its time added to `stage`."""
        wall_s, processor_s, calls = self.wall_s, self.processor_s, self.calls
        wall, processor = time.perf_counter, time.thread_time

        def run(*args: Any, **kwargs: Any) -> Any:
            wall_from, processor_from = wall(), processor()
            try:
                return work(*args, **kwargs)
            finally:
                processor_s[stage] += processor() - processor_from
                wall_s[stage] += wall() - wall_from
                calls[stage] += 1

        return run

    def method(self, owner: Any, name: str, stage: str) -> None:
        """Put a stopwatch around a method."""
        setattr(owner, name, self.timed(stage, getattr(owner, name)))

    def totals(self) -> dict[str, Any]:
        """Everything so far."""
        return {
            "at_s": time.monotonic(),
            "inputs": self.inputs,
            "wall_s": dict(self.wall_s),
            "processor_s": dict(self.processor_s),
            "calls": dict(self.calls),
        }


class _TimedBatches:
    """A compiled object's methods cannot be replaced: stands before the lane's batches."""

    def __init__(self, batches: Any, stages: Stages) -> None:
        self.apply: Final = stages.timed("lane", batches.apply)


def install(stages: Stages, file: Path) -> None:
    """Put the stopwatches in place, before the app is built; totals go to `file`."""

    class TimedLane(GateLane):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.batches = _TimedBatches(self.batches, stages)  # type: ignore[misc, assignment]

    on_commit = Metrics.committed
    noted_at = 0.0

    def committed(metrics: Metrics, seconds: float, inputs: int) -> None:
        nonlocal noted_at
        on_commit(metrics, seconds, inputs)
        stages.inputs += inputs
        stages.wall_s["waiting for the commit"] += seconds
        if time.monotonic() - noted_at >= _NOTE_EVERY_S:
            noted_at = time.monotonic()
            with file.open("a") as lines:
                lines.write(json.dumps(stages.totals()) + "\n")

    replacements: list[tuple[Any, str, Any]] = [
        (gate, "GateLane", TimedLane),
        (Metrics, "committed", committed),
    ]
    for owner, name, replacement in replacements:
        setattr(owner, name, replacement)
    stages.method(Gate, "_apply", "batch")
    stages.method(Sweep, "expired", "sweep")
    stages.method(LaneConsumer, "_buffer", "buffer")
    stages.method(LaneMerge, "take", "merge")
    stages.method(Commit, "run", "transaction")
    stages.method(TableLane, "committed", "RocksDB")
    stages.method(EpochProducer, "begin_transaction", "begin")
    stages.method(EpochProducer, "send_outputs", "queue")
    stages.method(EpochProducer, "send_rows", "queue")
    stages.method(EpochProducer, "flush", "flush")
    stages.method(EpochProducer, "send_offsets", "send offsets")
    stages.method(EpochProducer, "commit_transaction", "commit")


def main() -> None:
    """Run until SIGTERM."""
    install(Stages(), Path(os.environ[STAGES_FILE]))
    from pipeline.app import app  # noqa: PLC0415 -- builds the app from what is timed

    faust.Worker(
        app, loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
