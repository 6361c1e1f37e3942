"""Apache Kafka as a child process: one KRaft node, broker and controller in one.

Owns the broker's directory: its settings, its ports, its data and its log. It listens on 127.0.0.1
only and keeps one copy of everything, so it proves what a broker does, not what a cluster
survives. Must never be started where an operator's Kafka is configured (KAFKA_BOOTSTRAP).
"""

import base64
import json
import os
import random
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.local.jars import JarsError, kafka_jars
from pipeline.local.processes import AlreadyRunningError, ManagedProcess, log_tail

READY_S_MAX: Final = 120
STOP_S_MAX: Final = 60
_POLL_S: Final = 0.1
_HOST: Final = "127.0.0.1"
# Below the ports that the kernel hands to outgoing connections (32768 and up on Linux): a client
# that keeps calling a dead broker's port from that range can connect to itself and so occupy it.
_PORTS: Final = range(20_000, 32_000)

# Heap and collector: little, for what is tried out on a laptop and in tests.
SMALL_HEAP: Final = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC")
# As Kafka's own scripts start a broker (kafka-server-start.sh, kafka-run-class.sh): fewer pauses.
KAFKAS_HEAP: Final = (
    "-Xms1g",
    "-Xmx1g",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
)
_JVM: Final = (
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
    # Repeats every client's whole configuration at each start.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
)

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}

# One node has one copy of everything.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Topics are created with their right partition count or not at all.
auto.create.topics.enable=false
message.max.bytes=8388608

# A worker that was killed must not leave its lanes standing: look for its transaction every second.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
transaction.max.timeout.ms=900000
group.initial.rebalance.delay.ms=0
# After a kill -9 the controller refuses the new broker until the old one's session has ended. Much
# shorter, and a busy machine's late heartbeats would fence a living broker.
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000

