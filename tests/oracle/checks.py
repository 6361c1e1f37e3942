"""The decision vector of docs/rules.md: every check of an order, one after the other.

Owns the judgement of one order in one situation. Must never change anything: the auditor does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from pipeline.risk.records import (
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    INSTRUMENT_STATE_OPEN,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    FeeSchedule,
    Instrument,
    Limits,
    Order,
    Policy,
    UserAccount,
)
from tests.oracle.arithmetic import exact_notional, fits, nearest, up
from tests.oracle.book import Book, margin, order_hold

ID_BYTES_MAX: Final = 64
CURRENCY_BYTES_MAX: Final = 16
TAGS_MAX: Final = 16
PRICE_E9_MAX: Final = 10**18
LOTS_MAX: Final = 10**12
BUCKET_US: Final = 125_000
BUCKETS_BEFORE: Final = 8
EXEMPTABLE: Final = (
    "ORDER_RATE",
    "ORDER_QUANTITY",
    "ORDER_NOTIONAL",
    "PRICE_COLLAR",
    "POSITION_LIMIT",
    "OPEN_ORDERS",
)


class Check(NamedTuple):
    """One line of a decision vector, as the contract's `check_result` shows it."""

    check: str
    result: str
    reason: str | None = None
    observed: int | None = None
    limit: int | None = None
    limit_version: int | None = None
    headroom: int | None = None


class Figure(NamedTuple):
    """A limit in force and its version."""

    value: int
    version: int


@dataclass(frozen=True)
class Situation:
    """What an order is judged against: the rules in force, the user's book and the time.

    `account` is None for a user who is not registered. `limits` by (scope, scope id, instrument
    or None) and `policy` come with their versions. `mark` is (price_e9, as_of).
    """

    gate_time: int
    policy: tuple[Policy, int] | None
    firm_state: int | None
    account: UserAccount | None
    instrument: Instrument | None
    limits: Mapping[tuple[int, str, str | None], tuple[Limits, int]]
    fees: FeeSchedule | None
    mark: tuple[int, int] | None
    book: Book

    @property
    def tradeable(self) -> Instrument | None:
        """The instrument, unless it is of a kind that is not supported."""
        known = self.instrument
        return None if known is None or known.kind == INSTRUMENT_KIND_EQUITY else known

    def limit(self, name: str, instrument_id: str) -> Figure | None:
        """The most specific limit that has this figure."""
        account = self.account
        if account is None:
            return None
        for scope, scope_id in (
            (LIMIT_SCOPE_USER, account.user_id),
            (LIMIT_SCOPE_TIER, account.tier_id),
        ):
            for instrument in (instrument_id, None):
                found = self.limits.get((scope, scope_id, instrument))
                value = None if found is None else getattr(found[0], name)
                if found is not None and value is not None:
                    return Figure(value, found[1])
        return None


def bad_id(text: str | None, longest: int = ID_BYTES_MAX) -> bool:
    """Whether an id that is there is empty or too long; what is absent is not bad."""
    return text is not None and not 1 <= len(text.encode()) <= longest


def has_bad_id(order: Order) -> bool:
    """Whether any id or tag is out of bounds."""
    ids = (
        order.source_system_id,
        order.tenant_id,
        order.orig_order_id,
        order.instrument_id,
        order.trader_id,
        order.algo_id,
        order.desk_id,
        order.counterparty_id,
    )
    return (
        any(bad_id(text) for text in [*ids, *order.tags])
        or len(order.tags) > TAGS_MAX
        or any(len(text.encode()) > ID_BYTES_MAX for text in order.tags.values())
    )


def price_of(order: Order) -> int | None:
    """The price, if it is one."""
    price = order.price_e9
    return price if price is not None and 0 < price <= PRICE_E9_MAX else None


def quantity_of(order: Order) -> int | None:
    """The quantity, if it is one."""
    return order.quantity_lots if 0 < order.quantity_lots <= LOTS_MAX else None


def line(check: str, reason: str | None, observed: int, limit: int, version: int | None) -> Check:
    """A check with figures, each as near to its true value as int64 comes."""
    result = "PASS" if reason is None else "FAIL"
    shown = (nearest(observed), nearest(limit), version, nearest(limit - observed))
    return Check(check, result, reason, *shown)


def passed(check: str) -> Check:
    """A check without figures that holds."""
    return Check(check, "PASS")


def failed(check: str, reason: str) -> Check:
    """A check without figures that does not."""
    return Check(check, "FAIL", reason)


def skipped(check: str) -> Check:
    """A check that lacks something another check fails for."""
    return Check(check, "NOT_EVALUATED")


def compared(check: str, observed: int, limit: Figure | None) -> Check:
    """At most the limit passes; no limit fails."""
    if limit is None:
        return failed(check, "LIMIT_MISSING")
    reason = None if observed <= limit.value else check
    return line(check, reason, observed, limit.value, limit.version)


