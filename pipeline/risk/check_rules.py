"""What control has said about checks: limits, severities, windows, states, lists, calendars, rules.

Owns judging and applying the control payloads that the checks added to `limits` and `policy` are
steered by, and looking them up (docs/rules.md, "Control of checks"). Their records are kept decoded
in memory, because every order needs them; restrictions and releases leave rows of their own.
Compiled with mypyc.
"""

from bisect import bisect_right
from typing import Final

from pipeline.risk.bounds import CURRENCY_BYTES_MAX, FIGURE_MAX, ID_BYTES_MAX, MS, is_id
from pipeline.risk.check_traits import WINDOW_MS_MAX, CheckCatalog
from pipeline.risk.expressions.problem import RuleProblem
from pipeline.risk.expressions.program import Program
from pipeline.risk.keys import (
    control_key,
    restriction_key,
    text_part,
)
from pipeline.risk.partition import partition_of
from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    LIMIT_SCOPE_NAMES,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    RESTRICTION_SUBJECT_NAMES,
    RESTRICTION_SUBJECT_USER,
    STATE_SCOPE_NAMES,
    TRADING_STATE_ACTIVE,
    CheckLimit,
    CheckPolicy,
    Control,
    Listing,
    Release,
    Restriction,
    RowAlgorithm,
    RowRestriction,
    Rule,
    ScopeState,
    SessionCalendar,
)
from pipeline.risk.restrictions import Restrictions
from pipeline.risk.rule_fields import compiled
from pipeline.risk.state import LaneState

CheckPayload = (
    CheckLimit | CheckPolicy | ScopeState | Release | Restriction | SessionCalendar | Listing | Rule
)
RESTRICTED_IDS_MAX: Final = 1_000
SESSIONS_MAX: Final = 5_000
# Rules that every order is judged by.
RULES_MAX: Final = 64
# What the name of an operator's rule begins with in the decision vector.
RULE_PREFIX: Final = "RULE:"


class Figure:
    """A limit's value and the version it comes from; value None: no limit is configured."""

    def __init__(self, value: int | None, version: int | None) -> None:
        self.value: Final = value
        # The same as a plain integer, which compiled code compares without unpacking it.
        self.bound: Final = 0 if value is None else value
        self.version: Final = version


NO_FIGURE: Final = Figure(None, None)


class LimitInForce(Figure):
    """The limit of a check for one user and instrument."""

    def __init__(
        self, value: int | None, version: int | None, allowance: int, currency: str | None
    ) -> None:
        super().__init__(value, version)
        self.allowance: Final = allowance
        # None: that of the instrument.
        self.currency: Final = currency


NO_LIMIT: Final = LimitInForce(None, None, 0, None)


class StateInForce:
    """A trading state and the version of its control record."""

    def __init__(self, trading_state: int, version: int) -> None:
        self.trading_state: Final = trading_state
        self.version: Final = version


class CalendarInForce:
    """A session calendar and the version of its control record."""

    def __init__(self, calendar: SessionCalendar, version: int) -> None:
        self.calendar: Final = calendar
        self.version: Final = version

    def covers(self, gate_time: int) -> bool:
        """Whether the calendar says anything of a time."""
        return self.calendar.covers_from <= gate_time < self.calendar.covers_until

    def is_open(self, gate_time: int) -> bool:
        """Whether a session is open at a time that it covers."""
        index = bisect_right(self.calendar.opens, gate_time) - 1
        return index >= 0 and gate_time < self.calendar.closes[index]


class RuleInForce:
    """An operator's own rule: its name in the vector, its program, its version."""

    def __init__(self, rule_id: str, program: Program, version: int) -> None:
        self.name: Final = RULE_PREFIX + rule_id
        self.program: Final = program
        self.version: Final = version


