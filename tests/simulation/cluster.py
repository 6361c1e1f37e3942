"""A cluster of workers over the model, run to its end.

Owns the world around the workers (who runs, what is sent, compaction, disks) and the two halves of
a schedule: first things go wrong, then everything heals and must come to rest.
"""

from collections.abc import Iterator
from typing import Final

from confluent_kafka import KafkaException

from pipeline import points
from pipeline.risk.keys import LANE
from pipeline.risk.state import InvariantViolated
from pipeline.tables.rocks import StoreDamaged, StoreMark
from pipeline.topics import (
    AUDIT,
    CHANGELOG_DELETE_RETENTION_MS,
    DEAD_LETTERS,
    DECISIONS,
    LANE_INPUTS,
    REGULATORY_EVENTS,
)
from tests.simulation.broker import Broker
from tests.simulation.disk import Disk
from tests.simulation.group import Member
from tests.simulation.judge import Judge
from tests.simulation.partition_log import COMMITTED
from tests.simulation.scheduler import DAY_MS, TURNS_MAX, Scheduler
from tests.simulation.worker import FAMILY, Worker
from tests.simulation.workload import LANES, Workload

_TOPICS: Final = [
    *(topic.name for topic in LANE_INPUTS),
    AUDIT.name,
    DECISIONS.name,
    DEAD_LETTERS.name,
    REGULATORY_EVENTS.name,
    FAMILY.changelog,
]
# tables/restore.py trusts none that is older.
_STORE_AGE_MS_MAX: Final = CHANGELOG_DELETE_RETENTION_MS // 2
_FAST_MS: Final = 60 * DAY_MS
_INPUTS: Final = [(topic.name, lane) for topic in LANE_INPUTS for lane in range(LANES)]
_OTHER_TOPIC: Final = b"another topic id"
WORKERS: Final = 3
_IDLE_TURNS: Final = 12
# Of all turns: those before which inputs come, those before which a store is copied.
_SENT_SHARE: Final = 0.1
_COPIED_SHARE: Final = 0.1
# Of a worker's stores, when something is done to them.
_SPARED_SHARE: Final = 0.2
_TAMPERED_SHARE: Final = 0.04
_TAMPERED_TURNS: Final = 600


class Past:
    """A cluster's history so far, from which every schedule starts."""

    def __init__(self, broker: Broker, workload: Workload) -> None:
        self.logs: Final = {place: log.clone() for place, log in broker.logs.items()}
        self.committed: Final = dict(broker.group.committed)
        self.workload: Final = workload
        self.now_ms: Final = broker.now_ms


