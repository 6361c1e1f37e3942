"""HOLDINGS: can all of the user's instruments still be valued for each order?

A bound of the gate's own: what values every instrument of a user must stay within its time.
Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.check_rules import Figure
from pipeline.risk.checks.context import OrderContext, not_evaluated, with_figure, within
from pipeline.risk.holdings import HOLDINGS_MAX
from pipeline.risk.records import CheckResult

NAME: Final = "HOLDINGS"
_LIMIT: Final = Figure(HOLDINGS_MAX, None)


def check(c: OrderContext) -> CheckResult:
    """Instruments with a position or working orders, this one counted in."""
    instrument = c.instrument
    if c.user is None or instrument is None:
        return not_evaluated(NAME)
    row = c.state.holdings(c.order.user_id)
    count = 0
    among = False
    if row is not None:
        count = len(row.instrument_ids)
        among = instrument.instrument_id in row.instrument_ids
    if among:
        # Executions may have led to more than orders could.
        return with_figure(NAME, None, count, _LIMIT)
    return within(NAME, NAME, count + 1, _LIMIT)
