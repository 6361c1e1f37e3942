"""What a market-by-order recording holds, whatever file it lies in.

Owns the message type that `databento.py` and `excerpt.py` yield and `flow.py` reads. Knows nothing
of files, accounts or Kafka.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

ADD: Final = "A"
CANCEL: Final = "C"
MODIFY: Final = "M"
TRADE: Final = "T"
FILL: Final = "F"

# Databento RecordFlags F_SNAPSHOT: the message restates the book as it stood when the file begins.
FLAG_SNAPSHOT: Final = 1 << 5


class MarketDataError(ValueError):
    """A recording cannot be read; the text says which file, why, and what to do."""


class MboMessage(NamedTuple):
    """One market-by-order message.

    `time_ns`: the matching engine's time (ts_event), never falling in a recording. `action`: ADD,
    CANCEL, MODIFY, TRADE (the aggressor's order) or FILL (the resting order). `side`: B, A or N
    (none: an auction's trade). `price_e9` in 1e-9 price units, `lots` in contracts: displayed
    quantity for ADD and MODIFY, what goes for CANCEL, what traded for TRADE and FILL.
    """

    time_ns: int
    order_id: int
    action: str
    side: str
    price_e9: int
    lots: int
    flags: int


class Recording(NamedTuple):
    """The messages of one instrument. `messages` is read as it is iterated, once."""

    dataset: str
    symbol: str
    messages: Iterator[MboMessage]
