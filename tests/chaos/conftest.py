"""Fixtures of the tests of the fault harness."""

import pytest

from tests.chaos.checker_history import History
from tests.chaos.checker_runs import run_of


@pytest.fixture(scope="session")
def sound() -> History:
    """A run in which everything happens that most tests lie about."""
    return run_of(3)
