"""Does the money add up? Judged from table rows alone, after every input.

Owns the two equations, per user and currency: cash = deposited - withdrawn + adjusted + traded -
fees, and held = order holds + position margins + pending withdrawals. Keeps its own sums, so that
it shares no bookkeeping with the ledger.
"""

from collections import defaultdict
from typing import Final

from pipeline.codecs.avro import (
    decode_row_balance,
    decode_row_order,
    decode_row_position,
    decode_row_withdrawal,
)
from pipeline.risk.keys import BALANCE, ORDER, POSITION, WITHDRAWAL, text_part
from pipeline.risk.records import RowBalance

# Whose money, and in which currency.
Purse = tuple[str, str]


class Conservation:
    """Follows one lane's rows. `problem` is the first thing that did not add up."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self._balances: Final[dict[Purse, RowBalance]] = {}
        # Key of an order, position or withdrawal -> what it holds, and the sums of that.
        self._holds: Final[dict[bytes, tuple[Purse, int]]] = {}
        self._held: Final[dict[Purse, int]] = defaultdict(int)

    def observe(self, rows: list[tuple[bytes, bytes | None]], lane_sequence: int) -> None:
        """Take the rows an input changed and judge every purse they touch."""
        touched: set[Purse] = set()
        for key, body in rows:
            kind = key[:1]
            if kind == BALANCE and body is not None:
                purse = (text_part(key, 0), text_part(key, 1))
                self._balances[purse] = decode_row_balance(body)
                touched.add(purse)
            elif kind in (ORDER, POSITION, WITHDRAWAL):
                touched |= self._move(key, body)
        if self.problem is None:
            for purse in touched:
                self._judge(purse, lane_sequence)

    def open_holds(self) -> tuple[int, dict[str, int]]:
        """(working orders, what all orders, positions and withdrawals hold by currency)."""
        by_currency: dict[str, int] = defaultdict(int)
        for (_, currency), held in self._held.items():
            if held:
                by_currency[currency] += held
        return sum(1 for key in self._holds if key[:1] == ORDER), dict(by_currency)

    def _move(self, key: bytes, body: bytes | None) -> set[Purse]:
        touched: set[Purse] = set()
        before = self._holds.pop(key, None)
        if before is not None:
            self._held[before[0]] -= before[1]
            touched.add(before[0])
        if body is not None:
            currency, amount = _hold(key, body)
            purse = (text_part(key, 0), currency)
            self._holds[key] = (purse, amount)
            self._held[purse] += amount
            if amount:
                touched.add(purse)
        return touched

    def _judge(self, purse: Purse, lane_sequence: int) -> None:
        row, held = self._balances.get(purse), self._held[purse]
        if row is None:
            if held:
                self.problem = f"sequence {lane_sequence}: {purse} holds {held} without a balance"
            return
        cash = (
            row.deposited_minor
            - row.withdrawn_minor
            + row.adjusted_minor
            + row.traded_minor
            - row.fees_minor
        )
        if row.cash_minor != cash:
            self.problem = f"sequence {lane_sequence}: {purse} has {row.cash_minor}, not {cash}"
        elif row.held_minor != held:
            self.problem = (
                f"sequence {lane_sequence}: {purse} says {row.held_minor} is held, "
                f"its orders, positions and withdrawals hold {held}"
            )


def _hold(key: bytes, body: bytes) -> tuple[str, int]:
    if key[:1] == ORDER:
        order = decode_row_order(body)
        return order.hold_currency, order.hold_minor
    if key[:1] == POSITION:
        position = decode_row_position(body)
        return position.margin_currency, position.margin_minor
    withdrawal = decode_row_withdrawal(body)
    return withdrawal.currency, withdrawal.amount_minor
