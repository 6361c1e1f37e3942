"""The memory of ids is bounded by count, and forgetting never lets an order be decided twice."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.avro import decode_decision, decode_order, encode_order
from pipeline.codecs.wire import FRAME_BYTES
from tests.property.gate import Gate
from tests.property.histories import make_history
from tests.property.strategies import STEPS, TIGHT_IDS_MAX
from tests.property.test_invariants import bytes_of
from tests.property.world import Input

pytestmark = pytest.mark.property

# What one input remembers at most, but for the orders it sweeps: a report's own id, that of the
# trade it takes back and that of the order which it ends.
IDS_PER_INPUT = 3


@given(STEPS, TIGHT_IDS_MAX)
def test_no_more_ids_are_remembered_than_the_bound_allows(steps: list[int], ids_max: int) -> None:
    gate = Gate()
    for given_input in make_history(steps, ids_max, steady=True):
        swept = len(gate.apply(given_input).swept)
        head = gate.processor.head
        remembered = [at for at in gate.touched().values() if at >= head.forgotten_before]
        # To forget these would be to refuse the present.
        present = remembered.count(head.gate_time) + sum(head.ahead_counts)
        span = max(1, ids_max // 16)
        assert len(remembered) <= max(ids_max, span - 1 + present) + IDS_PER_INPUT + swept
        assert len(remembered) <= gate.processor.core.memory.ids
        assert head.forgotten_before <= max(head.gate_time, 0)


@given(STEPS, TIGHT_IDS_MAX)
def test_an_order_record_is_decided_at_most_once(steps: list[int], ids_max: int) -> None:
    gate = Gate()
    decided: dict[bytes, tuple[int, str]] = {}
    for given_input in make_history(steps, ids_max):
        output = gate.apply(given_input)
        if output.decision is None:
            continue
        decision = decode_decision(output.decision)
        order = content(given_input)
        answer = (decision.verdict, decision.reason_code)
        if decision.duplicate_of is not None:
            assert answer == decided[order], "a repeat with another answer"
        elif len(decision.checks) > 1:
            assert order not in decided, "decided again"
            decided[order] = answer
        elif order in decided:
            # A REPLACE that is forgotten may still be the id that its order goes by.
            assert decision.reason_code in {"TOO_OLD", "DUPLICATE_ID"}


def content(given_input: Input) -> bytes:
    """An order's canonical bytes."""
    return encode_order(decode_order(given_input.value or b"", FRAME_BYTES))


@given(STEPS, TIGHT_IDS_MAX, st.integers(0, 2**32 - 1))
def test_neither_crashes_nor_sweeps_show(steps: list[int], ids_max: int, cuts: int) -> None:
    whole, cut = Gate(), Gate()
    rng = Random(cuts)
    for given_input in make_history(steps, ids_max):
        if rng.random() < 0.1:
            cut.restart()
        if rng.random() < 0.2:
            cut.sweep()
        assert bytes_of(cut.apply(given_input)) == bytes_of(whole.apply(given_input))
    whole.sweep()
    cut.sweep()
    assert cut.rows.rows == whole.rows.rows
