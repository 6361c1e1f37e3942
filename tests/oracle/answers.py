"""What the auditor says of an input, and why a lane or an input comes to an end.

Owns the words in which auditor and gate are compared.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from tests.oracle.lines import Check
from tests.oracle.pledges import Taken

# The cores whose rules are written here.
CORES: Final = (1,)


class Event(NamedTuple):
    """What of a regulatory event is worth comparing."""

    event_type: str
    tenant: str
    reason_code: str


@dataclass(frozen=True)
class DecisionSummary:
    """What of a decision is worth comparing; `hold_minor` 0 unless it accepted a NEW or REPLACE."""

    verdict: str
    reason_code: str
    duplicate_of: int | None = None
    hold_currency: str | None = None
    hold_minor: int = 0
    checks: tuple[Check, ...] = ()
    protection_price_e9: int | None = None
    fx_instrument_id: str | None = None
    fx_price_e9: int | None = None
    fx_as_of: int | None = None
    passing_lots_max: int | None = None
    cover: tuple[Taken, ...] = ()


@dataclass(frozen=True)
class SweptDecision:
    """What of the gate's own decision on an order whose time is over is worth comparing."""

    origin: str
    order_id: str
    orig_order_id: str
    tenant_id: str
    user_id: str
    reason_code: str
    hold_currency: str
    hold_minor: int


@dataclass(frozen=True)
class Expected:
    """What the gate must make of an input."""

    outcome: str
    reason_code: str
    decision: DecisionSummary | None = None
    events: tuple[Event, ...] = ()
    core_version: int = CORES[0]
    swept: tuple[SweptDecision, ...] = ()


class ControlGapError(Exception):
    """A control number was left out: the lane must stop."""


class UnknownCoreError(Exception):
    """Control has put a core in force whose rules are not known: the lane must stop."""


class DeadLetterError(Exception):
    """The input cannot be read or placed. Its argument is the reason code."""

    @property
    def reason(self) -> str:
        """The reason code."""
        return str(self.args[0])


class RepeatedError(Exception):
    """The input was applied before. Its argument is the reason code."""
