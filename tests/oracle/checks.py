"""The decision vectors of docs/rules.md: every check of an order, one after the other.

Owns the judgement of one order in one situation. Must never change anything: the auditor does.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

from pipeline.risk.records import (
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_SPOT,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_REPLACE,
    SIDE_BUY,
    Order,
)
from tests.oracle.activity import (
    high_frequency_day,
    high_frequency_rate,
    instant_cancel,
    message_rate,
    order_rate,
    order_to_trade,
    push,
    repeated_execution,
    same_content,
)
from tests.oracle.arithmetic import exact_notional, fits, up
from tests.oracle.capital import buying_power, power_of
from tests.oracle.conduct import BUCKET_US, BUCKETS_BEFORE
from tests.oracle.exposure import EXPOSURES, holdings
from tests.oracle.largest import passing_lots_max
from tests.oracle.lines import (
    CURRENCY_BYTES_MAX,
    ID_BYTES_MAX,
    LOTS_MAX,
    PRICE_E9_MAX,
    Check,
    Figure,
    bad_id,
    blind,
    compared,
    failed,
    line,
    passed,
    skipped,
)
from tests.oracle.operator_rules import rule_lines
from tests.oracle.pledges import Taken
from tests.oracle.prices import period_collar, self_match
from tests.oracle.results import credit, daily_loss, drawdown
from tests.oracle.severity import settled
from tests.oracle.shape import cancel_fields, fields, replace_fields
from tests.oracle.situation import (
    Fx,
    Situation,
    added_lots,
    bound_of,
    collar_price,
    fx_of,
    price_of,
    quantity_of,
    short_lots,
    works,
)
from tests.oracle.standing import (
    algorithm_state,
    desk_state,
    firm_state,
    instrument,
    instrument_state,
    latch,
    reduce_only,
    restricted,
    session,
    short_mark,
    user_state,
)

__all__ = [
    "BUCKETS_BEFORE",
    "BUCKET_US",
    "CURRENCY_BYTES_MAX",
    "ID_BYTES_MAX",
    "LOTS_MAX",
    "PRICE_E9_MAX",
    "Check",
    "Situation",
    "bad_id",
    "failed",
    "passed",
    "skipped",
]


def event_time(order: Order, now: Situation) -> Check:
    """The source's time against gate time."""
    if now.policy is None:
        return failed("EVENT_TIME", "POLICY_MISSING")
    policy, version = now.policy
    age = now.gate_time - order.event_time
    limit = policy.order_age_ms_max * 1000
    reason = None
    if age < -policy.future_skew_ms_max * 1000:
        reason = "EVENT_TIME_IN_FUTURE"
    elif age > limit:
        reason = "ORDER_STALE"
    return line("EVENT_TIME", reason, age, limit, version)


def cancel_event_time(order: Order, now: Situation) -> Check:
    """The same of a CANCEL, which may be as old as it likes."""
    if now.policy is None:
        return skipped("EVENT_TIME")
    judged = event_time(order, now)
    return judged._replace(result="PASS", reason=None) if judged.reason == "ORDER_STALE" else judged


def expiry(order: Order, now: Situation) -> Check:
    """Whether its time is over before it has begun."""
    if order.expires_at is None:
        return passed("EXPIRY")
    reason = "ORDER_EXPIRED" if order.expires_at <= now.gate_time else None
    return line("EXPIRY", reason, now.gate_time, order.expires_at, None)


def user(order: Order, now: Situation) -> Check:
    """Who sends it."""
    if now.account is None:
        return failed("USER", "USER_UNKNOWN")
    if now.account.account_tenant_id != order.tenant_id:
        return failed("USER", "TENANT_MISMATCH")
    return passed("USER")


def orig_order(order: Order, now: Situation) -> Check:
    """Whether there is an order to cancel or replace."""
    if order.orig_order_id is None or bad_id(order.orig_order_id):
        return skipped("ORIG_ORDER")
    if now.named is None:
        return failed("ORIG_ORDER", "ORIG_ORDER_UNKNOWN")
    if not now.named.open or now.named.final is not None:
        return failed("ORIG_ORDER", "ORIG_ORDER_CLOSED")
    return passed("ORIG_ORDER")


def replaces(order: Order, now: Situation) -> Check:
    """Whether the order can be replaced by this."""
    target = now.target
    if target is None:
        return skipped("REPLACE")
    if terms_of(order) != terms_of(target.order):
        return failed("REPLACE", "REPLACE_MISMATCH")
    if target.cancel_requested:
        return failed("REPLACE", "CANCEL_PENDING")
    if target.pending is not None:
        return failed("REPLACE", "REPLACE_PENDING")
    quantity = quantity_of(order)
    if quantity is not None and quantity <= target.filled:
        return failed("REPLACE", "BELOW_FILLED")
    return passed("REPLACE")


