"""The run of one seed: a workload, the plan's faults, quiet, a judgement.

Owns the order of a run and its result. The plan and the workload follow from the seed; how they
interleave with what the workers do is up to the machine, so a failing seed is likely, not certain,
to fail again.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.settings import Settings
from pipeline.streaming.topic_admin import admin_client
from pipeline.topics import ALL_TOPICS
from tests.chaos.checker import Verdict, judge
from tests.chaos.checker_history import HistoryError
from tests.chaos.cluster import Cluster
from tests.chaos.faults import AtTime, Plan, TimedFault
from tests.chaos.journal import Journal
from tests.chaos.kafka import Kafka
from tests.chaos.oncall import Oncall
from tests.chaos.plan import SESSION_TIMEOUT_S
from tests.chaos.workload import Workload
from tests.chaos.zombies import unfenced_commits

_TICK_S: Final = 0.02
_DELAY_S: Final = 0.15
# Far beyond what recovery takes on a slow machine: a lane that still stands then stands for ever.
_APPLIED_S_MAX: Final = 240.0
_ASK_S: Final = 2.0
_ASK_EVERY_S: Final = 0.3
_DELETE_S_MAX: Final = 30


@dataclass
class Result:
    """What a run came to. `faults`, `points`: those that really happened."""

    seed: int
    seconds: float = 0.0
    incarnations: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    inputs: int = 0
    lost: int = 0
    doubled: int = 0
    contradicted: int = 0
    unfenced: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not (
            self.lost or self.doubled or self.contradicted or self.unfenced or self.violations
        )


class Run:
    """The run of a plan on a broker; `directory` is new, and keeps everything there is to see."""

    def __init__(self, kafka: Kafka, plan: Plan, directory: Path) -> None:
        """Nothing happens before `execute`."""
        directory.mkdir(parents=True)
        (directory / "plan.json").write_text(json.dumps(asdict(plan), indent=1) + "\n")
        name = f"chaos-{plan.seed}"
        self._plan: Final = plan
        self._kafka: Final = kafka
        self._settings: Final = Settings(
            **{
                "app_id": name,
                "topic_prefix": f"{name}.",
                "worker_id": "judge",
                # Divides among two and three workers: none of them is ever without a lane.
                "partitions": 6,
                "session_timeout_s": SESSION_TIMEOUT_S,
                "rebalance_timeout_s": 10,
                "kafka_bootstrap": kafka.direct,
                **plan.settings,
            }
        ).checked()
        seen = Settings(**{**asdict(self._settings), "kafka_bootstrap": kafka.proxied})
        self._journal: Final = Journal(directory / "journal.txt")
        self._oncall: Final = Oncall(self._settings, kafka, self._journal)
        self._cluster: Final = Cluster(seen, plan, directory, self._journal)
        self._result: Final = Result(plan.seed)
        self._directory: Final = directory
        self._clerk: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")
        self._started = 0.0

    def execute(self) -> Result:
        """Run to the end and judge. Raises what only a broken harness or broker can cause."""
        began = time.monotonic()
        try:
            workload = Workload(self._settings, self._plan.seed, self._plan.records_per_s)
            workload.start()
            self._cluster.join(1)
            self._suffer()
            self._journal.tell("calm")
            self._cluster.calm_down()
            last = self._meanwhile(workload.stop)
            applied = self._await_applied(last)
            self._journal.tell("everything is applied" if applied else "not everything is applied")
            self._cluster.stop_all()
            self._tick_until(lambda: not self._cluster.running)
        finally:
            self._cluster.kill_all()
            self._clerk.shutdown()
            self._oncall.leave()
        self._conclude(self._judge())
        self._result.seconds = time.monotonic() - began
        self._journal.tell("judged")
        self._journal.close()
        (self._directory / "result.json").write_text(json.dumps(vars(self._result)) + "\n")
        return self._result

    def forget(self) -> None:
        """Delete the run's topics and directory."""
        names = [self._settings.topic(topic.name) for topic in ALL_TOPICS]
        # The client must outlive its answers.
        admin = admin_client(self._settings)
        deleted = admin.delete_topics(names, request_timeout=_DELETE_S_MAX)
        for future in deleted.values():
            future.result()
        shutil.rmtree(self._directory)

    # -- the faults

    def _suffer(self) -> None:
        """Until every planned fault has happened, or no more may begin."""
        self._started = time.monotonic()
        waiting = list(self._plan.times)

        def is_over() -> bool:
            waiting[:] = [fault for fault in waiting if not self._happens(fault)]
            if self._kafka.is_well and self._cluster.stir():
                self._result.faults[AtTime.SIGTERM] += 1
                self._journal.tell("stirred")
            in_time = time.monotonic() - self._started < self._plan.seconds_max
            return not in_time or (not waiting and self._cluster.quiet)

        self._tick_until(is_over)
        self._tick_until(lambda: self._kafka.is_well)

    def _happens(self, fault: TimedFault) -> bool:
        """Let a fault happen that is due; False while it is not, or cannot happen yet."""
        if time.monotonic() - self._started < fault.at_s:
            return False
        if not self._act(fault):
            return False
        self._result.faults[fault.kind] += 1
        worker = f"w{fault.worker}: " if fault.worker else ""
        self._journal.tell(f"{worker}{fault.kind} {fault.seconds or ''}")
        return True

    def _act(self, fault: TimedFault) -> bool:
        cluster, kafka = self._cluster, self._kafka

        def trouble(*, delay_s: float = 0.0, refuse: bool = False, hang: bool = False) -> bool:
            return kafka.trouble(fault.seconds, delay_s=delay_s, refuse=refuse, hang=hang)

        acts: dict[AtTime, Callable[[], bool]] = {
            AtTime.KILL: lambda: cluster.kill(fault.worker),
            AtTime.PAUSE: lambda: cluster.pause(fault.worker, fault.seconds),
            AtTime.SIGTERM: lambda: cluster.terminate(fault.worker),
            AtTime.JOIN: lambda: cluster.join(fault.worker),
            AtTime.LEAVE: lambda: cluster.leave(fault.worker),
            AtTime.TWIN: lambda: cluster.twin(fault.worker),
            AtTime.BROKER_KILL: kafka.kill,
            AtTime.BROKER_PAUSE: lambda: kafka.pause(fault.seconds),
            AtTime.NET_SLOW: lambda: trouble(delay_s=_DELAY_S),
            AtTime.NET_CUT: trouble,
            AtTime.NET_REFUSE: lambda: trouble(refuse=True),
            AtTime.NET_HANG: lambda: trouble(hang=True),
        }
        return acts[fault.kind]()

    # -- the end

    def _await_applied(self, last: dict[tuple[str, int], int]) -> bool:
        """Until the group has committed beyond every input; False, and a violation: it has not."""
        consumer = Consumer(
            {
                **self._settings.confluent(
                    group_id=self._settings.app_id, enable_auto_commit=False
                ),
                "log_level": 0,
            }
        )
        places = [TopicPartition(topic, partition) for topic, partition in last]
        left: dict[str, str] = {}

        def all_applied() -> bool:
            try:
                committed = consumer.committed(places, timeout=_ASK_S)
            except KafkaException:
                return False
            left.clear()
            for place in committed:
                end = last[(place.topic, place.partition)] + 1
                if place.offset < end:
                    left[f"{place.topic} {place.partition}"] = f"{place.offset} of {end}"
            return not left

        deadline = time.monotonic() + _APPLIED_S_MAX
        while not self._meanwhile(all_applied):
            if time.monotonic() > deadline:
                self._result.violations.append(
                    f"inputs not applied {_APPLIED_S_MAX} s after the last fault: {left}"
                )
                break
            again = time.monotonic() + _ASK_EVERY_S
            self._tick_until(partial(_is_past, again))
        consumer.close()
        return not left

    def _judge(self) -> Verdict:
        """What cannot be judged is wrong: readers wait for ever behind an open transaction."""
        try:
            return judge(self._settings)
        except HistoryError as error:
            return Verdict(0, 0, 0, 0, [f"could not be judged: {error}"])

    def _conclude(self, verdict: Verdict) -> None:
        result, cluster = self._result, self._cluster
        unfenced = unfenced_commits({one.name: one.told for one in cluster.ended})
        result.incarnations = len(cluster.ended)
        result.faults += cluster.faults
        result.points += cluster.points
        result.inputs = verdict.inputs
        result.lost = verdict.lost
        result.doubled = verdict.doubled
        result.contradicted = verdict.contradicted
        result.unfenced = len(unfenced)
        result.violations += [*unfenced, *cluster.complaints, *verdict.violations]

    # -- time

    def _meanwhile(self, work: Callable[[], Any]) -> Any:
        """`work` in another thread while everything goes on; what it returns or raises."""
        future: Future[Any] = self._clerk.submit(work)
        self._tick_until(future.done)
        return future.result()

    def _tick_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._kafka.tick()
            self._cluster.may_start = self._kafka.is_up
            self._cluster.tick()
            self._oncall.tick()
            time.sleep(_TICK_S)


def _is_past(moment: float) -> bool:
    return time.monotonic() > moment
