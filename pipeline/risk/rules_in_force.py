"""What control has put in force in a lane: instruments, limits, fees, policy, states, tenants.

Owns applying a control record, at once or when its effective-from has come, and looking up the
most specific limit. Its rows (kind C) are kept decoded in memory, because every order needs them.
Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.bounds import (
    BUSINESS_DAY_MAX,
    CURRENCY_BYTES_MAX,
    DURATION_MS_MAX,
    FIGURE_MAX,
    ID_BYTES_MAX,
    MS,
    NEVER_US,
    is_id,
)
from pipeline.risk.check_rules import NO_FIGURE, CheckRules, Figure, LimitInForce
from pipeline.risk.check_traits import CheckCatalog
from pipeline.risk.collateral import Collaterals
from pipeline.risk.core_versions import CORE_VERSIONS
from pipeline.risk.keys import control_key
from pipeline.risk.partition import partition_of
from pipeline.risk.records import (
    INSTRUMENT_KIND_SPOT,
    LIMIT_SCOPE_NAMES,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    CheckLimit,
    Collateral,
    Control,
    CoreVersion,
    DayClose,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    UserAccount,
)
from pipeline.risk.state import LaneState

DEDUP_WINDOW_MS_DEFAULT: Final = 7 * 86_400_000
REMEMBERED_IDS_MAX_DEFAULT: Final = 5_000_000
# First part of the key of a control record that waits for its effective-from.
WAITING: Final = "waiting"
# How many (user or tier, instrument) keep their provisions.
PROVISIONS_MAX: Final = 20_000
# Tenant under which events of unknown tenants are filed.
UNKNOWN_TENANT: Final = "UNKNOWN"


class EffectiveLimits:
    """For one user and instrument, the most specific figure of each limit."""

    def __init__(self, candidates: "list[VersionedLimits]") -> None:
        rate = NO_FIGURE
        quantity = NO_FIGURE
        notional = NO_FIGURE
        position = NO_FIGURE
        collar = NO_FIGURE
        market = NO_FIGURE
        short = NO_FIGURE
        notional_currency: str | None = None
        for candidate in candidates:
            limits = candidate.limits
            version = candidate.version
            if rate.value is None and limits.order_rate_per_s_max is not None:
                rate = Figure(limits.order_rate_per_s_max, version)
            if quantity.value is None and limits.order_quantity_lots_max is not None:
                quantity = Figure(limits.order_quantity_lots_max, version)
            if notional.value is None and limits.order_notional_minor_max is not None:
                notional = Figure(limits.order_notional_minor_max, version)
                notional_currency = limits.notional_currency
            if position.value is None and limits.position_lots_max is not None:
                position = Figure(limits.position_lots_max, version)
            if collar.value is None and limits.price_collar_bps is not None:
                collar = Figure(limits.price_collar_bps, version)
            if market.value is None and limits.market_collar_bps is not None:
                market = Figure(limits.market_collar_bps, version)
            located = limits.short_lots_max is not None and limits.locate_id is not None
            if short.value is None and located:
                short = Figure(limits.short_lots_max, version)
        self.order_rate_per_s_max: Final = rate
        self.order_quantity_lots_max: Final = quantity
        self.order_notional_minor_max: Final = notional
        # None: that of the instrument.
        self.notional_currency: Final = notional_currency
        self.position_lots_max: Final = position
        self.price_collar_bps: Final = collar
        self.market_collar_bps: Final = market
        # Without one nothing may be sold short.
        self.short_lots_max: Final = short


class VersionedLimits:
    """A `limits` payload and the version of its control record."""

    def __init__(self, limits: Limits, version: int) -> None:
        self.limits: Final = limits
        self.version: Final = version


class Provisions:
    """What is in force for a user in an instrument: limits, limits of limited checks, fees."""

    def __init__(
        self, limits: EffectiveLimits, own_limits: list[LimitInForce], fee: FeeSchedule | None
    ) -> None:
        self.limits: Final = limits
        self.own_limits: Final = own_limits
        self.fee: Final = fee


class RulesInForce:
    """Everything control has said that counts now, and what waits for its time."""

    def __init__(self, catalog: CheckCatalog, lane: int, lane_count: int, state: LaneState) -> None:
        self.catalog: Final = catalog
        self.checks: Final = CheckRules(catalog, lane, lane_count, state)
        self.lane: Final = lane
        self.lane_count: Final = lane_count
        self.state: Final = state
        # The core in force, by which every rule is applied. Set by the core before each input.
        self.core_version: int = CORE_VERSIONS[0]
        # The open business day. Set by the core before each input is handled.
        self.business_day: int = -1
        self.instruments: dict[str, Instrument] = {}
        # SPOT instruments by (base currency, currency) and id.
        self.pairs: dict[tuple[str, str], dict[str, Instrument]] = {}
        self.limits: dict[tuple[int, str, str], VersionedLimits] = {}
        self.fees: dict[tuple[str, str], FeeSchedule] = {}
        self.collaterals: Final = Collaterals()
        self.policy: Policy | None = None
        self.exempt: set[str] = set()
        self.firm: FirmState | None = None
        self.tenants: set[str] = set()
        self.waiting: list[Control] = []
        self.wakes_at_us: int = NEVER_US
        self.dedup_window_us: int = DEDUP_WINDOW_MS_DEFAULT * MS
        self.remembered_ids_max: int = REMEMBERED_IDS_MAX_DEFAULT
        self.future_skew_us: int = 0
        # Limits that the policy sets: of an order's age in microseconds, of working orders.
        self.order_age_us_max: Figure = NO_FIGURE
        self.open_orders_max: Figure = NO_FIGURE
        # After which an order that the venue has not reported on is an orphan.
        self.orphan_us: int = NEVER_US
        # Set by the lane's memory before each input: event times that may be taken.
        self.forgotten_before: int = 0
        self.latest_event_time: int = 0
        # Users with limits of their own, who do not share what their tier comes to.
        self.singled_out: set[str] = set()
        # What is in force, as found since the last control record: by user or tier, by instrument.
        self.of_users: dict[str, dict[str, Provisions]] = {}
        self.of_tiers: dict[str, dict[str, Provisions]] = {}
        self._found_count = 0
        # What was found last for a tier, which is mostly what the next order needs; and of what.
        self._last_found: Provisions | None = None
        self._last_tier = ""
        self._last_instrument = ""

    # -- restoring

    def restore(self, in_force: list[Control], waiting: list[Control]) -> None:
        """Take what a stored lane had in force and waiting, in any order."""
        for record in sorted(in_force, key=_number):
            self._take(record)
        self.waiting = sorted(waiting, key=_effective_then_number)
        self._plan_wake()

    # -- applying

    def problem(self, record: Control) -> str | None:
        """What is out of range in the record's payload, or None."""
        payload = record.payload
        if isinstance(payload, Instrument):
            return _instrument_problem(payload, self._definition(payload.instrument_id))
        if isinstance(payload, Limits):
            return _limits_problem(payload)
        if isinstance(payload, UserAccount):
            return _user_problem(payload)
        if isinstance(payload, FeeSchedule):
            return _fee_problem(payload)
        if isinstance(payload, Policy):
            return _policy_problem(payload, self.catalog)
        if isinstance(payload, CoreVersion):
            return _core_problem(payload, self.core_version)
        if isinstance(payload, DayClose):
            return _day_problem(payload)
        if isinstance(payload, Collateral):
            return _collateral_problem(payload) or self.collaterals.problem(payload, self.waiting)
        return (
            None if isinstance(payload, FirmState) else self.checks.problem(payload, self.waiting)
        )

    def _definition(self, instrument_id: str) -> Instrument | None:
        """The instrument as it is in force, or as it will be once its time has come."""
        known = self.instruments.get(instrument_id)
        if known is None:
            for record in self.waiting:
                payload = record.payload
                if isinstance(payload, Instrument) and payload.instrument_id == instrument_id:
                    return payload
        return known

    def wait(self, record: Control) -> None:
        """Keep a record until gate time reaches its effective-from."""
        self.waiting.append(record)
        self.waiting.sort(key=_effective_then_number)
        self.state.put(_waiting_key(record), record)
        self._plan_wake()

    def next_due(self, gate_time: int) -> Control | None:
        """Take the first waiting record whose time has come."""
        if gate_time < self.wakes_at_us:
            return None
        record = self.waiting.pop(0)
        self.state.delete(_waiting_key(record))
        self._plan_wake()
        return record

    def apply(self, record: Control) -> None:
        """Put a record in force: its row, the user's row, the indexes."""
        payload = record.payload
        if isinstance(payload, UserAccount):
            self._apply_user(record, payload)
        elif not self.checks.apply(record) and not isinstance(payload, (DayClose, CoreVersion)):
            self.state.put(_subject_key(record), record)
        self._take(record)

    def _apply_user(self, record: Control, account: UserAccount) -> None:
        if account.account_tenant_id not in self.tenants:
            self.state.put(control_key("tenant", account.account_tenant_id), record)
        if partition_of(account.user_id.encode("utf-8"), self.lane_count) != self.lane:
            return
        user = self.state.user_or_new(account.user_id)
        user.registered = True
        user.account_tenant_id = account.account_tenant_id
        user.tier_id = account.tier_id
        user.trading_state = account.trading_state
        user.version = record.version
        self.state.put(self.state.keys(account.user_id).user, user)

    def _take(self, record: Control) -> None:
        payload = record.payload
        if isinstance(payload, Instrument):
            self.instruments[payload.instrument_id] = payload
            if payload.kind == INSTRUMENT_KIND_SPOT:
                pair = (payload.base_currency or "", payload.currency)
                self.pairs.setdefault(pair, {})[payload.instrument_id] = payload
        elif isinstance(payload, Limits):
            key = (payload.scope, payload.scope_id, payload.instrument_id or "")
            self.limits[key] = VersionedLimits(payload, record.version)
        elif isinstance(payload, UserAccount):
            self.tenants.add(payload.account_tenant_id)
        elif isinstance(payload, FirmState):
            self.firm = payload
        elif isinstance(payload, FeeSchedule):
            self.fees[(payload.tier_id, payload.instrument_id or "")] = payload
        elif isinstance(payload, Collateral):
            self.collaterals.take(payload, record.version)
        elif isinstance(payload, Policy):
            self.policy = payload
            self.exempt = set(payload.checks_exempt)
            self.dedup_window_us = payload.dedup_window_ms * MS
            self.remembered_ids_max = payload.remembered_ids_max
            self.future_skew_us = payload.future_skew_ms_max * MS
            self.orphan_us = payload.orphan_ms_max * MS
            self.order_age_us_max = Figure(payload.order_age_ms_max * MS, record.version)
            self.open_orders_max = Figure(payload.open_orders_max, record.version)
        else:
            self.checks.take(record)
        if isinstance(payload, (Limits, CheckLimit)) and payload.scope == LIMIT_SCOPE_USER:
            self.singled_out.add(payload.scope_id)
        self._forget_found()

    def _forget_found(self) -> None:
        self.of_users = {}
        self.of_tiers = {}
        self._found_count = 0
        self._last_found = None

    def _plan_wake(self) -> None:
        self.wakes_at_us = self.waiting[0].effective_from if self.waiting else NEVER_US

    # -- looking up

    def event_time_problem(self, event_time: int) -> str | None:
        """Why a fact's id could not be told from a repeat, or None."""
        if event_time < self.forgotten_before:
            return "FACT_TOO_OLD"
        if event_time > self.latest_event_time:
            return "EVENT_TIME_IN_FUTURE"
        return None

    def provisions_of(self, user_id: str, tier_id: str, instrument_id: str) -> Provisions:
        """The most specific of everything for a user in an instrument ("" for none)."""
        alone = len(self.singled_out) > 0 and user_id in self.singled_out
        last = None if alone or tier_id != self._last_tier else self._last_found
        if last is not None and instrument_id == self._last_instrument:
            return last
        found = self._found(user_id, tier_id, instrument_id, alone=alone)
        if not alone:
            self._last_found = found
            self._last_tier = tier_id
            self._last_instrument = instrument_id
        return found

    def _found(self, user_id: str, tier_id: str, instrument_id: str, *, alone: bool) -> Provisions:
        """Found since the last control record, or now."""
        known = self.of_users.get(user_id) if alone else self.of_tiers.get(tier_id)
        found = None if known is None else known.get(instrument_id)
        if found is not None:
            return found
        if self._found_count >= PROVISIONS_MAX:
            self._forget_found()
        found = Provisions(
            self._limits_of(user_id, tier_id, instrument_id),
            self.checks.limits_of(user_id, tier_id, instrument_id),
            self.fee_of(tier_id, instrument_id),
        )
        owners, owner = (self.of_users, user_id) if alone else (self.of_tiers, tier_id)
        owners.setdefault(owner, {})[instrument_id] = found
        self._found_count += 1
        return found

    def _limits_of(self, user_id: str, tier_id: str, instrument_id: str) -> EffectiveLimits:
        candidates: list[VersionedLimits] = []
        for scope, scope_id in ((LIMIT_SCOPE_USER, user_id), (LIMIT_SCOPE_TIER, tier_id)):
            for instrument in (instrument_id, ""):
                limits = self.limits.get((scope, scope_id, instrument))
                if limits is not None:
                    candidates.append(limits)
        return EffectiveLimits(candidates)

    def pair_of(self, base: str, quote: str) -> Instrument | None:
        """The SPOT instrument whose mark converts `base` into `quote`."""
        known = self.pairs.get((base, quote))
        return known[min(known)] if known else None

    def fee_of(self, tier_id: str, instrument_id: str) -> FeeSchedule | None:
        """The tier's fee schedule for an instrument."""
        return self.fees.get((tier_id, instrument_id)) or self.fees.get((tier_id, ""))


