"""The checks by number, so that compiled code calls each directly and not through its object.

Owns these calls and nothing else: which checks there are, and in what order, `registry.py` says. A
check that is not among them is called through its object, with the same result. Compiled with
mypyc.
"""

# ruff: noqa: C901, PLR0912, PLR0915, PLR2004 -- two lines a check, as many as there are checks
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from pipeline.risk.checks import (
    collar,
    conduct,
    credit,
    event_time,
    expiry,
    exposure,
    fields,
    funds,
    high_frequency,
    holdings,
    increments,
    latch,
    losses,
    market_bound,
    messages,
    open_orders,
    orig_order,
    period_collar,
    position,
    rate,
    reduce_only,
    repeats,
    replace,
    restricted,
    scope_states,
    self_match,
    session,
    short_mark,
    short_sale,
    size,
    standing,
)
from pipeline.risk.checks.context import OrderContext
from pipeline.risk.records import CheckResult

Check = Callable[[OrderContext], CheckResult]

NUMBERED: Final[tuple[Check, ...]] = (
    fields.check_new,
    fields.check_replace,
    fields.check_cancel,
    event_time.check_new,
    event_time.check_cancel,
    expiry.check,
    standing.check_user,
    orig_order.check,
    replace.check,
    standing.check_instrument,
    session.check,
    restricted.check,
    standing.check_firm_state,
    standing.check_user_state,
    scope_states.check_algorithm,
    scope_states.check_desk,
    scope_states.check_instrument,
    latch.check,
    reduce_only.check,
    increments.check_price_tick,
    increments.check_lot,
    market_bound.check,
    rate.check,
    messages.check_rate,
    messages.check_to_trade,
    repeats.check_executions,
    repeats.check_content,
    size.check_quantity,
    size.check_notional,
    collar.check,
    period_collar.check,
    self_match.check,
    short_sale.check,
    short_mark.check,
    position.check,
    exposure.check_instrument_gross,
    exposure.check_instrument_net,
    exposure.check_currency_gross,
    exposure.check_currency_net,
    exposure.check_sector_gross,
    exposure.check_sector_net,
    exposure.check_user_gross,
    exposure.check_user_net,
    open_orders.check,
    holdings.check,
    credit.check,
    losses.check_daily_loss,
    losses.check_drawdown,
    funds.check,
    high_frequency.check_rate,
    high_frequency.check_day,
    conduct.check_instant_cancel,
    conduct.check_push,
)
NOT_NUMBERED: Final = 53


def number_of(check: Check) -> int:
    """Its number, or that of all others."""
    return NUMBERED.index(check) if check in NUMBERED else NOT_NUMBERED


def judge(number: i64, check: Check, c: OrderContext) -> CheckResult:
    """What the check of that number says, found within fourteen comparisons."""
    if number < 8:
        if number == 0:
            return fields.check_new(c)
        if number == 1:
            return fields.check_replace(c)
        if number == 2:
            return fields.check_cancel(c)
        if number == 3:
            return event_time.check_new(c)
        if number == 4:
            return event_time.check_cancel(c)
        if number == 5:
            return expiry.check(c)
        if number == 6:
            return standing.check_user(c)
        return orig_order.check(c)
    if number < 16:
        if number == 8:
            return replace.check(c)
        if number == 9:
            return standing.check_instrument(c)
        if number == 10:
            return session.check(c)
        if number == 11:
            return restricted.check(c)
        if number == 12:
            return standing.check_firm_state(c)
        if number == 13:
            return standing.check_user_state(c)
        if number == 14:
            return scope_states.check_algorithm(c)
        return scope_states.check_desk(c)
    if number < 24:
        if number == 16:
            return scope_states.check_instrument(c)
        if number == 17:
            return latch.check(c)
        if number == 18:
            return reduce_only.check(c)
        if number == 19:
            return increments.check_price_tick(c)
        if number == 20:
            return increments.check_lot(c)
        if number == 21:
            return market_bound.check(c)
        if number == 22:
            return rate.check(c)
        return messages.check_rate(c)
    if number < 32:
        if number == 24:
            return messages.check_to_trade(c)
        if number == 25:
            return repeats.check_executions(c)
        if number == 26:
            return repeats.check_content(c)
        if number == 27:
            return size.check_quantity(c)
        if number == 28:
            return size.check_notional(c)
        if number == 29:
            return collar.check(c)
        if number == 30:
            return period_collar.check(c)
        return self_match.check(c)
    if number < 40:
        if number == 32:
            return short_sale.check(c)
        if number == 33:
            return short_mark.check(c)
        if number == 34:
            return position.check(c)
        if number == 35:
            return exposure.check_instrument_gross(c)
        if number == 36:
            return exposure.check_instrument_net(c)
        if number == 37:
            return exposure.check_currency_gross(c)
        if number == 38:
            return exposure.check_currency_net(c)
        return exposure.check_sector_gross(c)
    if number < 48:
        if number == 40:
            return exposure.check_sector_net(c)
        if number == 41:
            return exposure.check_user_gross(c)
        if number == 42:
            return exposure.check_user_net(c)
        if number == 43:
            return open_orders.check(c)
        if number == 44:
            return holdings.check(c)
        if number == 45:
            return credit.check(c)
        if number == 46:
            return losses.check_daily_loss(c)
        return losses.check_drawdown(c)
    if number < 53:
        if number == 48:
            return funds.check(c)
        if number == 49:
            return high_frequency.check_rate(c)
        if number == 50:
            return high_frequency.check_day(c)
        if number == 51:
            return conduct.check_instant_cancel(c)
        return conduct.check_push(c)
    return check(c)
