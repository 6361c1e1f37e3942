"""The ledger of a lane: balances, what is held, positions, and what a trade does to them.

Owns every change of money and position, and the invariants
  cash = deposited - withdrawn + adjusted + traded - fees
  held = order holds + position margins + pending withdrawals
for each user and currency. Each operation first computes all new figures, refuses what would not
fit 64 bits, and only then changes rows: from there it must succeed. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.keys import balance_key, order_key, position_key
from pipeline.risk.money import (
    divide_half_even,
    fits,
    hold_currency,
    order_hold,
    position_margin,
    settled,
)
from pipeline.risk.records import (
    INSTRUMENT_KIND_FUTURE,
    SIDE_BUY,
    FeeSchedule,
    Instrument,
    RowBalance,
    RowOrder,
    RowPosition,
)
from pipeline.risk.state import InvariantViolated, LaneState


class OutOfRange(Exception):
    """A figure would leave 64 bits. Raised before anything has changed."""


def open_lots(order: RowOrder) -> int:
    """Lots of a working order that can still be filled, and are held for."""
    final = order.final_lots
    total = order.quantity_lots if final is None else final
    return max(0, total - order.filled_lots)


class Ledger:
    """Balances and positions of the lane's users."""

    def __init__(self, state: LaneState) -> None:
        self.state: Final = state
        # Currencies the current input has touched, and by how much each was short before.
        self.touched: dict[str, int] = {}

    def begin_input(self) -> None:
        """Forget what the previous input touched."""
        self.touched = {}

    # -- balances

    def balance(self, user_id: str, currency: str) -> RowBalance:
        """The balance to be changed by the current input; a new one where there was none."""
        row = self.state.balance(user_id, currency)
        if row is None:
            row = RowBalance(
                cash_minor=0,
                held_minor=0,
                deposited_minor=0,
                withdrawn_minor=0,
                adjusted_minor=0,
                traded_minor=0,
                fees_minor=0,
                pending_withdrawals_minor=0,
            )
        if currency not in self.touched:
            self.touched[currency] = row.held_minor - row.cash_minor
        self.state.put(balance_key(user_id, currency), row)
        return row

    def available(self, user_id: str, currency: str) -> int:
        """Cash - held."""
        row = self.state.balance(user_id, currency)
        return 0 if row is None else row.cash_minor - row.held_minor

    def hold(self, user_id: str, currency: str, amount: int) -> None:
        """Raise (or with a negative amount lower) what is held."""
        if amount == 0:
            return
        row = self.balance(user_id, currency)
        held = row.held_minor + amount
        if held < 0:
            raise InvariantViolated("more released than was held")
        if not fits(held):
            raise InvariantViolated("held outside 64 bits: checks and facts refuse that first")
        row.held_minor = held

    def require_room_to_hold(self, user_id: str, currency: str, amount: int) -> None:
        """Raises OutOfRange where what is held would not fit when raised by `amount`."""
        row = self.state.balance(user_id, currency)
        if not fits((0 if row is None else row.held_minor) + amount):
            raise OutOfRange

    # -- positions and orders

    def position(self, user_id: str, instrument: Instrument) -> RowPosition:
        """The position to be changed by the current input; a new one where there was none."""
        row = self.state.position(user_id, instrument.instrument_id)
        if row is None:
            row = RowPosition(
                position_lots=0,
                working_buy_lots=0,
                working_sell_lots=0,
                margin_minor=0,
                margin_currency=instrument.currency,
                open_cost_e9=0,
            )
        self.state.put(position_key(user_id, instrument.instrument_id), row)
        return row

    def work(self, user_id: str, instrument: Instrument, side: int, lots: int) -> None:
        """Add to (or take from) what works on one side."""
        row = self.position(user_id, instrument)
        if side == SIDE_BUY:
            row.working_buy_lots += lots
        else:
            row.working_sell_lots += lots
        if row.working_buy_lots < 0 or row.working_sell_lots < 0:
            raise InvariantViolated("less than nothing works")

    def margin_change(
        self, user_id: str, instrument: Instrument, side: int, traded: int, worked: int
    ) -> int:
        """By how much a position's margin would rise after a trade and a change of what works."""
        row = self.state.position(user_id, instrument.instrument_id)
        lots = 0 if row is None else row.position_lots
        buys = 0 if row is None else row.working_buy_lots
        sells = 0 if row is None else row.working_sell_lots
        before = 0 if row is None else row.margin_minor
        if side == SIDE_BUY:
            return position_margin(instrument, lots + traded, buys + worked, sells) - before
        return position_margin(instrument, lots - traded, buys, sells + worked) - before

    def rehold_position(self, user_id: str, instrument: Instrument) -> None:
        """Bring a position's margin up to date."""
        row = self.position(user_id, instrument)
        margin = position_margin(
            instrument, row.position_lots, row.working_buy_lots, row.working_sell_lots
        )
        self.hold(user_id, instrument.currency, margin - row.margin_minor)
        row.margin_minor = margin

    def rehold_order(
        self,
        user_id: str,
        order_id: str,
        order: RowOrder,
        instrument: Instrument,
        fee: FeeSchedule | None,
    ) -> None:
        """Bring an order's own hold up to date with what is open."""
        lots = open_lots(order)
        held = order_hold(instrument, fee, order.side, lots, order.price_e9) if lots else 0
        currency = hold_currency(instrument, order.side)
        self.hold(user_id, currency, held - order.hold_minor)
        order.hold_minor = held
        order.hold_currency = currency
        self.state.put(order_key(user_id, order_id), order)

    # -- trades

    def trade(
        self, user_id: str, instrument: Instrument, side: int, lots: int, price_e9: int, fee: int
    ) -> None:
        """Settle `lots` at `price_e9`; raises OutOfRange and changes nothing where it cannot."""
        signed = lots if side == SIDE_BUY else -lots
        position = self.state.position(user_id, instrument.instrument_id)
        before = 0 if position is None else position.position_lots
        after = before + signed
        base = 0
        cost = 0
        if instrument.kind == INSTRUMENT_KIND_FUTURE:
            open_cost = 0 if position is None else position.open_cost_e9
            cost, value_e9 = average_cost(before, open_cost, signed, price_e9)
            money = settled(instrument, value_e9)
        else:
            money = -settled(instrument, price_e9 * lots)
            if side != SIDE_BUY:
                money = -money
            base = signed * instrument.base_minor_per_lot
        self._require_room(user_id, instrument.currency, money, fee)
        base_currency = instrument.base_currency
        if base != 0 and base_currency is not None:
            self._require_room(user_id, base_currency, base, 0)
        if not (fits(after) and fits(cost)):
            raise OutOfRange
        # From here it must succeed.
        balance = self.balance(user_id, instrument.currency)
        balance.cash_minor += money - fee
        balance.traded_minor += money
        balance.fees_minor += fee
        if base != 0 and base_currency is not None:
            delivered = self.balance(user_id, base_currency)
            delivered.cash_minor += base
            delivered.traded_minor += base
        row = self.position(user_id, instrument)
        row.position_lots = after
        row.open_cost_e9 = cost

    def _require_room(self, user_id: str, currency: str, money: int, fee: int) -> None:
        row = self.state.balance(user_id, currency)
        cash = 0 if row is None else row.cash_minor
        traded = 0 if row is None else row.traded_minor
        fees = 0 if row is None else row.fees_minor
        if not (fits(cash + money - fee) and fits(traded + money) and fits(fees + fee)):
            raise OutOfRange


def average_cost(before: int, open_cost: int, signed: int, price_e9: int) -> tuple[int, int]:
    """(open cost after, realised value), both in price_e9 x lots, of `signed` lots at a price.

    Lots that extend the position add their cost; lots that close it take their share of the cost
    with them, half-even, so that what remains and what has gone always add up.
    """
    if before == 0 or (before > 0) == (signed > 0):
        return open_cost + price_e9 * signed, 0
    closing = min(abs(signed), abs(before))
    if closing == abs(before):
        gone = open_cost
    else:
        gone = divide_half_even(open_cost * closing, abs(before))
    direction = 1 if before > 0 else -1
    realised = price_e9 * closing * direction - gone
    opening = abs(signed) - closing
    return open_cost - gone - price_e9 * opening * direction, realised
