"""What a rejection says would have passed does pass, and one lot more does not.

On forks of the gate that decide the same order with other quantities.
"""

from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given

from pipeline.codecs.avro import decode_decision, decode_order, encode_order
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.risk.records import (
    CHECK_OUTCOME_FAIL,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_REPLACE,
    VERDICT_ACCEPTED,
    Decision,
    Order,
)
from tests.oracle.auditor import Auditor
from tests.oracle.check_limits import RULE
from tests.oracle.largest import BY_QUANTITY
from tests.property.desk import MARGIN, Desk
from tests.property.gate import Gate, Left
from tests.property.histories import make_history
from tests.property.strategies import STEPS
from tests.property.world import LANE, LANE_COUNT, Input, changed, future

pytestmark = pytest.mark.property

# Quantities up to this many lots of the instrument are all tried.
TRIED_MAX: Final = 12
# So many orders of a history are looked at; each costs some forks.
LOOKED_AT_MAX: Final = 6


class Asked(NamedTuple):
    """An order that was rejected, and the lane as it was before."""

    left: Left
    given: Input
    decision: Decision

    @property
    def order(self) -> Order:
        """What was sent."""
        return decode_order(self.given.value or b"", FRAME_BYTES)

    @property
    def is_hopeless(self) -> bool:
        """Whether a check rejected it that no quantity changes."""
        failed = {c.check for c in self.decision.checks if c.result == CHECK_OUTCOME_FAIL}
        return any(not check.startswith(RULE) for check in failed.difference(BY_QUANTITY))

    def passes(self, lots: int) -> bool:
        """Whether the gate would have accepted the same order with another quantity."""
        other = changed(self.order, quantity_lots=lots, order_id="another-quantity")
        value = fixed_ids().frame("order") + encode_order(other)
        output = Gate(self.left).apply(self.given._replace(value=value))
        assert output.decision is not None
        return decode_decision(output.decision).verdict == VERDICT_ACCEPTED


def filled_of(gate: Gate, order: Order) -> int:
    """Lots filled of the order that a REPLACE is about."""
    if order.action != ORDER_ACTION_REPLACE:
        return 0
    named = (order.user_id, order.orig_order_id or "")
    alias, decision = gate.aliases().get(named), gate.decisions().get(named)
    root = alias.root_order_id if alias is not None else named[1]
    if alias is None and decision is not None:
        root = decision.root_order_id or root
    working = gate.orders().get((order.user_id, root))
    return 0 if working is None else working.filled_lots


def assert_boundary(asked: Asked, lot: int, filled: int) -> None:
    """The figure of a rejection, by every quantity below what was asked for."""
    most, first = asked.decision.passing_lots_max, filled // lot + 1
    beyond = (asked.order.quantity_lots - 1) // lot + 1
    passing = {n * lot for n in range(first, beyond) if asked.passes(n * lot)}
    if most == 0:
        assert first * lot not in passing
    else:
        assert most in passing
        assert most + lot not in passing
    # Wherever no quantity passes above one that does not, it is the largest of all.
    if passing == {n * lot for n in range(first, first + len(passing))}:
        assert most == max(passing, default=0)


def has_vector(decision: Decision) -> bool:
    """Whether checks ran for it, and it was not a CANCEL."""
    first = decision.duplicate_of is None and decision.checks[0].check != "IDENTITY"
    return first and decision.action != ORDER_ACTION_CANCEL


@given(STEPS)
def test_it_is_the_boundary_between_what_passes_and_what_does_not(steps: list[int]) -> None:
    gate, auditor, looked_at = Gate(), Auditor(LANE, LANE_COUNT), 0
    for given_input in make_history(steps):
        left = gate.left()
        output = gate.apply(given_input)
        auditor.apply(*given_input)
        if output.decision is None:
            continue
        decision = decode_decision(output.decision)
        if decision.verdict == VERDICT_ACCEPTED or not has_vector(decision):
            assert decision.passing_lots_max is None
            continue
        asked = Asked(left, given_input, decision)
        known = auditor.instruments.get(asked.order.instrument_id)
        if asked.is_hopeless or known is None:
            assert decision.passing_lots_max == 0
        elif looked_at < LOOKED_AT_MAX and asked.order.quantity_lots <= TRIED_MAX * known.lot:
            looked_at += 1
            assert_boundary(asked, known.lot, filled_of(gate, asked.order))


def test_an_order_is_told_how_much_is_left_of_a_limit() -> None:
    desk = Desk()
    desk.works(quantity_lots=16)
    assert decided(desk, quantity_lots=16).passing_lots_max == 14
    assert decided(desk, quantity_lots=14).passing_lots_max is None


def test_a_round_lot_that_passes_is_told_and_not_a_fraction_of_one() -> None:
    desk = Desk()
    desk.control(future("ESX", margin_minor_per_lot=MARGIN, lot=4))
    assert decided(desk, quantity_lots=18).passing_lots_max == 16
    assert decided(desk, quantity_lots=3).passing_lots_max == 0


def decided(desk: Desk, **changes: Any) -> Decision:
    """The decision on a NEW."""
    desk.world.send_order(desk.new(**changes))
    output = desk.gate.apply(desk.world.sent.pop())
    assert output.decision is not None
    return decode_decision(output.decision)
