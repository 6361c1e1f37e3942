"""The simulation itself: short runs are clean, seeds repeat, and no mutant lives.

`make simulate` runs far more schedules; a bug found there, or by the fault harness, gets its seed
into SEEDS.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipeline import points
from tests.simulation.__main__ import run_seeds
from tests.simulation.product import simulated
from tests.simulation.schedule import run_schedule

SCHEDULES = 300
OPERATIONS_MIN = 50
MUTANT_SEEDS = 3_000
# Seed: what it showed, with plain orders. Whoever changes what the scheduler draws has to look for
# them anew.
SEEDS = {
    0: "a store put where another lane's belongs was trusted, and decided for the wrong users",
    406: "a store written while the clock was ahead was never too old, and missed deletions",
    26093: "a standby that slept for two weeks half way missed deletions and counted as of now",
    93962: "a worker that slept for two weeks before RocksDB wrote its rows as if they were of now",
}


@pytest.fixture
def world() -> Iterator[None]:
    """The product's modules in model time."""
    with simulated():
        yield


def test_no_schedule_violates_anything() -> None:
    summary = run_seeds(range(SCHEDULES))
    assert summary.violations == {}
    assert len(summary.fingerprints) == SCHEDULES
    assert summary.operations_min is not None
    assert summary.operations_min >= OPERATIONS_MIN
    assert summary.faultless == 0
    assert set(summary.crashes) >= set(points.POINTS)


@pytest.mark.usefixtures("world")
def test_a_seed_is_one_schedule() -> None:
    once, again = run_schedule(7), run_schedule(7)
    assert once.trace == again.trace
    assert once == again


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_found_once_stays_mended(seed: int) -> None:
    assert run_schedule(seed, plain=True).violations == [], SEEDS[seed]


def test_no_mutant_lives() -> None:
    hunt = subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutants", "--seeds", str(MUTANT_SEEDS)],
        env=os.environ | {"TOLLGATE_PURE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = json.loads(hunt.stdout.splitlines()[-1])
    assert summary["caught"] == summary["mutants"], hunt.stdout
    assert summary["mutants"] >= 11
