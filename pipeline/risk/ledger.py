"""The ledger of a lane: balances, what is held, positions, and what a trade does to them.

Owns every change of money and position, and the invariants
  cash = deposited - withdrawn + adjusted + traded - fees
  held = order holds + position margins + pending withdrawals
  available = cash - held - pledged + covered
for each user and currency; what is pledged and covered is the business of `pledges.py`. Each
operation first computes all new figures, refuses what would not fit 64 bits, and only then changes
rows: from there it must succeed. Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from pipeline.risk.holdings import follow, holds
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
    INSTRUMENT_KIND_SPOT,
    SIDE_BUY,
    SIDE_SELL,
    FeeSchedule,
    Instrument,
    RowBalance,
    RowOrder,
    RowPosition,
)
from pipeline.risk.results import Results
from pipeline.risk.state import InvariantViolated, LaneState

NEVER_SETTLED: Final = -1


class OutOfRange(Exception):
    """A figure would leave 64 bits. Raised before anything has changed."""


@mypyc_attr(acyclic=True)
class Trade:
    """Lots that change hands, from the user's side. `fee_minor` is negative for a rebate."""

    def __init__(self, side: int, lots: int, price_e9: int, fee_minor: int) -> None:
        self.side: Final = side
        self.lots: Final = lots
        self.price_e9: Final = price_e9
        self.fee_minor: Final = fee_minor

    @property
    def signed_lots(self) -> int:
        """By how much the position changes."""
        return self.lots if self.side == SIDE_BUY else -self.lots

    def taken_back(self) -> "Trade":
        """The trade that undoes it."""
        other = SIDE_SELL if self.side == SIDE_BUY else SIDE_BUY
        return Trade(other, self.lots, self.price_e9, -self.fee_minor)


@mypyc_attr(acyclic=True, free_list_len=1)
class OrderTerms:
    """The figures of an order that decide what is open and what it holds, to be tried out."""

    def __init__(self, order: RowOrder) -> None:
        self.side: Final = order.side
        self.quantity_lots = order.quantity_lots
        self.price_e9 = order.price_e9
        # Both 0 while no REPLACE is pending.
        self.pending_quantity_lots = order.pending_quantity_lots
        self.pending_price_e9 = order.pending_price_e9
        self.filled_lots = order.filled_lots
        self.final_lots = order.final_lots

    @property
    def total_lots(self) -> int:
        """What it can be filled with in all, by either version."""
        if self.final_lots is not None:
            return self.final_lots
        return max(self.quantity_lots, self.pending_quantity_lots)

    @property
    def open_lots(self) -> int:
        """What can still be filled, and is held for."""
        return max(0, self.total_lots - self.filled_lots)

    def held(self, instrument: Instrument, fee: FeeSchedule | None) -> int:
        """What it holds for itself, in `hold_currency`: by the dearer version."""
        if self.final_lots is not None:
            return self._held(instrument, fee, self.final_lots, self.price_e9)
        held = self._held(instrument, fee, self.quantity_lots, self.price_e9)
        if self.pending_quantity_lots == 0:
            return held
        pending = self._held(instrument, fee, self.pending_quantity_lots, self.pending_price_e9)
        return max(held, pending)

    def _held(
        self, instrument: Instrument, fee: FeeSchedule | None, total: int, price_e9: int
    ) -> int:
        lots = total - self.filled_lots
        return order_hold(instrument, fee, self.side, lots, price_e9) if lots > 0 else 0


