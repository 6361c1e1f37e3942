"""What docs/mutation.md explains are mutants of today's code, and a mutant is what it says."""

from pathlib import Path

from tests.mutation.explained import MODULES, ROOT, Explained, explained_rows
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


def test_a_mutant_is_met_by_whatever_runs_its_statement_up_to_the_change(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        "def most(a):\n    if (\n        a\n        < 7\n    ):\n        pass\n"
    )
    lines = {mutant.after: mutant.lines for mutant in mutants(tmp_path, "m.py")}
    assert lines["if a < 8:"] == range(2, 5)