def _number(record: Control) -> int:
    return record.number


def _effective_then_number(record: Control) -> tuple[int, int]:
    return (record.effective_from, record.number)


def _waiting_key(record: Control) -> bytes:
    return control_key(WAITING, str(record.number))


def _subject_key(record: Control) -> bytes:
    payload = record.payload
    if isinstance(payload, Instrument):
        return control_key("instrument", payload.instrument_id)
    if isinstance(payload, Limits):
        scope = LIMIT_SCOPE_NAMES[payload.scope]
        return control_key("limits", scope, payload.scope_id, payload.instrument_id or "")
    if isinstance(payload, FeeSchedule):
        return control_key("fees", payload.tier_id, payload.instrument_id or "")
    if isinstance(payload, Collateral):
        return control_key("collateral", payload.tier_id, payload.currency)
    if isinstance(payload, Policy):
        return control_key("policy")
    return control_key("firm")


def _instrument_problem(new: Instrument, old: Instrument | None) -> str | None:
    if not is_id(new.instrument_id, ID_BYTES_MAX):
        return "instrument_id is empty or too long"
    if not is_id(new.currency, CURRENCY_BYTES_MAX):
        return "currency is empty or too long"
    for figure in (new.tick_e9, new.lot, new.multiplier_numerator, new.multiplier_denominator):
        if not 0 < figure <= FIGURE_MAX:
            return "tick_e9, lot and multiplier must be above zero"
    margin = new.margin_minor_per_lot
    if margin is not None and not 0 <= margin <= FIGURE_MAX:
        return "margin_minor_per_lot must not be negative"
    if new.kind == INSTRUMENT_KIND_SPOT:
        base = new.base_currency
        if base is None or not is_id(base, CURRENCY_BYTES_MAX) or base == new.currency:
            return "base_currency must name an asset other than currency"
        if not 0 < new.base_minor_per_lot <= FIGURE_MAX:
            return "base_minor_per_lot must be above zero"
    if old is not None and (
        new.kind != old.kind
        or new.currency != old.currency
        or new.base_currency != old.base_currency
    ):
        return "kind, currency and base_currency of an instrument never change"
    return None


