"""Records with fields that nobody should send: bounds, extremes, ids of other things.

Owns which values a field is tried with. What a field is, is read from schemas/avro, so a new field
is fuzzed as soon as it is there. Every value fits its Avro type but for enums and dates, whose
encoding takes what their reader must refuse.
"""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, Final, NamedTuple

from pipeline.codecs import avro
from pipeline.codecs.schemas import load_json
from tests.oracle.traits import CHECKS
from tests.property.world import EVERYBODY, INSTRUMENTS, INT64_MAX, vars_of

Decode = Callable[[bytes, int], Any]
Encode = Callable[[Any], bytes]

FRAME_BYTES: Final = 5
DECODE: Final[tuple[Decode, ...]] = (
    avro.decode_control,
    avro.decode_mark,
    avro.decode_deposit,
    avro.decode_fill,
    avro.decode_order,
)
ENCODE: Final[tuple[Encode, ...]] = (
    avro.encode_control,
    avro.encode_mark,
    avro.encode_deposit,
    avro.encode_fill,
    avro.encode_order,
)
INT64_MIN: Final = -(2**63)
NUMBERS: Final = (
    *(0, 1, -1, 2, 7, 100, 9_999, 10_000, 10_001),
    *(2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53 + 1),
    *(10**9, 10**12 - 1, 10**12, 10**12 + 1, 10**18 - 1, 10**18, 10**18 + 1, -(10**18)),
    *(2**61, 2**62 - 1, 2**62, -(2**62), INT64_MAX - 1, INT64_MAX, INT64_MIN + 1, INT64_MIN),
)
# Within bounds, and a multiple of most ticks: what is taken, until a sum of it does not fit.
ROUND: Final = (*(10**power for power in range(19)), 9 * 10**17, 4 * 10**12, 5 * 10**9)
# The figures that holds and positions are made of.
STRETCHED: Final = (
    *("quantity_lots", "price_e9", "last_lots", "last_price_e9", "fee_minor", "cum_lots"),
    *("amount_minor", "settlement_price_e9"),
)
# Microseconds from now: the skew, the window, days, a year, centuries.
DISTANCES: Final = (
    *(0, 1, 1000, 999_999, 1_000_000, 1_000_001, 5_000_000, 7_200_000_000, 7_200_000_001),
    *(86_400_000_000, 7 * 86_400_000_000, 366 * 86_400_000_000, 500 * 366 * 86_400_000_000),
)
_LONG_BYTES: Final = 70_000
TEXTS: Final = (
    *("", "x", "x" * 64, "x" * 65, "é" * 32, "é" * 32 + "x", "\U0001f600" * 16),
    *("\x00", "a\x00b", "gate:0:1:1", "gate:", "%s", "'; --", "waiting", "tenant", "policy"),
    *("USD", "EUR", "GBP", "BTC", "C" * 16, "C" * 17, "gold", "iron", "alpha", "beta", "UNKNOWN"),
    *EVERYBODY,
    *INSTRUMENTS,
)
# Names of checks, and of what is none.
CHECK_NAMES: Final = (*CHECKS, "RULE:r", "RULE:" + "r" * 64, "", "x" * 65, "x" * 70)
# Ids that are kept to be used again.
_IDS_MAX: Final = 600
# Chances.
_ABSENT: Final = 0.3
_WILD: Final = 0.15
_NEAR_NOW: Final = 0.5
_GIANT: Final = 0.004
_HALF: Final = 0.5
_NAMED: Final = 0.9


class Field(NamedTuple):
    """What a field is: its Avro type, whether it may be absent, how many symbols an enum has."""

    name: str
    kind: str
    optional: bool
    symbols: int


