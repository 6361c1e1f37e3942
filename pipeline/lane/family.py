"""A lane family: input topics that are processed together, partition by partition, with a table.

The gate has five inputs and the risk-contexts table; reporting has one and report-days. The same
transport, transaction, store and recovery serve both.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class LaneFamily:
    """`topics`: the broker's names, in the order the merge prefers; `changelog`: likewise."""

    name: str
    table: str
    topics: tuple[str, ...]
    changelog: str
