"""How the venue misbehaves: the switches, and the one source of chance.

Owns chance: a draw is a hash of the seed and of what is drawn for, so that it does not depend on
what else happened before. Pure.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

MILLION: Final = 1_000_000


@dataclass(frozen=True)
class Switches:
    """Everything that can change a report, apart from the inputs.

    venue: Name of the venue in its reports.
    slice_lots_max: The most lots of one execution; None: no bound.
    race_ppm: Of a million cancels of resting orders, how many meet a fill.
    bust_ppm: Of a million trades, how many are taken back at once.
    silence_ppm: Of a million orders, how many are never answered, nor any request on them.
    fee_per_lot_minor: Fee of a lot for each side of a trade.
    seed: Another seed, other draws.
    """

    venue: str = "DEMO"
    slice_lots_max: int | None = None
    race_ppm: int = 0
    bust_ppm: int = 0
    silence_ppm: int = 0
    fee_per_lot_minor: int = 0
    seed: int = 0

    def draw(self, purpose: str, *what: str) -> int:
        """A whole number from 0 to 2^64 - 1, always the same for the same seed and arguments."""
        # Lengths keep ("a", "bc") and ("ab", "c") apart.
        text = "".join(f"{len(part)}:{part}" for part in (str(self.seed), purpose, *what))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())

    def happens(self, ppm: int, purpose: str, *what: str) -> bool:
        """Whether it happens, with a probability of `ppm` in a million."""
        return self.draw(purpose, *what) % MILLION < ppm
