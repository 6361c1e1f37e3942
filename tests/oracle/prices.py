"""The checks PERIOD_COLLAR and SELF_MATCH: a price against what was and against what works.

Owns the period of an instrument's marks. Must never change anything.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from pipeline.risk.records import SIDE_BUY, Order
from tests.oracle.arithmetic import nearest, up
from tests.oracle.lines import Check, blind, compared, failed, passed, skipped
from tests.oracle.situation import BPS, SeenMark, Situation, collar_price

PERIOD_BUCKETS: Final = 9
WIDTHS_A_WINDOW: Final = 8


def width_of(window_us: int) -> int:
    """The length of a bucket of gate time."""
    return max(1, window_us // WIDTHS_A_WINDOW)


def same_width(seen: Sequence[SeenMark]) -> list[SeenMark]:
    """The latest marks that were counted in buckets of one width, oldest first."""
    kept: list[SeenMark] = []
    for mark in reversed(seen):
        if mark.width_us != seen[-1].width_us:
            break
        kept.insert(0, mark)
    return kept


def in_period(seen: Sequence[SeenMark], width_us: int, gate_time: int) -> list[int]:
    """The prices of the period that ends at a gate time."""
    oldest = gate_time // width_us - PERIOD_BUCKETS + 1
    return [
        mark.price_e9
        for mark in same_width(seen)
        if mark.width_us == width_us and mark.gate_time // width_us >= oldest
    ]


def period_collar(order: Order, now: Situation) -> Check:
    """How far a price may be from where the instrument has been lately."""
    name, price = "PERIOD_COLLAR", collar_price(order, now)
    if price is None or now.instrument is None or now.account is None:
        return skipped(name)
    limit = now.check_limit(name, order.instrument_id)
    if limit is None:
        return failed(name, "LIMIT_MISSING")
    width_us = width_of(now.steering.window_us(name))
    prices = in_period(now.marks_seen.get(order.instrument_id, ()), width_us, now.gate_time)
    if not prices:
        return blind(name, "MARK_MISSING", limit)
    ends = (min(prices), max(prices))
    return compared(name, max(up(Fraction(abs(price - e) * BPS, e)) for e in ends), limit)


def self_match(order: Order, now: Situation) -> Check:
    """Whether it could trade with another order of the same user."""
    name, price = "SELF_MATCH", collar_price(order, now)
    if price is None or now.instrument is None or now.account is None:
        return skipped(name)
    against = [
        version.price_e9
        for works in now.book.open_orders()
        if works.order.instrument_id == order.instrument_id
        and works.order.side != order.side
        and works.final is None
        and works.open_lots > 0
        for version in works.versions
    ]
    if not against:
        return passed(name)
    if order.side == SIDE_BUY:
        limit = min(against) - 1
        headroom = limit - price
    else:
        limit = max(against) + 1
        headroom = price - limit
    reason = None if headroom >= 0 else name
    result = "PASS" if reason is None else "FAIL"
    return Check(name, result, reason, price, limit, headroom=nearest(headroom))
