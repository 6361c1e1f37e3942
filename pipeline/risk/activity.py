"""What a user has been doing: messages, trades, instant cancels, pushes, last orders, executions.

Owns these counts of the user's row and the rows `recent` and `algorithm` (a release sets the latter
back, `check_rules.py`), and what an instant cancel and a push are (docs/rules.md, "Checks"). Counts
what was accepted and applied, judges nothing. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks.context import OrderContext
from pipeline.risk.records import (
    ORDER_ACTION_CANCEL,
    SIDE_BUY,
    RowAlgorithm,
    RowOrder,
    RowRecent,
    RowUser,
)
from pipeline.risk.state import InvariantViolated, LaneState
from pipeline.risk.windows import count_one

# Names of the checks whose windows these are.
SAME_CONTENT: Final = "SAME_CONTENT"
INSTANT_CANCEL: Final = "INSTANT_CANCEL"
PUSH: Final = "PUSH"
# How many accepted orders in an instrument are remembered.
RECENT_MAX: Final = 16


def today(c: OrderContext, count: int, user: RowUser) -> int:
    """What one of the user's counts of the day is on the open day."""
    return count if user.activity_day == c.rules.business_day else 0


def is_instant_cancel(c: OrderContext) -> bool:
    """Whether it cancels an order that was accepted a moment ago."""
    if c.order.action != ORDER_ACTION_CANCEL:
        return False
    working = c.open_to_requests()
    if working is None:
        return False
    return c.gate_time - working.accepted_at <= c.rules.checks.window_us_of(INSTANT_CANCEL)


def is_push(c: OrderContext) -> bool:
    """Whether a NEW or REPLACE betters the price of the LIMIT order before it on its side."""
    recent = c.recent
    if recent is None or c.is_market:
        return False
    if c.order.side == SIDE_BUY:
        betters = 0 < recent.buy_price_e9 < c.price_e9
        last_at = recent.buy_at
    else:
        betters = recent.sell_price_e9 > c.price_e9
        last_at = recent.sell_at
    return betters and c.gate_time - last_at <= c.rules.checks.window_us_of(PUSH)


def count_accepted(c: OrderContext) -> None:
    """Count an accepted NEW, REPLACE or CANCEL. The user's row is among those to be stored."""
    user = c.user
    if user is None:
        raise InvariantViolated("accepted without a user")
    _open_day(user, c.rules.business_day)
    # Judged by what was there before this one is counted.
    if c.order.action == ORDER_ACTION_CANCEL:
        if is_instant_cancel(c):
            user.instant_cancels_today += 1
    else:
        if is_push(c):
            user.pushes_today += 1
        _remember(c)
    user.messages_today += 1
    user.message_bucket = count_one(user.message_counts, user.message_bucket, c.gate_time)


def count_trade(
    state: LaneState, user_id: str, user: RowUser, working: RowOrder | None, open_day: int
) -> None:
    """Count a reported trade. `working`: the order it is on, if that works."""
    _open_day(user, open_day)
    user.trades_today += 1
    if working is None or working.algo_id is None:
        return
    row = state.algorithm(user_id, working.algo_id)
    if row is None:
        row = RowAlgorithm(0)
    row.executions_count += 1
    state.put(state.keys(user_id).algorithm(working.algo_id), row)


def _open_day(user: RowUser, open_day: int) -> None:
    """Begin the counts of the day anew on another day."""
    if user.activity_day != open_day:
        user.activity_day = open_day
        user.messages_today = 0
        user.trades_today = 0
        user.instant_cancels_today = 0
        user.pushes_today = 0


def _remember(c: OrderContext) -> None:
    """Append the order to the last ones in its instrument."""
    row = c.recent
    key = c.keys.recent(c.order.instrument_id)
    if row is None:
        row = RowRecent([], [], [], 0, 0, 0, 0)
        c.state.put(key, row)
    else:
        c.state.put_back(key, row)
    _forget(row, c.gate_time - c.rules.checks.window_us_of(SAME_CONTENT))
    row.at.append(c.gate_time)
    row.lots.append(signed_lots(c))
    row.price_e9.append(sent_price(c))
    if not c.is_market:
        if c.order.side == SIDE_BUY:
            row.buy_price_e9 = c.price_e9
            row.buy_at = c.gate_time
        else:
            row.sell_price_e9 = c.price_e9
            row.sell_at = c.gate_time


def _forget(row: RowRecent, since: int) -> None:
    """Drop what was accepted before `since`, and the oldest where there is no room for one more."""
    at = row.at
    lots = row.lots
    prices = row.price_e9
    while at and (len(at) >= RECENT_MAX or at[0] < since):
        at.pop(0)
        lots.pop(0)
        prices.pop(0)


def signed_lots(c: OrderContext) -> int:
    """The quantity of an order, negative for a SELL."""
    return c.quantity_lots if c.order.side == SIDE_BUY else -c.quantity_lots


def sent_price(c: OrderContext) -> int:
    """The price that an order was sent with, 0 for a MARKET order."""
    return 0 if c.is_market else c.price_e9
