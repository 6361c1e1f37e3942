"""What the venue makes of a decision, and how it goes on after it has stopped."""

from typing import Any

import pytest

from pipeline.risk.records import (
    DECISION_ORIGIN_CLIENT,
    DECISION_ORIGIN_EXPIRY,
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_LIMIT,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_GTC,
    VERDICT_ACCEPTED,
    VERDICT_REJECTED,
    Decision,
    Fill,
    Order,
)
from pipeline.venue.engine import Engine
from pipeline.venue.history import HistoryError, Report, report_of, restored, taken_up_to
from pipeline.venue.orders import Request, request_of
from pipeline.venue.switches import Switches
from tests.property.world import changed

NOW = 19_000 * 86_400_000_000 + 43_200_000_000


def sell(order_id: str, **more: Any) -> Request:
    return Request(
        action=ORDER_ACTION_NEW,
        user_id="ann",
        tenant_id="demo",
        order_id=order_id,
        orig_order_id=None,
        instrument_id="ESH4",
        side=SIDE_SELL,
        is_market=False,
        time_in_force=TIME_IN_FORCE_GTC,
        quantity_lots=2,
        price_e9=100,
        expires_at=None,
        gate_time=NOW,
        by_gate=False,
    )._replace(**more)


def order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "event_time": NOW,
        "source_system_id": "gateway",
        "tenant_id": "demo",
        "action": ORDER_ACTION_NEW,
        "order_id": "o1",
        "orig_order_id": None,
        "user_id": "ann",
        "instrument_id": "ESH4",
        "side": SIDE_SELL,
        "order_type": ORDER_TYPE_LIMIT,
        "time_in_force": TIME_IN_FORCE_DAY,
        "quantity_lots": 2,
        "price_e9": 100,
        "expires_at": NOW + 1,
        "trader_id": None,
        "algo_id": None,
        "desk_id": None,
        "counterparty_id": None,
        "tags": {},
    }
    return Order(**fields | changes)


def decision(**changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "gate_time": NOW + 3,
        "event_time": NOW,
        "source_system_id": "gateway",
        "tenant_id": "demo",
        "user_id": "ann",
        "order_id": "o1",
        "orig_order_id": None,
        "action": ORDER_ACTION_NEW,
        "origin": DECISION_ORIGIN_CLIENT,
        "verdict": VERDICT_ACCEPTED,
        "reason_code": "ACCEPTED",
        "reason_text": "Accepted.",
        "ord_rej_reason": None,
        "lane": 0,
        "lane_sequence": 1,
        "duplicate_of": None,
        "source_topic": "orders",
        "source_offset": 0,
        "control_number": 1,
        "core_version": 1,
        "checks": [],
        "hold_currency": None,
        "hold_minor": 0,
        "protection_price_e9": None,
        "fx_instrument_id": None,
        "fx_price_e9": None,
        "fx_as_of": None,
        "cover": [],
        "order": order(),
        "traceparent": None,
    }
    return Decision(**fields | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": VERDICT_REJECTED, "order": None},
        {"duplicate_of": 1},
        {"order": None},
    ],
)
def test_a_rejection_and_a_repeat_ask_for_nothing(changes: dict[str, Any]) -> None:
    assert request_of(decision(**changes)) is None


def test_a_request_is_the_order_as_it_was_accepted() -> None:
    asked = request_of(decision())
    assert asked == sell(
        "o1",
        time_in_force=TIME_IN_FORCE_DAY,
        expires_at=NOW + 1,
        gate_time=NOW + 3,
    )
    market = decision(
        order=order(order_type=ORDER_TYPE_MARKET, price_e9=None), protection_price_e9=95
    )
    asked = request_of(market)
    assert asked is not None
    assert (asked.is_market, asked.price_e9) == (True, 95)