def terms_of(order: Order) -> tuple[str, int, int, int, int | None]:
    """What a REPLACE must repeat."""
    return (
        order.instrument_id,
        order.side,
        order.order_type,
        order.time_in_force,
        order.expires_at,
    )


def price_tick(order: Order, now: Situation) -> Check:
    """Prices move in ticks; that of a MARKET order is made so."""
    price = price_of(order, now)
    if now.instrument is None or price is None:
        return skipped("PRICE_TICK")
    off_tick = price % now.instrument.tick_e9
    return failed("PRICE_TICK", "PRICE_INCREMENT") if off_tick else passed("PRICE_TICK")


def lot(order: Order, now: Situation) -> Check:
    """Quantities come in round lots."""
    quantity = quantity_of(order)
    if quantity is None or now.instrument is None:
        return skipped("LOT")
    return failed("LOT", "LOT_SIZE") if quantity % now.instrument.lot else passed("LOT")


def market_bound(order: Order, now: Situation) -> Check:
    """How far the venue may go to fill a MARKET order."""
    return bound_of(order, now).check


def order_quantity(order: Order, now: Situation) -> Check:
    """How much one order may be."""
    quantity = quantity_of(order)
    if quantity is None or now.account is None or now.instrument is None:
        return skipped("ORDER_QUANTITY")
    limit = now.limit("order_quantity_lots_max", order.instrument_id)
    return compared("ORDER_QUANTITY", quantity, limit)


def order_notional(order: Order, now: Situation) -> Check:
    """How much one order may be worth, in the currency of the limit."""
    price, quantity, known = price_of(order, now), quantity_of(order), now.instrument
    if price is None or quantity is None or known is None or now.account is None:
        return skipped("ORDER_NOTIONAL")
    notional = up(exact_notional(known, quantity, price))
    limit = now.limit("order_notional_minor_max", order.instrument_id)
    if limit is None:
        return failed("ORDER_NOTIONAL", "LIMIT_MISSING")
    if not fits(notional):
        return failed("ORDER_NOTIONAL", "OUT_OF_RANGE")
    if limit.currency in (None, known.currency):
        return compared("ORDER_NOTIONAL", notional, limit)
    if now.policy is None:
        return skipped("ORDER_NOTIONAL")
    fx = fx_of(known.currency, limit.currency or "", now)
    if fx is None:
        return blind("ORDER_NOTIONAL", "FX_MISSING", limit)
    if now.is_stale(fx.as_of):
        return blind("ORDER_NOTIONAL", "FX_STALE", limit)
    converted = up(notional * fx.rate)
    if not fits(converted):
        return failed("ORDER_NOTIONAL", "OUT_OF_RANGE")
    return compared("ORDER_NOTIONAL", converted, limit)


def fx_used(order: Order, now: Situation, vector: list[Check]) -> Fx | None:
    """The mark by which a notional that the vector shows was converted."""
    shown = any(
        judged.check == "ORDER_NOTIONAL" and judged.observed is not None for judged in vector
    )
    limit = now.limit("order_notional_minor_max", order.instrument_id)
    if not shown or now.instrument is None or limit is None:
        return None
    own = now.instrument.currency
    return None if limit.currency in (None, own) else fx_of(own, limit.currency or "", now)


def price_collar(order: Order, now: Situation) -> Check:
    """How far a price may be from the mark, and how old the mark."""
    price = collar_price(order, now)
    if price is None or now.instrument is None or now.policy is None or now.account is None:
        return skipped("PRICE_COLLAR")
    limit = now.limit("price_collar_bps", order.instrument_id)
    if limit is None:
        return failed("PRICE_COLLAR", "LIMIT_MISSING")
    if now.mark is None:
        return blind("PRICE_COLLAR", "MARK_MISSING", limit)
    mark, as_of = now.mark
    if now.is_stale(as_of):
        return blind("PRICE_COLLAR", "MARK_STALE", limit)
    distance = up(Fraction(abs(price - mark) * 10_000, mark))
    return compared("PRICE_COLLAR", distance, limit)


def short_sale(order: Order, now: Situation) -> Check:
    """Shares are sold that are there, or that were located."""
    known = now.instrument
    if known is None:
        return skipped("SHORT_SALE")
    if known.kind != INSTRUMENT_KIND_EQUITY or order.side == SIDE_BUY:
        return passed("SHORT_SALE")
    short = short_lots(order, now)
    if short is None or now.account is None:
        return skipped("SHORT_SALE")
    limit = now.short_limit(order.instrument_id)
    reason = None if short <= limit.value else "SHORT_SALE"
    return line("SHORT_SALE", reason, short, limit.value, limit.version)


