"""A broker and workers on this machine that live on when the command which started them has ended.

Owns var/local: the broker's directory, one data directory, lock and log a worker, the token that
the workers' endpoints want, and state.json, which tells people and scripts what runs. The locks,
not state.json, decide what runs.
"""

import json
import os
import shutil
import sys
import time
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
_POLL_S: Final = 0.2


class StackError(RuntimeError):
    """A worker did not come up; the text holds the end of its log."""


class LocalStack:
    """The broker and the workers of one directory, whichever process started them."""

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

    def write_state(self, bootstrap: str) -> None:
        """Write state.json: the address, and the process ids of what runs here."""
        state = {
            "bootstrap": bootstrap,
            "broker_pid": self.broker.pid,
            "worker_pids": self.workers(),
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self.directory / "state.json.partial"
        partial.write_text(json.dumps(state, indent=2) + "\n")
        partial.replace(self.directory / "state.json")

    def stop(self) -> list[str]:
        """Stop the workers, then the broker; the names of those that ran."""
        running = list(self.workers())
        self._stop_workers(set(running))
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

    def log(self, worker: str) -> Path:
        """Where a worker's output goes."""
        return self.directory / f"{worker}.log"

    def _process(self, worker: str) -> ManagedProcess:
        return ManagedProcess(self.directory / f"{worker}.lock")

    def _start_worker(self, settings: Settings, name: str) -> None:
        env = {
            **os.environ,
            "KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "TOLLGATE_WORKER_ID": name,
            "TOLLGATE_DATA_DIR": str(self.directory / name),
        }
        if self.log(name).exists():
            self.log(name).replace(self.directory / f"{name}.log.1")
        command = [sys.executable, "-m", "pipeline", "worker"]
        if self.has_own_token(settings):
            make_token_file(self.token_file)
            env["TOLLGATE_STATE_TOKEN_FILE"] = str(self.token_file)
        self._process(name).start(
            command, log=self.log(name), env=env, directory=PROJECT_ROOT, detached=True
        )

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

    def _log_end(self, worker: str) -> str:
        return f"The end of {self.log(worker)}:\n{log_tail(self.log(worker))}"


def _stable_members(client: AdminClient, group: str) -> int:
    """Members of a consumer group that has shared out its partitions; 0 while it has not."""
    try:
        described: Any = client.describe_consumer_groups([group])[group].result()
    except KafkaException:
        return 0  # nobody has joined yet, or its coordinator is being elected
    return len(described.members) if described.state == ConsumerGroupState.STABLE else 0
