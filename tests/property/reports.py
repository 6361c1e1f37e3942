"""Execution reports: what venues say, in any order, late, twice, and under any id of the order.

Owns the steps that put reports on trades, ends and answers into a history, and the races between
them and what the client asks for. Busts and corrections are in `busts.py`.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from pipeline.codecs.avro import encode_fill
from pipeline.risk.records import (
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NAMES,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    Fill,
    Order,
)
from tests.property.orders import (
    LONG,
    cancel_of,
    good_order,
    price_near,
    replace_of,
    send_cancel,
    send_replace,
    some,
    some_order,
)
from tests.property.world import (
    INT64_MAX,
    OTHER_TENANT,
    STRANGER,
    WINDOW_MS,
    World,
    changed,
)


def report_on(world: World, order: Order, **changes: Any) -> Fill:
    """A report on an order; a trade of nothing unless changed."""
    shape: dict[str, Any] = {
        "event_time": world.now_us,
        "source_system_id": "venue",
        "tenant_id": order.tenant_id,
        "exec_id": world.new_id("x"),
        "exec_ref_id": None,
        "order_id": order.order_id,
        "orig_order_id": None,
        "user_id": order.user_id,
        "instrument_id": order.instrument_id,
        "side": order.side,
        "exec_type": EXEC_TYPE_NEW,
        "last_lots": 0,
        "last_price_e9": None,
        "cum_lots": 0,
        "leaves_lots": max(0, min(order.quantity_lots, 10**12)),
        "fee_minor": 0,
        "trade_id": None,
        "venue": "XCME",
    }
    return Fill(**(shape | changes))


def ids_for(world: World, rng: Random, order: Order) -> dict[str, Any]:
    """The ids a report on the order goes by: mostly the root, else any of its chain."""
    chain = [known.order_id for known in world.chain(order)]
    if rng.random() < 0.4:
        return {"order_id": chain[0]}
    orig = rng.choice([None, rng.choice(chain), chain[0], "never"])
    return {"order_id": rng.choice([chain[-1], rng.choice(chain), "no-id"]), "orig_order_id": orig}


def trade_of(world: World, rng: Random, order: Order) -> Fill:
    """A trade of some of what the venue thinks is open, now and then of more."""
    id_ = (order.user_id, order.order_id)
    before = world.filled.get(id_, 0)
    terms = rng.choice(world.chain(order))
    leaves = max(0, min(terms.quantity_lots, 50) - before)
    part = rng.randint(1, max(1, leaves))
    lots = rng.choice([part, part, part, leaves, leaves + rng.choice([0, 0, 0, 1, 5])])
    world.filled[id_] = before + lots
    name = order.instrument_id
    return report_on(
        world,
        order,
        exec_type=EXEC_TYPE_FILL if lots >= leaves else EXEC_TYPE_PARTIAL_FILL,
        last_lots=lots,
        last_price_e9=price_near(world, rng, name),
        cum_lots=before + lots,
        leaves_lots=max(0, leaves - lots),
        fee_minor=rng.choice([0, 1, 150 * lots, -20 * lots]),
    )


def end_of(world: World, rng: Random, order: Order) -> Fill:
    """The end of an order, which may know of more or fewer fills than were reported."""
    cum = world.filled.get((order.user_id, order.order_id), 0)
    return report_on(
        world,
        order,
        exec_type=rng.choice([EXEC_TYPE_CANCELED, EXEC_TYPE_EXPIRED, EXEC_TYPE_REJECTED]),
        cum_lots=max(0, cum + rng.choice([0, 0, 0, 1, 3, -1])),
        leaves_lots=0,
    )


def answer_to(world: World, rng: Random, replace: Order) -> Fill:
    """The venue has replaced, or will not; not always by the ids it should use."""
    root = replace.orig_order_id or "never"
    done = rng.random() < 0.65
    return report_on(
        world,
        replace,
        exec_type=EXEC_TYPE_REPLACED if done else EXEC_TYPE_CANCEL_REJECTED,
        order_id=rng.choice([replace.order_id] * 4 + [root]),
        orig_order_id=rng.choice([root, root, None, LONG if rng.random() < 0.05 else "never"]),
    )


FILL_DEFECTS: Final[tuple[Callable[[World, Random, Fill], dict[str, Any]], ...]] = (
    lambda w, _r, _f: {"order_id": w.new_id("unknown")},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "side": None},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "instrument_id": None},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "instrument_id": "NOPE"},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "instrument_id": "SHARE"},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "user_id": STRANGER},
    lambda _w, _r, f: {"order_id": LONG, "orig_order_id": f.order_id},
    lambda _w, r, _f: {"orig_order_id": r.choice(["", LONG])},
    lambda _w, r, _f: {"exec_ref_id": r.choice(["", LONG, "x1"])},
    lambda _w, _r, _f: {"instrument_id": None, "side": None},
    lambda _w, r, _f: {"venue": r.choice(["", LONG])},
    lambda _w, r, _f: {"exec_id": r.choice(["", LONG])},
    lambda _w, r, _f: {r.choice(["last_lots", "cum_lots", "leaves_lots"]): -1},
    lambda _w, r, _f: {r.choice(["last_lots", "cum_lots", "leaves_lots"]): 10**12 + 1},
    lambda _w, r, _f: {"last_price_e9": r.choice([None, 0, -1, 10**18 + 1])},
    lambda _w, _r, _f: {"exec_type": EXEC_TYPE_FILL, "last_lots": 0, "last_price_e9": None},
    lambda _w, _r, _f: {"last_lots": 10**12, "last_price_e9": 10**18},
    lambda _w, r, _f: {"fee_minor": r.choice([INT64_MAX, -(2**63), 10**8])},
    lambda _w, r, _f: {"exec_type": r.randrange(len(EXEC_TYPE_NAMES))},
    lambda w, r, _f: {"event_time": w.now_us - WINDOW_MS * 1000 - r.choice([0, 1, 10**12])},
    lambda w, r, _f: {"event_time": w.now_us + r.choice([1, 10**6, WINDOW_MS * 600])},
    lambda _w, _r, _f: {"tenant_id": OTHER_TENANT},
    lambda _w, _r, _f: {"venue": "XEUR"},
    lambda _w, _r, _f: {"cum_lots": 10**12},
)


def step_fill(world: World, rng: Random) -> None:
    """An execution report, mostly a sound trade."""
    if not world.orders:
        return
    others = world.cancels + world.replaces
    usual = rng.random() < 0.95 or not others
    order = some_order(world, rng) if usual else some(rng, others)
    kind = rng.random()
    if kind < 0.55:
        fill = trade_of(world, rng, order)
    elif kind < 0.7:
        fill = end_of(world, rng, order)
    else:
        answers = [EXEC_TYPE_NEW] * 4 + [EXEC_TYPE_CANCEL_REJECTED, EXEC_TYPE_REPLACED]
        fill = report_on(world, order, exec_type=rng.choice(answers))
    if rng.random() < 0.5:
        fill = changed(fill, **ids_for(world, rng, order))
    if rng.random() < 0.2:
        fill = changed(fill, **rng.choice(FILL_DEFECTS)(world, rng, fill))
    world.send_fill(fill)


def step_answer(world: World, rng: Random) -> None:
    """A REPLACE is answered, a late one rather than an early one."""
    if world.replaces:
        world.send_fill(answer_to(world, rng, some(rng, world.replaces)))


def step_repeat_fill(world: World, rng: Random) -> None:
    """A report comes again, now and then with other content."""
    if world.fills:
        fill = some(rng, world.fills)
        if rng.random() < 0.3:
            fill = changed(fill, exec_type=rng.randrange(len(EXEC_TYPE_NAMES)), cum_lots=1)
        world.send("fills", fill.user_id.encode(), encode_fill(fill))


# Races


def step_race(world: World, rng: Random) -> None:
    """A cancel, the venue's confirmation and a fill of one order cross each other."""
    if not world.orders:
        return
    order = some_order(world, rng)
    trade = trade_of(world, rng, order)
    cum = max(0, trade.cum_lots - rng.choice([0, 0, 1]))
    canceled = report_on(world, order, exec_type=EXEC_TYPE_CANCELED, cum_lots=cum)
    sends: list[Callable[[], None]] = [
        lambda: send_cancel(world, cancel_of(world, rng, order)),
        lambda: world.send_fill(trade),
        lambda: world.send_fill(canceled),
    ]
    rng.shuffle(sends)
    for send in sends:
        send()


