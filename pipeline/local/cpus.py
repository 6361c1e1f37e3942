"""Which cpus a process may run on: lists as people write them, and fair shares of them.

Owns the notation (`0-3,6`) and how processes share cpus. A process that runs where its memory and
its neighbours stay put is not moved about by the kernel; nothing of what it decides depends on it.
"""

import os
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

from pipeline.settings import SettingsError

# The kernel numbers no more than some thousands; more digits are a slip, and a huge range.
_DIGITS_MAX: Final = 4


def parse_cpus(text: str) -> list[int]:
    """The cpus of a list such as `0-3,6`, ascending, each once. Raises SettingsError."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _is_number(first) or (dash and not _is_number(last)):
            raise SettingsError(f"cpus are written like 0-3 or 0,2,4-6, not {text!r}")
        low, high = int(first), int(last or first)
        if low > high:
            raise SettingsError(f"cpus {part.strip()}: the first is greater than the last")
        found.update(range(low, high + 1))
    return sorted(found)


def usable_cpus(text: str) -> list[int]:
    """The same, all of which this process may use. Raises SettingsError where it may not."""
    if not hasattr(os, "sched_getaffinity"):
        raise SettingsError("a process can be kept to some cpus on Linux only: leave --cpus out")
    wanted, allowed = parse_cpus(text), os.sched_getaffinity(0)
    lacking = sorted(set(wanted) - allowed)
    if lacking:
        raise SettingsError(
            f"cpus {cpus_text(lacking)} are not there for this process: it may use "
            f"{cpus_text(allowed)}"
        )
    return wanted


def shares(cpus: Sequence[int], processes: int) -> list[list[int]]:
    """The cpus of each process: neighbours, none more than one above another's.

    Where there are fewer cpus than processes, one each, round robin.
    """
    if len(cpus) < processes:
        return [[cpus[number % len(cpus)]] for number in range(processes)]
    ends = [len(cpus) * number // processes for number in range(processes + 1)]
    return [list(cpus[first:last]) for first, last in pairwise(ends)]


def cpus_text(cpus: Collection[int]) -> str:
    """The shortest list that means these cpus."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and runs[-1][-1] == cpu - 1:
            runs[-1].append(cpu)
        else:
            runs.append([cpu])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
