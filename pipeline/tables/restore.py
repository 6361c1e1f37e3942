"""Bulk restore: local store + the tail of the changelog.

Owns what must be true before a lane answers anything: the group's offsets are known with no
transaction pending, the changelog has been applied up to its high watermark, and the lane row says
it has applied exactly what the group has committed. A lane that never left this worker is whole
already when its state says just that. Blocking; runs in a thread. Knows no Faust and no client.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from pipeline import points
from pipeline.lane.family import LaneFamily
from pipeline.points import reached
from pipeline.risk.state import InvariantViolated
from pipeline.tables.changelog import Abandoned, ChangelogSource, Place, Tail
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import StoreDamaged, StoreMark, partition_id
from pipeline.topics import CHANGELOG_DELETE_RETENTION_MS, DAY_MS

_log: Final = structlog.get_logger(__name__)

_SILENCE_S_MAX: Final = 60.0
# Tombstones older than delete.retention.ms may be gone: a store that might have missed some is
# worth nothing. Half of it leaves room for clocks that disagree.
_STORE_AGE_MS_MAX: Final = CHANGELOG_DELETE_RETENTION_MS // 2
# A mark from further ahead than clocks differ says nothing about a store's age.
_CLOCKS_DIFFER_MS_MAX: Final = DAY_MS
_PROGRESS_LOGGED_S: Final = 2.0


class Stores(Protocol):
    """The stores of a family: `LaneStore`, or a model of it."""

    @property
    def lanes(self) -> Mapping[int, TableLane]:
        """The open ones by partition."""
        ...

    def open(self, partition: int) -> TableLane:
        """The lane, opened if it is not. Raises StoreDamaged or StoreUnavailable."""
        ...

    def discard(self, partition: int) -> None:
        """Delete a lane's local store; the changelog has it all."""
        ...


@dataclass(frozen=True)
class LanePlace:
    """A lane of a family."""

    family: LaneFamily
    partition: int

    @property
    def changelog(self) -> Place:
        """Its changelog."""
        return self.family.changelog, self.partition

    @property
    def inputs(self) -> list[Place]:
        """Its input partitions."""
        return [(topic, self.partition) for topic in self.family.topics]


@dataclass(frozen=True)
class Restored:
    """What a restore came to.

    Where to read each input on, which lanes were whole already, and how many changelog records the
    others had to read.
    """

    starts: dict[Place, int]
    kept: frozenset[LanePlace]
    records: int


