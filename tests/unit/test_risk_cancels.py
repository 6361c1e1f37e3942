"""A CANCEL is refused only when there is nothing to cancel; it releases nothing by itself."""

from pipeline.risk.records import (
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_NEW,
    TRADING_STATE_HALTED,
    FirmState,
)
from tests.oracle.checks import Check
from tests.property.desk import ACCOUNT, POLICY, USER, Desk, check
from tests.property.histories import OTHER_TENANT, changed


def test_an_accepted_cancel_is_noted_and_releases_nothing() -> None:
    desk = Desk()
    order = desk.works()
    held = desk.balance().held_minor
    answer = desk.cancel(order.order_id)
    assert answer.reason_code == "ACCEPTED"
    assert answer.decision is not None
    assert [line.check for line in answer.decision.checks] == [
        "FIELDS",
        "EVENT_TIME",
        "USER",
        "ORIG_ORDER",
        "HIGH_FREQUENCY_RATE",
        "HIGH_FREQUENCY_DAY",
        "INSTANT_CANCEL",
    ]
    assert (answer.decision.hold_currency, answer.decision.hold_minor) == (None, 0)
    assert desk.event_types() == ["CXRQ"]
    assert desk.balance().held_minor == held
    assert desk.gate.orders()[USER, order.order_id].cancel_requested


def test_the_venue_may_refuse_a_cancel() -> None:
    desk = Desk()
    order = desk.works()
    desk.cancel(order.order_id)
    desk.report(order, EXEC_TYPE_CANCEL_REJECTED)
    row = desk.gate.orders()[USER, order.order_id]
    assert (row.cancel_requested, row.acknowledged) == (False, True)
    assert desk.cancel(order.order_id).reason_code == "ACCEPTED"


def test_nobody_is_too_halted_or_too_late_to_cancel() -> None:
    desk = Desk()
    order = desk.works()
    desk.control(FirmState(TRADING_STATE_HALTED))
    desk.control(changed(ACCOUNT, trading_state=TRADING_STATE_HALTED))
    answer = desk.cancel(order.order_id, event_time=desk.world.now_us - 60_000_000)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "EVENT_TIME").headroom == -55_000_000


def test_a_cancel_from_the_future_is_refused() -> None:
    desk = Desk()
    order = desk.works()
    answer = desk.cancel(order.order_id, event_time=desk.world.now_us + 1_000_001)
    assert answer.reason_code == "EVENT_TIME_IN_FUTURE"


def test_without_a_policy_a_cancels_time_is_not_judged() -> None:
    answer = Desk(POLICY).cancel("never")
    assert answer.reason_code == "ORIG_ORDER_UNKNOWN"
    assert check(answer, "EVENT_TIME") == Check("EVENT_TIME", "NOT_EVALUATED")


def test_a_cancel_must_name_an_order_in_a_readable_way() -> None:
    desk = Desk()
    missing = desk.cancel(None)
    assert missing.reason_code == "ORIG_ORDER_MISSING"
    assert desk.event_types() == ["CXRJ"]
    long = desk.cancel("x" * 65)
    assert long.reason_code == "FIELD_TOO_LONG"
    for answer in (missing, long):
        assert check(answer, "ORIG_ORDER") == Check("ORIG_ORDER", "NOT_EVALUATED")


def test_only_an_accepted_order_can_be_cancelled() -> None:
    desk = Desk()
    rejected = desk.new(quantity_lots=21)
    desk.send(rejected)
    order = desk.works()
    cancel = desk.new(action=1, orig_order_id="never")
    desk.send(cancel)
    for order_id in ("never", rejected.order_id, cancel.order_id):
        assert desk.cancel(order_id).reason_code == "ORIG_ORDER_UNKNOWN"
    assert desk.cancel(order.order_id).reason_code == "ACCEPTED"


def test_an_order_of_another_tenant_is_not_cancelled() -> None:
    desk = Desk()
    order = desk.works()
    answer = desk.cancel(order.order_id, tenant_id=OTHER_TENANT)
    assert answer.reason_code == "TENANT_MISMATCH"


def test_what_has_ended_cannot_be_cancelled() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    desk.report(order, EXEC_TYPE_CANCELED)
    assert desk.cancel(order.order_id).reason_code == "ORIG_ORDER_CLOSED"


def test_what_awaits_its_last_fill_cannot_be_cancelled() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    desk.report(order, EXEC_TYPE_EXPIRED, cum_lots=1)
    assert desk.gate.orders()[USER, order.order_id].final_lots == 1
    assert desk.cancel(order.order_id).reason_code == "ORIG_ORDER_CLOSED"


def test_an_acknowledged_order_still_works() -> None:
    desk = Desk()
    order = desk.works()
    answer = desk.report(order, EXEC_TYPE_NEW)
    assert (answer.outcome, answer.reason_code, answer.events) == ("FACT", "APPLIED", ())
    assert desk.gate.orders()[USER, order.order_id].acknowledged
