"""`make bench-users`: does it matter how many users a worker has?

Each number of users gets a process of its own with the lanes of one worker (lanes.py): the users
are registered and funded, then orders come, first from a hot set of users that fits the row cache,
then from all of them alike. The processes take turns, a slice of orders each, so that a busy moment
of the machine meets all of them; figures are medians over the rounds. The last line is JSON:
{"users": {"10000": {"orders_per_s", "processor_us", "uniform_orders_per_s", "rss_mb",
"rss_peak_mb", "bytes_a_user_stored", "bytes_a_user_memory", "cache_rows"}, ...}, "flat_within",
"flat_within_processor", "uniform_ratio"}. `flat_within` is the hot-set throughput with the most
users against that with the fewest, in the same round; `flat_within_processor` the same by the
deciding thread's processor time, which waiting for a core does not count in; `uniform_ratio`
likewise all users alike against the hot set, with the most users.
"""

import argparse
import asyncio
import gc
import json
import random
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.flow import INTERVAL_US, FirstInputs, ManyAccounts, OrderFlow
from benchmarks.lanes import Lanes
from benchmarks.measure import machine_facts
from benchmarks.stack import BenchError, say
from benchmarks.throughput import FIRST_US
from pipeline.codecs.avro import encode_order
from pipeline.lane.processor import INPUT_SCHEMAS, ORDERS
from pipeline.market.accounts import Account
from pipeline.risk.partition import partition_of
from pipeline.settings import PROJECT_ROOT, Settings

HOT: Final = "hot"
UNIFORM: Final = "uniform"

_DIRECTORY: Final = PROJECT_ROOT / "var/bench"
_FUND_AT_ONCE: Final = 10_000
# As under load: what a worker decides while a transaction is on its way.
_COMMIT_INPUTS: Final = 500
_LANE_BATCH: Final = 64
_HOT_SHARE: Final = 0.9
# Between two collections, as a worker has them once its lanes are ready.
_GC_THRESHOLDS: Final = (100_000, 20, 50)


# -- the measured process


class Worker:
    """The lanes of one worker with `users` users."""

    def __init__(self, directory: Path, users: int, hot_users: int, row_cache_max: int) -> None:
        """Open the lanes; nothing is in force yet."""
        self._settings: Final = Settings(
            app_id="users", gate_clock="record", row_cache_max=row_cache_max
        )
        self._lanes: Final = Lanes(directory, self._settings, _COMMIT_INPUTS)
        self._directory: Final = directory
        self._flow: Final = OrderFlow()
        self._accounts: Final = ManyAccounts(users, self._flow.config)
        self._hot_users: Final = min(hot_users, users)
        self._random: Final = random.Random(users)
        self._frame: Final = self._lanes.ids.frame(INPUT_SCHEMAS[ORDERS])
        self._now_us = FIRST_US
        self._first: Final = {
            partition: FirstInputs(self._lanes.ids, self._flow.config, FIRST_US)
            for partition in self._lanes.open
        }

    async def fund(self) -> dict[str, float]:
        """Register and fund every user; what that came to."""
        await self._apply({p: first.definitions() for p, first in self._first.items()})
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        rss_before, stored_before = rss_bytes(), stored_bytes(self._directory)
        seconds = 0.0
        users = self._accounts.count
        for start in range(0, users, _FUND_AT_ONCE):
            of_lane: defaultdict[int, list[Account]] = defaultdict(list)
            for number in range(start, min(start + _FUND_AT_ONCE, users)):
                account = self._accounts.account(number)
                of_lane[self._lane_of(account)].append(account)
            inputs = {p: self._first[p].accounts(accounts) for p, accounts in of_lane.items()}
            seconds += await self._apply(inputs)
        return {
            "funded_per_s": users / seconds,
            "bytes_a_user_stored": (stored_bytes(self._directory) - stored_before) / users,
            "bytes_a_user_memory": (rss_bytes() - rss_before) / users,
        }

    async def orders(self, which: str, count: int) -> dict[str, float]:
        """Decide `count` orders of the hot set or of all users; what is prepared is not timed."""
        of_lane: defaultdict[int, list[tuple[int, bytes | None, bytes]]] = defaultdict(list)
        for account in self.senders(which, count):
            self._now_us += INTERVAL_US
            order, _ = self._flow.next(self._now_us, account)
            framed = ORDERS, account.key, self._frame + encode_order(order)
            of_lane[self._lane_of(account)].append(framed)
        processor_from = time.thread_time()
        seconds = await self._apply(of_lane)
        return {
            "orders_per_s": count / seconds,
            "processor_us": (time.thread_time() - processor_from) * 1e6 / count,
            "rss_bytes": rss_bytes(),
            "cache_rows": self._lanes.cached_rows,
        }

    def close(self) -> None:
        """Close the local stores."""
        self._lanes.close()

    def senders(self, which: str, count: int) -> Iterator[Account]:
        """Whose orders come next."""
        draw = self._random.random
        for _ in range(count):
            hot = which == HOT and draw() < _HOT_SHARE
            yield self._accounts.drawn(self._hot_users if hot else None)

    def _lane_of(self, account: Account) -> int:
        return partition_of(account.key, self._settings.partitions)

    async def _apply(self, inputs: dict[int, list[tuple[int, bytes | None, bytes]]]) -> float:
        """Feed the lanes in turn, in small batches; seconds from the first to the last commit."""
        longest = max(map(len, inputs.values()))
        batches = [
            (partition, self._lanes.batch(partition, chunk, self._now_us))
            for start in range(0, longest, _LANE_BATCH)
            for partition, waiting in inputs.items()
            if (chunk := waiting[start : start + _LANE_BATCH])
        ]
        started = time.perf_counter()
        for partition, batch in batches:
            await self._lanes.process(partition, batch)
        self._lanes.commit()
        return time.perf_counter() - started