def _limits_problem(limits: Limits) -> str | None:
    if not is_id(limits.scope_id, ID_BYTES_MAX):
        return "scope_id is empty or too long"
    if limits.instrument_id is not None and not is_id(limits.instrument_id, ID_BYTES_MAX):
        return "instrument_id is empty or too long"
    for figure in (
        limits.order_rate_per_s_max,
        limits.order_quantity_lots_max,
        limits.order_notional_minor_max,
        limits.position_lots_max,
        limits.price_collar_bps,
        limits.market_collar_bps,
        limits.short_lots_max,
    ):
        if figure is not None and not 0 <= figure <= FIGURE_MAX:
            return "a limit must not be negative"
    currency = limits.notional_currency
    if currency is not None and not is_id(currency, CURRENCY_BYTES_MAX):
        return "notional_currency is empty or too long"
    if limits.locate_id is not None and not is_id(limits.locate_id, ID_BYTES_MAX):
        return "locate_id is empty or too long"
    return None


def _user_problem(account: UserAccount) -> str | None:
    for text in (account.user_id, account.account_tenant_id, account.tier_id):
        if not is_id(text, ID_BYTES_MAX):
            return "user_id, account_tenant_id or tier_id is empty or too long"
    return None


def _fee_problem(fee: FeeSchedule) -> str | None:
    if not is_id(fee.tier_id, ID_BYTES_MAX):
        return "tier_id is empty or too long"
    if fee.instrument_id is not None and not is_id(fee.instrument_id, ID_BYTES_MAX):
        return "instrument_id is empty or too long"
    for figure in (fee.fee_per_lot_minor_max, fee.fee_notional_bps_max):
        if not 0 <= figure <= FIGURE_MAX:
            return "a fee must not be negative"
    return None


