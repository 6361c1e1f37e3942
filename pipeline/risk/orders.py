"""Orders: identity first, then the checks, then the hold, atomically with the decision.

Owns the answer to every order record that could be read. A user's order id is answered once;
the same content again gets the same answer, other content is refused (docs/rules.md, "Orders").
Compiled with mypyc.
"""

from typing import Final

from pipeline.risk import activity, order_ids
from pipeline.risk.checks import largest, rate
from pipeline.risk.checks.context import OrderContext, failed
from pipeline.risk.checks.registry import Judge, Vector
from pipeline.risk.effects import Effects, InputContext
from pipeline.risk.journal import Journal
from pipeline.risk.ledger import Ledger, OrderTerms
from pipeline.risk.memory import Memory
from pipeline.risk.money import hold_currency
from pipeline.risk.pledges import Pledges
from pipeline.risk.reasons import ACCEPTED, fix_reject_reason, reject_text
from pipeline.risk.records import (
    AUDIT_OUTCOME_DECISION,
    DECISION_ORIGIN_CLIENT,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    VERDICT_ACCEPTED,
    VERDICT_REJECTED,
    CheckResult,
    Decision,
    Order,
    RowDecision,
    RowGate,
    RowOrder,
    RowUser,
)
from pipeline.risk.results import Results
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.severities import Severities
from pipeline.risk.state import InvariantViolated, LaneState
from pipeline.risk.sweeping import Sweeping

IDENTITY: Final = "IDENTITY"


class FirstAnswer:
    """What is remembered of the first answer to an order id."""

    def __init__(
        self, verdict: int, reason_code: str, lane_sequence: int, content_hash: bytes
    ) -> None:
        self.verdict: Final = verdict
        self.reason_code: Final = reason_code
        self.lane_sequence: Final = lane_sequence
        self.content_hash: Final = content_hash


