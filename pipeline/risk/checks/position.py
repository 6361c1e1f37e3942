"""POSITION_LIMIT: position with every working order on its side (RTS 6 Art. 15(2), (4)).

Every accepted order counts at once, filled or not. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, not_evaluated, within
from pipeline.risk.records import INSTRUMENT_KIND_SPOT, SIDE_BUY, CheckResult

NAME: Final = "POSITION_LIMIT"


def check(c: OrderContext) -> CheckResult:
    """The position if everything working on the order's side and the order itself were filled."""
    limits = c.limits
    instrument = c.instrument
    if limits is None or instrument is None or not c.extent_known:
        return not_evaluated(NAME)
    # Only the side on which the order can end: one that leads back to the limit passes.
    if c.order.side == SIDE_BUY:
        observed = max(0, c.position_lots + c.working_buy_lots + c.added_lots)
    elif instrument.kind != INSTRUMENT_KIND_SPOT:
        observed = max(0, c.working_sell_lots + c.added_lots - c.position_lots)
    else:
        # A spot sale delivers what is there; the funds check bounds it.
        observed = 0
    return within(NAME, "POSITION_LIMIT", observed, limits.position_lots_max)
