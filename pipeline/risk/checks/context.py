"""What a check may look at, gathered once an order, and the results it can return.

Owns the lookups (user, instrument, limits, position, mark), so that checks compare and do nothing
else. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.money import nearest
from pipeline.risk.records import (
    CHECK_OUTCOME_EXEMPT,
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_NOT_EVALUATED,
    CHECK_OUTCOME_PASS,
    INSTRUMENT_KIND_FUTURE,
    SIDE_BUY,
    CheckResult,
    Order,
    RowPosition,
    RowUser,
)
from pipeline.risk.rules_in_force import EffectiveLimits, Figure, RulesInForce
from pipeline.risk.state import LaneState

QUANTITY_LOTS_MAX: Final = 10**12
PRICE_E9_MAX: Final = 10**18


class OrderContext:
    """One order and everything its checks compare it with."""

    def __init__(self, order: Order, gate_time: int, state: LaneState, rules: RulesInForce) -> None:
        self.order: Final = order
        self.gate_time: Final = gate_time
        self.state: Final = state
        self.rules: Final = rules
        user = state.user(order.user_id)
        registered = user if user is not None and user.registered else None
        instrument = rules.tradable(order.instrument_id)
        self.user: Final[RowUser | None] = registered
        self.instrument: Final = instrument
        limits: EffectiveLimits | None = None
        if registered is not None:
            known = order.instrument_id if instrument is not None else ""
            limits = rules.limits_of(order.user_id, registered.tier_id, known)
        self.limits: Final[EffectiveLimits | None] = limits
        position: RowPosition | None = None
        if instrument is not None:
            position = state.position(order.user_id, instrument.instrument_id)
        self.position_lots: Final = 0 if position is None else position.position_lots
        self.working_buy_lots: Final = 0 if position is None else position.working_buy_lots
        self.working_sell_lots: Final = 0 if position is None else position.working_sell_lots
        self.margin_minor: Final = 0 if position is None else position.margin_minor
        self.quantity_lots: Final = order.quantity_lots
        self.quantity_valid: Final = 0 < order.quantity_lots <= QUANTITY_LOTS_MAX
        price = order.price_e9
        self.price_e9: Final = 0 if price is None else price
        self.price_valid: Final = price is not None and 0 < price <= PRICE_E9_MAX

    def reduces(self) -> bool:
        """Whether the order can only lower risk, with all working orders counted."""
        instrument = self.instrument
        if instrument is None or self.user is None or not self.quantity_valid:
            return False
        buys = self.order.side == SIDE_BUY
        if instrument.kind != INSTRUMENT_KIND_FUTURE:
            return not buys
        if buys:
            return self.position_lots + self.working_buy_lots + self.quantity_lots <= 0
        return self.position_lots - self.working_sell_lots - self.quantity_lots >= 0


def passed(check: str) -> CheckResult:
    """PASS of a check that compares no figures."""
    return CheckResult(check, CHECK_OUTCOME_PASS, None, None, None, None, None)


def failed(check: str, reason_code: str) -> CheckResult:
    """FAIL of a check that compares no figures, or could not."""
    return CheckResult(check, CHECK_OUTCOME_FAIL, reason_code, None, None, None, None)


def not_evaluated(check: str) -> CheckResult:
    """Something the check needs is missing, and another check fails for that."""
    return CheckResult(check, CHECK_OUTCOME_NOT_EVALUATED, None, None, None, None, None)


def exempt(check: str) -> CheckResult:
    """Switched off by policy."""
    return CheckResult(check, CHECK_OUTCOME_EXEMPT, None, None, None, None, None)


def failed_at(
    check: str, reason_code: str, limit: int | None, limit_version: int | None
) -> CheckResult:
    """FAIL where the limit is known but there is nothing to compare it with."""
    return CheckResult(check, CHECK_OUTCOME_FAIL, reason_code, None, limit, limit_version, None)


def with_figures(
    check: str, reason_code: str | None, observed: int, limit: int, limit_version: int | None
) -> CheckResult:
    """PASS, or FAIL with `reason_code`; figures outside 64 bits are shown as its nearest end."""
    return CheckResult(
        check,
        CHECK_OUTCOME_PASS if reason_code is None else CHECK_OUTCOME_FAIL,
        reason_code,
        nearest(observed),
        nearest(limit),
        limit_version,
        nearest(limit - observed),
    )


def compared(
    check: str, reason_code: str, observed: int, limit: int, limit_version: int | None
) -> CheckResult:
    """PASS when observed <= limit, else FAIL with `reason_code`; headroom = limit - observed."""
    reason = None if observed <= limit else reason_code
    return with_figures(check, reason, observed, limit, limit_version)


def within(check: str, reason_code: str, observed: int, figure: Figure) -> CheckResult:
    """`compared` with a configured limit; FAIL with LIMIT_MISSING where none is."""
    limit = figure.value
    if limit is None:
        return failed(check, "LIMIT_MISSING")
    return compared(check, reason_code, observed, limit, figure.version)
