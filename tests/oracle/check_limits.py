"""What control says of single checks: limits, severities, windows, states, lists and calendars.

Owns the look-up of what is in force ("Control of checks" in docs/rules.md); what a record may say
is in `steered.py`. Must never judge an order or know what a check does.
"""

from dataclasses import dataclass, field
from typing import Final

from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    CheckLimit,
    CheckPolicy,
    Listing,
    Restriction,
    Rule,
    ScopeState,
    SessionCalendar,
    UserAccount,
)
from tests.oracle.lines import Figure
from tests.oracle.traits import WINDOW_MS

EVERYWHERE: None = None
# What the name of a rule begins with among those of checks.
RULE: Final = "RULE:"

# Check, scope, scope id, instrument or None for any.
LimitSubject = tuple[str, int, str, str | None]


@dataclass
class Steering:
    """What is in force of single checks. `put` takes what control publishes, once it is due.

    `states`: scope and id to the state and its version. `restrictions`: subject, id, and instrument
    or EVERYWHERE to the version.
    """

    limits: dict[LimitSubject, tuple[CheckLimit, int]] = field(default_factory=dict)
    policies: dict[str, CheckPolicy] = field(default_factory=dict)
    listings: dict[str, Listing] = field(default_factory=dict)
    calendars: dict[str, SessionCalendar] = field(default_factory=dict)
    states: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    restrictions: dict[tuple[int, str, str | None], int] = field(default_factory=dict)
    rules: dict[str, tuple[Rule, int]] = field(default_factory=dict)

    def put(self, payload: object, version: int) -> None:
        """Put a definition that is in range in force, in place of the one of the same subject."""
        if isinstance(payload, CheckLimit):
            subject = (payload.check, payload.scope, payload.scope_id, payload.instrument_id)
            self.limits[subject] = (payload, version)
        elif isinstance(payload, CheckPolicy):
            self.policies[payload.check] = payload
        elif isinstance(payload, ScopeState):
            self.states[payload.scope, payload.scope_id] = (payload.trading_state, version)
        elif isinstance(payload, SessionCalendar):
            self.calendars[payload.calendar_id] = payload
        elif isinstance(payload, Listing):
            self.listings[payload.instrument_id] = payload
        elif isinstance(payload, Rule):
            self.rules[payload.rule_id] = (payload, version)

    def restrict(self, restriction: Restriction, ids: list[str], version: int) -> None:
        """Put those ids on the list, or take them off it."""
        for id_ in ids:
            entry = (restriction.subject, id_, restriction.instrument_id)
            if restriction.restricted:
                self.restrictions[entry] = version
            else:
                self.restrictions.pop(entry, None)

    def entry(
        self, check: str, account: UserAccount | None, instrument_id: str | None
    ) -> tuple[CheckLimit, int] | None:
        """The most specific record that has a limit, and its version; None: of any instrument."""
        if account is None:
            return None
        for scope, scope_id in (
            (LIMIT_SCOPE_USER, account.user_id),
            (LIMIT_SCOPE_TIER, account.tier_id),
        ):
            for name in (instrument_id, None):
                found = self.limits.get((check, scope, scope_id, name))
                if found is not None and found[0].limit is not None:
                    return found
        return None

    def limit(
        self, check: str, account: UserAccount | None, instrument_id: str | None
    ) -> Figure | None:
        """The limit of a check for a user in an instrument."""
        found = self.entry(check, account, instrument_id)
        if found is None or found[0].limit is None:
            return None
        return Figure(found[0].limit, found[1], found[0].currency)

    def severity(self, check: str) -> int:
        """What a failure of the check, or of a rule, leads to."""
        if check.startswith(RULE):
            return self.rules[check.removeprefix(RULE)][0].severity
        policy = self.policies.get(check)
        return CHECK_SEVERITY_REJECT if policy is None else policy.severity

    def window_us(self, check: str) -> int:
        """How far the check looks back."""
        policy = self.policies.get(check)
        own = None if policy is None else policy.window_ms
        return (WINDOW_MS[check] if own is None else own) * 1000

    def sector(self, instrument_id: str) -> str | None:
        """The sector an instrument counts in; None without a listing or without one in it."""
        listing = self.listings.get(instrument_id)
        return None if listing is None else listing.sector_id
