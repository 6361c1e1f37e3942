"""Which control records define something that cannot be.

Owns the ranges of control payloads. Must never look at the lane's state.
"""

from typing import Final

from pipeline.risk.records import (
    INSTRUMENT_KIND_SPOT,
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
    Restriction,
    Rule,
    ScopeState,
    SessionCalendar,
    UserAccount,
)
from tests.oracle.lines import CURRENCY_BYTES_MAX, bad_id
from tests.oracle.operator_rules import bad_rule
from tests.oracle.steered import FIGURE_MAX, Steer, bad_steer
from tests.oracle.traits import EXEMPTABLE

Payload = (
    Instrument
    | Limits
    | UserAccount
    | FirmState
    | FeeSchedule
    | Policy
    | DayClose
    | CoreVersion
    | CheckLimit
    | CheckPolicy
    | ScopeState
    | Release
    | Restriction
    | SessionCalendar
    | Listing
    | Rule
    | Collateral
)
HAIRCUT_BPS_MAX: Final = 10_000
DURATION_MS_MAX: Final = 100 * 366 * 86_400_000
# The last day of the year 9999.
BUSINESS_DAY_MAX: Final = 2_932_896


def is_between(least: int, figure: int | None, most: int = FIGURE_MAX) -> bool:
    """Whether a figure that is there is within bounds, both included."""
    return figure is None or least <= figure <= most


def bad_definition(payload: Payload) -> bool:
    """Whether a control record defines something that cannot be."""
    if isinstance(payload, Instrument):
        return bad_instrument(payload)
    if isinstance(payload, Limits):
        return bad_limits(payload)
    if isinstance(payload, UserAccount):
        return any(bad_id(i) for i in (payload.user_id, payload.account_tenant_id, payload.tier_id))
    if isinstance(payload, FeeSchedule):
        fees = (payload.fee_per_lot_minor_max, payload.fee_notional_bps_max)
        in_range = all(is_between(0, figure) for figure in fees)
        return not in_range or bad_id(payload.tier_id) or bad_id(payload.instrument_id)
    if isinstance(payload, Policy):
        return bad_policy(payload)
    if isinstance(payload, Collateral):
        bad_ids = bad_id(payload.tier_id) or bad_id(payload.currency, CURRENCY_BYTES_MAX)
        return bad_ids or not is_between(0, payload.haircut_bps, HAIRCUT_BPS_MAX)
    if isinstance(payload, Steer):
        return bad_steer(payload)
    if isinstance(payload, Rule):
        return bad_rule(payload)
    return isinstance(payload, DayClose) and payload.business_day > BUSINESS_DAY_MAX


def bad_limits(limits: Limits) -> bool:
    """Whether a figure is out of bounds, or an id or a currency is none."""
    figures = (
        limits.order_rate_per_s_max,
        limits.order_quantity_lots_max,
        limits.order_notional_minor_max,
        limits.position_lots_max,
        limits.price_collar_bps,
        limits.market_collar_bps,
        limits.short_lots_max,
    )
    ids = (limits.scope_id, limits.instrument_id, limits.locate_id)
    return (
        not all(is_between(0, figure) for figure in figures)
        or any(bad_id(text) for text in ids)
        or bad_id(limits.notional_currency, CURRENCY_BYTES_MAX)
    )


def bad_policy(policy: Policy) -> bool:
    """Whether a bound is out of bounds, or a check switched off that cannot be."""
    ages = (policy.order_age_ms_max, policy.future_skew_ms_max, policy.mark_age_ms_max)
    return (
        not all(is_between(0, age, DURATION_MS_MAX) for age in ages)
        or not is_between(1, policy.dedup_window_ms, DURATION_MS_MAX)
        or not is_between(1, policy.orphan_ms_max, DURATION_MS_MAX)
        or not is_between(1, policy.remembered_ids_max)
        or not is_between(0, policy.open_orders_max)
        or not set(policy.checks_exempt) <= set(EXEMPTABLE)
    )


def bad_instrument(instrument: Instrument) -> bool:
    """Whether an instrument could not be traded as it is defined."""
    positive = (
        instrument.tick_e9,
        instrument.lot,
        instrument.multiplier_numerator,
        instrument.multiplier_denominator,
    )
    in_range = all(is_between(1, figure) for figure in positive)
    if not in_range or not is_between(0, instrument.margin_minor_per_lot):
        return True
    if bad_id(instrument.instrument_id) or bad_id(instrument.currency, CURRENCY_BYTES_MAX):
        return True
    base = instrument.base_currency
    return instrument.kind == INSTRUMENT_KIND_SPOT and (
        base in (None, instrument.currency)
        or bad_id(base, CURRENCY_BYTES_MAX)
        or not is_between(1, instrument.base_minor_per_lot)
    )
