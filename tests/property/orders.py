"""Orders of every kind: NEW, CANCEL and REPLACE, mostly sound, and what senders get wrong.

Owns the steps that put order records into a history. Must never know how the gate answers.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from pipeline.codecs.avro import encode_order
from pipeline.risk.records import (
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_LIMIT,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_FOK,
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_IOC,
    Order,
)
from tests.property.world import (
    ALGORITHMS,
    COUNTERPARTIES,
    DESKS,
    E9,
    EQUITIES,
    EVERYBODY,
    INSTRUMENTS,
    INT64_MAX,
    OTHER_TENANT,
    STRANGER,
    TENANT,
    USUAL_PRICE_E9,
    WINDOW_MS,
    World,
    changed,
    send_mark,
    usual_policy,
)

LONG: Final = "x" * 65
TIMES_IN_FORCE: Final = (
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_IOC,
    TIME_IN_FORCE_FOK,
)


def some(rng: Random, items: list[Any]) -> Any:
    """One of the items, rather a late one than an early one."""
    return items[-1 - min(int(rng.expovariate(0.15)), len(items) - 1)]


def some_order(world: World, rng: Random) -> Order:
    """A NEW that was sent, mostly one that had nothing wrong with it."""
    sound = bool(world.sound) and rng.random() < 0.85
    order: Order = some(rng, world.sound if sound else world.orders)
    return order


def price_near(world: World, rng: Random, name: str) -> int:
    """A price some ticks from the usual one."""
    tick = world.instruments[name].tick_e9 if name in world.instruments else E9
    usual = USUAL_PRICE_E9.get(name, 100 * E9)
    return max(tick, (usual + rng.randint(-8, 8) * tick) // tick * tick)


def good_order(world: World, rng: Random) -> Order:
    """A NEW that has nothing wrong with it but perhaps its size."""
    name = rng.choice([*INSTRUMENTS, "ESX", "ESX", *EQUITIES])
    lot = world.instruments[name].lot
    market = rng.random() < 0.15
    lifetime_ms = rng.choice([None] * 6 + [1, 400, 3_000, 30_000])
    side = SIDE_BUY if rng.random() < (0.75 if name in EQUITIES else 0.5) else SIDE_SELL
    sells_shares = name in EQUITIES and side == SIDE_SELL
    return Order(
        event_time=world.now_us - rng.choice([0, 0, 1, 1_000_000]),
        source_system_id="desk",
        tenant_id=TENANT,
        action=ORDER_ACTION_NEW,
        order_id=world.new_id("o"),
        orig_order_id=None,
        user_id=rng.choice(EVERYBODY),
        instrument_id=name,
        side=side,
        order_type=ORDER_TYPE_MARKET if market else ORDER_TYPE_LIMIT,
        time_in_force=rng.choice(TIMES_IN_FORCE),
        quantity_lots=lot * rng.choice([1, 1, 2, 3, 5, 8, 10]),
        price_e9=None if market else price_near(world, rng, name),
        expires_at=None if lifetime_ms is None else (world.now_ms + lifetime_ms) * 1000,
        trader_id=rng.choice([None, "trader"]),
        algo_id=rng.choice([None, None, *ALGORITHMS]),
        desk_id=rng.choice([None, None, *DESKS]),
        counterparty_id=rng.choice([None, None, *COUNTERPARTIES]),
        tags=rng.choice([{}, {"b": "2", "a": "1"}]),
        reduce_only=rng.random() < 0.02,
        short_mark=rng.choice([None, 0, 1]) if sells_shares or rng.random() < 0.02 else None,
    )


ORDER_DEFECTS: Final[tuple[Callable[[World, Random, Order], dict[str, Any]], ...]] = (
    lambda _w, r, _o: {r.choice(["tenant_id", "instrument_id", "source_system_id"]): ""},
    lambda _w, r, _o: {r.choice(["trader_id", "algo_id", "desk_id", "counterparty_id"]): LONG},
    lambda _w, _r, _o: {"tags": {str(n): "" for n in range(17)}},
    lambda _w, _r, _o: {"tags": {"long": LONG}},
    lambda _w, r, _o: {"order_type": ORDER_TYPE_MARKET, "price_e9": r.choice([None, E9])},
    lambda _w, _r, _o: {"order_type": ORDER_TYPE_MARKET, "price_e9": None, "instrument_id": "NOPE"},
    lambda _w, _r, _o: {
        "order_type": ORDER_TYPE_MARKET,
        "price_e9": None,
        "instrument_id": "GIANT",
    },
    lambda _w, r, _o: {"price_e9": r.choice([None, 0, -E9, 10**18 + 1, INT64_MAX])},
    lambda _w, r, _o: {"quantity_lots": r.choice([0, -2, 10**12 + 2, INT64_MAX])},
    lambda _w, _r, _o: {"quantity_lots": 10**12, "price_e9": 10**18},
    lambda _w, _r, _o: {"price_e9": -1, "quantity_lots": 0},
    lambda w, r, _o: {"event_time": w.now_us + r.choice([1_000_000, 1_000_001, INT64_MAX // 2])},
    lambda w, r, _o: {"event_time": w.now_us - r.choice([5_000_000, 5_000_001, 3_000_000_000])},
    lambda w, r, _o: {"event_time": w.now_us - WINDOW_MS * 1000 - r.choice([0, 1, 10**15])},
    lambda w, r, _o: {"event_time": w.now_us + r.randint(1, WINDOW_MS * 1000)},
    lambda _w, _r, _o: {"event_time": -(2**63)},
    lambda w, r, _o: {"expires_at": w.now_us + r.choice([0, 1, -1, 1000])},
    lambda _w, r, _o: {"expires_at": r.choice([0, -(2**63), INT64_MAX])},
    lambda _w, _r, _o: {"user_id": STRANGER},
    lambda _w, _r, _o: {"user_id": STRANGER, "instrument_id": "NOPE"},
    lambda _w, _r, _o: {"tenant_id": OTHER_TENANT},
    lambda _w, _r, _o: {"instrument_id": "NOPE"},
    lambda _w, _r, _o: {"instrument_id": "SHARE"},
    lambda _w, _r, _o: {"instrument_id": "FICKLE", "quantity_lots": 2, "price_e9": 100 * E9},
    lambda _w, _r, _o: {"price_e9": 10**18},
    lambda _w, _r, _o: {"quantity_lots": 10**12},
    lambda _w, _r, _o: {"instrument_id": "GIANT", "quantity_lots": 10**9, "price_e9": 10**15},
    lambda _w, _r, _o: {"instrument_id": "GIANT", "quantity_lots": 1, "price_e9": E9},
    lambda _w, r, o: {"price_e9": (o.price_e9 or 0) + r.choice([1, -1])},
    lambda _w, r, o: {"price_e9": (o.price_e9 or 0) // 100 * r.choice([97, 102, 103, 200])},
    lambda _w, r, _o: {"quantity_lots": r.choice([1, 3, 21, 22, 40])},
    lambda _w, r, _o: {"user_id": r.choice(["", LONG])},
    lambda _w, r, _o: {"order_id": r.choice(["", LONG])},
    lambda _w, _r, o: {"order_id": o.order_id + "\x00\x01:é"},
    lambda _w, r, o: {"order_id": r.choice(["gate:", "gate:0:1:1", "gate", "Gate:" + o.order_id])},
)


def step_order(world: World, rng: Random) -> None:
    """A new order, mostly sound."""
    order = good_order(world, rng)
    sound = rng.random() < 0.7
    if not sound:
        order = changed(order, **rng.choice(ORDER_DEFECTS)(world, rng, order))
    if rng.random() < 0.1:
        send_mark_at_the_edge(world, rng, rng.choice([order.instrument_id, "EUR-USD"]))
    world.send_new(order, sound=sound)


def send_mark_at_the_edge(world: World, rng: Random, name: str) -> None:
    """A mark that is just fresh enough, or just not, for an order sent in the same instant."""
    usual = USUAL_PRICE_E9.get(name, 100 * E9)
    send_mark(world, name, usual, usual_policy().mark_age_ms_max * 1000 + rng.choice([0, 1]))


def step_burst(world: World, rng: Random) -> None:
    """Small orders of one user within one second, and a REPLACE, which counts as well."""
    first = changed(
        good_order(world, rng),
        instrument_id="ESX",
        order_type=ORDER_TYPE_LIMIT,
        quantity_lots=1,
    )
    for _ in range(rng.randint(3, 7)):
        order = changed(
            first,
            order_id=world.new_id("o"),
            event_time=world.now_us,
            price_e9=price_near(world, rng, "ESX"),
        )
        world.send_new(order)
        if rng.random() < 0.3:
            send_replace(world, replace_of(world, rng, order), order)
        world.now_ms += rng.choice([0, 1, 60, 125, 200])


def step_from_ahead(world: World, rng: Random) -> None:
    """Orders of a sender whose clock is ahead, by a moment or by hours."""
    for _ in range(rng.randint(2, 20)):
        ahead_us = 2 ** rng.randint(1, 33)
        order = changed(good_order(world, rng), event_time=world.now_us + ahead_us)
        world.send_new(order, sound=ahead_us < 10**6)


def step_repeat_order(world: World, rng: Random) -> None:
    """An order record comes again, now and then with other content."""
    known = world.orders + world.cancels + world.replaces[-20:]
    if not known:
        return
    order = some(rng, known)
    if rng.random() < 0.3:
        order = changed(order, quantity_lots=order.quantity_lots ^ 1)
    body = encode_order(order)
    if len(order.tags) > 1 and rng.random() < 0.5:
        body = with_tags_backwards(order)
    world.send("orders", order.user_id.encode(), body)


def with_tags_backwards(order: Order) -> bytes:
    """The same order by another producer, which writes maps in another order."""
    tags = [text.encode() for pair in sorted(order.tags.items(), reverse=True) for text in pair]
    block = b"".join(bytes([len(text) * 2]) + text for text in tags)
    bare = encode_order(changed(order, tags={}))
    # What follows the map: whether it is reduce-only, and a mark or none.
    behind = 2 if order.short_mark is None else 3
    return b"".join(
        (bare[: -behind - 1], bytes([len(order.tags) * 2]), block, b"\x00", bare[-behind:])
    )


# CANCEL

CANCEL_DEFECTS: Final[tuple[Callable[[World, Order], dict[str, Any]], ...]] = (
    lambda _w, _o: {"orig_order_id": None},
    lambda _w, _o: {"orig_order_id": "never"},
    lambda _w, _o: {"orig_order_id": LONG},
    lambda _w, o: {"orig_order_id": o.order_id},
    lambda _w, o: {"order_id": o.orig_order_id},
    lambda _w, _o: {"order_id": "gate:0:1:1"},
    lambda _w, _o: {"tenant_id": OTHER_TENANT},
    lambda _w, _o: {"user_id": STRANGER},
    lambda w, _o: {"event_time": w.now_us + 10_000_000},
    lambda w, _o: {"event_time": w.now_us - 20_000_000},
    lambda _w, _o: {"action": ORDER_ACTION_REPLACE},
    lambda _w, _o: {"action": ORDER_ACTION_REPLACE, "orig_order_id": LONG},
)


def cancel_of(world: World, rng: Random, order: Order) -> Order:
    """A CANCEL by any id the order has had or was to have."""
    cancel: Order = changed(
        order,
        event_time=world.now_us,
        action=ORDER_ACTION_CANCEL,
        order_id=world.new_id("c"),
        orig_order_id=rng.choice(world.chain(order)).order_id,
        quantity_lots=0,
        price_e9=None,
    )
    return cancel


def send_cancel(world: World, cancel: Order) -> None:
    """Send a CANCEL, for others to follow up."""
    world.cancels.append(cancel)
    world.send_order(cancel)


def step_cancel(world: World, rng: Random) -> None:
    """A cancel of some order, mostly sound; now and then of an id that is no order's."""
    if not world.orders:
        return
    others = world.cancels + world.replaces
    usual = rng.random() < 0.9 or not others
    target = some_order(world, rng) if usual else some(rng, others)
    cancel = cancel_of(world, rng, target)
    if rng.random() < 0.3:
        cancel = changed(cancel, **rng.choice(CANCEL_DEFECTS)(world, cancel))
    send_cancel(world, cancel)


