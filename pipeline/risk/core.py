"""The core of a lane: takes inputs one at a time and returns what became of each.

Owns the order of work within an input: the day is rolled, waiting control records are applied,
what is too old is forgotten, orders whose time is over end, the input is handled, pledges are
released and deficits noted. Pure: time is in the `InputContext`, rows are in the state the shell
gives, nothing is read or sent. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.bands import note_mark, width_of
from pipeline.risk.checks import period_collar
from pipeline.risk.core_versions import require_known
from pipeline.risk.deficits import Deficits
from pipeline.risk.effects import Effects, InputContext, dead_letter, fact, ignored
from pipeline.risk.endings import Endings
from pipeline.risk.executions import ExecutionDesk
from pipeline.risk.journal import Journal
from pipeline.risk.ledger import Ledger
from pipeline.risk.memory import Memory
from pipeline.risk.orders import OrderDesk
from pipeline.risk.pledges import Pledges
from pipeline.risk.reasons import APPLIED, PENDING
from pipeline.risk.records import (
    Control,
    CoreVersion,
    DayClose,
    Decision,
    Deposit,
    Fill,
    Mark,
    Order,
    RowGate,
    RowMark,
)
from pipeline.risk.results import Results
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import InvariantViolated, LaneState
from pipeline.risk.sweeping import Sweeping
from pipeline.risk.transfers import TransferDesk


class RiskCore:
    """The serial line of work of one lane. `head` is its row, changed in place."""

    def __init__(self, state: LaneState, rules: RulesInForce, head: RowGate) -> None:
        self.state: Final = state
        self.rules: Final = rules
        self.head: Final = head
        self.results: Final = Results(state, head)
        self.ledger: Final = Ledger(state, self.results)
        self.journal: Final = Journal(head, rules)
        self.memory: Final = Memory(head, rules)
        self.sweeping: Final = Sweeping()
        self.pledges: Final = Pledges(state, self.ledger)
        self.deficits: Final = Deficits(state, self.ledger, self.pledges, self.journal)
        self.endings: Final = Endings(
            state,
            rules,
            self.ledger,
            self.journal,
            self.memory,
            self.sweeping,
            self.deficits,
        )
        self.orders: Final = OrderDesk(
            state,
            rules,
            self.ledger,
            self.pledges,
            self.journal,
            self.memory,
            self.sweeping,
            head,
            self.results,
        )
        self.executions: Final = ExecutionDesk(
            state, rules, self.ledger, self.journal, self.memory, self.endings
        )
        self.transfers: Final = TransferDesk(state, rules, self.ledger, self.journal, self.memory)
        # Decisions on the orders that ended before the input at hand.
        self.swept: list[Decision] = []

    def begin(self, context: InputContext) -> None:
        """What gate time alone brings about; before every input, readable or not."""
        self.state.begin_input()
        self.journal.begin_input()
        self.rules.core_version = self.head.core_version
        self.journal.roll_day(context)
        due = self.rules.next_due(context.gate_time)
        while due is not None:
            self._put_in_force(context, due)
            due = self.rules.next_due(context.gate_time)
        self.rules.business_day = self.head.business_day
        self.memory.begin_input(context.gate_time)
        self.swept = self.endings.sweep(context, self.head.business_day, self.head.control_number)
        self.ledger.begin_user()

    def order(self, context: InputContext, order: Order, content_hash: bytes) -> Effects:
        """An order record. `content_hash`: SHA-256 of its canonical Avro body."""
        effects = self.orders.decide(context, order, content_hash, self.head.control_number)
        return self._finish(context, effects, order.tenant_id, order.event_time, order.user_id)

    def fill(self, context: InputContext, fill: Fill) -> Effects:
        """An execution report."""
        effects = self.executions.apply(context, fill)
        return self._finish(context, effects, fill.tenant_id, fill.event_time, fill.user_id)

    def deposit(self, context: InputContext, deposit: Deposit) -> Effects:
        """A movement of money."""
        effects = self.transfers.apply(context, deposit)
        return self._finish(
            context, effects, deposit.tenant_id, deposit.event_time, deposit.user_id
        )

    def mark(self, context: InputContext, mark: Mark) -> Effects:
        """A reference price."""
        if mark.price_e9 <= 0:
            return self.handed_out(dead_letter("BAD_PRICE"))
        as_of = min(mark.source_time, context.gate_time)
        self.state.put(
            self.state.instrument_keys(mark.instrument_id).mark, RowMark(mark.price_e9, as_of)
        )
        width_us = width_of(self.rules.checks.window_us_of(period_collar.NAME))
        note_mark(self.state, mark.instrument_id, mark.price_e9, context.gate_time, width_us)
        return self.handed_out(fact(APPLIED))

    def control(self, context: InputContext, record: Control) -> Effects:
        """A change to what can change a decision. Raises InvariantViolated on a gap."""
        expected = self.head.control_number + 1
        if record.number < expected:
            return self.handed_out(ignored("REPEATED_CONTROL"))
        if record.number > expected:
            raise InvariantViolated(
                f"control record {record.number} came where {expected} was due: a gap"
            )
        self.head.control_number = record.number
        problem = self.rules.problem(record)
        if problem is not None:
            return self.handed_out(dead_letter("BAD_CONTROL", problem))
        if record.effective_from > context.gate_time:
            self.rules.wait(record)
            return self.handed_out(fact(PENDING))
        self._put_in_force(context, record)
        return self.handed_out(fact(APPLIED))

    def _put_in_force(self, context: InputContext, record: Control) -> None:
        self.rules.apply(record)
        payload = record.payload
        if isinstance(payload, DayClose):
            self.journal.close_day(context, payload.business_day)
        elif isinstance(payload, CoreVersion) and payload.core_version > self.head.core_version:
            require_known(payload.core_version, context.lane)
            self.head.core_version = payload.core_version
            self.rules.core_version = payload.core_version

    def handed_out(self, effects: Effects) -> Effects:
        """Add the events of an input that touched no user's money."""
        effects.events = self.journal.events
        return effects

    def _finish(
        self, context: InputContext, effects: Effects, tenant_id: str, event_time: int, user_id: str
    ) -> Effects:
        self.deficits.note(context, tenant_id, event_time, user_id)
        effects.events = self.journal.events
        return effects
