"""Fixtures of the tests of the fault harness."""

import pytest

from tests.chaos.checker_history import History
from tests.chaos.checker_runs import a_run, first_answer, is_repeat
from tests.chaos.checker_tampering import content


@pytest.fixture(scope="session")
def sound() -> History:
    """A run in which everything happens that most tests lie about."""

    def has(history: History) -> bool:
        said = [content(record) for record in history.records["decisions"]]
        return any(map(first_answer, said)) and any(map(is_repeat, said))

    return a_run(has)
