"""When the open work of a worker is committed, and by whose right.

Owns the one producer of the process, the order of commits, and the membership under which the
lanes were assigned: a commit is sent with the group's generation and member id as they were at
assignment, so that the broker refuses a worker whose lanes have moved (KIP-447). One commit is
under way at a time, in a thread of its own, while the lanes go on deciding into the work that is
open. The steps are those of `commit.py`. Any failure but one whose outcome is still open ends the
process, and with it whatever was decided on top of what failed.
"""

import asyncio
import functools
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from pipeline import points
from pipeline.fatal import stop_worker
from pipeline.lane.batch import ListedOutputs, OutputSink
from pipeline.points import reached
from pipeline.settings import Settings
from pipeline.streaming.commit import ClosedWork, Commit, Membership, OpenWork
from pipeline.streaming.epoch_producer import BY_EPOCH, EpochProducer, transaction_version
from pipeline.streaming.rdkafka_producer import RdkafkaProducer
from pipeline.tables.lane import TableLane
from pipeline.topics import WRITTEN_BY_WORKERS

_INIT_TIMEOUT_S: Final = 60.0
# Every step of a commit has a limit of its own; a client that hangs all the same must not keep its
# lanes, which its heartbeats would.
_COMMIT_S_MAX: Final = 45.0
_COMMITS_AVERAGED: Final = 8
# How far apart commits are at least while orders lie behind.
_BEHIND_MS: Final = 100
# How far apart commits begin at least, as a part of the latency target.
_SPACING: Final = 0.06
PATIENT_COMMIT_MS: Final = 1_000
# What may gather behind a commit that takes long: some 4 KB each.
OPEN_INPUTS_MAX: Final = 16_384


