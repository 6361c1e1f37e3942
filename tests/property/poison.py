"""Records that nobody should send: bytes that are no record, and records under a wrong key.

Owns the steps that poison a history.
"""

from random import Random
from typing import Final

from pipeline.codecs.avro import encode_deposit, encode_fill, encode_order
from pipeline.codecs.wire import fixed_ids
from tests.property.orders import good_order
from tests.property.reports import report_on
from tests.property.world import (
    ELSEWHERE,
    SCHEMA_OF,
    STRANGER,
    TOPICS,
    Input,
    World,
    changed,
)

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
