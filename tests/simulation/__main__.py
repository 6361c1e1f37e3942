"""Command line of the simulation: many schedules on all cores, or one of them in full.

The last line of the output is JSON. The exit code is 1 when there is a violation.
"""

import argparse
import gc
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline import points
from tests.simulation.product import simulated
from tests.simulation.schedule import run_schedule

_CHUNK: Final = 100
_SHOWN_MAX: Final = 10


@dataclass
class Summary:
    """What many schedules came to."""

    schedules: int = 0
    fingerprints: set[int] = field(default_factory=set)
    operations_min: int | None = None
    faultless: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    # Seed -> its violations.
    violations: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: "Summary") -> None:
        """Take in what another process found."""
        self.schedules += other.schedules
        self.fingerprints |= other.fingerprints
        least = [n for n in (self.operations_min, other.operations_min) if n is not None]
        self.operations_min = min(least, default=None)
        self.faultless += other.faultless
        self.faults += other.faults
        self.crashes += other.crashes
        self.violations |= other.violations

    def as_json(self) -> dict[str, Any]:
        """The last line."""
        return {
            "schedules": self.schedules,
            "violations": len(self.violations),
            "distinct": len(self.fingerprints),
            "operations_min": self.operations_min,
            "faultless": self.faultless,
            "faults": sum(self.faults.values()),
            "points": {point: self.crashes[point] for point in points.POINTS},
        }


def run_seeds(seeds: Iterable[int]) -> Summary:
    """Run the schedules of these seeds, one after another."""
    summary = Summary()
    with simulated():
        for seed in seeds:
            result = run_schedule(seed)
            summary.add(
                Summary(
                    1,
                    {result.fingerprint},
                    result.operations,
                    int(not result.faults),
                    result.faults,
                    result.crashes,
                    {seed: result.violations} if result.violations else {},
                )
            )
    return summary


def run_all(first: int, count: int, processes: int) -> Iterator[Summary]:
    """Run `count` schedules from seed `first` on; yields what each chunk came to."""
    chunks = [
        range(start, min(start + _CHUNK, first + count))
        for start in range(first, first + count, _CHUNK)
    ]
    if processes == 1:
        yield from map(run_seeds, chunks)
        return
    with ProcessPoolExecutor(processes, initializer=_begin) as pool:
        yield from pool.map(run_seeds, chunks)


def _begin() -> None:
    # What a schedule leaves behind is mostly free of cycles; a rare pass is enough.
    gc.set_threshold(50_000, 20, 100)


def _many(first: int, count: int, processes: int) -> Summary:
    total = Summary()
    bar = sys.stderr.isatty()
    for summary in run_all(first, count, processes):
        total.add(summary)
        if bar:
            share = total.schedules * 40 // count
            sys.stderr.write(
                f"\r[{'#' * share:<40}] {total.schedules} schedules, "
                f"{len(total.violations)} violated "
            )
    if bar:
        sys.stderr.write("\n")
    for seed, violations in sorted(total.violations.items())[:_SHOWN_MAX]:
        print(f"seed {seed}: {violations[0]}")  # noqa: T201
        print(f"  again: make simulate SEED={seed}")  # noqa: T201
    return total


def _one(seed: int) -> Summary:
    with simulated():
        result = run_schedule(seed)
    for line in result.trace:
        print(line)  # noqa: T201
    for violation in result.violations:
        print(f"violation: {violation}")  # noqa: T201
    return run_seeds([seed])


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=100_000, help="how many seeds, from 0 on")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one and show every step of it")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    if asked.seed is not None:
        summary = _one(asked.seed)
    else:
        summary = _many(asked.first, asked.schedules, asked.processes)
    print(json.dumps(summary.as_json()))  # noqa: T201
    return int(bool(summary.violations))


if __name__ == "__main__":
    sys.exit(main())
