"""Every cell of an order's life: where it is, what comes, how that is flagged, where it is then.

The expectations are written out here, not taken from the table in the code.
"""

import pytest

from pipeline.risk.order_life import ON_REPORT, ON_REQUEST, STATES, state_of
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_NAMES,
    EXEC_TYPE_NEW,
    ORDER_ACTION_CANCEL,
    Order,
)
from tests.property.desk import PRICE_E9, USER, Desk

LOTS = 5
REPORTS = (
    "NEW",
    "PARTIAL_FILL",
    "FILL",
    "CANCELED",
    "REJECTED",
    "EXPIRED",
    "REPLACED",
    "CANCEL_REJECTED",
    "TRADE_CANCEL",
    "TRADE_CORRECT",
)
_UNASKED = "UNKNOWN_REPLACE"
# Per state, in the order of REPORTS: (flag, state afterwards). A PARTIAL_FILL is of 1 lot, a FILL
# of all, a terminal report counts nothing; a bust and a correction mean an execution that nobody
# has seen.
_ENDS = [("APPLIED", "ENDED")] * 3
_NEVER_SEEN = "UNKNOWN_EXEC"
AFTER: dict[str, list[tuple[str, str]]] = {
    "UNKNOWN": [("UNKNOWN_ORDER", "UNKNOWN")] * 8 + [(_NEVER_SEEN, "UNKNOWN")] * 2,
    "REFUSED": [("REJECTED_ORDER", "REFUSED")] * 8 + [(_NEVER_SEEN, "REFUSED")] * 2,
    "PENDING_NEW": [
        ("APPLIED", "WORKING"),
        ("APPLIED", "WORKING"),
        ("APPLIED", "ENDED"),
        *_ENDS,
        (_UNASKED, "WORKING"),
        ("APPLIED", "WORKING"),
        (_NEVER_SEEN, "WORKING"),
        (_NEVER_SEEN, "WORKING"),
    ],
    "WORKING": [
        ("APPLIED", "WORKING"),
        ("APPLIED", "WORKING"),
        ("APPLIED", "ENDED"),
        *_ENDS,
        (_UNASKED, "WORKING"),
        ("APPLIED", "WORKING"),
        (_NEVER_SEEN, "WORKING"),
        (_NEVER_SEEN, "WORKING"),
    ],
    "PENDING_CANCEL": [
        ("APPLIED", "PENDING_CANCEL"),
        ("APPLIED", "PENDING_CANCEL"),
        ("APPLIED", "ENDED"),
        *_ENDS,
        (_UNASKED, "PENDING_CANCEL"),
        ("APPLIED", "WORKING"),
        (_NEVER_SEEN, "PENDING_CANCEL"),
        (_NEVER_SEEN, "PENDING_CANCEL"),
    ],
    "PENDING_REPLACE": [
        ("APPLIED", "PENDING_REPLACE"),
        ("APPLIED", "PENDING_REPLACE"),
        # The other version is larger: a fill of what was ordered first leaves something open.
        ("APPLIED", "PENDING_REPLACE"),
        *_ENDS,
        ("APPLIED", "WORKING"),
        ("APPLIED", "WORKING"),
        (_NEVER_SEEN, "PENDING_REPLACE"),
        (_NEVER_SEEN, "PENDING_REPLACE"),
    ],
    "PENDING_BOTH": [
        ("APPLIED", "PENDING_BOTH"),
        ("APPLIED", "PENDING_BOTH"),
        ("APPLIED", "PENDING_BOTH"),
        *_ENDS,
        ("APPLIED", "PENDING_CANCEL"),
        # Under the order's own id it answers the cancel, under the replace's the replace.
        ("APPLIED", "PENDING_REPLACE"),
        (_NEVER_SEEN, "PENDING_BOTH"),
        (_NEVER_SEEN, "PENDING_BOTH"),
    ],
    # 2 lots were filled by the venue's count, none is seen.
    "CLOSING": [
        ("APPLIED", "CLOSING"),
        ("APPLIED", "CLOSING"),
        ("OVERFILL", "ENDED"),
        *[("APPLIED", "CLOSING")] * 3,
        (_UNASKED, "CLOSING"),
        ("APPLIED", "CLOSING"),
        (_NEVER_SEEN, "CLOSING"),
        (_NEVER_SEEN, "CLOSING"),
    ],
    "ENDED": [
        ("APPLIED", "ENDED"),
        ("LATE_FILL", "ENDED"),
        ("LATE_FILL", "ENDED"),
        *_ENDS,
        (_UNASKED, "ENDED"),
        ("APPLIED", "ENDED"),
        (_NEVER_SEEN, "ENDED"),
        (_NEVER_SEEN, "ENDED"),
    ],
}
# A correction of what nobody has seen is a trade of its own: of 1 lot, so one of CLOSING's two.


