"""Money that moves without a trade: deposits, withdrawals, settlements, adjustments.

Facts, applied whatever they leave short; only a withdrawal request is refused, when it would break
a hold (docs/rules.md, "Money"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.bounds import CURRENCY_BYTES_MAX, FIGURE_MAX, ID_BYTES_MAX, is_id
from pipeline.risk.checks.context import PRICE_E9_MAX
from pipeline.risk.effects import Effects, InputContext, dead_letter, fact, ignored
from pipeline.risk.journal import Journal
from pipeline.risk.keys import transfer_key, withdrawal_key
from pipeline.risk.ledger import Ledger, OutOfRange
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
    INSTRUMENT_KIND_FUTURE,
    Deposit,
    Instrument,
    RowBalance,
    RowSeen,
    RowWithdrawal,
)
from pipeline.risk.rules_in_force import RulesInForce
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
        if is_by_price(deposit):
            return self._settle(context, deposit, seen_key)
        if not self._has_room(deposit):
            return dead_letter("OUT_OF_RANGE")
        # From here it must succeed.
        self._remember(context, deposit, seen_key)
        refusal = self._move(context, deposit)
        if refusal is not None:
            self.journal.of_deposit(context, deposit, "WDRJ", refusal)
            return fact(refusal)
        self.journal.of_deposit(context, deposit, _EVENT_TYPES[deposit.kind], APPLIED)
        return fact(APPLIED)

    def _remember(self, context: InputContext, deposit: Deposit, seen_key: bytes) -> None:
        self.state.put(
            self.state.keys(deposit.user_id).user, self.state.user_or_new(deposit.user_id)
        )
        touched_at = self.memory.touch(context.gate_time, deposit.event_time)
        row = RowSeen(touched_at, context.lane_sequence, None, None, 0, 0, 0, superseded=False)
        self.state.put(seen_key, row)

    # -- settlement by price

    def _future(self, deposit: Deposit) -> Instrument | None:
        """The instrument that is settled."""
        instrument = self.rules.instruments.get(deposit.instrument_id or "")
        if instrument is None or instrument.kind != INSTRUMENT_KIND_FUTURE:
            return None
        return instrument if instrument.currency == deposit.currency else None

    def _settle(self, context: InputContext, deposit: Deposit, seen_key: bytes) -> Effects:
        """Variation margin: what the user's position has gained or lost by the session's price."""
        instrument = self._future(deposit)
        price = deposit.settlement_price_e9
        session = deposit.session_date
        if instrument is None or price is None or session is None:
            raise InvariantViolated("a settlement by price without what it needs")
        position = self.state.position(deposit.user_id, instrument.instrument_id)
        money = 0
        flag = APPLIED
        if position is not None and session <= position.settled_on:
            flag = "REPEATED_SESSION"
        elif position is not None:
            try:
                money = self.ledger.settle(deposit.user_id, instrument, price)
            except OutOfRange:
                return dead_letter("OUT_OF_RANGE")
            position.settled_on = session
        self._remember(context, deposit, seen_key)
        self.journal.of_deposit(context, deposit, "STTL", flag)
        self.journal.events[-1].amount_minor = money
        return fact(flag)

    def _problem(self, deposit: Deposit) -> str | None:
        if not is_id(deposit.currency, CURRENCY_BYTES_MAX):
            return "FIELD_TOO_LONG"
        withdrawal_id = deposit.withdrawal_id
        if withdrawal_id is not None and not is_id(withdrawal_id, ID_BYTES_MAX):
            return "FIELD_TOO_LONG"
        problem = _amount_problem(deposit)
        if problem is not None:
            return problem
        problem = self.rules.event_time_problem(deposit.event_time)
        if problem is not None:
            return problem
        if is_by_price(deposit) and self._future(deposit) is None:
            return "UNPLACED_FACT"
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


def is_by_price(deposit: Deposit) -> bool:
    """Whether a SETTLEMENT names what its price settles, and not an amount."""
    return deposit.kind == DEPOSIT_KIND_SETTLEMENT and not (
        deposit.instrument_id is None
        and deposit.settlement_price_e9 is None
        and deposit.session_date is None
    )


def _amount_problem(deposit: Deposit) -> str | None:
    amount = deposit.amount_minor
    if not is_by_price(deposit):
        signed = deposit.kind in _SIGNED
        wrong = amount == 0 or abs(amount) > FIGURE_MAX or (amount < 0 and not signed)
        return "BAD_AMOUNT" if wrong else None
    price = deposit.settlement_price_e9
    if deposit.instrument_id is None or price is None or deposit.session_date is None:
        return "SETTLEMENT_INCOMPLETE"
    if amount != 0:
        return "BAD_AMOUNT"
    return None if 0 < price <= PRICE_E9_MAX else "BAD_PRICE"
