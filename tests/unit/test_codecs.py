"""The generated codecs agree with fastavro byte for byte, and refuse what is not theirs."""

import io
from functools import cache
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs import avro
from pipeline.codecs.contract import class_name
from pipeline.codecs.generate import rendered
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import self_contained
from pipeline.codecs.schemas import SCHEMA_NAMES
from pipeline.risk import records

every_record = pytest.mark.parametrize("name", SCHEMA_NAMES)
some = settings(max_examples=40, deadline=None)

PLAIN = {
    "long": st.integers(-(2**63), 2**63 - 1),
    "int": st.integers(-(2**31), 2**31 - 1),
    "boolean": st.booleans(),
    "string": st.text(max_size=80),
    "bytes": st.binary(max_size=80),
}


def without_logical_types(schema: Any) -> Any:
    """The same bytes as plain integers: the codecs know no calendar."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        kept = {key: value for key, value in schema.items() if key != "logicalType"}
        return {key: without_logical_types(value) for key, value in kept.items()}
    return schema


@cache
def reference(name: str) -> Any:
    return fastavro.parse_schema(without_logical_types(self_contained(name)))


@cache
def definitions(name: str) -> dict[str, Any]:
    """Full name -> schema of each named type that record `name` uses."""
    found: dict[str, Any] = {}

    def collect(schema: Any) -> None:
        if isinstance(schema, list):
            for branch in schema:
                collect(branch)
        elif isinstance(schema, dict):
            if "name" in schema:
                found[f"tollgate.{schema['name']}"] = schema
            for part in ("type", "items", "values"):
                if isinstance(schema.get(part), dict | list):
                    collect(schema[part])
            for field in schema.get("fields", ()):
                collect(field["type"])

    collect(self_contained(name))
    return found


def data(schema: Any, root: str) -> st.SearchStrategy[Any]:
    """What fastavro takes for `schema`; maps in key order, which is how the codecs write them."""
    if isinstance(schema, list):
        return st.one_of(*(branch(option, root) for option in schema))
    if isinstance(schema, str):
        return PLAIN[schema] if schema in PLAIN else data(definitions(root)[schema], root)
    if schema["type"] in {"array", "map"}:
        return collection(schema, root)
    if schema["type"] == "enum":
        return st.sampled_from(schema["symbols"])
    if schema["type"] == "record":
        return st.fixed_dictionaries(
            {field["name"]: data(field["type"], root) for field in schema["fields"]}
        )
    return data(schema["type"], root)


def collection(schema: Any, root: str) -> st.SearchStrategy[Any]:
    if schema["type"] == "array":
        return st.lists(data(schema["items"], root), max_size=4)
    pairs = st.dictionaries(PLAIN["string"], data(schema["values"], root), max_size=4)
    return pairs.map(lambda found: dict(sorted(found.items())))


def branch(option: Any, root: str) -> st.SearchStrategy[Any]:
    if option == "null":
        return st.none()
    record = definitions(root).get(option, option) if isinstance(option, str) else option
    inner = data(option, root)
    if isinstance(record, dict) and record["type"] == "record":
        return inner.map(lambda value: (f"tollgate.{record['name']}", value))
    return inner


def value_of(schema: Any, datum: Any, root: str) -> Any:
    """The value class that holds what fastavro's `datum` says."""
    if isinstance(schema, list):
        return value_of_union(schema, datum, root)
    if isinstance(schema, str):
        known = definitions(root).get(schema)
        return datum if known is None else value_of(known, datum, root)
    if schema["type"] == "record":
        fields = {f["name"]: value_of(f["type"], datum[f["name"]], root) for f in schema["fields"]}
        return getattr(records, class_name(schema["name"]))(**fields)
    if schema["type"] == "enum":
        return schema["symbols"].index(datum)
    if schema["type"] == "array":
        return [value_of(schema["items"], item, root) for item in datum]
    return datum


def value_of_union(options: Any, datum: Any, root: str) -> Any:
    if datum is None:
        return None
    if isinstance(datum, tuple):
        return value_of(definitions(root)[datum[0]], datum[1], root)
    return value_of(options[1], datum, root)


def by_fastavro(name: str, datum: Any) -> bytes:
    target = io.BytesIO()
    fastavro.schemaless_writer(target, reference(name), datum)
    return target.getvalue()


def encode(name: str, value: Any) -> bytes:
    """By its fields: without what the codec has kept of the bytes that were read."""
    if hasattr(value, "encoded"):
        value.encoded = None
    body: bytes = getattr(avro, f"encode_{name}")(value)
    return body


def decode(name: str, body: bytes, position: int = 0) -> Any:
    return getattr(avro, f"decode_{name}")(body, position)


@every_record
@some
@given(st.data())
def test_the_bytes_are_fastavros(name: str, source: st.DataObject) -> None:
    datum = source.draw(data(self_contained(name), name))
    body = encode(name, value_of(self_contained(name), datum, name))
    assert body == by_fastavro(name, datum)


@every_record
@some
@given(st.data(), st.binary(max_size=9))
def test_what_fastavro_wrote_is_read_and_written_back(
    name: str, source: st.DataObject, prefix: bytes
) -> None:
    body = by_fastavro(name, source.draw(data(self_contained(name), name)))
    assert encode(name, decode(name, prefix + body, len(prefix))) == body


