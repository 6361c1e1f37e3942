"""Does the money add up? Rows that do not are told by purse and sequence."""

from collections.abc import Callable

import pytest

from pipeline.audit.conservation import Conservation
from pipeline.codecs.avro import (
    decode_row_balance,
    decode_row_pledge,
    encode_row_balance,
    encode_row_pledge,
)
from pipeline.risk.keys import balance_key, pledge_key
from tests.property.desk import USER, pledging
from tests.property.world import changed

Rows = dict[bytes, bytes | None]
USD, EUR = balance_key(USER, "USD"), balance_key(USER, "EUR")
PLEDGE = pledge_key(USER, "USD", "EUR")


def pledged() -> Rows:
    """The rows of a user whose euros cover an order in dollars."""
    desk = pledging()
    desk.works()
    return dict(desk.gate.rows.rows)


def told(*steps: Rows) -> str | None:
    """The first thing that does not add up."""
    conservation = Conservation()
    for sequence, rows in enumerate(steps, start=1):
        conservation.observe(list(rows.items()), sequence)
    return conservation.problem


def balance(rows: Rows, key: bytes, **changes: object) -> bytes:
    """A balance that says something else."""
    return encode_row_balance(changed(decode_row_balance(rows[key] or b""), **changes))


def pledge(rows: Rows, **changes: object) -> bytes:
    """A pledge that says something else."""
    return encode_row_pledge(changed(decode_row_pledge(rows[PLEDGE] or b""), **changes))


def test_what_the_gate_writes_adds_up() -> None:
    assert told(pledged()) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: {USD: balance(r, USD, cash_minor=1)}, "has 1, not 0"),
        (lambda r: {USD: balance(r, USD, held_minor=1)}, "says 1 is held, its orders"),
        (lambda r: {USD: balance(r, USD, covered_minor=1)}, "says 1 is covered by ['EUR'], its"),
        (lambda r: {USD: balance(r, USD, covered_by=[])}, "says 100100 is covered by [], its"),
        (lambda r: {EUR: balance(r, EUR, pledged_minor=1)}, "says 1 is pledged, pledges of it"),
        (lambda r: {PLEDGE: pledge(r, pledged_minor=1)}, "says 80080 is pledged, pledges of it"),
        (lambda r: {PLEDGE: pledge(r, covered_minor=1)}, "its pledges cover 1, of ['EUR']"),
        (lambda _: {PLEDGE: None}, "pledge"),
        (
            lambda r: {USD: balance(r, USD, cash_minor=5, deposited_minor=5)},
            "has 100100 covered, and needs 100095",
        ),
    ],
)
def test_a_row_that_does_not_add_up_is_told(change: Callable[[Rows], Rows], said: str) -> None:
    rows = pledged()
    problem = told(rows, change(rows))
    assert problem is not None
    assert problem.startswith(f"sequence 2: ('{USER}', ")
    assert said in problem


@pytest.mark.parametrize("key", [USD, EUR])
def test_a_pledge_without_a_balance_is_told(key: bytes) -> None:
    rows = pledged()
    del rows[key]
    problem = told(rows)
    assert problem is not None
    assert "without a balance" in problem