# REPLACE

REPLACE_DEFECTS: Final[tuple[Callable[[World, Random, Order], dict[str, Any]], ...]] = (
    *ORDER_DEFECTS,
    lambda _w, r, _o: {"orig_order_id": r.choice([None, "never", LONG, ""])},
    lambda _w, _r, o: {"orig_order_id": o.order_id},
    lambda _w, _r, o: {"order_id": o.orig_order_id},
    lambda _w, r, _o: {"instrument_id": r.choice(list(INSTRUMENTS))},
    lambda _w, _r, o: {"side": SIDE_BUY + SIDE_SELL - o.side},
    lambda _w, r, _o: {"time_in_force": r.choice(TIMES_IN_FORCE)},
    lambda w, r, _o: {"expires_at": r.choice([None, w.now_us + 10_000_000])},
    lambda _w, _r, _o: {"order_type": ORDER_TYPE_MARKET, "price_e9": None},
    lambda _w, _r, _o: {"order_type": ORDER_TYPE_MARKET},
)


def replace_of(world: World, rng: Random, order: Order) -> Order:
    """A REPLACE that asks for more, less or another price, by any id the order has had."""
    chain = world.chain(order)
    terms = chain[-1]
    quantity = max(1, min(terms.quantity_lots, 40))
    lot = world.instruments[order.instrument_id].lot if order.instrument_id in INSTRUMENTS else 1
    filled = world.filled.get((order.user_id, order.order_id), 0)
    price = terms.price_e9
    replace: Order = changed(
        terms,
        event_time=world.now_us,
        action=ORDER_ACTION_REPLACE,
        order_id=world.new_id("r"),
        orig_order_id=rng.choice([chain[0], terms, rng.choice(chain)]).order_id,
        order_type=ORDER_TYPE_LIMIT,
        quantity_lots=rng.choice([quantity, quantity + lot, quantity * 2, filled, filled + lot]),
        price_e9=rng.choice([price, price_near(world, rng, order.instrument_id)]),
    )
    return replace


def send_replace(world: World, replace: Order, order: Order) -> None:
    """Send a REPLACE of an order, for others to follow up, and for the venue to answer."""
    world.replaces.append(replace)
    world.chain(order).append(replace)
    world.send_order(replace)


def step_replace(world: World, rng: Random) -> None:
    """A REPLACE of some order, mostly sound; now and then two in a row."""
    if not world.orders:
        return
    order = some_order(world, rng)
    for _ in range(rng.choice([1, 1, 1, 2])):
        replace = replace_of(world, rng, order)
        if rng.random() < 0.25:
            replace = changed(replace, **rng.choice(REPLACE_DEFECTS)(world, rng, replace))
        send_replace(world, replace, order)
