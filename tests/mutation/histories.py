"""A fixed number of random histories: the gate must answer and keep its books as the auditor does.

Owns what judges a mutant beside the unit tests and the scenarios. The same histories every time, so
that a mutant which is caught once is caught always. Not collected by itself: tests/property draws
histories anew each time, which finds more but repeats less.
"""

from typing import Final

import pytest

from tests.oracle.auditor import Auditor
from tests.property.gate import Gate, seen
from tests.property.histories import seeded_history
from tests.property.state import assert_same_state
from tests.property.test_invariants import assert_rows_add_up
from tests.property.world import LANE, LANE_COUNT

SEEDS: Final = range(12)
LENGTH: Final = 150


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gate_agrees_with_the_auditor(seed: int) -> None:
    gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
    for number, given_input in enumerate(seeded_history(seed, LENGTH)):
        expected = auditor.apply(*given_input)
        assert seen(gate.apply(given_input)) == expected, f"input {number}: {given_input}"
        if number % 20 == 0:
            assert_same_state(gate, auditor)
            assert_rows_add_up(gate)
    assert_same_state(gate, auditor)
    assert_rows_add_up(gate)
