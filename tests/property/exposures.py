"""What a user has at stake: orders in several instruments under limits in any currency.

Owns the steps that meet the exposure checks, CREDIT, PERIOD_COLLAR and SELF_MATCH. Must never know
how the gate answers.
"""

from random import Random
from typing import Any, Final

from pipeline.risk.records import (
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_NOTIFY,
    CHECK_SEVERITY_REJECT,
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_FILL,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    ORDER_TYPE_LIMIT,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_GTC,
    CheckLimit,
    CheckPolicy,
    Limits,
    Listing,
    Order,
    Release,
)
from tests.oracle.definitions import Payload
from tests.property.orders import good_order, price_near, replace_of, send_replace
from tests.property.reports import report_on
from tests.property.world import (
    EVERYBODY,
    INSTRUMENTS,
    TIERS,
    USUAL_PRICE_E9,
    World,
    changed,
    send_mark,
    send_money,
)

EXPOSURES: Final = tuple(
    f"{group}_{side}"
    for group in ("INSTRUMENT", "CURRENCY", "SECTOR", "USER")
    for side in ("GROSS", "NET")
)
MONEY_CHECKS: Final = (*EXPOSURES, "CREDIT", "DAILY_LOSS", "DRAWDOWN")
# More of them than are good for trading.
SEVERITIES: Final = (
    CHECK_SEVERITY_REJECT,
    CHECK_SEVERITY_REJECT,
    CHECK_SEVERITY_NOTIFY,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_HALT,
)
LIMIT_MAX: Final = 10**18


def worth(world: World, name: str, lots: int) -> int:
    """What lots usually are worth, in minor units of the instrument's currency."""
    known = world.instruments[name]
    price = USUAL_PRICE_E9[name] * lots * known.multiplier_numerator
    return price // (known.multiplier_denominator * 10**9)


# Control


def new_money_limit(_: World, rng: Random) -> CheckLimit:
    """A limit in money of somebody, lowered, lifted or taken away."""
    scope = rng.choice([LIMIT_SCOPE_TIER, LIMIT_SCOPE_USER])
    return CheckLimit(
        rng.choice(MONEY_CHECKS),
        scope,
        rng.choice(TIERS if scope == LIMIT_SCOPE_TIER else EVERYBODY),
        rng.choice([None, None, *INSTRUMENTS]),
        rng.choice([None, 0, 10**5, 10**7, 10**9, LIMIT_MAX, LIMIT_MAX]),
        None,
        rng.choice([None, None, "USD", "EUR", "BTC", "GBP"]),
    )


def new_collar(_: World, rng: Random) -> CheckLimit:
    """How far a price may be from the marks of a period."""
    limit = rng.choice([None, 0, 5, 50, 10_000, LIMIT_MAX])
    return CheckLimit("PERIOD_COLLAR", LIMIT_SCOPE_TIER, rng.choice(TIERS), None, limit)


def roomy_again(_: World, rng: Random) -> CheckLimit:
    """A tier may do what it likes again."""
    check = rng.choice([*MONEY_CHECKS, "PERIOD_COLLAR"])
    return CheckLimit(check, LIMIT_SCOPE_TIER, rng.choice(TIERS), None, LIMIT_MAX)


def new_listing(_: World, rng: Random) -> Listing:
    """An instrument changes its sector."""
    return Listing(rng.choice(list(INSTRUMENTS)), rng.choice([None, "tech", "metals"]), None)


def new_period(_: World, rng: Random) -> CheckPolicy:
    """PERIOD_COLLAR looks further back, or not so far, or in buckets of the least width."""
    window_ms = rng.choice([None, None, 1, 7, 2_000, 60_000, 86_400_000])
    return CheckPolicy("PERIOD_COLLAR", rng.choice(SEVERITIES[:3]), window_ms)


def new_severity(_: World, rng: Random) -> CheckPolicy:
    """What a failure leads to changes."""
    return CheckPolicy(rng.choice([*MONEY_CHECKS, "SELF_MATCH"]), rng.choice(SEVERITIES), None)


CONTROLS: Final = (
    new_money_limit,
    new_money_limit,
    new_collar,
    roomy_again,
    new_listing,
    new_period,
    new_severity,
)


