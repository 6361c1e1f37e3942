"""The gate answers every history as the auditor does, and its rows lead to the same figures."""

import re
from collections.abc import Callable, Iterable
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
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_GTC,
)
from tests.oracle.auditor import Auditor, Expected
from tests.property.crowds import holdings_history, rules_history
from tests.property.gate import Gate, seen
from tests.property.histories import make_history, seeded_history
from tests.property.orders import good_order
from tests.property.reports import report_on
from tests.property.state import assert_same_state
from tests.property.strategies import STEPS, TIGHT_IDS_MAX
from tests.property.world import (
    DAY_MS,
    E9,
    LANE,
    LANE_COUNT,
    USERS,
    USUAL_PRICE_E9,
    Input,
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
    histories = [*(seeded_history(seed, LENGTH) for seed in SEEDS), holdings_history()]
    for history in histories:
        gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
        for given_input in history:
            answer = seen(gate.apply(given_input))
            assert answer == auditor.apply(*given_input)
            words.update(words_of(answer))
    named = set(re.findall(r"`([A-Z][A-Z_]*[A-Z])`", RULES.read_text()))
    assert named - words == set()


@pytest.mark.parametrize("crowd", [holdings_history, rules_history])
def test_what_is_one_too_many_is_answered_as_the_auditor_answers_it(
    crowd: Callable[[], list[Input]],
) -> None:
    gate, auditor = Gate(), Auditor(LANE, LANE_COUNT)
    for given_input in crowd():
        assert seen(gate.apply(given_input)) == auditor.apply(*given_input)
    assert_same_state(gate, auditor)


def test_more_orders_than_one_input_sweeps_wait_for_the_next_one() -> None:
    world, rng = World(), Random(0)
    set_up(world, rng, 0.0)
    exempt = ["ORDER_RATE", "OPEN_ORDERS", "POSITION_LIMIT"]
    world.send_control(world.policy(checks_exempt=exempt, orphan_ms_max=60_000))
    send_money(world, USERS[0], DEPOSIT_KIND_DEPOSIT, "USD", 10**12)
    ends = [{"expires_at": world.now_us + 5_000_000}, {"time_in_force": TIME_IN_FORCE_DAY}, {}]
    plain = {"expires_at": None, "time_in_force": TIME_IN_FORCE_GTC, "event_time": world.now_us}
    plain["reduce_only"] = False
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