def _collateral_problem(collateral: Collateral) -> str | None:
    if not is_id(collateral.tier_id, ID_BYTES_MAX):
        return "tier_id is empty or too long"
    if not is_id(collateral.currency, CURRENCY_BYTES_MAX):
        return "currency is empty or too long"
    return None


def _core_problem(core: CoreVersion, in_force: int) -> str | None:
    if core.core_version < in_force:
        return f"core_version is below {in_force}, which is in force: it never goes back"
    return None


def _day_problem(day: DayClose) -> str | None:
    if day.business_day > BUSINESS_DAY_MAX:
        return "business_day lies beyond the year 9999"
    return None


def _policy_problem(policy: Policy, catalog: CheckCatalog) -> str | None:
    if policy.dedup_window_ms <= 0 or policy.dedup_window_ms > DURATION_MS_MAX:
        return "dedup_window_ms must be above zero and at most a hundred years"
    for duration in (
        policy.order_age_ms_max,
        policy.future_skew_ms_max,
        policy.mark_age_ms_max,
    ):
        if not 0 <= duration <= DURATION_MS_MAX:
            return "a duration must not be negative, and at most a hundred years"
    if not 0 < policy.orphan_ms_max <= DURATION_MS_MAX:
        return "orphan_ms_max must be above zero and at most a hundred years"
    if not 0 < policy.remembered_ids_max <= FIGURE_MAX:
        return "remembered_ids_max must be above zero"
    if not 0 <= policy.open_orders_max <= FIGURE_MAX:
        return "open_orders_max must not be negative"
    for name in policy.checks_exempt:
        if name not in catalog.exemptible:
            return f"check {name[:ID_BYTES_MAX]!r} cannot be exempt"
    return None
