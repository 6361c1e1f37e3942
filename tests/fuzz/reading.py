"""A second reading of the wire: which records can be read, and what the others are dead letters of.

Owns a strict reader of Avro by schema (specification 1.11, "Binary Encoding"), written from
schemas/avro alone. Must never use the product's codecs, or a slip made there would be made here.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from pipeline.codecs.schemas import SCHEMA_DIR
from tests.oracle.arithmetic import murmur2

INPUTS: Final = ("control", "mark", "deposit", "fill", "order")
VALUE_BYTES_MAX: Final = 1_048_576
ID_BYTES_MAX: Final = 64
_FRAME_BYTES: Final = 5
_VARINT_BYTES_MAX: Final = 10
_MORE: Final = 128

# Bytes and where to read them; the value and where it ends.
Read = Callable[[bytes, int], tuple[Any, int]]

# Ids that every record of an input must have, and whether its key must be its user.
_IDS: Final[dict[str, tuple[str, ...]]] = {
    "control": (),
    "mark": ("instrument_id",),
    "deposit": ("user_id", "deposit_id"),
    "fill": ("user_id", "order_id", "exec_id"),
    "order": ("user_id", "order_id"),
}


class NotAvroError(Exception):
    """The bytes are not a record of the schema."""


class UnreadableError(Exception):
    """The record ends as a dead letter before any rule looks at it. Its argument is the reason."""

    @property
    def reason(self) -> str:
        """The reason code."""
        return str(self.args[0])


def read_input(
    topic: int, key: bytes | None, value: bytes | None, lane: int, lane_count: int
) -> dict[str, Any]:
    """The fields of a record. Raises UnreadableError where docs/rules.md has it end unread."""
    name = INPUTS[topic]
    if value is None:
        raise UnreadableError("MALFORMED")
    if len(value) > VALUE_BYTES_MAX:
        raise UnreadableError("TOO_LARGE")
    read = _readers().get(value[:_FRAME_BYTES])
    if read is None or read[0] != name:
        raise UnreadableError("UNKNOWN_SCHEMA")
    try:
        fields, end = read[1](value, _FRAME_BYTES)
    except NotAvroError:
        raise UnreadableError("MALFORMED") from None
    if end != len(value):
        raise UnreadableError("MALFORMED")
    if not all(0 < len(fields[part].encode()) <= ID_BYTES_MAX for part in _IDS[name]):
        raise UnreadableError("FIELD_TOO_LONG")
    if "user_id" in _IDS[name]:
        _require_own_key(key, fields["user_id"].encode(), lane, lane_count)
    record: dict[str, Any] = fields
    return record


def _require_own_key(key: bytes | None, user: bytes, lane: int, lane_count: int) -> None:
    if key is None:
        raise UnreadableError("NULL_KEY")
    if key != user:
        raise UnreadableError("KEY_MISMATCH")
    if murmur2(user) % lane_count != lane:
        raise UnreadableError("WRONG_PARTITION")


@cache
def _readers() -> dict[bytes, tuple[str, Read]]:
    """Frame -> (record, how to read its body), of every published version of an input."""
    table: dict[str, list[Any]] = json.loads((SCHEMA_DIR / "ids.json").read_text())
    found: dict[bytes, tuple[str, Read]] = {}
    for name in INPUTS:
        for version, entry in enumerate(table[name], start=1):
            schema_id = entry if isinstance(entry, int) else entry["id"]
            path = SCHEMA_DIR / "published" / f"{name}.v{version}.avsc"
            frame = b"\x00" + schema_id.to_bytes(4, "big")
            found[frame] = (name, _reader_of(json.loads(path.read_text()), {}))
    return found


# -- how a schema is read


def _reader_of(schema: Any, named: dict[str, Read]) -> Read:
    if isinstance(schema, list):
        return _union([_reader_of(branch, named) for branch in schema])
    if isinstance(schema, str):
        return _PRIMITIVES.get(schema) or named[schema.removeprefix("tollgate.")]
    kind = schema["type"]
    if kind == "record":
        read = _record([(f["name"], _reader_of(f["type"], named)) for f in schema["fields"]])
        named[schema["name"]] = read
        return read
    if kind == "enum":
        read = _enum(len(schema["symbols"]))
        named[schema["name"]] = read
        return read
    if kind == "array":
        return _blocks(_reader_of(schema["items"], named))
    if kind == "map":
        return _blocks(_record([("name", _string), ("item", _reader_of(schema["values"], named))]))
    return _reader_of(kind, named)


def _long(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(_VARINT_BYTES_MAX):
        if at >= len(data):
            raise NotAvroError
        byte = data[at]
        at += 1
        number |= (byte & (_MORE - 1)) << (7 * shift)
        if byte < _MORE:
            if number >= 2**64:
                raise NotAvroError
            return (number >> 1) ^ -(number & 1), at
    raise NotAvroError


def _int(data: bytes, at: int) -> tuple[int, int]:
    number, at = _long(data, at)
    if not -(2**31) <= number < 2**31:
        raise NotAvroError
    return number, at


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _long(data, at)
    if not 0 <= length <= len(data) - at:
        raise NotAvroError
    return data[at : at + length], at + length


def _string(data: bytes, at: int) -> tuple[str, int]:
    raw, at = _bytes(data, at)
    try:
        return raw.decode(), at
    except UnicodeDecodeError:
        raise NotAvroError from None


def _null(_: bytes, at: int) -> tuple[None, int]:
    return None, at


def _boolean(data: bytes, at: int) -> tuple[bool, int]:
    if data[at : at + 1] not in (b"\x00", b"\x01"):
        raise NotAvroError
    return data[at] == 1, at + 1


_PRIMITIVES: Final[dict[str, Read]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "bytes": _bytes,
    "string": _string,
}


def _record(fields: list[tuple[str, Read]]) -> Read:
    def read(data: bytes, at: int) -> tuple[dict[str, Any], int]:
        values = {}
        for name, read_field in fields:
            values[name], at = read_field(data, at)
        return values, at

    return read


def _enum(symbols: int) -> Read:
    def read(data: bytes, at: int) -> tuple[int, int]:
        index, at = _long(data, at)
        if not 0 <= index < symbols:
            raise NotAvroError
        return index, at

    return read


def _union(branches: list[Read]) -> Read:
    which = _enum(len(branches))

    def read(data: bytes, at: int) -> tuple[Any, int]:
        index, at = which(data, at)
        return branches[index](data, at)

    return read


def _blocks(read_item: Read) -> Read:
    def read(data: bytes, at: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        while True:
            count, at = _long(data, at)
            if count == 0:
                return items, at
            if count < 0:
                # The block's size in bytes follows, for readers that skip it.
                _, at = _long(data, at)
            for _ in range(abs(count)):
                item, at = read_item(data, at)
                items.append(item)

    return read
