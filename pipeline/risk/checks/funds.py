"""BUYING_POWER: does what is available cover what the order would add to held?

SEC 15c3-5(c)(1)(i). A future adds its fee and the rise of the position's margin; a spot buy its
notional and fee; a spot sale the base it would deliver. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, with_figures
from pipeline.risk.money import fits, hold_currency, order_hold, position_margin
from pipeline.risk.records import (
    INSTRUMENT_KIND_FUTURE,
    SIDE_BUY,
    CheckResult,
)

NAME: Final = "BUYING_POWER"


def check(c: OrderContext) -> CheckResult:
    """In minor units of the currency in which the order holds."""
    user = c.user
    instrument = c.instrument
    if user is None or instrument is None or not (c.quantity_valid and c.price_valid):
        return not_evaluated(NAME)
    fee = c.rules.fee_of(user.tier_id, instrument.instrument_id)
    if fee is None:
        return failed(NAME, "FEE_MISSING")
    side = c.order.side
    added = order_hold(instrument, fee, side, c.quantity_lots, c.price_e9)
    if not fits(added):
        return failed(NAME, "OUT_OF_RANGE")
    if instrument.kind == INSTRUMENT_KIND_FUTURE:
        if instrument.margin_minor_per_lot is None:
            return failed(NAME, "MARGIN_MISSING")
        buys = c.working_buy_lots + (c.quantity_lots if side == SIDE_BUY else 0)
        sells = c.working_sell_lots + (0 if side == SIDE_BUY else c.quantity_lots)
        added += position_margin(instrument, c.position_lots, buys, sells) - c.margin_minor
        if not fits(added):
            return failed(NAME, "OUT_OF_RANGE")
    observed = max(added, 0)
    balance = c.state.balance(c.order.user_id, hold_currency(instrument, side))
    available = 0 if balance is None else balance.cash_minor - balance.held_minor
    # What adds nothing takes nothing: a user who is short must still be able to reduce.
    enough = observed == 0 or observed <= available
    return with_figures(NAME, None if enough else "BUYING_POWER", observed, available, None)
