"""Warm standbys: copies of lanes that other workers own, kept up with their changelogs.

Owns one thread that follows the changelogs of the lanes this worker was told to stand by for. It
reads committed records only, so a copy is never ahead of Kafka; a copy that becomes a lane is then
restored like any local store and needs no more than the tail. It never decides, and whatever goes
wrong with it costs time at a fail-over and nothing else.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from confluent_kafka import KafkaException

from pipeline import points
from pipeline.points import reached
from pipeline.settings import Settings
from pipeline.tables.changelog import Abandoned, KafkaChangelogs, Place
from pipeline.tables.lane import TableLane
from pipeline.tables.restore import (
    LanePlace,
    apply_tail,
    first_wanted,
    make_young,
    now_ms,
    open_trusted,
)
from pipeline.tables.rocks import StoreDamaged, StoreUnavailable, partition_id
from pipeline.tables.store import LaneStore

_log: Final = structlog.get_logger(__name__)

_ENDS_ASKED_S: Final = 2.0
_RETRY_S: Final = 1.0


class Standby:
    """Follows lanes in a thread of its own, between `follow` and `pause`.

    `progress(place, records_left)` is told every few seconds how far behind each copy is.
    """

    def __init__(
        self,
        settings: Settings,
        stores: Mapping[str, LaneStore],
        *,
        progress: Callable[[LanePlace, int], None],
    ) -> None:
        """Take the stores by family name."""
        self._settings: Final = settings
        self._stores: Final = stores
        self._progress: Final = progress
        self._stop: Final = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, places: Sequence[LanePlace]) -> None:
        """Follow these lanes from now on. Not to be called while following."""
        if not places:
            return
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._run, args=(list(places),), name="standby", daemon=True
        )
        self._thread.start()

    def pause(self) -> None:
        """Follow nothing; returns when no copy is written to any more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, places: list[LanePlace]) -> None:
        source = KafkaChangelogs(self._settings, self._stop.is_set)
        while not self._stop.is_set():
            try:
                self._follow(source, places)
            except Abandoned:
                return
            except (KafkaException, TimeoutError, StoreDamaged, StoreUnavailable) as error:
                # Opened anew, a damaged store is rebuilt.
                _log.warning("standby interrupted, trying again", error=str(error))
                for place in places:
                    self._stores[place.family.name].close_lane(place.partition)
                self._stop.wait(_RETRY_S)

    def _follow(self, source: KafkaChangelogs, places: list[LanePlace]) -> None:
        changelogs = {place.changelog: place for place in places}
        first, high = source.ends(list(changelogs))
        ids = source.topic_ids({topic for topic, _ in changelogs})
        lanes: dict[Place, TableLane] = {}
        for at, place in changelogs.items():
            store = self._stores[place.family.name]
            lanes[at] = open_trusted(
                place.partition,
                store.open_standby,
                store.discard,
                high[at],
                partition_id(ids[at[0]], at[1]),
            )
        position = {at: first_wanted(lane, first[at]) for at, lane in lanes.items()}
        reader = source.reader(position)
        asked = 0.0
        try:
            while not self._stop.is_set():
                tail = reader.read()
                apply_tail(tail, lanes, ids)
                position |= tail.positions
                if tail.rows:
                    reached(points.STANDBY_BATCH_APPLIED)
                if time.monotonic() - asked > _ENDS_ASKED_S:
                    asked, asked_ms = time.monotonic(), now_ms()
                    _, high = source.ends(list(changelogs))
                    for at, place in changelogs.items():
                        self._show(place, lanes[at], high[at] - position[at], asked_ms)
        finally:
            reader.close()

    def _show(self, place: LanePlace, lane: TableLane, records_left: int, asked_ms: int) -> None:
        """Report, and let a copy that is whole be as young as it is."""
        self._progress(place, max(0, records_left))
        if records_left <= 0:
            make_young(lane, asked_ms)
