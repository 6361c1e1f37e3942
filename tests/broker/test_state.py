"""`tollgate state` and the workers' endpoints: whoever holds the lane is found and answers."""

import http.client
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.__main__ import main
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.streaming.owners import Member, members, owner_of
from pipeline.streaming.topic_admin import admin_client
from pipeline.telemetry.token import make_token_file
from tests.flow import World, fill, order, wait_for, worker

pytestmark = pytest.mark.broker

# Enough that each of the four lanes has some.
USERS = [f"user-{number}" for number in range(12)]


def tollgate(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env=settings.as_env())


def shown(settings: Settings, user: str, source: str) -> dict[str, Any]:
    result = tollgate(settings, "state", user, "--from", source, "--json")
    assert result.exit_code == 0, result.output
    described = json.loads(result.stdout)
    assert isinstance(described, dict)
    return described


def what_is_known(described: dict[str, Any]) -> dict[str, Any]:
    """Without who has answered."""
    return {
        name: value
        for name, value in described.items()
        if name not in {"source", "worker", "generation"}
    }


def lanes_are_with(settings: Settings, *worker_ids: str) -> list[Member] | None:
    """The group's members once these, and no others, share all the lanes."""
    found = members(admin_client(settings), settings)
    lanes = sorted(lane for member in found for lane in member.lanes)
    together = [member.worker_id for member in found] == sorted(worker_ids)
    return found if together and lanes == list(range(settings.partitions)) else None


def get(member: Member, path: str, token: str) -> tuple[int, dict[str, Any]]:
    assert member.address is not None
    connection = http.client.HTTPConnection(*member.address, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture
def settings(broker_settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose workers want a token."""
    file = tmp_path / "state.token"
    make_token_file(file)
    return replace(broker_settings, state_token_file=str(file))


def test_a_user_is_found_at_the_worker_that_holds_the_lane(
    settings: Settings, tmp_path: Path
) -> None:
    token = Path(settings.state_token_file).read_text().strip()
    world = World(settings)
    world.define(USERS)
    with worker(settings, "w1", tmp_path) as first, worker(settings, "w2", tmp_path) as second:
        first.ready()
        second.ready()
        found = wait_for(lambda: lanes_are_with(settings, "w1", "w2"), "both to share the lanes")
        for user in USERS:
            world.send("orders", "order", order(user, "filled"))
            world.send("orders", "order", order(user, "working"))
        world.flush()
        world.await_records("decisions", 2 * len(USERS))
        for user in USERS:
            world.send("fills", "fill", fill(user, "filled", "e1"))
        world.flush()
        wait_for(
            lambda: all(
                [
                    position["position_lots"]
                    for position in shown(settings, user, "worker")["positions"]
                ]
                == [1]
                for user in USERS
            ),
            "every fill to be shown",
        )
        for user in USERS:
            lane = partition_of(user.encode(), settings.partitions)
            owner = owner_of(lane, found)
            assert owner is not None
            from_worker = shown(settings, user, "auto")
            assert (from_worker["source"], from_worker["worker"]) == ("worker", owner.worker_id)
            assert (from_worker["lane"], len(from_worker["working_orders"])) == (lane, 1)
            from_changelog = shown(settings, user, "changelog")
            assert (from_changelog["source"], from_changelog["worker"]) == ("changelog", None)
            assert what_is_known(from_worker) == what_is_known(from_changelog)
        assert_refusals(found, token)
        assert_the_doctor_knows(settings, found)
        first.kill()
        wait_for(lambda: lanes_are_with(settings, "w2"), "w2 to have all lanes")
        for user in USERS:
            assert shown(settings, user, "worker")["worker"] == "w2"
        assert second.stop() == 0
    assert shown(settings, USERS[0], "auto")["source"] == "changelog"
    nobody = tollgate(settings, "state", "nobody")
    assert (nobody.exit_code, "knows nothing" in nobody.output) == (1, True)


def test_an_order_that_is_to_be_replaced_is_shown_with_all_its_ids(
    settings: Settings, tmp_path: Path
) -> None:
    world = World(settings)
    world.define(["alice"])
    with worker(settings, "w1", tmp_path) as running:
        running.ready()
        world.send("orders", "order", order("alice", "o1", quantity_lots=2))
        request = {"action": "REPLACE", "orig_order_id": "o1", "quantity_lots": 5}
        world.send("orders", "order", order("alice", "r1", **request))
        world.flush()
        world.await_records("decisions", 2)
        for source in ("worker", "changelog"):
            (shown_order,) = shown(settings, "alice", source)["working_orders"]
            ids = [shown_order["order_id"], shown_order["pending_order_id"]]
            assert (ids, shown_order["open_lots"]) == (["o1", "r1"], 5)
            printed = tollgate(settings, "state", "alice", "--from", source)
            assert "replace by 5 at 4,800 pending" in printed.stdout
        assert running.stop() == 0


def assert_refusals(found: list[Member], token: str) -> None:
    """A wrong token is told nothing; a worker without the lane names the one that has it."""
    for member in found:
        for user in USERS:
            lane = partition_of(user.encode(), 4)
            assert get(member, f"/v1/users/{user}", "wrong" * 5) == (401, {"error": "unauthorized"})
            status, body = get(member, f"/v1/users/{user}", token)
            owner = owner_of(lane, found)
            assert owner is not None
            if owner is member:
                assert (status, body["user_id"]) == (200, user)
                assert user not in json.dumps({**body, "user_id": ""})
            else:
                assert owner.address is not None
                host, port = owner.address
                assert (status, body["owner"]) == (421, f"{host}:{port}")
        status, body = get(member, "/v1/lanes", token)
        assert (status, body["worker"]) == (200, member.worker_id)
        assert {lane["lane"] for lane in body["lanes"]} == member.lanes
        assert {lane["state"] for lane in body["lanes"]} == {"ready"}
        assert all(lane["lane_sequence"] > 0 for lane in body["lanes"])
        assert get(member, "/healthz", "")[0] == 200


def assert_the_doctor_knows(settings: Settings, found: list[Member]) -> None:
    """`tollgate doctor` names each worker with its lanes and its address."""
    findings = json.loads(tollgate(settings, "doctor", "--json").stdout)["findings"]
    told = {finding["check"]: finding["found"] for finding in findings}
    for member in found:
        assert member.address is not None
        assert f":{member.address[1]}" in told[f"worker {member.worker_id}"]


def test_without_a_token_the_changelog_answers_and_the_reason_is_told(
    broker_settings: Settings, tmp_path: Path
) -> None:
    world = World(broker_settings)
    world.define(["alice"])
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        world.send("orders", "order", order("alice", "o1"))
        world.flush()
        world.await_records("decisions", 1)
        result = tollgate(broker_settings, "state", "alice")
        assert result.exit_code == 0, result.output
        assert "no token is set" in result.stderr
        assert "from the changelog" in result.stdout
        refused = tollgate(broker_settings, "state", "alice", "--from", "worker")
        assert (refused.exit_code, "no token is set" in refused.output) == (1, True)
        wrong = replace(broker_settings, state_token="0123456789abcdef")  # noqa: S106
        unasked = tollgate(wrong, "state", "alice", "--from", "worker")
        assert (unasked.exit_code, "it has no token" in unasked.output) == (1, True)
