"""What a failed check leads to beyond its own order: alerts, latches, halts.

Owns a user's `latched` and `halted_by`, but for their release, which is control's
(`check_rules.py`), and the events that tell of them (docs/rules.md, "Severity"). Must never change
the decision itself. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.registry import Vector
from pipeline.risk.effects import InputContext
from pipeline.risk.journal import Journal
from pipeline.risk.records import (
    CHECK_OUTCOME_NOTIFIED,
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    Order,
)
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import LaneState

# RTS 6 Art. 16: what somebody has to be told at once.
ALERT: Final = "ALERT"
LATCH: Final = "LATCH"
HALT: Final = "HALT"


class Severities:
    """Follows the vectors of one lane's decisions."""

    def __init__(self, state: LaneState, rules: RulesInForce, journal: Journal) -> None:
        self.state: Final = state
        self.rules: Final = rules
        self.journal: Final = journal

    def note(self, context: InputContext, order: Order, vector: Vector) -> None:
        """Tell of what was only notified, then latch or halt by what decided."""
        if vector.notified:
            for result in vector.results:
                if result.result == CHECK_OUTCOME_NOTIFIED and result.reason_code is not None:
                    self.journal.of_order(context, order, ALERT, result.reason_code)
        deciding = vector.deciding
        if deciding is None or deciding.reason_code is None:
            return
        severity = self.rules.checks.severity_of(deciding.check)
        if severity not in (CHECK_SEVERITY_LATCH, CHECK_SEVERITY_HALT):
            return
        user = self.state.user(order.user_id)
        if user is None or not user.registered:
            return
        halts = severity == CHECK_SEVERITY_HALT
        known = user.halted_by if halts else user.latched
        if deciding.check in known:
            return
        known.append(deciding.check)
        self.state.put(self.state.keys(order.user_id).user, user)
        self.journal.of_order(context, order, HALT if halts else LATCH, deciding.reason_code)
