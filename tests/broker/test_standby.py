"""Lanes that stay, lanes that are followed, and lanes that fail over, on a real Kafka."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import Settings
from tests.flow import (
    WorkerProcess,
    World,
    assert_applied_exactly_once,
    assert_one_decision_an_order,
    order,
    wait_for,
    worker,
)

pytestmark = pytest.mark.broker

USERS = [f"user-{n}" for n in range(40)]


def assignments(running: WorkerProcess) -> list[dict[str, Any]]:
    """What the worker has logged each time its lanes were ready."""
    lines = running.log.read_text(errors="replace").splitlines()
    return [json.loads(line) for line in lines if '"lanes ready"' in line]


def send_orders(world: World, first: int, last: int) -> None:
    for number in range(first, last):
        user = USERS[number % len(USERS)]
        world.send("orders", "order", order(user, f"{user}-{number}"))
    world.flush()


def test_a_standby_takes_over_with_no_more_than_the_tail(
    broker_settings: Settings, tmp_path: Path
) -> None:
    settings = replace(broker_settings, standby_replicas=1)
    world = World(settings)
    world.define(USERS)
    send_orders(world, 0, 3_000)
    with worker(settings, "w1", tmp_path) as first, worker(settings, "w2", tmp_path) as second:
        first.ready()
        second.ready()
        wait_for(lambda: len(assignments(first)[-1]["lanes"]) == 2, "the lanes to be shared")
        world.await_records("decisions", 3_000)
        rows = len(world.read("risk-contexts-changelog"))
        send_orders(world, 3_000, 3_200)
        world.await_records("decisions", 3_200)
        before = assignments(second)[-1]
        assert sorted(before["standbys"]) == sorted(assignments(first)[-1]["lanes"])
        first.kill()
        wait_for(lambda: len(assignments(second)[-1]["lanes"]) == 4, "the standby to take over")
        after = assignments(second)[-1]
        # Its own lanes never left it, and of the others it had nearly everything.
        assert set(before["lanes"]) <= set(after["kept"])
        assert after["records_read"] < rows // 4
        send_orders(world, 3_200, 3_400)
        world.await_records("decisions", 3_400)
        assert second.stop() == 0
    assert_applied_exactly_once(world)
    sent = {(USERS[n % 40], f"{USERS[n % 40]}-{n}") for n in range(3_400)}
    assert_one_decision_an_order(world, sent)


def test_lanes_that_stay_are_not_restored_again(broker_settings: Settings, tmp_path: Path) -> None:
    world = World(broker_settings)
    world.define(USERS)
    send_orders(world, 0, 500)
    with worker(broker_settings, "w1", tmp_path) as first:
        first.ready()
        with worker(broker_settings, "w2", tmp_path) as second:
            second.ready()
            wait_for(lambda: len(assignments(first)[-1]["lanes"]) == 2, "the lanes to be shared")
            shared = assignments(first)[-1]
            assert shared["kept"] == shared["lanes"]
            assert shared["records_read"] == 0
            send_orders(world, 500, 700)
            assert second.stop() == 0
        wait_for(lambda: len(assignments(first)[-1]["lanes"]) == 4, "all lanes to come back")
        again = assignments(first)[-1]
        assert again["kept"] == shared["lanes"]
        send_orders(world, 700, 900)
        world.await_records("decisions", 900)
        assert first.stop() == 0
    assert_applied_exactly_once(world)
