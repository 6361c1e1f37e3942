"""The tests that judge mutants: which of them meets which lines, and running those on a mutant.

Owns the judges' processes. A mutant of a function is judged in a copy of a process that has read
all tests already; one of what runs when its module is loaded (a constant, a table) in a process
that loads everything anew. Either runs tests that meet the changed lines, up to the first that
fails: those that have noticed something in the same function or module, the unit tests closest to
it, those that name what it is about, the quickest of the others, and random histories against the
auditor.
"""

import importlib
import importlib.util
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from inspect import CO_OPTIMIZED, getsource
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

import coverage
import pytest

from tests.mutation.explained import ROOT
from tests.mutation.mutating import Mutant

UNIT: Final = ROOT / "tests/unit"
HISTORIES: Final = "tests/mutation/histories.py"
TESTS: Final = (
    *sorted(map(str, UNIT.glob("test_risk_*.py"))),
    str(ROOT / "tests/scenarios"),
    str(ROOT / HISTORIES),
)
# Whose tests those of a module are, where it is not all that begins with its name.
CLOSEST: Final = {
    test: tuple(modules.split())
    for test, modules in {
        "activity": "check_rules conduct high_frequency latch limited messages repeats windows",
        "check_control": "check_rules",
        "checks": "check_rules limited windows",
        "credit": "in_money",
        "exposure": "holdings in_money largest valuation",
        "ledger": "deficits money",
        "operator_rules": "check_rules largest",
        "pledges": "deficits funds",
        "prices": "bands period_collar",
        "rare": "collar funds largest market_bound size",
        "results": "in_money largest losses severities valuation",
        "self_match": "own_prices",
        "settling": "ledger money",
        "standing": "check_rules reduce_only restricted restrictions scope_states session"
        " short_mark",
    }.items()
}
OF_ALL_CHECKS: Final = ("checks", "rare")
# Of all other tests, the quickest, up to so long together.
OTHERS_S: Final = 1.5
# Plain asserts: the difference between two long answers takes longer to write than to find.
QUIET: Final = (
    *("-q", "--assert=plain", "--tb=line", "--capture=no", "--disable-warnings"),
    *("-p", "no:cacheprovider", "-o", "addopts="),
)
# A mutant that runs in circles is caught by its silence, after so many seconds and a test's own.
PATIENCE_S: Final = 10
PATIENCE_TIMES: Final = 20
LOADING: Final = ""


class Test(NamedTuple):
    """A test, and how many seconds it took."""

    name: str
    seconds: float


class Met(NamedTuple):
    """What the tests meet on an unchanged tree. `failures`: what they say of it, if anything."""

    failures: list[str]
    seconds: dict[str, float]
    # By module, the tests that name what it is about.
    naming: dict[str, set[str]]
    # By module and line, the tests; LOADING: it runs when the module is loaded.
    tests: dict[str, dict[int, list[str]]]

    def by(self, mutant: Mutant) -> set[str]:
        """The tests that meet a mutant, LOADING among them."""
        lines = self.tests.get(mutant.module, {})
        return {name for line in mutant.lines for name in lines.get(line, ())}


class Verdict(NamedTuple):
    """`killer`: the test that noticed a killed mutant; None when it was its silence, or loading."""

    mutant: Mutant
    killed: bool
    killer: str | None = None


class _Tests:
    """A plugin of pytest: runs tests in another order than pytest's, up to the first failure."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed:
            self.failures.append(f"{report.nodeid}\n{report.longreprtext}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All tests are read now."""
        self.work({item.nodeid: item for item in session.items})
        return True

    def work(self, items: dict[str, pytest.Item]) -> None:
        """Use the tests."""
        raise NotImplementedError

    def run(self, item: pytest.Item) -> bool:
        """Whether it has passed."""
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self.failures


class _Meeting(_Tests):
    """Runs all tests and notes which lines they meet."""

    def __init__(self, modules: set[str], seen: coverage.Coverage) -> None:
        super().__init__()
        self.modules = modules
        self.seen = seen
        self.seconds: dict[str, float] = {}
        self.naming = {module: set[str]() for module in modules}

    def work(self, items: dict[str, pytest.Item]) -> None:
        """Each once."""
        names = {each: _names_of(each) for each in self.modules}
        for name, item in items.items():
            self.seen.switch_context(name)
            begun = time.process_time()
            self.run(item)
            self.seconds[name] = time.process_time() - begun
            words = set(re.findall(r"[A-Z][A-Z_]{3,}", _text_of(item)))
            for module in self.modules:
                if words & names[module]:
                    self.naming[module].add(name)

    def met(self) -> Met:
        """What was noted."""
        data = self.seen.get_data()
        lines = {module: data.contexts_by_lineno(str(ROOT / module)) for module in self.modules}
        return Met(self.failures, self.seconds, self.naming, lines)