class CheckRules:
    """Everything control has said about the checks of one lane."""

    def __init__(self, catalog: CheckCatalog, lane: int, lane_count: int, state: LaneState) -> None:
        self.catalog: Final = catalog
        self.lane: Final = lane
        self.lane_count: Final = lane_count
        self.state: Final = state
        self.limits: dict[tuple[str, int, str, str], LimitInForce] = {}
        # Those that differ from REJECT; and how far each check looks back.
        self.severities: dict[str, int] = {}
        self.windows_us: dict[str, int] = {
            name: traits.window_ms * MS for name, traits in catalog.by_name.items()
        }
        self.states: dict[tuple[int, str], StateInForce] = {}
        self.restrictions: Final = Restrictions()
        self.calendars: dict[str, CalendarInForce] = {}
        self.listings: dict[str, Listing] = {}
        # Those enabled, in order of id.
        self.rules: list[RuleInForce] = []

    def restore_restrictions(self, rows: list[tuple[bytes, RowRestriction]]) -> None:
        """Take what a stored lane had in force."""
        for key, row in rows:
            subject = RESTRICTION_SUBJECT_NAMES.index(text_part(key, 0))
            self.restrictions.add(subject, text_part(key, 1), text_part(key, 2), row.version)

    # -- applying

    def apply(self, record: Control) -> bool:
        """Put a record in force: its row, or the rows it changes. False: it steers no check."""
        payload = record.payload
        if isinstance(payload, Release):
            self._release(payload)
            return True
        if isinstance(payload, Restriction):
            self._restrict(payload, record.version)
            return True
        key = _subject_key(record)
        if key is None:
            return False
        self.state.put(key, record)
        return True

    def take(self, record: Control) -> None:
        """Follow a record that is in force."""
        payload = record.payload
        if isinstance(payload, CheckLimit):
            subject = (
                payload.check,
                payload.scope,
                payload.scope_id,
                payload.instrument_id or "",
            )
            self.limits[subject] = LimitInForce(
                payload.limit, record.version, payload.allowance or 0, payload.currency
            )
        elif isinstance(payload, CheckPolicy):
            self._take_policy(payload)
        elif isinstance(payload, ScopeState):
            state = StateInForce(payload.trading_state, record.version)
            self.states[(payload.scope, payload.scope_id)] = state
        elif isinstance(payload, SessionCalendar):
            self.calendars[payload.calendar_id] = CalendarInForce(payload, record.version)
        elif isinstance(payload, Listing):
            self.listings[payload.instrument_id] = payload
        elif isinstance(payload, Rule):
            self._take_rule(payload, record.version)

    def _take_rule(self, rule: Rule, version: int) -> None:
        name = RULE_PREFIX + rule.rule_id
        self.rules = [known for known in self.rules if known.name != name]
        self.severities.pop(name, None)
        if not rule.enabled:
            return
        in_force = RuleInForce(rule.rule_id, compiled(rule.expression), version)
        self.rules = sorted([*self.rules, in_force], key=_name_of_rule)
        if rule.severity != CHECK_SEVERITY_REJECT:
            self.severities[name] = rule.severity

    def problem(self, payload: CheckPayload, waiting: list[Control]) -> str | None:
        """What is out of range in a payload, or None. `waiting`: what is to be in force later."""
        if isinstance(payload, Rule) and self._is_one_too_many(payload, waiting):
            return f"{RULES_MAX} rules are enabled: withdraw one first"
        return problem_of(payload, self.catalog)

    def _is_one_too_many(self, rule: Rule, waiting: list[Control]) -> bool:
        """Every order is judged by all of them, so their number has a bound."""
        names = {known.name for known in self.rules}
        for record in waiting:
            other = record.payload
            if isinstance(other, Rule) and other.enabled:
                names.add(RULE_PREFIX + other.rule_id)
        names.discard(RULE_PREFIX + rule.rule_id)
        return rule.enabled and len(names) >= RULES_MAX

    def _take_policy(self, policy: CheckPolicy) -> None:
        self.severities.pop(policy.check, None)
        if policy.severity != CHECK_SEVERITY_REJECT:
            self.severities[policy.check] = policy.severity
        own_ms = self.catalog.by_name[policy.check].window_ms
        window_ms = own_ms if policy.window_ms is None else policy.window_ms
        self.windows_us[policy.check] = window_ms * MS

    def _is_ours(self, user_id: str) -> bool:
        return partition_of(user_id.encode("utf-8"), self.lane_count) == self.lane

    def _restrict(self, restriction: Restriction, version: int) -> None:
        subject = restriction.subject
        instrument = restriction.instrument_id or ""
        for each in restriction.ids:
            if subject == RESTRICTION_SUBJECT_USER and not self._is_ours(each):
                continue
            key = restriction_key(RESTRICTION_SUBJECT_NAMES[subject], each, instrument)
            if restriction.restricted:
                self.restrictions.add(subject, each, instrument, version)
                self.state.put(key, RowRestriction(version))
            elif self.restrictions.remove(subject, each, instrument):
                self.state.delete(key)

    def _release(self, release: Release) -> None:
        if not self._is_ours(release.user_id):
            return
        if release.algo_id is not None:
            key = self.state.keys(release.user_id).algorithm(release.algo_id)
            if self.state.algorithm(release.user_id, release.algo_id) is not None:
                self.state.put(key, RowAlgorithm(0))
            if release.check is None:
                return
        user = self.state.user(release.user_id)
        if user is None or not (user.latched or user.halted_by):
            return
        if release.check is None:
            user.latched = []
            user.halted_by = []
        else:
            user.latched = [name for name in user.latched if name != release.check]
            user.halted_by = [name for name in user.halted_by if name != release.check]
        self.state.put(self.state.keys(release.user_id).user, user)

    # -- looking up

    def limits_of(self, user_id: str, tier_id: str, instrument_id: str) -> list[LimitInForce]:
        """Of each limited check, the most specific limit for a user in an instrument ("": none)."""
        return [
            self._most_specific(check, user_id, tier_id, instrument_id)
            for check in self.catalog.limited
        ]

    def _most_specific(
        self, check: str, user_id: str, tier_id: str, instrument_id: str
    ) -> LimitInForce:
        for scope, scope_id in ((LIMIT_SCOPE_USER, user_id), (LIMIT_SCOPE_TIER, tier_id)):
            for instrument in (instrument_id, ""):
                limit = self.limits.get((check, scope, scope_id, instrument))
                if limit is not None and limit.value is not None:
                    return limit
        return NO_LIMIT

    def severity_of(self, check: str) -> int:
        """What a failure of a check leads to."""
        return self.severities.get(check, CHECK_SEVERITY_REJECT)

    def window_us_of(self, check: str) -> int:
        """How far a check looks back."""
        return self.windows_us[check]

    def trading_state(self, scope: int, scope_id: str) -> StateInForce | None:
        """The state of an algorithm, desk or instrument; None: nothing was said, it is ACTIVE."""
        if not self.states:
            return None
        found = self.states.get((scope, scope_id))
        if found is None or found.trading_state == TRADING_STATE_ACTIVE:
            return None
        return found


