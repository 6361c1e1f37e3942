"""REDUCE_ONLY: does the order do no more than its sender wants?

FIX ExecInst (18) `E`, for the gate to hold. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, passed
from pipeline.risk.records import CheckResult

NAME: Final = "REDUCE_ONLY"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """What is marked so has to reduce, with all that works counted in."""
    if c.order.reduce_only and not c.reduces():
        return failed(NAME, "NOT_REDUCING")
    return _PASSED
