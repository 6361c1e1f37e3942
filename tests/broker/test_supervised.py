"""`tollgate worker --processes 2` on a real Kafka: shared lanes, a kill, an orderly end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import PROJECT_ROOT, Settings
from tests.flow import (
    WAIT_S,
    World,
    assert_applied_exactly_once,
    assert_one_decision_an_order,
    expected_inputs,
    order,
    wait_for,
)

pytestmark = pytest.mark.broker


class Supervised:
    """The supervisor's process and the log that it shares with its workers."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "worker", "--processes", "2"],
                env={**os.environ, **settings.as_env()},
                cwd=PROJECT_ROOT,
                stdout=output,
                stderr=output,
            )

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log's lines of one event, the newest last."""
        assert self.process.poll() is None, self._log.read_text(errors="replace")[-3_000:]
        whole = self._log.read_text(errors="replace").splitlines(keepends=True)
        entries = [json.loads(line) for line in whole if line[:1] == "{" and line[-1] == "\n"]
        return [entry for entry in entries if entry["event"] == event]

    def pids(self) -> dict[str, int]:
        """Worker id -> the process id it was last started with."""
        return {line["worker"]: line["pid"] for line in self.lines("worker started")}

    def lanes_are_shared(self) -> bool:
        """Whether each of the two has got lanes by its newest assignment."""
        newest = {line["worker_id"]: line["lanes"] for line in self.lines("lanes ready")}
        return {"w1-1", "w1-2"} <= {worker for worker, lanes in newest.items() if lanes}


@contextmanager
def supervised(settings: Settings, log: Path) -> Iterator[Supervised]:
    """A supervisor that does not outlive the block; nor do its workers."""
    running = Supervised(settings, log)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait(WAIT_S)


def test_two_processes_decide_each_order_once_though_one_is_killed(
    broker_settings: Settings, tmp_path: Path
) -> None:
    users = [f"user-{number}" for number in range(24)]
    world = World(broker_settings)
    world.define(users)
    sent: set[tuple[str, str]] = set()

    def flood(count: int) -> None:
        first = len(sent)
        for number in range(first, first + count):
            user = users[number % len(users)]
            world.send("orders", "order", order(user, f"o{number}"))
            sent.add((user, f"o{number}"))
        world.flush()

    with supervised(broker_settings, tmp_path / "log") as run:
        wait_for(run.lanes_are_shared, "each worker to have lanes")
        flood(3_000)
        wait_for(lambda: len(world.read("decisions")) > 200, "decisions to flow")
        killed = run.pids()["w1-2"]
        os.kill(killed, signal.SIGKILL)
        flood(3_000)
        wait_for(lambda: run.pids()["w1-2"] != killed, "the killed one to be started again")
        wait_for(lambda: len(world.read("decisions")) >= len(sent), "every order to be decided")
        wait_for(lambda: len(world.read("audit")) >= expected_inputs(world), "all audit")
        again = run.pids()["w1-2"]
        wait_for(
            lambda: any(
                line["worker_id"] == "w1-2"
                for line in run.lines("lanes ready")
                if line["timestamp"] > run.lines("worker started")[-1]["timestamp"]
            ),
            "the restarted one to have lanes",
        )
        flood(500)
        wait_for(lambda: len(world.read("decisions")) >= len(sent), "every order to be decided")
        assert run.pids() == {"w1-1": run.pids()["w1-1"], "w1-2": again}
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(WAIT_S) == 0
    assert {path.name for path in (tmp_path / "w1").iterdir()} == {"process-1", "process-2"}
    assert_one_decision_an_order(world, sent)
    assert_applied_exactly_once(world)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_no_worker_outlives_a_killed_supervisor_and_its_successor_goes_on(
    broker_settings: Settings, tmp_path: Path
) -> None:
    world = World(broker_settings)
    world.define(["alice"])
    with supervised(broker_settings, tmp_path / "first") as run:
        wait_for(run.lanes_are_shared, "each worker to have lanes")
        pids = run.pids().values()
        run.process.kill()
        run.process.wait(WAIT_S)
        wait_for(lambda: not any(is_alive(pid) for pid in pids), "the workers to end")
    with supervised(broker_settings, tmp_path / "second") as run:
        wait_for(run.lanes_are_shared, "each worker to have lanes again")
        world.send("orders", "order", order("alice", "o1"))
        world.flush()
        world.await_records("decisions", 1)
        # As a service manager does that signals every process of the service.
        for pid in (run.process.pid, *run.pids().values()):
            os.kill(pid, signal.SIGTERM)
        assert run.process.wait(WAIT_S) == 0
    assert_applied_exactly_once(world)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
