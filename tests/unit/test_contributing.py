"""The worked example of CONTRIBUTING.md is built in a copy of the tree, and works there."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.settings import PROJECT_ROOT
from tests.upgrade.next_version import Release, copied_tree

_FENCED = r"\n\n```\w+\n(?P<text>.*?)```"
_NEW_FILE = re.compile(r"A new file, `(?P<file>[^`]+)`:" + _FENCED, re.DOTALL)
_INSERTION = re.compile(r"In `(?P<file>[^`]+)`, below `(?P<anchor>[^`]+)`:" + _FENCED, re.DOTALL)


class Insertion(NamedTuple):
    """Lines that belong below the one that begins with `anchor`."""

    file: str
    anchor: str
    text: str


def section() -> str:
    """What CONTRIBUTING.md says of adding a check."""
    document = (PROJECT_ROOT / "CONTRIBUTING.md").read_text()
    return document.partition("\n## Add a check\n")[2].partition("\n## ")[0]


def insert(directory: Path, insertion: Insertion) -> None:
    """Put the lines in their place; there must be exactly one."""
    file = directory / insertion.file
    lines = file.read_text().splitlines(keepends=True)
    places = [index for index, line in enumerate(lines) if line.startswith(insertion.anchor)]
    assert len(places) == 1, f"{insertion.file} has {len(places)} lines {insertion.anchor!r}"
    lines.insert(places[0] + 1, insertion.text)
    file.write_text("".join(lines))


@pytest.fixture(name="release")
def built(tmp_path: Path) -> Release:
    """A copy of the tree with the example in it."""
    release = copied_tree(tmp_path / "tree")
    files = list(_NEW_FILE.finditer(section()))
    insertions = [Insertion(**found.groupdict()) for found in _INSERTION.finditer(section())]
    # A check, its test; two lines of the registry, one of the reasons, one of the rules.
    assert (len(files), len(insertions)) == (2, 4)
    for found in files:
        (release.root / found["file"]).write_text(found["text"])
    for insertion in insertions:
        insert(release.root, insertion)
    return release


def run(release: Release, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A module of the copy, as a person would run it there."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=release.root,
        env=release.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_worked_example_passes_its_own_test_and_every_cell_of_the_table(
    release: Release,
) -> None:
    for file in ("lifetime", "fail_closed"):
        done = run(
            release, "pytest", "-q", "-p", "no:cacheprovider", f"tests/unit/test_risk_{file}.py"
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_worked_example_is_in_the_documents_that_are_made_from_the_code(
    release: Release,
) -> None:
    done = run(release, "pipeline.documents")
    assert done.returncode == 0, done.stderr
    assert "| `LIFETIME` |" in (release.root / "docs/reasons.md").read_text()
    assert "LIFETIME" in (release.root / "docs/controls.md").read_text()
