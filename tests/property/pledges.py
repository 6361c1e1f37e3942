"""Money of one currency that covers another: collateral, and orders in what there is little of.

Owns the steps that make pledges, and those that give them back. Must never know how the gate
answers.
"""

from random import Random
from typing import Final

from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_PARTIAL_FILL,
    INSTRUMENT_KIND_FUTURE,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    SIDE_SELL,
    Collateral,
    Order,
)
from tests.property.orders import good_order, price_near, replace_of, send_replace
from tests.property.reports import report_on
from tests.property.world import (
    EVERYBODY,
    PAIRS,
    TIERS,
    World,
    changed,
    send_mark,
    send_money,
)

CURRENCIES: Final = ("BTC", "EUR", "GBP", "USD")
AMOUNT_MAX: Final = 10**18
HAIRCUTS: Final = (0, 1, 300, 2_500, 9_999, 10_000)
LEAN: Final = ("GBX", "GBX", "EURX", "ESX", "NORD", "BTC-USD")


def new_collateral(_: World, rng: Random) -> Collateral:
    """A haircut is changed, money of a currency admitted or not any more."""
    tier = rng.choice(["gold", "gold", *TIERS, "bare"])
    return Collateral(tier, rng.choice([*CURRENCIES, "YEN"]), rng.choice(HAIRCUTS))


def bad_collateral(_: World, rng: Random) -> Collateral:
    """One that cannot be."""
    haircut, currency, tier = 300, "EUR", "gold"
    kind = rng.randrange(3)
    if kind == 0:
        haircut = rng.choice([-1, 10_001, 2**63 - 1])
    elif kind == 1:
        currency = rng.choice(["", "C" * 17])
    else:
        tier = rng.choice(["", "x" * 65])
    return Collateral(tier, currency, haircut)


def step_collateral(world: World, rng: Random) -> None:
    """Collateral as somebody may define it in the middle of the day; now and then too much."""
    if rng.random() < 0.1:
        for number in range(rng.choice([13, 18])):
            later = rng.choice([0, world.now_us + 5_000_000])
            world.send_control(Collateral("bare", f"C{number}", 0), later)
    elif rng.random() < 0.2:
        world.send_control(bad_collateral(world, rng))
    else:
        world.send_control(new_collateral(world, rng), rng.choice([0, 0, world.now_us + 500_000]))


def step_rates(world: World, rng: Random) -> None:
    """The rates move; some of them are old."""
    for name in PAIRS:
        age_us = rng.choice([0, 0, 0, 0, 61_000_000])
        if rng.random() < 0.9:
            send_mark(world, name, price_near(world, rng, name), age_us)


def step_lean(world: World, rng: Random) -> None:
    """Orders in a currency of which a user has little or nothing, and what becomes of them."""
    user = rng.choice([*EVERYBODY[::2], *EVERYBODY])
    name = rng.choice(LEAN)
    currency = world.instruments[name].currency
    if rng.random() < 0.8:
        step_rates(world, rng)
        send_mark(world, name, price_near(world, rng, name))
    if rng.random() < 0.4:
        drain(world, user, currency, rng.choice([0, 1_000, 100_000, 1_000_000]))
    for _ in range(rng.choice([1, 1, 2, 3])):
        order = lean_order(world, rng, user, name)
        world.send_new(order)
        rng.choice(AFTERWARDS)(world, rng, order)


def step_chain(world: World, rng: Random) -> None:
    """Euros cover pounds, and are covered by others when they are wanted themselves."""
    user = rng.choice(EVERYBODY[::2])
    step_rates(world, rng)
    for name in ("GBX", "EURX"):
        send_mark(world, name, price_near(world, rng, name))
    for currency, left in (("BTC", 0), ("GBP", 0), ("EUR", rng.choice([250_000, 400_000]))):
        drain(world, user, currency, left)
    orders = [lean_order(world, rng, user, name) for name in ("GBX", "EURX", "ESX")]
    for order in orders[: rng.randint(2, 3)]:
        world.send_new(order)
    for order in rng.choices(orders, k=rng.randint(1, 4)):
        rng.choice(AFTERWARDS)(world, rng, order)


def drain(world: World, user: str, currency: str, left: int) -> None:
    """What was ever paid in goes, but for so much."""
    paid = [
        deposit.amount_minor
        for deposit in world.deposits
        if (deposit.user_id, deposit.currency) == (user, currency)
        and deposit.kind in (DEPOSIT_KIND_DEPOSIT, DEPOSIT_KIND_ADJUSTMENT)
    ]
    if left < sum(paid) <= AMOUNT_MAX:
        send_money(world, user, DEPOSIT_KIND_ADJUSTMENT, currency, left - sum(paid))


def lean_order(world: World, rng: Random, user: str, name: str) -> Order:
    """A sound order, mostly one that buys."""
    instrument = world.instruments[name]
    order: Order = changed(
        good_order(world, rng),
        user_id=user,
        instrument_id=name,
        side=SIDE_BUY if rng.random() < 0.8 else SIDE_SELL,
        order_type=ORDER_TYPE_LIMIT,
        price_e9=price_near(world, rng, name),
        quantity_lots=instrument.lot
        * rng.choice([1, 2, 3] if instrument.kind == INSTRUMENT_KIND_FUTURE else [1, 10]),
    )
    return order


def nothing(_w: World, _r: Random, _o: Order) -> None:
    """It works on."""


def trade(world: World, rng: Random, order: Order) -> None:
    """It is filled, in part or more, not always at its price."""
    world.send_fill(
        report_on(
            world,
            order,
            exec_type=EXEC_TYPE_PARTIAL_FILL,
            last_lots=rng.choice([1, order.quantity_lots]),
            last_price_e9=price_near(world, rng, order.instrument_id),
            fee_minor=rng.choice([0, 100, 5_000]),
        )
    )


def cancel(world: World, _: Random, order: Order) -> None:
    """It ends, and holds nothing any more."""
    world.send_fill(report_on(world, order, exec_type=EXEC_TYPE_CANCELED))


def grow(world: World, rng: Random, order: Order) -> None:
    """It is to become larger."""
    replace = changed(replace_of(world, rng, order), quantity_lots=order.quantity_lots * 2)
    send_replace(world, replace, order)


def pay_in(world: World, rng: Random, order: Order) -> None:
    """Money of its currency comes: little, some, more than enough."""
    currency = world.instruments[order.instrument_id].currency
    amount = rng.choice([1, 7, 10_000, 100_000, 3_000_000])
    send_money(world, order.user_id, DEPOSIT_KIND_DEPOSIT, currency, amount)


def pay_out(world: World, rng: Random, order: Order) -> None:
    """Money that may be pledged is asked for, or taken away."""
    currency = rng.choice(CURRENCIES)
    amount = rng.choice([1, 10_000, 1_000_000])
    if rng.random() < 0.5:
        send_money(world, order.user_id, DEPOSIT_KIND_ADJUSTMENT, currency, -amount)
        return
    kind, name = DEPOSIT_KIND_WITHDRAWAL_REQUEST, world.new_id("w")
    send_money(world, order.user_id, kind, currency, amount, withdrawal_id=name)
    world.withdrawals.append(world.deposits[-1])


AFTERWARDS: Final = (nothing, nothing, trade, trade, cancel, grow, pay_in, pay_in, pay_out)
