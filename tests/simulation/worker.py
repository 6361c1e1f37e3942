"""A simulated worker: the product's code from fetch to commit, and the shell around it.

Owns one incarnation after another of a worker: what a process loses with kill -9 lives in
`Incarnation`, what it keeps on its disks in `Worker`. The shell reaches the points that lie in code
which needs Faust where that code reaches them (streaming/transport.py, tables/recovery.py).
"""

from typing import Any, Final

from greenlet import GreenletExit  # type: ignore[import-untyped]

from pipeline import points
from pipeline.agents.gate import Gate, GateLane
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.batch import ListedOutputs, OutputSink
from pipeline.lane.family import LaneFamily
from pipeline.points import reached
from pipeline.settings import Settings
from pipeline.streaming.commit import ClosedWork, Commit, Membership, OpenWork
from pipeline.streaming.merge import MergedBatch
from pipeline.streaming.rdkafka_producer import RecordQueue
from pipeline.tables.changelog import Abandoned
from pipeline.tables.restore import LanePlace, Restorer
from pipeline.tables.standby import Standby
from pipeline.topics import LANE_INPUTS, RISK_CONTEXTS_CHANGELOG
from tests.simulation.disk import Disks, ModelStores
from tests.simulation.group import NO_GENERATION, NO_MEMBER
from tests.simulation.producer import ModelProducer
from tests.simulation.scheduler import SESSION_MS, TRANSACTION_MS, Scheduler, Strand
from tests.simulation.source import ModelChangelogs
from tests.simulation.workload import LANES

APP: Final = "tollgate"
FAMILY: Final = LaneFamily(
    name="gate",
    table="risk-contexts",
    topics=tuple(topic.name for topic in LANE_INPUTS),
    changelog=RISK_CONTEXTS_CHANGELOG.name,
)
IDS: Final = fixed_ids()
SETTINGS: Final = Settings(worker_id="w", partitions=LANES)
_BATCH_MAX: Final = 4


class WorkerStopped(Exception):
    """The product would have ended the process here."""


class _Tracing:
    enabled: Final = False


class _App:
    """What the gate asks of its app."""

    def __init__(self, worker: "Worker") -> None:
        self.tracing: Final = _Tracing()
        self.transaction: Final = worker


class _Stop:
    """The standby's stop signal; waiting for it lets model time pass."""

    def __init__(self, worker: "Worker") -> None:
        self._worker: Final = worker
        self.stopped = False

    def is_set(self) -> bool:
        return self.stopped or self._worker.dead

    def set(self) -> None:
        self.stopped = True

    def wait(self, timeout: float) -> None:
        del timeout
        self._worker.scheduler.wait()


