"""What must hold of the gate's own rows and bytes, whatever the rules say."""

from collections import Counter, defaultdict
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit.verify import LaneVerifier
from pipeline.codecs.avro import decode_audit_record, decode_decision
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.processor import LaneOutput
from pipeline.risk.keys import GATE
from pipeline.risk.records import (
    DECISION_ORIGIN_CLIENT,
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    SIDE_SELL,
    VERDICT_ACCEPTED,
    Decision,
    RowBalance,
    RowOrder,
)
from tests.property.gate import Gate, events_of
from tests.property.histories import make_history
from tests.property.strategies import STEPS
from tests.property.world import INSTRUMENTS, LANE, LANE_COUNT, TOPICS

pytestmark = pytest.mark.property

SPOT_ASSET = "BTC"
SPOT_NAME = "BTC-USD"


@given(STEPS)
def test_no_money_appears_or_is_lost(steps: list[int]) -> None:
    gate = Gate()
    for number, given_input in enumerate(make_history(steps)):
        margins = {key: row.margin_minor for key, row in gate.positions().items()}
        output = gate.apply(given_input)
        assert_accepted_is_covered(gate, output, margins)
        if number % 10 == 0:
            assert_rows_add_up(gate)
            assert_ids_lead_to_orders(gate)
    assert_rows_add_up(gate)
    assert_ids_lead_to_orders(gate)


def assert_accepted_is_covered(
    gate: Gate, output: LaneOutput, margins: dict[tuple[str, ...], int]
) -> None:
    """An order that was accepted, and holds more, was paid for, unless it only reduces."""
    if output.decision is None:
        return
    decision = decode_decision(output.decision)
    if decision.verdict == VERDICT_ACCEPTED and decision.hold_minor > 0:
        balance = gate.balances()[decision.user_id, decision.hold_currency or ""]
        assert available(balance) >= 0 or only_reduces(gate, decision, margins)


def available(row: RowBalance) -> int:
    """What is there for orders and withdrawals."""
    return row.cash_minor + row.covered_minor - row.held_minor - row.pledged_minor


def only_reduces(gate: Gate, decision: Decision, margins: dict[tuple[str, ...], int]) -> bool:
    """Whether the accepted order, with all that works on its side, only takes risk away."""
    order = decision.order
    if order is None or INSTRUMENTS[order.instrument_id](order.instrument_id).kind == (
        INSTRUMENT_KIND_SPOT
    ):
        return False
    key = (decision.user_id, order.instrument_id)
    row = gate.positions()[key]
    if row.margin_minor > margins.get(key, 0):
        return False
    if order.side == SIDE_BUY:
        return row.position_lots + row.working_buy_lots <= 0
    return row.position_lots - row.working_sell_lots >= 0


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
        short[user] += available(row) < 0
        # Money that covers is needed, and nobody pledges what he needs himself.
        assert row.covered_minor == 0 or available(row) <= 0
    assert_pledges_add_up(gate)
    assert not any(held.values()), "something is held in a currency without a balance"
    assert_assets_are_positions(gate)
    open_orders = Counter(user for user, _ in gate.orders())
    for (user,), counts in gate.users().items():
        assert (counts.open_orders_count, counts.deficit_count) == (open_orders[user], short[user])


def assert_pledges_add_up(gate: Gate) -> None:
    """Balances say what pledges do; each is of something, and none covers itself in a circle."""
    covered: Counter[tuple[str, str]] = Counter()
    pledged: Counter[tuple[str, str]] = Counter()
    covered_by: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for (user, into, of), pledge in sorted(gate.pledges().items()):
        assert pledge.covered_minor > 0
        assert pledge.pledged_minor > 0
        covered[user, into] += pledge.covered_minor
        pledged[user, of] += pledge.pledged_minor
        covered_by[user, into].append(of)
    for (user, currency), row in gate.balances().items():
        purse = (user, currency)
        assert row.covered_minor == covered.pop(purse, 0)
        assert row.pledged_minor == pledged.pop(purse, 0)
        assert row.covered_by == covered_by.get(purse, [])
        reached = set(row.covered_by)
        for _ in range(len(covered_by)):
            reached |= {by for one in reached for by in covered_by.get((user, one), ())}
        assert currency not in reached
    assert not covered + pledged, "a pledge of a currency without a balance"


