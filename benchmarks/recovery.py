"""`make bench-recovery`: rows restored a second, and how long lanes stand still.

The changelogs of all lanes are filled with the rows of many users. Restored are they by a worker
with an empty disk, by the product's restore alone, and, the same bytes, by a stock Faust agent.
Then two workers share the lanes and one is killed, without and with a standby copy; and a worker
comes and goes beside another whose lanes stay. The last line is JSON: {"restore_per_s",
"ratio_to_stock_faust", "session_timeout_s", "cold_failover_s_max", "standby_failover_s_max",
"unmoved_pause_ms"}.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.changelogs import UserRows, copy_changelog
from benchmarks.failover import Failover, Pause, Trials
from benchmarks.flow import OrderFlow
from benchmarks.lanes import gate_family
from benchmarks.measure import machine_facts
from benchmarks.stack import BenchError, Contender, Stack, bench_stack, say
from benchmarks.stock_recovery import ENDED, RECOVERY_FILE, STARTED
from pipeline import points
from pipeline.settings import Settings
from pipeline.tables.changelog import KafkaChangelogs
from pipeline.tables.lane import TableLane
from pipeline.tables.restore import LanePlace, Restorer
from pipeline.tables.rocks import RocksRows
from pipeline.telemetry.logs import configure_logging

WATCHED_WORKER: Final = (sys.executable, "-m", "benchmarks.watched_worker")
STOCK_WORKER: Final = (sys.executable, "-m", "benchmarks.stock_recovery")

_STOCK_S_MAX: Final = 900.0
_POLL_S: Final = 0.1


@dataclass(frozen=True)
class Restores:
    """Seconds of each round: reading alone, and from assignment to the lanes' first event."""

    rows: int
    worker_reading_s: list[float]
    worker_s: list[float]
    alone_s: list[float]
    stock_reading_s: list[float]

    def per_s(self, seconds: list[float]) -> float:
        """Rows a second, the median of the rounds."""
        return self.rows / median(seconds)

    @property
    def ratio(self) -> float:
        """Reading against reading."""
        return self.per_s(self.worker_reading_s) / self.per_s(self.stock_reading_s)


# -- restoring


class EmptyStores:
    """The stores of a disk with nothing on it."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        """`directory` is made when the first lane is opened."""
        self._family: Final = gate_family(settings)
        self._directory: Final = directory
        self.lanes: Final[dict[int, TableLane]] = {}

    def open(self, partition: int) -> TableLane:
        """The lane, opened if it is not."""
        if partition not in self.lanes:
            rows = RocksRows(self._directory / str(partition))
            self.lanes[partition] = TableLane(self._family, partition, rows)
        return self.lanes[partition]

    def discard(self, partition: int) -> None:
        """Refuse: there was nothing to distrust."""
        raise BenchError(f"the store of lane {partition} was new and is not trusted")

    def close(self) -> None:
        """Close all."""
        for lane in self.lanes.values():
            lane.close()


def restore_alone(settings: Settings, directory: Path) -> float:
    """Seconds of the product's restore of all lanes, without a worker around it."""
    shutil.rmtree(directory, ignore_errors=True)
    stores = EmptyStores(settings, directory)
    family = gate_family(settings)
    places = [LanePlace(family, partition) for partition in range(settings.partitions)]
    source = KafkaChangelogs(settings, lambda: False)
    restorer = Restorer(
        source, {family.name: stores}, progress=lambda *_: None, cancelled=lambda: False
    )
    started = time.monotonic()
    restorer.restore(places)
    seconds = time.monotonic() - started
    source.close()
    stores.close()
    return seconds


def restore_in_worker(trials: Trials, name: str) -> tuple[float, float]:
    """Seconds of (reading the changelogs, all from the assignment on) in a worker of its own."""
    worker = trials.worker(name)
    worker.start(empty=True)
    trials.ready(worker)
    worker.contender.stop()

    def at_s(point: str) -> float:
        return float(worker.notes(point)[-1]["at_s"])

    opened, replayed = at_s(points.RECOVERY_STORES_OPENED), at_s(points.RECOVERY_REPLAYED)
    return replayed - opened, at_s(points.RECOVERY_JOINED) - at_s(points.RECOVERY_BEGUN)


def restore_in_stock(contender: Contender, file: Path) -> float:
    """Seconds in which a stock agent reads and applies its changelog."""
    shutil.rmtree(contender.settings.data_dir, ignore_errors=True)
    file.unlink(missing_ok=True)
    os.environ[RECOVERY_FILE] = str(file)
    contender.resume()
    end = time.monotonic() + _STOCK_S_MAX
    while True:
        lines = file.read_text().splitlines() if file.exists() else []
        notes = [json.loads(line) for line in lines]
        if notes and notes[-1]["what"] == ENDED:
            break
        _ = contender.pid
        if time.monotonic() > end:
            raise BenchError(f"the stock agent has not recovered after {_STOCK_S_MAX:.0f} s")
        time.sleep(_POLL_S)
    contender.stop()
    started = [note["at_s"] for note in notes if note["what"] == STARTED]
    return float(notes[-1]["at_s"] - started[-1])


