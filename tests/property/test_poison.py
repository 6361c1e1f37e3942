"""Whatever the bytes: one outcome, one lane sequence more, never an exception."""

from hashlib import sha256
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.avro import decode_audit_record, decode_dead_letter
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.records import AUDIT_OUTCOME_DEAD_LETTER
from pipeline.risk.state import InvariantViolated
from tests.oracle.auditor import Auditor, ControlGapError
from tests.property.gate import Gate, seen
from tests.property.histories import seeded_history
from tests.property.world import (
    LANE,
    LANE_COUNT,
    SCHEMA_OF,
    START_MS,
    TOPICS,
    USERS,
    Input,
)

pytestmark = pytest.mark.property

SAMPLES: Final = [
    given_input
    for given_input in seeded_history(1, 120)
    if given_input.value is not None and len(given_input.value) > len(fixed_ids().frame("order"))
]
KEYS: Final = st.sampled_from([None, b"", b"\xff", USERS[0].encode()])


@st.composite
def poison(draw: st.DrawFn) -> Input:
    """Random bytes, framed or not, or a record that was cut, lengthened or overwritten."""
    topic = draw(st.sampled_from(TOPICS))
    noise = draw(st.binary(max_size=80))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return Input(topic, START_MS, draw(KEYS), noise)
    if kind == 1:
        return Input(topic, START_MS, draw(KEYS), fixed_ids().frame(SCHEMA_OF[topic]) + noise)
    sample = draw(st.sampled_from(SAMPLES))
    value = sample.value or b""
    cut = draw(st.integers(0, len(value)))
    if kind == 2:
        return sample._replace(value=value[:cut])
    if kind == 3:
        return sample._replace(value=value + noise)
    return sample._replace(value=value[:cut] + noise[:3] + value[cut + 3 :])


@given(st.lists(poison(), min_size=1, max_size=30))
def test_any_bytes_end_in_one_outcome(inputs: list[Input]) -> None:
    gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
    for number, given_input in enumerate([*seeded_history(0, 1), *inputs], start=1):
        try:
            expected = auditor.apply(*given_input)
        except ControlGapError:
            with pytest.raises(InvariantViolated):
                gate.apply(given_input)
            return
        output = gate.apply(given_input)
        assert seen(output) == expected
        assert decode_audit_record(output.audit).lane_sequence == number
        assert (output.dead_letter is not None) == (output.outcome == AUDIT_OUTCOME_DEAD_LETTER)


def test_a_large_record_is_kept_in_part_and_by_its_hash() -> None:
    gate = Gate()
    value = fixed_ids().frame("order") + b"\xff" * 1_048_571
    output = gate.apply(Input("orders", START_MS, b"k" * 5_000, value))
    assert output.dead_letter is not None
    letter = decode_dead_letter(output.dead_letter)
    assert letter.reason_code == "MALFORMED"
    assert letter.value == value[:65_536]
    assert letter.value_length == len(value)
    assert letter.key == b"k" * 1_024
    audit = decode_audit_record(output.audit)
    assert (audit.value, audit.oversized_length) == (value, None)


def test_a_record_larger_than_an_input_may_be_is_kept_by_its_hash() -> None:
    gate = Gate()
    value = fixed_ids().frame("order") + b"\xff" * 1_048_572
    output = gate.apply(Input("orders", START_MS, None, value))
    assert output.dead_letter is not None
    letter = decode_dead_letter(output.dead_letter)
    assert (letter.reason_code, letter.value_length) == ("TOO_LARGE", len(value))
    assert letter.value_sha256 == sha256(value).digest()
    assert decode_audit_record(output.audit).oversized_length == len(value)


@pytest.mark.parametrize("timestamp_ms", [-(2**63) // 1000, -1, 0, 2**63 // 1000, 2**63 - 1])
def test_any_time_stamp_is_taken(timestamp_ms: int) -> None:
    gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
    for given_input in seeded_history(2, 40):
        odd = given_input._replace(timestamp_ms=timestamp_ms)
        assert seen(gate.apply(odd)) == auditor.apply(*odd)
