"""What users do too often: the same again, prices pushed, quick cancels, algorithms left alone.

Owns the steps that come close to the limits of what one user may send, and those that meet what a
severe check, a list, a state or a session leads to. Must never know how the gate answers.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from pipeline.risk.records import (
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_REJECT,
    EXEC_TYPE_PARTIAL_FILL,
    LIMIT_SCOPE_USER,
    ORDER_TYPE_LIMIT,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    CheckLimit,
    CheckPolicy,
    Listing,
    Order,
    Release,
    Restriction,
    ScopeState,
)
from tests.property.exposures import fill_whole, plain_order
from tests.property.orders import (
    cancel_of,
    good_order,
    price_near,
    replace_of,
    send_cancel,
    send_replace,
)
from tests.property.reports import report_on, trade_of
from tests.property.steering import (
    CALENDARS,
    SCOPES,
    SEVERITIES,
    SUBJECTS,
    calendar_around,
    limit_most,
)
from tests.property.world import (
    ALGORITHMS,
    COUNTERPARTIES,
    DESKS,
    EVERYBODY,
    INSTRUMENTS,
    World,
    changed,
    send_mark,
)

# More than these come to other limits, unless they are out of the way.
SENT_AT_ONCE_MAX: Final = 4


def pick(world: World, rng: Random) -> tuple[str, str]:
    """A user and an instrument whose mark is fresh, mostly with nothing in the user's way."""
    user, name = rng.choice(EVERYBODY), rng.choice(["ESX", *INSTRUMENTS])
    send_mark(world, name, price_near(world, rng, name))
    if rng.random() < 0.6:
        world.send_control(Release(user, None, None))
    return user, name


def tighten(world: World, rng: Random, user: str, check: str, limit: int, **more: Any) -> None:
    """Give one user a limit of a check, now and then with another severity or window."""
    where = rng.choice([None, None, more.get("instrument_id")])
    allowance = more.get("allowance")
    world.send_control(CheckLimit(check, LIMIT_SCOPE_USER, user, where, limit, allowance, None))
    if "window_ms" in more or rng.random() < 0.3:
        severity = rng.choice(SEVERITIES)
        world.send_control(CheckPolicy(check, severity, more.get("window_ms")))


def ease(world: World, rng: Random, user: str, check: str, instrument_id: str | None) -> None:
    """Mostly take it back; that of the tier counts again."""
    if rng.random() < 0.15:
        return
    for where in (None, instrument_id):
        world.send_control(CheckLimit(check, LIMIT_SCOPE_USER, user, where, None, None, None))
    world.send_control(CheckPolicy(check, CHECK_SEVERITY_REJECT, None))
    world.send_control(Release(user, None, check))


def again(world: World, order: Order, **changes: Any) -> Order:
    """The same order under another id, of now."""
    copy: Order = changed(order, order_id=world.new_id("o"), event_time=world.now_us, **changes)
    return copy


# What is sent too often


def step_same_content(world: World, rng: Random) -> None:
    """The same order again and again, now and then by a REPLACE or at market."""
    user, name = pick(world, rng)
    window_ms = rng.choice([None, None, 1, 100, 5_000])
    limit = rng.choice([0, 1, 1, 2, limit_most("SAME_CONTENT")])
    tighten(world, rng, user, "SAME_CONTENT", limit, instrument_id=name, window_ms=window_ms)
    order = changed(plain_order(world, rng, user, name, SIDE_BUY), quantity_lots=2)
    if rng.random() < 0.2:
        order = changed(order, order_type=ORDER_TYPE_MARKET, price_e9=None)
    times = rng.choice([2, 3, 4, 4, 18])
    if times > SENT_AT_ONCE_MAX:
        exempt = ["ORDER_RATE", "OPEN_ORDERS", "POSITION_LIMIT"]
        world.send_control(world.policy(checks_exempt=exempt))
    for _ in range(times):
        copy = again(world, order)
        if rng.random() < 0.1:
            # At market, with a price that it must not name.
            at_market = again(world, order, order_type=ORDER_TYPE_MARKET, price_e9=10**9)
            world.send_new(at_market, sound=False)
        if rng.random() < 0.2:
            other = again(world, order, quantity_lots=4, side=rng.choice([SIDE_BUY, SIDE_SELL]))
            world.send_new(other)
            same = changed(replace_of(world, rng, other), quantity_lots=2, price_e9=order.price_e9)
            send_replace(world, same, other)
        world.send_new(copy)
        if rng.random() < 0.5:
            send_cancel(world, cancel_of(world, rng, copy))
        world.now_ms += 1 if times > SENT_AT_ONCE_MAX else rng.choice([0, 1, 99, 100, 101, 1_001])
    if times > SENT_AT_ONCE_MAX:
        world.send_control(world.policy())
    ease(world, rng, user, "SAME_CONTENT", name)


