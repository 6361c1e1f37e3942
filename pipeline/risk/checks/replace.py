"""REPLACE: may the order be changed as it is asked?

FIX OrderCancelReplaceRequest (G): the quantity is the total, with what has been filled. Compiled
with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import (
    OrderContext,
    failed,
    matches,
    not_evaluated,
    passed,
)
from pipeline.risk.order_life import ON_REQUEST, state_of
from pipeline.risk.records import CheckResult

NAME: Final = "REPLACE"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """Of the working order that ORIG_ORDER passed."""
    working = c.open_to_requests()
    if working is None:
        return not_evaluated(NAME)
    if not matches(c.order, working):
        return failed(NAME, "REPLACE_MISMATCH")
    refusal = ON_REQUEST[state_of(working)].replace
    if refusal:
        return failed(NAME, refusal)
    if c.quantity_valid and c.quantity_lots <= working.filled_lots:
        return failed(NAME, "BELOW_FILLED")
    return _PASSED
