"""BUYING_POWER: does what is available cover what the order would add to held?

SEC 15c3-5(c)(1)(i). A future adds its fee and the rise of the position's margin; a buy of anything
else its notional and fee; a spot sale the base it would deliver; an equity sale the margin of what
would be short. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, with_figures
from pipeline.risk.money import (
    fits,
    hold_currency,
    margined_lots,
    order_hold,
    position_margin,
)
from pipeline.risk.records import (
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    CheckResult,
    FeeSchedule,
    Instrument,
)

NAME: Final = "BUYING_POWER"


def check(c: OrderContext) -> CheckResult:
    """In minor units of the currency in which the order holds."""
    user = c.user
    instrument = c.instrument
    if user is None or instrument is None or not (c.extent_known and c.price_valid):
        return not_evaluated(NAME)
    fee = c.rules.fee_of(user.tier_id, instrument.instrument_id)
    if fee is None:
        return failed(NAME, "FEE_MISSING")
    side = c.order.side
    added = _order_change(c, instrument, fee)
    if not fits(added):
        return failed(NAME, "OUT_OF_RANGE")
    buys = c.working_buy_lots + (c.added_lots if side == SIDE_BUY else 0)
    sells = c.working_sell_lots + (0 if side == SIDE_BUY else c.added_lots)
    if instrument.margin_minor_per_lot is None:
        before = (c.position_lots, c.working_buy_lots, c.working_sell_lots)
        margined = margined_lots(instrument, *before)
        if (
            instrument.kind == INSTRUMENT_KIND_FUTURE
            or margined_lots(instrument, c.position_lots, buys, sells) > margined
        ):
            return failed(NAME, "MARGIN_MISSING")
    margin_change = position_margin(instrument, c.position_lots, buys, sells) - c.margin_minor
    added += margin_change
    if not fits(added):
        return failed(NAME, "OUT_OF_RANGE")
    observed = max(added, 0)
    balance = c.state.balance(c.order.user_id, hold_currency(instrument, side))
    held = 0 if balance is None else balance.held_minor
    available = 0 if balance is None else balance.cash_minor - held
    # What adds nothing takes nothing.
    if observed == 0 or observed <= available:
        return with_figures(NAME, None, observed, available, None)
    # A user who is short must be able to close, fee or not.
    closes = instrument.kind != INSTRUMENT_KIND_SPOT and margin_change <= 0 and c.reduces()
    if closes and not fits(held + added):
        return failed(NAME, "OUT_OF_RANGE")
    return with_figures(NAME, None if closes else "BUYING_POWER", observed, available, None)


def _order_change(c: OrderContext, instrument: Instrument, fee: FeeSchedule) -> int:
    """What the order would add to its own hold."""
    if c.replaced is None or c.terms_after is None:
        return order_hold(instrument, fee, c.order.side, c.quantity_lots, c.price_e9)
    return c.terms_after.held(instrument, fee) - c.replaced.hold_minor
