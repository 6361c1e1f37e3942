"""The release after this one does what this one recorded, and what its own rules say."""

import subprocess
from pathlib import Path

import pytest

from tests.upgrade import next_version
from tests.upgrade.next_version import next_release


def test_the_next_release_replays_this_one_and_decides_by_its_own_rules(tmp_path: Path) -> None:
    release = next_release(tmp_path / "next")
    done = subprocess.run(
        release.command("tests.upgrade.compare"),
        cwd=release.root,
        env=release.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_patch_that_no_longer_fits_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = (("pipeline/risk/core.py", "what was there before", ""),)
    monkeypatch.setattr(next_version, "_PATCH", gone)
    with pytest.raises(ValueError, match=r"core\.py has changed"):
        next_release(tmp_path / "next")
