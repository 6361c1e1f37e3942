"""What trading has brought a user, what is lent to the user, and the checks on both.

Owns the valuation of results, CREDIT, DAILY_LOSS and DRAWDOWN (docs/rules.md, "Credit and
results"). Of a book it writes nothing but results.
"""

from collections.abc import Callable
from typing import Final

from pipeline.risk.records import INSTRUMENT_KIND_FUTURE, Order
from tests.oracle.arithmetic import exact_notional, fits, half_even
from tests.oracle.book import Book, Moved, Result
from tests.oracle.capital import demand_of, lacks_margin
from tests.oracle.exposure import blindness
from tests.oracle.foreign import converted, within
from tests.oracle.lines import Check, failed, passed, skipped
from tests.oracle.situation import Situation, added_lots, price_of, reduces

NOTHING: Final = Result(0)
RESULT_CHECKS: Final = ("DAILY_LOSS", "DRAWDOWN")


def enter(book: Book, currency: str, amount: int, day: int) -> None:
    """Count money that a trade or a settlement by price has moved, fees taken off."""
    book.trading.append(Moved(currency, amount))
    book.results.setdefault(currency, Result(day))


# Valuation


def positions_in(currency: str, now: Situation) -> list[str]:
    """The instruments of a currency in which the user has a position."""
    return [
        name
        for name in sorted(now.book.holdings())
        if now.instruments[name].currency == currency and now.book.position(name)
    ]


def value_of(name: str, now: Situation) -> int:
    """What a position would bring at its mark."""
    known, (mark, _) = now.instruments[name], now.marks[name]
    value_e9 = mark * now.book.position(name)
    if known.kind == INSTRUMENT_KIND_FUTURE:
        value_e9 -= now.book.open_cost_e9(name)
    return half_even(exact_notional(known, 1, value_e9))


def result_in(currency: str, now: Situation) -> int | str:
    """The result as of now, or why it cannot be said."""
    names = positions_in(currency, now)
    unseen = blindness(names, now)
    if unseen is not None:
        return unseen
    return now.book.trading_minor(currency) + sum(value_of(name, now) for name in names)


def valued(now: Situation, day: int) -> dict[str, Result]:
    """The results that an order of now has valued, by currency: that of its instrument, or none."""
    if now.policy is None or now.account is None or now.instrument is None:
        return {}
    if set(RESULT_CHECKS) <= set(now.policy[0].checks_exempt):
        return {}
    currency = now.instrument.currency
    result = result_in(currency, now)
    if isinstance(result, str) or not fits(result):
        return {}
    was = now.book.results.get(currency, Result(day))
    if was.day < day:
        was = Result(day, was.last, was.last, was.last)
    return {currency: was._replace(last=result, peak=max(was.peak, result))}


# Checks


def fallen(check: str, before: Callable[[Result], int]) -> Callable[[Order, Situation], Check]:
    """The check on how far the result has fallen from what it was."""

    def judge(order: Order, now: Situation) -> Check:
        known = now.instrument
        if known is None or now.account is None or now.policy is None:
            return skipped(check)
        limit = now.check_limit(check, order.instrument_id)
        if limit is None:
            return failed(check, "LIMIT_MISSING")
        result = result_in(known.currency, now)
        if isinstance(result, str):
            return within(check, result, limit, reduces=reduces(order, now))
        if not fits(result):
            return passed(check) if reduces(order, now) else failed(check, "OUT_OF_RANGE")
        lost = max(0, before(now.book.results.get(known.currency, NOTHING)) - result)
        observed = converted({known.currency: lost}, limit.currency or known.currency, now)
        return within(check, observed, limit, reduces=reduces(order, now))

    return judge


daily_loss: Final = fallen("DAILY_LOSS", lambda result: result.opening)
drawdown: Final = fallen("DRAWDOWN", lambda result: result.peak)


def credit(order: Order, now: Situation) -> Check:
    """What is held and what is owed, with the order."""
    name, known = "CREDIT", now.instrument
    price, added = price_of(order, now), added_lots(order, now)
    if price is None or added is None or known is None or now.account is None:
        return skipped(name)
    if now.fees is None or lacks_margin(order, added, known, now):
        return skipped(name)
    demand = demand_of(order, price, added, known, now)
    owed = max(0, -now.book.cash(demand.currency))
    used = now.book.held(demand.currency) + demand.added + owed
    if not fits(demand.hold) or not fits(demand.added):
        return skipped(name)
    limit = now.check_limit(name, order.instrument_id)
    if limit is None:
        return failed(name, "LIMIT_MISSING")
    currency = limit.currency or known.currency
    if currency != demand.currency and now.policy is None:
        return skipped(name)
    observed = converted({demand.currency: used}, currency, now)
    return within(name, observed, limit, reduces=reduces(order, now))
