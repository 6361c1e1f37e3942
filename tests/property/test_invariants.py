"""What must hold of the gate's own rows and bytes, whatever the rules say."""

from collections import Counter
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.avro import decode_audit_record, decode_decision
from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import (
    SIDE_BUY,
    SIDE_SELL,
    VERDICT_ACCEPTED,
    RowOrder,
)
from tests.property.gate import Gate, events_of
from tests.property.histories import make_history
from tests.property.strategies import STEPS

pytestmark = pytest.mark.property


@given(STEPS)
def test_no_money_appears_or_is_lost(steps: list[int]) -> None:
    gate = Gate()
    for number, given_input in enumerate(make_history(steps)):
        output = gate.apply(given_input)
        assert_accepted_is_covered(gate, output)
        if number % 10 == 0:
            assert_rows_add_up(gate)
    assert_rows_add_up(gate)


def assert_accepted_is_covered(gate: Gate, output: LaneOutput) -> None:
    """An order that was accepted, and holds something, was paid for."""
    if output.decision is None:
        return
    decision = decode_decision(output.decision)
    if decision.verdict == VERDICT_ACCEPTED and decision.hold_minor > 0:
        balance = gate.balances()[decision.user_id, decision.hold_currency or ""]
        assert balance.cash_minor - balance.held_minor >= 0


def assert_rows_add_up(gate: Gate) -> None:
    """Cash is the sum of its columns; held and what works are the sums of their parts."""
    held: Counter[tuple[str, str]] = Counter()
    pending: Counter[tuple[str, str]] = Counter()
    working: Counter[tuple[str, str, int]] = Counter()
    for (user, _), order in gate.orders().items():
        held[user, order.hold_currency] += order.hold_minor
        working[user, order.instrument_id, order.side] += open_lots(order)
    for (user, _), withdrawal in gate.withdrawals().items():
        held[user, withdrawal.currency] += withdrawal.amount_minor
        pending[user, withdrawal.currency] += withdrawal.amount_minor
    for (user, name), position in gate.positions().items():
        held[user, position.margin_currency] += position.margin_minor
        assert position.working_buy_lots == working[user, name, SIDE_BUY]
        assert position.working_sell_lots == working[user, name, SIDE_SELL]
    short: Counter[str] = Counter()
    for (user, currency), row in gate.balances().items():
        columns = row.deposited_minor - row.withdrawn_minor + row.adjusted_minor
        assert row.cash_minor == columns + row.traded_minor - row.fees_minor
        assert row.held_minor == held.pop((user, currency), 0)
        assert row.pending_withdrawals_minor == pending[user, currency]
        short[user] += row.held_minor > row.cash_minor
    assert not any(held.values()), "something is held in a currency without a balance"
    open_orders = Counter(user for user, _ in gate.orders())
    for (user,), counts in gate.users().items():
        assert (counts.open_orders_count, counts.deficit_count) == (open_orders[user], short[user])


def open_lots(order: RowOrder) -> int:
    """What of a stored order can still be filled; never nothing, or it would not be stored."""
    whole = order.quantity_lots if order.final_lots is None else order.final_lots
    assert whole > order.filled_lots
    return whole - order.filled_lots


@given(STEPS, st.integers(0, 2**32 - 1))
def test_batches_and_crashes_never_show(steps: list[int], cuts: int) -> None:
    whole, cut = Gate(), Gate()
    rng = Random(cuts)
    for given_input in make_history(steps):
        if rng.random() < 0.1:
            cut.restart()
        elif rng.random() < 0.1:
            cut.processor.trim(0)
        assert bytes_of(cut.apply(given_input)) == bytes_of(whole.apply(given_input))
    assert cut.rows.rows == whole.rows.rows


def bytes_of(output: LaneOutput) -> tuple[object, ...]:
    """Everything that leaves the lane."""
    return (
        output.outcome,
        output.reason_code,
        output.decision,
        output.audit,
        output.events,
        output.dead_letter,
        output.rows,
    )


@given(STEPS)
def test_audit_records_are_a_gapless_chain(steps: list[int]) -> None:
    gate = Gate()
    previous = bytes(32)
    gate_time = -1
    for number, given_input in enumerate(make_history(steps), start=1):
        output = gate.apply(given_input)
        record = decode_audit_record(output.audit)
        assert (record.lane_sequence, record.previous_hash) == (number, previous)
        value = given_input.value or b""
        if record.oversized_sha256 is None:
            assert (record.key, record.value) == (given_input.key, given_input.value)
        else:
            assert record.oversized_sha256 == sha256(value).digest()
            assert value.startswith(record.value or b"never")
        assert record.gate_time >= gate_time
        previous, gate_time = sha256(output.audit).digest(), record.gate_time


@given(STEPS)
def test_a_closed_day_tells_how_many_events_it_had(steps: list[int]) -> None:
    gate = Gate()
    told: Counter[tuple[str, int]] = Counter()
    closed: set[tuple[str, int]] = set()
    for given_input in make_history(steps):
        for event in events_of(gate.apply(given_input)):
            day = (event.tenant_id, event.business_day)
            assert day not in closed, "an event of a day that was closed"
            if event.event_type == "DAY_CLOSE":
                closed.add(day)
                assert event.day_event_count == told[day]
            else:
                told[day] += 1
