"""REPEATED_EXECUTION, SAME_CONTENT: an algorithm, or a finger, that does the same over and over.

Repeated automated execution is throttled: after so many trades an algorithm is disabled until a
person lets it go on (RTS 6 Art. 15(3)). Duplicate orders are caught (SEC 15c3-5(c)(1)(ii)).
Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.activity import SAME_CONTENT, sent_price, signed_lots
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.checks.context import (
    OrderContext,
    compared,
    failed,
    not_evaluated,
    passed,
    within,
)
from pipeline.risk.records import CheckResult

REPEATED_EXECUTION: Final = "REPEATED_EXECUTION"
_PASSED: Final = passed(REPEATED_EXECUTION)


def check_executions(c: OrderContext) -> CheckResult:
    """Trades of the order's algorithm since a person let it, one more counted in."""
    limit = c.limit
    if limit is None:
        return not_evaluated(REPEATED_EXECUTION)
    algo_id = c.order.algo_id
    if algo_id is None or not is_id(algo_id, ID_BYTES_MAX):
        return _PASSED
    row = c.state.algorithm(c.order.user_id, algo_id)
    observed = 1 if row is None else row.executions_count + 1
    return within(REPEATED_EXECUTION, REPEATED_EXECUTION, observed, limit)


def check_content(c: OrderContext) -> CheckResult:
    """Accepted orders of the same side, quantity and price, this one counted in."""
    limit = c.limit
    priced = c.is_market or c.price_given
    if limit is None or c.instrument is None or not c.quantity_valid or not priced:
        return not_evaluated(SAME_CONTENT)
    others = limit.value
    if others is None:
        return failed(SAME_CONTENT, "LIMIT_MISSING")
    return compared(SAME_CONTENT, SAME_CONTENT, _alike(c) + 1, others + 1, limit.version)


def _alike(c: OrderContext) -> int:
    recent = c.recent
    if recent is None:
        return 0
    since = c.gate_time - c.rules.checks.window_us_of(SAME_CONTENT)
    lots = signed_lots(c)
    price = sent_price(c)
    found = 0
    for index in range(len(recent.at)):
        same = recent.lots[index] == lots and recent.price_e9[index] == price
        if same and recent.at[index] >= since:
            found += 1
    return found
