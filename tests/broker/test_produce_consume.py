"""What `tollgate produce` takes is what `tollgate consume` and `tollgate state` show."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from pipeline.__main__ import main
from pipeline.codecs import avro
from pipeline.codecs.rendering import from_json
from pipeline.risk import keys
from pipeline.risk.partition import partition_of
from pipeline.risk.records import (
    TRADING_STATE_ACTIVE,
    RowBalance,
    RowGate,
    RowPosition,
    RowUser,
)
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import create_topics
from pipeline.topics import ORDERS, RISK_CONTEXTS_CHANGELOG

pytestmark = pytest.mark.broker


def tollgate(settings: Settings, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin, env=settings.as_env())


def consumed(settings: Settings, *arguments: str) -> list[dict[str, Any]]:
    options = ("--from-start", "--until-idle", "0", "--json")
    result = tollgate(settings, "consume", *arguments, *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def order(user_id: str, order_id: str) -> dict[str, Any]:
    return {
        "event_time": "2023-12-25T10:00:00.000001Z",
        "source_system_id": "oms",
        "tenant_id": "demo",
        "action": "NEW",
        "order_id": order_id,
        "orig_order_id": None,
        "user_id": user_id,
        "instrument_id": "ESH4",
        "side": "BUY",
        "order_type": "LIMIT",
        "time_in_force": "GTC",
        "quantity_lots": 2,
        "price_e9": 4_800_250_000_000,
        "expires_at": None,
        "trader_id": None,
        "algo_id": "twap-7",
        "desk_id": None,
        "counterparty_id": None,
        "tags": {"basket": "b1"},
        "reduce_only": False,
        "short_mark": None,
    }


def lines(*objects: object) -> str:
    return "".join(json.dumps(obj) + "\n" for obj in objects)


def test_orders_come_back_as_they_were_given_in_their_users_partition(
    broker_settings: Settings, tmp_path: Path
) -> None:
    create_topics(broker_settings)
    given = [order(f"user-{index}", f"o{index}") for index in range(40)]
    file = tmp_path / "orders.jsonl"
    file.write_text(lines(*given))
    result = tollgate(
        broker_settings, "produce", "orders", str(file), "--timestamp-from", "event_time", "--json"
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"lines": 40, "delivered": 40}
    read = consumed(broker_settings, "orders")
    by_id = {line["value"]["order_id"]: line for line in read}
    assert [by_id[obj["order_id"]]["value"] for obj in given] == given
    for line in read:
        assert line["partition"] == partition_of(line["key"].encode(), broker_settings.partitions)
        assert line["key"] == line["value"]["user_id"]
        assert line["time"] == "2023-12-25T10:00:00.000000Z"


def test_what_consume_prints_can_be_produced_again(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    tollgate(broker_settings, "produce", "orders", "-", stdin=lines(order("u", "o1")))
    printed = consumed(broker_settings, "orders")
    again = tollgate(broker_settings, "produce", "orders", "-", stdin=lines(*printed))
    assert again.exit_code == 0, again.output
    first, second = consumed(broker_settings, "orders")
    assert first["value"] == second["value"]


def test_a_mark_goes_to_every_partition(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    mark = {
        "source_system_id": "feed",
        "tenant_id": "demo",
        "instrument_id": "ESH4",
        "price_e9": 4_800_250_000_000,
    }
    result = tollgate(broker_settings, "produce", "marks", "-", "--now", stdin=lines(mark))
    assert result.exit_code == 0, result.output
    read = consumed(broker_settings, "marks")
    assert sorted(line["partition"] for line in read) == [0, 1, 2, 3]
    assert {line["value"]["event_time"] for line in read} == {read[0]["value"]["source_time"]}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "line 2: not JSON"),
        (json.dumps(order("u", "o2") | {"side": "LONG"}), "order.side: expected one of BUY, SELL"),
        (json.dumps(order("u", "o2") | {"price_e9": 1.5}), "order.price_e9: expected a whole"),
        (json.dumps(order("u", "o2") | {"qty": 1}), "unknown field 'qty'"),
        (json.dumps({"order_id": "o2"}), "field 'event_time' is missing"),
        (json.dumps(order("u", "x" * 2_000_000)), "line 2: "),
    ],
)
def test_a_bad_line_stops_it_and_is_named(
    broker_settings: Settings, bad: str, message: str
) -> None:
    create_topics(broker_settings)
    text = lines(order("u", "o1")) + bad + "\n" + lines(order("u", "o3"))
    result = tollgate(broker_settings, "produce", "orders", "-", stdin=text)
    assert result.exit_code == 1
    assert "line 2" in result.output
    assert message in result.output
    assert [line["value"]["order_id"] for line in consumed(broker_settings, "orders")] == ["o1"]


def test_bytes_that_are_no_record_are_shown_as_hex(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    producer = Producer(broker_settings.confluent())
    name = broker_settings.topic(ORDERS.name)
    for value in (
        b"\xffgarbage",
        b"",
        b"\x00\x00\x00\x00\x63x",
        b"\x00\x00\x00\x00\x01trunc",
        None,
    ):
        producer.produce(
            name, value, key=b"\xfe\x00", partition=2, headers=[("traceparent", b"00-ab-cd-01")]
        )
    producer.flush(30)
    read = consumed(broker_settings, "orders")
    assert [line.get("value_hex") for line in read] == [
        b"\xffgarbage".hex(),
        "",
        b"\x00\x00\x00\x00\x63x".hex(),
        b"\x00\x00\x00\x00\x01trunc".hex(),
        None,
    ]
    assert read[2]["unreadable"] == "unknown schema id 99"
    assert {line["key"] for line in read} == {"0xfe00"}
    assert read[0]["headers"] == {"traceparent": "00-ab-cd-01"}


def test_partition_key_and_limit_narrow_what_is_shown(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    given = [order(f"user-{index % 5}", f"o{index}") for index in range(30)]
    tollgate(broker_settings, "produce", "orders", "-", stdin=lines(*given))
    assert len(consumed(broker_settings, "orders", "--key", "user-3")) == 6
    assert len(consumed(broker_settings, "orders", "--limit", "4")) == 4
    lane = partition_of(b"user-3", broker_settings.partitions)
    there = consumed(broker_settings, "orders", "--partition", str(lane))
    assert {line["partition"] for line in there} == {lane}
    beyond = tollgate(broker_settings, "consume", "orders", "--partition", "4")
    assert beyond.exit_code == 2
    assert "partitions 0 to 3" in beyond.output


def test_a_topic_that_does_not_exist_is_said(broker_settings: Settings) -> None:
    result = tollgate(broker_settings, "consume", "orders", "--from-start")
    assert result.exit_code == 1
    assert "does not exist" in result.output


def test_audit_can_be_read_with_its_input_and_decision_open(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    given = order("u", "o1")
    framed = b"\x00\x00\x00\x00\x01" + from_json("order", given)
    audit = {
        "lane": 0,
        "lane_sequence": 1,
        "previous_hash": "00" * 32,
        "source_topic": "orders",
        "source_partition": 0,
        "source_offset": 0,
        "record_time": "2023-12-25T10:00:00.000Z",
        "value": framed.hex(),
        "gate_time": "2023-12-25T10:00:00.000002Z",
        "out_of_sync": False,
        "core_version": 1,
        "control_number": 7,
        "outcome": "DECISION",
        "reason_code": "ACCEPTED",
        "swept": [],
        "outputs_digest": "",
        "state_digest": "",
    }
    value = b"\x00\x00\x00\x00\x07" + from_json("audit_record", audit)
    producer = Producer(broker_settings.confluent())
    producer.produce(broker_settings.topic("audit"), value)
    producer.flush(30)
    (plain,) = consumed(broker_settings, "audit")
    assert plain["value"]["value"] == framed.hex()
    (opened,) = consumed(broker_settings, "audit", "--open")
    assert opened["value"]["value"] == {"order": given}


def put_rows(settings: Settings, lane: int, rows: list[tuple[bytes, bytes | None]]) -> None:
    producer = Producer(settings.confluent(transactional_id=settings.topic("rows")))
    producer.init_transactions(30)
    producer.begin_transaction()
    for key, value in rows:
        producer.produce(
            settings.topic(RISK_CONTEXTS_CHANGELOG.name), value, key=key, partition=lane
        )
    producer.commit_transaction(30)


def user_row() -> bytes:
    return avro.encode_row_user(
        RowUser(
            registered=True,
            account_tenant_id="demo",
            tier_id="standard",
            trading_state=TRADING_STATE_ACTIVE,
            version=1,
            orders_count=3,
            messages_count=4,
            open_orders_count=1,
            deficit_count=0,
            rate_bucket=0,
            rate_counts=[0] * 9,
            activity_day=-1,
            messages_today=0,
            trades_today=0,
            instant_cancels_today=0,
            pushes_today=0,
            message_bucket=0,
            message_counts=[0] * 9,
            latched=[],
            halted_by=[],
        )
    )


def balance_row(cash_minor: int, held_minor: int) -> bytes:
    row = RowBalance(cash_minor, held_minor, cash_minor, 0, 0, 0, 0, 0, 0, [], 0)
    return avro.encode_row_balance(row)


def working_order_row(lane_sequence: int) -> bytes:
    return from_json(
        "row_order",
        {
            "tenant_id": "demo",
            "instrument_id": "ESH4",
            "side": "BUY",
            "order_type": "LIMIT",
            "time_in_force": "GTC",
            "quantity_lots": 5,
            "price_e9": 4_800_000_000_000,
            "current_order_id": "o1",
            "pending_quantity_lots": 0,
            "pending_price_e9": 0,
            "filled_lots": 2,
            "acknowledged": True,
            "cancel_requested": False,
            "hold_minor": 750,
            "hold_currency": "USD",
            "lane_sequence": lane_sequence,
            "accepted_at": "2023-12-25T10:00:00.000000Z",
            "business_day": "2023-12-25",
            "touched_at": "2023-12-25T10:00:00.000000Z",
            "content_hash": "00" * 32,
        },
    )


def rejected_row(lane_sequence: int, reason_code: str) -> bytes:
    return from_json(
        "row_decision",
        {
            "verdict": "REJECTED",
            "reason_code": reason_code,
            "lane_sequence": lane_sequence,
            "touched_at": "2024-01-01T10:00:00.000000Z",
            "content_hash": "00" * 32,
            "filled_lots": 0,
        },
    )


def test_state_shows_one_users_rows_as_they_are_now(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    lane = partition_of(b"alice", broker_settings.partitions)
    position = avro.encode_row_position(RowPosition(2, 3, 0, 400_000, "USD", 9, -1))
    gate = avro.encode_row_gate(
        RowGate(12, 1_703_500_000_000_000, 0, [], [], [], [], b"", b"", 9, 1, 19_716, {})
    )
    rows: list[tuple[bytes, bytes | None]] = [
        (keys.user_key("alice"), user_row()),
        (keys.user_key("alice2"), user_row()),
        (keys.balance_key("alice", "USD"), balance_row(1_000_000, 400_000)),
        (keys.position_key("alice", "ESH4"), position),
        (keys.order_key("alice", "o0"), working_order_row(9)),
        (keys.order_key("alice", "o1"), working_order_row(10)),
        (keys.order_key("alice", "o0"), None),
        (keys.decision_key("alice", "o2"), rejected_row(12, "ORDER_RATE")),
        (keys.GATE, gate),
    ]
    put_rows(broker_settings, lane, rows)
    result = tollgate(broker_settings, "state", "alice", "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["lane"], shown["lane_sequence"]) == (lane, 12)
    assert shown["user"]["tier_id"] == "standard"
    assert [b["available_minor"] for b in shown["balances"]] == [600_000]
    assert [p["instrument_id"] for p in shown["positions"]] == ["ESH4"]
    assert [(o["order_id"], o["open_lots"]) for o in shown["working_orders"]] == [("o1", 3)]
    answers = [(a["order_id"], a["reason_code"]) for a in shown["last_decisions"]]
    assert answers == [("o2", "ORDER_RATE"), ("o1", "ACCEPTED")]
    assert "600,000" in tollgate(broker_settings, "state", "alice").stdout
    deleted = consumed(broker_settings, "risk-contexts-changelog")[6]
    assert (deleted["key"], deleted["value"]) == (["alice", "o0"], None)


def test_state_of_an_unknown_user_is_an_error(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    result = tollgate(broker_settings, "state", "nobody")
    assert result.exit_code == 1
    assert "knows nothing of user 'nobody'" in result.output
