"""Values whose bytes were damaged, framed wrongly, cut, lengthened or made too large.

Owns how bytes are damaged. What comes out may still be a record, and then is one like any other.
"""

from random import Random
from typing import Final

FRAME_BYTES: Final = 5
VALUE_BYTES_MAX: Final = 1_048_576
_MAGIC: Final = bytes([0, 0, 0, 0, 1, 2, 255])
# A value of a megabyte costs as much as many records.
_LARGE: Final = 0.002
_FLIPS_MAX: Final = 4
_NOISE_MAX: Final = 60


def damaged(value: bytes, other: bytes, rng: Random) -> bytes | None:
    """`value`, damaged in one way. `other`: of another record, to be mixed with it."""
    if rng.random() < _LARGE:
        return _large(value, rng)
    kind = rng.randrange(4)
    if kind == 0:
        return _flipped(value, rng)
    if kind == 1:
        return _framed_wrongly(value, other, rng)
    if kind == 2:
        return _replaced(value, rng)
    return _spliced(value, other, rng)


def _replaced(value: bytes, rng: Random) -> bytes | None:
    """Little or nothing of the value is left."""
    noise = rng.randbytes(rng.randint(1, _NOISE_MAX))
    start = value[: rng.randint(1, FRAME_BYTES)]
    return rng.choice([None, b"", noise, start, value[:FRAME_BYTES] + noise])


def _spliced(value: bytes, other: bytes, rng: Random) -> bytes:
    """Cut, with bytes put in, left out or doubled, continued by another's, or gone on too long."""
    at = rng.randint(0, len(value))
    to = min(len(value), at + rng.randint(1, 8))
    head, middle, tail = value[:at], value[at:to], value[to:]
    # An integer of nine to twelve bytes: the longest that there may be has ten.
    number = b"\xff" * rng.choice([8, 9, 10, 11]) + b"\x01"
    return rng.choice(
        [
            head,
            head + rng.randbytes(rng.randint(1, 8)) + middle + tail,
            head + tail,
            head + middle * 2 + tail,
            head + other[at:],
            head + number + tail,
            value + b"\x00",
            value + rng.randbytes(rng.randint(1, _NOISE_MAX)),
        ]
    )


def _flipped(value: bytes, rng: Random) -> bytes:
    flipped = bytearray(value)
    for _ in range(rng.randint(1, _FLIPS_MAX)):
        if flipped:
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _framed_wrongly(value: bytes, other: bytes, rng: Random) -> bytes:
    body = value[FRAME_BYTES:]
    kind = rng.randrange(4)
    if kind == 0:
        return bytes([rng.choice(_MAGIC)]) + value[1:]
    if kind == 1:
        schema_id: int = rng.choice([*range(12), 99, 2**31, 2**32 - 1, rng.getrandbits(32)])
        return b"\x00" + schema_id.to_bytes(4, "big") + body
    if kind == 2:
        return body
    return other[:FRAME_BYTES] + body


def _large(value: bytes, rng: Random) -> bytes:
    """About as large as a value may be, or far beyond."""
    size = rng.choice([VALUE_BYTES_MAX, VALUE_BYTES_MAX + 1, 3 * VALUE_BYTES_MAX])
    return value + bytes(size - len(value))
