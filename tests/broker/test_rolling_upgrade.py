"""An upgrade with both releases running, and the next core activated under load."""

import json
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pipeline.audit.verify import verify
from pipeline.control.history import read_history
from pipeline.risk.records import CoreVersion
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import create_topics
from tests.flow import (
    NOW_US,
    PRICE,
    TENANT,
    WAIT_S,
    World,
    assert_applied_exactly_once,
    assert_one_decision_an_order,
    encode,
    expected_inputs,
    fill,
    order,
    wait_for,
    worker,
)
from tests.upgrade.next_version import NEXT_CORE, THIS_CORE, Release, next_release

pytestmark = pytest.mark.broker

USERS = [f"user-{number}" for number in range(12)]
# Older than the policy's mark_age_ms_max.
OLD_US = 2 * 3_600 * 10**6
NEEDS_NEXT = f"needs core {NEXT_CORE}, this release knows core"


@pytest.fixture(scope="session")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release after this one."""
    return next_release(tmp_path_factory.mktemp("next") / "tollgate")


def run(release: Release, settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m` with a release."""
    return subprocess.run(
        release.command(*arguments),
        cwd=release.root,
        env=release.environment(settings.as_env()),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


def activate(release: Release, settings: Settings) -> None:
    """Put the next core in force."""
    done = run(release, settings, "tests.upgrade.activate", str(NOW_US // 1000))
    assert done.returncode == 0, done.stderr


class Traffic:
    """Orders and fills of all users, and what was sent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: set[tuple[str, str]] = set()

    def flood(self, count: int) -> None:
        """Orders round the users, one in three of them filled."""
        for number in range(len(self.sent), len(self.sent) + count):
            user, order_id = USERS[number % len(USERS)], f"o{number}"
            self.world.send("orders", "order", order(user, order_id))
            self.sent.add((user, order_id))
            if number % 3 == 0:
                report = fill(user, order_id, f"e{number}", instrument_id="ESH4", side="BUY")
                self.world.send("fills", "fill", report)
        self.world.flush()

    def mark(self, age_us: int) -> None:
        """A reference price whose source says that it is so old."""
        mark = {
            "event_time": NOW_US,
            "source_system_id": "feed",
            "tenant_id": TENANT,
            "instrument_id": "ESH4",
            "price_e9": PRICE,
            "source_time": NOW_US - age_us,
        }
        for partition in range(self.world.settings.partitions):
            self.world.send_raw("marks", b"ESH4", encode("mark", mark), partition=partition)
        self.world.flush()

    def settle(self) -> None:
        """Wait until every input has been applied."""
        expected = expected_inputs(self.world)
        wait_for(lambda: len(self.world.read("audit")) >= expected, "every input to be applied")

    def answers(self) -> set[str]:
        """The answers to one order of each user."""
        before = set(self.sent)
        self.flood(len(USERS))
        self.settle()
        asked = self.sent - before
        return {
            decision["reason_code"]
            for decision in self.world.decisions()
            if (decision["user_id"], decision["order_id"]) in asked
        }


def cores_by_lane(audit: list[dict[str, Any]]) -> dict[int, list[int]]:
    """The cores that a lane's audit records name, in order, each run of one once."""
    lanes: defaultdict[int, list[int]] = defaultdict(list)
    for record in audit:
        if lanes[record["lane"]][-1:] != [record["core_version"]]:
            lanes[record["lane"]].append(record["core_version"])
    return lanes


def assert_upgraded(world: World, sent: set[tuple[str, str]], release: Release) -> None:
    """Everything was decided once, by one core and then the next, and replays bit for bit."""
    assert_one_decision_an_order(world, sent)
    audit = assert_applied_exactly_once(world)
    lanes = range(world.settings.partitions)
    assert cores_by_lane(audit) == {lane: [THIS_CORE, NEXT_CORE] for lane in lanes}
    result = json.loads(run(release, world.settings, "pipeline", "verify", "--json").stdout)
    assert (result["ok"], result["differences"], result["unknown_core"]) == (True, 0, 0)
    assert result["replayed"] == result["records"] == len(audit)
    # This release proves its own part, and says of the rest who can.
    by_this = verify(world.settings)
    assert (by_this.ok, by_this.differences) == (False, 0)
    assert by_this.replayed + by_this.unknown_core == len(audit)
    assert min(by_this.replayed, by_this.unknown_core) > 0
    assert all(f"a release that knows core {NEXT_CORE}" in text for text in by_this.problems)


def test_a_rolling_upgrade_changes_no_decision_until_the_next_core_is_activated(
    broker_settings: Settings, tmp_path: Path, upgraded: Release
) -> None:
    world = World(broker_settings)
    world.define(USERS)
    traffic = Traffic(world)
    with worker(broker_settings, "w1", tmp_path) as first:
        first.ready()
        traffic.flood(600)
        with worker(broker_settings, "w2", tmp_path, upgraded) as second:
            second.ready()
            traffic.flood(600)
            traffic.settle()
            assert first.stop() == 0
            (tmp_path / "w1.log").unlink()
            # The next release goes on with the rows that this one has left on the disk.
            with worker(broker_settings, "w1", tmp_path, upgraded) as third:
                third.ready()
                traffic.flood(600)
                traffic.mark(OLD_US)
                traffic.settle()
                assert traffic.answers() == {"MARK_STALE"}
                traffic.flood(600)
                activate(upgraded, broker_settings)
                traffic.flood(600)
                traffic.settle()
                assert traffic.answers() == {"MARK_STALE"}
                traffic.mark(OLD_US)
                traffic.settle()
                assert traffic.answers() == {"ACCEPTED"}
                assert (third.stop(), second.stop()) == (0, 0)
    decided = len(world.decisions())
    traffic.flood(100)
    with worker(broker_settings, "w3", tmp_path) as left_behind:
        assert left_behind.process.wait(WAIT_S) == 70
        assert NEEDS_NEXT in left_behind.log.read_text()
    assert len(world.decisions()) == decided
    shutil.rmtree(tmp_path / "w2")
    (tmp_path / "w2.log").unlink()
    with worker(broker_settings, "w2", tmp_path, upgraded) as rebuilt:
        rebuilt.ready()
        traffic.settle()
        assert rebuilt.stop() == 0
    assert_upgraded(world, traffic.sent, upgraded)


def test_a_worker_of_the_old_release_stops_when_the_next_core_is_activated(
    broker_settings: Settings, tmp_path: Path, upgraded: Release
) -> None:
    world = World(broker_settings)
    world.define(USERS)
    traffic = Traffic(world)
    with (
        worker(broker_settings, "w1", tmp_path) as forgotten,
        worker(broker_settings, "w2", tmp_path, upgraded) as second,
    ):
        forgotten.ready()
        second.ready()
        traffic.flood(300)
        traffic.settle()
        activate(upgraded, broker_settings)
        traffic.flood(300)
        assert forgotten.process.wait(WAIT_S) == 70
        assert NEEDS_NEXT in forgotten.log.read_text()
        traffic.settle()
        assert second.stop() == 0
    assert_upgraded(world, traffic.sent, upgraded)


def test_the_next_release_activates_its_core_once_and_never_goes_back(
    broker_settings: Settings, upgraded: Release
) -> None:
    create_topics(broker_settings)
    who = ("--proposer", "ops", "--approver", "risk", "--reason", "upgrade")

    def set_core(version: int) -> subprocess.CompletedProcess[str]:
        command = ("pipeline", "control", "set-core-version", str(version), *who)
        return run(upgraded, broker_settings, *command)

    assert set_core(NEXT_CORE).returncode == 0
    for version in (NEXT_CORE, THIS_CORE):
        refused = set_core(version)
        assert (refused.returncode, "never goes back" in refused.stderr) == (1, True)
    core = read_history(broker_settings).payload(("core_version",))
    assert isinstance(core, CoreVersion)
    assert core.core_version == NEXT_CORE
