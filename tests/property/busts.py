"""Busts and corrections of trades, as hostile as a venue's back office can be.

Owns the steps that take trades back: before they have come, twice, after their order has ended, by
any id of the order, and of what was no trade at all.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from pipeline.risk.records import (
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    Fill,
    Order,
)
from tests.property.orders import price_near, some, some_order
from tests.property.reports import ids_for, trade_of
from tests.property.world import World, changed


def order_of(world: World, fill: Fill) -> Order | None:
    """The NEW whose chain has the id of a report."""
    for (user, _), chain in world.chains.items():
        if user == fill.user_id and any(known.order_id == fill.order_id for known in chain):
            return chain[0]
    return None


def bust_of(world: World, rng: Random, trade: Fill) -> Fill:
    """A report that takes a trade back, or says what it should have been."""
    correct = rng.random() < 0.5
    lots = max(0, trade.last_lots + rng.choice([0, 0, -1, 1, 3, -trade.last_lots]))
    bust: Fill = changed(
        trade,
        event_time=world.now_us,
        exec_id=world.new_id("x"),
        exec_ref_id=trade.exec_id,
        exec_type=EXEC_TYPE_TRADE_CORRECT if correct else EXEC_TYPE_TRADE_CANCEL,
        last_lots=min(lots, 10**12) if correct else rng.choice([0, trade.last_lots]),
        last_price_e9=price_near(world, rng, trade.instrument_id or "ESX"),
        fee_minor=rng.choice([trade.fee_minor, 0, 7]),
    )
    order = order_of(world, trade)
    if order is not None and rng.random() < 0.4:
        bust = changed(bust, **ids_for(world, rng, order))
    return bust


BUST_DEFECTS: Final[tuple[Callable[[World, Random, Fill], dict[str, Any]], ...]] = (
    lambda _w, _r, _f: {"exec_ref_id": None},
    lambda _w, _r, _f: {"exec_ref_id": "never"},
    lambda _w, _r, f: {"exec_ref_id": f.exec_id},
    lambda _w, _r, _f: {"venue": "XEUR"},
    lambda w, _r, f: {"order_id": w.new_id("unknown"), "orig_order_id": f.order_id},
    lambda w, _r, _f: {"order_id": w.new_id("unknown")},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "side": None},
    lambda _w, _r, _f: {"instrument_id": None, "side": None},
    lambda _w, r, _f: {"instrument_id": r.choice(["ESX", "ACME", "NOPE"])},
    lambda _w, _r, f: {"side": None if f.side is None else 1 - f.side},
    lambda _w, _r, _f: {"last_lots": 10**12, "last_price_e9": 10**18},
    lambda _w, _r, _f: {"last_lots": 1, "last_price_e9": None},
)


def step_bust(world: World, rng: Random) -> None:
    """A trade is busted or corrected; now and then something that was none, or the same again."""
    known = world.trades if rng.random() < 0.85 else world.fills
    if not known:
        return
    bust = bust_of(world, rng, some(rng, known))
    if rng.random() < 0.15:
        bust = changed(bust, **rng.choice(BUST_DEFECTS)(world, rng, bust))
    world.send_fill(bust)
    if rng.random() < 0.2:
        world.send_fill(bust_of(world, rng, rng.choice([bust, some(rng, known)])))


def step_early_bust(world: World, rng: Random) -> None:
    """A bust overtakes the trade that it takes back; the trade comes later, or never."""
    if not world.orders:
        return
    order = some_order(world, rng)
    trade = changed(trade_of(world, rng, order), **ids_for(world, rng, order))
    world.withheld.append(trade)
    world.send_fill(bust_of(world, rng, trade))
    if rng.random() < 0.5:
        step_withheld(world, rng)


def step_withheld(world: World, rng: Random) -> None:
    """A trade comes after its bust."""
    if world.withheld:
        world.send_fill(world.withheld.pop(rng.randrange(len(world.withheld))))


def step_closing_bust(world: World, rng: Random) -> None:
    """A position is opened, closed, and the trade that closed it, or opened it, is busted."""
    if not world.orders:
        return
    order = some_order(world, rng)
    opened = trade_of(world, rng, order)
    closed = changed(
        opened,
        exec_id=world.new_id("x"),
        order_id=world.new_id("elsewhere"),
        side=None if opened.side is None else 1 - opened.side,
        last_price_e9=price_near(world, rng, order.instrument_id),
    )
    world.send_fill(opened)
    world.send_fill(closed)
    world.send_fill(bust_of(world, rng, rng.choice([opened, closed, closed])))
