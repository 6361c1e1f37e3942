"""Microseconds of an order in the gate alone: in the pure core, and in the whole lane processor.

Owns four figures from the same orders. `core_us` is of `RiskCore.begin` and `RiskCore.order`, with
orders decoded and hashed beforehand; `lane_us` of the lane processor, bytes in to bytes out. Both
under the bench profile, and as `..._all_us` with every check evaluated (benchmarks/control). Rows
in memory, no Kafka.
"""

import gc
import time
from collections.abc import Sequence
from itertools import islice
from statistics import median
from typing import NamedTuple

from benchmarks.contest.alone import CoreAlone, Lane, lanes, mark_of
from benchmarks.contest.inputs import CME, Input, accounts_of, inputs_of
from benchmarks.contest.profile import definitions
from benchmarks.contest.throughput import FIRST_US
from benchmarks.flow import definitions as all_checks
from pipeline.control.definitions import Payload
from pipeline.lane.processor import MARKS, ORDERS

_PARTITIONS = 8
# In a worker an order is decided when it has just been read: so many are read at a time.
_READ_AT_ONCE = 100
# Under the profile, and with every check.
_CHECKS = (definitions, all_checks)


class Costs(NamedTuple):
    """Processor microseconds of an order."""

    core_us: float
    core_all_us: float
    lane_us: float
    lane_all_us: float


def costs(orders: int, rounds: int) -> Costs:
    """Medians over the rounds."""
    records = list(islice(inputs_of(CME, FIRST_US, _PARTITIONS), orders * (rounds + 1)))
    cores = [[CoreAlone(lane) for lane in _lanes(payloads())] for payloads in _CHECKS]
    whole = [_lanes(payloads()) for payloads in _CHECKS]
    found: list[list[float]] = [[], [], [], []]
    for turn in range(rounds + 1):
        part = records[turn * orders : (turn + 1) * orders]
        taken = [_core_turn(group, part) for group in cores]
        taken += [_lane_turn(group, part) for group in whole]
        # The first turn fills caches and does not count.
        if turn > 0:
            for place, us in enumerate(taken):
                found[place].append(us)
    return Costs(*map(median, found))


def _lanes(payloads: Sequence[Payload]) -> list[Lane]:
    made = lanes(payloads, accounts_of(CME), FIRST_US, _PARTITIONS)
    time_ms, value = mark_of(FIRST_US)
    for lane in made:
        lane.apply(MARKS, time_ms, None, value)
    return made


def _core_turn(group: list[CoreAlone], part: list[Input]) -> float:
    """Reading the orders before and storing the rows after does not count."""
    gc.collect()
    taken_ns = 0
    for start in range(0, len(part), _READ_AT_ONCE):
        inputs = part[start : start + _READ_AT_ONCE]
        read = [group[partition].read(time_ms, value) for partition, time_ms, _, value in inputs]
        began_ns = time.process_time_ns()
        for core, changes, context, order, content_hash in read:
            core.begin(context)
            core.order(context, order, content_hash)
            changes.append(core.state.changed)
        taken_ns += time.process_time_ns() - began_ns
        for alone in group:
            alone.store()
    return taken_ns / len(part) / 1000


def _lane_turn(group: list[Lane], part: list[Input]) -> float:
    gc.collect()
    began_ns = time.process_time_ns()
    for partition, time_ms, key, value in part:
        group[partition].apply(ORDERS, time_ms, key, value)
    return (time.process_time_ns() - began_ns) / len(part) / 1000