def step_push(world: World, rng: Random) -> None:
    """Each order betters the price of the one before, or falls back."""
    user, name = pick(world, rng)
    side = rng.choice([SIDE_BUY, SIDE_SELL])
    window_ms = rng.choice([None, None, 1, 100, 86_400_000])
    limit = rng.choice([0, 1, 3])
    tighten(world, rng, user, "PUSH", limit, instrument_id=name, window_ms=window_ms)
    tick = world.instruments[name].tick_e9
    price = price_near(world, rng, name)
    for _ in range(rng.randint(2, 6)):
        order = changed(plain_order(world, rng, user, name, side), price_e9=price)
        if rng.random() < 0.15:
            order = changed(order, order_type=ORDER_TYPE_MARKET, price_e9=None)
        world.send_new(order)
        step = rng.choice([1, 1, 1, 0, -1]) * tick * (1 if side == SIDE_BUY else -1)
        price = max(tick, price + step)
        if rng.random() < 0.3:
            better = changed(replace_of(world, rng, order), price_e9=price)
            send_replace(world, better, order)
        world.now_ms += rng.choice([0, 1, 2, 100, 101, 300])
    ease(world, rng, user, "PUSH", name)


def step_instant_cancel(world: World, rng: Random) -> None:
    """Orders are cancelled as soon as they are there, or just not so soon."""
    user, name = pick(world, rng)
    window_ms = rng.choice([None, 1, 100])
    limit = rng.choice([0, 0, 1, 3])
    tighten(world, rng, user, "INSTANT_CANCEL", limit, instrument_id=name, window_ms=window_ms)
    for _ in range(rng.randint(2, 4)):
        order = plain_order(world, rng, user, name, rng.choice([SIDE_BUY, SIDE_SELL]))
        world.send_new(order)
        if rng.random() < 0.2:
            fill_whole(world, order, price_near(world, rng, name))
        world.now_ms += rng.choice([0, 1, 2, 99, 100, 101, 1_000, 1_001])
        for _ in range(rng.choice([1, 1, 2])):
            send_cancel(world, cancel_of(world, rng, order))
    ease(world, rng, user, "INSTANT_CANCEL", name)


def step_messages(world: World, rng: Random) -> None:
    """Orders, changes of them and cancels within a second, some of them traded."""
    user, name = pick(world, rng)
    checks = ["MESSAGE_RATE", "HIGH_FREQUENCY_RATE", "HIGH_FREQUENCY_DAY", "ORDER_TO_TRADE"]
    check = rng.choice(checks)
    by_trades = check == "ORDER_TO_TRADE"
    allowance = rng.choice([None, 0, 2, 30]) if by_trades else None
    limit = rng.choice([0, 1, 2, 10**18] if by_trades else [0, 1, 3, 5, 20])
    tighten(world, rng, user, check, limit, instrument_id=name, allowance=allowance)
    for _ in range(rng.randint(2, 5)):
        order = plain_order(world, rng, user, name, rng.choice([SIDE_BUY, SIDE_SELL]))
        world.send_new(order)
        sends: list[Callable[[Order], None]] = [
            lambda o: fill_whole(world, o, price_near(world, rng, name)),
            lambda o: send_replace(world, replace_of(world, rng, o), o),
            lambda o: send_cancel(world, cancel_of(world, rng, o)),
        ]
        for send in rng.sample(sends, rng.randint(0, 2)):
            send(order)
        world.now_ms += rng.choice([0, 1, 60, 125, 200])
    ease(world, rng, user, check, name)


