"""Scenario files: from text to a title, what is given and a table of steps.

Owns the format (README.md) and says by file and line what is wrong with a file. Must never know
what a phrase means.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

TITLE: Final = "# "
GIVEN: Final = "## Given"
TABLE: Final = "## What happens"
TIME: Final = "time"
PHRASE: Final = "what happens"
ANSWER: Final = "answer"
FIRST_COLUMNS: Final = (TIME, PHRASE, ANSWER)


class ScenarioError(Exception):
    """What is wrong with a scenario file, and where."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        """`line` counts from 1."""
        super().__init__(f"{file}, line {line}: {problem}")


@dataclass(frozen=True)
class Line:
    """A phrase and where it stands."""

    number: int
    phrase: str


@dataclass(frozen=True)
class Step:
    """A row of the table: `cells` by column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Scenario:
    """A file. `columns`: those after time, what happens and answer."""

    file: str
    title: str
    story: str
    given: list[Line]
    columns: list[str]
    header: int
    steps: list[Step]


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file."""
    return parse(path.name, path.read_text(encoding="utf-8"))


def parse(file: str, text: str) -> Scenario:
    """The scenario that a text tells. Raises ScenarioError."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    last = len(lines) or 1
    places = {line: number for number, line in lines if line in {GIVEN, TABLE}}
    if not lines or not lines[0][1].startswith(TITLE):
        raise ScenarioError(file, 1, f"the first line is the title, as '{TITLE}Late fill'")
    for heading in (GIVEN, TABLE):
        if heading not in places:
            raise ScenarioError(file, last, f"there is no line '{heading}'")
    if places[GIVEN] > places[TABLE]:
        raise ScenarioError(file, places[GIVEN], f"'{GIVEN}' comes before '{TABLE}'")
    story = " ".join(line for number, line in lines[1:] if number < places[GIVEN] and line)
    if not story:
        raise ScenarioError(file, 2, "after the title, say what it is about")
    given = [
        _given(file, number, line)
        for number, line in lines
        if places[GIVEN] < number < places[TABLE] and line
    ]
    table = [(number, line) for number, line in lines if number > places[TABLE] and line]
    if len(table) < 3:
        raise ScenarioError(file, last, "the table has a header, a rule and at least one step")
    header = table[0][0]
    columns = _cells(file, *table[0])
    if tuple(columns[:3]) != FIRST_COLUMNS:
        raise ScenarioError(file, header, f"the first columns are {', '.join(FIRST_COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise ScenarioError(file, header, "two columns have the same name")
    if set(table[1][1]) - set("|-: "):
        raise ScenarioError(file, table[1][0], "under the header comes a rule, as |---|---|")
    steps = [Step(number, _row(file, number, line, columns)) for number, line in table[2:]]
    return Scenario(file, lines[0][1][2:], story, given, columns[3:], header, steps)


def _given(file: str, number: int, line: str) -> Line:
    if not line.startswith("- "):
        raise ScenarioError(file, number, "what is given is a list, each line as '- mark ESX 1.00'")
    return Line(number, line[2:].strip())


def _cells(file: str, number: int, line: str) -> list[str]:
    if len(line) < 2 or line[0] != "|" or line[-1] != "|":
        raise ScenarioError(file, number, "a row of the table begins and ends with |")
    return [cell.strip() for cell in line[1:-1].split("|")]


def _row(file: str, number: int, line: str, columns: list[str]) -> dict[str, str]:
    cells = _cells(file, number, line)
    if len(cells) != len(columns):
        problem = f"the row has {len(cells)} cells, the header has {len(columns)}"
        raise ScenarioError(file, number, problem)
    return dict(zip(columns, cells, strict=True))
