"""What a user stands to lose by in an instrument, a currency, a sector and altogether.

Owns the eight exposure checks and HOLDINGS (docs/rules.md, "Exposure"). Must never change anything.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from pipeline.risk.records import INSTRUMENT_KIND_SPOT, SIDE_BUY, SIDE_SELL, Instrument, Order
from tests.oracle.arithmetic import exact_notional, up
from tests.oracle.foreign import converted, within
from tests.oracle.lines import Check, failed, line, passed, skipped
from tests.oracle.situation import Situation, added_lots, reduces

HOLDINGS_MAX: Final = 256

Group = Literal["INSTRUMENT", "CURRENCY", "SECTOR", "USER"]


class Weight(NamedTuple):
    """What an instrument, or a group of one currency, comes to in minor units of its currency."""

    gross: int = 0
    long: int = 0
    short: int = 0


def instruments_of(order: Order, now: Situation) -> list[str]:
    """Where the user has something, or would have by the order."""
    return sorted(now.book.holdings() | {order.instrument_id})


def members(group: Group, known: Instrument, order: Order, now: Situation) -> list[str]:
    """The instruments of a group that the order's own is in."""
    names = instruments_of(order, now)
    if group == "INSTRUMENT":
        return [order.instrument_id]
    if group == "CURRENCY":
        return [name for name in names if now.instruments[name].currency == known.currency]
    if group == "SECTOR":
        sector = now.steering.sector(order.instrument_id)
        return [name for name in names if now.steering.sector(name) == sector]
    return names


def weight_of(name: str, order: Order, added: int, now: Situation) -> Weight:
    """One instrument at its mark, with what the order would add to it."""
    known, (mark, _) = now.instruments[name], now.marks[name]
    position = now.book.position(name)
    buys, sells = now.book.working(name, SIDE_BUY), now.book.working(name, SIDE_SELL)
    if name == order.instrument_id:
        buys += added if order.side == SIDE_BUY else 0
        sells += added if order.side == SIDE_SELL else 0
    if known.kind == INSTRUMENT_KIND_SPOT:
        position, sells = max(0, position), 0

    def value(lots: int) -> int:
        notional = up(exact_notional(known, abs(lots), mark))
        return notional if lots > 0 else -notional

    return Weight(
        gross=value(abs(position)) + value(buys) + value(sells),
        long=value(position + buys),
        short=value(sells - position),
    )


def blindness(names: list[str], now: Situation) -> str | None:
    """Why the instruments cannot be weighed."""
    if any(name not in now.marks for name in names):
        return "MARK_MISSING"
    stale = any(now.is_stale(now.marks[name][1]) for name in names)
    return "MARK_STALE" if stale else None


def weighed(names: list[str], order: Order, added: int, currency: str, now: Situation) -> Weight:
    """All of them together; raises _UnseenError when they cannot be weighed in that currency."""
    unseen = blindness(names, now)
    if unseen is not None:
        raise _UnseenError(unseen)
    weights = [
        (now.instruments[name].currency, weight_of(name, order, added, now)) for name in names
    ]
    totals: list[int] = []
    for column in range(len(Weight._fields)):
        sums: dict[str, int] = {}
        for own, weight in weights:
            sums[own] = sums.get(own, 0) + weight[column]
        total = converted(sums, currency, now)
        if isinstance(total, str):
            raise _UnseenError(total)
        totals.append(total)
    return Weight(*totals)


class _UnseenError(Exception):
    """A mark that is needed is missing or old. Its argument is the reason code."""


def exposure(check: str, group: Group, *, net: bool) -> Callable[[Order, Situation], Check]:
    """The check of one group, gross or net."""

    def judge(order: Order, now: Situation) -> Check:
        added, known = added_lots(order, now), now.instrument
        if added is None or known is None or now.account is None or now.policy is None:
            return skipped(check)
        limit = now.check_limit(check, order.instrument_id)
        if limit is None:
            return failed(check, "LIMIT_MISSING")
        if group == "SECTOR" and now.steering.sector(order.instrument_id) is None:
            return passed(check)
        names = members(group, known, order, now)
        try:
            weight = weighed(names, order, added, limit.currency or known.currency, now)
        except _UnseenError as unseen:
            return within(check, str(unseen), limit, reduces=reduces(order, now))
        observed = max(weight.long, weight.short, 0) if net else weight.gross
        return within(check, observed, limit, reduces=reduces(order, now))

    return judge


def holdings(order: Order, now: Situation) -> Check:
    """In how many instruments a user may have something."""
    if now.account is None or now.instrument is None:
        return skipped("HOLDINGS")
    observed = len(instruments_of(order, now))
    is_new = order.instrument_id not in now.book.holdings()
    reason = "HOLDINGS" if is_new and observed > HOLDINGS_MAX else None
    return line("HOLDINGS", reason, observed, HOLDINGS_MAX, None)


EXPOSURES: Final = tuple(
    exposure(f"{group}_{'NET' if net else 'GROSS'}", group, net=net)
    for group in ("INSTRUMENT", "CURRENCY", "SECTOR", "USER")
    for net in (False, True)
)
