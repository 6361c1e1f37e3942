"""The workload of the fault harness leaves out no kind of record that the judge is there for."""

from collections import Counter
from random import Random
from typing import Any, Final, cast

import pytest

from pipeline.control.definitions import check
from pipeline.risk.records import Collateral
from pipeline.settings import Settings
from tests.chaos.gateway import Gateway
from tests.chaos.operators import first_definitions
from tests.chaos.orders import OrderFlow
from tests.chaos.steering import CHANGES
from tests.chaos.venue import Venue
from tests.flow import encode, order

STEPS: Final = 3_000


class Sink:
    """A gateway that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send(self, topic: str, name: str, record: dict[str, Any]) -> bytes:
        """Keep a record; what it would have been sent as."""
        self.sent.append((topic, dict(record)))
        return encode(name, record)

    def send_raw(self, topic: str, *_: Any) -> None:
        """Repeats and poison."""

    def broadcast(self, topic: str, *_: Any) -> None:
        """Marks."""

    def of(self, topic: str) -> list[dict[str, Any]]:
        """What a topic got."""
        return [record for name, record in self.sent if name == topic]


@pytest.fixture
def sink() -> Sink:
    """Nothing sent yet."""
    return Sink()


def decision(record: dict[str, Any], origin: str = "CLIENT") -> dict[str, Any]:
    """An acceptance, as far as the venue looks at it."""
    of_a_client = origin == "CLIENT"
    return {name: record[name] for name in ("user_id", "order_id", "orig_order_id", "action")} | {
        "origin": origin,
        "verdict": "ACCEPTED",
        "duplicate_of": None,
        "order": record if of_a_client else None,
        "protection_price_e9": record["price_e9"],
    }


def test_the_first_definitions_can_be_published() -> None:
    for change in first_definitions():
        check(change.payload)


def test_dollars_may_be_covered_by_all_else_that_users_have() -> None:
    covering = {
        change.payload.currency
        for change in first_definitions()
        if isinstance(change.payload, Collateral)
    }
    assert covering == {"BTC", "EUR"}


def test_what_operators_do_to_single_checks_can_be_published_and_is_undone() -> None:
    random = Random(1)
    for change in CHANGES:
        for _ in range(50):
            payloads = change(random)
            for payload in payloads:
                check(payload)
            *_, last = payloads
            assert getattr(last, "limit", None) in (None, 15, 10**18)
            assert getattr(last, "trading_state", 0) == 0
            assert not getattr(last, "restricted", False)


def test_clients_send_every_kind_of_order_and_movement(sink: Sink) -> None:
    flow = OrderFlow(cast("Gateway", sink), 1)
    flow.fund()
    for _ in range(STEPS):
        flow.step()
    orders = sink.of("orders")
    assert {record["action"] for record in orders} == {"NEW", "CANCEL", "REPLACE"}
    assert {record["order_type"] for record in orders} == {"LIMIT", "MARKET"}
    assert {record["time_in_force"] for record in orders} == {"GTC", "DAY", "IOC", "FOK"}
    assert {"ESH4", "BTC-USD", "ACME"} <= {record["instrument_id"] for record in orders}
    assert {record["expires_at"] is None for record in orders} == {True, False}
    assert any(record["order_id"].startswith("gate:") for record in orders)
    for name in ("algo_id", "desk_id", "counterparty_id", "short_mark", "reduce_only"):
        assert len({record.get(name) for record in orders}) > 1
    replaces = {record["order_id"] for record in orders if record["action"] == "REPLACE"}
    assert any(record["orig_order_id"] in replaces for record in orders)
    by_price = [record for record in sink.of("deposits") if record["settlement_price_e9"]]
    euros = {record["kind"] for record in sink.of("deposits") if record["currency"] == "EUR"}
    assert euros >= {"DEPOSIT", "ADJUSTMENT", "WITHDRAWAL_REQUEST"}
    sessions = Counter((record["user_id"], record["session_date"]) for record in by_price)
    assert max(sessions.values()) > 1


def test_the_venue_answers_in_every_way_and_sometimes_not(sink: Sink) -> None:
    settings = Settings(app_id="venue", topic_prefix="venue.", worker_id="judge")
    venue, random = Venue(settings, cast("Gateway", sink), 1), Random(1)
    silent = 0
    for number in range(STEPS):
        tif = random.choice(("GTC", "DAY", "IOC"))
        new = order("u", f"o{number}", quantity_lots=3, time_in_force=tif)
        before = len(sink.sent)
        venue._answer(decision(new))
        silent += len(sink.sent) == before
        asked = {"orig_order_id": f"o{number}", "quantity_lots": 5}
        for action in random.choice(((), ("REPLACE",), ("CANCEL",), ("REPLACE", "CANCEL"))):
            request = {"action": action, "order_id": f"{action}-{number}"}
            venue._answer(decision(new | asked | request))
        if number % 5 == 0:
            venue._answer(decision(new | asked | {"action": "CANCEL"}, "ORPHAN"))
    reports = sink.of("fills")
    assert {record["exec_type"] for record in reports} == {
        *("NEW", "PARTIAL_FILL", "FILL", "CANCELED", "REJECTED", "EXPIRED", "REPLACED"),
        *("CANCEL_REJECTED", "TRADE_CANCEL", "TRADE_CORRECT"),
    }
    assert silent > 0
    assert_some_busts_come_first_and_some_twice(reports)


def assert_some_busts_come_first_and_some_twice(reports: list[dict[str, Any]]) -> None:
    """A bust names an execution: of some before it was told, of some again."""
    trades = {
        (record["order_id"], record["exec_id"]): place
        for place, record in enumerate(reports)
        if record["exec_type"] in ("PARTIAL_FILL", "FILL")
    }
    named: Counter[tuple[str, str]] = Counter()
    early = 0
    for place, record in enumerate(reports):
        if record["exec_type"] == "TRADE_CANCEL":
            meant = (record["orig_order_id"] or record["order_id"], record["exec_ref_id"])
            named[meant] += 1
            early += place < trades[meant]
    assert early > 0
    assert max(named.values()) == 2
