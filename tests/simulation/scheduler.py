"""Who goes on, and what goes wrong: every choice of a schedule, drawn from its seed.

Owns the strands (suspendable threads of control), model time and the trace. Between any two steps
of a worker it may let another one go on, stop the worker for good or for a while, fail the call, or
let the broker do what it does by itself. One seed is one schedule, whatever machine it runs on.
"""

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from random import Random
from typing import Any, Final

from greenlet import (  # type: ignore[import-untyped]
    GreenletExit,
    getcurrent,
    greenlet,
)

from pipeline import points
from tests.simulation import producer as client
from tests.simulation.broker import Broker

SESSION_MS: Final = 6_000
TRANSACTION_MS: Final = 8_000
# A schedule that does not end in so many turns is stuck.
TURNS_MAX: Final = 20_000
DAY_MS: Final = 86_400_000
_CALL_FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "producer.init": (client.TIMED_OUT_BEFORE, client.TIMED_OUT_AFTER),
    "producer.produce": (client.QUEUE_FULL, client.QUEUE_FULL, client.QUEUE_FULL, client.LOST),
    "producer.flush": (client.PARTIAL, client.TIMED_OUT_BEFORE),
    "producer.offsets": (client.TIMED_OUT_BEFORE, client.TIMED_OUT_AFTER, client.FATAL),
    "producer.commit": (
        client.TIMED_OUT_BEFORE,
        client.TIMED_OUT_AFTER,
        client.TIMED_OUT_AFTER,
        client.PARTIAL,
        client.FATAL,
    ),
}
_DISK_FAULTS: Final = (
    "lost",
    "damaged",
    "old copy",
    # The rarest to show: deletions must have been compacted away meanwhile.
    "very old copy",
    "very old copy",
    "very old copy",
    "very old copy of a fast clock",
    "foreign",
    "ahead",
    "another lane's",
)
# Pauses: within the session, beyond it but within the transaction's time, beyond both.
_PAUSES_MS: Final = ((100, 4_000), (6_100, 7_900), (8_100, 20_000))
# What a strand does again and again while it waits.
_POLLING: Final = frozenset((points.RECOVERY_BATCH_APPLIED, "source.first", "source.ends"))
# Of a machine's clock.
_SKEWS_MS: Final = (-3_600_000, -5_000, 0, 5_000, 3_600_000, 20 * DAY_MS)
_POINTS: Final = frozenset(points.POINTS)


class Strand:
    """One suspendable thread of control of a worker."""

    def __init__(self, owner: Any, body: Callable[[], None], hub: greenlet) -> None:
        self.owner: Final = owner
        self.greenlet: Final = greenlet(body, parent=hub)
        self.paused_until_ms = 0

    def kill(self) -> None:
        """Let it unwind; called by the hub."""
        if not self.greenlet.dead:
            self.greenlet.throw(GreenletExit)


class Appetite:
    """How much of what goes wrong in this schedule; some schedules know only some faults."""

    def __init__(self, chance: Random) -> None:
        def often(most: float) -> float:
            return chance.random() * most if chance.random() < 0.6 else 0.0

        self.switch = 0.02 + often(0.3)
        self.crash = often(0.004)
        self.pause = often(0.004)
        self.call = often(0.05)
        self.rebalance = often(0.004)
        self.clock = often(0.004)
        self.compaction = often(0.01)
        self.machine = chance.random() < 0.5
        self.disk = often(0.7)
        # How likely a step is to bring a marker that is due.
        self.marker = chance.choice((1.0, 0.5, 0.05, 0.01))
        self.step_ms_max = chance.choice((2, 10, 60))


