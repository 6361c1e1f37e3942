"""What trading brings and takes: positions, marks that move away, days that end, settlements.

Owns the steps that meet DAILY_LOSS and DRAWDOWN. Must never know how the gate answers.
"""

from random import Random
from typing import Final

from pipeline.risk.records import (
    DEPOSIT_KIND_SETTLEMENT,
    SIDE_BUY,
    SIDE_SELL,
    CheckPolicy,
    DayClose,
)
from tests.property.exposures import (
    SEVERITIES,
    fill_whole,
    let_go,
    limit_user,
    plain_order,
    top_up,
    worth,
)
from tests.property.orders import price_near
from tests.property.world import (
    DAY_MS,
    EVERYBODY,
    FUTURES,
    INSTRUMENTS,
    World,
    send_mark,
    send_money,
)

CHECKS: Final = ("DAILY_LOSS", "DRAWDOWN")


def step_loss(world: World, rng: Random) -> None:
    """A user takes a position, the mark moves, and the user goes on."""
    user, check = rng.choice(EVERYBODY), rng.choice(CHECKS)
    names = rng.sample([*INSTRUMENTS, "ESX", "ESX"], rng.choice([1, 1, 2]))
    top_up(world, user)
    for name in names:
        send_mark(world, name, price_near(world, rng, name))
        order = plain_order(world, rng, user, name, rng.choice([SIDE_BUY, SIDE_SELL]))
        world.send_new(order)
        fill_whole(world, order, price_near(world, rng, name))
    name = names[0]
    moved = worth(world, name, 4) * rng.choice([1, 1, 5]) // 1_000
    limit = rng.choice([0, moved // 4, moved, moved * 4])
    limit_user(world, user, check, limit, currency=rng.choice([None, None, None, "USD", "EUR"]))
    if rng.random() < 0.3:
        world.send_control(CheckPolicy(check, rng.choice(SEVERITIES), None))
    for _ in range(rng.randint(2, 5)):
        end_the_day(world, rng)
        price = price_near(world, rng, name)
        send_mark(world, name, price * rng.choice([990, 997, 1_000, 1_003, 1_010]) // 1_000)
        if name in FUTURES and rng.random() < 0.3:
            settle(world, user, name, price)
        side = rng.choice([SIDE_BUY, SIDE_SELL])
        order = plain_order(world, rng, user, name, side)
        world.send_new(order)
        if rng.random() < 0.3:
            fill_whole(world, order, price)
        world.now_ms += rng.choice([0, 300, 1_000])
    if rng.random() < 0.8:
        let_go(world, user, check)


def end_the_day(world: World, rng: Random) -> None:
    """Now and then, by control or by the clock."""
    drawn = rng.random()
    if drawn < 0.15:
        world.send_control(DayClose(world.now_ms // DAY_MS))
    elif drawn < 0.2:
        world.now_ms += DAY_MS


def settle(world: World, user: str, name: str, price_e9: int) -> None:
    """A session of a future is settled for the user."""
    send_money(
        world,
        user,
        DEPOSIT_KIND_SETTLEMENT,
        world.instruments[name].currency,
        0,
        instrument_id=name,
        settlement_price_e9=price_e9,
        session_date=world.now_ms // DAY_MS,
    )
