"""`make bench-core`: microseconds of a decision, the core alone.

One lane in this process, rows in memory, no Kafka: bytes in, bytes out. Orders of one user who has
1 order working, and of one who has 100: the cost of a decision must not grow with what a user has
open. The two take turns, so that both see the same machine. The last line is JSON: {"plain_us",
"orders_100_vs_1"}.
"""

import argparse
import gc
import json
import time
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.flow import INTERVAL_US, FirstInputs, OrderFlow
from benchmarks.measure import machine_facts
from benchmarks.traffic import canceled
from pipeline.codecs.avro import encode_fill, encode_order
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.processor import FILLS, INPUT_SCHEMAS, ORDERS, LaneProcessor
from pipeline.lane.rows import DictRows
from pipeline.market.accounts import Account
from pipeline.risk.reasons import ACCEPTED, APPLIED
from pipeline.risk.records import SIDE_BUY
from pipeline.topics import LANE_INPUTS

FIRST_US: Final = 1_704_067_200_000_000
MANY: Final = 100


class Desk:
    """A user with so many orders working, who sends one more and gets it back, again and again."""

    def __init__(self, working: int) -> None:
        """The lane is opened and the orders are placed."""
        self._flow: Final = OrderFlow()
        self._account: Final[Account] = self._flow.accounts[0]
        self._ids: Final = fixed_ids()
        self._rows: Final = DictRows()
        topics = [topic.name for topic in LANE_INPUTS]
        self._processor: Final = LaneProcessor(0, 1, topics, self._ids, self._rows)
        self._at_us = FIRST_US
        self._offsets = [0] * len(INPUT_SCHEMAS)
        first = FirstInputs(self._ids, self._flow.config, FIRST_US)
        for topic, key, value in [*first.definitions(), *first.accounts([self._account])]:
            self._apply(topic, key, value)
        for _ in range(working - 1):
            self._place(self._next())

    def _next(self) -> tuple[bytes, bytes, bytes]:
        self._at_us += INTERVAL_US
        order, account = self._flow.next(self._at_us, self._account, SIDE_BUY, 1)
        report = canceled(order, self._at_us)
        return (
            account.key,
            self._ids.frame("order") + encode_order(order),
            self._ids.frame("fill") + encode_fill(report),
        )

    def _place(self, made: tuple[bytes, bytes, bytes]) -> None:
        key, order, _ = made
        if self._apply(ORDERS, key, order) != ACCEPTED:
            raise RuntimeError("the bench's order was refused")

    def _apply(self, topic: int, key: bytes | None, value: bytes) -> str:
        offset = self._offsets[topic]
        self._offsets[topic] = offset + 1
        at_ms = self._at_us // 1000
        result = self._processor.apply(topic, offset, at_ms, key, value, None, self._at_us, False)
        self._rows.store(result.rows)
        return result.reason_code

    def round(self, orders: int) -> float:
        """Microseconds a decision; each order is taken back untimed, so that as many work."""
        spent_ns = 0
        for _ in range(orders):
            made = self._next()
            started = time.perf_counter_ns()
            self._place(made)
            spent_ns += time.perf_counter_ns() - started
            if self._apply(FILLS, made[0], made[2]) != APPLIED:
                raise RuntimeError("the bench's report was refused")
        return spent_ns / orders / 1000


def measure(rounds: int, orders: int) -> tuple[list[float], list[float]]:
    """Microseconds a decision of each round: with 1 order working, and with MANY."""
    one, many = Desk(1), Desk(MANY)
    one.round(orders)
    many.round(orders)
    with_one: list[float] = []
    with_many: list[float] = []
    for _ in range(rounds):
        gc.collect()
        gc.disable()
        with_one.append(one.round(orders))
        with_many.append(many.round(orders))
        gc.enable()
    return with_one, with_many


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Microseconds of a decision, the core alone.")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each")
    parser.add_argument("--orders", type=int, default=3_000, help="orders a round")
    options = parser.parse_args()
    for name, value in machine_facts().items():
        print(f"{name}: {value}")
    with_one, with_many = measure(options.rounds, options.orders)
    table = Table(title="A decision, bytes in to bytes out", title_justify="left")
    for heading in ("orders working", "median us", "least us", "most us"):
        table.add_column(heading, justify="right")
    for working, times in ((1, with_one), (MANY, with_many)):
        table.add_row(
            str(working), f"{median(times):.1f}", f"{min(times):.1f}", f"{max(times):.1f}"
        )
    Console().print(table)
    ratio = median(many / one for one, many in zip(with_one, with_many, strict=True))
    print(json.dumps({"plain_us": round(median(with_one), 1), "orders_100_vs_1": round(ratio, 3)}))


if __name__ == "__main__":
    main()
