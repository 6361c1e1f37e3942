"""Two releases side by side: this one, and the next one with one more core version.

Owns what the next release is: a copy of this source tree, as plain Python, with the patch below.
Its new core dates a mark by when the gate took it, not by what the source says; a small rule, but
one that rows, decisions and digests all show. `next_rules.py` says the same to the auditor. Must
never change the tree it copies.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from pipeline.risk.core_versions import CORE_VERSIONS
from pipeline.settings import PROJECT_ROOT

THIS_CORE: Final = CORE_VERSIONS[-1]
NEXT_CORE: Final = THIS_CORE + 1

_COPIED: Final = ("pipeline", "schemas", "config", "tests", "docs")
_FILES: Final = ("pyproject.toml", "topology.md")
# File, what is there now, what the next release has instead.
_PATCH: Final = (
    (
        "pipeline/risk/core_versions.py",
        f"CORE_VERSIONS: Final[tuple[int, ...]] = {CORE_VERSIONS}\n",
        f"CORE_VERSIONS: Final[tuple[int, ...]] = {(*CORE_VERSIONS, NEXT_CORE)}\n",
    ),
    (
        "pipeline/risk/core.py",
        "        as_of = min(mark.source_time, context.gate_time)\n",
        (
            "        as_of = min(mark.source_time, context.gate_time)\n"
            f"        if self.rules.core_version >= {NEXT_CORE}:\n"
            "            as_of = context.gate_time\n"
        ),
    ),
)


@dataclass(frozen=True)
class Release:
    """A source tree to run from: commands start with `root` as working directory, and `env`."""

    root: Path
    env: Mapping[str, str]

    def command(self, *arguments: str) -> list[str]:
        """The command line of `python -m` with these arguments."""
        return [sys.executable, "-m", *arguments]

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of a process with these settings."""
        return {**os.environ, **settings, **self.env}


THIS_RELEASE: Final = Release(PROJECT_ROOT, {})


def next_release(directory: Path) -> Release:
    """Make the next release in `directory`, which must not exist yet.

    Its tests are there too, so that what the fault harness starts (`python -m tests.chaos.worker`)
    runs there as well. Raises ValueError where the patch no longer fits the source.
    """
    release = copied_tree(directory)
    for name, old, new in _PATCH:
        file = directory / name
        source = file.read_text()
        if source.count(old) != 1:
            raise ValueError(f"{name} has changed: write the patch of the next release anew")
        file.write_text(source.replace(old, new))
    _name_it(directory)
    return release


def copied_tree(directory: Path) -> Release:
    """This source tree as plain Python in `directory`, which must not exist yet."""
    for name in _COPIED:
        shutil.copytree(
            PROJECT_ROOT / name,
            directory / name,
            ignore=shutil.ignore_patterns("*.so", "__pycache__"),
        )
    for name in _FILES:
        shutil.copy(PROJECT_ROOT / name, directory / name)
    return Release(directory, {"TOLLGATE_PURE": "1", "PYTHONPATH": str(directory)})


def _name_it(directory: Path) -> None:
    """Give it a version of its own, and Faust the entry points it looks for."""
    this = distribution("tollgate")
    version = f"{this.version}+next"
    about = directory / f"tollgate-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tollgate\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(this.read_text("entry_points.txt") or "")