class Seen:
    """Ids of the records of a lane so far, to be used again where they do not belong."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self.ids: Final[list[str]] = list(TEXTS)

    def note(self, record: Any) -> None:
        """Keep some of a record's ids."""
        for name in ("order_id", "exec_id", "deposit_id", "withdrawal_id", "user_id"):
            text = getattr(record, name, None)
            if text is not None:
                self.ids.append(text)
        if len(self.ids) > _IDS_MAX:
            del self.ids[len(TEXTS) : len(TEXTS) + _IDS_MAX // 2]


@cache
def fields_of(name: str) -> tuple[Field, ...]:
    """The fields of a record that can be tried, as schemas/avro has them."""
    found = [_field(field["name"], field["type"]) for field in load_json(name)["fields"]]
    return tuple(field for field in found if field.kind != "payload")


def _field(name: str, schema: Any) -> Field:
    optional = isinstance(schema, list) and schema[0] == "null"
    inner = schema[1] if optional else schema
    if isinstance(inner, list):
        return Field(name, "payload", optional, 0)
    if isinstance(inner, str) and inner.startswith("tollgate."):
        return Field(name, "enum", optional, len(load_json_enum(inner)))
    if isinstance(inner, str):
        return Field(name, inner, optional, 0)
    if inner["type"] == "array":
        items = inner["items"]
        return Field(name, "strings" if items == "string" else "times", optional, 0)
    kind = inner.get("logicalType", inner["type"])
    return Field(name, kind, optional, len(inner.get("symbols", ())))


@cache
def load_json_enum(name: str) -> tuple[str, ...]:
    """The symbols of an enum that another schema defines."""
    records = ("order", "fill", "deposit", "instrument", "limits", "user_account", "check_policy")
    for record in records:
        for field in load_json(record)["fields"]:
            schema = field["type"][-1] if isinstance(field["type"], list) else field["type"]
            if isinstance(schema, dict) and f"tollgate.{schema.get('name')}" == name:
                return tuple(schema["symbols"])
    raise LookupError(name)


def decoded(topic: int, value: bytes) -> Any:
    """The record of a framed value."""
    return DECODE[topic](value, FRAME_BYTES)


def schema_of(record: Any) -> str:
    """The name of a record's or payload's schema."""
    name = type(record).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")


def mutated(record: Any, rng: Random, seen: Seen, now_us: int) -> Any:
    """A copy with up to three fields that hold something else."""
    values = vars_of(record)
    for field in rng.choices(fields_of(schema_of(record)), k=rng.randint(1, 3)):
        values[field.name] = _other(field, values[field.name], rng, seen, now_us)
    return type(record)(**values)


def stretched(record: Any, rng: Random) -> Any:
    """A copy whose figures are large, round and within bounds."""
    values = vars_of(record)
    for name in STRETCHED:
        if values.get(name):
            values[name] = rng.choice(ROUND)
    return type(record)(**values)


def _other(field: Field, value: Any, rng: Random, seen: Seen, now_us: int) -> Any:
    if field.optional and rng.random() < _ABSENT:
        return None
    kind = field.kind
    if kind == "enum":
        wild = rng.random() < _WILD
        return rng.choice([-1, field.symbols, 2**40]) if wild else rng.randrange(field.symbols)
    if kind == "timestamp-micros":
        return _time(rng, now_us)
    if kind in ("long", "int", "date"):
        return number(rng, 0 if value is None else value)
    if kind == "string":
        is_check = field.name == "check" and rng.random() < _NAMED
        return rng.choice(CHECK_NAMES) if is_check else text(rng, seen)
    if kind == "bytes":
        return rng.randbytes(rng.randint(0, 100))
    if kind == "boolean":
        return rng.random() < _HALF
    if kind == "strings":
        return rng.choices([*CHECK_NAMES, *rng.choices(seen.ids, k=20)], k=rng.randint(0, 20))
    if kind == "times":
        times = [_time(rng, now_us) for _ in range(rng.choice([0, 1, 2, 3, 5_001]))]
        return sorted(times) if rng.random() < _HALF else times
    return {text(rng, seen): text(rng, seen) for _ in range(rng.choice([0, 1, 2, 16, 17, 40]))}


def number(rng: Random, value: int) -> int:
    """A bound, something near the value, or any 64 bits."""
    kind = rng.randrange(4)
    if kind == 0:
        near = rng.choice([value - 1, value + 1, -value, value * 2, value // 2, value * 1000])
        return max(INT64_MIN, min(INT64_MAX, near))
    if kind == 1:
        return rng.randint(-(2 ** rng.randint(0, 63)), 2 ** rng.randint(0, 63) - 1)
    return rng.choice(NUMBERS)


def _time(rng: Random, now_us: int) -> int:
    if rng.random() < _NEAR_NOW:
        return now_us + rng.choice([-1, 1]) * rng.choice(DISTANCES)
    return rng.choice(NUMBERS)


def text(rng: Random, seen: Seen) -> str:
    """An id that means something else, or none at all."""
    if rng.random() < _GIANT:
        return "g" * rng.choice([255, 256, _LONG_BYTES])
    return rng.choice(seen.ids)
