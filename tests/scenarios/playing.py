"""Plays a scenario through a real lane and compares each step with what the table says.

Owns the comparison; README.md says what an empty cell means.
"""

from collections.abc import Callable
from typing import Final

from pipeline.lane.processor import LaneOutput
from tests.scenarios.columns import (
    OF_STATE,
    OF_STEP,
    answer_of,
    state_column,
    step_column,
    swept_of,
)
from tests.scenarios.figures import FigureError
from tests.scenarios.floor import Floor, PhraseError
from tests.scenarios.phrases import say
from tests.scenarios.reading import ANSWER, PHRASE, TIME, Scenario, ScenarioError, Step

# What every table has to show.
NEEDED: Final = ("cash ", "held ", "position ")
GIVEN_ANSWERS: Final = ("APPLIED", "ACCEPTED")


def play(scenario: Scenario) -> tuple[list[str], list[list[str]]]:
    """(differences, the rows as the gate fills them). Raises ScenarioError for a bad file."""
    floor = Floor()
    of_step = _of_step(scenario)
    readers = _readers(scenario, of_step)
    for line in scenario.given:
        answer = answer_of(_say(scenario, floor, line.number, line.phrase))
        if answer not in GIVEN_ANSWERS:
            raise ScenarioError(scenario.file, line.number, f"'{line.phrase}' came to {answer}")
    differences: list[str] = []
    rows: list[list[str]] = []
    before: dict[str, str] = {}
    for step in scenario.steps:
        phrase = step.cells[PHRASE]
        if step.cells[TIME]:
            _set_clock(scenario, floor, step)
        elif not rows:
            raise ScenarioError(scenario.file, step.number, "the first step has a time")
        output = _say(scenario, floor, step.number, phrase)
        found = {ANSWER: answer_of(output)}
        found |= {name: read(output) for name, read in of_step.items()}
        found |= {name: read(floor) for name, read in readers.items()}
        expected = _expected(scenario, step, before, of_step)
        differences += _compare(f"{scenario.file}, line {step.number}", phrase, expected, found)
        if "swept" not in scenario.columns and output.swept:
            differences.append(
                f"{scenario.file}, line {step.number}: before '{phrase}' the gate ended "
                f"{swept_of(output)}, but the table has no column swept"
            )
        rows.append([step.cells[TIME], phrase, *(found[n] for n in (ANSWER, *scenario.columns))])
        before = found
    return differences, rows


OfStep = dict[str, Callable[[LaneOutput], str]]


def _of_step(scenario: Scenario) -> OfStep:
    readers = {column: step_column(column) for column in scenario.columns}
    return {column: read for column, read in readers.items() if read is not None}


def _readers(scenario: Scenario, of_step: OfStep) -> dict[str, Callable[[Floor], str]]:
    readers: dict[str, Callable[[Floor], str]] = {}
    for column in scenario.columns:
        reader = state_column(column)
        if reader is not None:
            readers[column] = reader
        elif column not in of_step:
            known = ", ".join([*OF_STEP, "observed ...", *(f"{name} ..." for name in OF_STATE)])
            problem = f"there is no column '{column}'; there are {known}"
            raise ScenarioError(scenario.file, scenario.header, problem)
    for needed in NEEDED:
        if not any(column.startswith(needed) for column in readers):
            problem = f"a table shows '{needed}...', so that each step says what came of it"
            raise ScenarioError(scenario.file, scenario.header, problem)
    return readers


def _set_clock(scenario: Scenario, floor: Floor, step: Step) -> None:
    try:
        floor.clock(step.cells[TIME])
    except ValueError as error:
        raise ScenarioError(scenario.file, step.number, str(error)) from error


def _say(scenario: Scenario, floor: Floor, number: int, phrase: str) -> LaneOutput:
    try:
        return say(floor, phrase)
    except (PhraseError, FigureError) as error:
        raise ScenarioError(scenario.file, number, str(error)) from error


def _expected(
    scenario: Scenario, step: Step, before: dict[str, str], of_step: OfStep
) -> dict[str, str]:
    """What the row says, with empty cells of stored state as in the row above."""
    expected = {ANSWER: step.cells[ANSWER]}
    for name in scenario.columns:
        cell = step.cells[name]
        if cell or name in of_step:
            expected[name] = cell
        elif name in before:
            expected[name] = before[name]
        else:
            problem = f"the first row says what '{name}' is"
            raise ScenarioError(scenario.file, step.number, problem)
    return expected


def _compare(place: str, phrase: str, expected: dict[str, str], found: dict[str, str]) -> list[str]:
    return [
        f"{place}: after '{phrase}' {name} is {found[name] or 'empty'}, "
        f"the table says {said or 'nothing'}"
        for name, said in expected.items()
        if said.replace(",", "") != found[name].replace(",", "")
    ]
