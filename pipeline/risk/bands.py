"""The range of an instrument's marks in the last while.

Owns `row_band`: buckets of gate time, the newest and 8 before it, each with its lowest and highest
mark, so that a period costs the same however many marks it has had. Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64

from pipeline.risk.money import distance_bps
from pipeline.risk.records import RowBand
from pipeline.risk.state import LaneState

BUCKETS: Final = 9
# Of a price in a period without a mark: no distance is below 0.
NO_MARK: Final = -1
# A window is cut into so many.
_PARTS: Final = 8


def width_of(window_us: int) -> int:
    """How long a bucket is; a window has at least a millisecond."""
    return window_us // _PARTS


def note_mark(
    state: LaneState, instrument_id: str, price_e9: int, gate_time: int, width_us: int
) -> None:
    """A mark counts in the bucket of its gate time; the row changes where a figure does."""
    bucket = gate_time // width_us
    row = state.band(instrument_id)
    if row is None or row.width_us != width_us:
        row = RowBand(
            width_us, bucket, [price_e9] + [0] * (BUCKETS - 1), [price_e9] + [0] * (BUCKETS - 1)
        )
        state.put(state.instrument_keys(instrument_id).band, row)
        return
    passed = min(bucket - row.bucket, BUCKETS)
    if passed > 0:
        kept = BUCKETS - passed
        row.low_e9 = [0] * passed + row.low_e9[:kept]
        row.high_e9 = [0] * passed + row.high_e9[:kept]
        row.low_e9[0] = price_e9
        row.high_e9[0] = price_e9
        row.bucket = bucket
    elif price_e9 < row.low_e9[0]:
        row.low_e9[0] = price_e9
    elif price_e9 > row.high_e9[0]:
        row.high_e9[0] = price_e9
    else:
        return
    state.put(state.instrument_keys(instrument_id).band, row)


def farthest_bps(row: RowBand, price_e9: int, gate_time: int, width_us: int) -> int:
    """How far a price is from the period's lowest and highest mark, the farther of the two.

    In 1e-4 of the mark, rounded up. NO_MARK: none in the period, or only of another width.
    """
    if row.width_us != width_us:
        return NO_MARK
    low: i64 = 0
    high: i64 = 0
    buckets: i64 = BUCKETS - (gate_time // width_us - row.bucket)
    for index in range(buckets):
        lowest: i64 = row.low_e9[index]
        if lowest == 0:
            continue
        if low == 0 or lowest < low:
            low = lowest
        high = max(high, i64(row.high_e9[index]))
    if low == 0:
        return NO_MARK
    return max(distance_bps(price_e9, low), distance_bps(price_e9, high))
