"""`python -m tests.mutation`: which changes to the money code would go unnoticed.

Owns the run. Each mutant is judged in a process of its own, up to its first failing test. One that
survives must be explained in docs/mutation.md, and whatever is explained there must survive.
"""

import argparse
import importlib
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType
from typing import Final

import pytest

from tests.mutation.explained import MODULES, ROOT, explained_rows
from tests.mutation.mutating import Mutant, mutants

# Once, for all judges; the product, because its own finder has to stand behind the mutants'.
BEFOREHAND: Final = ("hypothesis", "pipeline")
UNIT: Final = ROOT / "tests/unit"
# What catches most comes first; what that leaves alive goes on to the next.
FIRST: Final = (
    UNIT / "test_risk_ledger.py",
    UNIT / "test_risk_settling.py",
    UNIT / "test_risk_arithmetic.py",
    UNIT / "test_risk_money.py",
    UNIT / "test_risk_pledges.py",
    ROOT / "tests/mutation/histories.py",
)
THEN: Final = (*sorted(set(UNIT.glob("test_risk_*.py")) - set(FIRST)), ROOT / "tests/scenarios")
# A mutant that runs in circles is caught by its silence.
SECONDS_MAX: Final = 300
ALL_WELL: Final = 0


class _Changed(SourceFileLoader):
    """Loads a module's mutant in its place."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        """The mutant's."""
        del fullname
        return self.code


class _Finder:
    """Finds the mutant before anything else finds the module."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.module.removesuffix(".py").replace("/", ".")
        self.loader = _Changed(self.name, str(ROOT / mutant.module), mutant.code)

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """None for all modules but one."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, self.loader)


def _judge(mutant: Mutant | None, *, show: bool) -> int:
    """Pytest's exit code for the tree with `mutant`; in a child, which never returns."""
    signal.alarm(SECONDS_MAX)
    if not show:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, sys.stdout.fileno())
        os.dup2(silence, sys.stderr.fileno())
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    quick = ["-q", "-x", "-p", "no:cacheprovider", "--tb", "line", "--disable-warnings"]
    codes = (pytest.main([*quick, *map(str, stage)]) for stage in (FIRST, THEN))
    return next((int(code) for code in codes if code), 0)


def _start(mutant: Mutant | None, *, show: bool = False) -> int:
    """Fork a judge; returns its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _judge(mutant, show=show)
        finally:
            sys.stdout.flush()
            os._exit(code)
    return child


def verdicts(asked: list[Mutant], jobs: int) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant with whether it was killed, as they finish."""
    waiting, running = list(reversed(asked)), dict[int, Mutant]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running[_start(mutant)] = mutant
        child, status = os.wait()
        yield running.pop(child), status != ALL_WELL


def _pure() -> None:
    """Start anew on plain Python: compiled modules cannot be changed."""
    if os.environ.get("TOLLGATE_PURE") != "1":
        arguments = [sys.executable, "-m", "tests.mutation", *sys.argv[1:]]
        os.execve(sys.executable, arguments, os.environ | {"TOLLGATE_PURE": "1"})  # noqa: S606


def main() -> int:
    """The exit code: 1 when a survivor is not explained, or what is explained does not survive."""
    _pure()
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--only", default="", help="those whose row contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    given = parser.parse_args()
    for name in BEFOREHAND:
        importlib.import_module(name)
    _, status = os.waitpid(_start(None, show=True), 0)
    if status != ALL_WELL:
        print("mutation: the tests fail without any mutant")  # noqa: T201
        return 2
    every = [mutant for module in MODULES for mutant in mutants(ROOT, module)]
    asked = [mutant for mutant in every if given.only in mutant.module + mutant.row]
    explained = explained_rows()
    survived: set[str] = set()
    for mutant, killed in verdicts(asked, given.jobs):
        if killed:
            continue
        survived.add(mutant.row)
        known = "explained" if mutant.row in explained else "UNEXPLAINED"
        place = f"{mutant.module}:{mutant.line}"
        print(f"{known} survivor {place}\n  {mutant.row}", flush=True)  # noqa: T201
    outdated = (explained & {mutant.row for mutant in asked}) - survived
    for row in sorted(outdated):
        print(f"explained, but killed: {row}")  # noqa: T201
    killed_count = len(asked) - len(survived)
    figures = {"mutants": len(asked), "killed": killed_count, "survived": len(survived)}
    print(json.dumps({**figures, "score": round(killed_count / max(1, len(asked)), 4)}))  # noqa: T201
    return int(bool(outdated or survived - explained))


if __name__ == "__main__":
    sys.exit(main())
