"""What a worker says of itself while it runs: its own metrics, scraped.

Owns which metrics the benches look at. A worker that does not answer (it is starting, or has
ended) gives no sample. Never looks into the worker's process or at Kafka.
"""

import socket
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

_HOST: Final = "127.0.0.1"
_ANSWER_S_MAX: Final = 5.0
_LAG: Final = "tollgate_lane_lag_records"


@dataclass(frozen=True)
class Sample:
    """One look at a worker.

    `at_s`: monotonic. `rss_mb`: resident memory (MiB; 0 where the platform has no /proc). `lag`:
    records in Kafka that are not applied, of all lanes and topics; None while it has no lanes.
    `inputs`: applied since the process started. `decisions`: likewise.
    """

    at_s: float
    rss_mb: float
    lag: int | None
    inputs: int
    decisions: int


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def look(port: int) -> Sample | None:
    """The metrics that a worker serves on `port`; None when none answers."""
    try:
        with urlopen(f"http://{_HOST}:{port}/metrics", timeout=_ANSWER_S_MAX) as answer:
            text = answer.read().decode()
    except (URLError, OSError):
        return None
    sums: defaultdict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] += sample.value
    return Sample(
        at_s=time.monotonic(),
        rss_mb=sums["process_resident_memory_bytes"] / (1 << 20),
        lag=int(sums[_LAG]) if _LAG in sums else None,
        inputs=int(sums["tollgate_inputs_total"]),
        decisions=int(sums["tollgate_decisions_total"]),
    )
