"""The world that histories live in: few users and instruments, tight limits, and who sends what.

Owns the definitions a history starts from, the clock of its producers and what they have sent so
far. Must never know how the gate answers.
"""

from collections.abc import Callable
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
    DEPOSIT_KIND_DEPOSIT,
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    INSTRUMENT_STATE_OPEN,
    LIMIT_SCOPE_TIER,
    TRADING_STATE_ACTIVE,
    Collateral,
    Control,
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
from tests.roomy import roomy

TOPICS: Final = ("control", "marks", "deposits", "fills", "orders")
SCHEMA_OF: Final = dict(zip(TOPICS, ("control", "mark", "deposit", "fill", "order"), strict=True))
LANE: Final = 0
LANE_COUNT: Final = 2
START_MS: Final = 1_700_000_000_000
DAY_MS: Final = 86_400_000
WINDOW_MS: Final = 2 * 3_600_000
# So many ids are never sent: the bound by count does not bite unless a test lowers it.
IDS_MAX: Final = 10_000
# Longer than any history or example: no order is swept as an orphan unless a test lowers it.
ORPHAN_MS: Final = 30 * DAY_MS
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


def equity(name: str, **changes: Any) -> Instrument:
    """A share, 50.00 margin a lot sold short."""
    shape: dict[str, Any] = {
        "kind": INSTRUMENT_KIND_EQUITY,
        "tick_e9": E9 // 100,
        "multiplier_numerator": 100,
        "margin_minor_per_lot": 5_000,
    }
    return future(name, **(shape | changes))


def fx_pair(name: str, **changes: Any) -> Instrument:
    """A pair of two currencies that limits are converted by: 1,000.00 of the base a lot."""
    shape: dict[str, Any] = {
        "base_currency": "EUR",
        "base_minor_per_lot": 100_000,
        "tick_e9": E9 // 10_000,
        "lot": 1,
        "multiplier_numerator": 100_000,
        "multiplier_denominator": 1,
    }
    return spot(name, **(shape | changes))


