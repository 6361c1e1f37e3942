"""The arithmetic of money against fractions, and at the ends of 64 bits.

The oracle is `fractions.Fraction`: exact, and with rounding of its own.
"""

from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Final

import pytest

from pipeline.risk.money import (
    exposed,
    fee_hold,
    fits,
    hold_currency,
    margined_lots,
    nearest,
    notional_up,
    order_hold,
    position_margin,
    protection_price,
    rate_of,
    settled,
)
from pipeline.risk.records import SIDE_BUY, SIDE_SELL, FeeSchedule, Instrument
from pipeline.risk.unboxed import product
from tests.property.desk import ACME, BTC_USD, ESX
from tests.property.world import E9, changed

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)
# Odd multipliers, so that hardly anything comes out even.
SHAPES: Final = tuple(
    changed(
        instrument,
        multiplier_numerator=numerator,
        multiplier_denominator=denominator,
        base_minor_per_lot=per_lot,
    )
    for instrument in (ESX, BTC_USD, ACME)
    for numerator, denominator, per_lot in ((1, 1, 1), (7, 3, 11), (5_000, 1, 1_000), (1, 999, 17))
)
DRAWS: Final = 50


@pytest.mark.parametrize("left", [0, 1, 3, 2**31, 2**32 + 1, 2**61, 2**62 - 1, 2**62, 2**64])
@pytest.mark.parametrize("right", [0, 1, 2, 2**30, 2**31 - 1, 2**61 - 1, 2**62, 2**63, 10**30])
def test_a_product_is_exact_whatever_holds_it(left: int, right: int) -> None:
    signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    found = [product(left * one, right * other) for one, other in signs]
    assert found == [left * right * one * other for one, other in signs]


def drawn(seed: int) -> tuple[Instrument, int, int, FeeSchedule, Random]:
    """An instrument, lots, a price and fees."""
    rng = Random(seed)
    fee = FeeSchedule("gold", None, rng.choice([0, 1, 250]), rng.choice([0, 1, 3, 10_000]))
    return rng.choice(SHAPES), rng.randint(1, 10**6), rng.randint(1, 10**14), fee, rng


def worth(instrument: Instrument, value_e9: int) -> Fraction:
    """Price x lots in minor units."""
    multiplier = Fraction(instrument.multiplier_numerator, instrument.multiplier_denominator)
    return Fraction(value_e9, E9) * multiplier


@pytest.mark.parametrize("value", [0, 1, -1, INT64_MAX, INT64_MIN, 2**62, -(2**62)])
def test_what_fits_is_shown_as_it_is(value: int) -> None:
    assert fits(value)
    assert nearest(value) == value


@pytest.mark.parametrize("beyond", [1, 2, 2**63])
def test_what_does_not_fit_is_shown_as_the_end_it_lies_beyond(beyond: int) -> None:
    for value, end in ((INT64_MAX + beyond, INT64_MAX), (INT64_MIN - beyond, INT64_MIN)):
        assert not fits(value)
        assert nearest(value) == end


@pytest.mark.parametrize("seed", range(DRAWS))
def test_holds_are_rounded_up_and_settlements_to_the_even(seed: int) -> None:
    instrument, lots, price, fee, _ = drawn(seed)
    exact = worth(instrument, price * lots)
    notional = ceil(exact)
    assert notional_up(instrument, lots, price) == notional
    assert settled(instrument, price * lots) == round(exact)
    assert settled(instrument, -price * lots) == round(-exact)
    highest = lots * fee.fee_per_lot_minor_max
    highest += ceil(Fraction(notional * fee.fee_notional_bps_max, 10_000))
    assert fee_hold(instrument, fee, lots, price) == highest
    assert fee_hold(instrument, None, lots, price) == 0


@pytest.mark.parametrize("kind", [ESX, BTC_USD, ACME], ids=["future", "spot", "equity"])
@pytest.mark.parametrize("side", [SIDE_BUY, SIDE_SELL], ids=["buy", "sell"])
def test_each_kind_and_side_holds_its_own(kind: Instrument, side: int) -> None:
    fee = FeeSchedule("gold", None, 3, 0)
    if kind is not BTC_USD:
        # Named, but of no meaning to it.
        kind = changed(kind, base_currency="GOLD", base_minor_per_lot=9)
    cash = notional_up(kind, 5, 7 * E9) + 15
    held = {
        (ESX.kind, SIDE_BUY): (15, "USD"),
        (ESX.kind, SIDE_SELL): (15, "USD"),
        (BTC_USD.kind, SIDE_BUY): (cash, "USD"),
        (BTC_USD.kind, SIDE_SELL): (5 * BTC_USD.base_minor_per_lot, "BTC"),
        (ACME.kind, SIDE_BUY): (cash, "USD"),
        (ACME.kind, SIDE_SELL): (0, "USD"),
    }[kind.kind, side]
    assert (order_hold(kind, fee, side, 5, 7 * E9), hold_currency(kind, side)) == held


@pytest.mark.parametrize(
    ("position", "buys", "sells", "future", "equity"),
    [
        (0, 0, 0, 0, 0),
        (0, 3, 2, 3, 2),
        (0, 2, 3, 3, 3),
        (5, 0, 7, 5, 2),
        (5, 0, 11, 6, 6),
        (5, 1, 5, 6, 0),
        (-4, 1, 1, 5, 5),
        (-4, 9, 0, 5, 4),
        (-4, 2, 0, 4, 4),
    ],
)
def test_margin_is_for_the_worst_that_can_be_filled(
    position: int, buys: int, sells: int, future: int, equity: int
) -> None:
    for instrument, lots in ((ESX, future), (ACME, equity), (BTC_USD, 0)):
        assert margined_lots(instrument, position, buys, sells) == lots
        margin = changed(instrument, margin_minor_per_lot=13)
        assert position_margin(margin, position, buys, sells) == 13 * lots
        none = changed(instrument, margin_minor_per_lot=None)
        assert position_margin(none, position, buys, sells) == 0


@pytest.mark.parametrize("seed", range(DRAWS))
def test_a_protection_price_is_within_the_collar_on_a_tick(seed: int) -> None:
    _, _, mark, _, rng = drawn(seed)
    collar, tick = rng.choice([0, 1, 250, 9_999]), rng.choice([1, 10**7, E9 // 4, 10**15])
    most = Fraction(mark * (10_000 + collar), 10_000)
    least = Fraction(mark * (10_000 - collar), 10_000)
    assert protection_price(mark, collar, tick, buys=True) == floor(most / tick) * tick
    assert protection_price(mark, collar, tick, buys=False) == ceil(least / tick) * tick


@pytest.mark.parametrize("collar", [10_000, 10_001, 20_000])
def test_a_protection_price_of_a_sale_is_at_least_a_tick(collar: int) -> None:
    assert protection_price(7 * E9, collar, 5, buys=False) == 5


@pytest.mark.parametrize("seed", range(DRAWS))
def test_a_rate_is_exact_both_ways(seed: int) -> None:
    pair, _, mark, _, _ = drawn(seed)
    lot = worth(pair, mark)
    per_lot = pair.base_minor_per_lot
    assert Fraction(*rate_of(pair, mark, from_base=True)) == lot / per_lot
    assert Fraction(*rate_of(pair, mark, from_base=False)) == per_lot / lot


def test_the_least_of_a_short_position_is_rounded_by_its_amount() -> None:
    instrument = changed(ESX, multiplier_numerator=1)
    assert exposed(instrument, 1, -1, 0, 0) == (1, -1, 1)
    assert exposed(instrument, 1, 1, 0, 0) == (1, 1, -1)