class Scheduler:
    """The choices of one schedule."""

    def __init__(self, seed: int, broker: Broker) -> None:
        self.chance: Final = Random(seed)
        self.broker: Final = broker
        self.appetite: Final = Appetite(self.chance)
        self.chaos = True
        self.trace: Final[list[str]] = []
        self.steps = 0
        self.faults: Final[Counter[str]] = Counter()
        self.crashes: Final[Counter[str]] = Counter()
        self.strands: Final[list[Strand]] = []
        self.current: Strand | None = None
        self._hub: Final = getcurrent()
        self._doomed: Final[list[Strand]] = []
        self._quiet = 0
        self.idle_turns = 0
        self.turns = 0
        # A point, the how-manieth time it is reached, and what happens there.
        self.aim: Final = self.chance.choice(points.POINTS)
        self._aim_left = self.chance.choice((1, 1, 1, 2, 2, 3, 4))
        self._aim_kills: Final = self.chance.random() < 0.7

    # -- strands

    def start(self, owner: Any, body: Callable[[], None]) -> Strand:
        """A new strand; it begins when it is chosen."""
        strand = Strand(owner, body, self._hub)
        self.strands.append(strand)
        return strand

    def end(self, strand: Strand) -> None:
        """The strand goes on no more; what clean-up code does then has no effect."""
        self.strands.remove(strand)
        if strand is not self.current:
            self._doomed.append(strand)

    def turn(self) -> None:
        """Let one strand go on until it gives way, or let time pass when none can."""
        self.turns += 1
        while self._doomed:
            self._doomed.pop().kill()
        now = self.broker.now_ms
        ready = [strand for strand in self.strands if strand.paused_until_ms <= now]
        if not ready or self._quiet > 3 * len(ready):
            self._quiet = 0
            self.idle_turns += 1
            self.pass_time(self.chance.choice((50, 400, 2_500)))
            self.broker.settle()
            return
        strand = ready[self.chance.randrange(len(ready))] if len(ready) > 1 else ready[0]
        self.current = strand
        strand.greenlet.switch()
        self.current = None
        if strand.greenlet.dead and strand in self.strands:
            self.strands.remove(strand)

    def give_way(self) -> None:
        """Let others go on."""
        self._hub.switch()

    def wait(self) -> None:
        """The strand waits for something that others, or time, must bring."""
        self._quiet += 1
        self.trace.append("w")
        strand = self.current
        if self.chaos and strand is not None and self.chance.random() < 5 * self.appetite.rebalance:
            self._note("rebalance")
            strand.owner.cluster.change_members()
        self._hub.switch()
        if strand is not None:
            strand.owner.woken()

    def pass_time(self, ms: int) -> None:
        """Let model time pass."""
        self.broker.now_ms += ms
        self.broker.tick()

    # -- steps

    def step(self, name: str) -> str | None:
        """The current strand begins `name`; returns what should go wrong with it."""
        strand = self.current
        if strand is None:
            return None
        if strand.owner.dead:
            raise GreenletExit
        self.steps += 1
        if name not in _POLLING:
            self._quiet = 0
        chance = self.chance
        self.trace.append(f"{strand.owner.number}{name}")
        broker = self.broker
        broker.now_ms += int(chance.random() * self.appetite.step_ms_max)
        broker.tick()
        if broker.ending and chance.random() < self.appetite.marker:
            state = chance.choice(broker.ending)
            broker.mark(state, chance.randrange(len(state.places)))
        fault = self._fault(strand, name) if self.chaos else None
        if chance.random() < self.appetite.switch:
            self.give_way()
            strand.owner.woken()
        return fault

    def point(self, name: str) -> None:
        """`pipeline.points` is at `name`."""
        self.step(name)

    def pick(self, count: int) -> int:
        """One of `count`."""
        return int(self.chance.random() * count)

    def _fault(self, strand: Strand, name: str) -> str | None:
        chance, appetite = self.chance, self.appetite
        if name == self.aim:
            self._aim_left -= 1
            if self._aim_left == 0:
                if self._aim_kills:
                    self._kill(strand, name)
                self._pause(strand)
                return None
        if chance.random() < appetite.crash:
            self._kill(strand, name)
        if chance.random() < appetite.pause:
            # All may have healed when it goes on.
            self._pause(strand)
            return None
        if chance.random() < appetite.rebalance:
            self._note("rebalance")
            strand.owner.cluster.change_members()
        if chance.random() < appetite.clock:
            self._note("clock")
            strand.owner.skew_ms = chance.choice(_SKEWS_MS)
        if chance.random() < appetite.compaction:
            self._note("compaction")
            strand.owner.cluster.compact()
        kinds = _CALL_FAULTS.get(name)
        # A record is produced far more often than a transaction is committed.
        rate = appetite.call * (0.05 if name == "producer.produce" else 2)
        if kinds is not None and chance.random() < rate:
            fault = chance.choice(kinds)
            self._note(fault)
            return fault
        return None

    def _note(self, what: str) -> None:
        self.faults[what] += 1
        self.trace.append(f"!{what}")

    def _kill(self, strand: Strand, name: str) -> None:
        self._note("crash")
        if name in _POINTS:
            self.crashes[name] += 1
        strand.owner.die()
        raise GreenletExit

    def _pause(self, strand: Strand) -> None:
        self._note("pause")
        low, high = self.chance.choice(_PAUSES_MS)
        strand.owner.pause(self.broker.now_ms + self.chance.randrange(low, high))
        self.give_way()
        strand.owner.woken()

    def disk_fault(self, owner: Any) -> None:
        """What is wrong with a worker's stores when it starts again."""
        chance = self.chance
        if not self.chaos or chance.random() >= self.appetite.disk:
            return
        kind = chance.choice(_DISK_FAULTS)
        self._note(kind)
        owner.cluster.spoil(owner, kind)

    def fingerprint(self) -> int:
        """64 bits that tell this schedule from others."""
        digest = blake2b("|".join(self.trace).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big")
