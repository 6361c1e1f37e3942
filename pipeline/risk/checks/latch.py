"""LATCH: has a failure of severity LATCH or HALT been released by a person?

RTS 6 Art. 15(3): disabled until re-enabled by a designated member of staff. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.records import CheckResult

NAME: Final = "LATCH"
_PASSED: Final = passed(NAME)


def check(c: OrderContext) -> CheckResult:
    """A halted user may do nothing, a latched one only reduce."""
    user = c.user
    if user is None:
        return not_evaluated(NAME)
    if user.halted_by:
        return failed(NAME, "HALTED_BY_CHECK")
    if user.latched and not c.reduces():
        return failed(NAME, "LATCHED")
    return _PASSED