class Transaction:
    """The open work of a worker and the producer that commits it.

    `on_commit(seconds, inputs)` is told of every commit.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_commit: Callable[[float, int], None],
    ) -> None:
        self._settings: Final = settings
        self._on_commit: Final = on_commit
        self._commit: Commit | None = None
        self._executor: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
        # Held while a batch is processed and while lanes are handed over: never both.
        self.lock: Final = asyncio.Lock()
        self._membership: Membership | None = None
        self._producer: EpochProducer | RdkafkaProducer | None = None
        self._work = self._new_work()
        self._opened_at: float | None = None
        self._urgent = False
        self._more_at_hand = False
        self._behind = False
        # What a commit takes, a running average.
        self._commit_ms = 0.0
        self._after: list[Callable[[int], None]] = []
        self._under_way: asyncio.Task[None] | None = None

    def start(self, changelog_ids: Mapping[str, bytes]) -> None:
        """Finish what an earlier self left open, then begin under a transactional id of its own.

        A broker that restarts may leave records of an aborted transaction without their marker. A
        later commit of the same producer id would then commit them as well: so no id is used by
        two processes. `changelog_ids`: the broker's id of each changelog topic, written into local
        stores.
        """
        settings = self._settings
        by_epoch = transaction_version(settings) >= BY_EPOCH
        noted = Path(settings.data_dir) / "transactional.id"
        if noted.exists():
            earlier = self._new_producer(noted.read_text(), by_epoch=by_epoch)
            earlier.init_transactions(_INIT_TIMEOUT_S)
            earlier.close()
        own = f"{settings.topic_prefix}{settings.app_id}-{settings.worker_id}-{uuid.uuid4().hex}"
        noted.parent.mkdir(parents=True, exist_ok=True)
        noted.write_text(own)
        self._producer = self._new_producer(own, by_epoch=by_epoch)
        self._producer.init_transactions(_INIT_TIMEOUT_S)
        reached(points.START_FENCED)
        self._commit = Commit(self._producer, changelog_ids)
        self._work = self._new_work()

    def _new_producer(
        self, transactional_id: str, *, by_epoch: bool
    ) -> EpochProducer | RdkafkaProducer:
        settings = self._settings
        if not by_epoch:
            return RdkafkaProducer(settings, transactional_id)
        topics = [settings.topic(topic.name) for topic in WRITTEN_BY_WORKERS]
        return EpochProducer(settings, transactional_id, topics)

    def _new_work(self) -> OpenWork:
        producer = self._producer
        return OpenWork(ListedOutputs() if producer is None else producer.new_outputs())

    def disconnect(self) -> None:
        """Close the connections, when nothing is to be committed any more."""
        self._executor.shutdown()
        if self._producer is not None:
            self._producer.close()

    # -- membership

    def join(self, generation: int, member_id: str, instance_id: str | None) -> None:
        """The membership under which the lanes were assigned: what every commit is sent with."""
        self._membership = Membership(self._settings.app_id, generation, member_id, instance_id)

    @property
    def joined(self) -> bool:
        """Whether the lanes are this worker's; between a hand-over and `join` nothing may open."""
        return self._membership is not None

    async def settle(self) -> None:
        """Commit what is open, before lanes are handed over or the worker stops."""
        async with self.lock:
            await self.commit()
            self._membership = None

    # -- collecting

    @property
    def outputs(self) -> OutputSink:
        """Where the outputs of a batch go before it is added; the caller holds `lock`."""
        return self._work.outputs

    def add(
        self,
        lane: TableLane,
        applied: Mapping[str, int],
        inputs: int,
        after: Callable[[int], None] | None = None,
    ) -> None:
        """What a batch of a lane came to beside its outputs.

        `applied`: topic -> highest offset of the batch. `after` is called when it has been
        committed, with the time when its outputs had been handed to the producer (monotonic
        microseconds). The caller holds `lock`.
        """
        if self._opened_at is None:
            self._opened_at = time.monotonic()
        self._work.add(lane, applied, inputs)
        if after is not None:
            self._after.append(after)

    # -- committing

    async def close(self, *, urgent: bool, more_at_hand: bool, behind: bool = False) -> None:
        """Begin a commit if it is time; the caller holds `lock`.

        Urgent work (somebody waits for an answer) is committed when nothing else is at hand: a lone
        order waits for nothing. While more is at hand it is committed as late as
        `latency_target_ms` allows with what commits take; where orders lie `behind` in Kafka,
        that is missed already, and large commits are the shortest way back. Work that nobody waits
        for goes along, or after a second. While a commit is under way, what is open gathers until
        its end; returns at once unless very much has gathered.
        """
        self._behind = behind
        self._urgent = self._urgent or (urgent and self._opened_at is not None)
        self._more_at_hand = more_at_hand
        if self._work.inputs >= OPEN_INPUTS_MAX:
            await self._end_of_commit()
        if self._under_way is None and self._is_due():
            self._begin()

    def _is_due(self) -> bool:
        if self._opened_at is None:
            return False
        waited_ms = (time.monotonic() - self._opened_at) * 1000
        if waited_ms >= PATIENT_COMMIT_MS:
            return True
        return self._urgent and (not self._more_at_hand or waited_ms >= self._wait_ms_max())

    def _rest_s(self, started: float) -> float:
        """How long the next commit has to wait after one that began then: seconds.

        What a commit costs broker and worker hardly depends on what it holds.
        """
        spacing_s = self._settings.latency_target_ms * _SPACING / 1000
        rest_s = 0.0 if self._producer is None else self._producer.pause_s
        return max(rest_s, started + spacing_s - time.monotonic())

    def _wait_ms_max(self) -> float:
        """How long the oldest of what is open may wait while more is at hand.

        It may have come just when a commit began, and has its own still before it.
        """
        target = self._settings.latency_target_ms
        if self._behind:
            return max(target, _BEHIND_MS)
        return max(0.0, target - 2 * self._commit_ms)

    async def commit(self) -> None:
        """Commit what is open; the caller holds `lock`. Returns when all of it is durable."""
        while self._under_way is not None or self._opened_at is not None:
            if self._under_way is None:
                self._begin()
            await self._end_of_commit()

    async def _end_of_commit(self) -> None:
        if self._under_way is not None:
            # The commit goes on whatever becomes of whoever waits for it.
            await asyncio.shield(self._under_way)

    def _begin(self) -> None:
        """Close what is open, and commit it in the thread of commits."""
        if self._commit is None or self._membership is None:
            stop_worker("committing without a producer or a membership")
        work, inputs, after = self._work.close(), self._work.inputs, self._after
        run = functools.partial(self._commit.run, work, self._membership)
        self._work, self._after = self._new_work(), []
        self._opened_at, self._urgent = None, False
        self._under_way = asyncio.create_task(self._carry_out(run, work, inputs, after))

    async def _carry_out(
        self,
        run: Callable[[], None],
        work: ClosedWork,
        inputs: int,
        after: list[Callable[[int], None]],
    ) -> None:
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            committing = loop.run_in_executor(self._executor, run)
            await asyncio.wait_for(asyncio.shield(committing), _COMMIT_S_MAX)
            seconds = time.monotonic() - started
            self._commit_ms += (seconds * 1000 - self._commit_ms) / _COMMITS_AVERAGED
            self._on_commit(seconds, inputs)
            for call in after:
                call(work.produced_us)
            await asyncio.sleep(self._rest_s(started))
            self._under_way = None
            # What has gathered meanwhile, unless more of it is at hand.
            if self._is_due():
                self._begin()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, nothing may follow
            stop_worker("a commit failed; the next start recovers", error)