class Ledger:
    """Balances and positions of the lane's users."""

    def __init__(self, state: LaneState, results: Results) -> None:
        self.state: Final = state
        self.results: Final = results
        # The currency of the user at hand that was touched first, which mostly is the only one, and
        # whether the user was short of it before. The same of those that were touched after it.
        self.first_touched: str | None = None
        self._was_short = False
        self.touched_later: dict[str, bool] = {}
        # The balance that was changed last, which the next to ask for is most likely the same.
        self._last_currency = ""
        self._last: RowBalance | None = None

    def begin_user(self) -> None:
        """Another user, or another input, is at hand."""
        self.first_touched = None
        if self.touched_later:
            self.touched_later = {}
        self._last = None

    def touched(self) -> list[str]:
        """Currencies of the user at hand that were touched, in order."""
        first = self.first_touched
        return [] if first is None else sorted([first, *self.touched_later])

    def was_short(self, currency: str) -> bool:
        """Whether the user was short of a currency before it was touched."""
        if currency == self.first_touched:
            return self._was_short
        return self.touched_later[currency]

    def _touch(self, currency: str, row: RowBalance) -> None:
        if self.first_touched is None:
            self.first_touched = currency
            self._was_short = available_of(row) < 0
        elif currency != self.first_touched and currency not in self.touched_later:
            self.touched_later[currency] = available_of(row) < 0

    # -- balances

    def balance(self, user_id: str, currency: str) -> RowBalance:
        """The balance to be changed by the current input; a new one where there was none."""
        last = self._last
        if last is not None and self._last_currency == currency:
            return last
        key = self.state.keys(user_id).balance(currency)
        row = self.state.balance_at(key)
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
                covered_minor=0,
                covered_by=[],
                pledged_minor=0,
            )
            self.state.put(key, row)
        else:
            self.state.put_back(key, row)
        self._touch(currency, row)
        self._last_currency = currency
        self._last = row
        return row

    def known_balance(self, user_id: str, currency: str) -> RowBalance | None:
        """The balance of the user at hand as it is."""
        last = self._last
        if last is not None and self._last_currency == currency:
            return last
        return self.state.balance(user_id, currency)

    def available(self, user_id: str, currency: str) -> int:
        """What is there for orders and withdrawals; below 0: by how much the user is short."""
        row = self.state.balance(user_id, currency)
        return 0 if row is None else available_of(row)

    def hold(self, user_id: str, currency: str, amount: int) -> None:
        """Raise (or with a negative amount lower) what is held."""
        if amount == 0:
            return
        row = self.balance(user_id, currency)
        held = row.held_minor + amount
        if held < 0:
            raise InvariantViolated("more released than was held")
        # An order's hold may rise before its position's margin falls: `deficits.py` judges the sum.
        row.held_minor = held

    def require_room_to_hold(self, user_id: str, currency: str, amount: int) -> None:
        """Raises OutOfRange where what is held would not fit when raised by `amount`."""
        row = self.state.balance(user_id, currency)
        if not fits((0 if row is None else row.held_minor) + amount):
            raise OutOfRange

    # -- positions and orders

    def position(self, user_id: str, instrument: Instrument) -> RowPosition:
        """The position to be changed by the current input; a new one where there was none."""
        return self._changing(
            user_id, instrument, self.state.position(user_id, instrument.instrument_id)
        )

    def _changing(
        self, user_id: str, instrument: Instrument, row: RowPosition | None
    ) -> RowPosition:
        key = self.state.keys(user_id).position(instrument.instrument_id)
        if row is None:
            row = RowPosition(
                position_lots=0,
                working_buy_lots=0,
                working_sell_lots=0,
                margin_minor=0,
                margin_currency=instrument.currency,
                open_cost_e9=0,
                settled_on=NEVER_SETTLED,
            )
            self.state.put(key, row)
        else:
            self.state.put_back(key, row)
        return row

    def work(self, user_id: str, instrument: Instrument, side: int, lots: int) -> None:
        """Add to (or take from) what works on one side."""
        _work(self.position(user_id, instrument), side, lots)

    def margin_change(
        self, user_id: str, instrument: Instrument, side: int, traded: int, worked: int
    ) -> int:
        """By how much a position's margin would rise.

        After trades that change the position by `traded` lots, and a change of what works on
        `side` by `worked` lots.
        """
        row = self.state.position(user_id, instrument.instrument_id)
        lots = traded if row is None else row.position_lots + traded
        buys = 0 if row is None else row.working_buy_lots
        sells = 0 if row is None else row.working_sell_lots
        before = 0 if row is None else row.margin_minor
        if side == SIDE_BUY:
            return position_margin(instrument, lots, buys + worked, sells) - before
        return position_margin(instrument, lots, buys, sells + worked) - before

    def rehold_position(self, user_id: str, instrument: Instrument) -> None:
        """Bring a position's margin up to date, and whether it is one of the user's holdings."""
        row = self.position(user_id, instrument)
        self._rehold(user_id, instrument, row)
        follow(self.state, user_id, instrument.instrument_id, row)

    def _rehold(self, user_id: str, instrument: Instrument, row: RowPosition) -> int:
        """Returns by how much the margin rose."""
        margin = position_margin(
            instrument, row.position_lots, row.working_buy_lots, row.working_sell_lots
        )
        change = margin - row.margin_minor
        self.hold(user_id, instrument.currency, change)
        row.margin_minor = margin
        return change

    def rehold_order(
        self,
        user_id: str,
        order_id: str,
        order: RowOrder,
        instrument: Instrument,
        fee: FeeSchedule | None,
    ) -> int:
        """Bring an order's own hold up to date with what is open; returns by how much it rose."""
        held = OrderTerms(order).held(instrument, fee)
        currency = hold_currency(instrument, order.side)
        change = held - order.hold_minor
        self.hold(user_id, currency, change)
        order.hold_minor = held
        order.hold_currency = currency
        self.state.put(self.state.keys(user_id).order(order_id), order)
        return change

    def open_order(
        self,
        user_id: str,
        order_id: str,
        order: RowOrder,
        instrument: Instrument,
        fee: FeeSchedule | None,
        lots: int,
        position: RowPosition | None,
    ) -> int:
        """Hold for an order that opens `lots` more (or closes), and for its `position` as it is.

        Returns by how much what is held in the order's currency rose.
        """
        change = self.rehold_order(user_id, order_id, order, instrument, fee)
        row = self._changing(user_id, instrument, position)
        held_before = holds(row)
        _work(row, order.side, lots)
        margin_change = self._rehold(user_id, instrument, row)
        if holds(row) != held_before:
            follow(self.state, user_id, instrument.instrument_id, row)
        return change + margin_change if instrument.currency == order.hold_currency else change

    # -- trades

    def trade(self, user_id: str, instrument: Instrument, trades: list[Trade]) -> None:
        """Settle trades, one after the other; raises OutOfRange and changes nothing if one cannot.

        A SPOT moves both assets, an EQUITY the money, a FUTURE the profit of what it closes.
        """
        row = self.state.position(user_id, instrument.instrument_id)
        position = 0 if row is None else row.position_lots
        cost = 0 if row is None else row.open_cost_e9
        quote = Moved(self.state.balance(user_id, instrument.currency))
        result = self.results.trading(user_id, instrument.currency)
        base_currency = instrument.base_currency
        delivers = instrument.kind == INSTRUMENT_KIND_SPOT and base_currency is not None
        base = Moved(self.state.balance(user_id, base_currency or "") if delivers else None)
        for trade in trades:
            signed = trade.signed_lots
            if instrument.kind == INSTRUMENT_KIND_FUTURE:
                cost, value_e9 = average_cost(position, cost, signed, trade.price_e9)
                money = settled(instrument, value_e9)
            else:
                money = settled(instrument, trade.price_e9 * trade.lots)
                if trade.side == SIDE_BUY:
                    money = -money
            position += signed
            quote.add(money, trade.fee_minor)
            result += money - trade.fee_minor
            if delivers:
                base.add(signed * instrument.base_minor_per_lot, 0)
            if not (fits(position) and fits(cost) and fits(result)):
                raise OutOfRange
        # From here it must succeed.
        quote.store(self.balance(user_id, instrument.currency))
        self.results.traded(user_id, instrument.currency, result)
        if delivers and base_currency is not None:
            base.store(self.balance(user_id, base_currency))
        row = self.position(user_id, instrument)
        row.position_lots = position
        row.open_cost_e9 = cost

    def settle(self, user_id: str, instrument: Instrument, price_e9: int) -> int:
        """Pay what a position has gained or lost since its cost; returns how much.

        From then on its cost is the settlement price. Raises OutOfRange and changes nothing where
        that would not fit.
        """
        held = self.state.position(user_id, instrument.instrument_id)
        lots = 0 if held is None else held.position_lots
        before = 0 if held is None else held.open_cost_e9
        cost = price_e9 * lots
        money = settled(instrument, cost - before)
        quote = Moved(self.state.balance(user_id, instrument.currency))
        quote.add(money, 0)
        result = self.results.trading(user_id, instrument.currency) + money
        # The event of it tells how much was moved.
        if not (fits(cost) and fits(money) and fits(result)):
            raise OutOfRange
        # From here it must succeed.
        self.results.traded(user_id, instrument.currency, result)
        if money:
            quote.store(self.balance(user_id, instrument.currency))
        self.position(user_id, instrument).open_cost_e9 = cost
        return money


