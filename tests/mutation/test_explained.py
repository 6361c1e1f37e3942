"""What docs/mutation.md explains are mutants of today's code, and a mutant is what it says."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutation.explained import MODULES, ROOT, Explained, explained_rows
from tests.mutation.judging import change
from tests.mutation.mutating import mutants


def test_every_explained_mutant_can_still_be_made() -> None:
    made = {Explained(module, mutant.row) for module in MODULES for mutant in mutants(ROOT, module)}
    assert explained_rows() - made == set()


def test_a_mutant_differs_in_one_thing_and_leaves_texts_alone(tmp_path: Path) -> None:
    source = '''
def most(a: int, b: int) -> int:
    """The larger."""
    if a < 0:
        raise ValueError("below 0")
    return max(a, b)
'''
    (tmp_path / "m.py").write_text(source)
    made = {(mutant.line, mutant.after) for mutant in mutants(tmp_path, "m.py")}
    assert made == {
        (4, "if True:"),
        (4, "if False:"),
        (4, "if a <= 0:"),
        (4, "if a >= 0:"),
        (4, "if a < 1:"),
        (4, "if a < -1:"),
        (5, "pass"),
        (6, "return min(a, b)"),
    }


def test_the_code_of_a_mutant_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def plus(a, b):\n    return a + b\n")
    (mutant,) = mutants(tmp_path, "m.py")
    names: dict[str, object] = {}
    exec(mutant.code, names)  # noqa: S102
    plus = names["plus"]
    assert callable(plus)
    assert plus(5, 3) == 2


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


def test_a_mutant_is_met_by_whatever_runs_its_statement_up_to_the_change(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        "def most(a):\n    if (\n        a\n        < 7\n    ):\n        pass\n"
    )
    lines = {mutant.after: mutant.lines for mutant in mutants(tmp_path, "m.py")}
    assert lines["if a < 8:"] == range(2, 5)
