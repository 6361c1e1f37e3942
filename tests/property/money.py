"""Movements of money, and settlements by price, sound and odd.

Owns the steps that put deposits records into a history. Must never know how the gate answers.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from pipeline.codecs.avro import encode_deposit
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_SETTLEMENT,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
)
from tests.property.orders import LONG, price_near, some
from tests.property.world import (
    DAY_MS,
    EVERYBODY,
    FUTURES,
    INT64_MAX,
    STRANGER,
    USERS,
    WINDOW_MS,
    World,
    changed,
    send_money,
)


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
    currency = rng.choice(["YEN", "YEN", "YEN", "YEN", "USD", "EUR"])
    for _ in range(10):
        send_money(world, user, DEPOSIT_KIND_ADJUSTMENT, currency, sign * 10**18)


# Settlement by price

SETTLEMENT_DEFECTS: Final[tuple[Callable[[World, Random], dict[str, Any]], ...]] = (
    lambda _w, r: {r.choice(["instrument_id", "settlement_price_e9", "session_date"]): None},
    lambda _w, _r: {"instrument_id": None, "settlement_price_e9": None, "amount_minor": 5},
    lambda _w, r: {"amount_minor": r.choice([1, -1, INT64_MAX])},
    lambda _w, r: {"settlement_price_e9": r.choice([0, -1, 10**18, 10**18 + 1])},
    lambda _w, r: {"instrument_id": r.choice(["NOPE", "BTC-USD", "ACME", "", LONG])},
    lambda _w, r: {"currency": r.choice(["EUR", "BTC", ""])},
    lambda _w, r: {"session_date": r.choice([-(2**31), -2, -1, 0, 2**31 - 1])},
    lambda w, _r: {"event_time": w.now_us - WINDOW_MS * 1000 - 1},
    lambda _w, r: {"kind": r.choice([DEPOSIT_KIND_DEPOSIT, DEPOSIT_KIND_ADJUSTMENT])},
    lambda _w, _r: {"user_id": STRANGER},
)


def step_settlement(world: World, rng: Random) -> None:
    """A session of a future is settled for everybody, now and then once more, or wrongly."""
    name = rng.choice(FUTURES)
    price = price_near(world, rng, name)
    session = world.now_ms // DAY_MS + rng.choice([-1, 0, 0, 0, 1])
    for user in rng.sample(EVERYBODY, rng.randint(1, len(EVERYBODY))):
        for _ in range(rng.choice([1, 1, 1, 2])):
            shape: dict[str, Any] = {
                "instrument_id": name,
                "settlement_price_e9": price,
                "session_date": session,
            }
            if rng.random() < 0.2:
                shape |= rng.choice(SETTLEMENT_DEFECTS)(world, rng)
            currency = shape.pop("currency", world.instruments[name].currency)
            amount = shape.pop("amount_minor", 0)
            kind = shape.pop("kind", DEPOSIT_KIND_SETTLEMENT)
            send_money(world, shape.pop("user_id", user), kind, currency, amount, **shape)
