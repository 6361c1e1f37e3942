"""Exact arithmetic of docs/rules.md by fractions: rounding, int64 bounds, the lane of a key.

Owns no state. Must never share code with `pipeline/risk`: a slip made there would be made here.
"""

from fractions import Fraction
from typing import Final

from pipeline.risk.records import FeeSchedule, Instrument

E9: Final = 10**9
INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)


def fits(value: int) -> bool:
    """Whether a stored figure can hold the value."""
    return INT64_MIN <= value <= INT64_MAX


def nearest(value: int) -> int:
    """The value, or the end of int64 that it lies beyond."""
    return max(INT64_MIN, min(INT64_MAX, value))


def up(value: Fraction) -> int:
    """The least integer not below the value."""
    return -((-value.numerator) // value.denominator)


def down(value: Fraction) -> int:
    """The greatest integer not above the value."""
    return value.numerator // value.denominator


def half_even(value: Fraction) -> int:
    """The nearest integer; of two equally near, the even one."""
    return round(value)


def exact_notional(instrument: Instrument, lots: int, price_e9: int) -> Fraction:
    """Minor units of `instrument.currency` that `lots` at `price_e9` are worth."""
    return Fraction(
        price_e9 * lots * instrument.multiplier_numerator,
        instrument.multiplier_denominator * E9,
    )


def fee_hold(fees: FeeSchedule | None, lots: int, notional_minor: int) -> int:
    """The most that a trade of `lots` can be charged; nothing where no schedule is in force."""
    if fees is None:
        return 0
    by_notional = up(Fraction(notional_minor * fees.fee_notional_bps_max, 10_000))
    return lots * fees.fee_per_lot_minor_max + by_notional


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 with its seed, made positive as its default partitioner does."""
    factor, mask = 0x5BD1E995, 0xFFFF_FFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * factor & mask
        k = (k ^ k >> 24) * factor & mask
        h = (h * factor & mask) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * factor & mask
    h = (h ^ h >> 13) * factor & mask
    return (h ^ h >> 15) & 0x7FFF_FFFF