class Restorer:
    """Restores the lanes of one assignment.

    `progress(place, records_left, seconds_left)` is told how far each lane is; `cancelled()` ends
    it early.
    """

    def __init__(
        self,
        source: ChangelogSource,
        stores: Mapping[str, Stores],
        *,
        progress: Callable[[LanePlace, int, float], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Take the stores by family name."""
        self._source: Final = source
        self._stores: Final = stores
        self._progress: Final = progress
        self._cancelled: Final = cancelled

    def restore(self, places: Sequence[LanePlace]) -> Restored:
        """Make the lanes whole.

        Raises InvariantViolated when state and offsets contradict each other, Abandoned when
        cancelled or when another worker commits for these lanes meanwhile, StoreUnavailable when a
        disk is full or in use, KafkaException or TimeoutError when the broker does not answer.
        """
        # 1. The group's offsets, once no transaction is pending on them.
        inputs = [at for place in places for at in place.inputs]
        committed = self._source.stable_offsets(inputs)
        reached(points.RECOVERY_OFFSETS_KNOWN)
        kept = frozenset(place for place in places if self._is_whole(place, committed))
        moved = [place for place in places if place not in kept]
        records = self._rebuild(moved) if moved else 0
        try:
            starts = self._starts(places, committed)
        except InvariantViolated:
            # A worker that slept until its lanes had moved reads on while their owner commits.
            if self._source.stable_offsets(inputs) != committed:
                raise Abandoned from None
            raise
        reached(points.RECOVERY_AGREED)
        return Restored(starts, kept, records)

    def _is_whole(self, place: LanePlace, committed: Mapping[Place, int]) -> bool:
        """Whether a lane that is open has missed nothing: each commit of another moves offsets."""
        lane = self._stores[place.family.name].lanes.get(place.partition)
        if lane is None or lane.work is None or not lane.settled:
            return False
        return all(
            committed[topic, partition] == lane.applied.get(topic, -1) + 1
            for topic, partition in place.inputs
            if committed[topic, partition] >= 0 or topic in lane.applied
        )

    def _rebuild(self, places: Sequence[LanePlace]) -> int:
        """Returns how many changelog records it took."""
        changelogs = [place.changelog for place in places]
        asked_ms = now_ms()
        # 2. The changelogs' ends, pending transactions included.
        first, high = self._source.ends(changelogs)
        ids = self._source.topic_ids({topic for topic, _ in changelogs})
        reached(points.RECOVERY_ENDS_KNOWN)
        # 3. Local stores that can be trusted, and the tail of the changelog on top of them.
        lanes: dict[Place, TableLane] = {}
        for place in places:
            store = self._stores[place.family.name]
            topic_id = partition_id(ids[place.family.changelog], place.partition)
            lane = open_trusted(
                place.partition, store.open, store.discard, high[place.changelog], topic_id
            )
            lane.reset()
            lanes[place.changelog] = lane
        reached(points.RECOVERY_STORES_OPENED)
        records = self._replay(places, lanes, first, high, ids)
        for lane in lanes.values():
            make_young(lane, asked_ms)
        reached(points.RECOVERY_REPLAYED)
        # 4. What the lanes have applied; `_starts` compares.
        for lane in lanes.values():
            lane.load_applied()
        return records

    def _replay(
        self,
        places: Sequence[LanePlace],
        lanes: Mapping[Place, TableLane],
        first: Mapping[Place, int],
        high: Mapping[Place, int],
        ids: Mapping[str, bytes],
    ) -> int:
        """Apply each changelog from where the store stands to its high watermark."""
        by_changelog = {place.changelog: place for place in places}
        position = {
            at: start
            for at, lane in lanes.items()
            if (start := first_wanted(lane, first[at])) < high[at]
        }
        if not position:
            return 0
        pace = _Pace(sum(high[at] - start for at, start in position.items()))
        records = 0
        reader = self._source.reader(position)
        try:
            while position:
                if self._cancelled():
                    raise Abandoned
                tail = reader.read()
                pace.read(tail)
                apply_tail(tail, lanes, ids)
                records += sum(map(len, tail.rows.values()))
                reached(points.RECOVERY_BATCH_APPLIED)
                position |= {at: tail.positions[at] for at in tail.positions if at in position}
                done = [at for at, offset in position.items() if offset >= high[at]]
                for at in done:
                    del position[at]
                    self._progress(by_changelog[at], 0, 0.0)
                if done and position:
                    reader.leave(done)
                self._show(by_changelog, position, high, pace)
        finally:
            reader.close()
        return records

    def _show(
        self,
        by_changelog: Mapping[Place, LanePlace],
        position: Mapping[Place, int],
        high: Mapping[Place, int],
        pace: "_Pace",
    ) -> None:
        records_left = {at: high[at] - offset for at, offset in position.items()}
        seconds_left = pace.seconds_left(sum(records_left.values()))
        for at, left in records_left.items():
            self._progress(by_changelog[at], left, seconds_left)
        if pace.is_time_to_log():
            _log.info(
                "restoring",
                records_left={by_changelog[at].partition: n for at, n in records_left.items()},
                seconds_left=round(seconds_left, 1),
            )

    def _starts(
        self, places: Sequence[LanePlace], committed: Mapping[Place, int]
    ) -> dict[Place, int]:
        """Where each input goes on, after state and offsets have been found to agree."""
        earliest = self._source.first_offsets([at for place in places for at in place.inputs])
        starts: dict[Place, int] = {}
        for place in places:
            lane = self._stores[place.family.name].lanes[place.partition]
            for topic, partition in place.inputs:
                at = (topic, partition)
                applied = lane.applied.get(topic, -1)
                require_agreement(at, committed[at], applied)
                # A group whose offsets have expired goes on from its state, which is whole.
                start = applied + 1 if applied >= 0 else earliest[at]
                if start < earliest[at]:
                    raise InvariantViolated(
                        f"{topic} partition {partition}: records from {start} to "
                        f"{earliest[at] - 1} were deleted before they were decided"
                    )
                starts[at] = start
        return starts


def require_agreement(at: Place, committed: int, applied: int) -> None:
    """Nothing but agreement may start. `committed`: -1 where the group has no offset."""
    if committed >= 0 and committed != applied + 1:
        raise InvariantViolated(
            f"{at[0]} partition {at[1]}: the group has committed {committed} but the state has "
            f"applied up to {applied}"
        )


def distrust(mark: StoreMark | None, high: int, topic_id: bytes) -> str | None:
    """Why a local store must be discarded, or None. `high`: its changelog's high watermark."""
    if mark is None:
        return None
    if mark.topic_id != topic_id:
        return "it belongs to another changelog topic"
    if mark.offset >= high:
        return "it is ahead of the changelog"
    age_ms = now_ms() - mark.written_ms
    if age_ms > _STORE_AGE_MS_MAX:
        return "it is older than deletions are kept for"
    if age_ms < -_CLOCKS_DIFFER_MS_MAX:
        return "it was written by a clock that was ahead, so its age is not known"
    return None


def open_trusted(
    partition: int,
    open_lane: Callable[[int], TableLane],
    discard: Callable[[int], None],
    high: int,
    topic_id: bytes,
) -> TableLane:
    """A lane's local store, discarded first where it cannot be trusted."""
    try:
        lane = open_lane(partition)
        why = distrust(lane.stored.mark(), high, topic_id)
    except StoreDamaged as error:
        why = str(error)
    if why is None:
        return lane
    _log.warning("local store discarded, rebuilding", lane=partition, why=why)
    discard(partition)
    return open_lane(partition)


def first_wanted(lane: TableLane, first: int) -> int:
    """The first changelog offset that the lane's store does not hold."""
    mark = lane.stored.mark()
    return first if mark is None else max(mark.offset + 1, first)


def apply_tail(tail: Tail, lanes: Mapping[Place, TableLane], ids: Mapping[str, bytes]) -> None:
    """Write what was read; each store moves its mark in the same write."""
    for at, records in tail.rows.items():
        stored = lanes[at].stored
        # Half way the store is as old as it was: only a whole one is of now.
        mark = stored.mark()
        written_ms = now_ms() if mark is None else mark.written_ms
        rows = {key: body for _, key, body in records}
        stored.write(rows, StoreMark(records[-1][0], written_ms, partition_id(ids[at[0]], at[1])))


def make_young(lane: TableLane, asked_ms: int) -> None:
    """A store that has been read to the end is as old as the question where the end was.

    Raises StoreDamaged when it took longer than deletions are kept for, as on a machine that slept
    meanwhile: some may have been missed.
    """
    mark = lane.stored.mark()
    if mark is None:
        return
    why = distrust(mark, mark.offset + 1, mark.topic_id)
    if why is not None:
        raise StoreDamaged(f"the local store of lane {lane.partition} was read too slowly: {why}")
    lane.stored.write({}, StoreMark(mark.offset, asked_ms, mark.topic_id))


def now_ms() -> int:
    """Wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


class _Pace:
    """How fast a restore goes; a broker that is silent for long ends it."""

    def __init__(self, records: int) -> None:
        self._records: Final = records
        self._began: Final = time.monotonic()
        self._heard = self._logged = self._began

    def read(self, tail: Tail) -> None:
        """Raises TimeoutError after a minute without a word."""
        now = time.monotonic()
        if tail.positions:
            self._heard = now
        elif now - self._heard > _SILENCE_S_MAX:
            raise TimeoutError(
                "the changelog does not go on: is the broker up? If it is, a transaction hangs, "
                "see `tollgate transactions`"
            )

    def seconds_left(self, records_left: int) -> float:
        """At the pace so far."""
        done = self._records - records_left
        if done <= 0:
            return 0.0
        return records_left * (time.monotonic() - self._began) / done

    def is_time_to_log(self) -> bool:
        """Whether two seconds have passed since the last line."""
        now = time.monotonic()
        if now - self._logged < _PROGRESS_LOGGED_S:
            return False
        self._logged = now
        return True