def available_of(row: RowBalance) -> int:
    """Cash - held - pledged + covered."""
    return row.cash_minor - row.held_minor - row.pledged_minor + row.covered_minor


def _work(row: RowPosition, side: int, lots: int) -> None:
    if side == SIDE_BUY:
        row.working_buy_lots += lots
    else:
        row.working_sell_lots += lots
    if row.working_buy_lots < 0 or row.working_sell_lots < 0:
        raise InvariantViolated("less than nothing works")


@mypyc_attr(acyclic=True)
class Moved:
    """A balance's figures while trades move them, before anything is changed."""

    def __init__(self, row: RowBalance | None) -> None:
        self.cash = 0 if row is None else row.cash_minor
        self.traded = 0 if row is None else row.traded_minor
        self.fees = 0 if row is None else row.fees_minor

    def add(self, money: int, fee: int) -> None:
        """Raises OutOfRange when a figure would leave 64 bits."""
        self.cash += money - fee
        self.traded += money
        self.fees += fee
        if not (fits(self.cash) and fits(self.traded) and fits(self.fees)):
            raise OutOfRange

    def store(self, row: RowBalance) -> None:
        """Write the figures."""
        row.cash_minor = self.cash
        row.traded_minor = self.traded
        row.fees_minor = self.fees


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
