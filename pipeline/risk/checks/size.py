"""ORDER_QUANTITY and ORDER_NOTIONAL (RTS 6 Art. 15(1)(b), (c))."""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, within
from pipeline.risk.money import fits, notional_up
from pipeline.risk.records import CheckResult

ORDER_QUANTITY: Final = "ORDER_QUANTITY"
ORDER_NOTIONAL: Final = "ORDER_NOTIONAL"


def check_quantity(c: OrderContext) -> CheckResult:
    """Lots of one order."""
    limits = c.limits
    if limits is None or c.instrument is None or not c.quantity_valid:
        return not_evaluated(ORDER_QUANTITY)
    return within(ORDER_QUANTITY, "ORDER_QUANTITY", c.quantity_lots, limits.order_quantity_lots_max)


def check_notional(c: OrderContext) -> CheckResult:
    """Value of one order, rounded up, in minor units of the instrument's currency."""
    limits = c.limits
    instrument = c.instrument
    if limits is None or instrument is None or not (c.quantity_valid and c.price_valid):
        return not_evaluated(ORDER_NOTIONAL)
    if limits.order_notional_minor_max.value is None:
        return failed(ORDER_NOTIONAL, "LIMIT_MISSING")
    notional = notional_up(instrument, c.quantity_lots, c.price_e9)
    if not fits(notional):
        return failed(ORDER_NOTIONAL, "OUT_OF_RANGE")
    return within(ORDER_NOTIONAL, "ORDER_NOTIONAL", notional, limits.order_notional_minor_max)
