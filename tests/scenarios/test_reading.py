"""A scenario that is wrong says in which line, and what to write instead."""

import re
from pathlib import Path

import pytest

from tests.scenarios.columns import OF_STATE, OF_STEP
from tests.scenarios.phrases import PHRASES
from tests.scenarios.playing import play
from tests.scenarios.reading import ScenarioError, parse

README = (Path(__file__).parent / "README.md").read_text()
GOOD = """# A deposit

Money comes in.

## Given

- mark ESX 5,000.00

## What happens

| time     | what happens    | answer  | cash USD | held USD | position ESX |
|----------|-----------------|---------|----------|----------|--------------|
| 09:00:00 | deposit 1.00 USD | APPLIED | 1.00    | 0.00     | 0            |
|          | deposit 1.00 USD | APPLIED | 2.00    |          |              |
"""


def test_a_good_file_has_nothing_to_say() -> None:
    scenario = parse("good.md", GOOD)
    assert (scenario.title, scenario.story) == ("A deposit", "Money comes in.")
    assert play(scenario)[0] == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("# A deposit", "A deposit", "line 1: the first line is the title"),
        ("Money comes in.", "", "line 2: after the title, say what it is about"),
        ("## Given", "## Givn", "line 14: there is no line '## Given'"),
        ("- mark", "mark", "line 7: what is given is a list"),
        ("- mark ESX 5,000.00", "- mark ESX five", "line 7: 'mark ESX five' is no phrase"),
        ("mark ESX 5,000.00", "mark ESX 0.00", "line 7: 'mark ESX 0.00' came to dead letter"),
        ("| time ", "| when ", "line 11: the first columns are"),
        ("held USD", "cash USD", "line 11: two columns have the same name"),
        ("held USD", "debt USD", "line 11: there is no column 'debt USD'; there are swept"),
        ("held USD", "free USD", "line 11: a table shows 'held ...'"),
        ("|----------|", "|==========|", "line 12: under the header comes a rule"),
        ("| 0            |", "| 0 | 7 |", "line 13: the row has 7 cells, the header has 6"),
        ("| 0            |", "| 0", "line 13: a row of the table begins and ends with |"),
        ("| 0            |", "|              |", "line 13: the first row says what 'position ESX'"),
        ("| 09:00:00 |", "|          |", "line 13: the first step has a time"),
        ("| 09:00:00 |", "| 08:00:00 |", "line 13: 08:00:00 is before the time of the step above"),
        ("| 09:00:00 |", "| at nine |", "line 13: 'at nine' is no time"),
        ("| 09:00:00 |", "| 29:00:00 |", "line 13: '29:00:00': hour must be in 0..23"),
        ("deposit 1.00", "deposit 1.001", "line 13: '1.001' is no figure of at most 2 decimals"),
        ("deposit 1.00 USD", "pay 1.00 USD", "line 13: 'pay 1.00 USD' is no phrase"),
        ("deposit 1.00 USD", "cancel o7 by c1", "line 13: no order record o7 was sent above"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_by_line(old: str, new: str, problem: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(f"bad.md, {problem}")):
        play(parse("bad.md", GOOD.replace(old, new, 1)))


def test_a_table_without_steps_is_an_error() -> None:
    with pytest.raises(ScenarioError, match="at least one step"):
        parse("bad.md", GOOD.partition("| 09:00:00")[0])


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("| 1.00    |", "| 1.50    |", "line 13: after 'deposit 1.00 USD' cash USD is 1.00, "),
        ("| 2.00    |", "|         |", "line 14: after 'deposit 1.00 USD' cash USD is 2.00, "),
        ("| APPLIED |", "| REFUSED |", "line 13: after 'deposit 1.00 USD' answer is APPLIED, "),
    ],
)
def test_what_differs_is_said_by_line(old: str, new: str, difference: str) -> None:
    differences, _ = play(parse("other.md", GOOD.replace(old, new, 1)))
    assert len(differences) == 1
    assert differences[0].startswith(f"other.md, {difference}the table says")


def test_orders_that_the_gate_ended_cannot_go_unsaid() -> None:
    start = GOOD.partition("| 09:00:00")[0].replace("mark ESX 5,000.00", "deposit 5,000.00 USD")
    order = "| 09:00:00 | order o1: buy 1 ESX at 5,000.00 | ACCEPTED | 5,000.00 | 1,001.00 | 0 |\n"
    late = "| 09:02:00 | deposit 1.00 USD | APPLIED | 5,001.00 | 0.00 | 0 |\n"
    (difference,), _ = play(parse("swept.md", start + order + late))
    assert difference == (
        "swept.md, line 14: before 'deposit 1.00 USD' the gate ended o1 ORPHANED, "
        "but the table has no column swept"
    )


def test_the_readme_names_every_phrase_and_column() -> None:
    for known in PHRASES:
        for example in known.example.split("; "):
            assert f"`{example}`" in README
            assert known.pattern.fullmatch(example), example
    for column in (*OF_STEP, *OF_STATE):
        assert re.search(rf"`{column}(?: \w[\w-]*)?`", README), column
