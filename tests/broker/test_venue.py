"""The reference venue on a real Kafka, with a real worker: the loop closes, and survives kills."""

import contextlib
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from confluent_kafka import Producer

from pipeline.audit.verify import verify
from pipeline.settings import Settings
from tests.commands import CommandProcess, command
from tests.flow import (
    NOW_US,
    ORPHAN_MS,
    PRICE,
    WAIT_S,
    World,
    decode,
    order,
    wait_for,
    worker,
)

pytestmark = pytest.mark.broker

TICK = 250_000_000


def venue(
    settings: Settings, directory: Path, *options: str
) -> contextlib.AbstractContextManager[CommandProcess]:
    """A venue that does not outlive the block."""
    return command(settings, directory / "venue.log", "venue ready", "venue", *options)


def send(world: World, *orders: dict[str, Any]) -> None:
    for record in orders:
        world.send("orders", "order", record)
    world.flush()


def reports(world: World) -> list[dict[str, Any]]:
    """The venue's reports, in the order in which it made them."""
    read = [decode("fill", message.value()) for message in world.read("fills")]
    return sorted(read, key=lambda report: int(report["exec_id"][1:]))


def wait_for_reports(world: World, *wanted: tuple[str, str]) -> None:
    """(Kind, order id) of reports that must come."""
    wait_for(
        lambda: set(wanted) <= {(r["exec_type"], r["order_id"]) for r in reports(world)},
        f"reports {wanted}",
    )


def events(world: World) -> Counter[str]:
    """What the gate has made of it, by kind."""
    read = [decode("regulatory_event", m.value()) for m in world.read("regulatory-events")]
    return Counter(event["event_type"] for event in read)


def assert_books_are_right(settings: Settings, world: World) -> None:
    """Every report was applied, none was odd, and the audit proves it."""
    assert world.read("dead-letters") == []
    assert events(world)["ODD"] == 0
    result = verify(settings)
    assert (result.ok, result.problems) == (True, [])


def test_orders_are_filled_canceled_and_replaced(broker_settings: Settings, tmp_path: Path) -> None:
    world = World(broker_settings)
    world.define(["alice", "bob"])
    with worker(broker_settings, "w1", tmp_path) as running, venue(broker_settings, tmp_path) as it:
        running.ready()
        it.ready()
        send(world, order("alice", "s1", side="SELL", quantity_lots=5))
        wait_for_reports(world, ("NEW", "s1"))
        send(world, order("bob", "b1", quantity_lots=2))
        wait_for_reports(world, ("FILL", "b1"), ("PARTIAL_FILL", "s1"))
        replace = {"action": "REPLACE", "side": "SELL", "quantity_lots": 4}
        send(world, order("alice", "r1", orig_order_id="s1", price_e9=PRICE + TICK, **replace))
        wait_for_reports(world, ("REPLACED", "r1"))
        send(world, order("bob", "i1", quantity_lots=3, time_in_force="IOC"))
        wait_for_reports(world, ("CANCELED", "i1"))
        send(world, order("bob", "b2", quantity_lots=1, price_e9=PRICE + 9 * TICK))
        wait_for_reports(world, ("PARTIAL_FILL", "r1"))
        send(world, order("alice", "c1", action="CANCEL", orig_order_id="r1", price_e9=None))
        wait_for_reports(world, ("CANCELED", "c1"))
        wanted = Counter(FILL=2, PARF=2, REME=1, CAME=2)
        wait_for(lambda: wanted <= events(world), "the gate to apply them")
        result = it.stop()
        assert running.stop() == 0
    shown = [
        (r["exec_type"], r["order_id"], r["cum_lots"], r["leaves_lots"]) for r in reports(world)
    ]
    assert shown == [
        ("NEW", "s1", 0, 5),
        ("NEW", "b1", 0, 2),
        ("FILL", "b1", 2, 0),
        ("PARTIAL_FILL", "s1", 2, 3),
        ("REPLACED", "r1", 2, 2),
        ("NEW", "i1", 0, 3),
        ("CANCELED", "i1", 0, 0),
        ("NEW", "b2", 0, 1),
        ("FILL", "b2", 1, 0),
        ("PARTIAL_FILL", "r1", 3, 1),
        ("CANCELED", "c1", 3, 0),
    ]
    traded = [r["last_price_e9"] for r in reports(world) if r["last_lots"]]
    assert traded == [PRICE, PRICE, PRICE + TICK, PRICE + TICK]
    assert result["working_orders"] == 0
    assert result["reports"] == dict(Counter(kind for kind, *_ in shown))
    assert_books_are_right(broker_settings, world)


def let_pass(world: World, duration_ms: int) -> None:
    """Let gate time pass, which here comes from the records: each lane gets a later one."""
    producer = Producer(world.settings.confluent())
    for message in world.read("marks"):
        producer.produce(
            message.topic(),
            message.value(),
            message.key(),
            message.partition(),
            timestamp=NOW_US // 1_000 + duration_ms,
        )
    assert producer.flush(WAIT_S) == 0


