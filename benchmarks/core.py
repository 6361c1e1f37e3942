"""`make bench-core`: microseconds of a decision, the core alone, and of each of its checks.

One lane in this process, rows in memory, no Kafka: bytes in, bytes out. Three users take turns, so
that all see the same machine: one who has 1 order working, one who has 100 (the cost of a decision
must not grow with what a user has open), and one for whom the policy exempts every check that can
be, beyond those of `MAIN_JOB`. Then each check is called by itself, on an order of the first user.
The last line is JSON: {"plain_us", "orders_100_vs_1", "all_checks_vs_main_job", "dearest_check",
"checks_us"}.
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
from pipeline.codecs.avro import decode_order, encode_fill, encode_order
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.processor import FILLS, INPUT_SCHEMAS, ORDERS, LaneProcessor
from pipeline.lane.rows import DictRows
from pipeline.market.accounts import Account
from pipeline.risk.checks.context import OrderContext
from pipeline.risk.checks.registry import CATALOG, CHECKS_OF_NEW, Step
from pipeline.risk.reasons import ACCEPTED, APPLIED
from pipeline.risk.records import SIDE_BUY
from pipeline.topics import LANE_INPUTS

FIRST_US: Final = 1_704_067_200_000_000
MANY: Final = 100
# What a gate cannot do without: the others are exempt for the user they are compared with.
MAIN_JOB: Final = frozenset(
    (
        "ORDER_RATE",
        "ORDER_QUANTITY",
        "ORDER_NOTIONAL",
        "PRICE_COLLAR",
        "POSITION_LIMIT",
        "OPEN_ORDERS",
    )
)


class Desk:
    """A user with so many orders working, who sends one more and gets it back, again and again.

    `exempt`: checks that the policy switches off.
    """

    def __init__(self, working: int, exempt: frozenset[str] = frozenset()) -> None:
        """The lane is opened and the orders are placed."""
        self._flow: Final = OrderFlow()
        self._account: Final[Account] = self._flow.accounts[0]
        self._ids: Final = fixed_ids()
        self._rows: Final = DictRows()
        topics = [topic.name for topic in LANE_INPUTS]
        self._processor: Final = LaneProcessor(0, 1, topics, self._ids, self._rows)
        self._at_us = FIRST_US
        self._offsets = [0] * len(INPUT_SCHEMAS)
        first = FirstInputs(self._ids, self._flow.config, FIRST_US, exempt)
        for topic, key, value in [*first.definitions(), *first.accounts([self._account])]:
            self.apply(topic, key, value)
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
        if self.apply(ORDERS, key, order) != ACCEPTED:
            raise RuntimeError("the bench's order was refused")

    def apply(self, topic: int, key: bytes | None, value: bytes) -> str:
        """Apply an input of the lane (its number); its reason code."""
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
            if self.apply(FILLS, made[0], made[2]) != APPLIED:
                raise RuntimeError("the bench's report was refused")
        return spent_ns / orders / 1000

    def context(self) -> OrderContext:
        """What the checks of the next order look at."""
        _, order, _ = self._next()
        core = self._processor.core
        made = decode_order(order, 5)
        user = core.state.user(made.user_id)
        return OrderContext(made, user, self._at_us, core.state, core.rules)


class Rounds:
    """Microseconds a decision of each round."""

    def __init__(self, rounds: int, orders: int) -> None:
        """Measure; takes a while."""
        can_be = CATALOG.exemptible
        desks = Desk(1), Desk(MANY), Desk(1, can_be - MAIN_JOB)
        times: tuple[list[float], ...] = ([], [], [])
        for desk in desks:
            desk.round(orders)
        for _ in range(rounds):
            gc.collect()
            gc.disable()
            for desk, taken in zip(desks, times, strict=True):
                taken.append(desk.round(orders))
            gc.enable()
        self.with_one, self.with_many, self.main_job = times


def cost_of_checks(rounds: int, calls: int) -> dict[str, float]:
    """Microseconds of each check of a NEW that passes: the least of the rounds.

    Called from outside the compiled core, which adds some 50 ns to each; what checks of one order
    share is computed by the first of them, so each is given an order of its own.
    """
    desk = Desk(1)
    least: dict[str, float] = {}
    for _ in range(rounds):
        for name, check in CHECKS_OF_NEW:
            contexts = [desk.context() for _ in range(calls)]
            limit_place = Step(0, name, check).limit_place
            for context in contexts:
                context.limit_place = limit_place
            started = time.perf_counter_ns()
            for context in contexts:
                check(context)
            spent_us = (time.perf_counter_ns() - started) / calls / 1000
            least[name] = min(spent_us, least.get(name, spent_us))
    return least


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Microseconds of a decision, the core alone.")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each")
    parser.add_argument("--orders", type=int, default=3_000, help="orders a round")
    options = parser.parse_args()
    for name, value in machine_facts().items():
        print(f"{name}: {value}")
    rounds = Rounds(options.rounds, options.orders)
    costs = cost_of_checks(options.rounds, max(options.orders // 10, 1))
    _show_decisions(rounds)
    _show_checks(costs)
    many = _ratio(rounds.with_many, rounds.with_one)
    everything = _ratio(rounds.with_one, rounds.main_job)
    figures = {
        "plain_us": round(median(rounds.with_one), 1),
        "orders_100_vs_1": round(many, 3),
        "all_checks_vs_main_job": round(everything, 3),
        "dearest_check": max(costs, key=lambda name: costs[name]),
        "checks_us": {name: round(cost, 2) for name, cost in costs.items()},
    }
    print(json.dumps(figures))


def _ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of the rounds' ratios."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def _show_decisions(rounds: Rounds) -> None:
    table = Table(title="A decision, bytes in to bytes out", title_justify="left")
    for heading in ("orders working", "checks", "median us", "least us", "most us"):
        table.add_column(heading, justify="right")
    for working, checks, times in (
        (1, "all", rounds.with_one),
        (MANY, "all", rounds.with_many),
        (1, "main job", rounds.main_job),
    ):
        figures = (f"{figure:.1f}" for figure in (median(times), min(times), max(times)))
        table.add_row(str(working), checks, *figures)
    Console().print(table)


def _show_checks(costs: dict[str, float]) -> None:
    table = Table(title="A check by itself, dearest first", title_justify="left")
    table.add_column("check")
    table.add_column("least us", justify="right")
    for name in sorted(costs, key=lambda name: -costs[name]):
        table.add_row(name, f"{costs[name]:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
