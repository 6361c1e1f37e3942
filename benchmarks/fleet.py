"""Workers of one gate under a steady load, watched from outside while they come, go and die.

Owns what is seen of them: the notes of `watched_worker.py`, and when each lane's decisions could be
read. Decides nothing about rounds or figures.
"""

import json
import shutil
import threading
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Producer

from benchmarks.flow import ManyAccounts, OrderFlow
from benchmarks.latency import Reader
from benchmarks.stack import BenchError, Contender
from benchmarks.watched_worker import STANDBY, kill_file, notes_file
from pipeline import points
from pipeline.codecs.avro import encode_order
from pipeline.codecs.registry import schema_ids
from pipeline.local.processes import log_tail
from pipeline.market.accounts import Account
from pipeline.risk.partition import partition_of
from pipeline.risk.records import Decision
from pipeline.settings import Settings
from pipeline.topics import ORDERS

_POLL_S: Final = 0.02
_WAIT_S_MAX: Final = 180.0
_FLUSH_S_MAX: Final = 30

Note = dict[str, Any]


class Watched:
    """A worker of the fleet and what it has noted in this life."""

    def __init__(self, contender: Contender, directory: Path) -> None:
        """`directory`: where workers leave their notes."""
        self.contender: Final = contender
        self._directory: Final = directory
        self._notes: Final = notes_file(directory, contender.settings.worker_id)
        self._kill: Final = kill_file(directory, contender.settings.worker_id)

    def start(self, *, empty: bool) -> None:
        """Start it; `empty`: with nothing on its disk."""
        if empty:
            shutil.rmtree(self.contender.settings.data_dir, ignore_errors=True)
        self._notes.unlink(missing_ok=True)
        self._kill.unlink(missing_ok=True)
        self.contender.resume()

    def die_in_transaction(self) -> None:
        """Let it kill itself between the flush and the commit of its next transaction."""
        self._kill.touch()

    def notes(self, point: str, since_s: float = 0.0) -> list[Note]:
        """Its notes of one kind."""
        if not self._notes.exists():
            return []
        return [
            note
            for note in whole_lines(self._notes.read_text())
            if note["point"] == point and note["at_s"] >= since_s
        ]

    def lanes(self, since_s: float = 0.0) -> set[int]:
        """The lanes it has been ready with since then, as of its newest assignment."""
        ready = self.notes(points.RECOVERY_JOINED, since_s)
        return set(ready[-1]["lanes"]) if ready else set()

    def copies(self) -> set[int]:
        """Lanes of others of which it has a copy that wants nothing."""
        left = {note["lane"]: note["left"] for note in self.notes(STANDBY)}
        return {lane for lane, records in left.items() if records == 0}


def whole_lines(text: str) -> list[Note]:
    """The lines of JSON, without a last one that a kill cut short."""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_until(what: str, condition: Callable[[], bool], *alive: Watched) -> None:
    """Raises BenchError when it takes too long or a worker that must live has ended."""
    end = time.monotonic() + _WAIT_S_MAX
    while not condition():
        for worker in alive:
            _ = worker.contender.pid
        if time.monotonic() > end:
            logs = "\n".join(log_tail(worker.contender.log) for worker in alive)
            raise BenchError(f"{what}: not within {_WAIT_S_MAX:.0f} s. The logs end with:\n{logs}")
        time.sleep(_POLL_S)


class Load(threading.Thread):
    """Orders by a fixed schedule, whether or not answers come: each lane in turn, any of its users.

    A lane gets one at even intervals, so that a silence is the gate's and not the load's.
    """

    def __init__(self, settings: Settings, users: int, rate: int) -> None:
        """`rate`: orders a second."""
        super().__init__(name="orders", daemon=True)
        self._settings: Final = settings
        self._rate: Final = rate
        self._flow: Final = OrderFlow(seed=time.time_ns())
        self._accounts: Final = ManyAccounts(users, self._flow.config)
        self._stopping: Final = threading.Event()

    def run(self) -> None:
        """Send until `stop`."""
        settings = self._settings
        producer = Producer(
            settings.confluent(
                partitioner="murmur2",
                linger_ms=0,
                compression_type=settings.compression,
                enable_idempotence=True,
            )
        )
        topic, frame = settings.topic(ORDERS.name), schema_ids(settings).frame(ORDERS.schema)
        began = time.monotonic()
        sent = 0
        while not self._stopping.is_set():
            wait_s = began + sent / self._rate - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            sender = self._sender(sent % settings.partitions)
            order, account = self._flow.next(time.time_ns() // 1000, sender)
            producer.produce(topic, frame + encode_order(order), account.key)
            producer.poll(0)
            sent += 1
        producer.flush(_FLUSH_S_MAX)

    def _sender(self, lane: int) -> Account:
        while True:
            account = self._accounts.drawn()
            if partition_of(account.key, self._settings.partitions) == lane:
                return account

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self.join()


class Watch:
    """When the decisions of each lane could be read: monotonic seconds, ascending."""

    def __init__(self, settings: Settings) -> None:
        """Begin to read at the end of the decisions."""
        self._times: Final[defaultdict[int, list[float]]] = defaultdict(list)
        self._reader: Final = Reader(settings, self._decided)
        self._reader.start()

    def _decided(self, decision: Decision) -> None:
        self._times[decision.lane].append(time.monotonic())

    def first_after(self, lane: int, at_s: float) -> float | None:
        """When the lane's first decision after `at_s` was read; None: none yet."""
        times = self._times[lane]
        index = bisect_right(times, at_s)
        return times[index] if index < len(times) else None

    def longest_gap_s(self, lane: int, from_s: float, to_s: float) -> float:
        """The longest time in the window in which nothing of the lane could be read."""
        return longest_gap_s(self._times[lane], from_s, to_s)

    def stop(self) -> None:
        """End the reader."""
        self._reader.stop()


def longest_gap_s(times: Sequence[float], from_s: float, to_s: float) -> float:
    """The longest part of the window without one of the ascending `times`; its ends count."""
    within = times[bisect_left(times, from_s) : bisect_right(times, to_s)]
    return max(after - before for before, after in pairwise([from_s, *within, to_s]))