def position_limit(order: Order, now: Situation) -> Check:
    """How far from zero the position would be if everything on this side were filled."""
    added, known = added_lots(order, now), now.instrument
    if added is None or known is None or now.account is None:
        return skipped("POSITION_LIMIT")
    name = order.instrument_id
    position, lots = now.book.position(name), now.book.working(name, order.side) + added
    if order.side == SIDE_BUY:
        observed = max(0, position + lots)
    elif known.kind != INSTRUMENT_KIND_SPOT:
        observed = max(0, lots - position)
    else:
        observed = 0
    return compared("POSITION_LIMIT", observed, now.limit("position_lots_max", name))


def open_orders(_: Order, now: Situation) -> Check:
    """How many orders may work at once."""
    if now.policy is None:
        return skipped("OPEN_ORDERS")
    policy, version = now.policy
    observed = len(now.book.open_orders()) + 1
    return compared("OPEN_ORDERS", observed, Figure(policy.open_orders_max, version))


Judge = Callable[[Order, Situation], Check]
STANDING: Final[tuple[Judge, ...]] = (
    instrument,
    session,
    restricted,
    firm_state,
    user_state,
    algorithm_state,
    desk_state,
    instrument_state,
    latch,
    reduce_only,
    price_tick,
    lot,
)
ACTIVITY: Final[tuple[Judge, ...]] = (
    order_rate,
    message_rate,
    order_to_trade,
    repeated_execution,
    same_content,
)
SIZE: Final[tuple[Judge, ...]] = (
    order_quantity,
    order_notional,
    price_collar,
    period_collar,
    self_match,
    short_sale,
    short_mark,
    position_limit,
    *EXPOSURES,
)
FUNDS: Final[tuple[Judge, ...]] = (holdings, credit, daily_loss, drawdown, buying_power)
OF_ALL_MESSAGES: Final[tuple[Judge, ...]] = (
    high_frequency_rate,
    high_frequency_day,
    instant_cancel,
)
NEW_ORDER: Final[tuple[Judge, ...]] = (
    *(fields, event_time, expiry, user),
    *STANDING,
    market_bound,
    *ACTIVITY,
    *SIZE,
    open_orders,
    *FUNDS,
    *OF_ALL_MESSAGES,
    push,
)
CANCEL: Final[tuple[Judge, ...]] = (
    *(cancel_fields, cancel_event_time, user, orig_order),
    *OF_ALL_MESSAGES,
)
BEFORE_REPLACE: Final[tuple[Judge, ...]] = (replace_fields, event_time, user, orig_order)
AFTER_REPLACE: Final[tuple[Judge, ...]] = (
    *STANDING,
    *ACTIVITY,
    *SIZE,
    *FUNDS,
    *OF_ALL_MESSAGES,
    push,
)


class Judgement(NamedTuple):
    """A decision vector, and what it was reached by: marks and prices that the decision names."""

    vector: list[Check]
    fx: Fx | None = None
    protection_price_e9: int | None = None
    price_e9: int | None = None
    passing_lots_max: int | None = None
    taken: tuple[Taken, ...] = ()


def judge(order: Order, now: Situation) -> Judgement:
    """What every check says of the order; `now.named` is the one that it names."""
    if order.action == ORDER_ACTION_CANCEL:
        return Judgement(vector_of(order, now))
    vector = vector_of(order, now)
    return Judgement(
        vector,
        fx_used(order, now, vector),
        bound_of(order, now).protection,
        price_of(order, now),
        passing_lots_max(order, now, vector_of),
        power_of(order, measured(order, now)).taken,
    )


def vector_of(order: Order, now: Situation) -> list[Check]:
    """Every check of the order, in order of precedence, as it is recorded."""
    if order.action == ORDER_ACTION_REPLACE:
        return replace_vector(order, now)
    if order.action == ORDER_ACTION_CANCEL:
        return [settled(check(order, now), order, now) for check in CANCEL]
    judged = [*(check(order, now) for check in NEW_ORDER), *rule_lines(order, now)]
    return [settled(line, order, now) for line in judged]


def replace_vector(order: Order, now: Situation) -> list[Check]:
    """That of a REPLACE, which is measured by the order that it names."""
    vector = [check(order, now) for check in BEFORE_REPLACE]
    vector.append(replaces(order, with_target(now, vector[-1])))
    now = measured(order, now)
    judged = [*(check(order, now) for check in AFTER_REPLACE), *rule_lines(order, now)]
    return vector + [settled(line, order, now) for line in judged]


def with_target(now: Situation, named: Check) -> Situation:
    """The order that a REPLACE would change: the one it names, where that passed."""
    return replace(now, target=works(now.named) if named.result == "PASS" else None)


def measured(order: Order, now: Situation) -> Situation:
    """With what a REPLACE is measured by: the order it changes, if it may be that one's."""
    if order.action != ORDER_ACTION_REPLACE:
        return now
    found = with_target(now, BEFORE_REPLACE[-1](order, now))
    mismatch = replaces(order, found).reason == "REPLACE_MISMATCH"
    return replace(found, target=None) if mismatch else found
