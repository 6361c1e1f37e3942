"""A broker, workers and a venue on this machine that live on when what started them has ended.

Owns var/local: the broker's directory, one data directory, lock and log a worker, lock and log of
the venue, the token that the workers' endpoints want, and state.json, which tells people and
scripts what runs. The locks, not state.json, decide what runs.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.local.broker import LocalBroker
from pipeline.local.processes import ManagedProcess, log_tail
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.streaming.topic_admin import admin_client
from pipeline.telemetry.token import make_token_file

DEFAULT_DIRECTORY: Final = PROJECT_ROOT / "var/local"
# A worker commits what it has and leaves its group; a broker's logs need no longer.
WORKER_STOP_S_MAX: Final = 60
WORKERS_READY_S_MAX: Final = 120
# A venue reads what it has reported so far.
VENUE_READY_S_MAX: Final = 300
_VENUE: Final = "venue"
_POLL_S: Final = 0.2


class StackError(RuntimeError):
    """A worker or the venue did not come up; the text holds the end of its log."""


class LocalStack:
    """The broker, the workers and the venue of one directory, whichever process started them."""

    def __init__(self, directory: Path = DEFAULT_DIRECTORY) -> None:
        """`directory` need not exist."""
        self.directory = directory
        # What `tollgate state` shows the workers, where the settings name no token of their own.
        self.token_file = directory / "state.token"
        self.broker = LocalBroker(directory / "kafka", detached=True)

    def start_broker(self) -> str:
        """Start the broker unless it runs; its bootstrap address. Raises BrokerError."""
        self.broker.start()
        return self.broker.bootstrap

    def workers(self) -> dict[str, int]:
        """Worker id -> process id of the workers that run."""
        pids = {lock.stem: ManagedProcess(lock).pid for lock in self.directory.glob("w*.lock")}
        return {name: pid for name, pid in sorted(pids.items()) if pid is not None}

    def scale(self, settings: Settings, count: int) -> None:
        """Let workers w1 to w`count` run and no other, and wait until they share the lanes.

        Raises StackError when one ends or does not join its group.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        wanted = {f"w{number}" for number in range(1, count + 1)}
        self._stop_workers(set(self.workers()) - wanted)
        for name in sorted(wanted - set(self.workers())):
            self._start_worker(settings, name)
        self._wait_until_joined(settings, wanted)

    @property
    def venue_pid(self) -> int | None:
        """The process id of the venue; None when there is none."""
        return self._process(_VENUE).pid

    def start_venue(self, settings: Settings, options: Sequence[str], ready: str) -> None:
        """Start the venue unless it runs, and wait until its log says `ready`.

        Raises StackError when it ends before that.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.venue_pid is None:
            self._start(_VENUE, ["venue", *options], self._environment(settings))
        end = time.monotonic() + VENUE_READY_S_MAX
        while ready not in self.log(_VENUE).read_text(errors="replace"):
            if self.venue_pid is None:
                raise StackError(f"The venue ended. {self._log_end(_VENUE)}")
            if time.monotonic() > end:
                raise StackError(
                    f"The venue is not ready after {VENUE_READY_S_MAX} s. {self._log_end(_VENUE)}"
                )
            time.sleep(_POLL_S)

    def stop_venue(self) -> bool:
        """Stop the venue; False when there was none."""
        if self.venue_pid is None:
            return False
        self._process(_VENUE).stop(WORKER_STOP_S_MAX)
        return True

    def write_state(self, bootstrap: str) -> None:
        """Write state.json: the address, and the process ids of what runs here."""
        state = {
            "bootstrap": bootstrap,
            "broker_pid": self.broker.pid,
            "worker_pids": self.workers(),
            "venue_pid": self.venue_pid,
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / "state.json.partial"
        partial.write_text(json.dumps(state, indent=2) + "\n")
        partial.replace(self.directory / "state.json")

    def stop(self) -> list[str]:
        """Stop the venue, the workers, then the broker; the names of those that ran."""
        venue = [_VENUE] if self.stop_venue() else []
        workers = list(self.workers())
        self._stop_workers(set(workers))
        running = venue + workers
        if self.broker.pid is not None:
            running.append("kafka")
            self.broker.stop()
        (self.directory / "state.json").unlink(missing_ok=True)
        return running

    def wipe(self) -> None:
        """Delete everything the broker and the workers have stored. Stop them first."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def has_own_token(self, settings: Settings) -> bool:
        """Whether the workers' token is the one made here, because the settings name no other."""
        return not settings.state_token and settings.state_token_file in {"", str(self.token_file)}

    def log(self, name: str) -> Path:
        """Where the output of a worker, or of "venue", goes."""
        return self.directory / f"{name}.log"

    def _process(self, name: str) -> ManagedProcess:
        return ManagedProcess(self.directory / f"{name}.lock")

    def _environment(self, settings: Settings) -> dict[str, str]:
        return {**os.environ, "KAFKA_BOOTSTRAP": settings.kafka_bootstrap}

    def _start(self, name: str, arguments: Sequence[str], env: dict[str, str]) -> None:
        if self.log(name).exists():
            self.log(name).replace(self.directory / f"{name}.log.1")
        command = [sys.executable, "-m", "pipeline", *arguments]
        self._process(name).start(
            command, log=self.log(name), env=env, directory=PROJECT_ROOT, detached=True
        )

    def _start_worker(self, settings: Settings, name: str) -> None:
        env = {
            **self._environment(settings),
            "TOLLGATE_WORKER_ID": name,
            "TOLLGATE_DATA_DIR": str(self.directory / name),
        }
        if self.has_own_token(settings):
            make_token_file(self.token_file)
            env["TOLLGATE_STATE_TOKEN_FILE"] = str(self.token_file)
        self._start(name, ["worker"], env)

    def _stop_workers(self, names: set[str]) -> None:
        # Each is told first: they leave the group together instead of handing lanes on in turn.
        end = time.monotonic() + WORKER_STOP_S_MAX
        for name in names:
            self._process(name).terminate()
        for name in names:
            self._process(name).stop(max(0.0, end - time.monotonic()))

    def _wait_until_joined(self, settings: Settings, names: set[str]) -> None:
        end = time.monotonic() + WORKERS_READY_S_MAX
        client = admin_client(settings)
        while _stable_members(client, settings.app_id) < len(names):
            for name in sorted(names - set(self.workers())):
                raise StackError(f"Worker {name} ended. {self._log_end(name)}")
            if time.monotonic() > end:
                raise StackError(
                    f"After {WORKERS_READY_S_MAX} s not all of {', '.join(sorted(names))} share "
                    f"the lanes. {self._log_end(min(names))}"
                )
            time.sleep(_POLL_S)

    def _log_end(self, name: str) -> str:
        return f"The end of {self.log(name)}:\n{log_tail(self.log(name))}"


def _stable_members(client: AdminClient, group: str) -> int:
    """Members of a consumer group that has shared out its partitions; 0 while it has not."""
    try:
        described: Any = client.describe_consumer_groups([group])[group].result()
    except KafkaException:
        return 0  # nobody has joined yet, or its coordinator is being elected
    return len(described.members) if described.state == ConsumerGroupState.STABLE else 0
