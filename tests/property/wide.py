"""A desk with room: wide limits, a share and futures in two currencies, all with marks.

Owns what tests of exposure, credit and results have in common, so that a test lowers the one limit
it is about. Reads through `Desk`.
"""

from typing import Any, Final

from pipeline.codecs.avro import decode_audit_record, decode_decision
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    LIMIT_SCOPE_TIER,
    SIDE_BUY,
    SIDE_SELL,
    CheckLimit,
    Listing,
    Order,
)
from tests.oracle.definitions import Payload
from tests.property.desk import ACME, ESX, LIMITS, POLICY, PRICE_E9, SHARE_PRICE_E9, Desk
from tests.property.world import E9, changed, fx_pair

EURX_PRICE_E9: Final = 4_000 * E9
FX_E9: Final = 1_250_000_000
WIDE: Final = changed(
    LIMITS,
    order_rate_per_s_max=10**9,
    order_quantity_lots_max=10**12,
    order_notional_minor_max=10**18,
    position_lots_max=10**12,
    price_collar_bps=10**9,
    short_lots_max=10**12,
    locate_id="prime",
)
MANY: Final = changed(POLICY, open_orders_max=10**6)
# 40,000.00 EUR a lot at its mark; EUR-USD says 1.25.
EURX: Final = changed(ESX, instrument_id="EURX", currency="EUR", multiplier_numerator=1_000)
EUR_USD: Final = fx_pair("EUR-USD")
# What a lot is worth at the usual marks, in minor units of its currency.
ESX_LOT: Final = 25_000_000
ACME_LOT: Final = 20_000
BTC_LOT: Final = 40_000
EURX_LOT: Final = 4_000_000


def wide_desk(*without: Payload) -> Desk:
    """Everybody may trade everything."""
    desk = Desk(*without)
    desk.control(WIDE)
    if POLICY not in without:
        desk.control(MANY)
    for instrument in (ACME, EURX, EUR_USD):
        desk.control(instrument)
        desk.control(Listing(instrument.instrument_id, None, None))
    fresh_marks(desk)
    if not without:
        for currency in ("USD", "EUR", "BTC"):
            desk.money(DEPOSIT_KIND_DEPOSIT, 10**14, currency)
    return desk


def fresh_marks(desk: Desk) -> None:
    """All of them as usual, made now."""
    desk.mark("ESX", PRICE_E9)
    desk.mark("ACME", SHARE_PRICE_E9)
    desk.mark("BTC-USD", 40_000 * E9)
    desk.mark("EURX", EURX_PRICE_E9)
    desk.mark("EUR-USD", FX_E9)


def limit(desk: Desk, check: str, figure: int | None, currency: str | None = None) -> None:
    """Publish the limit of a check for the tier, over the one nobody reaches."""
    desk.control(CheckLimit(check, LIMIT_SCOPE_TIER, "gold", None, figure, None, currency))


def passing_lots(desk: Desk) -> int | None:
    """The largest quantity that would have passed, as the last decision says."""
    body = decode_audit_record(desk.gate.audit[-1]).decision
    assert body is not None
    return decode_decision(body).passing_lots_max


PRICES: Final = {"EURX": EURX_PRICE_E9, "EUR-USD": FX_E9}


def of(name: str, lots: int, **changes: Any) -> dict[str, Any]:
    """An order in an instrument at its usual price: bought, or sold when `lots` is below 0."""
    shape: dict[str, Any] = {
        "instrument_id": name,
        "side": SIDE_BUY if lots > 0 else SIDE_SELL,
        "quantity_lots": abs(lots),
    }
    if name in PRICES:
        shape["price_e9"] = PRICES[name]
    return shape | changes


def has(desk: Desk, name: str, lots: int, price_e9: int | None = None) -> Order:
    """Bring the user a position by an order that is filled at once."""
    changes = {} if price_e9 is None else {"price_e9": price_e9}
    order = desk.works(**of(name, lots, **changes))
    desk.trade(order, abs(lots))
    return order
