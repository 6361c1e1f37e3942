"""ALGORITHM_STATE, DESK_STATE, INSTRUMENT_STATE: kill switches between the firm's and the user's.

RTS 6 Art. 12(3): it is known which algorithm and which desk is behind each order. Compiled with
mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed_at, not_evaluated, passed
from pipeline.risk.records import (
    STATE_SCOPE_ALGORITHM,
    STATE_SCOPE_DESK,
    STATE_SCOPE_INSTRUMENT,
    TRADING_STATE_HALTED,
    CheckResult,
)


class ScopeCheck:
    """One of the three: its name, what it fails with, and its answer to what may pass."""

    def __init__(self, scope: int, name: str, halted: str, reducing: str) -> None:
        self.scope: Final = scope
        self.name: Final = name
        self.halted: Final = halted
        self.reducing: Final = reducing
        self.passed: Final = passed(name)

    def judge(self, c: OrderContext, scope_id: str | None) -> CheckResult:
        """HALTED lets nothing pass, REDUCING what reduces; nothing said is ACTIVE."""
        if scope_id is None:
            return self.passed
        state = c.rules.checks.trading_state(self.scope, scope_id)
        if state is None:
            return self.passed
        if state.trading_state == TRADING_STATE_HALTED:
            return failed_at(self.name, self.halted, None, state.version)
        if c.reduces():
            return self.passed
        return failed_at(self.name, self.reducing, None, state.version)


ALGORITHM: Final = ScopeCheck(
    STATE_SCOPE_ALGORITHM, "ALGORITHM_STATE", "ALGORITHM_HALTED", "ALGORITHM_REDUCING"
)
DESK: Final = ScopeCheck(STATE_SCOPE_DESK, "DESK_STATE", "DESK_HALTED", "DESK_REDUCING")
INSTRUMENT: Final = ScopeCheck(
    STATE_SCOPE_INSTRUMENT, "INSTRUMENT_STATE", "INSTRUMENT_HALTED", "INSTRUMENT_REDUCING"
)


def check_algorithm(c: OrderContext) -> CheckResult:
    """The trading state of the algorithm, where the order names one."""
    return ALGORITHM.judge(c, c.order.algo_id)


def check_desk(c: OrderContext) -> CheckResult:
    """The trading state of the desk, where the order names one."""
    return DESK.judge(c, c.order.desk_id)


def check_instrument(c: OrderContext) -> CheckResult:
    """The trading state of the instrument, apart from whether its definition says OPEN."""
    if c.instrument is None:
        return not_evaluated(INSTRUMENT.name)
    return INSTRUMENT.judge(c, c.order.instrument_id)
