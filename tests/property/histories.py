"""Hostile histories: what producers of every kind might send one lane, in any order.

Owns the world the histories live in (few users and instruments, tight limits) and what goes
wrong in it. A history is made from a list of step seeds: each step draws its chances from its own
seed and from what the steps before it sent, so a shorter list is a simpler history of the same
kind. Must never know how the gate answers.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from pipeline.codecs.avro import (
    encode_control,
    encode_deposit,
    encode_fill,
    encode_mark,
    encode_order,
)
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_SETTLEMENT,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NAMES,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    INSTRUMENT_STATE_CLOSED,
    INSTRUMENT_STATE_HALTED,
    INSTRUMENT_STATE_OPEN,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_LIMIT,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_IOC,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    Control,
    CoreVersion,
    DayClose,
    Deposit,
    FeeSchedule,
    Fill,
    FirmState,
    Instrument,
    Limits,
    Mark,
    Order,
    Policy,
    UserAccount,
)
from tests.oracle.arithmetic import murmur2
from tests.oracle.definitions import Payload

TOPICS: Final = ("control", "marks", "deposits", "fills", "orders")
SCHEMA_OF: Final = dict(zip(TOPICS, ("control", "mark", "deposit", "fill", "order"), strict=True))
LANE: Final = 0
LANE_COUNT: Final = 2
START_MS: Final = 1_700_000_000_000
DAY_MS: Final = 86_400_000
WINDOW_MS: Final = 2 * 3_600_000
# So many ids are never sent: the bound by count does not bite unless a test lowers it.
IDS_MAX: Final = 10_000
E9: Final = 10**9
INT64_MAX: Final = 2**63 - 1
TENANT: Final = "alpha"
OTHER_TENANT: Final = "beta"
TIERS: Final = ("gold", "iron")


class Input(NamedTuple):
    """One record as a lane meets it."""

    topic: str
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


def _users_of(lane: int, count: int, form: str) -> list[str]:
    """The first `count` names of a form whose key belongs to the lane."""
    names = (form.format(number) for number in range(1000))
    ours = (name for name in names if murmur2(name.encode()) % LANE_COUNT == lane)
    return [next(ours) for _ in range(count)]


USERS: Final = _users_of(LANE, 3, "user-{}")
# An id that holds the separators which careless keys are joined with.
AWKWARD_USER: Final = _users_of(LANE, 1, "us\x00er:é/{}")[0]
STRANGER: Final = _users_of(LANE, 1, "stranger-{}")[0]
ELSEWHERE: Final = _users_of(1 - LANE, 1, "elsewhere-{}")[0]
EVERYBODY: Final = [*USERS, AWKWARD_USER]


def future(name: str, **changes: Any) -> Instrument:
    """A future, 12.50 a tick and lot unless changed."""
    shape: dict[str, Any] = {
        "instrument_id": name,
        "kind": INSTRUMENT_KIND_FUTURE,
        "currency": "USD",
        "base_currency": None,
        "base_minor_per_lot": 0,
        "tick_e9": E9 // 4,
        "lot": 1,
        "multiplier_numerator": 5000,
        "multiplier_denominator": 1,
        "margin_minor_per_lot": 100_000,
        "state": INSTRUMENT_STATE_OPEN,
    }
    return Instrument(**(shape | changes))


def spot(name: str, **changes: Any) -> Instrument:
    """A pair whose multiplier leaves fractions of minor units."""
    shape: dict[str, Any] = {
        "kind": INSTRUMENT_KIND_SPOT,
        "base_currency": "BTC",
        "base_minor_per_lot": 1000,
        "tick_e9": E9 // 100,
        "lot": 2,
        "multiplier_numerator": 1,
        "multiplier_denominator": 3,
        "margin_minor_per_lot": None,
    }
    return future(name, **(shape | changes))


INSTRUMENTS: Final[dict[str, Callable[..., Instrument]]] = {
    "ESX": future,
    "EURX": lambda name, **c: future(
        name,
        **{"currency": "EUR", "tick_e9": E9 // 10, "multiplier_denominator": 7, "lot": 2} | c,
    ),
    "BTC-USD": spot,
}
USUAL_PRICE_E9: Final = {"ESX": 5000 * E9, "EURX": 120 * E9, "BTC-USD": 42_000 * E9}


class World:
    """What the producers of one history have sent so far, and their clock."""

    def __init__(self, ids_max: int = IDS_MAX) -> None:
        """Nothing has been sent yet. `ids_max`: the policy's remembered_ids_max."""
        self.now_ms = START_MS
        self.ids_max = ids_max
        # What else a change of the policy may make of it.
        self.other_ids_max: list[int] = [ids_max // 4 + 1, ids_max * 3, 10**18]
        self.sent: list[Input] = []
        self.control_number = 0
        self.ids = 0
        self.orders: list[Order] = []
        self.cancels: list[Order] = []
        self.fills: list[Fill] = []
        self.deposits: list[Deposit] = []
        self.withdrawals: list[Deposit] = []
        self.controls: list[Control] = []
        self.filled: dict[tuple[str, str], int] = {}
        self.instruments = {name: make(name) for name, make in INSTRUMENTS.items()}

    @property
    def now_us(self) -> int:
        """The producers' clock in microseconds."""
        return self.now_ms * 1000

    def new_id(self, prefix: str) -> str:
        """An id not used before."""
        self.ids += 1
        return f"{prefix}{self.ids}"

    def send(self, topic: str, key: bytes | None, body: bytes) -> None:
        """Put a well framed record into the lane."""
        value = fixed_ids().frame(SCHEMA_OF[topic]) + body
        self.sent.append(Input(topic, self.now_ms, key, value))

    def send_order(self, order: Order) -> None:
        """Put an order under its user's key."""
        self.send("orders", order.user_id.encode(), encode_order(order))

    def send_fill(self, fill: Fill) -> None:
        """Put an execution report under its user's key."""
        self.fills.append(fill)
        self.send("fills", fill.user_id.encode(), encode_fill(fill))

    def send_deposit(self, deposit: Deposit) -> None:
        """Put a movement of money under its user's key."""
        self.deposits.append(deposit)
        self.send("deposits", deposit.user_id.encode(), encode_deposit(deposit))

    def send_control(self, payload: Payload, effective_from: int = 0) -> None:
        """Publish the next control record."""
        self.control_number += 1
        control = Control(
            event_time=self.now_us,
            source_system_id="console",
            tenant_id=TENANT,
            number=self.control_number,
            version=self.control_number * 10,
            proposer="ann",
            approver=None,
            reason="history",
            effective_from=effective_from,
            signature=None,
            payload=payload,
        )
        self.controls.append(control)
        self.send("control", None, encode_control(control))


def usual_limits(scope: int = LIMIT_SCOPE_TIER, scope_id: str = "gold", **changes: Any) -> Limits:
    """Limits so tight that every second order is near one."""
    shape: dict[str, Any] = {
        "scope": scope,
        "scope_id": scope_id,
        "instrument_id": None,
        "order_rate_per_s_max": 4,
        "order_quantity_lots_max": 20,
        "order_notional_minor_max": 400_000_000,
        "position_lots_max": 30,
        "price_collar_bps": 200,
    }
    return Limits(**(shape | changes))


def usual_policy(**changes: Any) -> Policy:
    """Bounds that a history of minutes meets."""
    shape: dict[str, Any] = {
        "order_age_ms_max": 5_000,
        "future_skew_ms_max": 1_000,
        "mark_age_ms_max": 60_000,
        "dedup_window_ms": WINDOW_MS,
        "remembered_ids_max": IDS_MAX,
        "open_orders_max": 6,
        "checks_exempt": [],
    }
    return Policy(**(shape | changes))


def set_up(world: World, rng: Random, missing: float) -> None:
    """Publish a world that can trade; each part is left out with the chance `missing`."""
    payloads: list[Payload] = [
        *(make(name) for name, make in INSTRUMENTS.items()),
        usual_limits(),
        usual_limits(scope_id="iron", order_rate_per_s_max=6),
        UserAccount(ELSEWHERE, OTHER_TENANT, "gold", TRADING_STATE_ACTIVE),
        *(
            UserAccount(user, TENANT, TIERS[number % 2], TRADING_STATE_ACTIVE)
            for number, user in enumerate(EVERYBODY)
        ),
        FirmState(TRADING_STATE_ACTIVE),
        FeeSchedule("gold", None, 150, 3),
        FeeSchedule("iron", None, 0, 10),
        usual_policy(remembered_ids_max=world.ids_max),
    ]
    for payload in payloads:
        if rng.random() >= missing:
            world.send_control(payload)
    for name, price in USUAL_PRICE_E9.items():
        if rng.random() >= missing:
            send_mark(world, name, price)
    for user in EVERYBODY:
        for currency, amount in (("USD", 30_000_000), ("EUR", 5_000_000), ("BTC", 50_000)):
            if rng.random() >= missing:
                send_money(world, user, DEPOSIT_KIND_DEPOSIT, currency, amount)


def send_mark(world: World, name: str, price_e9: int, age_us: int = 0) -> None:
    """Publish a reference price."""
    now = world.now_us
    mark = Mark(now, "feed", TENANT, name, price_e9, now - age_us)
    world.send("marks", name.encode(), encode_mark(mark))


def send_money(
    world: World, user: str, kind: int, currency: str, amount: int, **changes: Any
) -> None:
    """Publish a movement of money."""
    shape: dict[str, Any] = {
        "event_time": world.now_us,
        "source_system_id": "treasury",
        "tenant_id": TENANT,
        "deposit_id": world.new_id("d"),
        "withdrawal_id": None,
        "user_id": user,
        "currency": currency,
        "amount_minor": amount,
        "kind": kind,
        "channel": None,
        "counterparty": None,
        "instrument_id": None,
        "settlement_price_e9": None,
        "session_date": None,
    }
    world.send_deposit(Deposit(**(shape | changes)))


def changed(record: Any, **changes: Any) -> Any:
    """A copy of a record with some fields changed."""
    return type(record)(**(vars_of(record) | changes))


def vars_of(record: Any) -> dict[str, Any]:
    """The fields of a record, also of a compiled class, which has no __dict__."""
    names = getattr(type(record), "__mypyc_attrs__", None) or vars(record)
    return {name: getattr(record, name) for name in names}


# Orders


def price_near(world: World, rng: Random, name: str) -> int:
    """A price some ticks from the usual one."""
    tick = world.instruments[name].tick_e9 if name in world.instruments else E9
    usual = USUAL_PRICE_E9.get(name, 100 * E9)
    return max(tick, (usual + rng.randint(-8, 8) * tick) // tick * tick)


def good_order(world: World, rng: Random) -> Order:
    """A NEW that has nothing wrong with it but perhaps its size."""
    name = rng.choice([*INSTRUMENTS, "ESX"])
    lot = world.instruments[name].lot
    return Order(
        event_time=world.now_us - rng.choice([0, 0, 1, 1_000_000]),
        source_system_id="desk",
        tenant_id=TENANT,
        action=ORDER_ACTION_NEW,
        order_id=world.new_id("o"),
        orig_order_id=None,
        user_id=rng.choice(EVERYBODY),
        instrument_id=name,
        side=rng.choice([SIDE_BUY, SIDE_SELL]),
        order_type=ORDER_TYPE_LIMIT,
        time_in_force=rng.choice([TIME_IN_FORCE_GTC, TIME_IN_FORCE_IOC]),
        quantity_lots=lot * rng.choice([1, 1, 2, 3, 5, 8]),
        price_e9=price_near(world, rng, name),
        trader_id=rng.choice([None, "trader"]),
        algo_id=None,
        desk_id=None,
        counterparty_id=None,
        tags=rng.choice([{}, {"b": "2", "a": "1"}]),
    )


LONG: Final = "x" * 65
ORDER_DEFECTS: Final[tuple[Callable[[World, Random, Order], dict[str, Any]], ...]] = (
    lambda _w, r, _o: {r.choice(["tenant_id", "instrument_id", "source_system_id"]): ""},
    lambda _w, r, _o: {r.choice(["trader_id", "algo_id", "desk_id", "counterparty_id"]): LONG},
    lambda _w, _r, _o: {"tags": {str(n): "" for n in range(17)}},
    lambda _w, _r, _o: {"tags": {"long": LONG}},
    lambda _w, r, _o: {"order_type": ORDER_TYPE_MARKET, "price_e9": r.choice([None, E9])},
    lambda _w, r, _o: {"price_e9": r.choice([None, 0, -E9, 10**18 + 1, INT64_MAX])},
    lambda _w, r, _o: {"quantity_lots": r.choice([0, -2, 10**12 + 2, INT64_MAX])},
    lambda _w, _r, _o: {"quantity_lots": 10**12, "price_e9": 10**18},
    lambda _w, _r, _o: {"price_e9": -1, "quantity_lots": 0},
    lambda w, r, _o: {"event_time": w.now_us + r.choice([1_000_000, 1_000_001, INT64_MAX // 2])},
    lambda w, r, _o: {"event_time": w.now_us - r.choice([5_000_000, 5_000_001, 3_000_000_000])},
    lambda w, r, _o: {"event_time": w.now_us - WINDOW_MS * 1000 - r.choice([0, 1, 10**15])},
    lambda w, r, _o: {"event_time": w.now_us + r.randint(1, WINDOW_MS * 1000)},
    lambda _w, _r, _o: {"event_time": -(2**63)},
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
)


def step_order(world: World, rng: Random) -> None:
    """A new order, mostly sound."""
    order = good_order(world, rng)
    if rng.random() < 0.3:
        order = changed(order, **rng.choice(ORDER_DEFECTS)(world, rng, order))
    if rng.random() < 0.1:
        send_mark_at_the_edge(world, rng, order.instrument_id)
    world.orders.append(order)
    world.send_order(order)


def send_mark_at_the_edge(world: World, rng: Random, name: str) -> None:
    """A mark that is just fresh enough, or just not, for an order sent in the same instant."""
    usual = USUAL_PRICE_E9.get(name, 100 * E9)
    send_mark(world, name, usual, usual_policy().mark_age_ms_max * 1000 + rng.choice([0, 1]))


def step_burst(world: World, rng: Random) -> None:
    """Small orders of one user within one second."""
    first = changed(good_order(world, rng), instrument_id="ESX", quantity_lots=1)
    for _ in range(rng.randint(3, 7)):
        order = changed(
            first,
            order_id=world.new_id("o"),
            event_time=world.now_us,
            price_e9=price_near(world, rng, "ESX"),
        )
        world.orders.append(order)
        world.send_order(order)
        world.now_ms += rng.choice([0, 1, 60, 125, 200])


def step_from_ahead(world: World, rng: Random) -> None:
    """Orders of a sender whose clock is ahead, by a moment or by hours."""
    for _ in range(rng.randint(2, 20)):
        ahead_us = 2 ** rng.randint(1, 33)
        order = changed(good_order(world, rng), event_time=world.now_us + ahead_us)
        world.orders.append(order)
        world.send_order(order)


def some(rng: Random, items: list[Any]) -> Any:
    """One of the items, rather a late one than an early one."""
    return items[-1 - min(int(rng.expovariate(0.15)), len(items) - 1)]


def step_repeat_order(world: World, rng: Random) -> None:
    """An order or a cancel comes again, now and then with other content."""
    known = world.orders + world.cancels
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
    return bare[:-1] + bytes([len(order.tags) * 2]) + block + b"\x00"


CANCEL_DEFECTS: Final[tuple[Callable[[World, Order], dict[str, Any]], ...]] = (
    lambda _w, _o: {"orig_order_id": None},
    lambda _w, _o: {"orig_order_id": "never"},
    lambda _w, _o: {"orig_order_id": LONG},
    lambda _w, o: {"orig_order_id": o.order_id},
    lambda _w, o: {"order_id": o.orig_order_id},
    lambda _w, _o: {"tenant_id": OTHER_TENANT},
    lambda _w, _o: {"user_id": STRANGER},
    lambda w, _o: {"event_time": w.now_us + 10_000_000},
    lambda w, _o: {"event_time": w.now_us - 20_000_000},
    lambda _w, _o: {"action": ORDER_ACTION_REPLACE},
    lambda _w, _o: {"action": ORDER_ACTION_REPLACE, "orig_order_id": LONG},
)


def step_cancel(world: World, rng: Random) -> None:
    """A cancel of some order, mostly sound."""
    if not world.orders:
        return
    target = some(rng, world.orders if rng.random() < 0.9 else world.orders + world.cancels)
    cancel = changed(
        target,
        event_time=world.now_us,
        action=ORDER_ACTION_CANCEL,
        order_id=world.new_id("c"),
        orig_order_id=target.order_id,
        quantity_lots=0,
        price_e9=None,
    )
    if rng.random() < 0.3:
        cancel = changed(cancel, **rng.choice(CANCEL_DEFECTS)(world, cancel))
    world.cancels.append(cancel)
    world.send_order(cancel)


# Execution reports


def report_on(world: World, order: Order, **changes: Any) -> Fill:
    """A report on an order; a trade of nothing unless changed."""
    shape: dict[str, Any] = {
        "event_time": world.now_us,
        "source_system_id": "venue",
        "tenant_id": order.tenant_id,
        "exec_id": world.new_id("x"),
        "exec_ref_id": None,
        "order_id": order.order_id,
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


def trade_of(world: World, rng: Random, order: Order) -> Fill:
    """A trade of some of what the venue thinks is open, now and then of more."""
    id_ = (order.user_id, order.order_id)
    before = world.filled.get(id_, 0)
    leaves = max(0, min(order.quantity_lots, 50) - before)
    part = rng.randint(1, max(1, leaves))
    lots = rng.choice([part, leaves, leaves + rng.choice([0, 0, 0, 1, 5])])
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


FILL_DEFECTS: Final[tuple[Callable[[World, Random, Fill], dict[str, Any]], ...]] = (
    lambda w, _r, _f: {"order_id": w.new_id("unknown")},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "side": None},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "instrument_id": None},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "instrument_id": "SHARE"},
    lambda w, _r, _f: {"order_id": w.new_id("unknown"), "user_id": STRANGER},
    lambda _w, _r, _f: {"instrument_id": None, "side": None},
    lambda _w, r, _f: {"venue": r.choice(["", LONG])},
    lambda _w, r, _f: {"exec_id": r.choice(["", LONG])},
    lambda _w, r, _f: {r.choice(["last_lots", "cum_lots", "leaves_lots"]): -1},
    lambda _w, r, _f: {r.choice(["last_lots", "cum_lots", "leaves_lots"]): 10**12 + 1},
    lambda _w, r, _f: {"last_price_e9": r.choice([None, 0, -1, 10**18 + 1])},
    lambda _w, _r, _f: {"exec_type": EXEC_TYPE_FILL, "last_lots": 0, "last_price_e9": None},
    lambda _w, _r, _f: {"last_lots": 10**12, "last_price_e9": 10**18},
    lambda _w, r, _f: {"fee_minor": r.choice([INT64_MAX, -(2**63), 10**8])},
    lambda _w, r, _f: {"exec_type": r.choice([6, 8, 9])},
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
    order = some(rng, world.orders if rng.random() < 0.95 else world.orders + world.cancels)
    kind = rng.random()
    if kind < 0.6:
        fill = trade_of(world, rng, order)
    elif kind < 0.8:
        fill = end_of(world, rng, order)
    else:
        acknowledgement = rng.choice([EXEC_TYPE_NEW, EXEC_TYPE_NEW, EXEC_TYPE_CANCEL_REJECTED])
        fill = report_on(world, order, exec_type=acknowledgement)
    if rng.random() < 0.2:
        fill = changed(fill, **rng.choice(FILL_DEFECTS)(world, rng, fill))
    world.send_fill(fill)


def step_repeat_fill(world: World, rng: Random) -> None:
    """A report comes again, now and then with other content."""
    if world.fills:
        fill = some(rng, world.fills)
        if rng.random() < 0.3:
            fill = changed(fill, exec_type=rng.randrange(len(EXEC_TYPE_NAMES)), cum_lots=1)
        world.send("fills", fill.user_id.encode(), encode_fill(fill))


def step_race(world: World, rng: Random) -> None:
    """A cancel, the venue's confirmation and a fill of one order cross each other."""
    if not world.orders:
        return
    order = some(rng, world.orders)
    trade = trade_of(world, rng, order)
    cum = max(0, trade.cum_lots - rng.choice([0, 0, 1]))
    canceled = report_on(world, order, exec_type=EXEC_TYPE_CANCELED, cum_lots=cum)
    fills = [trade, canceled]
    rng.shuffle(fills)
    cancel = changed(
        order,
        event_time=world.now_us,
        action=ORDER_ACTION_CANCEL,
        order_id=world.new_id("c"),
        orig_order_id=order.order_id,
    )
    at = rng.randrange(3)
    for number in range(3):
        if number == at:
            world.cancels.append(cancel)
            world.send_order(cancel)
        else:
            world.send_fill(fills.pop())


# Money


def step_money(world: World, rng: Random) -> None:
    """Money comes, goes, is settled or adjusted; now and then more than there is."""
    user = rng.choice([*EVERYBODY, *EVERYBODY, STRANGER])
    currency = rng.choice(["USD", "USD", "EUR", "BTC"])
    amount = rng.choice([1, 1000, 200_000, 5_000_000, 10**8])
    kind = rng.random()
    if kind < 0.4:
        send_money(world, user, DEPOSIT_KIND_DEPOSIT, currency, amount)
    elif kind < 0.6:
        signed = amount * rng.choice([1, -1])
        send_money(world, user, DEPOSIT_KIND_SETTLEMENT, currency, signed)
    else:
        signed = rng.choice([-(10**7), -(10**8), 10**7, 10**8, amount, -amount])
        send_money(world, user, DEPOSIT_KIND_ADJUSTMENT, currency, signed)


def step_withdrawal(world: World, rng: Random) -> None:
    """A withdrawal is asked for, or one that was asked for settles or fails."""
    if not world.withdrawals or rng.random() < 0.5:
        user = rng.choice(EVERYBODY)
        amount = rng.choice([1, 10_000, 1_000_000, 10**12])
        send_money(
            world,
            user,
            DEPOSIT_KIND_WITHDRAWAL_REQUEST,
            rng.choice(["USD", "EUR"]),
            amount,
            withdrawal_id=world.new_id("w"),
        )
        world.withdrawals.append(world.deposits[-1])
        return
    request = some(rng, world.withdrawals)
    kind = rng.choice(
        [
            DEPOSIT_KIND_WITHDRAWAL_SETTLED,
            DEPOSIT_KIND_WITHDRAWAL_SETTLED,
            DEPOSIT_KIND_WITHDRAWAL_FAILED,
            DEPOSIT_KIND_WITHDRAWAL_REQUEST,
        ]
    )
    answer = changed(
        request,
        kind=kind,
        deposit_id=world.new_id("d"),
        event_time=world.now_us,
        amount_minor=max(1, request.amount_minor + rng.choice([0, 0, -1, 1])),
    )
    world.send_deposit(answer)


DEPOSIT_DEFECTS: Final[tuple[Callable[[World, Random], dict[str, Any]], ...]] = (
    lambda _w, r: {"currency": r.choice(["", "C" * 17])},
    lambda _w, r: {"withdrawal_id": r.choice(["", LONG])},
    lambda _w, r: {"deposit_id": r.choice(["", LONG])},
    lambda _w, r: {"amount_minor": r.choice([0, -1, 10**18 + 1, -(2**63), INT64_MAX])},
    lambda w, r: {"event_time": w.now_us - WINDOW_MS * 1000 - r.choice([0, 1, 10**12])},
    lambda w, r: {"kind": r.choice([1, 2, 3]), "deposit_id": w.new_id("d")},
    lambda w, r: {
        "kind": r.choice([2, 3]),
        "deposit_id": w.new_id("d"),
        "withdrawal_id": "never",
    },
    lambda _w, _r: {},
    lambda _w, _r: {"amount_minor": 7},
)


def step_odd_money(world: World, rng: Random) -> None:
    """A movement that is wrong, or comes again."""
    if world.deposits:
        deposit = some(rng, world.deposits)
        if rng.random() < 0.7:
            deposit = changed(deposit, deposit_id=world.new_id("d"))
        odd = changed(deposit, **rng.choice(DEPOSIT_DEFECTS)(world, rng))
        world.send("deposits", odd.user_id.encode(), encode_deposit(odd))


def step_flood_money(world: World, rng: Random) -> None:
    """More money than can be counted."""
    user = rng.choice(USERS)
    sign = rng.choice([1, -1])
    currency = rng.choice(["YEN", "YEN", "USD", "EUR"])
    for _ in range(10):
        send_money(world, user, DEPOSIT_KIND_ADJUSTMENT, currency, sign * 10**18)


# Control, marks, time


def new_instrument(world: World, rng: Random) -> Instrument:
    """An instrument as somebody might redefine it in the middle of the day."""
    name = rng.choice(list(INSTRUMENTS))
    is_future = name != "BTC-USD"
    changes: list[dict[str, Any]] = [
        {},
        {},
        {"state": rng.choice([INSTRUMENT_STATE_CLOSED, INSTRUMENT_STATE_HALTED])},
        {"multiplier_numerator": rng.choice([1, 9999, 10**18])},
    ]
    if is_future:
        changes += [
            {"margin_minor_per_lot": rng.choice([0, 50_000, 300_000, 2_000_000, 10**18])},
            {"margin_minor_per_lot": None},
            {"currency": rng.choice(["USD", "EUR"])},
            {"tick_e9": E9},
            {"lot": rng.choice([1, 3])},
        ]
    instrument = INSTRUMENTS[name](name, **rng.choice(changes))
    world.instruments[name] = instrument
    return instrument


def new_limits(_: World, rng: Random) -> Limits:
    """Limits of somebody, lowered, lifted or taken away."""
    scope = rng.choice([LIMIT_SCOPE_TIER, LIMIT_SCOPE_USER])
    scope_id = rng.choice(TIERS if scope == LIMIT_SCOPE_TIER else EVERYBODY)
    instrument = rng.choice([None, None, *INSTRUMENTS])
    figures = {
        "order_rate_per_s_max": rng.choice([None, None, 0, 3, 100]),
        "order_quantity_lots_max": rng.choice([None, None, 3, 10**12]),
        "order_notional_minor_max": rng.choice([None, None, 10**8, 10**18]),
        "position_lots_max": rng.choice([None, None, 0, 10, 1000]),
        "price_collar_bps": rng.choice([None, None, 5, 10_000, 10**18]),
    }
    return usual_limits(scope, scope_id, instrument_id=instrument, **figures)


def usual_limits_again(_: World, rng: Random) -> Limits:
    """The limits of a tier as they were."""
    return usual_limits(scope_id=rng.choice(TIERS))


def new_account(_: World, rng: Random) -> UserAccount:
    """A user who is registered, moved, halted or let go again."""
    return UserAccount(
        rng.choice([*EVERYBODY, ELSEWHERE]),
        rng.choice([TENANT] * 8 + [OTHER_TENANT, "gamma"]),
        rng.choice([*TIERS, *TIERS, *TIERS, "bare"]),
        rng.choice([TRADING_STATE_ACTIVE] * 4 + [TRADING_STATE_REDUCING, TRADING_STATE_HALTED]),
    )


def new_firm_state(_: World, rng: Random) -> FirmState:
    """The firm trades again, mostly."""
    return FirmState(rng.choice([TRADING_STATE_ACTIVE] * 3 + [TRADING_STATE_REDUCING, 2]))


def new_fees(_: World, rng: Random) -> FeeSchedule:
    """Fees go up and down."""
    instrument = rng.choice([None, None, *INSTRUMENTS])
    return FeeSchedule(
        rng.choice(TIERS),
        instrument,
        rng.choice([0, 99, 99, 10**18]),
        rng.choice([0, 7, 7, 10**18]),
    )


def new_policy(world: World, rng: Random) -> Policy:
    """Bounds are moved, checks are switched off and on."""
    exempt = ["ORDER_RATE", "PRICE_COLLAR", "OPEN_ORDERS", "POSITION_LIMIT", "ORDER_NOTIONAL"]
    chosen = rng.sample([*exempt, "ORDER_QUANTITY"], rng.randint(1, 3))
    return usual_policy(
        checks_exempt=rng.choice([[], [], chosen]),
        open_orders_max=rng.choice([0, 3, 6, 20]),
        dedup_window_ms=rng.choice([WINDOW_MS, WINDOW_MS, 60_000]),
        remembered_ids_max=rng.choice([world.ids_max, world.ids_max, *world.other_ids_max]),
        mark_age_ms_max=rng.choice([0, 60_000, 600_000]),
        order_age_ms_max=rng.choice([5_000, 4 * WINDOW_MS]),
    )


def new_day(world: World, rng: Random) -> DayClose:
    """A day is closed: today, one that has been closed before, or one that is yet to come."""
    today = world.now_ms // DAY_MS
    return DayClose(rng.choice([today, today, today - 1, today + 1, today + 3, -1, 2**31 - 1]))


def new_core(_: World, rng: Random) -> CoreVersion:
    """The core that is in force anyway, or one that there never was."""
    return CoreVersion(rng.choice([1, 1, 0, -1]))


def odd_instrument(_: World, rng: Random) -> Instrument:
    """A kind or a size that cannot be traded."""
    share = future("SHARE", kind=INSTRUMENT_KIND_EQUITY)
    giant = future("GIANT", multiplier_numerator=10**18, margin_minor_per_lot=10**18)
    fickle = future("FICKLE", kind=rng.randrange(3), currency=rng.choice(["USD", "EUR"]))
    if fickle.kind == INSTRUMENT_KIND_SPOT:
        fickle = spot("FICKLE")
    return rng.choice([share, giant, fickle])


def bad_payload(_: World, rng: Random) -> Payload:
    """A definition that cannot be."""
    field = rng.choice(["tick_e9", "lot", "multiplier_numerator", "multiplier_denominator"])
    payloads: list[Payload] = [
        future("ESX", **{field: rng.choice([0, -1])}),
        future("ESX", margin_minor_per_lot=-1),
        future("BTC-USD", kind=INSTRUMENT_KIND_SPOT, base_currency=None, base_minor_per_lot=1),
        usual_limits(position_lots_max=-1),
        FeeSchedule("gold", None, -1, 0),
        usual_policy(order_age_ms_max=-1),
        usual_policy(open_orders_max=-1),
        usual_policy(dedup_window_ms=0),
        usual_policy(remembered_ids_max=0),
        usual_policy(checks_exempt=["BUYING_POWER"]),
        UserAccount(USERS[0], TENANT, "", TRADING_STATE_ACTIVE),
    ]
    return rng.choice(payloads)


CONTROLS: Final[tuple[Callable[[World, Random], Payload], ...]] = (
    new_instrument,
    new_instrument,
    new_limits,
    new_limits,
    usual_limits_again,
    usual_limits_again,
    new_account,
    new_account,
    new_firm_state,
    new_fees,
    new_policy,
    new_day,
    new_core,
    odd_instrument,
    bad_payload,
)


def step_control(world: World, rng: Random) -> None:
    """A change of what is in force, at once or later; now and then one that is known."""
    if world.controls and rng.random() < 0.05:
        world.send("control", None, encode_control(rng.choice(world.controls)))
        return
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        payload = rng.choice(CONTROLS)(world, rng)
        later = world.now_us + rng.choice([1, 500_000, 5_000_000, 3 * DAY_MS * 1000])
        world.send_control(payload, rng.choice([0, 0, world.now_us, later, later, later]))


def step_mark(world: World, rng: Random) -> None:
    """A price: fresh, old, from the future, far away or none at all."""
    name = rng.choice([*INSTRUMENTS, *INSTRUMENTS, "GIANT", "NOPE"])
    usual = price_near(world, rng, name)
    price = rng.choice([usual] * 8 + [usual * 2, 1, 0, -1])
    age = rng.choice([0, 0, 0, 59_000_000, 61_000_000, -5_000_000, 2**62])
    send_mark(world, name, price, age)


def step_marks(world: World, rng: Random) -> None:
    """Fresh marks for everything."""
    for name in INSTRUMENTS:
        send_mark(world, name, price_near(world, rng, name))


def step_time(world: World, rng: Random) -> None:
    """The clock jumps ahead, now and then past a window or a day; mostly the feed keeps up."""
    ahead = [5_000, 30_000, 61_000, WINDOW_MS, WINDOW_MS + 1, DAY_MS, 3 * DAY_MS]
    world.now_ms += rng.choice(ahead)
    if rng.random() < 0.8:
        step_marks(world, rng)


def step_back_in_time(world: World, rng: Random) -> None:
    """One producer's clock is behind for a moment."""
    back = rng.choice([1000, 3_600_000, 3 * DAY_MS])
    world.now_ms -= back
    rng.choice([step_order, step_fill, step_money, step_marks])(world, rng)
    world.now_ms += back


def step_recover(world: World, rng: Random) -> None:
    """Operations put things right again."""
    user = rng.choice(EVERYBODY)
    payloads: list[Payload] = [
        FirmState(TRADING_STATE_ACTIVE),
        usual_limits(scope_id=rng.choice(TIERS)),
        UserAccount(user, TENANT, rng.choice(TIERS), TRADING_STATE_ACTIVE),
        usual_policy(remembered_ids_max=world.ids_max),
        new_instrument(world, rng),
    ]
    for payload in payloads:
        world.send_control(payload)
    for currency in ("USD", "EUR", "BTC"):
        send_money(world, user, DEPOSIT_KIND_DEPOSIT, currency, 20_000_000)
    step_marks(world, rng)


# Records that nobody should send


# One byte more than an input may have.
TOO_LARGE: Final = bytes(1_048_577)


def step_poison(world: World, rng: Random) -> None:
    """Bytes that are no record of the topic."""
    topic = rng.choice(TOPICS)
    samples = [i.value for i in world.sent if i.topic == topic and i.value is not None]
    sample = rng.choice(samples) if samples else b""
    values: list[bytes | None] = [
        None,
        b"",
        rng.randbytes(rng.randint(1, 40)),
        fixed_ids().frame(SCHEMA_OF[topic]) + rng.randbytes(rng.randint(0, 60)),
        sample[: rng.randrange(len(sample) + 1) or 1][:-1],
        sample + b"\x00",
        b"\x01" + sample[1:],
        b"\x00\x00\x00\x00\x63" + sample[5:],
        fixed_ids().frame("decision") + sample[5:],
        fixed_ids().frame(SCHEMA_OF[topic]) + b"\xff" * 11,
        TOO_LARGE,
    ]
    world.sent.append(Input(topic, world.now_ms, rng.choice([None, b"k"]), rng.choice(values)))


def step_wrong_key(world: World, rng: Random) -> None:
    """A good record under no key, another key, or in a lane that is not its user's."""
    order = good_order(world, rng)
    keys: list[tuple[str, bytes | None]] = [
        (order.user_id, None),
        (order.user_id, b""),
        (order.user_id, STRANGER.encode()),
        (ELSEWHERE, ELSEWHERE.encode()),
    ]
    user, key = rng.choice(keys)
    order = changed(order, user_id=user)
    topic = rng.choice(["orders", "fills", "deposits"])
    if topic == "orders":
        world.send(topic, key, encode_order(order))
    elif topic == "fills":
        world.send(topic, key, encode_fill(report_on(world, order)))
    elif world.deposits:
        deposit = changed(rng.choice(world.deposits), user_id=user)
        world.send(topic, key, encode_deposit(deposit))


STEPS: Final[tuple[tuple[int, Callable[[World, Random], None]], ...]] = (
    (34, step_order),
    (2, step_burst),
    (1, step_from_ahead),
    (5, step_repeat_order),
    (7, step_cancel),
    (28, step_fill),
    (3, step_repeat_fill),
    (4, step_race),
    (4, step_money),
    (5, step_withdrawal),
    (2, step_odd_money),
    (1, step_flood_money),
    (5, step_control),
    (2, step_mark),
    (6, step_marks),
    (2, step_time),
    (1, step_back_in_time),
    (3, step_recover),
    (2, step_poison),
    (2, step_wrong_key),
)
_WEIGHTS: Final = [weight for weight, _ in STEPS]
_ACTIONS: Final = [action for _, action in STEPS]


def make_history(
    steps: Sequence[int], ids_max: int = IDS_MAX, *, steady: bool = False
) -> list[Input]:
    """The inputs that a list of step seeds leads to.

    The first seed shapes the set-up; a step of seed 0 does nothing. `ids_max`: remembered_ids_max
    as it mostly is, or with `steady` always, and nothing is left out of the set-up.
    """
    world = World(ids_max)
    if steady:
        world.other_ids_max = [ids_max]
    if steps:
        rng = Random(steps[0])
        missing = rng.choice([0.0, 0.0, 0.0, 0.05, 0.3])
        set_up(world, rng, 0.0 if steady else missing)
    for seed in filter(None, steps[1:]):
        rng = Random(seed)
        world.now_ms += rng.choice([0, 0, 1, 7, 100, 300, 1000])
        rng.choices(_ACTIONS, _WEIGHTS)[0](world, rng)
    return world.sent


def seeded_history(seed: int, length: int) -> list[Input]:
    """A history that only its seed and length decide."""
    rng = Random(seed)
    return make_history([rng.getrandbits(32) for _ in range(length)])
