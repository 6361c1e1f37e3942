"""The JSON form says what the bytes say, reads back to the same bytes, and names what is wrong."""

from typing import Any

import pytest

from pipeline.codecs import avro
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.rendering import (
    RenderingError,
    framed_to_json,
    from_json,
    open_audit,
    parse_time,
    row_key,
    row_to_json,
    time_text,
    to_json,
)
from pipeline.codecs.wire import fixed_ids
from pipeline.risk import keys
from pipeline.risk.records import FirmState, Mark, RowBand, RowMark, RowRestriction

ORDER: dict[str, Any] = {
    "event_time": "2023-12-25T10:00:00.000001Z",
    "source_system_id": "oms",
    "tenant_id": "demo",
    "action": "NEW",
    "order_id": "o1",
    "orig_order_id": None,
    "user_id": "alice",
    "instrument_id": "ESH4",
    "side": "SELL",
    "order_type": "LIMIT",
    "time_in_force": "DAY",
    "quantity_lots": 2,
    "price_e9": 4_800_250_000_000,
    "expires_at": None,
    "trader_id": None,
    "algo_id": None,
    "desk_id": None,
    "counterparty_id": None,
    "tags": {"a": "1", "b": "2"},
    "reduce_only": False,
    "short_mark": None,
}
CONTROL: dict[str, Any] = {
    "event_time": "1970-01-01T00:00:00.000000Z",
    "source_system_id": "s",
    "tenant_id": "t",
    "number": 1,
    "version": 1,
    "proposer": "p",
    "approver": None,
    "reason": "r",
    "effective_from": "1970-01-01T00:00:00.000000Z",
    "signature": "00ff",
    "payload": {"day_close": {"business_day": "2024-03-15"}},
}


@pytest.mark.parametrize(("name", "obj"), [("order", ORDER), ("control", CONTROL)])
def test_json_and_bytes_say_the_same_in_the_schemas_order(name: str, obj: dict[str, Any]) -> None:
    rendered = to_json(name, from_json(name, obj))
    assert rendered == obj
    assert list(rendered) == list(obj)


def test_fields_with_a_default_may_be_left_out() -> None:
    given = {key: value for key, value in ORDER.items() if value is not None}
    assert from_json("order", given) == from_json("order", ORDER)


def test_the_order_of_json_keys_does_not_change_the_bytes() -> None:
    shuffled = dict(reversed(ORDER.items())) | {"tags": {"b": "2", "a": "1"}}
    assert from_json("order", shuffled) == from_json("order", ORDER)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": "LONG"}, "order.side: expected one of BUY, SELL, not 'LONG'"),
        ({"side": []}, "order.side: expected one of"),
        ({"quantity_lots": "2"}, "order.quantity_lots: expected a whole number, not '2'"),
        ({"quantity_lots": 2.0}, "order.quantity_lots: expected a whole number"),
        ({"quantity_lots": True}, "order.quantity_lots: expected a whole number"),
        ({"quantity_lots": 2**63}, "order.quantity_lots: 9223372036854775808 is outside"),
        ({"price_e9": 1.5}, "order.price_e9: expected a whole number"),
        ({"event_time": "yesterday"}, "order.event_time: expected a UTC time such as"),
        ({"event_time": "2023-12-25T10:00:00"}, "order.event_time: expected a UTC time such as"),
        ({"event_time": None}, "order.event_time: expected a whole number"),
        ({"order_id": 7}, "order.order_id: expected text, not 7"),
        ({"order_id": "\ud800"}, "order.order_id: the text has characters"),
        ({"tags": ["a"]}, "order.tags: expected an object"),
        ({"tags": {"a": 1}}, "order.tags.a: expected text, not 1"),
        ({"tick": 1}, "order: unknown field 'tick'; known: event_time"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RenderingError) as caught:
        from_json("order", ORDER | change)
    assert message in str(caught.value)


def test_a_missing_field_is_named_with_its_meaning() -> None:
    given = {key: value for key, value in ORDER.items() if key != "tenant_id"}
    with pytest.raises(RenderingError, match="'tenant_id' is missing"):
        from_json("order", given)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "control.payload: expected an object with one key of instrument, limits"),
        ({"order": {}}, "control.payload: expected an object with one key"),
        ({"firm_state": {"trading_state": "ON"}}, "control.payload.firm_state.trading_state"),
        ({"day_close": {"business_day": "15.3.24"}}, "expected a date such as 2024-03-15"),
    ],
)
def test_a_wrong_payload_is_named(payload: Any, message: str) -> None:
    with pytest.raises(RenderingError) as caught:
        from_json("control", CONTROL | {"payload": payload})
    assert message in str(caught.value)


