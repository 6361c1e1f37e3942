"""Does the money add up? Judged from table rows alone, after every input.

Owns the equations, per user and currency: cash = deposited - withdrawn + adjusted + traded - fees;
held = order holds + position margins + pending withdrawals; covered and pledged are what the
pledges into and out of the currency say, and no more is covered than is needed. Keeps its own sums,
so that it shares no bookkeeping with the ledger.
"""

from collections import defaultdict
from typing import Final

from pipeline.codecs.avro import (
    decode_row_balance,
    decode_row_order,
    decode_row_pledge,
    decode_row_position,
    decode_row_withdrawal,
)
from pipeline.risk.keys import BALANCE, ORDER, PLEDGE, POSITION, WITHDRAWAL, text_part
from pipeline.risk.records import RowBalance, RowPledge

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
        # Purse -> covering currency -> the pledge into it; and what pledges out of a purse take.
        self._cover: Final[dict[Purse, dict[str, RowPledge]]] = defaultdict(dict)
        self._pledged: Final[dict[Purse, int]] = defaultdict(int)

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
            elif kind == PLEDGE:
                touched |= self._pledge(key, body)
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

    def _pledge(self, key: bytes, body: bytes | None) -> set[Purse]:
        user_id, covered, covering = text_part(key, 0), text_part(key, 1), text_part(key, 2)
        purse, source = (user_id, covered), (user_id, covering)
        before = self._cover[purse].pop(covering, None)
        if before is not None:
            self._pledged[source] -= before.pledged_minor
        if body is not None:
            pledge = decode_row_pledge(body)
            self._cover[purse][covering] = pledge
            self._pledged[source] += pledge.pledged_minor
        return {purse, source}

    def _judge(self, purse: Purse, lane_sequence: int) -> None:
        problem = self._problem_of(purse)
        if problem is not None:
            self.problem = f"sequence {lane_sequence}: {purse} {problem}"

    def _problem_of(self, purse: Purse) -> str | None:
        row, held = self._balances.get(purse), self._held[purse]
        if row is None:
            alone = held or self._cover[purse] or self._pledged[purse]
            return f"holds {held} or has pledges without a balance" if alone else None
        cash = (
            row.deposited_minor
            - row.withdrawn_minor
            + row.adjusted_minor
            + row.traded_minor
            - row.fees_minor
        )
        if row.cash_minor != cash:
            return f"has {row.cash_minor}, not {cash}"
        if row.held_minor != held:
            return (
                f"says {row.held_minor} is held, its orders, positions and withdrawals hold {held}"
            )
        return self._problem_of_pledges(row, self._cover[purse], self._pledged[purse])

    @staticmethod
    def _problem_of_pledges(row: RowBalance, cover: dict[str, RowPledge], out: int) -> str | None:
        covered = sum(pledge.covered_minor for pledge in cover.values())
        if (row.covered_minor, row.covered_by) != (covered, sorted(cover)):
            return (
                f"says {row.covered_minor} is covered by {row.covered_by}, its pledges cover "
                f"{covered}, of {sorted(cover)}"
            )
        if row.pledged_minor != out:
            return f"says {row.pledged_minor} is pledged, pledges of it take {out}"
        needed = row.held_minor + row.pledged_minor - row.cash_minor
        if covered > max(0, needed):
            return f"has {covered} covered, and needs {needed}"
        return None


def _hold(key: bytes, body: bytes) -> tuple[str, int]:
    if key[:1] == ORDER:
        order = decode_row_order(body)
        return order.hold_currency, order.hold_minor
    if key[:1] == POSITION:
        position = decode_row_position(body)
        return position.margin_currency, position.margin_minor
    withdrawal = decode_row_withdrawal(body)
    return withdrawal.currency, withdrawal.amount_minor
