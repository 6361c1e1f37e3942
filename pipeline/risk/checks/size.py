"""ORDER_QUANTITY and ORDER_NOTIONAL (RTS 6 Art. 15(1)(b), (c))."""

from typing import Final

from pipeline.risk.checks.context import (
    OrderContext,
    failed,
    failed_at,
    not_evaluated,
    within,
)
from pipeline.risk.fx import find_rate
from pipeline.risk.money import divide_up, fits, notional_up
from pipeline.risk.records import CheckResult
from pipeline.risk.rules_in_force import MS

ORDER_QUANTITY: Final = "ORDER_QUANTITY"
ORDER_NOTIONAL: Final = "ORDER_NOTIONAL"


def check_quantity(c: OrderContext) -> CheckResult:
    """Lots of one order."""
    limits = c.limits
    if limits is None or c.instrument is None or not c.quantity_valid:
        return not_evaluated(ORDER_QUANTITY)
    return within(ORDER_QUANTITY, "ORDER_QUANTITY", c.quantity_lots, limits.order_quantity_lots_max)


def check_notional(c: OrderContext) -> CheckResult:
    """Value of one order, rounded up, in minor units of the limit's currency."""
    limits = c.limits
    instrument = c.instrument
    if limits is None or instrument is None or not (c.quantity_valid and c.price_valid):
        return not_evaluated(ORDER_NOTIONAL)
    figure = limits.order_notional_minor_max
    if figure.value is None:
        return failed(ORDER_NOTIONAL, "LIMIT_MISSING")
    notional = notional_up(instrument, c.quantity_lots, c.price_e9)
    if not fits(notional):
        return failed(ORDER_NOTIONAL, "OUT_OF_RANGE")
    currency = limits.notional_currency
    if currency is not None and currency != instrument.currency:
        return _check_converted(c, notional, instrument.currency, currency)
    return within(ORDER_NOTIONAL, "ORDER_NOTIONAL", notional, figure)


def _check_converted(c: OrderContext, notional: int, currency: str, wanted: str) -> CheckResult:
    """The same in the currency of the limit, by the mark of a SPOT instrument of the two."""
    policy = c.rules.policy
    limits = c.limits
    if policy is None or limits is None:
        return not_evaluated(ORDER_NOTIONAL)
    figure = limits.order_notional_minor_max
    rate = find_rate(c.rules, c.state, currency, wanted)
    if rate is None:
        return failed_at(ORDER_NOTIONAL, "FX_MISSING", figure.value, figure.version)
    if c.gate_time - rate.mark.as_of > policy.mark_age_ms_max * MS:
        return failed_at(ORDER_NOTIONAL, "FX_STALE", figure.value, figure.version)
    value = divide_up(notional * rate.numerator, rate.denominator)
    if not fits(value):
        return failed(ORDER_NOTIONAL, "OUT_OF_RANGE")
    c.fx_pair = rate.pair
    c.fx_mark = rate.mark
    return within(ORDER_NOTIONAL, "ORDER_NOTIONAL", value, figure)