def _subject_key(record: Control) -> bytes | None:
    """Under which key a record in force is stored; None for what is no payload of these kinds."""
    payload = record.payload
    if isinstance(payload, CheckLimit):
        scope = LIMIT_SCOPE_NAMES[payload.scope]
        instrument = payload.instrument_id or ""
        return control_key("check_limit", payload.check, scope, payload.scope_id, instrument)
    if isinstance(payload, CheckPolicy):
        return control_key("check_policy", payload.check)
    if isinstance(payload, ScopeState):
        return control_key("scope_state", STATE_SCOPE_NAMES[payload.scope], payload.scope_id)
    if isinstance(payload, SessionCalendar):
        return control_key("session_calendar", payload.calendar_id)
    if isinstance(payload, Listing):
        return control_key("listing", payload.instrument_id)
    if isinstance(payload, Rule):
        return control_key("rule", payload.rule_id)
    return None


def problem_of(payload: CheckPayload, catalog: CheckCatalog) -> str | None:
    """What is out of range in a payload, or None."""
    if isinstance(payload, CheckLimit):
        return _limit_problem(payload, catalog)
    if isinstance(payload, CheckPolicy):
        return _policy_problem(payload, catalog)
    if isinstance(payload, ScopeState):
        return None if is_id(payload.scope_id, ID_BYTES_MAX) else "scope_id is empty or too long"
    if isinstance(payload, Release):
        return _release_problem(payload)
    if isinstance(payload, Restriction):
        return _restriction_problem(payload)
    if isinstance(payload, SessionCalendar):
        return _calendar_problem(payload)
    if isinstance(payload, Listing):
        return _listing_problem(payload)
    return _rule_problem(payload)


