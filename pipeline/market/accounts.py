"""Simulated accounts: the recordings have none, so each order gets one by a stable hash.

Owns the derivation, described in samples/README.md. Real: orders, prices, quantities, times,
executions. Simulated: account, tenant, tier, desk, trader, algorithm, money and fees. The same
order id has the same account in every run, file and version; changing that changes every result.

- Account of an order: SHA-256 of `account:<venue order id>` (decimal), first 8 bytes as a
  big-endian number, modulo the number of accounts.
- Everything else of an account: SHA-256 of `<what>:<account id>` in the same way.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

_TRADERS_PER_DESK: Final = 5
_DESKS_PER_TENANT: Final = 4
_ALGORITHMS: Final = 12


class Account(NamedTuple):
    """One simulated account with whom its orders name. `key` is its Kafka key."""

    user_id: str
    key: bytes
    tenant_id: str
    tier_id: str
    desk_id: str
    trader_id: str
    algo_id: str


class Accounts:
    """All simulated accounts of a replay, and which order belongs to which."""

    def __init__(
        self, count: int, tenants: Sequence[str], tier_weights: Sequence[tuple[str, int]]
    ) -> None:
        """`count` accounts over `tenants`, their tiers drawn by weight."""
        tiers = [tier for tier, weight in tier_weights for _ in range(weight)]
        self.all: Final = tuple(_account(number, tenants, tiers) for number in range(1, count + 1))

    def of_order(self, venue_order_id: int) -> Account:
        """The account of an order, whatever its revision."""
        return self.all[stable_number("account", str(venue_order_id)) % len(self.all)]


def stable_number(what: str, of: str) -> int:
    """The first 8 bytes of SHA-256 of `<what>:<of>`, big-endian."""
    return int.from_bytes(sha256(f"{what}:{of}".encode()).digest()[:8], "big")


def _account(number: int, tenants: Sequence[str], tiers: Sequence[str]) -> Account:
    user_id = f"ACC-{number:04d}"

    def drawn(what: str, count: int) -> int:
        return stable_number(what, user_id) % count

    tenant_id = tenants[drawn("tenant", len(tenants))]
    desk_id = f"{tenant_id}-DESK-{drawn('desk', _DESKS_PER_TENANT) + 1}"
    return Account(
        user_id=user_id,
        key=user_id.encode(),
        tenant_id=tenant_id,
        tier_id=tiers[drawn("tier", len(tiers))],
        desk_id=desk_id,
        trader_id=f"{desk_id}-TRADER-{drawn('trader', _TRADERS_PER_DESK) + 1}",
        algo_id=f"ALGO-{drawn('algo', _ALGORITHMS) + 1:02d}",
    )
