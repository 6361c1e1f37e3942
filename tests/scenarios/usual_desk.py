"""The desk that every scenario begins with: what may be traded, by whom, and how far.

Owns these definitions; README.md tells them to readers. A scenario changes what it is about.
"""

from typing import Final

from pipeline.risk.records import (
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    INSTRUMENT_STATE_OPEN,
    LIMIT_SCOPE_TIER,
    TRADING_STATE_ACTIVE,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    UserAccount,
)
from tests.oracle.definitions import Payload
from tests.roomy import roomy

USER: Final = "ann"
TENANT: Final = "fund-1"
TIER: Final = "gold"
E9: Final = 10**9

INSTRUMENTS: Final = (
    Instrument(
        instrument_id="ESX",
        kind=INSTRUMENT_KIND_FUTURE,
        currency="USD",
        base_currency=None,
        base_minor_per_lot=0,
        tick_e9=E9 // 4,
        lot=1,
        multiplier_numerator=5_000,
        multiplier_denominator=1,
        margin_minor_per_lot=100_000,
        state=INSTRUMENT_STATE_OPEN,
    ),
    Instrument(
        instrument_id="EURX",
        kind=INSTRUMENT_KIND_FUTURE,
        currency="EUR",
        base_currency=None,
        base_minor_per_lot=0,
        tick_e9=E9 // 10,
        lot=1,
        multiplier_numerator=1_000,
        multiplier_denominator=1,
        margin_minor_per_lot=50_000,
        state=INSTRUMENT_STATE_OPEN,
    ),
    Instrument(
        instrument_id="ACME",
        kind=INSTRUMENT_KIND_EQUITY,
        currency="USD",
        base_currency=None,
        base_minor_per_lot=0,
        tick_e9=E9 // 100,
        lot=1,
        multiplier_numerator=100,
        multiplier_denominator=1,
        margin_minor_per_lot=5_000,
        state=INSTRUMENT_STATE_OPEN,
    ),
    Instrument(
        instrument_id="BTC-USD",
        kind=INSTRUMENT_KIND_SPOT,
        currency="USD",
        base_currency="BTC",
        base_minor_per_lot=100_000,
        tick_e9=E9 // 100,
        lot=1,
        multiplier_numerator=1,
        multiplier_denominator=10,
        margin_minor_per_lot=None,
        state=INSTRUMENT_STATE_OPEN,
    ),
    Instrument(
        instrument_id="EUR-USD",
        kind=INSTRUMENT_KIND_SPOT,
        currency="USD",
        base_currency="EUR",
        base_minor_per_lot=100_000,
        tick_e9=E9 // 10_000,
        lot=1,
        multiplier_numerator=100_000,
        multiplier_denominator=1,
        margin_minor_per_lot=None,
        state=INSTRUMENT_STATE_OPEN,
    ),
)
MARKS_E9: Final = {
    "ESX": 5_000 * E9,
    "EURX": 4_000 * E9,
    "ACME": 200 * E9,
    "BTC-USD": 40_000 * E9,
    "EUR-USD": 1_080_000_000,
}
POLICY: Final = Policy(
    order_age_ms_max=5_000,
    future_skew_ms_max=1_000,
    mark_age_ms_max=60_000,
    dedup_window_ms=7 * 86_400_000,
    remembered_ids_max=1_000_000,
    open_orders_max=100,
    orphan_ms_max=60_000,
    checks_exempt=[],
)
LIMITS: Final = Limits(
    scope=LIMIT_SCOPE_TIER,
    scope_id=TIER,
    instrument_id=None,
    order_rate_per_s_max=100,
    order_quantity_lots_max=1_000,
    order_notional_minor_max=10**10,
    notional_currency=None,
    position_lots_max=1_000,
    price_collar_bps=1_000,
    market_collar_bps=100,
    short_lots_max=None,
    locate_id=None,
)
FEES: Final = FeeSchedule(TIER, None, 100, 0)
PAYLOADS: Final[tuple[Payload, ...]] = (
    *INSTRUMENTS,
    LIMITS,
    POLICY,
    FEES,
    UserAccount(USER, TENANT, TIER, TRADING_STATE_ACTIVE),
    FirmState(TRADING_STATE_ACTIVE),
    *roomy([TIER], MARKS_E9),
)