def rss_bytes() -> int:
    """Resident memory of this process. Linux only."""
    return _status("VmRSS")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def stored_bytes(directory: Path) -> int:
    """What the files below `directory` take."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


async def _serve(directory: Path, users: int, hot_users: int, row_cache_max: int) -> None:
    """Fund, then obey lines of standard input: `hot 5000` or `uniform 5000`."""
    worker = Worker(directory, users, hot_users, row_cache_max)
    _answer(await worker.fund())
    for line in sys.stdin:
        which, count = line.split()
        found = await worker.orders(which, int(count))
        _answer({**found, "rss_peak_bytes": _status("VmHWM")})
    worker.close()


def _answer(found: dict[str, float]) -> None:
    print(json.dumps(found), flush=True)


# -- who asks


@dataclass
class Child:
    """A measured process and what it has answered, by pass."""

    users: int
    process: "subprocess.Popen[str]"
    funded: dict[str, float]
    answers: dict[str, list[dict[str, float]]]

    @classmethod
    def start(cls, directory: Path, users: int, options: argparse.Namespace) -> "Child":
        """Start it and wait until its users are funded."""
        command = [sys.executable, "-m", "benchmarks.users", "--serve", str(directory)]
        command += ["--users", str(users), "--hot-users", str(options.hot_users)]
        command += ["--row-cache-max", str(options.row_cache_max)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT_ROOT,
        )
        child = cls(users, process, {}, {HOT: [], UNIFORM: []})
        child.funded = child.read()
        return child

    def ask(self, which: str, count: int) -> dict[str, float]:
        """One slice of orders."""
        if self.process.stdin is None:
            raise BenchError("the measured process has no standard input")
        self.process.stdin.write(f"{which} {count}\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, float]:
        """Its next answer. Raises BenchError when it has ended."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise BenchError(f"the process with {self.users:,} users has ended; see above")
        found: dict[str, float] = json.loads(line)
        return found

    def stop(self) -> None:
        """End it."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        if self.process.wait() != 0:
            raise BenchError(f"the process with {self.users:,} users failed; see above")

    def result(self) -> dict[str, int]:
        """Its figures, whole numbers."""
        hot, uniform = self.answers[HOT], self.answers[UNIFORM]
        return {
            "orders_per_s": _median(hot, "orders_per_s"),
            "processor_us": _median(hot, "processor_us"),
            "uniform_orders_per_s": _median(uniform, "orders_per_s"),
            "rss_mb": int(uniform[-1]["rss_bytes"]) // 1_000_000,
            "rss_peak_mb": int(uniform[-1]["rss_peak_bytes"]) // 1_000_000,
            "bytes_a_user_stored": round(self.funded["bytes_a_user_stored"]),
            "bytes_a_user_memory": round(self.funded["bytes_a_user_memory"]),
            "cache_rows": int(uniform[-1]["cache_rows"]),
        }


def _median(answers: list[dict[str, float]], name: str) -> int:
    return round(median(answer[name] for answer in answers))


def measure(children: list[Child], rounds: int, count: int) -> None:
    """A slice of each child in turn, in an order that turns round by round."""
    for which in (HOT, UNIFORM):
        # The first slice of a pass fills caches and does not count.
        for turn in range(rounds + 1):
            shift = turn % len(children)
            for child in children[shift:] + children[:shift]:
                found = child.ask(which, count)
                if turn > 0:
                    child.answers[which].append(found)
        say(f"{which}: done")


def ratio_of_rounds(
    above: list[dict[str, float]], below: list[dict[str, float]], name: str = "orders_per_s"
) -> float:
    """The median over the rounds of what the two answered in the same round, two digits."""
    pairs = zip(above, below, strict=True)
    return round(median(one[name] / other[name] for one, other in pairs), 2)


def _print(children: list[Child]) -> None:
    table = Table(title="Users on one worker, without Kafka", title_justify="left")
    headings = ("users", "hot set /s", "us", "all alike /s", "us", "RSS MB", "cached rows")
    for heading in (*headings, "stored B a user", "memory B a user", "funded /s"):
        table.add_column(heading, justify="right")
    for child in children:
        found = child.result()
        table.add_row(
            f"{child.users:,}",
            f"{found['orders_per_s']:,}",
            f"{_median(child.answers[HOT], 'processor_us')}",
            f"{found['uniform_orders_per_s']:,}",
            f"{_median(child.answers[UNIFORM], 'processor_us')}",
            f"{found['rss_mb']:,}",
            f"{found['cache_rows']:,}",
            f"{found['bytes_a_user_stored']:,}",
            f"{found['bytes_a_user_memory']:,}",
            f"{child.funded['funded_per_s']:,.0f}",
        )
    Console(width=120).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Throughput and memory by the number of users.")
    parser.add_argument("--users", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--hot-users", type=int, default=10_000, help="users of the hot set")
    parser.add_argument("--orders", type=int, default=10_000, help="orders of a round, each")
    parser.add_argument("--rounds", type=int, default=25, help="rounds of each pass")
    parser.add_argument(
        "--row-cache-max", type=int, default=Settings.row_cache_max, help="the setting of that name"
    )
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(
            _serve(options.serve, options.users[0], options.hot_users, options.row_cache_max)
        )
        return
    for name, value in machine_facts().items():
        print(f"{name}: {value}")
    directory = _DIRECTORY / f"users-{time.time_ns()}"
    children: list[Child] = []
    try:
        for users in sorted(options.users):
            say(f"{users:,} users: registering and funding")
            children.append(Child.start(directory / str(users), users, options))
        measure(children, options.rounds, options.orders)
        for child in children:
            child.stop()
    except BenchError as error:
        sys.exit(f"bench: {error}")
    finally:
        for child in children:
            child.process.kill()
        shutil.rmtree(directory, ignore_errors=True)
    _print(children)
    fewest, most = children[0], children[-1]
    result: dict[str, Any] = {
        "users": {str(child.users): child.result() for child in children},
        "flat_within": ratio_of_rounds(most.answers[HOT], fewest.answers[HOT]),
        "flat_within_processor": ratio_of_rounds(
            fewest.answers[HOT], most.answers[HOT], "processor_us"
        ),
        # The passes come one after the other, so that only processor time compares them.
        "uniform_ratio": ratio_of_rounds(most.answers[HOT], most.answers[UNIFORM], "processor_us"),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
