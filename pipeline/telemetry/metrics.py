"""Prometheus metrics of a worker.

Owns every metric's name, labels and buckets; `endpoint.py` exposes them. Methods take what a batch
or a commit has gathered, so that a record costs nothing by itself. Never reads a clock, Kafka or a
record: callers measure and hand over numbers. A label's values come from closed sets (topics,
verdicts, reason codes, lanes), never from a record's ids.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from pipeline.telemetry.lanes import LaneBoard

_INF: Final = float("inf")
COMMIT_SECONDS_BUCKETS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, _INF),
)
COMMIT_INPUTS_BUCKETS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, _INF)
LATENCY_SECONDS_BUCKETS: Final = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0, _INF),
)
CORE_SECONDS_BUCKETS: Final = (
    *(2e-6, 5e-6, 1e-5, 1.5e-5, 2e-5, 3e-5, 5e-5, 7.5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 0.05, _INF),
)
RECOVERY_SECONDS_BUCKETS: Final = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, _INF)


class Metrics:
    """The metrics of one worker. Methods may be called from any thread."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register every metric.

        `registry`: where; a new one, with the process's own figures, when absent, so that several
        workers of one process (tests) do not meet.
        """
        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
        self.registry: Final = registry
        self._owned: frozenset[int] = frozenset()
        self._owned_lock: Final = threading.Lock()
        # The same figures of each lane, for the endpoint.
        self.board: Final = LaneBoard()
        self._inputs = Counter(
            "tollgate_inputs_total",
            "Inputs applied, by topic and the outcome their audit record names.",
            ["topic", "outcome"],
            registry=registry,
        )
        self._decisions = Counter(
            "tollgate_decisions_total",
            "Decisions committed, by verdict and reason code.",
            ["verdict", "reason"],
            registry=registry,
        )
        self._dead_letters = Counter(
            "tollgate_dead_letters_total",
            "Inputs that could not be read or placed, by reason code.",
            ["reason"],
            registry=registry,
        )
        self._swept = Counter(
            "tollgate_orders_swept_total",
            "Orders ended by gate time: expired, or never acknowledged by the venue.",
            registry=registry,
        )
        self._commit_seconds = Histogram(
            "tollgate_commit_seconds",
            "From the first record produced for a commit to its end, local store included.",
            buckets=COMMIT_SECONDS_BUCKETS,
            registry=registry,
        )
        self._commit_inputs = Histogram(
            "tollgate_commit_inputs",
            "Inputs a commit holds.",
            buckets=COMMIT_INPUTS_BUCKETS,
            registry=registry,
        )
        self._core = _BatchHistogram(
            "tollgate_core_seconds",
            "Deciding an input, bytes in to bytes out: the mean of its batch.",
            CORE_SECONDS_BUCKETS,
        )
        registry.register(self._core)
        self._residence = _BatchHistogram(
            "tollgate_residence_seconds",
            "From the answer of the fetch that brought an input until its outputs are handed to "
            "the producer.",
            LATENCY_SECONDS_BUCKETS,
        )
        registry.register(self._residence)
        self._latency = _BatchHistogram(
            "tollgate_order_latency_seconds",
            "From an order's Kafka time stamp to its durable decision. Only with gate_clock "
            "wall: replayed orders carry the time stamps of the day they were recorded on.",
            LATENCY_SECONDS_BUCKETS,
        )
        registry.register(self._latency)
        self._lag_records = Gauge(
            "tollgate_lane_lag_records",
            "Records of an input topic that lie in Kafka and have not been applied.",
            ["lane", "topic"],
            registry=registry,
        )
        self._lag_seconds = Gauge(
            "tollgate_lane_lag_seconds",
            "Age of the oldest input not yet applied, by its Kafka time stamp; 0 without any.",
            ["lane"],
            registry=registry,
        )
        self._recovery_left = Gauge(
            "tollgate_recovery_records_left",
            "Changelog records still to restore; 0 once the lane is live.",
            ["lane"],
            registry=registry,
        )
        self._recovery_seconds_left = Gauge(
            "tollgate_recovery_seconds_left",
            "Seconds the restore of the lane will still take at its pace so far.",
            ["lane"],
            registry=registry,
        )
        self._standby_left = Gauge(
            "tollgate_standby_records_left",
            "Changelog records by which a copy of another worker's lane is behind.",
            ["table", "lane"],
            registry=registry,
        )
        self._recovery_seconds = Histogram(
            "tollgate_recovery_seconds",
            "From the assignment of a lane to its first input.",
            buckets=RECOVERY_SECONDS_BUCKETS,
            registry=registry,
        )
        self._remembered_ids = Gauge(
            "tollgate_remembered_ids",
            "Order, execution and deposit ids a lane counts as remembered, working orders apart.",
            ["lane"],
            registry=registry,
        )
        self._memory_seconds = Gauge(
            "tollgate_memory_seconds",
            "How far back a lane remembers ids: what is stamped earlier is refused.",
            ["lane"],
            registry=registry,
        )
        self._memory_bound = Counter(
            "tollgate_memory_bound_total",
            "Ids forgotten for their count (remembered_ids_max), before their window was over.",
            registry=registry,
        )
        self._lanes = Gauge("tollgate_lanes", "Lanes this worker owns.", registry=registry)
        self._build = Info("tollgate_build", "What is running.", registry=registry)

    def build(self, version: str, core_versions: Sequence[int], *, compiled: bool) -> None:
        """Set tollgate_build_info."""
        self._build.info(
            {
                "version": version,
                "core_versions": ",".join(map(str, core_versions)),
                "compiled": str(compiled).lower(),
            }
        )

    def count_batch(
        self,
        decisions: Mapping[tuple[str, str], int],
        outcomes: Mapping[tuple[str, str], int],
        dead_letters: Mapping[str, int],
        swept: int,
    ) -> None:
        """Add what a commit has made final.

        `decisions`: (verdict, reason code) -> count. `outcomes`: (topic without prefix, outcome)
        -> inputs. `dead_letters`: reason code -> count. `swept`: orders that gate time has ended.
        """
        self._swept.inc(swept)
        for (verdict, reason), count in decisions.items():
            self._decisions.labels(verdict, reason).inc(count)
        for (topic, outcome), count in outcomes.items():
            self._inputs.labels(topic, outcome).inc(count)
        for reason, count in dead_letters.items():
            self._dead_letters.labels(reason).inc(count)

    def committed(self, seconds: float, inputs: int) -> None:
        """Add one commit of `inputs` inputs that took `seconds`."""
        self._commit_seconds.observe(seconds)
        self._commit_inputs.observe(inputs)

    def remembering(self, lane: int, ids: int, seconds: float, forgotten_early: int) -> None:
        """Set what a lane remembers and for how long.

        `forgotten_early`: ids that have been forgotten for their count since the last call.
        """
        self._memory_bound.inc(forgotten_early)
        with self._owned_lock:
            if lane in self._owned:
                self._remembered_ids.labels(str(lane)).set(ids)
                self._memory_seconds.labels(str(lane)).set(seconds)

    def core(self, seconds: float, inputs: int) -> None:
        """Add a batch of `inputs` inputs whose deciding took `seconds` each."""
        self._core.observe_many([seconds], [inputs])

    def residences(self, seconds: Sequence[float], inputs: Sequence[int]) -> None:
        """Add how long inputs were in the worker: `inputs[n]` of them for `seconds[n]`."""
        self._residence.observe_many(seconds, inputs)

    def latencies(self, seconds: Sequence[float]) -> None:
        """Add the latencies of a commit's orders, in seconds, in any order."""
        self._latency.observe_many(seconds)

    def own(self, lanes: Collection[int]) -> None:
        """Say which lanes this worker owns from now on; gauges of all others disappear."""
        with self._owned_lock:
            for lane in self._owned.difference(lanes):
                for gauge in (
                    self._lag_records,
                    self._lag_seconds,
                    self._recovery_left,
                    self._recovery_seconds_left,
                    self._remembered_ids,
                    self._memory_seconds,
                ):
                    gauge.remove_by_labels({"lane": str(lane)})
            self._standby_left.clear()
            self._owned = frozenset(lanes)
            self._lanes.set(len(self._owned))
            self.board.own(lanes)

    def lane_lag(self, lane: int, records: Mapping[str, int], seconds: float) -> None:
        """Set a lane's lag: records by topic (without prefix), and seconds of the oldest.

        A lane that has left is passed over: a reading taken before it left must not bring its
        gauges back.
        """
        with self._owned_lock:
            if lane not in self._owned:
                return
            for topic, count in records.items():
                self._lag_records.labels(str(lane), topic).set(count)
            self._lag_seconds.labels(str(lane)).set(seconds)
            self.board.lagging(lane, records, seconds)

    def recovering(self, lane: int, records_left: int, seconds_left: float) -> None:
        """Set how many changelog records a lane has still to restore, and how long that takes."""
        with self._owned_lock:
            if lane in self._owned:
                self._recovery_left.labels(str(lane)).set(records_left)
                self._recovery_seconds_left.labels(str(lane)).set(seconds_left)
                self.board.restoring(lane, records_left, seconds_left)

    def standing_by(self, table: str, lane: int, records_left: int) -> None:
        """Set how far the copy of another worker's lane is behind."""
        self._standby_left.labels(table, str(lane)).set(records_left)
        self.board.standing_by(table, lane, records_left)

    def recovered(self, lane: int, seconds: float) -> None:
        """Add the recovery of a lane that took `seconds`; nothing is left to restore."""
        self._recovery_seconds.observe(seconds)
        self.recovering(lane, 0, 0.0)


