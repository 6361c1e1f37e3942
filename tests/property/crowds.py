"""Histories that come to bounds which random ones never reach: instruments of a user, rules.

Owns how many of each there are. Must never know how the gate answers.
"""

from random import Random
from typing import Final

from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT,
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_FILL,
    SIDE_BUY,
    SIDE_SELL,
    Listing,
    Rule,
)
from tests.property.exposures import fill_whole, plain_order
from tests.property.reports import report_on
from tests.property.world import (
    E9,
    USERS,
    Input,
    World,
    changed,
    future,
    send_mark,
    send_money,
    set_up,
)

INSTRUMENTS_MAX: Final = 256
RULES_MAX: Final = 64


def holdings_history() -> list[Input]:
    """A user has something in as many instruments as can be valued, then in one more.

    Whoever is in as many may go on in each of them, and leave one for another; the venue's facts
    count beyond the bound.
    """
    world, rng, user = World(), Random(0), USERS[0]
    set_up(world, rng, 0.0)
    send_money(world, user, DEPOSIT_KIND_DEPOSIT, "USD", 10**15)
    wanted = plain_order(world, rng, user, "ESX", SIDE_BUY)
    names = [f"F{number}" for number in range(INSTRUMENTS_MAX + 2)]
    for name in names:
        world.send_control(future(name, tick_e9=E9))
        world.send_control(Listing(name, None, None))
        send_mark(world, name, 5_000 * E9)
    for name in names[: INSTRUMENTS_MAX - 1]:
        fact = report_on(world, wanted, order_id=world.new_id("elsewhere"), instrument_id=name)
        trade = {"exec_type": EXEC_TYPE_FILL, "last_lots": 1, "last_price_e9": 5_000 * E9}
        world.send_fill(changed(fact, side=SIDE_BUY, **trade))
    for name, side in (
        (names[INSTRUMENTS_MAX - 1], SIDE_BUY),
        (names[INSTRUMENTS_MAX], SIDE_BUY),
        (names[0], SIDE_BUY),
        (names[1], SIDE_SELL),
        (names[INSTRUMENTS_MAX], SIDE_BUY),
        (names[INSTRUMENTS_MAX + 1], SIDE_BUY),
    ):
        world.now_ms += 1_000
        order = changed(
            wanted,
            order_id=world.new_id("o"),
            event_time=world.now_us,
            instrument_id=name,
            side=side,
            quantity_lots=1,
            price_e9=5_000 * E9,
        )
        world.send_new(order)
        if side == SIDE_SELL:
            fill_whole(world, order, 5_000 * E9)
    return world.sent


def rules_history() -> list[Input]:
    """More rules than can be judged at once are published; one goes, and another may come."""
    world, rng = World(), Random(0)
    set_up(world, rng, 0.0)
    for number in range(RULES_MAX + 2):
        send_rule(world, number, enabled=True)
    send_rule(world, 3, enabled=True)
    world.send_new(plain_order(world, rng, USERS[0], "ESX", SIDE_BUY))
    send_rule(world, 3, enabled=False)
    send_rule(world, RULES_MAX, enabled=True)
    send_rule(world, RULES_MAX + 1, enabled=False)
    send_rule(world, RULES_MAX + 1, enabled=True)
    world.send_new(plain_order(world, rng, USERS[0], "ESX", SIDE_BUY))
    # Of two that wait for one place each may come: which rules there are is seen when it arrives.
    for number in (4, 5):
        send_rule(world, number, enabled=False)
    for number in (RULES_MAX + 1, RULES_MAX + 2, RULES_MAX + 3):
        send_rule(world, number, enabled=True, later_us=5_000_000)
    world.now_ms += 6_000
    world.send_new(plain_order(world, rng, USERS[0], "ESX", SIDE_BUY))
    return world.sent


def send_rule(world: World, number: int, *, enabled: bool, later_us: int = 0) -> None:
    """Publish a rule that every order passes, at once or later."""
    rule = Rule(f"n{number}", "quantity_lots > 0", CHECK_SEVERITY_REJECT, enabled)
    world.send_control(rule, world.now_us + later_us if later_us else 0)
