"""Faust's table manager and recovery service, replaced by ours.

Owns what happens between an assignment and the first event: lanes that left are closed, the others
made whole (`restore.py`), the membership of the new generation is handed to the transaction, and
only then does flow resume, from the offsets the state has applied; the standbys (`standby.py`) rest
meanwhile. The order of the calls into Faust is the one its own recovery uses; evidence is in
docs/adr/0003-recovery.md.
"""

import asyncio
import threading
import time
from typing import Any, Final

import structlog
from faust.tables.manager import TableManager
from faust.types import TP
from mode import Service

from pipeline import points
from pipeline.fatal import stop_worker
from pipeline.points import reached
from pipeline.tables.changelog import Abandoned, KafkaChangelogs
from pipeline.tables.restore import LanePlace, Restored, Restorer
from pipeline.tables.standby import Standby

_log: Final = structlog.get_logger(__name__)


class LaneRecovery(Service):
    """Restores the lanes of each assignment, one assignment at a time."""

    def __init__(self, app: Any, tables: Any, **kwargs: Any) -> None:
        """Take the app, whose stores, transaction and metrics it uses."""
        super().__init__(**kwargs)
        self.app = app
        self.tables = tables
        self.completed = asyncio.Event()
        self._wanted: tuple[set[TP], int] | None = None
        self._signal = asyncio.Event()
        self._cancel = threading.Event()
        self._busy = asyncio.Lock()
        self._source = KafkaChangelogs(app.settings, self._cancel.is_set)
        self._standby = Standby(app.settings, app.stores, progress=self._standby_progress)

    # -- called by Faust

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop restoring: the assignment is void."""
        del revoked
        self._cancel.set()

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """A new assignment: restore it."""
        del revoked, newly_assigned
        self._wanted = (assigned, generation_id)
        self._cancel.clear()
        self._signal.set()

    async def abandon(self) -> None:
        """Wait until no restore runs; called before lanes are handed over."""
        self._cancel.set()
        self._wanted = None
        async with self._busy:
            pass

    async def on_stop(self) -> None:
        """Stop following before the stores are closed."""
        self._standby.pause()
        self._source.close()

    # -- the work

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(self._signal):
                break
            self._signal.clear()
            wanted = self._wanted
            if wanted is None:
                continue
            async with self._busy:
                try:
                    await self._recover(wanted)
                except Exception as error:  # noqa: BLE001 -- a lane not whole must not answer
                    stop_worker("recovery failed", error)

    async def _recover(self, wanted: tuple[set[TP], int]) -> None:
        assigned, generation = wanted
        started = time.monotonic()
        reached(points.RECOVERY_BEGUN)
        places = self._places(assigned)
        standbys = self._standbys(places)
        loop = asyncio.get_running_loop()
        try:
            restored = await loop.run_in_executor(None, self._restore, places, standbys)
        except Abandoned:
            _log.info("restore abandoned: the lanes have been assigned anew")
            return
        if self._wanted is not wanted or not await self._resume(assigned, generation, restored):
            return
        self._standby.follow(standbys)
        seconds = time.monotonic() - started
        for place in places:
            self.app.metrics.recovered(place.partition, seconds)
        _log.info(
            "lanes ready",
            lanes=sorted({place.partition for place in places}),
            kept=sorted({place.partition for place in restored.kept}),
            standbys=sorted({place.partition for place in standbys}),
            generation=generation,
            records_read=restored.records,
            seconds=round(seconds, 3),
        )

    def _places(self, assigned: set[TP]) -> list[LanePlace]:
        """The lanes of an assignment; a lane comes with all its inputs or not at all."""
        places: list[LanePlace] = []
        for family in self.app.families.values():
            held = [{tp.partition for tp in assigned if tp.topic == t} for t in family.topics]
            if any(partitions != held[0] for partitions in held):
                stop_worker(f"the inputs of {family.name} were not assigned together: {held}")
            places += [LanePlace(family, partition) for partition in sorted(held[0])]
        return places

    def _standbys(self, places: list[LanePlace]) -> list[LanePlace]:
        """The lanes of other workers that this one stands by for."""
        assigned = self.app.assignor.assigned_standbys()
        standbys = {
            LanePlace(family, tp.partition)
            for family in self.app.families.values()
            for tp in assigned
            if tp.topic in family.topics
        }
        return sorted(standbys - set(places), key=lambda place: place.changelog)

    def _restore(self, places: list[LanePlace], standbys: list[LanePlace]) -> Restored:
        """Blocking: close what left, make the rest whole, give each lane its work object."""
        stores = self.app.stores
        self._standby.pause()
        self.app.metrics.own({place.partition for place in places})
        for family in self.app.families.values():
            stores[family.name].keep(
                {place.partition for place in places if place.family is family},
                {place.partition for place in standbys if place.family is family},
            )
        if not places:
            return Restored({}, frozenset(), 0)
        restorer = Restorer(
            self._source, stores, progress=self._progress, cancelled=self._cancel.is_set
        )
        restored = restorer.restore(places)
        for place in places:
            if place not in restored.kept:
                lane = stores[place.family.name].lanes[place.partition]
                lane.work = self.app.open_work(lane)
        return restored

    def _progress(self, place: LanePlace, records_left: int, seconds_left: float) -> None:
        self.app.metrics.recovering(place.partition, records_left, seconds_left)

    def _standby_progress(self, place: LanePlace, records_left: int) -> None:
        self.app.metrics.standing_by(place.family.name, place.partition, records_left)

    async def _resume(self, assigned: set[TP], generation: int, restored: Restored) -> bool:
        """Let events flow; False when a newer generation has begun meanwhile."""
        app, consumer, starts = self.app, self.app.consumer, restored.starts
        await app.on_rebalance_complete.send()
        coordinator = consumer._thread._consumer._coordinator
        if app.consumer_generation_id != generation or coordinator.generation != generation:
            _log.info("a newer generation has begun; waiting for its assignment")
            return False
        app.transaction.join(generation, coordinator.member_id, coordinator._group_instance_id)
        reached(points.RECOVERY_JOINED)
        consumer.start_at({TP(topic, p): offset for (topic, p), offset in starts.items()})
        consumer.resume_partitions({tp for tp in assigned if (tp.topic, tp.partition) in starts})
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()
        self.completed.set()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()
        app.lanes_ready(restored.kept)
        return True


class LaneTables(TableManager):
    """Faust's table manager with our recovery and no changelog in the group's subscription."""

    _recovery: LaneRecovery | None

    @property
    def recovery(self) -> LaneRecovery:
        """Our recovery service."""
        if self._recovery is None:
            self._recovery = LaneRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start without the second Faust sleeps first."""
        await self._update_channels()
        await self.recovery.start()

    async def _update_channels(self) -> None:
        """Register the tables; their changelogs are read by restore.py, not by the group."""
        self._tables_finalized.set()
        for table in self.values():
            await table.maybe_start()
        self._tables_registered.set()
