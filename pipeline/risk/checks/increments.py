"""PRICE_TICK and LOT: are price and quantity multiples of the instrument's steps?"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.records import CheckResult

PRICE_TICK: Final = "PRICE_TICK"
LOT: Final = "LOT"
_TICK_PASSED: Final = passed(PRICE_TICK)
_LOT_PASSED: Final = passed(LOT)


def check_price_tick(c: OrderContext) -> CheckResult:
    """FIX MinPriceIncrement (969)."""
    instrument = c.instrument
    if instrument is None or not c.price_valid:
        return not_evaluated(PRICE_TICK)
    if c.price_e9 % instrument.tick_e9 != 0:
        return failed(PRICE_TICK, "PRICE_INCREMENT")
    return _TICK_PASSED


def check_lot(c: OrderContext) -> CheckResult:
    """FIX RoundLot (561)."""
    instrument = c.instrument
    if instrument is None or not c.quantity_valid:
        return not_evaluated(LOT)
    if c.quantity_lots % instrument.lot != 0:
        return failed(LOT, "LOT_SIZE")
    return _LOT_PASSED
