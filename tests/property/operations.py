"""Operations: definitions, states, fees, policies, days, marks and the clock.

Owns the steps that put control records and marks into a history, and those that move its clock.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from pipeline.codecs.avro import encode_control
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_KIND_SPOT,
    INSTRUMENT_STATE_CLOSED,
    INSTRUMENT_STATE_HALTED,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    CoreVersion,
    DayClose,
    FeeSchedule,
    FirmState,
    Instrument,
    Limits,
    Policy,
    UserAccount,
)
from tests.oracle.definitions import Payload
from tests.property.money import step_money
from tests.property.operator_rules import new_rule, rules_taken_back
from tests.property.orders import price_near, step_order
from tests.property.reports import step_fill
from tests.property.steering import everybody_goes
from tests.property.world import (
    DAY_MS,
    E9,
    ELSEWHERE,
    EQUITIES,
    EVERYBODY,
    FUTURES,
    INSTRUMENTS,
    OTHER_TENANT,
    PAIRS,
    TENANT,
    TIERS,
    USERS,
    WINDOW_MS,
    World,
    equity,
    future,
    fx_pair,
    send_mark,
    send_money,
    spot,
    usual_limits,
    usual_policy,
)
from tests.roomy import roomy


def new_instrument(world: World, rng: Random) -> Instrument:
    """An instrument as somebody might redefine it in the middle of the day."""
    name = rng.choice(list(INSTRUMENTS))
    changes: list[dict[str, Any]] = [
        {},
        {},
        {"state": rng.choice([INSTRUMENT_STATE_CLOSED, INSTRUMENT_STATE_HALTED])},
        {"multiplier_numerator": rng.choice([1, 9999, 10**18])},
    ]
    if name in FUTURES:
        changes += [
            {"margin_minor_per_lot": rng.choice([0, 50_000, 300_000, 2_000_000, 10**18])},
            {"margin_minor_per_lot": None},
            {"currency": rng.choice(["USD", "EUR"])},
            {"tick_e9": E9},
            {"lot": rng.choice([1, 3])},
        ]
    if name in EQUITIES:
        changes.append({"margin_minor_per_lot": rng.choice([None, 0, 1, 10_000_000])})
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
        "order_notional_minor_max": rng.choice([None, None, 10**5, 10**8, 10**18]),
        "notional_currency": rng.choice([None, None, "USD", "EUR", "BTC", "GBP"]),
        "position_lots_max": rng.choice([None, None, 0, 10, 1000]),
        "price_collar_bps": rng.choice([None, None, 5, 10_000, 10**18]),
        "market_collar_bps": rng.choice([None, None, 0, 50, 9_999, 10_000, 10**18]),
        "short_lots_max": rng.choice([None, None, 0, 4, 50]),
        "locate_id": rng.choice([None, "prime"]),
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
    return world.policy(
        checks_exempt=rng.choice([[], [], chosen]),
        open_orders_max=rng.choice([0, 3, 6, 20]),
        dedup_window_ms=rng.choice([WINDOW_MS, WINDOW_MS, 60_000]),
        remembered_ids_max=rng.choice([world.ids_max, world.ids_max, *world.other_ids_max]),
        mark_age_ms_max=rng.choice([0, 60_000, 600_000]),
        order_age_ms_max=rng.choice([5_000, 4 * WINDOW_MS]),
        orphan_ms_max=rng.choice([world.orphan_ms, world.orphan_ms, 1, 1_000, 10**9]),
    )


def new_day(world: World, rng: Random) -> DayClose:
    """A day is closed: today, one that has been closed before, or one that is yet to come."""
    today = world.now_ms // DAY_MS
    return DayClose(rng.choice([today, today, today - 1, today + 1, today + 3, -1, 2**31 - 1]))


def new_core(_: World, rng: Random) -> CoreVersion:
    """The core that is in force anyway, or one that there never was."""
    return CoreVersion(rng.choice([1, 1, 0, -1]))


def odd_instrument(_: World, rng: Random) -> Instrument:
    """A size that cannot be traded, a kind that changes, another pair to convert by."""
    share = future("SHARE", kind=INSTRUMENT_KIND_EQUITY)
    pairs = [
        fx_pair("AEUR-USD", state=rng.choice([0, 1])),
        fx_pair("GBP-EUR", base_currency="GBP", currency="EUR"),
        fx_pair("USD-BTC", base_currency="USD", currency="BTC", multiplier_denominator=7),
    ]
    giant = future("GIANT", multiplier_numerator=10**18, margin_minor_per_lot=10**18)
    fickle = future("FICKLE", kind=rng.randrange(3), currency=rng.choice(["USD", "EUR"]))
    if fickle.kind == INSTRUMENT_KIND_SPOT:
        fickle = spot("FICKLE", base_currency="ETH")
    return rng.choice([share, giant, fickle, *pairs])


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
        usual_policy(orphan_ms_max=-1),
        usual_limits(market_collar_bps=-1),
        usual_limits(short_lots_max=-1),
        usual_limits(locate_id=rng.choice(["", "x" * 65])),
        usual_limits(notional_currency=rng.choice(["", "C" * 17])),
        equity("ACME", margin_minor_per_lot=-1),
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
    new_rule,
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
    names = ["GIANT", "NOPE", "SHARE", "AEUR-USD", "GBP-EUR", "USD-BTC"]
    name = rng.choice([*INSTRUMENTS, *INSTRUMENTS, *names])
    usual = price_near(world, rng, name)
    price = rng.choice([usual] * 8 + [usual * 2, 1, 10**18, 0, -1])
    age = rng.choice([0, 0, 0, 59_000_000, 61_000_000, -5_000_000, 2**62])
    send_mark(world, name, price, age)


def step_marks(world: World, rng: Random) -> None:
    """Fresh marks for everything."""
    for name in (*INSTRUMENTS, *PAIRS):
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
        world.policy(),
        new_instrument(world, rng),
        *roomy([rng.choice(TIERS)], INSTRUMENTS),
        *everybody_goes(world),
        *rules_taken_back(world),
    ]
    for payload in payloads:
        world.send_control(payload)
    for currency in ("USD", "EUR", "BTC"):
        send_money(world, user, DEPOSIT_KIND_DEPOSIT, currency, 20_000_000)
    step_marks(world, rng)
