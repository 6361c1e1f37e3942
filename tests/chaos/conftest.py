"""Fixtures of the tests of the fault harness."""

import pytest

from tests.chaos.checker_history import History
from tests.chaos.checker_runs import a_run, first_answer, is_repeat
from tests.chaos.checker_tampering import content


@pytest.fixture(scope="session")
def sound() -> History:
    """A run in which everything happens that most tests lie about."""
    return a_run(
        lambda history: (
            all(
                any(wanted(content(record)) for record in history.records["decisions"])
                for wanted in (first_answer, is_repeat)
            )
            and len(history.records["dead-letters"]) > 0
        )
    )