def in_state(desk: Desk, name: str) -> Order:
    """An order of LOTS brought to where it is wanted."""
    if name == "UNKNOWN":
        return desk.new(quantity_lots=LOTS)
    if name == "REFUSED":
        order = desk.new(quantity_lots=21)
        desk.send(order)
        return order
    order = desk.works(quantity_lots=LOTS)
    if name == "PENDING_NEW":
        return order
    desk.report(order, EXEC_TYPE_NEW)
    if name in {"PENDING_REPLACE", "PENDING_BOTH"}:
        desk.replace(order, quantity_lots=LOTS + 2)
    if name in {"PENDING_CANCEL", "PENDING_BOTH"}:
        request = desk.new(action=ORDER_ACTION_CANCEL, orig_order_id=order.order_id)
        assert desk.send(request).reason_code == "ACCEPTED"
    if name in {"CLOSING", "ENDED"}:
        desk.report(order, EXEC_TYPE_CANCELED, cum_lots=2 if name == "CLOSING" else 0)
    assert state_name(desk, order) == name
    return order


def state_name(desk: Desk, order: Order) -> str:
    """Where the order is, by its stored rows."""
    working = desk.gate.orders().get((USER, order.order_id))
    if working is not None:
        return STATES[state_of(working)][0]
    decision = desk.gate.processor.state.decision(USER, order.order_id, 0)
    if decision is None:
        return "UNKNOWN"
    return "ENDED" if decision.instrument_id is not None else "REFUSED"


def test_every_cell_is_defined() -> None:
    states = range(len(STATES))
    assert list(ON_REPORT) == list(ON_REQUEST) == list(states)
    assert tuple(EXEC_TYPE_NAMES) == REPORTS
    assert all(list(ON_REPORT[state]) == list(range(len(REPORTS))) for state in states)
    assert {name for name, _ in STATES} == set(AFTER)


@pytest.mark.parametrize("report", range(len(REPORTS)), ids=REPORTS)
@pytest.mark.parametrize("state", AFTER)
def test_a_report_does_what_the_life_of_an_order_says(state: str, report: int) -> None:
    desk = Desk()
    order = in_state(desk, state)
    lots = {"PARTIAL_FILL": 1, "FILL": LOTS, "TRADE_CORRECT": 1}.get(REPORTS[report], 0)
    answer = desk.report(
        order,
        report,
        last_lots=lots,
        last_price_e9=PRICE_E9 if lots else None,
        exec_ref_id="never seen" if REPORTS[report].startswith("TRADE") else None,
        cum_lots=0,
    )
    flag, after = AFTER[state][report]
    assert (answer.outcome, answer.reason_code) == ("FACT", flag)
    assert state_name(desk, order) == after


@pytest.mark.parametrize(
    ("state", "cancel", "replace"),
    [
        ("UNKNOWN", "ORIG_ORDER_UNKNOWN", "ORIG_ORDER_UNKNOWN"),
        ("REFUSED", "ORIG_ORDER_UNKNOWN", "ORIG_ORDER_UNKNOWN"),
        ("PENDING_NEW", "ACCEPTED", "ACCEPTED"),
        ("WORKING", "ACCEPTED", "ACCEPTED"),
        ("PENDING_CANCEL", "ACCEPTED", "CANCEL_PENDING"),
        ("PENDING_REPLACE", "ACCEPTED", "REPLACE_PENDING"),
        ("PENDING_BOTH", "ACCEPTED", "CANCEL_PENDING"),
        ("CLOSING", "ORIG_ORDER_CLOSED", "ORIG_ORDER_CLOSED"),
        ("ENDED", "ORIG_ORDER_CLOSED", "ORIG_ORDER_CLOSED"),
    ],
)
def test_a_request_is_answered_by_where_the_order_is(state: str, cancel: str, replace: str) -> None:
    desk = Desk()
    order = in_state(desk, state)
    request = desk.replacement(order, quantity_lots=LOTS + 1)
    assert desk.send(request).reason_code == replace
    desk = Desk()
    order = in_state(desk, state)
    assert desk.cancel(order.order_id).reason_code == cancel