def _names_of(module: str) -> set[str]:
    """Of checks and reasons, and its own."""
    text = (ROOT / module).read_text()
    return {*re.findall(r'"([A-Z][A-Z_]{3,})"', text), Path(module).stem.upper()}


def _is_close(test: str, module: str) -> bool:
    stem = Path(module).stem
    about = Path(test.partition("::")[0]).stem.removeprefix("test_risk_")
    if module.startswith("pipeline/risk/checks/") and about in OF_ALL_CHECKS:
        return True
    return about == stem or stem in CLOSEST.get(about, ())


def _text_of(item: pytest.Item) -> str:
    """What a test says, or the scenario that it plays."""
    assert isinstance(item, pytest.Function)
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    texts = [each.read_text() if isinstance(each, Path) else str(each) for each in given]
    return "\n".join([getsource(item.function), *texts])


class _Judging(_Tests):
    """Judges mutants of functions, each in a copy of this process."""

    def __init__(self, mutants: list[Mutant], order: "Order", jobs: int, told: Connection) -> None:
        super().__init__()
        self.mutants = mutants
        self.order = order
        self.jobs = jobs
        self.told = told

    def work(self, items: dict[str, pytest.Item]) -> None:
        """Tell of each mutant by its number."""
        waiting, running = list(enumerate(self.mutants))[::-1], dict[int, tuple[int, Connection]]()
        while waiting or running:
            while waiting and len(running) < self.jobs:
                number, mutant = waiting.pop()
                hears, tells = Pipe(duplex=False)
                child = os.fork()
                if child == 0:
                    self._judge(mutant, items, tells)
                tells.close()
                running[child] = (number, hears)
            child, status = os.wait()
            number, hears = running.pop(child)
            killer = _last_word(hears)
            self.order.note(self.mutants[number], killer)
            self.told.send((number, status != 0, killer))

    def _judge(self, mutant: Mutant, items: dict[str, pytest.Item], tells: Connection) -> None:
        status = 1
        try:
            change(mutant)
            status = _run_until_failure(self, self.order.of(mutant), items, tells)
        finally:
            os._exit(status)


class _JudgingOne(_Tests):
    """Judges the mutant that this process has loaded."""

    def __init__(self, tests: list[Test], tells: Connection) -> None:
        super().__init__()
        self.tests = tests
        self.tells = tells
        self.status = 1

    def work(self, items: dict[str, pytest.Item]) -> None:
        """Up to the first failure."""
        self.status = _run_until_failure(self, self.tests, items, self.tells)


def _run_until_failure(
    runner: _Tests, tests: Iterable[Test], items: dict[str, pytest.Item], tells: Connection
) -> int:
    for test in tests:
        if test.name in items:
            signal.alarm(PATIENCE_S + int(PATIENCE_TIMES * test.seconds))
            if not runner.run(items[test.name]):
                tells.send(test.name)
                return 1
    signal.alarm(0)
    return 0


class Order:
    """Which tests to run on a mutant, in which order."""

    def __init__(self, met: Met, *, histories: bool) -> None:
        self.met = met
        self.histories = histories
        self._killers: dict[str, list[str]] = {}

    def note(self, mutant: Mutant, killer: str | None) -> None:
        """Remember what has noticed a mutant."""
        if killer is None:
            return
        for place in (mutant.module, mutant.module + mutant.function):
            killers = self._killers.setdefault(place, [])
            if killer in killers:
                killers.remove(killer)
            killers.insert(0, killer)

    def of(self, mutant: Mutant) -> list[Test]:
        """Of those that meet it; of all that meet its module, when it runs at loading."""
        seconds = self.met.seconds
        met = self.met.by(mutant)
        if LOADING in met:
            met = {name for names in self.met.tests[mutant.module].values() for name in names}
        quickest = sorted(met - {LOADING}, key=lambda name: seconds[name])
        histories = [name for name in quickest if name.startswith(HISTORIES)]
        quickest = [name for name in quickest if name not in histories]
        close = [name for name in quickest if _is_close(name, mutant.module)]
        naming = [name for name in quickest if name in self.met.naming[mutant.module]]
        others, total = list[str](), 0.0
        for name in quickest:
            total += seconds[name]
            if total > OTHERS_S:
                break
            others.append(name)
        places = (mutant.module + mutant.function, mutant.module)
        known = [name for place in places for name in self._killers.get(place, [])[:5]]
        names = [*known, *close, *naming, *others, *(histories if self.histories else ())]
        return [Test(name, seconds[name]) for name in dict.fromkeys(names) if name in met]