def fields(order: Order, _: Situation) -> Check:
    """What a record must look like before anything else can be said about it."""
    if has_bad_id(order):
        return failed("FIELDS", "FIELD_TOO_LONG")
    if order.order_type == ORDER_TYPE_MARKET:
        return failed("FIELDS", "UNSUPPORTED")
    if price_of(order) is None:
        return failed("FIELDS", "BAD_PRICE")
    if quantity_of(order) is None:
        return failed("FIELDS", "BAD_QUANTITY")
    return passed("FIELDS")


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


def user(order: Order, now: Situation) -> Check:
    """Who sends it."""
    if now.account is None:
        return failed("USER", "USER_UNKNOWN")
    if now.account.account_tenant_id != order.tenant_id:
        return failed("USER", "TENANT_MISMATCH")
    return passed("USER")


def instrument(_: Order, now: Situation) -> Check:
    """What it is for."""
    if now.instrument is None:
        return failed("INSTRUMENT", "INSTRUMENT_UNKNOWN")
    if now.tradeable is None:
        return failed("INSTRUMENT", "UNSUPPORTED")
    if now.instrument.state != INSTRUMENT_STATE_OPEN:
        return failed("INSTRUMENT", "INSTRUMENT_NOT_OPEN")
    return passed("INSTRUMENT")


def reduces(order: Order, now: Situation) -> bool:
    """Whether the order can only bring the position nearer to zero."""
    known = now.tradeable
    if known is None or now.account is None or quantity_of(order) is None:
        return False
    if known.kind == INSTRUMENT_KIND_SPOT:
        return order.side != SIDE_BUY
    book, name = now.book, order.instrument_id
    if order.side == SIDE_BUY:
        return book.position(name) + book.working(name, SIDE_BUY) + order.quantity_lots <= 0
    return book.position(name) - book.working(name, order.side) - order.quantity_lots >= 0


def firm_state(order: Order, now: Situation) -> Check:
    """Whether the firm trades."""
    if now.firm_state is None:
        return failed("FIRM_STATE", "FIRM_STATE_MISSING")
    if now.firm_state == TRADING_STATE_HALTED:
        return failed("FIRM_STATE", "FIRM_HALTED")
    if now.firm_state == TRADING_STATE_REDUCING and not reduces(order, now):
        return failed("FIRM_STATE", "FIRM_REDUCING")
    return passed("FIRM_STATE")


def user_state(order: Order, now: Situation) -> Check:
    """Whether the user trades."""
    if now.account is None:
        return skipped("USER_STATE")
    state = now.account.trading_state
    if state == TRADING_STATE_HALTED:
        return failed("USER_STATE", "USER_HALTED")
    reducing = state == TRADING_STATE_REDUCING or bool(now.book.short)
    if reducing and not reduces(order, now):
        return failed("USER_STATE", "USER_REDUCING")
    return passed("USER_STATE")


def price_tick(order: Order, now: Situation) -> Check:
    """Prices move in ticks."""
    price, known = price_of(order), now.tradeable
    if price is None or known is None:
        return skipped("PRICE_TICK")
    return (
        failed("PRICE_TICK", "PRICE_INCREMENT") if price % known.tick_e9 else passed("PRICE_TICK")
    )


def lot(order: Order, now: Situation) -> Check:
    """Quantities come in round lots."""
    quantity, known = quantity_of(order), now.tradeable
    if quantity is None or known is None:
        return skipped("LOT")
    return failed("LOT", "LOT_SIZE") if quantity % known.lot else passed("LOT")


