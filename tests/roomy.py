"""Control records that let every check with a limit of its own pass: limits which nobody reaches.

Owns what a world needs beside `limits` and the policy to trade at all. A test of a check publishes
its own limit over one of these.
"""

from collections.abc import Iterable
from typing import Final

from pipeline.risk.bounds import FIGURE_MAX
from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.records import (
    CHECK_SEVERITY_NOTIFY,
    LIMIT_SCOPE_TIER,
    CheckLimit,
    CheckPolicy,
    Listing,
)

# What has no limit wide enough.
TOLD: Final = ("SELF_MATCH", "SHORT_MARK", "SAME_CONTENT")


def roomy(
    tiers: Iterable[str], instruments: Iterable[str]
) -> list[CheckLimit | CheckPolicy | Listing]:
    """Wide limits for the tiers, listings without a calendar, and what else would refuse.

    Own orders may cross, short sales go unmarked, orders repeat: that is told, and nothing more.
    """
    limits = [
        CheckLimit(
            traits.name,
            LIMIT_SCOPE_TIER,
            tier,
            None,
            traits.limit_max,
            allowance=FIGURE_MAX if traits.has_allowance else None,
        )
        for tier in tiers
        for traits in CATALOG.by_name.values()
        if traits.limited
    ]
    told = [CheckPolicy(name, CHECK_SEVERITY_NOTIFY, None) for name in TOLD]
    return [*limits, *told, *(Listing(name, None, None) for name in instruments)]
