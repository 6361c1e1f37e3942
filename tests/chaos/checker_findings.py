"""What the judge found.

Owns the counts and the sentences. Must never look at a record.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

VIOLATIONS_MAX: Final = 50

# What is wrong with a record: it is missing, it is there twice, or it says what is not so.
# "broken": an order, a chain or a clock that is not as it must be, without a record to blame.
Kind = Literal["lost", "doubled", "contradicted", "broken"]


@dataclass
class Findings:
    """Counts of all findings, and the first sentences."""

    lost: int = 0
    doubled: int = 0
    contradicted: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, kind: Kind, sentence: str) -> None:
        """One more violation."""
        if kind == "lost":
            self.lost += 1
        elif kind == "doubled":
            self.doubled += 1
        elif kind == "contradicted":
            self.contradicted += 1
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(f"{kind}: {sentence}")
