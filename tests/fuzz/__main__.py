"""Command line of the fuzzer: many records through many lanes, on all cores.

The last line of the output is JSON. The exit code is 1 when there is a failure.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any, Final

from pipeline.risk.records import AUDIT_OUTCOME_NAMES
from tests.fuzz.judge import EVERY_REASON
from tests.fuzz.lane import Summary, run_lane
from tests.fuzz.source import LANE_RECORDS

_BAR: Final = 40
# Column of the last line, in the order of the outcomes' names.
_COLUMNS: Final = ("decisions", "facts", "ignored", "dead_letters")


def run(seed: int, records: int, processes: int) -> Iterator[Summary]:
    """Put so many records through the lanes from `seed` on; yields what each lane came to."""
    lanes = range(seed, seed - (-records // LANE_RECORDS))
    sizes = [min(LANE_RECORDS, records - LANE_RECORDS * number) for number in range(len(lanes))]
    if processes == 1 or len(lanes) == 1:
        yield from map(run_lane, lanes, sizes)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from _until_failure(pool, lanes, sizes)


def _until_failure(pool: Executor, lanes: range, sizes: list[int]) -> Iterator[Summary]:
    for summary in pool.map(run_lane, lanes, sizes):
        yield summary
        if summary.failures:
            pool.shutdown(cancel_futures=True)
            return


def run_all(seed: int, records: int, processes: int) -> Summary:
    """The sum of it, with a bar on a terminal; stops at the first failure."""
    total = Summary()
    bar = sys.stderr.isatty()
    for summary in run(seed, records, processes):
        total.add(summary)
        if bar:
            share = "#" * (total.records * _BAR // records)
            sys.stderr.write(
                f"\r[{share:<{_BAR}}] {total.records:,} of {records:,} records, "
                f"{len(total.failures)} failed "
            )
        if summary.failures:
            break
    if bar:
        sys.stderr.write("\n")
    return total


def as_json(total: Summary, seconds: int) -> dict[str, Any]:
    """The last line."""
    counts = zip(_COLUMNS, map(total.outcomes, AUDIT_OUTCOME_NAMES), strict=True)
    return {
        "records": total.records,
        **dict(counts),
        "reasons_seen": len(total.reasons),
        "seconds": seconds,
        "failures": len(total.failures),
    }


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of the first lane")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--reasons", action="store_true", help="show how often each was seen")
    asked = parser.parse_args()
    started = time.monotonic()
    total = run_all(asked.seed, asked.records, asked.processes)
    if asked.reasons:
        for (outcome, reason), count in sorted(total.reasons.items()):
            print(f"{outcome:<12} {reason:<24} {count:>9,}")  # noqa: T201
    unseen = sorted(EVERY_REASON - set(total.reasons))
    for outcome, reason in unseen:
        print(f"never seen: {outcome} {reason}")  # noqa: T201
    for text in total.failures:
        print(text)  # noqa: T201
    print(json.dumps(as_json(total, round(time.monotonic() - started))))  # noqa: T201
    return int(bool(total.failures))


if __name__ == "__main__":
    sys.exit(main())
