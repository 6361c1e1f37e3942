"""Prometheus metrics of `tollgate marks`.

Owns each metric's name and labels; `endpoint.py` exposes them. Fed with what has gathered, never by
the tick. A label's values come from closed sets, never from a tick.
"""

from collections.abc import Collection, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    PlatformCollector,
    ProcessCollector,
)


class FeedMetrics:
    """The metrics of one publisher of marks. Methods may be called from any thread."""

    def __init__(self) -> None:
        """Register every metric, with the process's own figures."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.registry: Final = registry
        self._ticks = Counter("tollgate_ticks_total", "Ticks read.", registry=registry)
        self._late = Counter(
            "tollgate_ticks_late_total",
            "Ticks passed over: of an earlier source time than one before them.",
            registry=registry,
        )
        self._refused = Counter(
            "tollgate_ticks_refused_total",
            "Ticks that cannot become a mark, by reason code.",
            ["reason"],
            registry=registry,
        )
        self._marks = Counter(
            "tollgate_marks_total",
            "Marks published; each counts once, though it lies in every partition.",
            registry=registry,
        )
        self._instruments = Gauge(
            "tollgate_tick_instruments", "Instruments that are told apart.", registry=registry
        )
        self._lag = Gauge(
            "tollgate_ticks_lag_records",
            "Ticks of a partition that lie in Kafka and have not been read.",
            ["partition"],
            registry=registry,
        )
        self._oldest = Gauge(
            "tollgate_mark_age_seconds",
            "Age of the oldest mark of the last second when it was published, by its source time.",
            registry=registry,
        )

    def add(self, ticks: int, late: int, refused: Mapping[str, int], marks: int) -> None:
        """Add what has gathered since the last call."""
        self._ticks.inc(ticks)
        self._late.inc(late)
        self._marks.inc(marks)
        for reason, count in refused.items():
            self._refused.labels(reason).inc(count)

    def show(self, instruments: int, oldest_mark_s: float, lag: Mapping[int, int]) -> None:
        """Set the gauges; `lag`: partition -> ticks not read yet."""
        self._instruments.set(instruments)
        self._oldest.set(oldest_mark_s)
        for partition, records in lag.items():
            self._lag.labels(str(partition)).set(records)

    def leave(self, partitions: Collection[int]) -> None:
        """Another publisher reads these partitions now."""
        for partition in partitions:
            self._lag.remove_by_labels({"partition": str(partition)})
