"""What the auditor must know to judge the next release.

Owns the one rule in which the new core of `next_version.py` differs. Written from that module's
words, not from its patch.
"""

from dataclasses import dataclass
from typing import Final

from pipeline.risk.records import Mark
from tests.oracle.auditor import CORES, Auditor

NEXT_CORES: Final = (*CORES, CORES[-1] + 1)


@dataclass
class NextRules(Auditor):
    """The auditor of the next release; to be put before another subclass of `Auditor`.

    `redated`: how many marks it has dated otherwise than the core before it would.
    """

    redated: int = 0

    @property
    def cores(self) -> tuple[int, ...]:
        """The cores whose rules are known."""
        return NEXT_CORES

    def _mark(self, mark: Mark) -> str:
        """The new core: a mark is as old as its stay in the gate, whatever its source says."""
        reason = super()._mark(mark)
        if self.core_version >= NEXT_CORES[-1]:
            taken = (mark.price_e9, self.gate_time)
            self.redated += taken != self.marks[mark.instrument_id]
            self.marks[mark.instrument_id] = taken
        return reason