def order_rate(order: Order, now: Situation) -> Check:
    """Accepted orders of the last second or a little more."""
    if now.account is None:
        return skipped("ORDER_RATE")
    oldest = now.gate_time // BUCKET_US - BUCKETS_BEFORE
    observed = 1 + sum(at // BUCKET_US >= oldest for at in now.book.accepted_at)
    name = "" if now.tradeable is None else order.instrument_id
    limit = now.limit("order_rate_per_s_max", name)
    return compared("ORDER_RATE", observed, limit)


def order_quantity(order: Order, now: Situation) -> Check:
    """How much one order may be."""
    quantity = quantity_of(order)
    if quantity is None or now.account is None or now.tradeable is None:
        return skipped("ORDER_QUANTITY")
    limit = now.limit("order_quantity_lots_max", order.instrument_id)
    return compared("ORDER_QUANTITY", quantity, limit)


def order_notional(order: Order, now: Situation) -> Check:
    """How much one order may be worth."""
    price, quantity, known = price_of(order), quantity_of(order), now.tradeable
    if price is None or quantity is None or known is None or now.account is None:
        return skipped("ORDER_NOTIONAL")
    notional = up(exact_notional(known, quantity, price))
    limit = now.limit("order_notional_minor_max", order.instrument_id)
    if limit is not None and not fits(notional):
        return failed("ORDER_NOTIONAL", "OUT_OF_RANGE")
    return compared("ORDER_NOTIONAL", notional, limit)


def price_collar(order: Order, now: Situation) -> Check:
    """How far a price may be from the mark, and how old the mark."""
    price = price_of(order)
    if price is None or now.tradeable is None or now.policy is None or now.account is None:
        return skipped("PRICE_COLLAR")
    limit = now.limit("price_collar_bps", order.instrument_id)
    if limit is None:
        return failed("PRICE_COLLAR", "LIMIT_MISSING")
    blind = Check("PRICE_COLLAR", "FAIL", limit=limit.value, limit_version=limit.version)
    if now.mark is None:
        return blind._replace(reason="MARK_MISSING")
    mark, as_of = now.mark
    if now.gate_time - as_of > now.policy[0].mark_age_ms_max * 1000:
        return blind._replace(reason="MARK_STALE")
    distance = up(Fraction(abs(price - mark) * 10_000, mark))
    return compared("PRICE_COLLAR", distance, limit)


def position_limit(order: Order, now: Situation) -> Check:
    """The position if everything that works on this side were filled."""
    quantity, known = quantity_of(order), now.tradeable
    if quantity is None or known is None or now.account is None:
        return skipped("POSITION_LIMIT")
    name = order.instrument_id
    position, working = now.book.position(name), now.book.working(name, order.side)
    if order.side == SIDE_BUY:
        observed = abs(position + working + quantity)
    elif known.kind == INSTRUMENT_KIND_FUTURE:
        observed = abs(position - working - quantity)
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


def added_to_held(order: Order, known: Instrument, now: Situation) -> tuple[str, int]:
    """Currency and minor units by which accepting the order would raise what is held."""
    name, book = order.instrument_id, now.book
    currency, hold = order_hold(order, order.quantity_lots, known, now.fees)
    if known.kind == INSTRUMENT_KIND_FUTURE:
        working = [book.working(name, SIDE_BUY), book.working(name, 1 - SIDE_BUY)]
        working[order.side] += order.quantity_lots
        before = book.margined.get(name)
        in_this_currency = before is not None and before.currency == known.currency
        held_now = book.margin_of(before) if before is not None and in_this_currency else 0
        hold += margin(known, book.position(name), *working) - held_now
    return currency, max(0, hold)


def buying_power(order: Order, now: Situation) -> Check:
    """Whether what the order holds is there."""
    known = now.tradeable
    complete = price_of(order) is not None and quantity_of(order) is not None
    if not complete or known is None or now.account is None:
        return skipped("BUYING_POWER")
    if now.fees is None:
        return failed("BUYING_POWER", "FEE_MISSING")
    if not fits(order_hold(order, order.quantity_lots, known, now.fees)[1]):
        return failed("BUYING_POWER", "OUT_OF_RANGE")
    if known.kind == INSTRUMENT_KIND_FUTURE and known.margin_minor_per_lot is None:
        return failed("BUYING_POWER", "MARGIN_MISSING")
    currency, observed = added_to_held(order, known, now)
    if not fits(observed):
        return failed("BUYING_POWER", "OUT_OF_RANGE")
    available = now.book.cash(currency) - now.book.held(currency)
    enough = observed == 0 or observed <= available
    return line("BUYING_POWER", None if enough else "BUYING_POWER", observed, available, None)


NEW_ORDER: Final[tuple[Callable[[Order, Situation], Check], ...]] = (
    fields,
    event_time,
    user,
    instrument,
    firm_state,
    user_state,
    price_tick,
    lot,
    order_rate,
    order_quantity,
    order_notional,
    price_collar,
    position_limit,
    open_orders,
    buying_power,
)


def new_order_vector(order: Order, now: Situation) -> list[Check]:
    """The vector of a NEW, in order of precedence."""
    exempt = now.policy[0].checks_exempt if now.policy is not None else []
    vector = [judge(order, now) for judge in NEW_ORDER]
    return [
        Check(judged.check, "EXEMPT") if judged.check in exempt else judged for judged in vector
    ]


def cancel_vector(order: Order, now: Situation, orig_order: Check) -> list[Check]:
    """The vector of a CANCEL or a REPLACE; the auditor judges the order it refers to."""
    shape = passed("FIELDS")
    if has_bad_id(order):
        shape = failed("FIELDS", "FIELD_TOO_LONG")
    elif order.orig_order_id is None:
        shape = failed("FIELDS", "ORIG_ORDER_MISSING")
    elif order.action == ORDER_ACTION_REPLACE:
        shape = failed("FIELDS", "UNSUPPORTED")
    age = skipped("EVENT_TIME") if now.policy is None else event_time(order, now)
    if age.reason == "ORDER_STALE":
        age = age._replace(result="PASS", reason=None)
    return [shape, age, user(order, now), orig_order]
