"""Collateral in force: by tier, of which currencies money may cover what is needed in others.

Owns the list of each tier and its bound. What is pledged is the business of `pledges.py`. Compiled
with mypyc.
"""

from typing import Final

from pipeline.risk.money import BPS
from pipeline.risk.records import Collateral, Control

# Currencies of a tier, withdrawn ones counted: each is looked at when an order lacks money.
COLLATERALS_MAX: Final = 16


class VersionedCollateral:
    """A `collateral` payload and the version of its control record."""

    def __init__(self, collateral: Collateral, version: int) -> None:
        self.collateral: Final = collateral
        self.version: Final = version


class Collaterals:
    """What control has said of collateral."""

    def __init__(self) -> None:
        # By tier, in order of currency.
        self.by_tier: dict[str, list[VersionedCollateral]] = {}

    def take(self, collateral: Collateral, version: int) -> None:
        """Put a definition in force, in place of that of the same tier and currency."""
        kept = [
            known
            for known in self.by_tier.get(collateral.tier_id, [])
            if known.collateral.currency != collateral.currency
        ]
        kept.append(VersionedCollateral(collateral, version))
        self.by_tier[collateral.tier_id] = sorted(kept, key=_currency)

    def of_tier(self, tier_id: str) -> list[VersionedCollateral]:
        """Those of a tier, withdrawn ones among them, in order of currency."""
        return self.by_tier.get(tier_id, [])

    def problem(self, new: Collateral, waiting: list[Control]) -> str | None:
        """What is out of range in a definition, given what waits to be put in force."""
        if not 0 <= new.haircut_bps <= BPS:
            return f"haircut_bps must be between 0 and {BPS}"
        currencies = {new.currency}
        for known in self.of_tier(new.tier_id):
            currencies.add(known.collateral.currency)
        for record in waiting:
            payload = record.payload
            if isinstance(payload, Collateral) and payload.tier_id == new.tier_id:
                currencies.add(payload.currency)
        if len(currencies) > COLLATERALS_MAX:
            return f"a tier has collateral of at most {COLLATERALS_MAX} currencies"
        return None


def _currency(known: VersionedCollateral) -> str:
    return known.collateral.currency
