"""Several workers under one supervisor: shares of cpus, plans, and what a worker's end leads to."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.commands.worker import command
from pipeline.local.cpus import cpus_text, parse_cpus, shares, usable_cpus
from pipeline.local.supervisor import pause_before, plans
from pipeline.settings import Settings, SettingsError

WAIT_S = 60.0
SETTINGS = Settings(worker_id="w", data_dir="var/w", metrics_port=9464)
# A supervisor of two children that are not workers: what each does is its argument.
DRIVER = """
import subprocess, sys
from dataclasses import replace
from pathlib import Path
from pipeline.local.processes import dying_with_parent
from pipeline.local.supervisor import Supervisor, plans
from pipeline.settings import Settings

directory, *behaviours = map(str, sys.argv[1:])

def start(plan):
    number = int(plan.worker_id.rpartition("-")[2])
    with (Path(directory) / f"starts-{number}").open("a") as starts:
        starts.write("x")
        if behaviours[number - 1].startswith("# short of memory") and starts.tell() == 1:
            raise OSError("Cannot allocate memory")
    child = [sys.executable, "-c", behaviours[number - 1], f"{directory}/pid-{number}"]
    return subprocess.Popen(dying_with_parent(child), start_new_session=True)

wanted = plans(Settings(worker_id="w", data_dir=directory), len(behaviours), None)
sys.exit(Supervisor(wanted, start=start, stop_s_max=2.0).run())
"""
NOTE_PID = "import os, signal, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); "
OBEDIENT = (
    "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(0)); "
    "signal.signal(signal.SIGINT, lambda *_: exit(0)); " + NOTE_PID + "time.sleep(600)"
)
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + NOTE_PID + "time.sleep(600)"
)


FAILS_TWICE = (
    "import os, sys; starts = sys.argv[1].replace('pid', 'starts'); "
    f"os.path.getsize(starts) > 2 or os._exit(70); {OBEDIENT}"
)


def ends_with(code: int) -> str:
    return f"{NOTE_PID}exit({code})"


class Supervised:
    """A supervisor's process, and what its children have left behind."""

    def __init__(self, directory: Path, *behaviours: str) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(DRIVER), str(directory), *behaviours],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def pid(self, number: int) -> int:
        """The process id that child `number` has written last; waits for it."""
        path = self.directory / f"pid-{number}"
        wait_for(lambda: path.exists() and path.read_text().isdecimal())
        return int(path.read_text())

    def starts(self, number: int) -> int:
        """How often child `number` was started."""
        path = self.directory / f"starts-{number}"
        return len(path.read_text()) if path.exists() else 0

    def end(self, number: signal.Signals) -> int:
        """Send it a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_list_of_cpus_is_read_and_written_alike() -> None:
    assert parse_cpus("0-3,6") == [0, 1, 2, 3, 6]
    assert parse_cpus(" 2, 0 ,1-2") == [0, 1, 2]
    assert cpus_text([6, 0, 1, 2, 3]) == "0-3,6"
    assert cpus_text([5]) == "5"


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "0,,1", "0-99999999", "²"])
def test_what_is_no_list_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="cpus"):
        parse_cpus(text)


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is Linux's")
def test_cpus_that_are_not_there_are_named() -> None:
    with pytest.raises(SettingsError, match=r"cpus 9998-9999 are not there .* it may use "):
        usable_cpus("9998-9999")


def test_cpus_are_shared_evenly_and_side_by_side() -> None:
    assert shares([0, 1, 2, 3], 2) == [[0, 1], [2, 3]]
    assert shares([0, 1, 2, 3, 4], 2) == [[0, 1], [2, 3, 4]]
    assert shares([4, 6], 2) == [[4], [6]]


def test_fewer_cpus_than_processes_are_shared_round_robin() -> None:
    assert shares([0, 1], 5) == [[0], [1], [0], [1], [0]]


def test_each_worker_has_an_id_a_directory_and_a_port_of_its_own() -> None:
    first, second = plans(SETTINGS, 2, [0, 1, 2, 3])
    assert (first.worker_id, second.worker_id) == ("w-1", "w-2")
    assert (first.data_dir, second.data_dir) == (Path("var/w/process-1"), Path("var/w/process-2"))
    assert (first.metrics_port, second.metrics_port) == (9464, 9465)
    assert (first.cpus, second.cpus) == ([0, 1], [2, 3])
    assert "--cpus" in first.command
    assert second.env({})["TOLLGATE_METRICS_PORT"] == "9465"


def test_a_port_that_any_may_have_stays_so_and_cpus_may_be_left_open() -> None:
    wanted = plans(replace(SETTINGS, metrics_port=0), 3, None)
    assert [plan.metrics_port for plan in wanted] == [0, 0, 0]
    assert all("--cpus" not in plan.command for plan in wanted)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (replace(SETTINGS, metrics_port=65_535), "the greatest port is 65535"),
        (replace(SETTINGS, partitions=1), "2 processes for 1 lanes"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(settings: Settings, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        plans(settings, 2, None)


def test_the_pause_before_a_start_grows_up_to_a_bound() -> None:
    assert [pause_before(start) for start in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert pause_before(6) == pause_before(10**6) == 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_and_all_end_with_0(tmp_path: Path, number: signal.Signals) -> None:
    run = Supervised(tmp_path, OBEDIENT, OBEDIENT)
    pids = [run.pid(1), run.pid(2)]
    assert run.end(number) == 0
    assert all(map(is_gone, pids))


def test_who_is_killed_or_ends_with_70_is_started_again(tmp_path: Path) -> None:
    run = Supervised(tmp_path, OBEDIENT, FAILS_TWICE)
    killed = run.pid(1)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: run.pid(1) != killed)
    assert not is_gone(run.pid(2))
    assert (run.starts(1), run.starts(2)) == (2, 3)
    assert run.end(signal.SIGTERM) == 0


def test_a_machine_that_is_short_of_memory_is_tried_again(tmp_path: Path) -> None:
    run = Supervised(tmp_path, OBEDIENT, f"# short of memory\n{OBEDIENT}")
    run.pid(2)
    assert (run.starts(1), run.starts(2)) == (1, 2)
    assert run.end(signal.SIGTERM) == 0


def test_a_wrong_setting_ends_all_with_1(tmp_path: Path) -> None:
    run = Supervised(
        tmp_path, OBEDIENT, f"time = __import__('time'); time.sleep(1); {ends_with(1)}"
    )
    assert run.process.wait(WAIT_S) == 1
    assert is_gone(run.pid(1))
    assert (run.starts(1), run.starts(2)) == (1, 1)


def test_who_was_stopped_by_somebody_else_stays_stopped(tmp_path: Path) -> None:
    run = Supervised(tmp_path, OBEDIENT, OBEDIENT)
    pids = [run.pid(1), run.pid(2)]
    os.kill(pids[0], signal.SIGTERM)
    wait_for(lambda: is_gone(pids[0]))
    os.kill(pids[1], signal.SIGTERM)
    assert run.process.wait(WAIT_S) == 0
    assert (run.starts(1), run.starts(2)) == (1, 1)


def test_who_does_not_stop_is_killed_and_the_exit_code_says_so(tmp_path: Path) -> None:
    run = Supervised(tmp_path, OBEDIENT, DEAF)
    pids = [run.pid(1), run.pid(2)]
    assert run.end(signal.SIGTERM) == 70
    assert all(map(is_gone, pids))


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_no_child_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    run = Supervised(tmp_path, OBEDIENT, DEAF)
    pids = [run.pid(1), run.pid(2)]
    # Stopped, it could not watch a pipe.
    os.kill(pids[0], signal.SIGSTOP)
    assert run.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: all(map(is_gone, pids)))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--processes", "0"], 2, "0 is not in the range"),
        (["--processes", "257"], 2, "257 is not in the range"),
        (["--processes", "9"], 1, "9 processes for 8 lanes"),
        (["--cpus", "one"], 1, "cpus are written like"),
        (["--processes", "2", "--cpus", "0-9999"], 1, "are not there for this process"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, told: str
) -> None:
    monkeypatch.delenv("TOLLGATE_PARTITIONS", raising=False)
    result = CliRunner().invoke(command, arguments)
    assert (result.exit_code, told in result.output) == (code, True), result.output
