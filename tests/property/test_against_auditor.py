"""The gate answers every history as the auditor does, and its rows lead to the same figures."""

import re
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import given

from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_PARTIAL_FILL,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_GTC,
)
from tests.oracle.auditor import Auditor, Expected
from tests.oracle.book import SIGN, Book, Remembered
from tests.property.gate import Gate, seen
from tests.property.histories import make_history, seeded_history
from tests.property.orders import good_order
from tests.property.reports import report_on
from tests.property.strategies import STEPS, TIGHT_IDS_MAX
from tests.property.world import (
    DAY_MS,
    E9,
    LANE,
    LANE_COUNT,
    USERS,
    USUAL_PRICE_E9,
    World,
    changed,
    send_money,
    set_up,
)

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


def test_more_orders_than_one_input_sweeps_wait_for_the_next_one() -> None:
    world, rng = World(), Random(0)
    set_up(world, rng, 0.0)
    exempt = ["ORDER_RATE", "OPEN_ORDERS", "POSITION_LIMIT"]
    world.send_control(world.policy(checks_exempt=exempt, orphan_ms_max=60_000))
    send_money(world, USERS[0], DEPOSIT_KIND_DEPOSIT, "USD", 10**12)
    ends = [{"expires_at": world.now_us + 5_000_000}, {"time_in_force": TIME_IN_FORCE_DAY}, {}]
    plain = {"expires_at": None, "time_in_force": TIME_IN_FORCE_GTC, "event_time": world.now_us}
    ours = {"user_id": USERS[0], "instrument_id": "ESX", "side": SIDE_BUY, "quantity_lots": 4}
    limit = {"order_type": ORDER_TYPE_LIMIT, "price_e9": USUAL_PRICE_E9["ESX"]}
    for number in range(250):
        order = changed(good_order(world, rng), **(ours | limit | plain | ends[number % 3]))
        world.send_new(order)
    world.now_ms += DAY_MS
    # The last but one is an orphan that is far from its turn when the venue reports on it.
    survivor = world.orders[248]
    trade = {"exec_type": EXEC_TYPE_PARTIAL_FILL, "last_lots": 1, "last_price_e9": E9}
    for _ in range(4):
        world.send_fill(report_on(world, survivor, **trade))
    gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
    swept: list[int] = []
    for given_input in world.sent:
        expected = auditor.apply(*given_input)
        assert seen(gate.apply(given_input)) == expected
        swept.append(len(expected.swept))
    assert_same_state(gate, auditor)
    assert swept[-4:] == [100, 100, 49, 0]


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
        if any(lots_of(book, name)[:-1])
    }
    assert orders(gate) == {
        (user, known.order.order_id): terms_of(known)
        for user, book in auditor.books.items()
        for known in book.open_orders()
    }
    assert {key: row.root_order_id for key, row in gate.aliases().items()} == {
        (user, alias): known.order.order_id
        for user, book in auditor.books.items()
        for known in book.open_orders()
        for alias in known.aliases
    }
    assert {key: (row.covered_minor, row.pledged_minor) for key, row in gate.pledges().items()} == {
        (user, *currencies): tuple(pledge)
        for user, book in auditor.books.items()
        for currencies, pledge in book.pledges.items()
    }
    assert executions(gate) == remembered_trades(auditor)
    assert {
        user: (r.orders_count, r.messages_count, r.open_orders_count, r.deficit_count)
        for (user,), r in gate.users().items()
    } == {
        user: (b.orders_count, b.messages_count, len(b.open_orders()), len(b.short))
        for user, b in auditor.books.items()
        if b.exists
    }


def balances(gate: Gate) -> dict[tuple[str, ...], list[int]]:
    """Cash, held, covered, pledged, pending and each column, where any is not zero."""
    figures = {
        key: [
            row.cash_minor,
            row.held_minor,
            row.covered_minor,
            row.pledged_minor,
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
    secured = [book.covered(currency), book.pledged(currency)]
    pending = book.pending_total(currency)
    return [book.cash(currency), book.held(currency), *secured, pending, *columns]


def positions(gate: Gate) -> dict[tuple[str, ...], list[int]]:
    """Position, what works on each side, and open cost, where any is not zero; session settled."""
    figures = {
        key: [row.position_lots, row.working_buy_lots, row.working_sell_lots, row.open_cost_e9]
        for key, row in gate.positions().items()
    }
    settled = {key: row.settled_on for key, row in gate.positions().items()}
    return {key: [*figure, settled[key]] for key, figure in figures.items() if any(figure)}


def lots_of(book: Book, name: str) -> list[int]:
    """The same from the auditor's trades and orders."""
    working = [book.working(name, SIDE_BUY), book.working(name, SIDE_SELL)]
    return [book.position(name), *working, book.open_cost_e9(name), book.settled.get(name, -1)]


def orders(gate: Gate) -> dict[tuple[str, ...], tuple[object, ...]]:
    """What is in force and asked for of each working order, and how far it has come."""
    return {
        key: (
            (row.current_order_id, row.quantity_lots, row.price_e9),
            (row.pending_order_id, row.pending_quantity_lots, row.pending_price_e9),
            (row.filled_lots, row.final_lots, row.acknowledged, row.cancel_requested),
            (row.accepted_at, row.business_day),
        )
        for key, row in gate.orders().items()
    }


def terms_of(known: Remembered) -> tuple[object, ...]:
    """The same from the auditor's memory."""
    current, pending = known.current, known.pending
    assert current is not None
    return (
        (current.order_id, current.quantity_lots, current.price_e9),
        (None, 0, 0)
        if pending is None
        else (pending.order_id, pending.quantity_lots, pending.price_e9),
        (known.filled, known.final, known.acknowledged, known.cancel_requested),
        (known.accepted_at, known.business_day),
    )


def executions(gate: Gate) -> dict[tuple[str, ...], tuple[object, ...]]:
    """When each remembered report was touched, whether it counts, and the trade that it was."""
    return {
        key: (
            row.touched_at,
            row.superseded,
            (row.instrument_id, row.side, row.lots, row.price_e9, row.fee_minor)
            if row.lots
            else None,
        )
        for key, row in gate.executions().items()
    }


def remembered_trades(auditor: Auditor) -> dict[tuple[str, ...], tuple[object, ...]]:
    """The same from the auditor's memory."""
    found: dict[tuple[str, ...], tuple[object, ...]] = {}
    for key, touched_at in auditor.seen_reports.items():
        if touched_at < auditor.forgotten_before:
            continue
        known = auditor.executions[key]
        trade = (known.instrument_id, known.side, known.lots, known.price_e9, known.fee_minor)
        found[key] = (touched_at, known.superseded, trade if known.lots else None)
    return found