INSTRUMENTS: Final[dict[str, Callable[..., Instrument]]] = {
    "ESX": future,
    "EURX": lambda name, **c: future(
        name,
        **{"currency": "EUR", "tick_e9": E9 // 10, "multiplier_denominator": 7, "lot": 2} | c,
    ),
    "GBX": lambda name, **c: future(
        name, **{"currency": "GBP", "tick_e9": E9 // 10, "margin_minor_per_lot": 200_000} | c
    ),
    "BTC-USD": spot,
    "EUR-USD": fx_pair,
    "ACME": equity,
    # Cannot be sold short: nobody said what that would be margined with.
    "NORD": lambda name, **c: equity(name, **{"currency": "EUR", "margin_minor_per_lot": None} | c),
}
ALGORITHMS: Final = ("vwap", "twap")
DESKS: Final = ("east", "west")
COUNTERPARTIES: Final = ("bank", "broker")
# Nobody trades them: their marks convert.
PAIRS: Final[dict[str, Callable[..., Instrument]]] = {
    "BTC-EUR": lambda name: spot(name, currency="EUR"),
    "BTC-GBP": lambda name: spot(name, currency="GBP", multiplier_denominator=7),
    "EUR-GBP": lambda name: fx_pair(name, currency="GBP"),
    "GBP-USD": lambda name: fx_pair(name, base_currency="GBP"),
}
FUTURES: Final = ("ESX", "EURX")
EQUITIES: Final = ("ACME", "NORD")
USUAL_PRICE_E9: Final = {
    "ESX": 5000 * E9,
    "EURX": 120 * E9,
    "BTC-USD": 42_000 * E9,
    "GBX": 80 * E9,
    "EUR-USD": 1_080_000_000,
    "BTC-EUR": 39_000 * E9,
    "BTC-GBP": 33_000 * E9,
    "EUR-GBP": 850_000_000,
    "GBP-USD": 1_270_000_000,
    "ACME": 190 * E9,
    "NORD": 45 * E9,
}


class World:
    """What the producers of one history have sent so far, and their clock."""

    def __init__(self, ids_max: int = IDS_MAX) -> None:
        """Nothing has been sent yet. `ids_max`: the policy's remembered_ids_max."""
        self.now_ms = START_MS
        self.ids_max = ids_max
        # What else a change of the policy may make of it.
        self.other_ids_max: list[int] = [ids_max // 4 + 1, ids_max * 3, 10**18]
        self.orphan_ms = ORPHAN_MS
        self.sent: list[Input] = []
        self.control_number = 0
        self.ids = 0
        self.orders: list[Order] = []
        # Those of them that had nothing wrong with them when they were sent.
        self.sound: list[Order] = []
        self.cancels: list[Order] = []
        self.replaces: list[Order] = []
        # By user and root: the NEW and the REPLACE requests that followed, whatever came of them.
        self.chains: dict[tuple[str, str], list[Order]] = {}
        self.fills: list[Fill] = []
        # Trades that may be busted; those not yet sent have been busted already.
        self.trades: list[Fill] = []
        self.withheld: list[Fill] = []
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

    def policy(self, **changes: Any) -> Policy:
        """The policy of this history."""
        shape = {"remembered_ids_max": self.ids_max, "orphan_ms_max": self.orphan_ms}
        return usual_policy(**(shape | changes))

    def send_new(self, order: Order, *, sound: bool = True) -> None:
        """Put a NEW under its user's key, for others to follow up."""
        self.orders.append(order)
        if sound:
            self.sound.append(order)
        self.chains.setdefault((order.user_id, order.order_id), []).append(order)
        self.send_order(order)

    def chain(self, order: Order) -> list[Order]:
        """The NEW of an order and what was to replace it, oldest first."""
        return self.chains.get((order.user_id, order.order_id), [order])

    def send_order(self, order: Order) -> None:
        """Put an order under its user's key."""
        self.send("orders", order.user_id.encode(), encode_order(order))

    def send_fill(self, fill: Fill) -> None:
        """Put an execution report under its user's key."""
        self.fills.append(fill)
        if fill.last_lots > 0:
            self.trades.append(fill)
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
        "notional_currency": None,
        "position_lots_max": 30,
        "price_collar_bps": 200,
        "market_collar_bps": 100,
        "short_lots_max": None,
        "locate_id": None,
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
        "orphan_ms_max": ORPHAN_MS,
        "checks_exempt": [],
    }
    return Policy(**(shape | changes))


def set_up(world: World, rng: Random, missing: float) -> None:
    """Publish a world that can trade; each part is left out with the chance `missing`."""
    payloads: list[Payload] = [
        *(make(name) for name, make in INSTRUMENTS.items()),
        *(make(name) for name, make in PAIRS.items()),
        equity("SHARE"),
        usual_limits(),
        usual_limits(scope_id="iron", order_rate_per_s_max=6, short_lots_max=6, locate_id="prime"),
        usual_limits(
            instrument_id="ACME", order_notional_minor_max=90_000, notional_currency="EUR"
        ),
        usual_limits(
            scope_id="iron",
            instrument_id="EURX",
            order_notional_minor_max=500_000,
            notional_currency="USD",
        ),
        UserAccount(ELSEWHERE, OTHER_TENANT, "gold", TRADING_STATE_ACTIVE),
        *(
            UserAccount(user, TENANT, TIERS[number % 2], TRADING_STATE_ACTIVE)
            for number, user in enumerate(EVERYBODY)
        ),
        FirmState(TRADING_STATE_ACTIVE),
        FeeSchedule("gold", None, 150, 3),
        FeeSchedule("iron", None, 0, 10),
        # Gold alone: an iron user stands by the money of each currency.
        Collateral("gold", "BTC", 2_500),
        Collateral("gold", "EUR", 300),
        Collateral("gold", "USD", 0),
        world.policy(),
    ]
    for payload in payloads:
        if rng.random() >= missing:
            world.send_control(payload)
    # Each of these many would stop a whole tier.
    for room in roomy(TIERS, [*INSTRUMENTS, "SHARE"]):
        if rng.random() >= missing / 20:
            world.send_control(room)
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
