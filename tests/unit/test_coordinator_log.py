"""What a transaction's coordinator wrote down, and what follows for a partition."""

import pytest
from aiokafka.protocol.types import Int8, Int16, Int32, Int64

from pipeline.hanging.coordinator_log import Status, Step, coordinator_of, outcome, parsed

HERE = ("decisions", 3)
ELSEWHERE = ("audit", 1)


def step(status: Status, *partitions: tuple[str, int], producer: int = 7) -> Step:
    """A step of producer 7 unless another is named."""
    return Step(producer, status, frozenset(partitions))


# What Java answers for String.hashCode: 96354; 0; -2^31; 1325939940 (a pair of surrogates counts
# as two characters: 1772899).
@pytest.mark.parametrize(
    ("transactional_id", "partition"),
    [
        ("abc", 96354 % 50),
        ("", 0),
        ("polygenelubricants", 0),
        ("tollgate", None),
        ("\U0001f600", 1772899 % 50),
    ],
)
def test_a_coordinator_is_found_as_java_finds_it(
    transactional_id: str, partition: int | None
) -> None:
    found = coordinator_of(transactional_id, 50)
    assert 0 <= found < 50
    if partition is not None:
        assert found == partition


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([step(Status.EMPTY)], None),
        ([step(Status.ONGOING, HERE)], Status.ONGOING),
        ([step(Status.PREPARE_COMMIT, HERE)], Status.ONGOING),
        ([step(Status.PREPARE_EPOCH_FENCE, HERE)], Status.ONGOING),
        (
            [step(Status.PREPARE_COMMIT, HERE), step(Status.COMPLETE_COMMIT)],
            Status.PREPARE_COMMIT,
        ),
        ([step(Status.PREPARE_ABORT, HERE), step(Status.COMPLETE_ABORT)], Status.PREPARE_ABORT),
        # Later transactions that did not write here say nothing of what is open here.
        (
            [
                step(Status.PREPARE_COMMIT, HERE),
                step(Status.COMPLETE_COMMIT),
                step(Status.PREPARE_ABORT, ELSEWHERE),
                step(Status.ONGOING, ELSEWHERE),
            ],
            Status.PREPARE_COMMIT,
        ),
        # Nor does another producer that had the same transactional id.
        ([step(Status.PREPARE_COMMIT, HERE, producer=8), step(Status.COMPLETE_COMMIT)], None),
    ],
)
def test_the_outcome_is_that_of_the_last_transaction_that_wrote_there(
    steps: list[Step], expected: Status | None
) -> None:
    assert outcome(steps, 7, HERE) == expected


def test_a_record_of_the_first_version_is_read() -> None:
    value = b"".join(
        (
            Int16.encode(0),
            Int64.encode(7),
            Int16.encode(2),
            Int32.encode(5_000),
            Int8.encode(Status.PREPARE_COMMIT),
            Int32.encode(1),
            Int16.encode(9),
            b"decisions",
            Int32.encode(1),
            Int32.encode(3),
            Int64.encode(1),
            Int64.encode(1),
        )
    )
    assert list(parsed(value)) == [step(Status.PREPARE_COMMIT, HERE)]


def test_a_tombstone_and_a_version_nobody_knows_say_nothing() -> None:
    assert list(parsed(None)) == []
    assert list(parsed(Int16.encode(9) + b"whatever")) == []
