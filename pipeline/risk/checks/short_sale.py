"""SHORT_SALE: are the shares there, or located?

Regulation SHO Rule 203(b)(1): no short sale without a locate. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, compared, not_evaluated, passed
from pipeline.risk.money import margined_lots
from pipeline.risk.records import INSTRUMENT_KIND_EQUITY, SIDE_BUY, CheckResult

NAME: Final = "SHORT_SALE"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """Lots of an EQUITY that would be short if every sale were filled."""
    instrument = c.instrument
    if instrument is None:
        return not_evaluated(NAME)
    if instrument.kind != INSTRUMENT_KIND_EQUITY or c.order.side == SIDE_BUY:
        return _PASSED
    limits = c.limits
    if limits is None or not c.extent_known:
        return not_evaluated(NAME)
    sells = c.working_sell_lots + c.added_lots
    observed = margined_lots(instrument, c.position_lots, c.working_buy_lots, sells)
    figure = limits.short_lots_max
    limit = 0 if figure.value is None else figure.value
    return compared(NAME, "SHORT_SALE", observed, limit, figure.version)
