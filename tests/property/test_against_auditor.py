"""The gate answers every history as the auditor does, and its rows lead to the same figures."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given

from pipeline.risk.records import SIDE_BUY, SIDE_SELL
from tests.oracle.auditor import Auditor, Expected
from tests.oracle.book import SIGN, Book
from tests.property.gate import Gate, seen
from tests.property.histories import LANE, LANE_COUNT, make_history, seeded_history
from tests.property.strategies import STEPS, TIGHT_IDS_MAX

pytestmark = pytest.mark.property

RULES: Final = Path(__file__).parents[2] / "docs/rules.md"
# These seeds and this length meet every word of the rules; see the last test.
SEEDS: Final = range(40)
LENGTH: Final = 150


@given(STEPS)
def test_every_input_is_answered_as_the_auditor_answers_it(steps: list[int]) -> None:
    gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
    for number, given_input in enumerate(make_history(steps)):
        expected = auditor.apply(*given_input)
        assert seen(gate.apply(given_input)) == expected, f"input {number}: {given_input}"
        if number % 10 == 0:
            assert_same_state(gate, auditor)
    assert_same_state(gate, auditor)


@given(STEPS, TIGHT_IDS_MAX)
def test_a_tight_memory_answers_as_the_auditors_does(steps: list[int], ids_max: int) -> None:
    gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
    for number, given_input in enumerate(make_history(steps, ids_max)):
        expected = auditor.apply(*given_input)
        assert seen(gate.apply(given_input)) == expected, f"input {number}: {given_input}"
        assert gate.processor.head.forgotten_before == auditor.forgotten_before
    assert_same_state(gate, auditor)


def test_every_code_of_the_rules_occurs_and_the_auditor_agrees() -> None:
    words: set[str | None] = set()
    for seed in SEEDS:
        gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
        for given_input in seeded_history(seed, LENGTH):
            answer = seen(gate.apply(given_input))
            assert answer == auditor.apply(*given_input)
            words.update(words_of(answer))
    named = set(re.findall(r"`([A-Z][A-Z_]*[A-Z])`", RULES.read_text()))
    assert named - words == set()


def words_of(answer: Expected) -> Iterable[str | None]:
    """Every code that an answer shows: reasons, reasons of checks, events and their tenants."""
    yield answer.reason_code
    for event in answer.events:
        yield from event
    if answer.decision is not None:
        yield from (check.reason for check in answer.decision.checks)


def assert_same_state(gate: Gate, auditor: Auditor) -> None:
    """Money, positions, working orders and counts of every user, from rows and from the books."""
    assert balances(gate) == {
        (user, currency): figures_of(book, currency)
        for user, book in auditor.books.items()
        for currency in book.currencies()
        if any(figures_of(book, currency))
    }
    assert positions(gate) == {
        (user, name): lots_of(book, name)
        for user, book in auditor.books.items()
        for name in {trade.instrument_id for trade in book.trades} | set(book.margined)
        if any(lots_of(book, name))
    }
    assert {key: (row.filled_lots, row.final_lots) for key, row in gate.orders().items()} == {
        (user, known.order.order_id): (known.filled, known.final)
        for user, book in auditor.books.items()
        for known in book.open_orders()
    }
    assert {
        user: (r.orders_count, r.messages_count, r.open_orders_count, r.deficit_count)
        for (user,), r in gate.users().items()
    } == {
        user: (b.orders_count, b.messages_count, len(b.open_orders()), len(b.short))
        for user, b in auditor.books.items()
        if b.exists
    }


def balances(gate: Gate) -> dict[tuple[str, ...], list[int]]:
    """Cash, held, pending and each column, where any is not zero."""
    figures = {
        key: [
            row.cash_minor,
            row.held_minor,
            row.pending_withdrawals_minor,
            row.deposited_minor,
            row.withdrawn_minor,
            row.adjusted_minor,
            row.traded_minor,
            row.fees_minor,
        ]
        for key, row in gate.balances().items()
    }
    return {key: figure for key, figure in figures.items() if any(figure)}


def figures_of(book: Book, currency: str) -> list[int]:
    """The same from the auditor's entries."""
    columns = [book.total(currency, column) for column in SIGN]
    return [book.cash(currency), book.held(currency), book.pending_total(currency), *columns]


def positions(gate: Gate) -> dict[tuple[str, ...], list[int]]:
    """Position, what works on each side, and open cost, where any is not zero."""
    figures = {
        key: [row.position_lots, row.working_buy_lots, row.working_sell_lots, row.open_cost_e9]
        for key, row in gate.positions().items()
    }
    return {key: figure for key, figure in figures.items() if any(figure)}


def lots_of(book: Book, name: str) -> list[int]:
    """The same from the auditor's trades and orders."""
    working = [book.working(name, SIDE_BUY), book.working(name, SIDE_SELL)]
    return [book.position(name), *working, book.open_cost_e9(name)]
