"""When commits begin: one at a time, beside the deciding, and all of it before lanes leave."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.lane.batch import ListedOutputs
from pipeline.lane.family import LaneFamily
from pipeline.risk.state import InvariantViolated
from pipeline.settings import Settings
from pipeline.streaming import transaction
from pipeline.streaming.commit import ClosedWork, Commit, Membership
from pipeline.streaming.transaction import OPEN_INPUTS_MAX, Transaction
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import RocksRows, StoreMark

FAMILY = LaneFamily("gate", "risk-contexts", ("orders",), "log")
LIMIT_S = 60.0


class Stopped(BaseException):
    """The worker would have ended."""


class HeldCommits:
    """Commits that take until they are let go on; what each held."""

    def __init__(self) -> None:
        self.begun: list[list[str]] = []
        self.done: list[list[str]] = []
        self.go_on = threading.Semaphore(0)
        self.error: Exception | None = None

    def run(self, work: ClosedWork, membership: Membership) -> None:
        """Hold until it may go on."""
        del membership
        assert isinstance(work.outputs, ListedOutputs)
        held = [topic for topic, *_ in work.outputs.records]
        self.begun.append(held)
        if not self.go_on.acquire(timeout=LIMIT_S):
            raise TimeoutError
        if self.error is not None:
            raise self.error
        for lane in work.lanes.values():
            lane.committed(StoreMark(len(self.begun), 0, bytes(16)))
        work.produced_us = 7
        self.done.append(held)


class Bench:
    """A transaction over held commits, and a lane."""

    def __init__(self, directory: Path, latency_target_ms: int) -> None:
        self.commits = HeldCommits()
        self.told: list[int] = []
        settings = Settings(latency_target_ms=latency_target_ms)
        self.transaction = Transaction(
            settings, on_commit=lambda _, inputs: self.told.append(inputs)
        )
        held: Any = self.commits
        self.transaction._commit = held
        self.transaction.join(3, "member", None)
        self.lane = TableLane(FAMILY, 0, RocksRows(directory / "0"))
        self.offset = 0

    async def batch(
        self, name: str, *, inputs: int = 1, more: bool = False, **more_told: Any
    ) -> None:
        """A batch with one output that is called so."""
        async with self.transaction.lock:
            self.lane.stage([(b"T" + name.encode(), b"1")])
            self.offset += inputs
            self.transaction.outputs.put(name, b"", b"", None, 0, None)
            self.transaction.add(self.lane, {"orders": self.offset}, inputs)
            await self.transaction.close(urgent=True, more_at_hand=more, **more_told)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(LIMIT_S):
            while not true():  # noqa: ASYNC110 -- what is waited for happens in a thread
                await asyncio.sleep(0.005)


Script = Callable[[Bench], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """Play a script on a bench."""

    def stopped(why: str, error: BaseException | None = None) -> None:
        raise Stopped(why) from error

    monkeypatch.setattr(transaction, "stop_worker", stopped)
    opened: list[Bench] = []

    def run(script: Script, latency_target_ms: int = 50) -> Bench:
        async def whole() -> Bench:
            bench = Bench(tmp_path, latency_target_ms)
            opened.append(bench)
            await script(bench)
            return bench

        return asyncio.run(whole())

    yield run
    for bench in opened:
        bench.lane.close()


def test_lanes_go_on_while_a_commit_is_under_way_and_what_they_decide_follows_it(
    play: Callable[..., Bench],
) -> None:
    async def script(bench: Bench) -> None:
        await bench.batch("a")
        await bench.until(lambda: bench.commits.begun == [["a"]])
        await bench.batch("b")
        await bench.batch("c")
        assert bench.commits.begun == [["a"]]
        assert bench.lane.get(b"Ta") == bench.lane.get(b"Tc") == b"1"
        assert bench.lane.stored.get(b"Ta") is None
        bench.commits.go_on.release()
        await bench.until(lambda: bench.commits.begun == [["a"], ["b", "c"]])
        assert bench.commits.done == [["a"]]
        assert bench.lane.stored.get(b"Ta") == b"1"
        assert bench.lane.stored.get(b"Tb") is None
        bench.commits.go_on.release()
        await bench.until(lambda: bench.told == [1, 2])

    play(script)


def test_lanes_are_handed_over_only_when_all_of_it_is_durable(play: Callable[..., Bench]) -> None:
    async def script(bench: Bench) -> None:
        await bench.batch("a")
        await bench.batch("b", more=True)
        settling = asyncio.create_task(bench.transaction.settle())
        await bench.until(lambda: bench.commits.begun == [["a"]])
        assert not settling.done()
        bench.commits.go_on.release(2)
        async with asyncio.timeout(LIMIT_S):
            await settling
        assert bench.commits.done == [["a"], ["b"]]
        assert bench.lane.settled
        assert not bench.transaction.joined

    play(script)


def test_a_commit_that_fails_ends_the_worker_and_takes_what_followed_along(
    play: Callable[..., Bench],
) -> None:
    async def script(bench: Bench) -> None:
        await bench.batch("a")
        await bench.batch("b")
        under_way = bench.transaction._under_way
        assert under_way is not None
        bench.commits.error = RuntimeError("fenced")
        bench.commits.go_on.release()
        with pytest.raises(Stopped):
            async with asyncio.timeout(LIMIT_S):
                await under_way
        assert bench.commits.begun == [["a"]]
        assert bench.lane.stored.get(b"Ta") is bench.lane.stored.get(b"Tb") is None

    play(script)


def test_what_gathers_behind_a_slow_commit_has_a_bound(play: Callable[..., Bench]) -> None:
    async def script(bench: Bench) -> None:
        await bench.batch("a")
        waiting = asyncio.create_task(bench.batch("b", inputs=OPEN_INPUTS_MAX, more=True))
        await bench.until(lambda: bench.commits.begun == [["a"]])
        assert not waiting.done()
        bench.commits.go_on.release(2)
        async with asyncio.timeout(LIMIT_S):
            await waiting
            await bench.transaction.settle()

    play(script)


def test_a_lone_order_waits_for_nothing_and_a_flood_gathers(play: Callable[..., Bench]) -> None:
    async def script(bench: Bench) -> None:
        bench.commits.go_on.release(10)
        await bench.batch("a", more=True)
        await bench.batch("b", more=True, behind=True)
        assert bench.commits.begun == []
        await bench.batch("c")
        await bench.until(lambda: bench.commits.done == [["a", "b", "c"]])

    play(script, latency_target_ms=10_000)


def test_while_more_is_at_hand_a_commit_begins_in_time_for_the_target(
    play: Callable[..., Bench],
) -> None:
    async def script(bench: Bench) -> None:
        bench.commits.go_on.release(1_000)
        await bench.batch("a")
        await bench.until(lambda: bench.told == [1])
        # What a commit takes has used the target up.
        bench.transaction._commit_ms = 30.0
        await bench.batch("b", more=True)
        await bench.until(lambda: bench.commits.done == [["a"], ["b"]])

    play(script, latency_target_ms=50)


def test_a_commit_without_source_offsets_is_not_sent() -> None:
    unused: Any = None
    commit = Commit(unused, {})
    with pytest.raises(InvariantViolated):
        commit.send_offsets(ClosedWork(ListedOutputs(), {}, {}), Membership("group", 1, "member"))
