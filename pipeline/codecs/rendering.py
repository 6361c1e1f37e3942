"""Records as JSON and back, for people and for files: never on the hot path.

Owns the JSON form of the contract: fields in the schema's order, time stamps as ISO 8601 UTC with
microseconds, dates as ISO 8601, enums by name, bytes as hex, money and quantities as whole
numbers, a union of records as {"record name": {...}}. Bytes are read and written by the generated
codecs, so JSON read here has the canonical bytes. Never guesses: a field that is unknown, missing
or of the wrong type is an error that names it.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from pipeline.codecs import avro
from pipeline.codecs.contract import class_name
from pipeline.codecs.primitives import INT64_MAX, INT64_MIN, MalformedAvro
from pipeline.codecs.published import unframe
from pipeline.codecs.schemas import SCHEMA_NAMES, Schema, load_json
from pipeline.codecs.wire import SchemaIds
from pipeline.risk import keys, records

Json = Any

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.date().toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
# Microseconds in one unit of each time stamp type.
_TIMESTAMP_US: Final = {"timestamp-micros": 1, "timestamp-millis": 1_000}
_ROW_SCHEMAS: Final = {
    keys.USER: "row_user",
    keys.BALANCE: "row_balance",
    keys.POSITION: "row_position",
    keys.ORDER: "row_order",
    keys.ALIAS: "row_alias",
    keys.DECISION: "row_decision",
    keys.EXECUTION: "row_seen",
    keys.TRANSFER: "row_seen",
    keys.WITHDRAWAL: "row_withdrawal",
    keys.PLEDGE: "row_pledge",
    keys.MARK: "row_mark",
    keys.BAND: "row_band",
    keys.RESTRICTION: "row_restriction",
    keys.CONTROL: "control",
    keys.LANE: "row_lane",
    keys.GATE: "row_gate",
    keys.REPORT_DAY: "row_report_day",
}
_INTEGER_BOUNDS: Final = {"long": (INT64_MIN, INT64_MAX), "int": (-(2**31), 2**31 - 1)}


class RenderingError(ValueError):
    """JSON that is not the record it should be; the text names the field and what was expected."""


class Framed(NamedTuple):
    """A value of a topic, read: record name, the version it was written with, and its JSON form."""

    name: str
    version: int
    record: dict[str, Json]


class Row(NamedTuple):
    """A row of a table, read: schema name, the parts of its key, and its JSON form."""

    name: str
    key: tuple[str, ...]
    record: dict[str, Json]


def to_json(name: str, body: bytes) -> dict[str, Json]:
    """The JSON form of a body of record `name`. Raises MalformedAvro."""
    return value_to_json(name, getattr(avro, f"decode_{name}")(body))


def value_to_json(name: str, value: object) -> dict[str, Json]:
    """The JSON form of a value class of pipeline.risk.records."""
    return {
        field["name"]: _render(field["type"], getattr(value, field["name"]))
        for field in load_json(name)["fields"]
    }


def from_json(name: str, obj: Json) -> bytes:
    """The body of record `name` that `obj` describes. Raises RenderingError."""
    body: bytes = getattr(avro, f"encode_{name}")(value_from_json(name, obj))
    return body


def value_from_json(name: str, obj: Json) -> Any:
    """The value class of record `name` that `obj` describes.

    Fields with a default in the schema may be left out. Raises RenderingError.
    """
    return _parse_record(name, obj, name)


def framed_to_json(value: bytes, ids: SchemaIds) -> Framed:
    """Read a framed value, whatever published version it was written with. Raises MalformedAvro."""
    name, version, body = unframe(value, ids)
    return Framed(name, version, to_json(name, body))


def open_audit(rendered: dict[str, Json], ids: SchemaIds) -> dict[str, Json]:
    """An audit record's JSON form with the input and the decision it holds as JSON, not as hex.

    What cannot be read (a dead letter's input) stays hex.
    """
    opened = dict(rendered)
    if opened["value"] is not None:
        try:
            framed = framed_to_json(bytes.fromhex(opened["value"]), ids)
            opened["value"] = {framed.name: framed.record}
        except MalformedAvro:
            pass
    if opened["decision"] is not None:
        opened["decision"] = to_json("decision", bytes.fromhex(opened["decision"]))
    return opened


def row_to_json(key: bytes, body: bytes) -> Row:
    """Read a row of a table's changelog, its kind by its key. Raises MalformedAvro."""
    name, parts = row_key(key)
    return Row(name, parts, to_json(name, body))


def row_key(key: bytes) -> tuple[str, tuple[str, ...]]:
    """The schema name of the row that `key` belongs to, and the parts after its kind.

    Layout: pipeline/risk/keys.py. Raises MalformedAvro.
    """
    name = _ROW_SCHEMAS.get(key[:1])
    if name is None:
        raise MalformedAvro("a key of no known kind of row")
    parts = []
    position = 1
    while position < len(key):
        end = position + 1 + key[position]
        if end > len(key):
            raise MalformedAvro("a row's key that ends within a part")
        try:
            parts.append(key[position + 1 : end].decode())
        except UnicodeDecodeError:
            raise MalformedAvro("a row's key that is not UTF-8") from None
        position = end
    return name, tuple(parts)


def time_text(microseconds: int) -> str | int:
    """ISO 8601 UTC with microseconds; the number itself where no calendar reaches."""
    try:
        moment = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return microseconds
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 time with its offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no UTC offset: end it with Z")
    return (moment - _EPOCH) // _MICROSECOND


# -- values to JSON


def _render(schema: Schema, value: Any) -> Json:
    if isinstance(schema, list):
        return _render_union(schema, value)
    if isinstance(schema, dict):
        return _render_complex(schema, value)
    if schema == "bytes":
        return value.hex()
    name = schema.removeprefix("tollgate.")
    if name in _ENUMS:
        return _ENUMS[name][value]
    return value_to_json(name, value) if name in SCHEMA_NAMES else value


def _render_complex(schema: dict[str, Schema], value: Any) -> Json:
    logical = schema.get("logicalType")
    if logical in _TIMESTAMP_US:
        return time_text(value * _TIMESTAMP_US[logical])
    if logical == "date":
        return _date_text(value)
    if schema["type"] == "enum":
        return schema["symbols"][value]
    if schema["type"] == "array":
        return [_render(schema["items"], item) for item in value]
    return {key: _render(schema["values"], value[key]) for key in sorted(value)}


def _render_union(schema: list[Schema], value: Any) -> Json:
    if value is None:
        return None
    if schema[0] == "null":
        return _render(schema[1], value)
    name = _NAMES_BY_CLASS[type(value).__name__]
    return {name: value_to_json(name, value)}


def _date_text(days: int) -> str | int:
    try:
        return date.fromordinal(_EPOCH_DAY + days).isoformat()
    except (ValueError, OverflowError):
        return days


# -- JSON to values


def _parse_record(name: str, obj: Json, path: str) -> Any:
    if not isinstance(obj, dict):
        raise _expected(path, "an object", obj)
    fields = load_json(name)["fields"]
    known = [field["name"] for field in fields]
    for key in obj:
        if key not in known:
            raise RenderingError(f"{path}: unknown field {key!r}; known: {', '.join(known)}")
    values = {}
    for field in fields:
        field_name = field["name"]
        if field_name in obj:
            values[field_name] = _parse(field["type"], obj[field_name], f"{path}.{field_name}")
        elif "default" in field:
            values[field_name] = field["default"]
        else:
            raise RenderingError(f"{path}: field {field_name!r} is missing ({field['doc']})")
    return getattr(records, class_name(name))(**values)


def _parse(schema: Schema, value: Json, path: str) -> Any:
    if isinstance(schema, list):
        return _parse_union(schema, value, path)
    if isinstance(schema, dict):
        return _parse_complex(schema, value, path)
    name = schema.removeprefix("tollgate.")
    if name in _ENUMS:
        return _parse_symbol(_ENUMS[name], value, path)
    if name in SCHEMA_NAMES:
        return _parse_record(name, value, path)
    return _parse_plain(schema, value, path)


def _parse_plain(kind: str, value: Json, path: str) -> Any:
    if kind in _INTEGER_BOUNDS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _expected(path, "a whole number", value)
        low, high = _INTEGER_BOUNDS[kind]
        if not low <= value <= high:
            raise RenderingError(f"{path}: {value} is outside {low} ... {high}")
        return value
    if kind == "boolean":
        if not isinstance(value, bool):
            raise _expected(path, "true or false", value)
        return value
    if not isinstance(value, str):
        raise _expected(path, "hex digits" if kind == "bytes" else "text", value)
    try:
        if kind == "bytes":
            return bytes.fromhex(value)
        value.encode()
    except UnicodeEncodeError:
        raise RenderingError(f"{path}: the text has characters that UTF-8 cannot hold") from None
    except ValueError:
        raise _expected(path, "hex digits", value) from None
    return value


def _parse_complex(schema: dict[str, Schema], value: Json, path: str) -> Any:
    logical = schema.get("logicalType")
    if logical is not None:
        if isinstance(value, str):
            return _parse_moment(logical, value, path)
        return _parse_plain(schema["type"], value, path)
    if schema["type"] == "enum":
        return _parse_symbol(schema["symbols"], value, path)
    if schema["type"] == "array":
        if not isinstance(value, list):
            raise _expected(path, "a list", value)
        return [
            _parse(schema["items"], item, f"{path}[{index}]") for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        raise _expected(path, "an object", value)
    return {
        _parse_plain("string", key, path): _parse(schema["values"], item, f"{path}.{key}")
        for key, item in value.items()
    }


def _parse_moment(logical: str, text: str, path: str) -> int:
    if logical == "date":
        try:
            return date.fromisoformat(text).toordinal() - _EPOCH_DAY
        except ValueError:
            raise _expected(path, "a date such as 2024-03-15", text) from None
    try:
        microseconds = parse_time(text)
    except ValueError:
        raise _expected(path, "a UTC time such as 2024-03-15T09:30:00.000000Z", text) from None
    unit = _TIMESTAMP_US[logical]
    if microseconds % unit:
        raise _expected(path, "a time of whole milliseconds", text)
    return microseconds // unit


def _parse_union(schema: list[Schema], value: Json, path: str) -> Any:
    if schema[0] == "null":
        return None if value is None else _parse(schema[1], value, path)
    names = [branch.removeprefix("tollgate.") for branch in schema]
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in names:
        raise _expected(path, f"an object with one key of {', '.join(names)}", value)
    name, content = next(iter(value.items()))
    return _parse_record(name, content, f"{path}.{name}")


def _parse_symbol(symbols: list[str], value: Json, path: str) -> int:
    if value not in symbols:
        raise _expected(path, f"one of {', '.join(symbols)}", value)
    return symbols.index(value)


def _expected(path: str, wanted: str, got: Json) -> RenderingError:
    text = repr(got)
    shown = text if len(text) <= 80 else text[:80] + "..."  # noqa: PLR2004 -- a line's worth
    return RenderingError(f"{path}: expected {wanted}, not {shown}")


def _collect_enums(schema: Schema, found: dict[str, list[str]]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _collect_enums(branch, found)
    elif isinstance(schema, dict):
        if schema["type"] == "enum":
            found[schema["name"]] = schema["symbols"]
        for inner in ("items", "values"):
            if inner in schema:
                _collect_enums(schema[inner], found)
        for field in schema.get("fields", ()):
            _collect_enums(field["type"], found)


_ENUMS: Final[dict[str, list[str]]] = {}
for _name in SCHEMA_NAMES:
    _collect_enums(load_json(_name), _ENUMS)
_NAMES_BY_CLASS: Final = {class_name(name): name for name in SCHEMA_NAMES}