def _limit_problem(limit: CheckLimit, catalog: CheckCatalog) -> str | None:
    traits = catalog.by_name.get(limit.check)
    if traits is None or not traits.limited:
        return f"check {limit.check[:ID_BYTES_MAX]!r} has no limit of its own"
    if not is_id(limit.scope_id, ID_BYTES_MAX):
        return "scope_id is empty or too long"
    if limit.instrument_id is not None and not is_id(limit.instrument_id, ID_BYTES_MAX):
        return "instrument_id is empty or too long"
    if limit.limit is not None and not 0 <= limit.limit <= traits.limit_max:
        return f"limit must be between 0 and {traits.limit_max}"
    allowance = limit.allowance
    if allowance is not None and not (traits.has_allowance and 0 <= allowance <= FIGURE_MAX):
        return "allowance is not for this check, or out of bounds"
    currency = limit.currency
    if currency is not None and not (traits.in_money and is_id(currency, CURRENCY_BYTES_MAX)):
        return "currency is not for this check, or empty or too long"
    return None


def _policy_problem(policy: CheckPolicy, catalog: CheckCatalog) -> str | None:
    traits = catalog.by_name.get(policy.check)
    if traits is None:
        return f"there is no check {policy.check[:ID_BYTES_MAX]!r}"
    if policy.severity != CHECK_SEVERITY_REJECT and not traits.exemptible:
        return f"check {policy.check} always rejects, and no more"
    window = policy.window_ms
    if window is not None and not (traits.window_ms and 1 <= window <= WINDOW_MS_MAX):
        return f"window_ms is not for this check, or not between 1 and {WINDOW_MS_MAX}"
    return None


def _release_problem(release: Release) -> str | None:
    if not is_id(release.user_id, ID_BYTES_MAX):
        return "user_id is empty or too long"
    if release.algo_id is not None and not is_id(release.algo_id, ID_BYTES_MAX):
        return "algo_id is empty or too long"
    if release.check is not None and not is_id(release.check, ID_BYTES_MAX + len(RULE_PREFIX)):
        return "check is empty or too long"
    return None


def _restriction_problem(restriction: Restriction) -> str | None:
    if not 1 <= len(restriction.ids) <= RESTRICTED_IDS_MAX:
        return f"ids must be 1 to {RESTRICTED_IDS_MAX}: a longer list is several records"
    for each in restriction.ids:
        if not is_id(each, ID_BYTES_MAX):
            return "an id is empty or too long"
    if restriction.instrument_id is not None and not is_id(restriction.instrument_id, ID_BYTES_MAX):
        return "instrument_id is empty or too long"
    return None


def _calendar_problem(calendar: SessionCalendar) -> str | None:
    if not is_id(calendar.calendar_id, ID_BYTES_MAX):
        return "calendar_id is empty or too long"
    if calendar.covers_from >= calendar.covers_until:
        return "covers_from must be before covers_until"
    if len(calendar.opens) != len(calendar.closes) or len(calendar.opens) > SESSIONS_MAX:
        return f"opens and closes must be as many, at most {SESSIONS_MAX}"
    last = calendar.covers_from
    for index in range(len(calendar.opens)):
        opens = calendar.opens[index]
        closes = calendar.closes[index]
        if not last <= opens < closes <= calendar.covers_until:
            return "sessions must be in order, apart from each other and within what is covered"
        last = closes
    return None


def _name_of_rule(rule: RuleInForce) -> str:
    return rule.name


def _rule_problem(rule: Rule) -> str | None:
    if not is_id(rule.rule_id, ID_BYTES_MAX):
        return "rule_id is empty or too long"
    try:
        compiled(rule.expression)
    except RuleProblem as problem:
        return f"expression: {problem}"
    return None


def _listing_problem(listing: Listing) -> str | None:
    for text in (listing.instrument_id, listing.sector_id, listing.calendar_id):
        if text is not None and not is_id(text, ID_BYTES_MAX):
            return "instrument_id, sector_id or calendar_id is empty or too long"
    return None