class OrderDesk:
    """Decides orders of one lane."""

    def __init__(
        self,
        state: LaneState,
        rules: RulesInForce,
        ledger: Ledger,
        pledges: Pledges,
        journal: Journal,
        memory: Memory,
        sweeping: Sweeping,
        head: RowGate,
        results: Results,
    ) -> None:
        self.state: Final = state
        self.rules: Final = rules
        self.ledger: Final = ledger
        self.pledges: Final = pledges
        self.journal: Final = journal
        self.memory: Final = memory
        self.sweeping: Final = sweeping
        self.head: Final = head
        self.results: Final = results
        self.severities: Final = Severities(state, rules, journal)
        self.judge: Final = Judge(rules)

    def decide(
        self, context: InputContext, order: Order, content_hash: bytes, control_number: int
    ) -> Effects:
        """The one answer to an order record."""
        user = self.state.user(order.user_id)
        if user is not None:
            user.messages_count += 1
            self.state.put_back(self.state.keys(order.user_id).user, user)
        first = self._first_answer(order)
        duplicate_of: int | None = None
        hold = 0
        view: OrderContext | None = None
        passing: int | None = None
        vector: Vector | None = None
        problem = self._identity_problem(order, first)
        if first is not None and first.content_hash == content_hash:
            reason = first.reason_code
            duplicate_of = first.lane_sequence
            checks: list[CheckResult] = []
        elif problem is not None:
            reason = problem
            checks = [failed(IDENTITY, problem)]
        else:
            reason = ACCEPTED
            view = OrderContext(order, user, context.gate_time, self.state, self.rules)
            vector = self.judge.run(view)
            checks = vector.results
            deciding = vector.deciding
            if deciding is not None and deciding.reason_code is not None:
                reason = deciding.reason_code
                passing = largest.passing_lots(self.judge, view, checks)
            # From here it must succeed.
            hold = self._remember(context, order, content_hash, view, user, reason)
            self._value(order, view)
        decision = self._decision(
            context, order, reason, duplicate_of, checks, hold, control_number, view, passing
        )
        if duplicate_of is None:
            self._note(context, order, reason)
        if vector is not None:
            self.severities.note(context, order, vector)
        return Effects(AUDIT_OUTCOME_DECISION, reason, decision)

    def _identity_problem(self, order: Order, first: FirstAnswer | None) -> str | None:
        """Why an order that is no repeat is refused by its id or time alone, or None."""
        if first is not None:
            return "DUPLICATE_ID"
        if self.state.root_of(order.user_id, order.order_id) is not None:
            # The id of a replace that was forgotten, and under which an order works.
            return "DUPLICATE_ID"
        if order.event_time < self.rules.forgotten_before:
            return "TOO_OLD"
        if order.event_time > self.rules.latest_event_time:
            # Could not be remembered until it becomes too old, so it is not decided at all.
            return "EVENT_TIME_IN_FUTURE"
        return None

    def _first_answer(self, order: Order) -> FirstAnswer | None:
        working = self.state.order(order.user_id, order.order_id)
        if working is not None:
            return FirstAnswer(
                VERDICT_ACCEPTED, ACCEPTED, working.lane_sequence, working.content_hash
            )
        ended = self.state.decision(order.user_id, order.order_id, self.rules.forgotten_before)
        if ended is not None:
            return FirstAnswer(
                ended.verdict, ended.reason_code, ended.lane_sequence, ended.content_hash
            )
        return None

    # -- remembering and holding

    def _remember(
        self,
        context: InputContext,
        order: Order,
        content_hash: bytes,
        view: OrderContext,
        user: RowUser | None,
        reason: str,
    ) -> int:
        """Store the answer and take its hold; returns by how much held rose."""
        is_new = order.action == ORDER_ACTION_NEW
        if user is not None and is_new:
            user.orders_count += 1
        if reason == ACCEPTED:
            activity.count_accepted(view)
        if reason == ACCEPTED and is_new:
            return self._place(context, order, content_hash, view)
        hold = 0
        root_id: str | None = None
        if reason == ACCEPTED and view.referred is not None:
            root_id = view.referred.root_id
            if order.action == ORDER_ACTION_REPLACE:
                hold = self._request_replace(context, order, view, root_id)
            else:
                self._request_cancel(order.user_id, root_id)
        row = RowDecision(
            verdict=VERDICT_ACCEPTED if reason == ACCEPTED else VERDICT_REJECTED,
            reason_code=reason,
            lane_sequence=context.lane_sequence,
            touched_at=self.memory.touch(context.gate_time, order.event_time),
            content_hash=content_hash,
            root_order_id=root_id,
            instrument_id=None,
            side=None,
            filled_lots=0,
        )
        self.state.put(self.state.keys(order.user_id).decision(order.order_id), row)
        return hold

    def _value(self, order: Order, view: OrderContext) -> None:
        """Write down what the user's result is worth now, where that is judged and known."""
        instrument = view.instrument
        policy = self.rules.policy
        if view.user is None or instrument is None or policy is None:
            return
        if order.action == ORDER_ACTION_CANCEL or not self.judge.values_results:
            return
        standing = view.standing(instrument, policy)
        if standing.problem is None:
            self.results.valued(order.user_id, instrument.currency, standing)

    def _place(
        self, context: InputContext, order: Order, content_hash: bytes, view: OrderContext
    ) -> int:
        user = view.user
        instrument = view.instrument
        if user is None or instrument is None:
            raise InvariantViolated("accepted without a user or an instrument")
        rate.count_accepted(user, context.gate_time)
        user.open_orders_count += 1
        currency = hold_currency(instrument, order.side)
        self.pledges.take(order.user_id, currency, view.cover)
        row = RowOrder(
            tenant_id=order.tenant_id,
            instrument_id=order.instrument_id,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            quantity_lots=order.quantity_lots,
            price_e9=view.price_e9,
            expires_at=order.expires_at,
            current_order_id=order.order_id,
            pending_order_id=None,
            pending_quantity_lots=0,
            pending_price_e9=0,
            trader_id=order.trader_id,
            algo_id=order.algo_id,
            desk_id=order.desk_id,
            counterparty_id=order.counterparty_id,
            filled_lots=0,
            final_lots=None,
            acknowledged=False,
            cancel_requested=False,
            hold_minor=0,
            hold_currency=currency,
            lane_sequence=context.lane_sequence,
            accepted_at=context.gate_time,
            business_day=self.head.business_day,
            touched_at=max(context.gate_time, order.event_time),
            content_hash=content_hash,
        )
        hold = self.ledger.open_order(
            order.user_id,
            order.order_id,
            row,
            instrument,
            view.fee,
            order.quantity_lots,
            view.position,
        )
        keys = view.keys
        self.sweeping.placed(keys.order(order.order_id), order.user_id, order.order_id, row)
        self.state.own_prices.placed(keys, row)
        return hold

    def _request_cancel(self, user_id: str, root_id: str) -> None:
        row = self.state.order(user_id, root_id)
        if row is None:
            raise InvariantViolated("accepted the cancel of an order that does not work")
        row.cancel_requested = True
        self.state.put(self.state.keys(user_id).order(root_id), row)

    def _request_replace(
        self, context: InputContext, order: Order, view: OrderContext, root_id: str
    ) -> int:
        """Cover both versions until the venue answers; returns by how much held rose."""
        user = view.user
        instrument = view.instrument
        row = view.replaced
        if user is None or instrument is None or row is None:
            raise InvariantViolated("accepted the replace of an order that does not work")
        rate.count_accepted(user, context.gate_time)
        self.state.put(self.state.keys(order.user_id).user, user)
        self.pledges.take(order.user_id, row.hold_currency, view.cover)
        open_before = OrderTerms(row).open_lots
        row.pending_order_id = order.order_id
        row.pending_quantity_lots = order.quantity_lots
        row.pending_price_e9 = view.price_e9
        order_ids.add_pending(self.state, order.user_id, root_id, row)
        self.state.own_prices.replace_asked(self.state.keys(order.user_id), row)
        added = OrderTerms(row).open_lots - open_before
        return self.ledger.open_order(
            order.user_id, root_id, row, instrument, view.fee, added, view.position
        )

    # -- answering

    def _note(self, context: InputContext, order: Order, reason: str) -> None:
        accepted = reason == ACCEPTED
        if order.action == ORDER_ACTION_NEW:
            event_type = "NEWO" if accepted else "REMO"
        else:
            event_type = "CXRQ" if accepted else "CXRJ"
        self.journal.of_order(context, order, event_type, reason)

    def _decision(
        self,
        context: InputContext,
        order: Order,
        reason: str,
        duplicate_of: int | None,
        checks: list[CheckResult],
        hold: int,
        control_number: int,
        view: OrderContext | None,
        passing_lots_max: int | None,
    ) -> Decision:
        accepted = reason == ACCEPTED
        first_accept = accepted and duplicate_of is None
        currency: str | None = None
        if first_accept and order.action != ORDER_ACTION_CANCEL and view is not None:
            instrument = view.instrument
            currency = None if instrument is None else hold_currency(instrument, order.side)
        pair = None if view is None else view.fx_pair
        mark = None if view is None else view.fx_mark
        return Decision(
            gate_time=context.gate_time,
            event_time=order.event_time,
            source_system_id=order.source_system_id,
            tenant_id=order.tenant_id,
            user_id=order.user_id,
            order_id=order.order_id,
            orig_order_id=order.orig_order_id,
            action=order.action,
            origin=DECISION_ORIGIN_CLIENT,
            verdict=VERDICT_ACCEPTED if accepted else VERDICT_REJECTED,
            reason_code=reason,
            reason_text=reject_text(reason),
            ord_rej_reason=fix_reject_reason(reason, is_new=order.action == ORDER_ACTION_NEW),
            lane=context.lane,
            lane_sequence=context.lane_sequence,
            duplicate_of=duplicate_of,
            source_topic=context.topic,
            source_offset=context.offset,
            control_number=control_number,
            core_version=self.rules.core_version,
            checks=checks,
            hold_currency=currency,
            hold_minor=hold,
            protection_price_e9=None if view is None or not accepted else view.protection_price_e9,
            fx_instrument_id=None if pair is None else pair.instrument_id,
            fx_price_e9=None if mark is None else mark.price_e9,
            fx_as_of=None if mark is None else mark.as_of,
            cover=[] if view is None else view.cover,
            order=order if first_accept else None,
            traceparent=context.traceparent,
            passing_lots_max=passing_lots_max,
        )
