"""Who went short of what, and who is covered again.

Owns `deficit_count` of a user, by which orders pass only if they reduce, and its events
(docs/rules.md, "Deficit"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.effects import InputContext
from pipeline.risk.journal import Journal
from pipeline.risk.ledger import Ledger, available_of
from pipeline.risk.money import fits
from pipeline.risk.pledges import Pledges, excess_of
from pipeline.risk.records import RowBalance
from pipeline.risk.state import InvariantViolated, LaneState


class Deficits:
    """Compares, for the user at hand, what was short before with what is short now."""

    def __init__(
        self, state: LaneState, ledger: Ledger, pledges: Pledges, journal: Journal
    ) -> None:
        self.state: Final = state
        self.ledger: Final = ledger
        self.pledges: Final = pledges
        self.journal: Final = journal

    def note(self, context: InputContext, tenant_id: str, event_time: int, user_id: str) -> None:
        """Release what covers too much; count and tell what has changed since the ledger began."""
        first = self.ledger.first_touched
        if first is None:
            return
        balance = self.ledger.known_balance(user_id, first)
        if not self.ledger.touched_later and excess_of(balance) <= 0:
            self._compare(context, tenant_id, event_time, user_id, first, balance)
            return
        # This may touch other currencies.
        self.pledges.release(user_id)
        for currency in self.ledger.touched():
            balance = self.ledger.known_balance(user_id, currency)
            self._compare(context, tenant_id, event_time, user_id, currency, balance)

    def _compare(
        self,
        context: InputContext,
        tenant_id: str,
        event_time: int,
        user_id: str,
        currency: str,
        balance: RowBalance | None,
    ) -> None:
        if balance is None:
            raise InvariantViolated("a touched balance is gone")
        if not fits(balance.held_minor):
            raise InvariantViolated("held outside 64 bits: checks and facts refuse that first")
        short = -available_of(balance)
        if (short > 0) == self.ledger.was_short(currency):
            return
        user = self.state.user_or_new(user_id)
        user.deficit_count += 1 if short > 0 else -1
        self.state.put(self.state.keys(user_id).user, user)
        self.journal.of_deficit(context, tenant_id, event_time, user_id, currency, short)
