"""Microseconds of an order in the gate's lane processor alone, bytes in to bytes out.

Owns two figures from the same orders: `core_us` under the bench profile, `core_all_us` with every
check evaluated (benchmarks/control). Rows in memory, no Kafka.
"""

import gc
import time
from collections.abc import Sequence
from itertools import islice
from statistics import median

from benchmarks.contest.alone import Lane, lanes, mark_of
from benchmarks.contest.inputs import CME, Input, accounts_of, inputs_of
from benchmarks.contest.profile import definitions
from benchmarks.contest.throughput import FIRST_US
from benchmarks.flow import definitions as all_checks
from pipeline.control.definitions import Payload
from pipeline.lane.processor import MARKS, ORDERS

_PARTITIONS = 8


def core_us(orders: int, rounds: int) -> tuple[float, float]:
    """Medians over the rounds: under the profile, and with all checks."""
    records = list(islice(inputs_of(CME, FIRST_US, _PARTITIONS), orders * (rounds + 1)))
    made = [_lanes(definitions()), _lanes(all_checks())]
    found: list[list[float]] = [[], []]
    for turn in range(rounds + 1):
        part = records[turn * orders : (turn + 1) * orders]
        for place, group in enumerate(made):
            taken = _turn(group, part)
            # The first turn fills caches and does not count.
            if turn > 0:
                found[place].append(taken)
    return median(found[0]), median(found[1])


def _lanes(payloads: Sequence[Payload]) -> list[Lane]:
    made = lanes(payloads, accounts_of(CME), FIRST_US, _PARTITIONS)
    time_ms, value = mark_of(FIRST_US)
    for lane in made:
        lane.apply(MARKS, time_ms, None, value)
    return made


def _turn(group: list[Lane], part: list[Input]) -> float:
    gc.collect()
    began_ns = time.process_time_ns()
    for partition, time_ms, key, value in part:
        group[partition].apply(ORDERS, time_ms, key, value)
    return (time.process_time_ns() - began_ns) / len(part) / 1000
