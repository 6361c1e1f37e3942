"""USER, INSTRUMENT, FIRM_STATE, USER_STATE: may this business be done at all?

SEC 15c3-5(c)(2): restricted users and instruments, authorised access. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.records import (
    INSTRUMENT_STATE_OPEN,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    CheckResult,
)

USER: Final = "USER"
INSTRUMENT: Final = "INSTRUMENT"
FIRM_STATE: Final = "FIRM_STATE"
USER_STATE: Final = "USER_STATE"
_USER_PASSED: Final = passed(USER)
_INSTRUMENT_PASSED: Final = passed(INSTRUMENT)
_FIRM_STATE_PASSED: Final = passed(FIRM_STATE)
_USER_STATE_PASSED: Final = passed(USER_STATE)


def check_user(c: OrderContext) -> CheckResult:
    """The user is registered and belongs to the order's tenant."""
    user = c.user
    if user is None:
        return failed(USER, "USER_UNKNOWN")
    if user.account_tenant_id != c.order.tenant_id:
        return failed(USER, "TENANT_MISMATCH")
    return _USER_PASSED


def check_instrument(c: OrderContext) -> CheckResult:
    """The instrument is defined and open."""
    instrument = c.instrument
    if instrument is None:
        return failed(INSTRUMENT, "INSTRUMENT_UNKNOWN")
    if instrument.state != INSTRUMENT_STATE_OPEN:
        return failed(INSTRUMENT, "INSTRUMENT_NOT_OPEN")
    return _INSTRUMENT_PASSED


def check_firm_state(c: OrderContext) -> CheckResult:
    """The firm's trading state lets the order pass."""
    firm = c.rules.firm
    if firm is None:
        return failed(FIRM_STATE, "FIRM_STATE_MISSING")
    if firm.trading_state == TRADING_STATE_HALTED:
        return failed(FIRM_STATE, "FIRM_HALTED")
    if firm.trading_state == TRADING_STATE_REDUCING and not c.reduces():
        return failed(FIRM_STATE, "FIRM_REDUCING")
    return _FIRM_STATE_PASSED


def check_user_state(c: OrderContext) -> CheckResult:
    """The user's trading state, or a deficit, lets the order pass."""
    user = c.user
    if user is None:
        return not_evaluated(USER_STATE)
    if user.trading_state == TRADING_STATE_HALTED:
        return failed(USER_STATE, "USER_HALTED")
    reducing = user.trading_state == TRADING_STATE_REDUCING or user.deficit_count > 0
    if reducing and not c.reduces():
        return failed(USER_STATE, "USER_REDUCING")
    return _USER_STATE_PASSED
