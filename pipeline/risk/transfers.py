"""Money that moves without a trade: deposits, withdrawals, settlements, adjustments.

Facts, applied whatever they leave short; only a withdrawal request is refused, when it would break
a hold (docs/rules.md, "Money"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.effects import Effects, InputContext, dead_letter, fact, ignored
from pipeline.risk.journal import Journal
from pipeline.risk.keys import transfer_key, user_key, withdrawal_key
from pipeline.risk.ledger import Ledger
from pipeline.risk.memory import Memory
from pipeline.risk.money import fits
from pipeline.risk.reasons import APPLIED
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_SETTLEMENT,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
    Deposit,
    RowBalance,
    RowSeen,
    RowWithdrawal,
)
from pipeline.risk.rules_in_force import (
    CURRENCY_BYTES_MAX,
    FIGURE_MAX,
    ID_BYTES_MAX,
    RulesInForce,
    is_id,
)
from pipeline.risk.state import InvariantViolated, LaneState

_EVENT_TYPES: Final[dict[int, str]] = {
    DEPOSIT_KIND_DEPOSIT: "DPST",
    DEPOSIT_KIND_WITHDRAWAL_REQUEST: "WDRQ",
    DEPOSIT_KIND_WITHDRAWAL_SETTLED: "WDST",
    DEPOSIT_KIND_WITHDRAWAL_FAILED: "WDFL",
    DEPOSIT_KIND_SETTLEMENT: "STTL",
    DEPOSIT_KIND_ADJUSTMENT: "ADJT",
}
_WITHDRAWALS: Final = (
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
)
_ENDS_WITHDRAWAL: Final = (DEPOSIT_KIND_WITHDRAWAL_SETTLED, DEPOSIT_KIND_WITHDRAWAL_FAILED)
_SIGNED: Final = (DEPOSIT_KIND_SETTLEMENT, DEPOSIT_KIND_ADJUSTMENT)


class TransferDesk:
    """Applies money movements of one lane."""

    def __init__(
        self,
        state: LaneState,
        rules: RulesInForce,
        ledger: Ledger,
        journal: Journal,
        memory: Memory,
    ) -> None:
        self.state: Final = state
        self.rules: Final = rules
        self.ledger: Final = ledger
        self.journal: Final = journal
        self.memory: Final = memory

    def apply(self, context: InputContext, deposit: Deposit) -> Effects:
        """What becomes of a movement."""
        seen_key = transfer_key(deposit.user_id, deposit.deposit_id)
        if self.state.seen(seen_key, self.rules.forgotten_before) is not None:
            return ignored("REPEATED_DEPOSIT")
        problem = self._problem(deposit)
        if problem is not None:
            return dead_letter(problem)
        if not self._has_room(deposit):
            return dead_letter("OUT_OF_RANGE")
        # From here it must succeed.
        self.state.put(user_key(deposit.user_id), self.state.user_or_new(deposit.user_id))
        touched_at = self.memory.touch(context.gate_time, deposit.event_time)
        self.state.put(seen_key, RowSeen(touched_at, context.lane_sequence))
        refusal = self._move(context, deposit)
        if refusal is not None:
            self.journal.of_deposit(context, deposit, "WDRJ", refusal)
            return fact(refusal)
        self.journal.of_deposit(context, deposit, _EVENT_TYPES[deposit.kind], APPLIED)
        return fact(APPLIED)

    def _problem(self, deposit: Deposit) -> str | None:
        if not is_id(deposit.currency, CURRENCY_BYTES_MAX):
            return "FIELD_TOO_LONG"
        withdrawal_id = deposit.withdrawal_id
        if withdrawal_id is not None and not is_id(withdrawal_id, ID_BYTES_MAX):
            return "FIELD_TOO_LONG"
        amount = deposit.amount_minor
        if amount == 0 or abs(amount) > FIGURE_MAX:
            return "BAD_AMOUNT"
        if amount < 0 and deposit.kind not in _SIGNED:
            return "BAD_AMOUNT"
        problem = self.rules.event_time_problem(deposit.event_time)
        if problem is not None:
            return problem
        if deposit.kind in _WITHDRAWALS and withdrawal_id is None:
            return "WITHDRAWAL_ID_MISSING"
        if deposit.kind in _ENDS_WITHDRAWAL and self._pending(deposit) is None:
            return "WITHDRAWAL_UNKNOWN"
        return None

    def _pending(self, deposit: Deposit) -> RowWithdrawal | None:
        key = withdrawal_key(deposit.user_id, deposit.withdrawal_id or "")
        row = self.state.withdrawal(key)
        if row is None or row.currency != deposit.currency:
            return None
        return row

    def _has_room(self, deposit: Deposit) -> bool:
        """Whether every stored figure still fits after the movement."""
        row = self.state.balance(deposit.user_id, deposit.currency)
        amount = deposit.amount_minor
        if row is None:
            return True
        if deposit.kind == DEPOSIT_KIND_DEPOSIT:
            return fits(row.cash_minor + amount) and fits(row.deposited_minor + amount)
        if deposit.kind == DEPOSIT_KIND_WITHDRAWAL_SETTLED:
            return fits(row.cash_minor - amount) and fits(row.withdrawn_minor + amount)
        if deposit.kind in _SIGNED:
            return fits(row.cash_minor + amount) and fits(row.adjusted_minor + amount)
        return True

    def _move(self, context: InputContext, deposit: Deposit) -> str | None:
        """Change the balance; returns why a withdrawal request was refused, or None."""
        amount = deposit.amount_minor
        kind = deposit.kind
        if kind == DEPOSIT_KIND_WITHDRAWAL_REQUEST:
            return self._request(context, deposit)
        balance = self.ledger.balance(deposit.user_id, deposit.currency)
        if kind == DEPOSIT_KIND_DEPOSIT:
            balance.cash_minor += amount
            balance.deposited_minor += amount
        elif kind in _SIGNED:
            balance.cash_minor += amount
            balance.adjusted_minor += amount
        else:
            self._end_withdrawal(deposit, balance)
            if kind == DEPOSIT_KIND_WITHDRAWAL_SETTLED:
                balance.cash_minor -= amount
                balance.withdrawn_minor += amount
        return None

    def _request(self, context: InputContext, deposit: Deposit) -> str | None:
        key = withdrawal_key(deposit.user_id, deposit.withdrawal_id or "")
        if self.state.withdrawal(key) is not None:
            return "WITHDRAWAL_REPEATED"
        amount = deposit.amount_minor
        if amount > self.ledger.available(deposit.user_id, deposit.currency):
            return "WITHDRAWAL_REFUSED"
        self.ledger.hold(deposit.user_id, deposit.currency, amount)
        balance = self.ledger.balance(deposit.user_id, deposit.currency)
        balance.pending_withdrawals_minor += amount
        self.state.put(key, RowWithdrawal(deposit.currency, amount, context.gate_time))
        return None

    def _end_withdrawal(self, deposit: Deposit, balance: RowBalance) -> None:
        key = withdrawal_key(deposit.user_id, deposit.withdrawal_id or "")
        row = self.state.withdrawal(key)
        if row is None:
            raise InvariantViolated("ended a withdrawal that is not pending")
        self.ledger.hold(deposit.user_id, deposit.currency, -row.amount_minor)
        balance.pending_withdrawals_minor -= row.amount_minor
        self.state.delete(key)
