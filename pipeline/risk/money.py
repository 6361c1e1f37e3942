"""Exact integer arithmetic of notionals, fees, holds and margins.

Owns every rounding: up for holds and checks, half-even for settlement (docs/rules.md, "Holds").
No state, no float. All amounts in minor units, prices in 1e-9 price units. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.records import (
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    FeeSchedule,
    Instrument,
)
from pipeline.risk.unboxed import product

PRICE_SCALE: Final = 1_000_000_000
BPS: Final = 10_000
# Within these bounds a compiled integer is compared without being boxed.
_UNBOXED_MAX: Final = 2**62 - 1
_INT64_MAX: Final = 2**63 - 1
_INT64_MIN: Final = -(2**63)


def fits(value: int) -> bool:
    """Whether a figure can be stored and sent."""
    if -_UNBOXED_MAX <= value <= _UNBOXED_MAX:
        return True
    return _INT64_MIN <= value <= _INT64_MAX


def nearest(value: int) -> int:
    """The value, or the end of 64 bits that it lies beyond: for figures that are only shown."""
    if -_UNBOXED_MAX <= value <= _UNBOXED_MAX:
        return value
    return max(_INT64_MIN, min(_INT64_MAX, value))


def divide_up(numerator: int, denominator: int) -> int:
    """The quotient, rounded towards plus infinity; denominator > 0."""
    return -(-numerator // denominator)


def distance_bps(price_e9: int, mark_e9: int) -> int:
    """How far a price is from a mark, in 1e-4 of the mark, rounded up."""
    apart = price_e9 - mark_e9 if price_e9 > mark_e9 else mark_e9 - price_e9
    return divide_up(product(apart, BPS), mark_e9)


def divide_half_even(numerator: int, denominator: int) -> int:
    """The quotient, rounded to the nearest, ties to even; denominator > 0."""
    quotient = numerator // denominator
    twice = 2 * (numerator - quotient * denominator)
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


def notional_up(instrument: Instrument, lots: int, price_e9: int) -> int:
    """Notional for holds and checks."""
    return divide_up(
        product(product(price_e9, lots), instrument.multiplier_numerator),
        instrument.multiplier_denominator * PRICE_SCALE,
    )


def exposed(
    instrument: Instrument, price_e9: int, position: int, buys: int, sells: int
) -> tuple[int, int, int]:
    """(gross, long, short): what a position with `buys` and `sells` lots working is worth.

    Each notional is rounded up in its amount; long and short are signed.
    """
    each = product(price_e9, instrument.multiplier_numerator)
    scale = instrument.multiplier_denominator * PRICE_SCALE
    if instrument.kind == INSTRUMENT_KIND_SPOT:
        # A sale delivers what is there.
        position = max(position, 0)
        sells = 0
    held = _signed_up(product(each, position), scale)
    gross = abs(held)
    long = held
    short = -held
    if buys:
        gross += divide_up(product(each, buys), scale)
        long = _signed_up(product(each, position + buys), scale)
    if sells:
        gross += divide_up(product(each, sells), scale)
        short = _signed_up(product(each, sells - position), scale)
    return gross, long, short


def _signed_up(numerator: int, denominator: int) -> int:
    """The quotient, rounded away from zero."""
    if numerator < 0:
        return -divide_up(-numerator, denominator)
    return divide_up(numerator, denominator)


def settled(instrument: Instrument, value_e9: int) -> int:
    """What `value_e9` (price x lots, signed) settles for."""
    return divide_half_even(
        product(value_e9, instrument.multiplier_numerator),
        instrument.multiplier_denominator * PRICE_SCALE,
    )


def fee_hold(instrument: Instrument, fee: FeeSchedule | None, lots: int, price_e9: int) -> int:
    """The highest fee that `lots` at `price_e9` can be charged; 0 without a schedule."""
    if fee is None:
        return 0
    total = lots * fee.fee_per_lot_minor_max
    if fee.fee_notional_bps_max:
        notional = notional_up(instrument, lots, price_e9)
        total += divide_up(notional * fee.fee_notional_bps_max, BPS)
    return total


def hold_currency(instrument: Instrument, side: int) -> str:
    """The currency in which an order of `side` holds."""
    if instrument.kind == INSTRUMENT_KIND_SPOT and side != SIDE_BUY:
        return instrument.base_currency or ""
    return instrument.currency


def order_hold(
    instrument: Instrument, fee: FeeSchedule | None, side: int, lots: int, price_e9: int
) -> int:
    """What an order with `lots` open holds for itself, in `hold_currency`."""
    if instrument.kind == INSTRUMENT_KIND_FUTURE:
        return fee_hold(instrument, fee, lots, price_e9)
    if side == SIDE_BUY:
        return notional_up(instrument, lots, price_e9) + fee_hold(instrument, fee, lots, price_e9)
    if instrument.kind == INSTRUMENT_KIND_EQUITY:
        # What it would deliver is in the position; SHORT_SALE and the margin bound the rest.
        return 0
    return lots * instrument.base_minor_per_lot


def margined_lots(instrument: Instrument, position: int, buys: int, sells: int) -> int:
    """Lots that a position with `buys` and `sells` lots working has margin for."""
    if instrument.kind == INSTRUMENT_KIND_FUTURE:
        # Whichever side the position is on: nothing works on a side below 0.
        return max(position + buys, sells - position)
    if instrument.kind == INSTRUMENT_KIND_EQUITY:
        return max(0, sells - position)
    return 0


def position_margin(instrument: Instrument, position: int, buys: int, sells: int) -> int:
    """Margin of a position with `buys` and `sells` lots working."""
    margin = instrument.margin_minor_per_lot
    if margin is None:
        return 0
    return margin * margined_lots(instrument, position, buys, sells)


def protection_price(mark_e9: int, collar_bps: int, tick_e9: int, *, buys: bool) -> int:
    """The worst price of a MARKET order: within the collar, and a multiple of the tick."""
    if buys:
        return mark_e9 * (BPS + collar_bps) // BPS // tick_e9 * tick_e9
    lowest = divide_up(mark_e9 * (BPS - collar_bps), BPS)
    return max(divide_up(lowest, tick_e9), 1) * tick_e9


def rate_of(pair: Instrument, mark_e9: int, *, from_base: bool) -> tuple[int, int]:
    """What a minor unit of the pair's base currency is in its currency, or the other way.

    As numerator and denominator, both above 0.
    """
    base = pair.base_minor_per_lot * pair.multiplier_denominator * PRICE_SCALE
    quote = mark_e9 * pair.multiplier_numerator
    return (quote, base) if from_base else (base, quote)
