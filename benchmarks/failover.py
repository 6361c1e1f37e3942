"""How long lanes stand still: when their worker dies, and when another comes or goes.

Owns the rounds. A fail-over is taken apart by the survivor's own notes: until it has been given the
lanes (the session's time, and the group's way to a new assignment), until no transaction of the
dead worker is pending, until the lanes are whole, until the last of them has decided again.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.fleet import Load, Watch, Watched, wait_until
from benchmarks.stack import Contender, Stack, say
from benchmarks.watched_worker import KILLED, POINTS_DIRECTORY
from pipeline import points

_SETTLE_S: Final = 3.0
_AFTER_S: Final = 2.0


@dataclass(frozen=True)
class Failover:
    """Seconds from a worker's death, part by part; they add up to `total_s`."""

    in_transaction: bool
    assigned_s: float
    transactions_s: float
    restored_s: float
    decided_s: float

    @property
    def total_s(self) -> float:
        """Until the last of its lanes has decided again."""
        return self.assigned_s + self.transactions_s + self.restored_s + self.decided_s


@dataclass(frozen=True)
class Pause:
    """One worker came or went: how long the lanes that stayed were silent, beyond the ordinary."""

    what: str
    lanes: int
    ordinary_ms: float
    longest_ms: float

    @property
    def pause_ms(self) -> float:
        """What the rebalance added."""
        return max(0.0, self.longest_ms - self.ordinary_ms)


class Trials:
    """Rounds with two workers on lanes whose changelogs are filled."""

    def __init__(self, stack: Stack, gate: Contender, users: int, rate: int) -> None:
        """`gate` has the topics and is not running; `rate`: orders a second."""
        self._stack: Final = stack
        self._gate: Final = gate
        self._users: Final = users
        self._rate: Final = rate
        self._lanes: Final = set(range(gate.settings.partitions))
        self._directory: Final = stack.directory / "notes"
        self._directory.mkdir(exist_ok=True)
        os.environ[POINTS_DIRECTORY] = str(self._directory)

    def worker(self, name: str, standby_replicas: int = 0) -> Watched:
        """A worker of the group, not running."""
        made = self._stack.beside(self._gate, name, standby_replicas=standby_replicas)
        return Watched(made, self._directory)

    @contextmanager
    def load(self) -> Iterator[Watch]:
        """A steady load, and who reads what comes of it."""
        watch = Watch(self._gate.settings)
        load = Load(self._gate.settings, self._users, self._rate)
        load.start()
        try:
            wait_until(
                "every lane decides", lambda: all(watch.first_after(p, 0) for p in self._lanes)
            )
            yield watch
        finally:
            load.stop()
            watch.stop()

    def ready(self, *workers: Watched) -> None:
        """Return when these workers have all lanes, each some."""

        def shared() -> bool:
            held = [worker.lanes() for worker in workers]
            return all(held) and sum(map(len, held)) == len(self._lanes) == len(set().union(*held))

        wait_until("the workers share the lanes", shared, *workers)

    # -- one dies

    def failovers(self, rounds: int, *, standby: bool) -> list[Failover]:
        """Kill -9 of one of two, by turns at a random moment and inside a transaction."""
        kind = "standby" if standby else "cold"
        replicas = 1 if standby else 0
        victim = self.worker(f"{kind}-victim", replicas)
        survivor = self.worker(f"{kind}-survivor", replicas)
        found = []
        for number in range(rounds):
            # The survivor comes second: it has never had the lanes that it will be given.
            victim.start(empty=True)
            self.ready(victim)
            survivor.start(empty=True)
            self.ready(victim, survivor)
            with self.load() as watch:
                if standby:
                    wait_until(
                        "the copies are whole",
                        lambda: victim.lanes() <= survivor.copies(),
                        survivor,
                    )
                time.sleep(_SETTLE_S + number * 0.037)
                found.append(self._failover(victim, survivor, watch, open_=number % 2 == 1))
            survivor.contender.stop()
            say(f"{kind} fail-over {number + 1}: {found[-1].total_s:.1f} s")
        return found

    def _failover(
        self, victim: Watched, survivor: Watched, watch: Watch, *, open_: bool
    ) -> Failover:
        orphans = victim.lanes()
        if open_:
            victim.die_in_transaction()
            wait_until("the worker kills itself", lambda: bool(victim.notes(KILLED)))
            killed_s = float(victim.notes(KILLED)[0]["at_s"])
        else:
            killed_s = time.monotonic()
            victim.contender.kill()
        wait_until(
            "the survivor has all lanes",
            lambda: survivor.lanes(killed_s) == self._lanes,
            survivor,
        )
        joined_s = survivor.notes(points.RECOVERY_JOINED, killed_s)[-1]["at_s"]
        wait_until(
            "the lanes decide again",
            lambda: all(watch.first_after(lane, joined_s) for lane in orphans),
            survivor,
        )
        decided_s = max(watch.first_after(lane, joined_s) or 0.0 for lane in orphans)
        begun_s = survivor.notes(points.RECOVERY_BEGUN, killed_s)[-1]["at_s"]
        known_s = survivor.notes(points.RECOVERY_OFFSETS_KNOWN, killed_s)[-1]["at_s"]
        return Failover(
            open_, begun_s - killed_s, known_s - begun_s, joined_s - known_s, decided_s - joined_s
        )

    # -- one comes and goes

    def pauses(self, rounds: int) -> list[Pause]:
        """A second worker joins and leaves, again and again; the lanes of the first that stay."""
        stayer, guest = self.worker("stayer"), self.worker("guest")
        stayer.start(empty=True)
        self.ready(stayer)
        found = []
        with self.load() as watch:
            for number in range(rounds):
                time.sleep(_SETTLE_S)
                before = stayer.lanes()
                began_s = time.monotonic()
                guest.start(empty=number == 0)
                self.ready(stayer, guest)
                stayed = before & stayer.lanes()
                found.append(_pause("joins", watch, stayed, began_s, stayer))
                began_s = time.monotonic()
                guest.contender.stop()
                wait_until("the lanes come back", lambda: stayer.lanes() == self._lanes, stayer)
                found.append(_pause("leaves", watch, stayed, began_s, stayer))
        stayer.contender.stop()
        return found


def _pause(what: str, watch: Watch, lanes: set[int], began_s: float, stayer: Watched) -> Pause:
    """Compare the window of a rebalance with one just as long after it."""
    joined_s = stayer.notes(points.RECOVERY_JOINED, began_s)[-1]["at_s"]
    ended_s = joined_s + _AFTER_S
    length_s = ended_s - began_s
    time.sleep(max(0.0, ended_s - time.monotonic()) + length_s + _SETTLE_S)
    quiet_s = ended_s + _SETTLE_S / 2
    gaps = [watch.longest_gap_s(lane, began_s, ended_s) for lane in lanes]
    ordinary = [watch.longest_gap_s(lane, quiet_s, quiet_s + length_s) for lane in lanes]
    return Pause(what, len(lanes), median(ordinary) * 1000, max(gaps) * 1000)