def _last_word(hears: Connection) -> Any:
    try:
        return hears.recv()
    except EOFError:
        return None
    finally:
        hears.close()


def _silence() -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(silence, stream.fileno())


def _test(runner: _Tests, tests: Iterable[str]) -> int:
    """Pytest's exit code."""
    return int(pytest.main([*QUIET, *tests], plugins=[runner]))


def meet(modules: set[str], *, histories: bool) -> Met:
    """Run all tests once on the unchanged tree, in a process of its own."""
    hears, tells = Pipe(duplex=False)
    if os.fork() == 0:
        try:
            _silence()
            seen = coverage.Coverage(
                data_file=None, config_file=False, include=[str(ROOT / "pipeline/risk/*")]
            )
            runner = _Meeting(modules, seen)
            seen.start()
            code = _test(runner, TESTS if histories else TESTS[:-1])
            seen.stop()
            met = runner.met()
            tells.send(met if not code else met._replace(failures=[*met.failures, f"exit {code}"]))
        finally:
            os._exit(0)
    tells.close()
    found = _last_word(hears)
    os.wait()
    if not isinstance(found, Met):
        return Met(["the tests could not be run"], {}, {}, {})
    return found


def judged(mutants: list[Mutant], order: Order, jobs: int) -> Iterator[Verdict]:
    """Each mutant's verdict, as they are found."""
    met = order.met
    at_loading = [mutant for mutant in mutants if LOADING in met.by(mutant)]
    of_functions = [mutant for mutant in mutants if LOADING not in met.by(mutant)]
    for verdict in _judged_by_copies(of_functions, order, jobs):
        order.note(verdict.mutant, verdict.killer)
        yield verdict
    yield from _judged_anew(at_loading, order, jobs)


def _judged_by_copies(mutants: list[Mutant], order: Order, jobs: int) -> Iterator[Verdict]:
    hears, tells = Pipe(duplex=False)
    if os.fork() == 0:
        try:
            _silence()
            _test(_Judging(mutants, order, jobs, tells), TESTS)
        finally:
            os._exit(0)
    tells.close()
    for _ in mutants:
        number, killed, killer = hears.recv()
        yield Verdict(mutants[number], killed, killer)
    os.wait()


def _judged_anew(mutants: list[Mutant], order: Order, jobs: int) -> Iterator[Verdict]:
    waiting, running = list(reversed(mutants)), dict[int, tuple[Mutant, Connection]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            hears, tells = Pipe(duplex=False)
            child = os.fork()
            if child == 0:
                _judge_anew(mutant, order.of(mutant), tells)
            tells.close()
            running[child] = (mutant, hears)
        child, status = os.wait()
        mutant, hears = running.pop(child)
        killer = _last_word(hears)
        order.note(mutant, killer)
        yield Verdict(mutant, status != 0, killer)


def _judge_anew(mutant: Mutant, tests: list[Test], tells: Connection) -> None:
    """By the file of the first test, then by all; in a child, which never returns."""
    status = 1
    try:
        _silence()
        sys.meta_path.insert(0, _Finder(mutant))
        first = [str(ROOT / test.name.partition("::")[0]) for test in tests[:1]]
        for files in (first, TESTS):
            runner = _JudgingOne(tests, tells)
            signal.alarm(PATIENCE_S)
            code = _test(runner, files)
            status = code or runner.status
            if status:
                break
    finally:
        os._exit(1 if status else 0)


# -- putting a mutant in its place


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
        self.name = _module_name(mutant)
        self.loader = _Changed(self.name, str(ROOT / mutant.module), mutant.code)

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """None for all modules but one."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, self.loader)


def _module_name(mutant: Mutant) -> str:
    return mutant.module.removesuffix(".py").replace("/", ".")


def change(mutant: Mutant) -> None:
    """Give a function of a loaded module the mutant's code."""
    holder: Any = importlib.import_module(_module_name(mutant))
    for part in mutant.function.split("."):
        holder = vars(holder)[part]
        holder = getattr(holder, "fget", None) or getattr(holder, "__func__", holder)
        if isinstance(holder, FunctionType):
            break
    wanted = holder.__code__.co_qualname
    holder.__code__ = next(c for c in _functions(mutant.code) if c.co_qualname == wanted)


def _functions(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_flags & CO_OPTIMIZED:
                yield inner
            else:
                yield from _functions(inner)