def test_a_market_order_meets_the_house_and_a_silent_one_is_swept(
    broker_settings: Settings, tmp_path: Path
) -> None:
    world = World(broker_settings)
    world.define(["alice"])
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        with venue(broker_settings, tmp_path, "--quote-around-mark", "--fee-per-lot", "7") as it:
            it.ready()
            send(world, order("alice", "m1", order_type="MARKET", price_e9=None, quantity_lots=3))
            wait_for_reports(world, ("FILL", "m1"))
            it.stop()
        with venue(broker_settings, tmp_path, "--silence", "1") as it:
            it.ready()
            send(world, order("alice", "q1"))
            wait_for(lambda: len(world.decisions()) == 2, "a decision")
            let_pass(world, ORPHAN_MS)
            wait_for(lambda: len(world.decisions()) == 3, "the orphan to be swept")
            assert it.stop()["reports"] == {}
        assert running.stop() == 0
    swept = world.decisions()[-1]
    assert (swept["origin"], swept["orig_order_id"]) == ("ORPHAN", "q1")
    filled = reports(world)[-1]
    assert (filled["exec_type"], filled["last_lots"], filled["fee_minor"]) == ("FILL", 3, 21)
    assert PRICE < filled["last_price_e9"] <= PRICE * 10_006 // 10_000
    assert_books_are_right(broker_settings, world)


def flood(world: World, first: int, count: int) -> None:
    """Orders, cancels and replaces of several users, at prices that meet."""
    random = Random(first)
    for number in range(first, first + count):
        user = f"user-{random.randrange(8)}"
        price = PRICE + random.randrange(-4, 5) * TICK
        side = random.choice(["BUY", "SELL"])
        kind = random.choice(["GTC", "GTC", "GTC", "DAY", "IOC", "FOK"])
        lots = random.randint(1, 6)
        new = order(
            user, f"o{number}", side=side, price_e9=price, quantity_lots=lots, time_in_force=kind
        )
        world.send("orders", "order", new)
        if number % 3 == 0:
            change = {"order_id": f"c{number}", "orig_order_id": f"o{number}"}
            cancel = new | change | {"action": "CANCEL", "price_e9": None}
            replace = new | change | {"action": "REPLACE", "quantity_lots": lots + 1}
            world.send("orders", "order", random.choice([cancel, replace]))
    world.flush()


def test_kill_9_loses_and_doubles_no_report(broker_settings: Settings, tmp_path: Path) -> None:
    world = World(broker_settings)
    world.define([f"user-{number}" for number in range(8)])
    options = ("--slice-lots", "3", "--race", "0.3", "--bust", "0.05", "--seed", "5")
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        flood(world, 0, 600)
        for round_number in range(1, 4):
            with venue(broker_settings, tmp_path, *options) as it:
                it.ready()
                enough = len(world.read("fills")) + 50
                flood(world, round_number * 600, 600)
                wait_for(partial(reported, world, enough), "reports")
                it.kill()
        wait_for(lambda: len(world.decisions()) >= len(world.read("orders")), "all decisions")
        with venue(broker_settings, tmp_path, *options) as it:
            it.ready()
            wait_for(lambda: unanswered(world) == set(), "every request to be answered")
            working = it.stop()["working_orders"]
        with venue(broker_settings, tmp_path, *options) as it:
            it.ready()
            result = it.stop()
        assert result["restored_orders"] == working
        assert result["reports"] == {}
        wait_for(lambda: all_applied(world), "every report to be applied")
        assert running.stop() == 0
    made = reports(world)
    assert [r["exec_id"] for r in made] == [f"E{number}" for number in range(1, len(made) + 1)]
    answers = Counter(
        (r["user_id"], r["order_id"])
        for r in made
        if r["exec_type"] in {"NEW", "CANCELED", "REPLACED", "CANCEL_REJECTED"}
        and not (r["exec_type"] == "CANCELED" and r["order_id"].startswith("o"))
    )
    assert set(answers.values()) == {1}
    assert len({r["exec_type"] for r in made}) == 7
    assert world.read("dead-letters") == []
    assert verify(broker_settings).ok


def reported(world: World, enough: int) -> bool:
    return len(world.read("fills")) > enough


def unanswered(world: World) -> set[tuple[str, str]]:
    """Accepted requests without any report."""
    asked = {
        (d["user_id"], d["order_id"])
        for d in world.decisions()
        if d["verdict"] == "ACCEPTED" and d["duplicate_of"] is None and d["origin"] == "CLIENT"
    }
    return asked - {(r["user_id"], r["order_id"]) for r in reports(world)}


def all_applied(world: World) -> bool:
    audit = [decode("audit_record", message.value()) for message in world.read("audit")]
    applied = [a for a in audit if a["source_topic"].endswith("fills")]
    return len(applied) == len(world.read("fills"))


def test_a_second_venue_takes_over_and_the_first_one_ends(
    broker_settings: Settings, tmp_path: Path
) -> None:
    world = World(broker_settings)
    world.define(["alice"])
    with worker(broker_settings, "w1", tmp_path) as running, venue(broker_settings, tmp_path) as it:
        running.ready()
        it.ready()
        send(world, order("alice", "s1", side="SELL"))
        wait_for_reports(world, ("NEW", "s1"))
        (tmp_path / "second").mkdir()
        with venue(broker_settings, tmp_path / "second") as second:
            second.ready()
            send(world, order("alice", "s2", side="SELL"))
            wait_for_reports(world, ("NEW", "s2"))
            assert it.process.wait(WAIT_S) == 70
            assert "another venue of this gate has started" in it.log.read_text()
            result = second.stop()
        assert (result["restored_orders"], result["working_orders"]) == (1, 2)
        assert running.stop() == 0
    assert [r["exec_id"] for r in reports(world)] == ["E1", "E2"]


def test_without_a_broker_it_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:1", worker_id="w1", data_dir=str(tmp_path))
    with venue(settings, tmp_path) as it:
        assert it.process.wait(WAIT_S) == 1
        assert "Is KAFKA_BOOTSTRAP right" in it.log.read_text()
