"""PERIOD_COLLAR: is the price near all that the instrument was marked at in the last while?

RTS 6 Art. 15(1)(a), against what a collar around the last mark alone lets through: a mark that
spikes takes that collar with it. Fails closed: a period without a mark rejects. Compiled with
mypyc.
"""

from typing import Final

from pipeline.risk.bands import NO_MARK, farthest_bps, width_of
from pipeline.risk.checks.context import OrderContext, failed, failed_at, not_evaluated, within
from pipeline.risk.records import CheckResult

NAME: Final = "PERIOD_COLLAR"


def check(c: OrderContext) -> CheckResult:
    """Distance from the period's marks in 1e-4 of the mark, rounded up."""
    instrument = c.instrument
    limit = c.limit
    if limit is None or instrument is None or not c.price_valid:
        return not_evaluated(NAME)
    if limit.value is None:
        return failed(NAME, "LIMIT_MISSING")
    distance = NO_MARK
    band = c.state.band(instrument.instrument_id)
    if band is not None:
        bound = c.protection_price_e9
        price = c.price_e9 if bound is None else bound
        width = width_of(c.rules.checks.window_us_of(NAME))
        distance = farthest_bps(band, price, c.gate_time, width)
    if distance == NO_MARK:
        return failed_at(NAME, "MARK_MISSING", limit.value, limit.version)
    return within(NAME, "PERIOD_COLLAR", distance, limit)
