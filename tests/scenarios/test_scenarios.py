"""Each situation ends as its table says, step by step, in a real lane."""

from pathlib import Path

import pytest

from tests.scenarios.playing import play
from tests.scenarios.reading import read_scenario

FILES = sorted(file for file in Path(__file__).parent.glob("*.md") if file.name != "README.md")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_situation_ends_as_the_table_says(file: Path) -> None:
    differences, _ = play(read_scenario(file))
    assert not differences, "\n" + "\n".join(differences)
