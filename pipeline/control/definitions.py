"""Which control definitions are in range, and which subject each one replaces.

Owns the bounds that a definition must keep before it is published (docs/rules.md, "Control"): what
a lane would turn into a BAD_CONTROL dead letter never gets that far. Holds no Kafka and no files.
"""

from collections.abc import Collection
from typing import Final

from pipeline.risk.bounds import CURRENCY_BYTES_MAX, DURATION_MS_MAX, FIGURE_MAX, ID_BYTES_MAX
from pipeline.risk.check_rules import CheckPayload, problem_of
from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.collateral import COLLATERALS_MAX
from pipeline.risk.core_versions import CORE_VERSIONS, known_cores
from pipeline.risk.money import BPS
from pipeline.risk.records import (
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    LIMIT_SCOPE_NAMES,
    RESTRICTION_SUBJECT_NAMES,
    STATE_SCOPE_NAMES,
    CheckLimit,
    CheckPolicy,
    Collateral,
    CoreVersion,
    DayClose,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Listing,
    Policy,
    Release,
    Rule,
    ScopeState,
    SessionCalendar,
    UserAccount,
)

Payload = (
    Instrument
    | Limits
    | UserAccount
    | FirmState
    | FeeSchedule
    | Policy
    | DayClose
    | CoreVersion
    | CheckPayload
    | Collateral
)
# What a control record replaces wholesale: the kind of definition, then what tells two of a kind
# apart.
Subject = tuple[str, ...]

LIMIT_FIGURES: Final = (
    "order_rate_per_s_max",
    "order_quantity_lots_max",
    "order_notional_minor_max",
    "position_lots_max",
    "price_collar_bps",
    "market_collar_bps",
    "short_lots_max",
)


class OutOfRangeError(ValueError):
    """A definition that no lane would apply; the text starts with the field."""


def subject_of(payload: Payload) -> Subject:
    """The subject that `payload` replaces."""
    if isinstance(payload, Instrument):
        return ("instrument", payload.instrument_id)
    if isinstance(payload, Limits):
        scope = LIMIT_SCOPE_NAMES[payload.scope]
        return ("limits", scope, payload.scope_id, *_optional(payload.instrument_id))
    if isinstance(payload, UserAccount):
        return ("user_account", payload.user_id)
    if isinstance(payload, FirmState):
        return ("firm_state",)
    if isinstance(payload, FeeSchedule):
        return ("fee_schedule", payload.tier_id, *_optional(payload.instrument_id))
    if isinstance(payload, Collateral):
        return ("collateral", payload.tier_id, payload.currency)
    if isinstance(payload, Policy):
        return ("policy",)
    if isinstance(payload, CheckPayload):
        return _subject_of_a_check(payload)
    return ("core_version",) if isinstance(payload, CoreVersion) else ("day_close",)


def _subject_of_a_check(payload: CheckPayload) -> Subject:
    if isinstance(payload, CheckLimit):
        scope = LIMIT_SCOPE_NAMES[payload.scope]
        of_whom = (scope, payload.scope_id, *_optional(payload.instrument_id))
        return ("check_limit", payload.check, *of_whom)
    if isinstance(payload, CheckPolicy):
        return ("check_policy", payload.check)
    if isinstance(payload, ScopeState):
        return ("scope_state", STATE_SCOPE_NAMES[payload.scope], payload.scope_id)
    if isinstance(payload, Listing):
        return ("listing", payload.instrument_id)
    if isinstance(payload, Rule):
        return ("rule", payload.rule_id)
    if isinstance(payload, SessionCalendar):
        return ("session_calendar", payload.calendar_id)
    if isinstance(payload, Release):
        return ("release", payload.user_id)
    subject = RESTRICTION_SUBJECT_NAMES[payload.subject]
    return ("restriction", subject, *_optional(payload.instrument_id))


def check(
    payload: Payload, last: Payload | None = None, published: Collection[Subject] = ()
) -> None:
    """Raise OutOfRangeError where `payload` is out of bounds or may not follow `last`.

    `last`: the definition of its subject before; `published`: all subjects that have one.
    """
    if isinstance(payload, CheckPayload):
        problem = problem_of(payload, CATALOG)
        if problem is not None:
            raise OutOfRangeError(problem)
        return
    _check_definition(payload, last, published)


def _check_definition(
    payload: Payload, last: Payload | None, published: Collection[Subject]
) -> None:
    if isinstance(payload, Instrument):
        _check_instrument(payload)
        if isinstance(last, Instrument):
            _check_identity(payload, last)
    elif isinstance(payload, Limits):
        _check_limits(payload)
    elif isinstance(payload, UserAccount):
        _check_text("user_id", payload.user_id)
        _check_text("account_tenant_id", payload.account_tenant_id)
        _check_text("tier_id", payload.tier_id)
    elif isinstance(payload, FeeSchedule):
        _check_text("tier_id", payload.tier_id)
        _check_optional_text("instrument_id", payload.instrument_id)
        _check_number("fee_per_lot_minor_max", payload.fee_per_lot_minor_max, 0)
        _check_number("fee_notional_bps_max", payload.fee_notional_bps_max, 0)
    elif isinstance(payload, Policy):
        _check_policy(payload)
    elif isinstance(payload, Collateral):
        _check_text("tier_id", payload.tier_id)
        _check_text("currency", payload.currency, CURRENCY_BYTES_MAX)
        _check_number("haircut_bps", payload.haircut_bps, 0, BPS)
        _check_room(payload, published)
    elif isinstance(payload, DayClose):
        _check_number("business_day", payload.business_day, 0)
    elif isinstance(payload, CoreVersion):
        _check_core(payload, last.core_version if isinstance(last, CoreVersion) else None)


