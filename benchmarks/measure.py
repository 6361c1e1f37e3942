"""How figures are taken: decisions read back, percentiles, processor time, the machine's facts.

Owns what counts: a decision counts when a `read_committed` consumer reads it, at the time at which
the broker appended it.
"""

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Final

from pipeline.build import compiled
from pipeline.codecs.avro import decode_decision
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.risk.reasons import ACCEPTED
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.streaming.topic_reader import read_topic
from pipeline.topics import DECISIONS

_PACKAGES: Final = ("faust-streaming", "aiokafka", "confluent-kafka", "rocksdict")


@dataclass(frozen=True)
class Decided:
    """Decisions of a run: `in_window` of them, `accepted_share` of those, and when the last came.

    `reasons` of those in the window, most frequent first. `last_ms` is the broker's time of the
    last decision of the run, in or out of the window.
    """

    in_window: int
    accepted_share: float
    reasons: list[tuple[str, int]]
    last_ms: int


def decisions_between(settings: Settings, from_ms: int, to_ms: int) -> Decided:
    """Read all decisions and count those appended from `from_ms` until before `to_ms`."""
    topic = settings.topic(DECISIONS.name)
    reasons: Counter[str] = Counter()
    last_ms = 0
    for message in read_topic(settings, topic, range(settings.partitions)):
        _, appended_ms = message.timestamp()
        last_ms = max(last_ms, appended_ms)
        if from_ms <= appended_ms < to_ms:
            decision = decode_decision(message.value() or b"", FRAME_BYTES)
            reasons[decision.reason_code] += 1
    count = reasons.total()
    accepted_share = reasons[ACCEPTED] / count if count else 0.0
    return Decided(count, accepted_share, reasons.most_common(), last_ms)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ascending values that at least `share` of them do not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def processor_seconds(pid: int) -> dict[str, float]:
    """Processor seconds a process has used, by kind of thread; {} where there is no /proc."""
    used: defaultdict[str, float] = defaultdict(float)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            # The name stands in brackets and may hold anything; times are fields 14 and 15.
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue  # the thread has ended meanwhile
        values = rest.split()
        used[_kind(name, main=task.name == str(pid))] += tick_s * (
            int(values[11]) + int(values[12])
        )
    return dict(used)


def _kind(name: str, *, main: bool) -> str:
    if main:
        return "event loop"
    kinds = {"rdk": "librdkafka", "rocksdb": "RocksDB"}
    return next((kinds[prefix] for prefix in kinds if name.startswith(prefix)), "other threads")


def machine_facts() -> dict[str, str]:
    """What figures depend on, for the table above them."""
    return {
        "Machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "Load before": ", ".join(f"{load:.1f}" for load in os.getloadavg()),
        "Python": f"{platform.python_version()}, core {'' if compiled() else 'not '}compiled",
        "Packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "Broker": _broker(),
    }


def _broker() -> str:
    if "KAFKA_BOOTSTRAP" in os.environ:
        return os.environ["KAFKA_BOOTSTRAP"]
    jars = sorted((PROJECT_ROOT / "build/kafka-libs").glob("kafka-clients-*.jar"))
    found = [jar.stem.removeprefix("kafka-clients-") for jar in jars]
    return f"Apache Kafka {' '.join(found)}, one node on this machine"