def step_check_control(world: World, rng: Random) -> None:
    """A change of what steers these checks, at once or a little later."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        later = world.now_us + rng.choice([1, 500_000, 5_000_000])
        world.send_control(rng.choice(CONTROLS)(world, rng), rng.choice([0, 0, later]))


def limit_user(world: World, user: str, check: str, limit: int | None, **more: Any) -> None:
    """Put a limit of one user in force; None: that of the tier counts."""
    instrument_id, currency = more.get("instrument_id"), more.get("currency")
    most = None if limit is None else min(limit, LIMIT_MAX)
    world.send_control(
        CheckLimit(check, LIMIT_SCOPE_USER, user, instrument_id, most, None, currency)
    )


def let_go(world: World, user: str, check: str) -> None:
    """Take the user's limit away, and what it has led to."""
    payloads: list[Payload] = [
        CheckLimit(check, LIMIT_SCOPE_USER, user, None, None),
        CheckPolicy(check, CHECK_SEVERITY_REJECT, None),
        Release(user, None, None),
    ]
    for payload in payloads:
        world.send_control(payload)


# Orders


def plain_order(world: World, rng: Random, user: str, name: str, side: int) -> Order:
    """A LIMIT order that waits for nothing."""
    plain: Order = changed(
        good_order(world, rng),
        user_id=user,
        instrument_id=name,
        side=side,
        event_time=world.now_us,
        expires_at=None,
        order_type=ORDER_TYPE_LIMIT,
        time_in_force=TIME_IN_FORCE_GTC,
        quantity_lots=world.instruments[name].lot * rng.choice([1, 1, 2, 3]),
        price_e9=price_near(world, rng, name),
        reduce_only=False,
    )
    return plain


def fill_whole(world: World, order: Order, price_e9: int) -> None:
    """The venue fills an order at once."""
    lots = order.quantity_lots
    world.filled[order.user_id, order.order_id] = lots
    world.send_fill(
        report_on(
            world,
            order,
            exec_type=EXEC_TYPE_FILL,
            last_lots=lots,
            last_price_e9=price_e9,
            cum_lots=lots,
            leaves_lots=0,
        )
    )


def top_up(world: World, user: str) -> None:
    """Give the user enough of everything to be judged by more than a lack of money."""
    for currency, amount in (("USD", 10**8), ("EUR", 10**7), ("BTC", 10**5)):
        send_money(world, user, DEPOSIT_KIND_DEPOSIT, currency, amount)


