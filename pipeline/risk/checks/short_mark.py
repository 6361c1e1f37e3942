"""SHORT_MARK: is a short sale marked as one, and nothing else?

Regulation SHO Rule 200(g); MiFID II RTS 22, field "short selling indicator". Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.money import margined_lots
from pipeline.risk.records import INSTRUMENT_KIND_EQUITY, SIDE_BUY, CheckResult

NAME: Final = "SHORT_MARK"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """Of an EQUITY SELL, by the lots that would be short if every sale were filled."""
    instrument = c.instrument
    if instrument is None:
        return not_evaluated(NAME)
    marked = c.order.short_mark is not None
    if instrument.kind != INSTRUMENT_KIND_EQUITY or c.order.side == SIDE_BUY:
        return failed(NAME, "SHORT_MARK_WRONG") if marked else _PASSED
    if c.user is None or not c.extent_known:
        return not_evaluated(NAME)
    sells = c.working_sell_lots + c.added_lots
    short = margined_lots(instrument, c.position_lots, c.working_buy_lots, sells) > 0
    if short == marked:
        return _PASSED
    return failed(NAME, "SHORT_MARK_MISSING" if short else "SHORT_MARK_WRONG")
