"""A mutant is put in its place, and met by the tests that are likeliest to notice it."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutation.judging import HISTORIES, LOADING, Met, Order, change
from tests.mutation.mutating import Mutant, mutants

BOX = """
class Box:
    @property
    def half(self):
        return self.lots // 2

    @staticmethod
    def twice(lots):
        def by(times):
            return lots * times
        return by(2)
"""


@pytest.mark.parametrize(
    ("after", "half", "twice"),
    [("return self.lots * 2", 20, 20), ("return lots // times", 5, 5), ("return by(3)", 5, 30)],
)
def test_a_function_of_a_loaded_module_is_changed_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str, half: int, twice: int
) -> None:
    (tmp_path / "m.py").write_text(BOX)
    loaded = ModuleType("m")
    exec(BOX, vars(loaded))  # noqa: S102
    monkeypatch.setitem(sys.modules, "m", loaded)
    change(next(mutant for mutant in mutants(tmp_path, "m.py") if mutant.after == after))
    box = loaded.Box()
    box.lots = 10
    assert (box.half, box.twice(10)) == (half, twice)


MODULE = "pipeline/risk/checks/messages.py"
CLOSE = "tests/unit/test_risk_activity.py::test_a"
NAMING = "tests/unit/test_risk_pledges.py::test_b"
OTHER = "tests/unit/test_risk_pledges.py::test_c"
ELSEWHERE = "tests/unit/test_risk_activity.py::test_d"
SLOW = "tests/unit/test_risk_pledges.py::test_e"
HISTORY = f"{HISTORIES}::test_f"


def met(mutant: Mutant, *at_line: str) -> Met:
    """The tests as they have been met: `ELSEWHERE` on another line of the module."""
    seconds = {CLOSE: 0.3, NAMING: 0.2, OTHER: 0.1, ELSEWHERE: 0.1, SLOW: 100.0, HISTORY: 1.0}
    lines = {mutant.line: list(at_line), mutant.line + 1: [ELSEWHERE]}
    return Met([], seconds, {MODULE: {NAMING}}, {MODULE: lines})


def of(order: Order, mutant: Mutant) -> list[str]:
    """The names of the tests that would run."""
    return [test.name for test in order.of(mutant)]


@pytest.fixture
def mutant(tmp_path: Path) -> Mutant:
    (tmp_path / "m.py").write_text("def plus(a, b):\n    return a + b\n")
    return next(mutants(tmp_path, "m.py"))._replace(module=MODULE)


def test_close_tests_come_first_then_those_that_name_it_the_quick_and_the_histories(
    mutant: Mutant,
) -> None:
    at_line = (HISTORY, SLOW, OTHER, NAMING, CLOSE)
    assert of(Order(met(mutant, *at_line), histories=True), mutant) == [
        CLOSE,
        NAMING,
        OTHER,
        HISTORY,
    ]
    assert of(Order(met(mutant, *at_line), histories=False), mutant) == [CLOSE, NAMING, OTHER]


def test_what_has_noticed_something_in_the_module_comes_first_of_those_that_meet_it(
    mutant: Mutant,
) -> None:
    order = Order(met(mutant, OTHER, CLOSE), histories=True)
    order.note(mutant._replace(function="minus"), OTHER)
    order.note(mutant, ELSEWHERE)
    assert of(order, mutant) == [OTHER, CLOSE]


def test_what_runs_at_loading_is_met_by_all_that_meet_its_module(mutant: Mutant) -> None:
    order = Order(met(mutant, LOADING), histories=True)
    assert of(order, mutant) == [ELSEWHERE]