def _check_instrument(instrument: Instrument) -> None:
    _check_text("instrument_id", instrument.instrument_id)
    _check_text("currency", instrument.currency, CURRENCY_BYTES_MAX)
    for name in ("tick_e9", "lot", "multiplier_numerator", "multiplier_denominator"):
        _check_number(name, getattr(instrument, name), 1)
    if instrument.kind == INSTRUMENT_KIND_SPOT:
        if instrument.base_currency is None:
            raise OutOfRangeError("base_currency is missing: a SPOT instrument delivers an asset")
        _check_text("base_currency", instrument.base_currency, CURRENCY_BYTES_MAX)
        if instrument.base_currency == instrument.currency:
            raise OutOfRangeError("base_currency must differ from currency")
        _check_number("base_minor_per_lot", instrument.base_minor_per_lot, 1)
    elif instrument.base_currency is not None or instrument.base_minor_per_lot != 0:
        raise OutOfRangeError("base_currency and base_minor_per_lot are for SPOT instruments only")
    if instrument.kind == INSTRUMENT_KIND_FUTURE:
        if instrument.margin_minor_per_lot is None:
            raise OutOfRangeError(
                "margin_minor_per_lot is missing: a FUTURE needs an initial margin"
            )
        _check_number("margin_minor_per_lot", instrument.margin_minor_per_lot, 0)
    elif instrument.margin_minor_per_lot is not None:
        if instrument.kind == INSTRUMENT_KIND_SPOT:
            raise OutOfRangeError("margin_minor_per_lot is for FUTURE and EQUITY instruments only")
        _check_number("margin_minor_per_lot", instrument.margin_minor_per_lot, 0)


def _check_identity(new: Instrument, last: Instrument) -> None:
    """Money is held and settled by these: an instrument that changes them is another instrument."""
    for name in ("kind", "currency", "base_currency"):
        if getattr(new, name) != getattr(last, name):
            raise OutOfRangeError(
                f"{name} of {new.instrument_id!r} never changes: use another instrument_id"
            )


def _check_limits(limits: Limits) -> None:
    _check_text("scope_id", limits.scope_id)
    _check_optional_text("instrument_id", limits.instrument_id)
    figures = [(name, getattr(limits, name)) for name in LIMIT_FIGURES]
    if all(figure is None for _, figure in figures):
        raise OutOfRangeError(f"no figure is given: at least one of {', '.join(LIMIT_FIGURES)}")
    for name, figure in figures:
        if figure is not None:
            _check_number(name, figure, 0)
    if limits.notional_currency is not None:
        _check_text("notional_currency", limits.notional_currency, CURRENCY_BYTES_MAX)
        if limits.order_notional_minor_max is None:
            raise OutOfRangeError("notional_currency is given without order_notional_minor_max")
    _check_optional_text("locate_id", limits.locate_id)
    if (limits.short_lots_max is None) != (limits.locate_id is None):
        raise OutOfRangeError("short_lots_max and locate_id go together")


def _check_policy(policy: Policy) -> None:
    for name in ("order_age_ms_max", "future_skew_ms_max", "mark_age_ms_max"):
        _check_number(name, getattr(policy, name), 0, DURATION_MS_MAX)
    _check_number("dedup_window_ms", policy.dedup_window_ms, 1, DURATION_MS_MAX)
    _check_number("orphan_ms_max", policy.orphan_ms_max, 1, DURATION_MS_MAX)
    _check_number("remembered_ids_max", policy.remembered_ids_max, 1)
    _check_number("open_orders_max", policy.open_orders_max, 0)
    for name in policy.checks_exempt:
        if name not in CATALOG.exemptible:
            allowed = ", ".join(sorted(CATALOG.exemptible))
            raise OutOfRangeError(f"checks_exempt: {name!r} cannot be exempt, only {allowed}")


def _check_room(collateral: Collateral, published: Collection[Subject]) -> None:
    """A lane refuses a currency too many, withdrawn ones counted."""
    of_tier = {subject for subject in published if subject[:2] == subject_of(collateral)[:2]}
    if len(of_tier | {subject_of(collateral)}) > COLLATERALS_MAX:
        raise OutOfRangeError(
            f"currency {collateral.currency!r} is one too many: tier {collateral.tier_id!r} has "
            f"collateral of {COLLATERALS_MAX} currencies, withdrawn ones counted"
        )


def _check_core(core: CoreVersion, last: int | None) -> None:
    """A worker that does not know the version would stop, and none can go back."""
    if core.core_version not in CORE_VERSIONS:
        raise OutOfRangeError(
            f"core_version {core.core_version} is unknown: this release knows {known_cores()}. "
            "Install the release that has it on every worker, and here, first"
        )
    in_force = CORE_VERSIONS[0] if last is None else last
    if core.core_version <= in_force:
        raise OutOfRangeError(
            f"core_version must be above {in_force}, which is in force: it never goes back"
        )


def _check_number(name: str, value: int, low: int, high: int = FIGURE_MAX) -> None:
    if not low <= value <= high:
        raise OutOfRangeError(f"{name} must be between {low} and {high}, not {value}")


def _check_text(name: str, value: str, bytes_max: int = ID_BYTES_MAX) -> None:
    if not 1 <= len(value.encode()) <= bytes_max:
        raise OutOfRangeError(f"{name} must be 1 to {bytes_max} bytes of UTF-8, not {value!r}")


def _check_optional_text(name: str, value: str | None) -> None:
    if value is not None:
        _check_text(name, value)


def _optional(instrument_id: str | None) -> tuple[str, ...]:
    return () if instrument_id is None else (instrument_id,)