# Sized for one machine of two cores.
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=8
num.network.threads=2
num.io.threads=4
log.segment.bytes=67108864
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=16777216
"""


class BrokerError(RuntimeError):
    """The local broker could not be started; the text says why and what to do."""


class LocalBroker:
    """Apache Kafka in `directory`, which is created when absent and kept when it is stopped.

    Ports are chosen at the first start and kept for the following ones, unless another program has
    taken them meanwhile. A `detached` broker lives on when the process that started it ends;
    another LocalBroker on the same directory then finds it. As a context manager it is started and
    stopped.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        detached: bool = False,
        heap: Sequence[str] = SMALL_HEAP,
        more_properties: str = "",
    ) -> None:
        """`port`: where clients connect; None lets it choose a free one. `heap`: see above.

        `more_properties`: further lines of server.properties, which win over the broker's own; they
        may name {host}, {port}, {controller_port} and {data}.
        """
        self._heap = heap
        self._more_properties = more_properties
        self.directory = directory.resolve()
        self.log = self.directory / "broker.log"
        self._wanted_port = port
        self._detached = detached
        self._process = ManagedProcess(self.directory / "broker.lock")
        self._ports_file = self.directory / "ports.json"

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:PORT`. Raises BrokerError when it was never started."""
        ports = self._remembered_ports()
        if ports is None:
            raise BrokerError(f"The broker in {self.directory} was never started.")
        return f"{_HOST}:{ports[0]}"

    @property
    def pid(self) -> int | None:
        """The process id of the living broker, whoever started it; None when it does not run."""
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers clients. A broker that runs already is left as it is.

        Raises BrokerError: no Java, no jars, a port taken, or whatever its log says.
        """
        if self.pid is None:
            self._launch()
        self._wait_ready()

    def stop(self) -> None:
        """Let it close its logs in order; kill it when it takes longer than STOP_S_MAX."""
        self._process.stop(STOP_S_MAX)

    def kill(self) -> None:
        """SIGKILL, as a crash of the machine's process would do."""
        self._process.kill()

    def restart(self) -> None:
        """Stop it if it runs and start it again, on the same port and data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it, whatever happened."""
        self.stop()

    def _launch(self) -> None:
        java = _java()
        try:
            libs = kafka_jars()
        except JarsError as error:
            raise BrokerError(str(error)) from error
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self._write_properties()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        classpath = [java, "-cp", f"{libs}/*"]
        if not (self.directory / "data/meta.properties").exists():
            self._format([*classpath, "-XX:TieredStopAtLevel=1"], properties)
        options = [*self._heap, *_JVM]
        command = [*classpath[:1], *options, *classpath[1:], "kafka.Kafka", str(properties)]
        try:
            self._process.start(command, log=self.log, detached=self._detached)
        except AlreadyRunningError:
            return  # started by another process since we looked: wait for that one

    def _format(self, java: Sequence[str], properties: Path) -> None:
        """Give the empty data directory its cluster id."""
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # In one word: an id may begin with a dash.
        cluster = f"--cluster-id={cluster_id}"
        tool = ["kafka.tools.StorageTool", "format", cluster, "-c", str(properties)]
        with self.log.open("ab") as output:
            ran = subprocess.run(  # noqa: S603 - our own command, no shell
                [*java, *tool], stdout=output, stderr=subprocess.STDOUT, check=False
            )
        if ran.returncode != 0:
            raise self._failure("Kafka could not format its data directory")

    def _wait_ready(self) -> None:
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        end = time.monotonic() + READY_S_MAX
        while time.monotonic() < end:
            # A broker answers before it is registered; then its list of brokers is still empty.
            with suppress(KafkaException):
                if client.list_topics(timeout=1).brokers:
                    return
            if self.pid is None:
                raise self._failure("Kafka ended while it was starting")
            time.sleep(_POLL_S)
        self.kill()
        raise self._failure(f"Kafka did not answer within {READY_S_MAX} s and was stopped")

    def _failure(self, what: str) -> BrokerError:
        tail = log_tail(self.log)
        if "UnsupportedClassVersionError" in tail:
            advice = "Its Java is too old: install Java 17 or newer, or point JAVA_HOME at one."
        elif "No space left" in tail:
            advice = "The disk is full."
        else:
            advice = f"If its data is damaged and not needed, delete {self.directory}."
        return BrokerError(f"{what}. {advice}\nThe end of {self.log}:\n{tail}")

    def _write_properties(self) -> Path:
        ports = self._remembered_ports()
        if (
            ports is None
            or not all(map(_is_free, ports))
            or self._wanted_port not in {None, ports[0]}
        ):
            ports = self._choose_ports()
            self._ports_file.write_text(json.dumps({"port": ports[0], "controller_port": ports[1]}))
        path = self.directory / "server.properties"
        properties = _PROPERTIES + self._more_properties
        path.write_text(
            properties.format(
                host=_HOST, port=ports[0], controller_port=ports[1], data=self.directory / "data"
            )
        )
        return path

    def _remembered_ports(self) -> tuple[int, int] | None:
        if not self._ports_file.exists():
            return None
        ports = json.loads(self._ports_file.read_text())
        return ports["port"], ports["controller_port"]

    def _choose_ports(self) -> tuple[int, int]:
        if self._wanted_port and not _is_free(self._wanted_port):
            raise BrokerError(
                f"Port {self._wanted_port} is taken: choose another, or stop what listens on it."
            )
        # Seeded by the operating system: brokers of several test runs must not choose alike.
        candidates = random.SystemRandom().sample(_PORTS, k=len(_PORTS))
        free = (port for port in candidates if port != self._wanted_port and _is_free(port))
        return self._wanted_port or next(free), next(free)


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise BrokerError(
            f"No Java {where}; Kafka needs Java 17 or newer: install it (Debian: apt-get install "
            "openjdk-17-jre-headless; macOS: brew install openjdk@17), or set KAFKA_BOOTSTRAP to a "
            "Kafka of yours."
        )
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the broker does: connections of a broker that has just ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True
