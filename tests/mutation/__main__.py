"""`python -m tests.mutation`: which changes to the money code and the checks would go unnoticed.

Owns the run. A mutant that survives must be explained in docs/mutation.md, and whatever is
explained there must survive.
"""

import argparse
import importlib
import json
import os
import sys
import time
from collections import Counter
from typing import Final

from tests.mutation.explained import MODULES, PARTS, ROOT, Explained, explained_rows
from tests.mutation.judging import Order, judged, meet
from tests.mutation.mutating import mutants

# Once, for all judges; the product, because its own finder has to stand behind the mutants'.
BEFOREHAND: Final = ("hypothesis", "pipeline")


def _pure() -> None:
    """Start anew on plain Python: compiled modules cannot be changed."""
    if os.environ.get("TOLLGATE_PURE") != "1":
        arguments = [sys.executable, "-m", "tests.mutation", *sys.argv[1:]]
        os.execve(sys.executable, arguments, os.environ | {"TOLLGATE_PURE": "1"})  # noqa: S606


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """The exit code: 1 when a survivor is not explained, or what is explained does not survive."""
    _pure()
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--part", choices=PARTS, help="those of a part of the core")
    parser.add_argument("--only", default="", help="those whose module or row contains this")
    parser.add_argument("--quick", action="store_true", help="without the random histories")
    parser.add_argument("--unexplained", action="store_true", help="without those explained")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    given = parser.parse_args()
    for needed in BEFOREHAND:
        importlib.import_module(needed)
    begun = time.monotonic()
    modules = PARTS[given.part] if given.part else MODULES
    every = [mutant for module in modules for mutant in mutants(ROOT, module)]
    explained = explained_rows()
    asked = [
        mutant
        for mutant in every
        if given.only in mutant.module + mutant.row
        and not (given.unexplained and Explained(mutant.module, mutant.row) in explained)
    ]
    met = meet({mutant.module for mutant in asked}, histories=not given.quick)
    if met.failures:
        _say("\n".join(["mutation: the tests fail without any mutant", *met.failures]))
        return 2
    survived: set[Explained] = set()
    counts = Counter[tuple[str, bool]]()
    for verdict in judged(asked, Order(met, histories=not given.quick), given.jobs):
        mutant = verdict.mutant
        counts[mutant.module, verdict.killed] += 1
        if verdict.killed:
            continue
        row = Explained(mutant.module, mutant.row)
        survived.add(row)
        known = "explained" if row in explained else "UNEXPLAINED"
        _say(f"{known} survivor {mutant.module}:{mutant.line}\n  {mutant.row}")
    outdated = explained & {Explained(mutant.module, mutant.row) for mutant in asked} - survived
    for each in sorted(outdated):
        _say(f"explained, but killed: {each.module}\n  {each.row}")
    for module in sorted({mutant.module for mutant in asked}):
        killed_count = counts[module, True]
        _say(f"{module}: {killed_count} of {killed_count + counts[module, False]} killed")
    _say(json.dumps(_figures(counts, time.monotonic() - begun)))
    return int(bool(outdated or survived - explained))


def _figures(counts: Counter[tuple[str, bool]], seconds: float) -> dict[str, float]:
    killed = sum(count for (_, is_killed), count in counts.items() if is_killed)
    total = counts.total()
    figures = {"mutants": total, "killed": killed, "survived": total - killed}
    return {**figures, "score": round(killed / max(1, total), 4), "seconds": round(seconds)}


if __name__ == "__main__":
    sys.exit(main())