def restores(stack: Stack, gate: Contender, trials: Trials, rounds: int) -> Restores:
    """All with nothing on the disk; ours `rounds` times, the stock agent once amid them."""
    stock = stack.contender("stock", STOCK_WORKER, gate_clock="record")
    rows = copy_changelog(gate.settings, f"{stock.settings.app_id}-rows-changelog")
    found = Restores(rows, [], [], [], [])
    for number in range(rounds):
        say(f"restoring {rows:,} rows, round {number + 1} of {rounds}")
        reading_s, whole_s = restore_in_worker(trials, f"restorer-{number}")
        found.worker_reading_s.append(reading_s)
        found.worker_s.append(whole_s)
        found.alone_s.append(restore_alone(gate.settings, stack.directory / "alone"))
        if number == rounds // 2:
            say("the same by a stock Faust agent")
            found.stock_reading_s.append(restore_in_stock(stock, stack.directory / "stock.jsonl"))
    return found


@dataclass(frozen=True)
class Found:
    """Everything that is measured."""

    session_s: int
    restored: Restores
    failovers: dict[str, list[Failover]]
    pauses: list[Pause]


def measure(stack: Stack, options: argparse.Namespace) -> Found:
    """Fill the changelogs, restore, kill, join and leave."""
    gate = stack.contender("gate", WATCHED_WORKER, gate_clock="wall")
    # The restore that runs in this process would log its progress.
    configure_logging(gate.settings)
    trials = Trials(stack, gate, 2 * options.users, options.rate)
    say("definitions, accounts, money")
    now_us = time.time_ns() // 1000
    gate.start(OrderFlow(), now_us)
    gate.stop()
    say(f"writing the rows of {options.users:,} users")
    rows = UserRows(gate.settings, now_us)
    rows.write(range(options.users))
    restored = restores(stack, gate, trials, options.restores)
    rows.write(range(options.users, 2 * options.users))
    failovers = {
        "cold": trials.failovers(options.rounds, standby=False),
        "standby": trials.failovers(options.rounds, standby=True),
    }
    pauses = trials.pauses(max(1, options.rounds // 2))
    return Found(gate.settings.session_timeout_s, restored, failovers, pauses)


# -- telling


def _print(facts: dict[str, str], found: Found) -> None:
    restored = found.restored
    table = Table(title="Recovery", title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name, value)
    table.add_section()
    table.add_row("Rows restored", f"{restored.rows:,}, all lanes, nothing on the disk")
    for name, seconds in (
        ("worker, reading", restored.worker_reading_s),
        ("worker, from assignment on", restored.worker_s),
        ("restore alone", restored.alone_s),
        ("stock Faust, reading", restored.stock_reading_s),
    ):
        table.add_row(f"- {name}", f"{restored.per_s(seconds):,.0f} rows a second")
    for kind, rounds in found.failovers.items():
        table.add_section()
        table.add_row(f"Fail-over, {kind}", f"of {len(rounds)}: the median, the longest")
        parts: tuple[tuple[str, Callable[[Failover], float]], ...] = (
            (f"assigned (session timeout {found.session_s} s)", lambda one: one.assigned_s),
            ("transactions resolved", lambda one: one.transactions_s),
            ("restored", lambda one: one.restored_s),
            ("all lanes decided", lambda one: one.decided_s),
            ("total", lambda one: one.total_s),
        )
        for name, part in parts:
            values = [part(one) for one in rounds]
            table.add_row(f"- {name}", f"{median(values):.2f} s, {max(values):.2f} s")
    table.add_section()
    for pause in found.pauses:
        table.add_row(
            f"A worker {pause.what}",
            f"{pause.lanes} lanes stay, silent {pause.longest_ms:.0f} ms at most; "
            f"ordinarily {pause.ordinary_ms:.0f} ms",
        )
    Console(width=100).print(table)


def _longest(rounds: list[Failover]) -> float:
    return round(max(one.total_s for one in rounds), 2)


def main() -> None:
    """Measure and print; exit code 0 when all was measured."""
    parser = argparse.ArgumentParser(description="Restore, fail-over, and lanes that stay.")
    parser.add_argument("--users", type=int, default=100_000, help="users of each of two workers")
    parser.add_argument("--rounds", type=int, default=6, help="of each kind of fail-over")
    parser.add_argument("--restores", type=int, default=3, help="rounds of restoring")
    parser.add_argument("--rate", type=int, default=400, help="orders a second meanwhile")
    options = parser.parse_args()
    facts = machine_facts()
    with bench_stack() as stack:
        # Its clients end with it: they would complain of a broker that is stopped before them.
        found = measure(stack, options)
    _print(facts, found)
    result: dict[str, Any] = {
        "restore_per_s": round(found.restored.per_s(found.restored.worker_reading_s)),
        "ratio_to_stock_faust": round(found.restored.ratio, 1),
        "session_timeout_s": found.session_s,
        "cold_failover_s_max": _longest(found.failovers["cold"]),
        "standby_failover_s_max": _longest(found.failovers["standby"]),
        "unmoved_pause_ms": round(max(pause.pause_ms for pause in found.pauses)),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