def assert_assets_are_positions(gate: Gate) -> None:
    """Busted, corrected or late: the assets that were traded are the lots that were."""
    positions, balances = gate.positions(), gate.balances()
    lots = {user: row.position_lots for (user, n), row in positions.items() if n == SPOT_NAME}
    traded = {user: row.traded_minor for (user, a), row in balances.items() if a == SPOT_ASSET}
    per_lot = INSTRUMENTS[SPOT_NAME](SPOT_NAME).base_minor_per_lot
    for user in lots | traded:
        assert traded.get(user, 0) == lots.get(user, 0) * per_lot


def open_lots(order: RowOrder) -> int:
    """What of a stored order can still be filled; never nothing, or it would not be stored."""
    asked = max(order.quantity_lots, order.pending_quantity_lots)
    whole = asked if order.final_lots is None else order.final_lots
    assert whole > order.filled_lots
    return whole - order.filled_lots


def assert_ids_lead_to_orders(gate: Gate) -> None:
    """An alias is the current id of a working order, or that of its pending REPLACE."""
    wanted: dict[tuple[str, str], str] = {}
    for (user, root), order in gate.orders().items():
        if order.current_order_id != root:
            wanted[user, order.current_order_id] = root
        if order.pending_order_id is not None:
            wanted[user, order.pending_order_id] = root
    assert {key: row.root_order_id for key, row in gate.aliases().items()} == wanted


@given(STEPS)
def test_an_order_id_is_decided_once_and_the_gate_has_ids_of_its_own(steps: list[int]) -> None:
    gate = Gate()
    decided: dict[tuple[str, str], int] = {}
    for number, given_input in enumerate(make_history(steps), start=1):
        output = gate.apply(given_input)
        for count, (user, body) in enumerate(output.swept, start=1):
            own = decode_decision(body)
            assert own.origin != DECISION_ORIGIN_CLIENT
            assert (own.user_id, own.verdict, own.order) == (user, VERDICT_ACCEPTED, None)
            assert own.order_id == f"gate:{LANE}:{number}:{count}"
            assert own.checks == []
        if output.decision is None:
            continue
        decision = decode_decision(output.decision)
        assert decision.origin == DECISION_ORIGIN_CLIENT
        if decision.duplicate_of is None and len(decision.checks) > 1:
            id_ = (decision.user_id, decision.order_id)
            # Beyond the window an id may be used for another order.
            forgotten_before = gate.processor.head.forgotten_before
            assert decided.get(id_, -1) < forgotten_before, "decided again"
            decided[id_] = max(decision.gate_time, decision.event_time)
            assert decision.verdict != VERDICT_ACCEPTED or not id_[1].startswith("gate:")


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
        output.swept,
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
        assert record.decision == output.decision
        assert record.swept == [body for _, body in output.swept]
        value = given_input.value or b""
        if record.oversized_sha256 is None:
            assert (record.key, record.value) == (given_input.key, given_input.value)
        else:
            assert record.oversized_sha256 == sha256(value).digest()
            assert value.startswith(record.value or b"never")
        assert record.gate_time >= gate_time
        previous, gate_time = sha256(output.audit).digest(), record.gate_time


@given(STEPS)
def test_the_audit_alone_leads_to_the_same_bytes(steps: list[int]) -> None:
    gate = Gate()
    verifier = LaneVerifier(LANE, LANE_COUNT, list(TOPICS), fixed_ids())
    for given_input in make_history(steps):
        verifier.take(gate.apply(given_input).audit)
    assert (verifier.problem, verifier.core_problem) == (None, None)
    assert verifier.conservation.problem is None
    assert verifier.replayed == verifier.records
    # The head is written by a commit, which a replay has none of.
    assert {k: body for k, body in gate.rows.rows.items() if k != GATE} == verifier.rows.rows


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