def test_the_gates_own_cancel_is_a_request() -> None:
    asked = request_of(
        decision(
            action=ORDER_ACTION_CANCEL,
            origin=DECISION_ORIGIN_EXPIRY,
            order_id="gate:0:1:1",
            orig_order_id="o1",
            order=None,
        )
    )
    assert asked is not None
    assert (asked.action, asked.orig_key, asked.by_gate) == (
        ORDER_ACTION_CANCEL,
        ("ann", "o1"),
        True,
    )


def filed(*requests: Request) -> list[Fill]:
    engine = Engine(Switches())
    return [fill for request in requests for fill in engine.handle(request, NOW)]


def reported(*requests: Request) -> list[Report]:
    reports = [report_of(fill, "DEMO") for fill in filed(*requests)]
    return [report for report in reports if report is not None]


def test_reports_of_others_are_not_its_own() -> None:
    (fill,) = filed(sell("s1"))
    assert report_of(fill, "DEMO") is not None
    assert report_of(fill, "OTHER") is None
    for change in ({"source_system_id": "bank"}, {"exec_id": "E"}, {"exec_id": "X1"}):
        assert report_of(changed(fill, **change), "DEMO") is None


def test_places_and_ids_are_what_they_were() -> None:
    requests = [
        sell("s1"),
        sell("s2"),
        sell("r1", action=ORDER_ACTION_REPLACE, orig_order_id="s1", quantity_lots=3),
        sell("s3"),
    ]
    engine = restored(Switches(), requests, reported(*requests))
    taker = sell("b1", side=SIDE_BUY, quantity_lots=6)
    told = [fill.order_id for fill in engine.handle(taker, NOW) if fill.order_id != "b1"]
    assert told == ["s2", "r1", "s3"]
    cancel = sell("c1", action=ORDER_ACTION_CANCEL, orig_order_id="s3")
    (canceled,) = engine.handle(cancel, NOW)
    assert (canceled.exec_type, canceled.cum_lots) == (EXEC_TYPE_CANCELED, 1)


def test_every_id_of_an_order_still_means_it() -> None:
    replace = sell("r1", action=ORDER_ACTION_REPLACE, orig_order_id="s1", quantity_lots=3)
    requests = [sell("s1"), replace]
    for orig in ("s1", "r1"):
        engine = restored(Switches(), requests, reported(*requests))
        cancel = sell("c1", action=ORDER_ACTION_CANCEL, orig_order_id=orig)
        assert [fill.exec_type for fill in engine.handle(cancel, NOW)] == [EXEC_TYPE_CANCELED]


def test_a_silent_order_stays_silent_until_the_gate_has_ended_it() -> None:
    cancel = sell("c1", action=ORDER_ACTION_CANCEL, orig_order_id="s1")
    swept = cancel._replace(order_id="gate:0:1:1", by_gate=True)
    assert restored(Switches(), [sell("s1")], []).handle(cancel, NOW) == []
    (answer,) = restored(Switches(), [sell("s1"), swept], []).handle(cancel, NOW)
    assert answer.exec_type == EXEC_TYPE_CANCEL_REJECTED


def test_it_does_not_go_on_from_reports_with_a_gap() -> None:
    requests = [sell("b1"), sell("b2"), sell("b3")]
    reports = reported(*requests)
    assert restored(Switches(), requests, list(reports)).working == 3
    with pytest.raises(HistoryError, match="where report E2 of venue DEMO should be"):
        restored(Switches(), requests, [reports[0], reports[2]])
    with pytest.raises(HistoryError, match="report E3 answers order 'b3'"):
        restored(Switches(), requests[:2], reports)


def test_without_offsets_it_goes_on_after_the_last_decision_it_has_answered() -> None:
    first, second, third = (sell(f"b{number}") for number in (1, 2, 3))
    requests = {0: [(4, first), (6, second), (9, third)], 1: []}
    reports = reported(first, second)
    assert taken_up_to({0: None, 1: None}, requests, reports) == {0: 7, 1: 0}
    assert taken_up_to({0: 12, 1: 3}, requests, reports) == {0: 12, 1: 3}
