"""How an order ends: its row becomes the memory of its answer.

Owns that and the sweep: the orders that gate time alone ends, each with a decision of the gate's
own (docs/rules.md, "Sweeping"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk import order_ids
from pipeline.risk.checks.fields import OWN_ID_PREFIX
from pipeline.risk.deficits import Deficits
from pipeline.risk.effects import InputContext
from pipeline.risk.journal import Journal
from pipeline.risk.ledger import Ledger, OrderTerms, OutOfRange
from pipeline.risk.memory import Memory
from pipeline.risk.reasons import ACCEPTED, swept_text
from pipeline.risk.records import (
    DECISION_ORIGIN_EXPIRY,
    DECISION_ORIGIN_ORPHAN,
    ORDER_ACTION_CANCEL,
    VERDICT_ACCEPTED,
    Decision,
    Instrument,
    RowDecision,
    RowOrder,
)
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import InvariantViolated, LaneState
from pipeline.risk.sweeping import EXPIRED, Due, Sweeping

SOURCE: Final = "gate"
# Before nearly every input: never changed.
_NONE_SWEPT: Final[list[Decision]] = []


class Endings:
    """Ends orders of one lane."""

    def __init__(
        self,
        state: LaneState,
        rules: RulesInForce,
        ledger: Ledger,
        journal: Journal,
        memory: Memory,
        sweeping: Sweeping,
        deficits: Deficits,
    ) -> None:
        self.state: Final = state
        self.rules: Final = rules
        self.ledger: Final = ledger
        self.journal: Final = journal
        self.memory: Final = memory
        self.sweeping: Final = sweeping
        self.deficits: Final = deficits

    def end(self, context: InputContext, user_id: str, root_id: str, order: RowOrder) -> None:
        """The order holds nothing any more: what is left is the memory of its answer."""
        user = self.state.user_or_new(user_id)
        user.open_orders_count -= 1
        self.state.put(self.state.keys(user_id).user, user)
        self.state.own_prices.over(self.state.keys(user_id), order)
        order_ids.drop_all(self.state, user_id, root_id, order)
        self.sweeping.over(self.state.keys(user_id).order(root_id))
        self.state.delete(self.state.keys(user_id).order(root_id))
        ended = RowDecision(
            verdict=VERDICT_ACCEPTED,
            reason_code=ACCEPTED,
            lane_sequence=order.lane_sequence,
            touched_at=self.memory.touch(context.gate_time, order.touched_at),
            content_hash=order.content_hash,
            root_order_id=None,
            instrument_id=order.instrument_id,
            side=order.side,
            filled_lots=order.filled_lots,
        )
        self.state.put(self.state.keys(user_id).decision(root_id), ended)

    # -- the sweep

    def sweep(self, context: InputContext, open_day: int, control_number: int) -> list[Decision]:
        """End what gate time has ended, before the input is handled."""
        orphan_us = self.rules.orphan_us
        if not self.sweeping.has_due(context.gate_time, open_day, orphan_us):
            return _NONE_SWEPT
        decisions: list[Decision] = []
        for due in self.sweeping.due(context.gate_time, open_day, orphan_us):
            order = self.state.order(due.user_id, due.root_id)
            if order is None:
                raise InvariantViolated("an order that is to be swept does not work")
            instrument = self.rules.instruments.get(order.instrument_id)
            if instrument is None:
                raise InvariantViolated("the instrument of an accepted order is gone")
            if not self._has_room(due, order, instrument):
                continue
            number = len(decisions) + 1
            decisions.append(self._swept(context, due, order, instrument, number, control_number))
        return decisions

    def _has_room(self, due: Due, order: RowOrder, instrument: Instrument) -> bool:
        """Whether what is held without it, by the terms of now, fits."""
        lots = -OrderTerms(order).open_lots
        change = self.ledger.margin_change(due.user_id, instrument, order.side, 0, lots)
        try:
            self.ledger.require_room_to_hold(
                due.user_id, order.hold_currency, change - order.hold_minor
            )
        except OutOfRange:
            return False
        return True

    def _swept(
        self,
        context: InputContext,
        due: Due,
        order: RowOrder,
        instrument: Instrument,
        number: int,
        control_number: int,
    ) -> Decision:
        user_id = due.user_id
        self.ledger.begin_user()
        open_lots = OrderTerms(order).open_lots
        current_id = order.current_order_id
        currency = order.hold_currency
        self.state.own_prices.over(self.state.keys(user_id), order)
        order.final_lots = order.filled_lots
        position = self.state.position(user_id, instrument.instrument_id)
        hold = self.ledger.open_order(
            user_id, due.root_id, order, instrument, None, -open_lots, position
        )
        self.end(context, user_id, due.root_id, order)
        is_expiry = due.reason == EXPIRED
        self.journal.of_swept(
            context, order, user_id, current_id, "EXPI" if is_expiry else "CAMO", due.reason
        )
        self.deficits.note(context, order.tenant_id, context.gate_time, user_id)
        return Decision(
            gate_time=context.gate_time,
            event_time=context.gate_time,
            source_system_id=SOURCE,
            tenant_id=order.tenant_id,
            user_id=user_id,
            order_id=f"{OWN_ID_PREFIX}{context.lane}:{context.lane_sequence}:{number}",
            orig_order_id=current_id,
            action=ORDER_ACTION_CANCEL,
            origin=DECISION_ORIGIN_EXPIRY if is_expiry else DECISION_ORIGIN_ORPHAN,
            verdict=VERDICT_ACCEPTED,
            reason_code=due.reason,
            reason_text=swept_text(due.reason),
            ord_rej_reason=None,
            lane=context.lane,
            lane_sequence=context.lane_sequence,
            duplicate_of=None,
            source_topic=context.topic,
            source_offset=context.offset,
            control_number=control_number,
            core_version=self.rules.core_version,
            checks=[],
            hold_currency=currency,
            hold_minor=hold,
            protection_price_e9=None,
            fx_instrument_id=None,
            fx_price_e9=None,
            fx_as_of=None,
            cover=[],
            order=None,
            traceparent=None,
        )