class _BatchHistogram(Collector):
    """A histogram that takes observations by the batch.

    prometheus_client's own takes a lock and walks the buckets for each observation: more than an
    order's decision may spend.
    """

    def __init__(self, name: str, documentation: str, bounds: Sequence[float]) -> None:
        self._name: Final = name
        self._documentation: Final = documentation
        self._bounds: Final = tuple(bounds)
        self._labels: Final = [
            "+Inf" if bound == _INF else str(float(bound)) for bound in self._bounds
        ]
        self._counts: Final = [0] * len(self._bounds)
        self._sum = 0.0
        self._lock: Final = threading.Lock()

    def observe_many(self, values: Sequence[float], times: Sequence[int] | None = None) -> None:
        """Add values, each as often as `times` says, once where it says nothing."""
        if times is None:
            self._observe_each(values)
            return
        with self._lock:
            for value, count in zip(values, times, strict=True):
                self._sum += value * count
                self._counts[bisect_left(self._bounds, value)] += count

    def _observe_each(self, values: Sequence[float]) -> None:
        ordered = sorted(values)
        upto = [bisect_right(ordered, bound) for bound in self._bounds]
        with self._lock:
            self._sum += sum(ordered)
            below = 0
            for index, count in enumerate(upto):
                self._counts[index] += count - below
                below = count

    def collect(self) -> Iterator[HistogramMetricFamily]:
        with self._lock:
            cumulative = list(accumulate(self._counts))
            total = self._sum
        yield HistogramMetricFamily(
            self._name,
            self._documentation,
            buckets=list(zip(self._labels, cumulative, strict=True)),
            sum_value=total,
        )
