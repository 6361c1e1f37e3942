"""Control records that let every check with a limit of its own pass: limits which nobody reaches.

Owns what a world needs beside `limits` and the policy to trade at all. A test of a check publishes
its own limit over one of these.
"""

from collections.abc import Iterable

from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.records import (
    CHECK_SEVERITY_NOTIFY,
    LIMIT_SCOPE_TIER,
    CheckLimit,
    CheckPolicy,
    Listing,
)


def roomy(
    tiers: Iterable[str], instruments: Iterable[str]
) -> list[CheckLimit | CheckPolicy | Listing]:
    """Wide limits for the tiers, listings without a calendar, and what else would refuse.

    Own orders may cross and short sales go unmarked: that is told, and nothing more.
    """
    limits = [
        CheckLimit(traits.name, LIMIT_SCOPE_TIER, tier, None, traits.limit_max)
        for tier in tiers
        for traits in CATALOG.by_name.values()
        if traits.limited
    ]
    told = [CheckPolicy(name, CHECK_SEVERITY_NOTIFY, None) for name in ("SELF_MATCH", "SHORT_MARK")]
    return [*limits, *told, *(Listing(name, None, None) for name in instruments)]
