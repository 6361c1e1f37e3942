"""What a bench runs against: a directory, a broker, and one worker at a time.

Owns starting and stopping: everything is stopped however a bench ends, also on Ctrl-C and SIGTERM.
With KAFKA_BOOTSTRAP set that Kafka is used, under topic names of this run that are deleted at its
end; else a broker of the run's own, in a directory that is removed. Measures nothing.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from benchmarks.flow import OrderFlow, publish_setup
from pipeline.control.history import ControlError
from pipeline.local.broker import KAFKAS_HEAP, BrokerError, LocalBroker
from pipeline.local.processes import ManagedProcess, log_tail
from pipeline.market.errors import ReplayError
from pipeline.market.publisher import Publisher
from pipeline.settings import PROJECT_ROOT, Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError, admin_client, create_topics, partition_counts
from pipeline.streaming.topic_reader import read_topic
from pipeline.topics import AUDIT, DECISIONS, LANE_INPUTS, Topic

GATE_WORKER: Final = (sys.executable, "-m", "pipeline", "worker")

_DIRECTORY: Final = PROJECT_ROOT / "var/bench"
_WORKER_STOP_S_MAX: Final = 60
_SETUP_S_MAX: Final = 180
_POLL_S: Final = 1.0
_REQUEST_S_MAX: Final = 30


class BenchError(RuntimeError):
    """The bench could not measure; the text says why and what to do."""


class Contender:
    """One worker under measurement with topics and a directory of its own."""

    def __init__(
        self, name: str, settings: Settings, directory: Path, command: Sequence[str]
    ) -> None:
        """`command` is started with the environment variables that mean `settings`."""
        self.name: Final = name
        self.settings: Final = settings
        self.log: Final = directory / f"{name}.log"
        self._publisher: Publisher | None = None
        self._admin: Final = admin_client(settings)
        self.command: Final = command
        self._process: Final = ManagedProcess(directory / f"{name}.lock")

    @property
    def publisher(self) -> Publisher:
        """Who publishes its inputs."""
        if self._publisher is None:
            self._publisher = Publisher(self.settings)
        return self._publisher

    @property
    def pid(self) -> int:
        """Its process id. Raises BenchError with the end of its log when it has ended."""
        pid = self._process.pid
        if pid is None:
            raise BenchError(f"{self.name} has ended. The end of its log:\n{log_tail(self.log)}")
        return pid

    def start(self, flow: OrderFlow, first_us: int) -> None:
        """Start it and return when it has applied the definitions, accounts, money and the mark."""
        publish_setup(self.settings, self.publisher, flow, first_us)
        inputs = sum(_count(self.settings, topic.name) for topic in LANE_INPUTS)
        self.resume()
        end = time.monotonic() + _SETUP_S_MAX
        while _count(self.settings, AUDIT.name) < inputs:
            if time.monotonic() > end:
                raise BenchError(
                    f"{self.name} has not applied its {inputs} first inputs after {_SETUP_S_MAX} s."
                    f" The end of its log:\n{log_tail(self.log)}"
                )
            _ = self.pid
            time.sleep(_POLL_S)

    def resume(self) -> None:
        """Start it on the topics and the directory it had before; return at once."""
        self._process.start(
            self.command,
            log=self.log,
            env=dict(os.environ) | self.settings.as_env(),
            directory=PROJECT_ROOT,
        )

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process.pid is not None

    def stop(self) -> None:
        """SIGTERM, and wait: what it has in hand is committed."""
        self._process.stop(_WORKER_STOP_S_MAX)
        # It would complain when the broker is stopped next.
        self._publisher = None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()

    def decisions_about(self) -> int:
        """Decisions so far, without reading them: transaction markers are counted along."""
        name = self.settings.topic(DECISIONS.name)
        wanted = {
            TopicPartition(name, partition): OffsetSpec.latest()
            for partition in range(self.settings.partitions)
        }
        futures = self._admin.list_offsets(
            wanted,
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_REQUEST_S_MAX,
        )
        return sum(future.result().offset for future in futures.values())


@dataclass
class Stack:
    """The directory and the Kafka of one bench."""

    directory: Path
    settings: Settings
    broker: LocalBroker | None
    contenders: list[Contender]

    def contender(self, name: str, command: Sequence[str], **settings: Any) -> Contender:
        """A worker with its own topics, which are created; not started. Raises TopicError.

        Decisions carry the time at which the broker appended them.
        """
        own = f"{self.settings.app_id}-{name}"
        chosen = replace(
            self.settings,
            app_id=own,
            topic_prefix=f"{own}.",
            worker_id=name,
            data_dir=str(self.directory / name),
            **settings,
        ).checked()
        create_topics(chosen)
        stamp_appends(chosen, DECISIONS)
        made = Contender(name, chosen, self.directory, command)
        self.contenders.append(made)
        return made

    def beside(self, contender: Contender, name: str, **settings: Any) -> Contender:
        """Another worker of the same group, on the same topics, with a directory of its own."""
        chosen = replace(
            contender.settings,
            worker_id=name,
            data_dir=str(self.directory / name),
            **settings,
        ).checked()
        made = Contender(name, chosen, self.directory, contender.command)
        self.contenders.append(made)
        return made

    def stop(self) -> None:
        """Stop the workers, then the broker; on somebody else's Kafka delete this run's topics."""
        for contender in self.contenders:
            contender.stop()
        if self.broker is not None:
            self.broker.stop()
        else:
            _delete_topics(self.settings)


@contextmanager
def bench_stack() -> Iterator[Stack]:
    """A running stack, stopped and removed at the end.

    When the bench fails, the logs in its directory stay. What keeps it from measuring ends the
    process with a sentence and exit code 1.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    name = f"bench-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
    directory = _DIRECTORY / name
    try:
        settings = replace(Settings.load(), app_id=name, reporting=False, log_level="WARNING")
    except SettingsError as error:
        sys.exit(f"bench: {error}")
    directory.mkdir(parents=True)
    own = "KAFKA_BOOTSTRAP" not in os.environ
    broker = LocalBroker(directory / "kafka", heap=KAFKAS_HEAP) if own else None
    stack = Stack(directory, settings, broker, [])
    try:
        try:
            if broker is not None:
                broker.start()
                stack.settings = replace(settings, kafka_bootstrap=broker.bootstrap)
            yield stack
        finally:
            stack.stop()
    except (
        BenchError,
        BrokerError,
        ControlError,
        KafkaException,
        ReplayError,
        SettingsError,
        TopicError,
    ) as error:
        for path in (
            directory / "kafka/data",
            *(directory / made.name for made in stack.contenders),
        ):
            shutil.rmtree(path, ignore_errors=True)
        sys.exit(f"bench: {error}\nThe logs are in {directory}.")
    except SystemExit:  # Ctrl-C or SIGTERM
        shutil.rmtree(directory)
        raise
    shutil.rmtree(directory)


def say(text: str) -> None:
    """Tell people what is going on; results alone go to standard output."""
    sys.stderr.write(f"{text}\n")


def _count(settings: Settings, topic: str) -> int:
    name = settings.topic(topic)
    return sum(1 for _ in read_topic(settings, name, range(settings.partitions)))


def stamp_appends(settings: Settings, topic: Topic) -> None:
    """Let the broker stamp the topic's records when it appends them. Raises KafkaException."""
    name = settings.topic(topic.name)
    stamp = ConfigEntry(
        "message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[stamp])
    client = admin_client(settings)
    for future in client.incremental_alter_configs([resource]).values():
        future.result(timeout=_REQUEST_S_MAX)


def _delete_topics(settings: Settings) -> None:
    client = admin_client(settings)
    names = [name for name in partition_counts(client) if name.startswith(settings.app_id)]
    for future in client.delete_topics(names).values() if names else ():
        future.result(timeout=_REQUEST_S_MAX)
