"""What the core is given with an input, and what it gives back.

Owns `InputContext` (where and when the input was taken) and `Effects` (its outputs as values; the
changed rows are in the lane state). Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    AUDIT_OUTCOME_FACT,
    AUDIT_OUTCOME_IGNORED,
    Decision,
    RegulatoryEvent,
)


@mypyc_attr(acyclic=True, free_list_len=1)
class InputContext:
    """One input's place in its lane. Times in microseconds since 1970."""

    def __init__(
        self,
        lane: int,
        lane_sequence: int,
        gate_time: int,
        topic: str,
        offset: int,
        input_hash: bytes,
        traceparent: str | None,
    ) -> None:
        self.lane: Final = lane
        self.lane_sequence: Final = lane_sequence
        self.gate_time: Final = gate_time
        self.topic: Final = topic
        self.offset: Final = offset
        self.input_hash: Final = input_hash
        self.traceparent: Final = traceparent


_NO_EVENTS: Final[list[RegulatoryEvent]] = []


@mypyc_attr(acyclic=True, free_list_len=1)
class Effects:
    """What became of an input. `detail` explains a dead letter to people."""

    def __init__(
        self, outcome: int, reason_code: str, decision: Decision | None = None, detail: str = ""
    ) -> None:
        self.outcome: Final = outcome
        self.reason_code: Final = reason_code
        self.decision: Final = decision
        self.detail: Final = detail
        # Set when the input is done with.
        self.events = _NO_EVENTS


def fact(reason_code: str) -> Effects:
    """A fact was applied."""
    return Effects(AUDIT_OUTCOME_FACT, reason_code)


def ignored(reason_code: str) -> Effects:
    """A repeat was ignored."""
    return Effects(AUDIT_OUTCOME_IGNORED, reason_code)


def dead_letter(reason_code: str, detail: str = "") -> Effects:
    """The input could not be read, placed or applied."""
    return Effects(AUDIT_OUTCOME_DEAD_LETTER, reason_code, None, detail)
