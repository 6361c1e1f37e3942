"""Movements of money that are not trades.

Owns deposits, withdrawals, adjustments and settlements. Must never read `pipeline/risk` or
`pipeline/lane`.
"""

from typing import Final

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
)
from tests.oracle.answers import DeadLetterError, RepeatedError
from tests.oracle.arithmetic import exact_notional, half_even
from tests.oracle.book import Book, Entry, Pending, Trade
from tests.oracle.lane import Lane
from tests.oracle.lines import CURRENCY_BYTES_MAX, bad_id, is_price
from tests.oracle.results import enter

AMOUNT_MAX: Final = 10**18
MONEY_EVENT: Final = {
    DEPOSIT_KIND_DEPOSIT: "DPST",
    DEPOSIT_KIND_WITHDRAWAL_REQUEST: "WDRQ",
    DEPOSIT_KIND_WITHDRAWAL_SETTLED: "WDST",
    DEPOSIT_KIND_WITHDRAWAL_FAILED: "WDFL",
    DEPOSIT_KIND_SETTLEMENT: "STTL",
    DEPOSIT_KIND_ADJUSTMENT: "ADJT",
}
SIGNED_KINDS: Final = (DEPOSIT_KIND_SETTLEMENT, DEPOSIT_KIND_ADJUSTMENT)
WITHDRAWAL_KINDS: Final = (
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
)
NEVER_SETTLED: Final = -1


def settles_by_price(deposit: Deposit) -> bool:
    """Whether a settlement says anything of a price, instead of an amount."""
    figures = (deposit.instrument_id, deposit.settlement_price_e9, deposit.session_date)
    return deposit.kind == DEPOSIT_KIND_SETTLEMENT and any(part is not None for part in figures)


def bad_amount(deposit: Deposit) -> str | None:
    """What is wrong with the amount moved, or with the price that stands in its place."""
    amount, price = deposit.amount_minor, deposit.settlement_price_e9
    if not settles_by_price(deposit):
        least = -AMOUNT_MAX if deposit.kind in SIGNED_KINDS else 1
        return None if amount != 0 and least <= amount <= AMOUNT_MAX else "BAD_AMOUNT"
    if deposit.instrument_id is None or price is None or deposit.session_date is None:
        return "SETTLEMENT_INCOMPLETE"
    if amount != 0:
        return "BAD_AMOUNT"
    return None if is_price(price) else "BAD_PRICE"


class Money(Lane):
    """The part of a lane that moves money."""

    def _deposit(self, deposit: Deposit) -> str:
        """Move money, or refuse a withdrawal request."""
        seen = (deposit.user_id, deposit.deposit_id)
        if self.seen_deposits.get(seen, -1) >= self.memory.forgotten_before:
            raise RepeatedError("REPEATED_DEPOSIT")
        self._check_money(deposit)
        book = self._book(deposit.user_id).copy()
        reason = self._move(deposit, book)
        self._keep(deposit.user_id, book)
        self.seen_deposits[seen] = self._touched(deposit.event_time)
        if deposit.kind == DEPOSIT_KIND_WITHDRAWAL_REQUEST and reason is not None:
            self._emit("WDRJ", deposit.tenant_id, reason)
        else:
            self._emit(MONEY_EVENT[deposit.kind], deposit.tenant_id, reason or "APPLIED")
        self._note_deficits(book, deposit.tenant_id)
        return reason or "APPLIED"

    def _check_money(self, deposit: Deposit) -> None:
        if bad_id(deposit.currency, CURRENCY_BYTES_MAX) or bad_id(deposit.withdrawal_id):
            raise DeadLetterError("FIELD_TOO_LONG")
        wrong = bad_amount(deposit)
        if wrong is not None:
            raise DeadLetterError(wrong)
        self._check_event_time(deposit.event_time)
        if deposit.kind in WITHDRAWAL_KINDS and deposit.withdrawal_id is None:
            raise DeadLetterError("WITHDRAWAL_ID_MISSING")

    def _move(self, deposit: Deposit, book: Book) -> str | None:
        """Enter the movement in the book; the reason if nothing moves."""
        currency, amount, kind = deposit.currency, deposit.amount_minor, deposit.kind
        withdrawal = deposit.withdrawal_id or ""
        if settles_by_price(deposit):
            return self._settle(deposit, book)
        if kind == DEPOSIT_KIND_DEPOSIT:
            book.entries.append(Entry(currency, "deposited", amount))
        elif kind in SIGNED_KINDS:
            book.entries.append(Entry(currency, "adjusted", amount))
        elif kind == DEPOSIT_KIND_WITHDRAWAL_REQUEST:
            if withdrawal in book.pending:
                return "WITHDRAWAL_REPEATED"
            if amount > book.available(currency):
                return "WITHDRAWAL_REFUSED"
            book.pending[withdrawal] = Pending(currency, amount)
        elif withdrawal not in book.pending or book.pending[withdrawal].currency != currency:
            raise DeadLetterError("WITHDRAWAL_UNKNOWN")
        else:
            del book.pending[withdrawal]
            if kind == DEPOSIT_KIND_WITHDRAWAL_SETTLED:
                book.entries.append(Entry(currency, "withdrawn", amount))
        return None

    def _settle(self, deposit: Deposit, book: Book) -> str | None:
        """Pay out what the position has gained since it was last settled."""
        instrument = self._settled_instrument(deposit)
        name, price = instrument.instrument_id, deposit.settlement_price_e9 or 0
        session = deposit.session_date or 0
        if name not in book.margined:
            return None
        if session <= book.settled.get(name, NEVER_SETTLED):
            return "REPEATED_SESSION"
        position = book.position(name)
        value_e9 = price * position - book.open_cost_e9(name)
        amount = half_even(exact_notional(instrument, 1, value_e9))
        if not -(2**63) <= amount < 2**63:
            raise DeadLetterError("OUT_OF_RANGE")
        book.entries.append(Entry(instrument.currency, "traded", amount))
        enter(book, instrument.currency, amount, self.open_day or 0)
        # Out of the position and in again: it stays, and its cost becomes price x position.
        for lots in (-position, position) if position else ():
            book.trades.append(Trade(name, lots, price, future=True))
        book.settled = book.settled | {name: session}
        return None

    def _settled_instrument(self, deposit: Deposit) -> Instrument:
        instrument = self.instruments.get(deposit.instrument_id or "")
        if (
            instrument is None
            or instrument.kind != INSTRUMENT_KIND_FUTURE
            or instrument.currency != deposit.currency
        ):
            raise DeadLetterError("UNPLACED_FACT")
        return instrument
