"""`tollgate explain` on a real Kafka: what a worker decided is told from the audit topic alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.__main__ import main
from pipeline.risk.checks.registry import CHECKS_OF_NEW
from pipeline.settings import Settings
from tests.flow import NOW_US, PRICE, World, fill, order, worker

pytestmark = pytest.mark.broker

USERS = ["alice", "bob"]
REPORTS = 3


def tollgate(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], env=settings.as_env())


def test_an_order_is_told_by_any_of_its_ids(broker_settings: Settings, tmp_path: Path) -> None:
    world = World(broker_settings)
    world.define(USERS)
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        world.send("orders", "order", order("alice", "o-1", quantity_lots=3))
        world.send("orders", "order", order("alice", "r-1", **replace_of("o-1", 5)))
        world.send("orders", "order", order("alice", "dear", price_e9=2 * PRICE))
        for user in USERS:
            world.send("orders", "order", order(user, "same"))
        world.flush()
        world.await_records("decisions", 5)
        acknowledged = {"exec_type": "REPLACED", "last_lots": 0, "last_price_e9": None}
        world.send("fills", "fill", fill("alice", "r-1", "e1", **acknowledged))
        world.send("fills", "fill", fill("alice", "r-1", "e2", exec_type="PARTIAL_FILL"))
        busted = {"exec_type": "TRADE_CANCEL", "exec_ref_id": "e2"}
        world.send("fills", "fill", fill("alice", "r-1", "e3", **busted))
        world.flush()
        # Each user's deposit, the mark of each lane and the control records come before.
        expected = sum(len(world.read(topic)) for topic in ("control", "marks", "deposits"))
        world.await_records("audit", expected + 5 + REPORTS)
        assert running.stop() == 0

    assert_the_story(broker_settings)
    assert_the_rejection(broker_settings)
    assert_who_must_be_named(broker_settings)


def replace_of(order_id: str, quantity: int) -> dict[str, object]:
    return {"action": "REPLACE", "orig_order_id": order_id, "quantity_lots": quantity}


def assert_the_story(settings: Settings) -> None:
    by_id = {}
    for order_id in ("o-1", "r-1"):
        result = tollgate(settings, order_id, "--json")
        assert result.exit_code == 0, result.output
        by_id[order_id] = json.loads(result.stdout)
    story = by_id["o-1"]
    assert story["steps"] == by_id["r-1"]["steps"]
    assert (story["root_order_id"], story["ids"]) == ("o-1", ["o-1", "r-1"])
    assert (story["order_state"], story["left_out"]) == ("WORKING", None)
    kinds = [(step["kind"], step["reason_code"]) for step in story["steps"]]
    assert kinds == [("REQUEST", "ACCEPTED")] * 2 + [("REPORT", "APPLIED")] * REPORTS
    after = story["steps"][-1]["after"]
    assert (after["filled_lots"], after["open_lots"]) == (0, 5)
    (money,) = after["money"]
    assert (money["cash_minor"], money["currency"]) == (10**10, "USD")
    assert {step["source_topic"] for step in story["steps"]} == {
        settings.topic("orders"),
        settings.topic("fills"),
    }

    told = tollgate(settings, "o-1", "--user", "alice")
    assert told.exit_code == 0, told.output
    for text in (
        f"Accepted: all {len(CHECKS_OF_NEW)} checks passed.",
        "Both versions are covered until the venue answers.",
        "The venue carried out the replace r-1.",
        "The venue busted the trade e2.",
        "BUYING_POWER",
        "= USD: cash 10,000,000,000",
        "WORKING: The venue has reported on it",
    ):
        assert text in told.stdout
    assert "\x1b" not in told.output
    quick = tollgate(settings, "o-1", "--user", "alice", "--no-replay")
    assert "the lane was not replayed" in quick.stdout
    assert "= USD" not in quick.stdout


def assert_the_rejection(settings: Settings) -> None:
    told = tollgate(settings, "dear")
    assert told.exit_code == 0, told.output
    assert "Rejected PRICE_COLLAR" in told.stdout
    assert "It came to 10,000 bps from the mark; at most 500 are allowed" in told.stdout
    assert NOW_US // 10**6 == 1_700_000_000
    assert "2023-11-14T22:13:20" in told.stdout


def assert_who_must_be_named(settings: Settings) -> None:
    several = tollgate(settings, "same")
    assert several.exit_code == 1
    for user in USERS:
        assert f"--user {user}" in several.output
        assert tollgate(settings, "same", "--user", user).exit_code == 0
    for arguments in (("never",), ("never", "--user", "alice")):
        nobody = tollgate(settings, *arguments)
        assert (nobody.exit_code, "'never'" in nobody.output) == (1, True)
    assert tollgate(settings, "").exit_code == 2
    assert "tollgate explain o-1" in tollgate(settings, "--help").output
