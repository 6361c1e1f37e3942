"""BUYING_POWER: does what is available cover what the order would add to held?

SEC 15c3-5(c)(1)(i). A future adds its fee and the rise of the position's margin; a buy of anything
else its notional and fee; a spot sale the base it would deliver; an equity sale the margin of what
would be short. What is missing may be covered by pledges (`pledges.py`), which an acceptance makes.
Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import (
    Addition,
    OrderContext,
    failed,
    not_evaluated,
    with_figures,
)
from pipeline.risk.ledger import available_of
from pipeline.risk.money import (
    fits,
    hold_currency,
    margined_lots,
    order_hold,
    position_margin,
)
from pipeline.risk.pledges import find
from pipeline.risk.records import (
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    CheckResult,
    FeeSchedule,
    Instrument,
    RowBalance,
    RowUser,
)

NAME: Final = "BUYING_POWER"


def check(c: OrderContext) -> CheckResult:
    """In minor units of the currency in which the order holds."""
    user = c.user
    instrument = c.instrument
    addition = addition_of(c)
    if user is None or instrument is None or addition is None:
        return not_evaluated(NAME)
    if addition.problem is not None:
        return failed(NAME, addition.problem)
    observed = max(addition.minor, 0)
    balance = c.balance(hold_currency(instrument, c.order.side))
    available = 0 if balance is None else available_of(balance)
    # What adds nothing takes nothing.
    if observed == 0 or observed <= available:
        return with_figures(NAME, None, observed, available, None)
    # A user who is short must be able to close, fee or not.
    if instrument.kind != INSTRUMENT_KIND_SPOT and addition.margin_minor <= 0 and c.reduces():
        if not _fits_with(balance, addition.minor, 0):
            return failed(NAME, "OUT_OF_RANGE")
        return with_figures(NAME, None, observed, available, None)
    # What a spot sale delivers must be there.
    if instrument.kind == INSTRUMENT_KIND_SPOT and c.order.side != SIDE_BUY:
        return with_figures(NAME, "BUYING_POWER", observed, available, None)
    return _by_pledges(c, user, instrument.currency, balance, observed)


def _by_pledges(
    c: OrderContext, user: RowUser, currency: str, balance: RowBalance | None, observed: int
) -> CheckResult:
    """Whether money of other currencies covers what is missing of this one."""
    available = 0 if balance is None else available_of(balance)
    shortfall = observed - available
    found = find(c.rules, c.state, c.gate_time, c.order.user_id, user.tier_id, currency, shortfall)
    if found.problem == "":
        return not_evaluated(NAME)
    if found.problem is not None:
        return with_figures(NAME, found.problem, observed, available, None)
    if found.left == 0 and not _fits_with(balance, observed, shortfall):
        return failed(NAME, "OUT_OF_RANGE")
    c.cover = found.cover
    reason = "BUYING_POWER" if found.left > 0 else None
    return with_figures(NAME, reason, observed, available + found.good_for, None)


def _fits_with(balance: RowBalance | None, held: int, covered: int) -> bool:
    """Whether what is held and covered can still be stored with so much more of it."""
    if balance is None:
        return fits(held) and fits(covered)
    return fits(balance.held_minor + held) and fits(balance.covered_minor + covered)


def addition_of(c: OrderContext) -> Addition | None:
    """What the order would add to held; None where another check says why that is unknown."""
    instrument = c.instrument
    if c.user is None or instrument is None or not (c.extent_known and c.price_valid):
        return None
    found = c.addition
    if found is None:
        found = _addition(c, instrument)
        c.addition = found
    return found


def _addition(c: OrderContext, instrument: Instrument) -> Addition:
    fee = c.fee
    if fee is None:
        return Addition("FEE_MISSING", 0, 0)
    order_change = _order_change(c, instrument, fee)
    if not fits(order_change):
        return Addition("OUT_OF_RANGE", 0, 0)
    side = c.order.side
    buys = c.working_buy_lots + (c.added_lots if side == SIDE_BUY else 0)
    sells = c.working_sell_lots + (0 if side == SIDE_BUY else c.added_lots)
    if instrument.margin_minor_per_lot is None and _needs_margin(c, instrument, buys, sells):
        return Addition("MARGIN_MISSING", 0, 0)
    margin_change = position_margin(instrument, c.position_lots, buys, sells) - c.margin_minor
    added = order_change + margin_change
    return Addition(None if fits(added) else "OUT_OF_RANGE", added, margin_change)


def _needs_margin(c: OrderContext, instrument: Instrument, buys: int, sells: int) -> bool:
    """Whether the order raises the lots that a margin is held for."""
    before = margined_lots(instrument, c.position_lots, c.working_buy_lots, c.working_sell_lots)
    after = margined_lots(instrument, c.position_lots, buys, sells)
    return instrument.kind == INSTRUMENT_KIND_FUTURE or after > before


def _order_change(c: OrderContext, instrument: Instrument, fee: FeeSchedule) -> int:
    """What the order would add to its own hold."""
    if c.replaced is None or c.terms_after is None:
        return order_hold(instrument, fee, c.order.side, c.quantity_lots, c.price_e9)
    return c.terms_after.held(instrument, fee) - c.replaced.hold_minor