def step_algorithm(world: World, rng: Random) -> None:
    """An algorithm trades again and again, until somebody looks at it."""
    (user, _), algorithm = pick(world, rng), rng.choice(ALGORITHMS)
    check = "REPEATED_EXECUTION"
    tighten(world, rng, user, check, rng.choice([0, 1, 2]))
    for _ in range(rng.randint(2, 4)):
        order = changed(good_order(world, rng), user_id=user, algo_id=algorithm)
        world.send_new(order)
        for _ in range(rng.choice([0, 1, 2])):
            world.send_fill(trade_of(world, rng, order))
        if rng.random() < 0.3:
            send_replace(world, replace_of(world, rng, order), order)
        if rng.random() < 0.2:
            world.send_control(Release(user, rng.choice(ALGORITHMS), rng.choice([None, check])))
        world.now_ms += rng.choice([0, 300])
    ease(world, rng, user, check, None)
    if rng.random() < 0.8:
        world.send_control(Release(user, algorithm, None))


def step_position(world: World, rng: Random) -> None:
    """Large orders of one side, until position and working orders come to their limit."""
    user, name = pick(world, rng)
    side, lot = rng.choice([SIDE_BUY, SIDE_SELL]), world.instruments[name].lot
    for _ in range(rng.randint(2, 4)):
        lots = rng.choice([6, 8, 10, 16]) // lot * lot
        order = changed(plain_order(world, rng, user, name, side), quantity_lots=max(lot, lots))
        world.send_new(order)
        if rng.random() < 0.4:
            fill_whole(world, order, price_near(world, rng, name))
        if rng.random() < 0.3:
            send_replace(world, replace_of(world, rng, order), order)
        world.now_ms += rng.choice([0, 300, 1_000])