def step_replace_race(world: World, rng: Random) -> None:
    """A REPLACE is filled, cancelled and replaced again before and after the venue answers it."""
    if not world.orders:
        return
    order = some_order(world, rng)
    replace = replace_of(world, rng, order)
    answer = answer_to(world, rng, replace)
    send_replace(world, replace, order)
    sends: list[Callable[[], None]] = [lambda: world.send_fill(answer)]
    if rng.random() < 0.7:
        fill = changed(trade_of(world, rng, order), **ids_for(world, rng, order))
        sends.append(lambda: world.send_fill(fill))
    if rng.random() < 0.4:
        sends.append(lambda: send_cancel(world, cancel_of(world, rng, order)))
    if rng.random() < 0.4:
        sends.append(lambda: send_replace(world, replace_of(world, rng, order), order))
    if rng.random() < 0.3:
        sends.append(lambda: world.send_fill(end_of(world, rng, order)))
    rng.shuffle(sends)
    for send in sends:
        send()


def step_life(world: World, rng: Random) -> None:
    """An order of its own, acknowledged, replaced and filled: what a venue mostly does."""
    order = good_order(world, rng)
    world.send_new(order)
    world.send_fill(report_on(world, order))
    if rng.random() < 0.7:
        world.now_ms += rng.choice([0, 200])
        replace = replace_of(world, rng, order)
        send_replace(world, replace, order)
        if rng.random() < 0.8:
            world.send_fill(answer_to(world, rng, replace))
    for _ in range(rng.choice([0, 1, 1, 2])):
        fill = changed(trade_of(world, rng, order), **ids_for(world, rng, order))
        world.send_fill(fill)
    if rng.random() < 0.2:
        filled = world.filled.get((order.user_id, order.order_id), 0)
        less = changed(replace_of(world, rng, order), quantity_lots=max(1, filled))
        send_replace(world, less, order)


def step_expiry_race(world: World, rng: Random) -> None:
    """The clock comes to the instant at which an order ends, and so do reports on it."""
    ahead = [o for o in world.orders if (o.expires_at or 0) >= world.now_us]
    if not ahead or rng.random() < 0.3:
        order = changed(good_order(world, rng), expires_at=world.now_us + 2_000)
        world.send_new(order)
    else:
        order = min(ahead, key=lambda o: o.expires_at or 0)
    expires_ms = (order.expires_at or 0) // 1000
    if expires_ms - world.now_ms > 60_000:
        return
    world.now_ms = max(world.now_ms, expires_ms - rng.choice([0, 0, 1]))
    for _ in range(rng.choice([1, 2])):
        if rng.random() < 0.3:
            send_cancel(world, cancel_of(world, rng, order))
        fill = rng.choice([trade_of, trade_of, end_of])(world, rng, order)
        world.send_fill(fill)
        world.now_ms += rng.choice([0, 0, 1])
