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


# Upper bound of a bucket in seconds -> how many values were not above it.
Buckets = dict[float, float]
RESIDENCE: Final = "tollgate_residence_seconds"


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _scraped(port: int) -> str | None:
    try:
        with urlopen(f"http://{_HOST}:{port}/metrics", timeout=_ANSWER_S_MAX) as answer:
            text: str = answer.read().decode()
    except (URLError, OSError):
        return None
    return text


def buckets(port: int, histogram: str) -> Buckets:
    """The buckets of a histogram that the worker on `port` serves; empty when none answers."""
    return {
        float(sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(_scraped(port) or "")
        for sample in family.samples
        if sample.name == f"{histogram}_bucket"
    }


def quantile(before: Buckets, after: Buckets, share: float) -> float | None:
    """The value that `share` of what came between two looks do not exceed, to a bucket's width.

    Within a bucket, values are taken to lie evenly. None: nothing came, or nobody answered.
    """
    counted = [(bound, after[bound] - before.get(bound, 0.0)) for bound in sorted(after)]
    wanted = share * counted[-1][1] if counted else 0.0
    below, lower = 0.0, 0.0
    for bound, count in counted:
        if count >= wanted > 0:
            upper = bound if bound != float("inf") else lower
            return lower + (upper - lower) * (wanted - below) / max(count - below, 1.0)
        below, lower = count, bound
    return None


def look(port: int) -> Sample | None:
    """The metrics that a worker serves on `port`; None when none answers."""
    text = _scraped(port)
    if text is None:
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