class Cluster:
    """The broker, its workers, and those who send."""

    def __init__(self, seed: int, past: Past | None) -> None:
        self.broker: Final = Broker(_TOPICS, LANES, self._assign)
        self.workload = Workload()
        if past is not None:
            self.broker.logs = {place: log.clone() for place, log in past.logs.items()}
            self.broker.group.committed = dict(past.committed)
            self.broker.now_ms = past.now_ms
            self.workload = past.workload.clone()
        self.past: Final = past
        self.scheduler: Final = Scheduler(seed, self.broker)
        chance = self.scheduler.chance
        static = chance.random() < 0.3
        self.sticky: Final = chance.random() < 0.7
        stands_by = self.scheduler.aim == points.STANDBY_BATCH_APPLIED
        self.follows: Final = stands_by or chance.random() < 0.3
        self.workers: Final = [
            Worker(number, self, self.scheduler, static=static) for number in range(WORKERS)
        ]
        # One worker at least, whatever else happens.
        for worker in self.workers[1:]:
            worker.wanted = chance.random() < 0.6
        self.inputs_left = 0 if past is None else chance.randrange(12, 30)
        self.violations: Final[list[str]] = []
        self.refusals = 0
        # Something was taken from Kafka that cannot be mended: lanes must refuse to go on.
        self.tampered_at: int | None = None
        if past is not None and chance.random() < _TAMPERED_SHARE:
            self.tampered_at = chance.randrange(100, 500)
        # Audit records of each lane when it happened.
        self.tampered: dict[int, int] = {}
        self._tampered_until = 0

    # -- the group

    def _assign(self, members: list[Member]) -> dict[str, list[int]]:
        """Deal the lanes out, to whom they had before if the assignor is sticky."""
        chance = self.scheduler.chance
        dealt: dict[str, list[int]] = {member.member_id: [] for member in members}
        for lane in range(LANES):
            owners = [m for m in members if lane in m.lanes]
            if not members:
                break
            keeps = self.sticky and owners and chance.random() < 0.8
            owner = owners[0] if keeps else chance.choice(members)
            dealt[owner.member_id].append(lane)
        return dealt

    def standbys_of(self, worker: Worker) -> list[int]:
        """The lanes that a worker follows."""
        if not self.follows:
            return []
        return [lane for lane in range(LANES) if lane not in worker.lanes]

    def change_members(self) -> None:
        """A worker joins, or leaves as SIGTERM makes it; one is always left."""
        worker = self.scheduler.chance.choice(self.workers)
        if not worker.wanted:
            worker.wanted = True
        elif sum(other.wanted for other in self.workers) > 1:
            worker.wanted = False

    # -- logs and disks

    def compact(self) -> None:
        """The log cleaner passes."""
        for lane in range(LANES):
            log = self.broker.logs[FAMILY.changelog, lane]
            log.compact(self.broker.now_ms, CHANGELOG_DELETE_RETENTION_MS)

    def spoil(self, worker: Worker, kind: str) -> None:
        """Do something to a worker's stores while it does not run."""
        chance = self.scheduler.chance
        for disk in worker.disks.by_lane.values():
            disk.spoiled = True
        if kind == "another lane's":
            worker.disks.exchange()
            return
        for lane, disk in worker.disks.by_lane.items():
            if chance.random() < _SPARED_SHARE:
                continue
            if kind == "lost":
                disk.put({}, None)
            elif kind == "damaged":
                disk.damaged = True
            elif "old copy" in kind:
                worker.disks.put_copy_back(lane, _FAST_MS if "fast" in kind else 0)
            else:
                self._foreign(lane, disk, ahead=kind == "ahead")
        if "very old copy" in kind:
            # Long enough for the cleaner to have removed tombstones.
            self.scheduler.pass_time(2 * CHANGELOG_DELETE_RETENTION_MS)
            self.compact()

    def _foreign(self, lane: int, disk: Disk, *, ahead: bool) -> None:
        """A store of another life of the cluster."""
        if self.past is None or disk.mark is None:
            return
        log = self.broker.logs[FAMILY.changelog, lane]
        old = self.past.logs[FAMILY.changelog, lane]
        topic_id = disk.mark.topic_id if ahead else _OTHER_TOPIC
        offset = log.high + 5_000 if ahead else log.high - 1
        disk.put(old.materialised(old.high), StoreMark(offset, self.broker.now_ms, topic_id))

    # -- what happens by itself

    def send(self) -> None:
        """A few more inputs."""
        chance = self.scheduler.chance
        for _ in range(min(self.inputs_left, 1 + chance.randrange(4))):
            self.inputs_left -= 1
            topic, partition, key, value = self.workload.next(chance, self.broker.now_ms)
            self.broker.logs[topic, partition].append(key, value, self.broker.now_ms, None)

    def ended(self, worker: Worker, error: Exception) -> None:
        """A worker has ended itself."""
        # A store that was read too slowly to be trusted is discarded at the next start.
        if isinstance(error, KafkaException | StoreDamaged):
            return
        group = self.broker.group
        current = worker.member_id in group.members and worker.generation == group.generation
        if isinstance(error, InvariantViolated) and (self.tampered or not current):
            # What a worker finds whose lanes have moved meanwhile is no contradiction.
            self.refusals += 1
            return
        self.violations.append(f"worker {worker.number}: {type(error).__name__}: {error}")

    def run(self) -> None:
        """Things go wrong, then everything heals."""
        scheduler, chance = self.scheduler, self.scheduler.chance
        chaos_steps = 0 if self.past is None else chance.randrange(150, 700)
        while scheduler.turns < TURNS_MAX:
            if self.tampered_at is not None and scheduler.steps >= self.tampered_at:
                self._tamper()
            quiet = scheduler.steps >= chaos_steps or scheduler.idle_turns > _IDLE_TURNS
            if scheduler.chaos and quiet and not self.inputs_left:
                self._heal()
            if self._is_over():
                return
            self._go_on()
            scheduler.turn()
        self.violations.append("the schedule does not come to rest")

    def _is_over(self) -> bool:
        if self.tampered:
            return self.scheduler.turns > self._tampered_until
        return not self.scheduler.chaos and self._rests()

    def _go_on(self) -> None:
        """What happens between two turns: inputs come, workers start, somebody copies a store."""
        chance = self.scheduler.chance
        if self.inputs_left and chance.random() < _SENT_SHARE:
            self.send()
        for worker in self.workers:
            if worker.dead and worker.wanted and worker.starts_at_ms <= self.broker.now_ms:
                worker.start()
        if self.scheduler.chaos and chance.random() < _COPIED_SHARE:
            chance.choice(self.workers).disks.copy(chance.randrange(LANES))

    def _heal(self) -> None:
        if self.past is not None and not self.scheduler.faults:
            # Nothing has gone wrong yet: the next step does.
            self.scheduler.appetite.crash = 1.0
            self.inputs_left = 1
            return
        self.scheduler.chaos = False
        self.scheduler.trace.append("heal")
        for worker in self.workers:
            worker.wanted = True

    def _tamper(self) -> None:
        """All machines lose power, and Kafka comes back without something it had promised.

        No replicas, an unclean election, an operator's reset of offsets: no step of ours can mend
        that, and every lane it concerns must refuse to go on.
        """
        chance, group = self.scheduler.chance, self.broker.group
        self.tampered_at = None
        for worker in self.workers:
            if not worker.dead:
                worker.die()
        self.broker.abort_all()
        lane = chance.randrange(LANES)
        log = self.broker.logs[FAMILY.changelog, lane]
        self.scheduler.faults["tampered"] += 1
        if chance.random() < 0.5:
            self.scheduler.trace.append("!changelog lost its end")
            log.truncate(
                max(e.offset for e in log.history if e.key == LANE and e.state == COMMITTED)
            )
        else:
            places = [place for place in _INPUTS if place[1] == lane and place in group.committed]
            self.scheduler.trace.append("!offsets moved")
            group.committed[chance.choice(places)] += chance.choice((-1, 1))
        self.tampered[lane] = self.broker.logs[AUDIT.name, lane].high
        self.scheduler.chaos = False
        for worker in self.workers:
            worker.wanted = True
        self._tampered_until = self.scheduler.turns + _TAMPERED_TURNS

    def _rests(self) -> bool:
        """All is applied, nobody is dead or asleep, nothing is under way."""
        now = self.broker.now_ms
        return (
            all(not worker.dead and worker.resting for worker in self.workers)
            and self.broker.idle
            and not self.broker.group.rebalancing
            and all(strand.paused_until_ms <= now for strand in self.scheduler.strands)
            and all(
                self.broker.group.committed.get(place, 0) == self.broker.logs[place].high
                for place in _INPUTS
            )
        )

    def _judged_stores(self) -> Iterator[tuple[str, int, Disk]]:
        """Those that are open, and those that a worker would open and trust."""
        for worker in self.workers:
            for lane, disk in worker.disks.by_lane.items():
                is_open = lane in worker.stores.lanes or lane in worker.stores.standbys
                if disk.mark is None or (disk.spoiled and not is_open):
                    continue
                age_ms = self.broker.now_ms - disk.mark.written_ms
                if is_open or 0 <= age_ms < _STORE_AGE_MS_MAX:
                    yield f"worker {worker.number}", lane, disk

    def judged(self) -> list[str]:
        """All violations."""
        judge = Judge(self.broker, self.workload)
        for lane, high in self.tampered.items():
            judge.lane(lane, complete=False)
            if self.broker.logs[AUDIT.name, lane].high != high:
                self.violations.append(f"lane {lane} went on although its state was lost")
        if not self.violations and not self.tampered:
            judge.all_of_it(self._judged_stores())
        return self.violations + judge.violations