def step_larger(world: World, rng: Random) -> None:
    """An order of which most is filled is replaced by one that is too large."""
    user, name = pick(world, rng)
    lot, side = world.instruments[name].lot, rng.choice([SIDE_BUY, SIDE_SELL])
    order = changed(plain_order(world, rng, user, name, side), quantity_lots=16 // lot * lot)
    world.send_new(order)
    filled = rng.choice([9, 12, 13]) // lot * lot
    world.filled[order.user_id, order.order_id] = filled
    fill = report_on(world, order, exec_type=EXEC_TYPE_PARTIAL_FILL, last_lots=filled)
    world.send_fill(changed(fill, last_price_e9=order.price_e9, cum_lots=filled, leaves_lots=1))
    for quantity in rng.sample([17, 20, 21, 22, 24, 40], 2):
        larger = changed(replace_of(world, rng, order), quantity_lots=quantity // lot * lot)
        send_replace(world, larger, order)
        world.now_ms += rng.choice([0, 300])


# What stops somebody


def step_latched(world: World, rng: Random) -> None:
    """A check latches or halts a user, who goes on, mostly until somebody lets the user go."""
    user, name = pick(world, rng)
    check = rng.choice(["ORDER_QUANTITY", "PRICE_COLLAR", "MESSAGE_RATE"])
    severity = rng.choice([CHECK_SEVERITY_LATCH, CHECK_SEVERITY_LATCH, CHECK_SEVERITY_HALT])
    world.send_control(CheckPolicy(check, severity, None))
    side = rng.choice([SIDE_BUY, SIDE_SELL])
    held = plain_order(world, rng, user, name, side)
    world.send_new(held)
    fill_whole(world, held, price_near(world, rng, name))
    order = plain_order(world, rng, user, name, side)
    too_much = {
        "ORDER_QUANTITY": {"quantity_lots": 22},
        "PRICE_COLLAR": {"price_e9": (order.price_e9 or 0) * 2},
        "MESSAGE_RATE": {},
    }
    if check == "MESSAGE_RATE":
        tighten(world, rng, user, check, 0)
        world.send_control(CheckPolicy(check, severity, None))
    world.send_new(changed(order, **too_much[check]))
    for _ in range(rng.randint(1, 3)):
        back = plain_order(world, rng, user, name, rng.choice([side, 1 - side, 1 - side]))
        world.send_new(back)
        world.now_ms += rng.choice([0, 300])
        if rng.random() < 0.3:
            world.send_new(again(world, order, **too_much[check]))
        if rng.random() < 0.3:
            world.send_control(Release(user, None, rng.choice([None, check, "PUSH"])))
    ease(world, rng, user, check, None)


def step_list(world: World, rng: Random) -> None:
    """Somebody or something is on a list for a while, everywhere or in one instrument."""
    subject = rng.choice(list(SUBJECTS))
    ids = rng.sample(SUBJECTS[subject], rng.choice([1, 1, 2]))
    name = rng.choice(list(INSTRUMENTS))
    choices: list[list[str | None]] = [[None], [name], [name, None], [None, name]]
    places = rng.choice(choices)
    for where in places:
        world.send_control(Restriction(subject, ids, where, restricted=True))
    for _ in range(rng.randint(1, 3)):
        send_of(world, rng, rng.choice([name, *INSTRUMENTS]))
    if rng.random() < 0.85:
        for where in places:
            world.send_control(Restriction(subject, ids, where, restricted=False))


def step_stop(world: World, rng: Random) -> None:
    """An algorithm, a desk or an instrument may only reduce for a while, or do nothing."""
    scope = rng.choice(list(SCOPES))
    id_ = rng.choice(SCOPES[scope])
    state = rng.choice([TRADING_STATE_REDUCING, TRADING_STATE_HALTED])
    world.send_control(ScopeState(scope, id_, state))
    name = id_ if id_ in INSTRUMENTS else rng.choice(["ESX", *INSTRUMENTS])
    for _ in range(rng.randint(2, 4)):
        send_of(world, rng, name)
    if rng.random() < 0.85:
        world.send_control(ScopeState(scope, id_, TRADING_STATE_ACTIVE))


def send_of(world: World, rng: Random, name: str) -> None:
    """An order of somebody for somebody by something, now and then changed."""
    order = changed(
        plain_order(world, rng, rng.choice(EVERYBODY), name, rng.choice([SIDE_BUY, SIDE_SELL])),
        algo_id=rng.choice([None, *ALGORITHMS]),
        desk_id=rng.choice([None, *DESKS]),
        counterparty_id=rng.choice([None, *COUNTERPARTIES]),
        reduce_only=rng.random() < 0.1,
    )
    world.send_new(order)
    if rng.random() < 0.3:
        send_replace(world, replace_of(world, rng, order), order)
    if rng.random() < 0.2:
        send_cancel(world, cancel_of(world, rng, order))
    world.now_ms += rng.choice([0, 300])


def step_session(world: World, rng: Random) -> None:
    """Orders of an instrument that trades by a calendar, at the edges of its sessions."""
    name, calendar_id = rng.choice(list(INSTRUMENTS)), rng.choice(CALENDARS)
    calendar = calendar_around(world, rng, calendar_id)
    world.send_control(calendar)
    world.send_control(Listing(name, None, calendar_id))
    edges = [calendar.covers_from, calendar.covers_until, *calendar.opens, *calendar.closes]
    ahead = sorted(edge for edge in edges if world.now_us < edge < world.now_us + 30_000_000)
    for edge in [world.now_us, *ahead[:3]]:
        world.now_ms = max(world.now_ms, -(-edge // 1000) - rng.choice([0, 0, 1]))
        send_of(world, rng, name)
    if rng.random() < 0.85:
        world.send_control(Listing(name, rng.choice([None, "tech"]), None))


def step_reduce_only(world: World, rng: Random) -> None:
    """Orders that say of themselves that they only reduce, after a trade and without one."""
    user, name = pick(world, rng)
    side = rng.choice([SIDE_BUY, SIDE_SELL])
    if rng.random() < 0.7:
        order = plain_order(world, rng, user, name, side)
        world.send_new(order)
        fill_whole(world, order, order.price_e9 or 1)
    lot = world.instruments[name].lot
    for lots in (1, 2, 4):
        order = changed(
            plain_order(world, rng, user, name, rng.choice([1 - side, 1 - side, side])),
            order_type=ORDER_TYPE_LIMIT,
            quantity_lots=lots * lot,
            reduce_only=True,
        )
        world.send_new(order)
        if rng.random() < 0.3:
            send_replace(world, replace_of(world, rng, order), order)
        world.now_ms += rng.choice([0, 300])


STEPS: Final[tuple[tuple[int, Callable[[World, Random], None]], ...]] = (
    (3, step_same_content),
    (3, step_push),
    (3, step_instant_cancel),
    (4, step_messages),
    (3, step_algorithm),
    (3, step_position),
    (2, step_larger),
    (3, step_latched),
    (3, step_list),
    (3, step_stop),
    (3, step_session),
    (2, step_reduce_only),
)
