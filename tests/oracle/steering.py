"""What checks are steered by: their limits, severities and windows, states, lists and calendars.

Owns what control has put in force of these. What each record may say is in `steered.py`; what
becomes of an order by it, in the checks.
"""

from dataclasses import dataclass, field
from typing import Final

from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    CheckLimit,
    CheckPolicy,
    Listing,
    Restriction,
    ScopeState,
    SessionCalendar,
)
from tests.oracle.traits import WINDOW_MS

EVERYWHERE: Final = None
# Scope, id of the tier or user, instrument or none.
Subject = tuple[int, str, str | None]


@dataclass
class Steering:
    """By subject, with the version of the record where a decision shows it.

    `restrictions`: (subject, id, instrument or EVERYWHERE) to version.
    """

    limits: dict[tuple[str, Subject], tuple[CheckLimit, int]] = field(default_factory=dict)
    policies: dict[str, CheckPolicy] = field(default_factory=dict)
    states: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    restrictions: dict[tuple[int, str, str | None], int] = field(default_factory=dict)
    calendars: dict[str, SessionCalendar] = field(default_factory=dict)
    listings: dict[str, Listing] = field(default_factory=dict)

    def put_in_force(self, payload: object, version: int) -> None:
        """Replace what is known of the payload's subject; other payloads steer no check."""
        if isinstance(payload, CheckLimit):
            subject = (payload.scope, payload.scope_id, payload.instrument_id)
            self.limits[payload.check, subject] = (payload, version)
        elif isinstance(payload, CheckPolicy):
            self.policies[payload.check] = payload
        elif isinstance(payload, ScopeState):
            self.states[payload.scope, payload.scope_id] = (payload.trading_state, version)
        elif isinstance(payload, SessionCalendar):
            self.calendars[payload.calendar_id] = payload
        elif isinstance(payload, Listing):
            self.listings[payload.instrument_id] = payload

    def restrict(self, restriction: Restriction, ids: list[str], version: int) -> None:
        """Put those ids on the list, or take them off it."""
        for id_ in ids:
            entry = (restriction.subject, id_, restriction.instrument_id)
            if restriction.restricted:
                self.restrictions[entry] = version
            else:
                self.restrictions.pop(entry, None)

    def severity(self, check: str) -> int:
        """What the check's failure leads to."""
        policy = self.policies.get(check)
        return CHECK_SEVERITY_REJECT if policy is None else policy.severity

    def window_us(self, check: str) -> int:
        """How far the check looks back."""
        policy = self.policies.get(check)
        chosen = None if policy is None else policy.window_ms
        return 1000 * (WINDOW_MS[check] if chosen is None else chosen)
