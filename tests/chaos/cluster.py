"""The worker processes of a run and the supervisor that starts them again.

Owns who runs, with which faults, and how each ended. Every worker has a data directory of its own
that outlives its incarnations. One thread drives it, by calling `tick`.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

from pipeline.settings import Settings
from tests.chaos.faults import ENDING, Plan, PointFault
from tests.chaos.incarnation import Incarnation, own_settings
from tests.chaos.journal import Journal
from tests.chaos.stores import StoreDamage
from tests.upgrade.next_version import THIS_RELEASE, next_release

# An incarnation gets faults up to one that ends it, and no more than these.
_CHAIN_MAX: Final = 3
# A process that has been asked to stop and lives on after this hangs.
_STOP_S_MAX: Final = 90.0
_SHOW_STACKS_S: Final = 3.0
# So long after the last fault at a point or the last rebalance, lanes are moved, so that the next
# faults can occur.
_IDLE_S_MAX: Final = 4.0
_STIRRED_MIN: Final = 2


@dataclass
class _Slot:
    """A worker by its number: wanted or not, and who it is now."""

    number: int
    wanted: bool = False
    starts: int = 0
    start_at: float = 0.0
    current: Incarnation | None = None
    asked_at: float = 0.0
    complained: bool = False


class Cluster:
    """Up to three workers, and now and then a twin of one of them."""

    def __init__(self, settings: Settings, plan: Plan, directory: Path, journal: Journal) -> None:
        """`settings`: of a worker, but for its id and data directory."""
        self._settings: Final = settings
        self._journal: Final = journal
        self._directory: Final = directory
        self._queue: Final = deque(plan.points)
        self._pauses: Final[Iterator[float]] = cycle(plan.restart_s)
        self._damage: Final = StoreDamage(plan.stores, directory)
        self._restarted: Final = next_release(directory / "next") if plan.upgrades else THIS_RELEASE
        self._slots: Final = {number: _Slot(number) for number in (1, 2, 3)}
        self._twin = _Slot(0)
        self._calm: Final = directory / "calm"
        self.faults: Final[Counter[str]] = Counter()
        self.points: Final[Counter[str]] = Counter()
        self.complaints: Final[list[str]] = []
        self.ended: Final[list[Incarnation]] = []
        # While the broker is away an end is not followed by a start.
        self.may_start = True
        self._acted_at = time.monotonic()

    # -- for the plan

    def join(self, number: int) -> bool:
        """Start worker `number`; False while an earlier one of it is still leaving."""
        slot = self._slots[number]
        slot.wanted = slot.current is None
        return slot.wanted

    def leave(self, number: int) -> bool:
        """SIGTERM worker `number` and do not start it again; False when it is not up."""
        if not self.terminate(number):
            return False
        self._slots[number].wanted = False
        return True

    def terminate(self, number: int) -> bool:
        """SIGTERM worker `number`; False when it is not up."""
        slot = self._slots[number]
        if slot.current is None or not slot.current.is_up:
            return False
        self._ask_to_stop(slot)
        return True

    def kill(self, number: int) -> bool:
        """SIGKILL worker `number`; False when it is not up."""
        current = self._slots[number].current
        if current is None or not current.is_up:
            return False
        current.kill()
        return True

    def pause(self, number: int, seconds: float) -> bool:
        """SIGSTOP worker `number` for a while; False when it is not up."""
        current = self._slots[number].current
        if current is None or not current.is_up:
            return False
        current.pause(seconds)
        return True

    def twin(self, number: int) -> bool:
        """Start a second process with the id of worker `number`; False when that is not up."""
        current = self._slots[number].current
        if current is None or not current.is_up or self.running == len(self._slots):
            return False
        name = f"w{number}-twin"
        own = own_settings(self._settings, f"w{number}", self._directory / name)
        self._twin.current = Incarnation(name, own, (), self._directory)
        return True

    def stir(self) -> bool:
        """SIGTERM a worker, so that lanes move, when nothing has happened for long.

        Points of a recovery or of a handover are reached in a rebalance only. It ends whoever has
        the fewest faults before it. False while it is not needed or nobody is up.
        """
        idle = time.monotonic() - self._acted_at > _IDLE_S_MAX
        up = [slot for slot in self._slots.values() if slot.current and slot.current.is_up]
        if not idle or self.quiet or len(up) < _STIRRED_MIN:
            return False
        self._acted_at = time.monotonic()
        self._ask_to_stop(min(up, key=lambda slot: len(slot.current.left if slot.current else ())))
        return True

    # -- the supervisor

    def tick(self) -> None:
        """Hear everyone, bury the dead, start whom the plan wants."""
        for slot in self._all_slots():
            if slot.current is not None:
                self._follow(slot, slot.current)
        now = time.monotonic()
        for slot in self._slots.values():
            if slot.current is None and slot.wanted and self.may_start and now >= slot.start_at:
                self._start(slot)

    @property
    def quiet(self) -> bool:
        """Every planned fault at a point has occurred and nobody is stopped."""
        return not self._queue and not any(
            one.left or one.stopped_until is not None for one in self._running()
        )

    def calm_down(self) -> None:
        """From now on no fault occurs; two workers at least are there to finish."""
        self._calm.touch()
        self._queue.clear()
        for number in (1, 2):
            self._slots[number].wanted = True
        if self._twin.current is not None:
            self._ask_to_stop(self._twin)

    def stop_all(self) -> None:
        """SIGTERM everyone and start nobody again."""
        for slot in self._all_slots():
            slot.wanted = False
            if slot.current is not None:
                self._ask_to_stop(slot)

    @property
    def running(self) -> int:
        """How many processes live."""
        return len(self._running())

    def kill_all(self) -> None:
        """End every process, whatever it does: the harness itself has failed."""
        for one in self._running():
            one.kill()

    def _all_slots(self) -> list[_Slot]:
        return [*self._slots.values(), self._twin]

    def _running(self) -> list[Incarnation]:
        return [slot.current for slot in self._all_slots() if slot.current is not None]

    @staticmethod
    def _ask_to_stop(slot: _Slot) -> None:
        if slot.current is not None:
            slot.asked_at = time.monotonic()
            slot.complained = False
            slot.current.terminate()

    def _follow(self, slot: _Slot, one: Incarnation) -> None:
        ended = one.exit_code is not None
        were_ready = len(one.told.ready)
        for fault in one.listen():
            self.faults[fault.kind] += 1
            self.points[fault.point] += 1
            self._acted_at = time.monotonic()
            self._journal.tell(f"{one.name}: {fault.kind} {fault.amount} at {fault.point}")
        for ready in one.told.ready[were_ready:]:
            self._acted_at = time.monotonic()
            self._journal.tell(
                f"{one.name}: lanes {sorted(ready.lanes)} of generation {ready.generation}"
            )
        if ended:
            self._bury(slot, one)
        elif one.terminated and not one.killed:
            self._see_it_stop(slot, one)

    def _see_it_stop(self, slot: _Slot, one: Incarnation) -> None:
        asked_s = time.monotonic() - slot.asked_at
        if asked_s > _STOP_S_MAX and not slot.complained:
            slot.complained = True
            self.complaints.append(f"{one.name} did not stop {_STOP_S_MAX} s after SIGTERM")
            one.show_stacks()
        elif asked_s > _STOP_S_MAX + _SHOW_STACKS_S:
            one.kill()

    def _bury(self, slot: _Slot, one: Incarnation) -> None:
        complaint = one.close()
        self._journal.tell(f"{one.name}: ended with {one.exit_code} {one.told.reason or ''}")
        if complaint is not None:
            self.complaints.append(complaint)
        if not self._calm.exists():
            self._queue.extend(one.left)
        self.ended.append(one)
        slot.current = None
        slot.start_at = time.monotonic() + (0.3 if self._calm.exists() else next(self._pauses))

    def _start(self, slot: _Slot) -> None:
        worker_id = f"w{slot.number}"
        data_dir = self._directory / worker_id
        damage = None
        if not self._calm.exists() and slot.starts:
            damage = self._damage.before_start(slot.number, data_dir)
        if damage is not None:
            self.faults[damage] += 1
            self._journal.tell(f"{worker_id}: {damage}")
        slot.starts += 1
        own = own_settings(self._settings, worker_id, data_dir)
        name = f"{worker_id}.{slot.starts}"
        chain = self._next_chain()
        planned = ", ".join(f"{fault.kind} at {fault.point} {fault.hit}" for fault in chain)
        release = THIS_RELEASE if slot.starts == 1 else self._restarted
        which = "" if release == THIS_RELEASE else " as the next release"
        self._journal.tell(f"{name}: started{which}, planned: {planned or 'nothing'}")
        slot.current = Incarnation(name, own, chain, self._directory, release)

    def _next_chain(self) -> tuple[PointFault, ...]:
        chain: list[PointFault] = []
        while self._queue and len(chain) < _CHAIN_MAX:
            fault = self._queue.popleft()
            chain.append(fault)
            if fault.kind in ENDING:
                break
        return tuple(chain)
