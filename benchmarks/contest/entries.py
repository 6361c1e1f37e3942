"""Who takes part, with which command and which settings of its own.

Owns the list of contestants and of the settings that Kafka Streams is tried with. A peer is a
program that gets one argument, the file of profile.py; the gate is `tollgate worker`, configured.
"""

import hashlib
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Final

from benchmarks.stack import GATE_WORKER, BenchError, say
from pipeline.settings import PROJECT_ROOT

OURS: Final = "ours"
KAFKA_STREAMS: Final = "kafka_streams"
QUIX: Final = "quix"
STOCK_FAUST: Final = "stock_faust"
CEILING: Final = "ceiling"
UNAUDITED: Final = "unaudited"

_PEERS: Final = PROJECT_ROOT / "benchmarks/peers"
_BUILD: Final = PROJECT_ROOT / "build"
_JAVA_BUILD: Final = _BUILD / "kafka-streams-peer"
_QUIX_VENV: Final = _BUILD / "quix-venv"
_COMMIT_INTERVALS_MS: Final = (5, 10, 25, 50, 100)
_LINGERS_MS: Final = (0, 5)
_THREADS: Final = (1, 2)
_JVM: Final = ("-Xms512m", "-Xmx1536m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


@dataclass(frozen=True)
class Entry:
    """One contestant as it is run.

    `command` starts it; a peer's gets the settings file as its last argument. `options` are lines
    of that file, or of the gate the settings by their environment names. `guess_per_s`: how many
    orders a second are expected before any was measured, so how many are loaded. `compiles`: its
    code becomes fast only after it has run for a while, so it is given long to warm up.
    """

    name: str
    title: str
    command: Sequence[str]
    guess_per_s: int
    options: dict[str, str] = field(default_factory=dict)
    gate: bool = False
    compiles: bool = False

    def having(self, **options: object) -> "Entry":
        """The same with other options."""
        changed = {name: str(value) for name, value in options.items()}
        return replace(self, options={**self.options, **changed})


def gate() -> Entry:
    """The product under the profile; the record's time stamp is gate time, as it is the peers'."""
    return Entry(
        OURS, "Tollgate worker", GATE_WORKER, 60_000, {"TOLLGATE_GATE_CLOCK": "record"}, gate=True
    )


def unaudited() -> Entry:
    """The same worker less the sending of its audit records."""
    command = (sys.executable, "-m", "benchmarks.contest.unaudited_worker")
    return replace(
        gate(), name=UNAUDITED, title="Tollgate worker, no audit or events sent", command=command
    )


def kafka_streams() -> Entry:
    """Kafka Streams with the first of the settings it is tried with; built if it has to be."""
    _build_java()
    command = ("java", *_JVM, "-cp", f"{_JAVA_BUILD}/peer.jar:{_JAVA_BUILD}/libs/*")
    return Entry(
        KAFKA_STREAMS,
        "Kafka Streams exactly_once_v2",
        (*command, "tollgate.bench.Peer"),
        50_000,
        {
            "commit_interval_ms": "100",
            "linger_ms": "5",
            "threads": "1",
            "cache_bytes": str(256 << 20),
            "batch_bytes": str(256 << 10),
        },
        compiles=True,
    )


def kafka_streams_settings(*, short: bool) -> list[Entry]:
    """Kafka Streams once with each of its settings; `short`: with four that are far apart."""
    base = kafka_streams()
    tried = list(product(_COMMIT_INTERVALS_MS, _LINGERS_MS, _THREADS))
    if short:
        tried = [(10, 0, 1), (100, 5, 1), (100, 5, 2), (10, 0, 2)]
    return [
        base.having(commit_interval_ms=interval, linger_ms=linger, threads=count)
        for interval, linger, count in tried
    ]


def quix() -> Entry:
    """Quix Streams exactly-once; its virtual environment is made if it has to be."""
    python = _quix_python()
    return Entry(
        QUIX,
        "Quix Streams exactly-once",
        (str(python), "-m", "benchmarks.peers.quix_peer"),
        16_000,
        {"commit_interval_ms": "100", "linger_ms": "5"},
    )


def stock_faust() -> Entry:
    """A stock Faust agent, at least once."""
    return Entry(
        STOCK_FAUST,
        "stock Faust at-least-once",
        (sys.executable, "-m", "benchmarks.peers.faust_peer"),
        800,
    )


def ceiling() -> Entry:
    """The same bytes copied transactionally."""
    return Entry(
        CEILING,
        "ceiling: same bytes, no core",
        (sys.executable, "-m", "benchmarks.peers.ceiling"),
        180_000,
        {"commit_interval_ms": "100"},
    )


def _build_java() -> None:
    sources = sorted((_PEERS / "kafka-streams").rglob("*.java"))
    pom = _PEERS / "kafka-streams/pom.xml"
    if _is_current(_JAVA_BUILD / "built", [pom, *sources]):
        return
    say("building the Kafka Streams peer")
    command = ["mvn", "-q", "-B", "package", f"-Dpeer.build={_JAVA_BUILD}"]
    _run(command, pom.parent, "The Kafka Streams peer could not be built (Java 17 and Maven)")
    _stamp(_JAVA_BUILD / "built", [pom, *sources])


def _quix_python() -> Path:
    python, pinned = _QUIX_VENV / "bin/python", _PEERS / "requirements.txt"
    if not _is_current(_QUIX_VENV / "built", [pinned]):
        say("installing the Quix Streams peer")
        venv.create(_QUIX_VENV, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r"]
        _run([*command, str(pinned)], PROJECT_ROOT, "Quix Streams could not be installed")
        _stamp(_QUIX_VENV / "built", [pinned])
    return python


def _run(command: list[str], directory: Path, trouble: str) -> None:
    done = subprocess.run(
        command,
        cwd=directory,
        check=False,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise BenchError(f"{trouble}:\n{(done.stdout + done.stderr)[-2000:]}")


def _is_current(stamp: Path, sources: Sequence[Path]) -> bool:
    return stamp.exists() and stamp.read_text() == _digest(sources)


def _stamp(stamp: Path, sources: Sequence[Path]) -> None:
    stamp.write_text(_digest(sources))


def _digest(sources: Sequence[Path]) -> str:
    hashed = hashlib.sha256()
    for source in sources:
        hashed.update(source.read_bytes())
    return hashed.hexdigest()