@every_record
@some
@given(st.data())
def test_a_truncated_or_lengthened_body_is_malformed(name: str, source: st.DataObject) -> None:
    body = by_fastavro(name, source.draw(data(self_contained(name), name)))
    end = source.draw(st.integers(0, len(body) - 1))
    with pytest.raises(MalformedAvro):
        decode(name, body[:end])
    with pytest.raises(MalformedAvro):
        decode(name, body + source.draw(st.binary(min_size=1, max_size=8)))


@every_record
@some
@given(st.binary(max_size=400))
def test_random_bytes_are_malformed_or_a_record(name: str, body: bytes) -> None:
    try:
        value = decode(name, body)
    except MalformedAvro:
        return
    canonical = encode(name, value)
    assert encode(name, decode(name, canonical)) == canonical


@every_record
@some
@given(st.data())
def test_a_damaged_byte_is_malformed_or_another_record(name: str, source: st.DataObject) -> None:
    body = bytearray(by_fastavro(name, source.draw(data(self_contained(name), name))))
    at = source.draw(st.integers(0, len(body) - 1))
    body[at] ^= source.draw(st.integers(1, 255))
    try:
        value = decode(name, bytes(body))
    except MalformedAvro:
        return
    encode(name, value)


KEPT = pytest.mark.parametrize("name", ["order", "check_result"])


@KEPT
@some
@given(st.data())
def test_the_bytes_that_were_read_are_kept_when_they_are_canonical(
    name: str, source: st.DataObject
) -> None:
    body = by_fastavro(name, source.draw(data(self_contained(name), name)))
    assert decode(name, b"frame" + body, 5).encoded == body
    assert decode(name, body).encoded == body


@KEPT
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_bytes_that_the_codec_would_write_otherwise_are_not_kept(
    name: str, source: st.DataObject
) -> None:
    body = bytearray(by_fastavro(name, source.draw(data(self_contained(name), name))))
    at = source.draw(st.integers(0, len(body) - 1))
    body[at : at + 1] = source.draw(st.binary(max_size=3))
    try:
        value = decode(name, bytes(body))
    except MalformedAvro:
        return
    kept = value.encoded
    assert kept is None or kept == body == encode(name, value)


@pytest.mark.parametrize(
    ("tags", "others"),
    [
        (b"\x02\x02a\x02b\x00", b"\x82\x00\x02a\x02b\x00"),  # a count in two bytes
        (b"\x02\x02a\x02b\x00", b"\x01\x08\x02a\x02b\x00"),  # a block with its size
        (b"\x04\x02a\x02b\x02c\x02d\x00", b"\x04\x02c\x02d\x02a\x02b\x00"),  # another order
        (b"\x04\x02a\x02b\x02c\x02d\x00", b"\x02\x02a\x02b\x02\x02c\x02d\x00"),  # two blocks
        (b"\x02\x02a\x02b\x00", b"\x04\x02a\x02x\x02a\x02b\x00"),  # a key that comes twice
    ],
)
def test_another_encoding_of_a_map_is_read_alike_and_not_kept(tags: bytes, others: bytes) -> None:
    usual = encode("order", example_order({}))
    head, tail = usual[:-3], usual[-2:]
    canonical, other = head + tags + tail, head + others + tail
    assert decode("order", canonical).encoded == canonical
    value = decode("order", other)
    assert value.encoded is None
    assert encode("order", value) == canonical


def example_order(tags: dict[str, str]) -> records.Order:
    """A NEW limit order."""
    return records.Order(
        event_time=1,
        source_system_id="s",
        tenant_id="t",
        action=records.ORDER_ACTION_NEW,
        order_id="o",
        orig_order_id=None,
        user_id="u",
        instrument_id="i",
        side=records.SIDE_BUY,
        order_type=records.ORDER_TYPE_LIMIT,
        time_in_force=records.TIME_IN_FORCE_GTC,
        quantity_lots=1,
        price_e9=1,
        expires_at=None,
        trader_id=None,
        algo_id=None,
        desk_id=None,
        counterparty_id=None,
        tags=tags,
    )


def test_a_result_that_is_the_same_for_every_order_is_encoded_once() -> None:
    result = records.CheckResult("USER", records.CHECK_OUTCOME_PASS)
    once = avro.encode_check_result(result)
    assert result.encoded is None
    result.kept = True
    assert avro.encode_check_result(result) == once == result.encoded
    assert avro.encode_check_result(result) == once


@pytest.mark.parametrize("outside", [2**63, -(2**63) - 1])
def test_an_integer_outside_int64_is_not_written(outside: int) -> None:
    with pytest.raises(OverflowError):
        avro.encode_mark(records.Mark(0, "feed", "demo", "ESH4", outside, 0))


def test_a_length_of_a_gigabyte_is_refused_before_it_is_believed() -> None:
    claims_a_gigabyte = bytes([0]) + b"\x80\x80\x80\x80\x08" + b"abc"
    with pytest.raises(MalformedAvro, match="length beyond the end"):
        avro.decode_order(claims_a_gigabyte)


def test_the_generated_modules_are_current() -> None:
    for path, text in rendered().items():
        assert path.read_text() == text, f"{path.name}: run `make generate`"
