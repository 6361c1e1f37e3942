"""Where a user has a position or working orders.

Owns `row_holdings`, which is brought up to date whenever a position row has changed: checks that
value all of a user's instruments find them there. Compiled with mypyc.
"""

from bisect import bisect_left
from typing import Final

from pipeline.risk.records import RowHoldings, RowPosition
from pipeline.risk.state import LaneState

# As many can be valued for one order; facts may still add to them.
HOLDINGS_MAX: Final = 256


def holds(position: RowPosition) -> bool:
    """Whether there is a position, or orders work."""
    return (
        position.position_lots != 0
        or position.working_buy_lots != 0
        or position.working_sell_lots != 0
    )


def follow(state: LaneState, user_id: str, instrument_id: str, position: RowPosition) -> None:
    """Add the instrument, or take it away, by what the position row says now."""
    among = holds(position)
    row = state.holdings(user_id)
    if row is None:
        row = RowHoldings([])
    known = row.instrument_ids
    if (instrument_id in known) == among:
        return
    index = bisect_left(known, instrument_id)
    if among:
        known.insert(index, instrument_id)
    else:
        del known[index]
    state.put(state.keys(user_id).holdings, row)