def step_spread(world: World, rng: Random) -> None:
    """One user trades several instruments, close to a limit on all of them or on some."""
    user, check = rng.choice(EVERYBODY), rng.choice(EXPOSURES)
    names = rng.sample(list(INSTRUMENTS), rng.randint(1, 3))
    top_up(world, user)
    for name in names:
        if rng.random() < 0.6:
            world.send_control(Listing(name, rng.choice(["tech", "tech", "metals"]), None))
        send_mark(world, name, price_near(world, rng, name))
    orders = [
        plain_order(world, rng, user, rng.choice(names), rng.choice([SIDE_BUY, SIDE_SELL]))
        for _ in range(rng.randint(2, 4))
    ]
    whole = sum(worth(world, o.instrument_id, o.quantity_lots) for o in orders)
    limit = rng.choice([0, whole // 3, whole // 2, whole, whole + 10**6, whole * 2])
    only_in = rng.choice([None, None, names[0]])
    currency = rng.choice([None, None, "USD", "EUR", "GBP"])
    limit_user(world, user, check, min(limit, LIMIT_MAX), instrument_id=only_in, currency=currency)
    for order in orders:
        world.send_new(order)
        if rng.random() < 0.3:
            fill_whole(world, order, price_near(world, rng, order.instrument_id))
        if rng.random() < 0.3:
            send_replace(world, replace_of(world, rng, order), order)
        world.now_ms += rng.choice([0, 60, 300])
    if rng.random() < 0.8:
        let_go(world, user, check)
        limit_user(world, user, check, None, instrument_id=only_in)


def step_position(world: World, rng: Random) -> None:
    """Orders of one user come close to the position that the user may have."""
    user, name = rng.choice(EVERYBODY), rng.choice(list(INSTRUMENTS))
    lots = world.instruments[name].lot * rng.choice([0, 1, 2, 4])
    top_up(world, user)
    send_mark(world, name, price_near(world, rng, name))
    for position_lots_max in (lots, None):
        world.send_control(
            Limits(LIMIT_SCOPE_USER, user, name, position_lots_max=position_lots_max)
        )
        for side in (SIDE_BUY, SIDE_SELL, rng.choice([SIDE_BUY, SIDE_SELL])):
            order = plain_order(world, rng, user, name, side)
            world.send_new(order)
            if rng.random() < 0.3:
                fill_whole(world, order, price_near(world, rng, name))
            world.now_ms += rng.choice([0, 300])


def step_credit(world: World, rng: Random) -> None:
    """What is held for one user's orders comes close to what is lent."""
    user, name = rng.choice(EVERYBODY), rng.choice(list(INSTRUMENTS))
    limit = rng.choice([0, 10**4, 10**6, 10**7])
    limit_user(world, user, "CREDIT", limit, currency=rng.choice([None, None, "EUR", "USD"]))
    if rng.random() < 0.3:
        world.send_control(CheckPolicy("CREDIT", rng.choice(SEVERITIES), None))
    for side in (rng.choice([SIDE_BUY, SIDE_SELL]), SIDE_BUY, SIDE_SELL):
        world.send_new(plain_order(world, rng, user, name, side))
        world.now_ms += rng.choice([0, 300])
    if rng.random() < 0.8:
        let_go(world, user, "CREDIT")


def step_own_orders(world: World, rng: Random) -> None:
    """Orders of one user on both sides, at prices that meet or just do not."""
    user, name = rng.choice(EVERYBODY), rng.choice(list(INSTRUMENTS))
    world.send_control(CheckPolicy("SELF_MATCH", rng.choice(SEVERITIES[:3]), None))
    top_up(world, user)
    send_mark(world, name, price_near(world, rng, name))
    side = rng.choice([SIDE_BUY, SIDE_SELL])
    first = plain_order(world, rng, user, name, side)
    world.send_new(first)
    if rng.random() < 0.4:
        replace = replace_of(world, rng, first)
        send_replace(world, replace, first)
    tick = world.instruments[name].tick_e9
    for ticks in (-1, 0, 1):
        other = plain_order(world, rng, user, name, SIDE_BUY + SIDE_SELL - side)
        price = max(tick, (first.price_e9 or 0) + ticks * tick)
        at_market = rng.random() < 0.2
        world.send_new(
            changed(
                other,
                order_type=ORDER_TYPE_MARKET if at_market else ORDER_TYPE_LIMIT,
                price_e9=None if at_market else price,
            )
        )
        world.now_ms += rng.choice([0, 300])
    if rng.random() < 0.8:
        world.send_control(CheckPolicy("SELF_MATCH", CHECK_SEVERITY_NOTIFY, None))


def step_period(world: World, rng: Random) -> None:
    """Marks come over some time, then orders at the edges of where they were."""
    user, name = rng.choice(EVERYBODY), rng.choice(list(INSTRUMENTS))
    window_ms = rng.choice([None, 1_000, 8_000, 60_000])
    bps = rng.choice([0, 3, 20])
    world.send_control(CheckPolicy("PERIOD_COLLAR", CHECK_SEVERITY_REJECT, window_ms))
    top_up(world, user)
    limit_user(world, user, "PERIOD_COLLAR", bps)
    prices = [price_near(world, rng, name) for _ in range(rng.randint(1, 6))]
    for price in prices:
        send_mark(world, name, price)
        world.now_ms += rng.choice([0, 100, 125, 1_000, 7_500])
    tick = world.instruments[name].tick_e9
    for side in (SIDE_BUY, SIDE_SELL, SIDE_BUY):
        edge = rng.choice([min(prices), max(prices), prices[0]])
        price = edge + rng.choice([-1, 1]) * edge * bps // 10_000 // tick * tick
        order = plain_order(world, rng, user, name, side)
        price_e9 = max(tick, price + rng.choice([-1, 0, 0, 1]) * tick)
        world.send_new(changed(order, price_e9=price_e9))
        world.now_ms += rng.choice([0, 125, 2_000])
    if rng.random() < 0.8:
        let_go(world, user, "PERIOD_COLLAR")
