"""An order id is answered once; the same content again gets the same answer."""

from pipeline.codecs.avro import encode_order
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    SIDE_SELL,
)
from tests.property.desk import ACCOUNT, POLICY, Desk
from tests.property.histories import WINDOW_MS, changed, with_tags_backwards


def test_a_repeat_gets_the_first_answer_and_holds_nothing_more() -> None:
    desk = Desk()
    order = desk.works()
    held = desk.balance().held_minor
    answer = desk.send(order)
    assert answer.decision is not None
    assert (answer.decision.verdict, answer.decision.reason_code) == ("ACCEPTED", "ACCEPTED")
    assert (
        answer.decision.duplicate_of
        == desk.gate.orders()[order.user_id, order.order_id].lane_sequence
    )
    assert answer.decision.checks == ()
    assert answer.events == ()
    assert desk.balance().held_minor == held
    assert (desk.user().orders_count, desk.user().messages_count) == (1, 2)


def test_a_repeat_of_a_rejected_order_is_rejected_for_the_first_reason() -> None:
    desk = Desk()
    order = desk.new(quantity_lots=21)
    assert desk.send(order).reason_code == "ORDER_QUANTITY"
    answer = desk.send(order)
    assert answer.reason_code == "ORDER_QUANTITY"
    assert answer.decision is not None
    assert answer.decision.duplicate_of is not None


def test_a_repeat_after_the_order_has_ended_gets_the_first_answer() -> None:
    desk = Desk()
    order = desk.works()
    desk.report(order, EXEC_TYPE_CANCELED)
    answer = desk.send(order)
    assert answer.reason_code == "ACCEPTED"
    assert answer.decision is not None
    assert answer.decision.duplicate_of is not None


def test_another_producers_encoding_of_the_same_order_is_a_repeat() -> None:
    desk = Desk()
    order = desk.works(tags={"a": "1", "b": "2"})
    assert with_tags_backwards(order) != encode_order(order)
    answer = desk.send_body(order, with_tags_backwards(order))
    assert answer.decision is not None
    assert answer.decision.duplicate_of is not None


def test_other_content_under_a_known_id_is_refused_and_changes_nothing() -> None:
    desk = Desk()
    order = desk.works()
    answer = desk.send(changed(order, quantity_lots=2))
    assert answer.reason_code == "DUPLICATE_ID"
    assert answer.decision is not None
    assert [line.check for line in answer.decision.checks] == ["IDENTITY"]
    assert [event.event_type for event in answer.events] == ["REMO"]
    assert desk.user().orders_count == 1
    again = desk.send(order)
    assert again.decision is not None
    assert again.decision.duplicate_of is not None


def test_a_cancel_under_the_id_of_an_order_is_refused() -> None:
    desk = Desk()
    order = desk.works()
    answer = desk.send(changed(order, action=ORDER_ACTION_CANCEL, orig_order_id=order.order_id))
    assert answer.reason_code == "DUPLICATE_ID"
    assert [event.event_type for event in answer.events] == ["CXRJ"]


def test_an_order_from_before_the_window_is_refused_and_not_remembered() -> None:
    desk = Desk()
    order = desk.new(event_time=desk.world.now_us - WINDOW_MS * 1000 - 1)
    for _ in range(2):
        answer = desk.send(order)
        assert answer.reason_code == "TOO_OLD"
        assert answer.decision is not None
        assert answer.decision.duplicate_of is None
    assert desk.user().orders_count == 0


def test_an_order_from_the_edge_of_the_window_is_not_too_old() -> None:
    desk = Desk()
    order = desk.new(event_time=desk.world.now_us - WINDOW_MS * 1000)
    assert desk.send(order).reason_code == "ORDER_STALE"


def test_an_id_is_remembered_to_the_end_of_the_window_and_no_longer() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=1, side=SIDE_SELL)
    desk.report(order, EXEC_TYPE_CANCELED)
    desk.wait(WINDOW_MS)
    assert desk.send(changed(order, quantity_lots=2)).reason_code == "DUPLICATE_ID"
    desk.wait(1)
    later = desk.send(changed(order, quantity_lots=2, event_time=desk.world.now_us))
    assert later.reason_code == "MARK_STALE"


def test_a_working_order_is_remembered_for_ever() -> None:
    desk = Desk()
    order = desk.works()
    desk.wait(10 * WINDOW_MS)
    answer = desk.send(order)
    assert answer.reason_code == "ACCEPTED"
    assert answer.decision is not None
    assert answer.decision.duplicate_of is not None


def test_without_a_policy_ids_are_remembered_for_seven_days() -> None:
    desk = Desk(POLICY)
    order = desk.new()
    assert desk.send(order).reason_code == "POLICY_MISSING"
    desk.wait(7 * 86_400_000)
    assert desk.send(changed(order, quantity_lots=2)).reason_code == "DUPLICATE_ID"
    desk.wait(1)
    assert desk.send(order).reason_code == "TOO_OLD"


def test_ids_of_users_are_apart() -> None:
    desk = Desk()
    order = desk.works()
    other = changed(order, user_id="stranger-5", action=ORDER_ACTION_NEW)
    assert desk.send(other).reason_code == "USER_UNKNOWN"


def test_orders_of_a_user_nobody_knows_leave_no_user_behind() -> None:
    desk = Desk(ACCOUNT)
    assert desk.order().reason_code == "USER_UNKNOWN"
    assert desk.gate.users() == {}


def test_an_order_from_beyond_the_window_is_refused_and_not_remembered() -> None:
    desk = Desk()
    order = desk.new(event_time=desk.world.now_us + WINDOW_MS * 1000 + 1)
    for _ in range(2):
        answer = desk.send(order)
        assert answer.decision is not None
        assert answer.decision.duplicate_of is None
        assert [line.reason for line in answer.decision.checks] == ["EVENT_TIME_IN_FUTURE"]
    assert desk.user().orders_count == 0


def test_an_order_from_the_future_is_remembered_until_it_would_be_too_old() -> None:
    desk = Desk()
    order = desk.new(event_time=desk.world.now_us + WINDOW_MS * 1000)
    assert desk.send(order).reason_code == "EVENT_TIME_IN_FUTURE"
    desk.wait(2 * WINDOW_MS)
    answer = desk.send(order)
    assert answer.decision is not None
    assert answer.decision.duplicate_of is not None
    desk.wait(1)
    assert desk.send(order).reason_code == "TOO_OLD"