@pytest.mark.parametrize("obj", [None, [], "order", 7])
def test_what_is_no_object_is_no_record(obj: Any) -> None:
    with pytest.raises(RenderingError, match="order: expected an object"):
        from_json("order", obj)


def test_times_of_another_offset_and_in_numbers_are_the_same_moment() -> None:
    body = from_json("order", ORDER)
    assert from_json("order", ORDER | {"event_time": "2023-12-25T11:00:00.000001+01:00"}) == body
    assert from_json("order", ORDER | {"event_time": 1_703_498_400_000_001}) == body


def test_a_time_no_calendar_reaches_is_a_number() -> None:
    far = Mark(2**63 - 1, "feed", "demo", "ESH4", 1, -(2**63))
    rendered = to_json("mark", avro.encode_mark(far))
    assert (rendered["event_time"], rendered["source_time"]) == (2**63 - 1, -(2**63))
    assert from_json("mark", rendered) == avro.encode_mark(far)


@pytest.mark.parametrize("microseconds", [0, -1, 1_703_498_400_000_001, -62_135_596_800_000_000])
def test_times_survive_the_round_trip(microseconds: int) -> None:
    text = time_text(microseconds)
    assert isinstance(text, str)
    assert parse_time(text) == microseconds


def test_a_framed_value_is_read_by_its_id() -> None:
    framed = framed_to_json(fixed_ids().frame("order") + from_json("order", ORDER), fixed_ids())
    assert (framed.name, framed.version, framed.record) == ("order", 1, ORDER)


@pytest.mark.parametrize(
    "value", [b"", b"\x00\x00\x00", b"\x01\x00\x00\x00\x01", b"\x00\x00\x00\xff\x00abc"]
)
def test_a_value_without_a_known_frame_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedAvro):
        framed_to_json(value, fixed_ids())


def audit(value: str | None, decision: str | None) -> dict[str, Any]:
    return {"lane": 0, "value": value, "decision": decision}


def test_an_opened_audit_record_shows_its_input() -> None:
    framed = fixed_ids().frame("order") + from_json("order", ORDER)
    assert open_audit(audit(framed.hex(), None), fixed_ids())["value"] == {"order": ORDER}


def test_an_opened_audit_record_keeps_hex_what_cannot_be_read() -> None:
    assert open_audit(audit("00ff", None), fixed_ids())["value"] == "00ff"
    assert open_audit(audit(None, None), fixed_ids())["value"] is None


def test_a_row_is_read_by_its_key() -> None:
    body = avro.encode_row_mark(RowMark(price_e9=5, as_of=0))
    row = row_to_json(keys.mark_key("ESH4"), body)
    assert (row.name, row.key, row.record["price_e9"]) == ("row_mark", ("ESH4",), 5)
    body = avro.encode_row_restriction(RowRestriction(7))
    row = row_to_json(keys.restriction_key("USER", "u", ""), body)
    assert (row.name, row.key, row.record) == ("row_restriction", ("USER", "u", ""), {"version": 7})
    body = avro.encode_row_band(RowBand(9, 2, [1], [3]))
    row = row_to_json(keys.band_key("ESH4"), body)
    assert (row.name, row.key, row.record["high_e9"]) == ("row_band", ("ESH4",), [3])


def test_key_parts_are_those_the_key_was_made_of() -> None:
    assert row_key(keys.execution_key("ü", "o", "XCME", "e" * 64)) == (
        "row_seen",
        ("ü", "o", "XCME", "e" * 64),
    )
    assert row_key(keys.GATE) == ("row_gate", ())


@pytest.mark.parametrize("key", [b"", b"Z\x01a", b"U\x05abc", b"U\x01\xff"])
def test_a_key_of_no_row_is_malformed(key: bytes) -> None:
    with pytest.raises(MalformedAvro):
        row_to_json(key, avro.encode_firm_state(FirmState(0)))