class Worker:
    """One worker; `number` names it for good."""

    def __init__(self, number: int, cluster: Any, scheduler: Scheduler, *, static: bool) -> None:
        self.number: Final = number
        self.cluster: Final = cluster
        self.scheduler: Final = scheduler
        self.disks: Final = Disks(LANES)
        self.instance_id: Final = f"i{number}" if static else None
        self.skew_ms = 0
        self.wanted = True
        self.starts_at_ms = 0
        self._forget()

    def _forget(self) -> None:
        """What a new process knows."""
        self.dead = True
        self.strand: Strand | None = None
        self.follower: Strand | None = None
        self.committer: Strand | None = None
        self.member_id = NO_MEMBER
        self.generation = NO_GENERATION
        self.must_join = False
        self.membership: Membership | None = None
        self.work = OpenWork(ListedOutputs())
        self.positions: dict[tuple[str, int], int] = {}
        self.lanes: list[int] = []

    def _strands(self) -> list[Strand]:
        all_of_them = (self.strand, self.follower, self.committer)
        return [strand for strand in all_of_them if strand is not None]

    # -- the process

    def start(self) -> None:
        """Begin a new incarnation."""
        self.scheduler.disk_fault(self)
        self._forget()
        self.dead = False
        self.strand = self.scheduler.start(self, self._run)

    def die(self) -> None:
        """Die: kill -9, or the end the product chose: whatever was not on a disk is gone."""
        scheduler = self.scheduler
        self.dead = True
        member = self.cluster.broker.group.members.get(self.member_id)
        if member is not None:
            member.lost_at_ms = self.cluster.broker.now_ms + SESSION_MS
        machine = scheduler.appetite.machine and scheduler.chaos
        self.disks.crash(scheduler.chance, machine=machine)
        for strand in self._strands():
            if strand in scheduler.strands:
                scheduler.end(strand)
        delay = scheduler.chance.choice((10, 500, 7_000, 12_000))
        self.starts_at_ms = self.cluster.broker.now_ms + delay

    def pause(self, until_ms: int) -> None:
        """SIGSTOP until then: the group hears nothing of it."""
        for strand in self._strands():
            strand.paused_until_ms = until_ms
        member = self.cluster.broker.group.members.get(self.member_id)
        if member is not None:
            member.lost_at_ms = self.cluster.broker.now_ms + SESSION_MS

    def woken(self) -> None:
        """It goes on: its heartbeats are heard again, and answered sooner or later."""
        if self.dead:
            raise GreenletExit
        group = self.cluster.broker.group
        member = group.members.get(self.member_id)
        if member is not None:
            member.lost_at_ms = None
        if self.generation != NO_GENERATION and group.must_join(self.member_id):
            self.must_join = self.must_join or self.scheduler.chance.random() < 0.5
            if member is None and self.must_join:
                # What the client does when it is told that it is no member.
                self.member_id, self.generation = NO_MEMBER, NO_GENERATION

    def now_ms(self) -> int:
        """This machine's wall clock."""
        return int(self.cluster.broker.now_ms + self.skew_ms)

    def _run(self) -> None:
        try:
            self._live()
        except GreenletExit:
            return
        except Exception as error:  # noqa: BLE001 -- the process ends, the judge hears why
            self.cluster.ended(self, error)
            self.scheduler.trace.append(f"{self.number}ends:{type(error).__name__}")
            self.die()

    def _live(self) -> None:
        scheduler, broker = self.scheduler, self.cluster.broker
        self.source = self.new_source(lambda: self.must_join)
        self.open_producer()
        self.stores = ModelStores(FAMILY, self.disks.by_lane)
        self.gate = Gate(_App(self), SETTINGS)
        self.standby = Standby(SETTINGS, {FAMILY.name: self.stores}, progress=lambda *_: None)
        while self.wanted:
            self._join()
            if self._recover():
                self._serve()
            self._hand_over()
        self.pause_standby()
        broker.group.leave(self.member_id)
        self.disks.crash(scheduler.chance, machine=False)
        self.dead = True
        self.starts_at_ms = broker.now_ms + scheduler.chance.choice((100, 3_000, 9_000))

    def open_producer(self) -> None:
        """Fence whoever had this worker's transactional id."""
        scheduler = self.scheduler
        name = f"{APP}-{self.number}"
        self.producer = ModelProducer(
            self.cluster.broker, name, TRANSACTION_MS, scheduler.step, scheduler.pick
        )
        self.producer.init_transactions(60.0)
        reached(points.START_FENCED)
        queue = RecordQueue(self.producer)
        self.commit = Commit(queue, self.source.topic_ids({FAMILY.changelog}))

    def new_source(self, cancelled: Any) -> ModelChangelogs:
        """What asks Kafka for this worker."""
        scheduler = self.scheduler
        return ModelChangelogs(
            self.cluster.broker, scheduler.step, scheduler.wait, scheduler.pick, cancelled
        )

    @property
    def resting(self) -> bool:
        """Whether it has its lanes, whole, and nothing to do."""
        group = self.cluster.broker.group
        return (
            self.membership is not None
            and not self.must_join
            and self.generation == group.generation
            and not self.work.lanes
            and not self.committing
        )

    # -- from an assignment to the next

    def _join(self) -> None:
        group = self.cluster.broker.group
        while True:
            self.must_join = False
            self.member_id = group.join(self.number, self.member_id, self.instance_id)
            while (given := group.lanes_of(self.member_id)) is None:
                self.scheduler.wait()
                if self.member_id not in group.members:
                    self.member_id = NO_MEMBER
                if group.must_join(self.member_id):
                    break
            else:
                self.generation, lanes = given
                self.lanes = sorted(lanes)
                return

    def _recover(self) -> bool:
        generation = self.generation
        reached(points.RECOVERY_BEGUN)
        self.pause_standby()
        standbys = self.cluster.standbys_of(self)
        self.stores.keep(self.lanes, standbys)
        restorer = Restorer(
            self.source,
            {FAMILY.name: self.stores},
            progress=lambda *_: None,
            cancelled=lambda: self.must_join,
        )
        places = [LanePlace(FAMILY, lane) for lane in self.lanes]
        self.positions = {}
        if places:
            try:
                restored = restorer.restore(places)
            except Abandoned:
                return False
            self.positions = dict(restored.starts)
            for place in places:
                if place not in restored.kept:
                    lane = self.stores.lanes[place.partition]
                    lane.work = GateLane(lane, SETTINGS, IDS)
        if self.must_join or self.generation != generation:
            return False
        self.membership = Membership(APP, generation, self.member_id, self.instance_id)
        reached(points.RECOVERY_JOINED)
        self._follow([LanePlace(FAMILY, lane) for lane in standbys])
        return True

    def _serve(self) -> None:
        scheduler = self.scheduler
        while not self.must_join and self.wanted:
            batch = self._fetch()
            if batch is None:
                if self.work.lanes and not self.committing:
                    self.close_work()
                else:
                    scheduler.wait()
                continue
            scheduler.step("worker.batch")
            if self.must_join:
                return
            partition, merged = batch
            self.gate._apply(self.stores.lanes[partition], merged)
            for topic, record in merged.records:
                self.positions[FAMILY.topics[topic], partition] = record.offset + 1
            if scheduler.chance.random() < 0.4 and not self.committing:
                self.close_work()

    def _fetch(self) -> tuple[int, MergedBatch] | None:
        """A batch of one lane, merged in some order that keeps each partition's own."""
        chance, logs = self.scheduler.chance, self.cluster.broker.logs
        waiting: dict[int, list[tuple[int, list[Any]]]] = {}
        for (topic, lane), position in self.positions.items():
            if position < logs[topic, lane].high:
                found, _ = logs[topic, lane].read(position, _BATCH_MAX)
                waiting.setdefault(lane, []).append((FAMILY.topics.index(topic), found))
        if not waiting:
            return None
        lane = chance.choice(list(waiting))
        records: list[tuple[int, Any]] = []
        inputs = waiting[lane]
        for _ in range(1 + self.scheduler.pick(_BATCH_MAX)):
            if not inputs:
                break
            index, found = inputs[self.scheduler.pick(len(inputs))]
            records.append((index, found.pop(0)))
            inputs = [pair for pair in inputs if pair[1]]
        return lane, MergedBatch(records, out_of_sync=False)

    @property
    def outputs(self) -> OutputSink:
        """Where a batch's outputs go."""
        return self.work.outputs

    def add(self, lane: Any, applied: Any, inputs: int, after: Any) -> None:
        """The transaction's part in a batch, as streaming/transaction.py has it."""
        del after
        self.work.add(lane, applied, inputs)

    @property
    def committing(self) -> bool:
        """Whether a commit is under way, beside which the lanes go on."""
        strand = self.committer
        return strand is not None and not strand.greenlet.dead and strand in self.scheduler.strands

    def close_work(self) -> None:
        """Commit what is open, in a strand of its own."""
        if self.membership is None:
            raise WorkerStopped("committing without a membership")
        work, membership = self.work.close(), self.membership
        self.work = OpenWork(ListedOutputs())
        self.committer = self.scheduler.start(self, lambda: self._committed(work, membership))

    def _committed(self, work: ClosedWork, membership: Membership) -> None:
        try:
            self.carry_out(work, membership)
        except GreenletExit:
            return
        except Exception as error:  # noqa: BLE001 -- the process ends, the judge hears why
            self.cluster.ended(self, error)
            self.scheduler.trace.append(f"{self.number}ends:{type(error).__name__}")
            self.die()

    def carry_out(self, work: ClosedWork, membership: Membership) -> None:
        """Commit what was closed."""
        self.commit.run(work, membership)

    def _hand_over(self) -> None:
        reached(points.HANDOVER_BEGUN)
        while self.committing or self.work.lanes:
            if self.committing:
                self.scheduler.wait()
            else:
                self.close_work()
        self.membership = None
        reached(points.HANDOVER_SETTLED)

    # -- standbys

    def _follow(self, places: list[LanePlace]) -> None:
        if places:
            self._stop = _Stop(self)
            # The product's thread is a strand here, and its signal the strand's.
            self.standby.__dict__["_stop"] = self._stop
            self.follower = self.scheduler.start(self, lambda: self._followed(places))

    def _followed(self, places: list[LanePlace]) -> None:
        try:
            self.standby._run(places)
        except GreenletExit:
            return
        except Exception as error:  # noqa: BLE001 -- the product's thread would end, unheard
            self.cluster.ended(self, error)

    def pause_standby(self) -> None:
        """Follow nothing; returns when no copy is written to any more."""
        if self.follower is None:
            return
        self._stop.set()
        while not self.follower.greenlet.dead and self.follower in self.scheduler.strands:
            self.scheduler.wait()
        self.follower = None
