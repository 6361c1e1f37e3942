"""The prices at which the house quotes around a mark.

Owns the rounding. Pure.
"""

from dataclasses import dataclass
from typing import Final

_BPS: Final = 10_000


@dataclass(frozen=True)
class Quoting:
    """How the house quotes: `bps` of the mark to either side, `lots` on each."""

    bps: int = 0
    lots: int = 100


def quote_prices(mark_e9: int, tick_e9: int, bps: int) -> tuple[int, int] | None:
    """Bid and ask, on the tick and at least one tick apart; None where no bid is left."""
    bid = mark_e9 * (_BPS - bps) // _BPS // tick_e9 * tick_e9
    ask = -(-mark_e9 * (_BPS + bps) // _BPS // tick_e9) * tick_e9
    if bid <= 0:
        return None
    return bid, max(ask, bid + tick_e9)
