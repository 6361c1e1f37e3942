"""Orders: identity, decision, and the orders whose time is over.

Owns what becomes of an order record, and the gate's own decisions. Must never read
`pipeline/risk` or `pipeline/lane`.
"""

from dataclasses import replace
from typing import Final

from pipeline.codecs.avro import encode_order
from pipeline.risk.records import (
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    TIME_IN_FORCE_DAY,
    Order,
)
from tests.oracle.activity import accepted
from tests.oracle.answers import DecisionSummary, SweptDecision
from tests.oracle.arithmetic import fits
from tests.oracle.book import Book, Remembered, Version
from tests.oracle.checks import Judgement, judge
from tests.oracle.lane import Lane
from tests.oracle.lines import failed
from tests.oracle.pledges import pledge
from tests.oracle.results import valued
from tests.oracle.severity import stop
from tests.oracle.situation import Situation

SWEPT_MAX: Final = 100
CANCEL_EVENTS: Final = ("CXRQ", "CXRJ")
EXPIRY: Final = "EXPIRY"
ORPHAN: Final = "ORPHAN"
SWEPT_AS: Final = {EXPIRY: ("EXPI", "EXPIRED"), ORPHAN: ("CAMO", "ORPHANED")}


class Orders(Lane):
    """The part of a lane that decides."""

    # Orders whose time is over

    def _sweep(self) -> tuple[SweptDecision, ...]:
        """End them, at most so many before an input."""
        swept: list[SweptDecision] = []
        for origin, user, known in self._overdue()[:SWEPT_MAX]:
            book = self._without(user, known)
            if all(fits(figure) for figure in book.figures()):
                swept.append(self._end_overdue(len(swept) + 1, origin, user, known, book))
        return tuple(swept)

    def _overdue(self) -> list[tuple[str, str, Remembered]]:
        """Why, whose, and which, in the order in which they go. One goes once."""
        working = [
            (user, known)
            for user, book in self.books.items()
            for known in book.open_orders()
            if known.final is None
        ]
        working.sort(key=lambda one: one[1].lane_sequence)
        timed = sorted(
            (known.order.expires_at, known.lane_sequence, user, known)
            for user, known in working
            if known.order.expires_at is not None and known.order.expires_at <= self.gate_time
        )
        found = [(EXPIRY, user, known) for _, _, user, known in timed]
        found += [(EXPIRY, user, known) for user, known in working if self._is_of_past_day(known)]
        found += [(ORPHAN, user, known) for user, known in working if self._is_orphan(known)]
        first = {one[2].lane_sequence: one for one in reversed(found)}
        return [one for one in found if first[one[2].lane_sequence] is one]

    def _is_of_past_day(self, known: Remembered) -> bool:
        is_day = known.order.time_in_force == TIME_IN_FORCE_DAY
        return is_day and self.open_day is not None and known.business_day < self.open_day

    def _is_orphan(self, known: Remembered) -> bool:
        if self.policy is None or known.acknowledged:
            return False
        return self.gate_time - known.accepted_at >= self.policy[0].orphan_ms_max * 1000

    def _without(self, user: str, known: Remembered) -> Book:
        """The user's book when the order has ended, its position valued as of now."""
        book = self._book(user).copy()
        order, name = known.order, known.order.instrument_id
        touched = max(self.gate_time, known.touched)
        book.orders[order.order_id] = replace(known, open=False, pending=None, touched=touched)
        book.margined[name] = self.instruments[name]
        return book

    def _end_overdue(
        self, number: int, origin: str, user: str, known: Remembered, book: Book
    ) -> SweptDecision:
        order = known.order
        currency, _ = known.hold
        hold = book.held(currency) - self._book(user).held(currency)
        self.books[user] = book
        self._touched(known.touched)
        event, reason = SWEPT_AS[origin]
        self._emit(event, order.tenant_id, reason)
        self._note_deficits(book, order.tenant_id)
        return SweptDecision(
            origin=origin,
            order_id=f"gate:{self.lane}:{self.sequence}:{number}",
            orig_order_id=order.order_id if known.current is None else known.current.order_id,
            tenant_id=order.tenant_id,
            user_id=user,
            reason_code=reason,
            hold_currency=currency,
            hold_minor=hold,
        )

    # Order records

    def _order(self, order: Order) -> DecisionSummary:
        """Decide, remember, and tell."""
        book = self._book(order.user_id).copy()
        self.books[order.user_id] = book
        if book.exists:
            book.messages_count += 1
        known = self._known_order(book, order.order_id)
        if known is not None and encode_order(known.order) == encode_order(order):
            verdict = "ACCEPTED" if known.accepted else "REJECTED"
            return DecisionSummary(verdict, known.reason_code, known.lane_sequence)
        refusal = self._refusal(order, known, book)
        if refusal is not None:
            return self._answer(order, Judgement([failed("IDENTITY", refusal)]))
        if order.action == ORDER_ACTION_NEW and book.exists:
            book.orders_count += 1
        return self._decide(order, book)

    def _refusal(self, order: Order, known: Remembered | None, book: Book) -> str | None:
        """Why it is rejected for its id or its age, without a look at anything else."""
        if known is not None or book.root_of_alias(order.order_id) is not None:
            return "DUPLICATE_ID"
        if self._is_too_old(order.event_time):
            return "TOO_OLD"
        return "EVENT_TIME_IN_FUTURE" if self._is_too_far_ahead(order.event_time) else None

    def _decide(self, order: Order, book: Book) -> DecisionSummary:
        """Run the checks, and remember the order with what came of them."""
        now = self._situation(order, book)
        if order.action != ORDER_ACTION_CANCEL:
            book.results.update(valued(now, self.open_day or 0))
        judgement = judge(order, now)
        decision = self._answer(order, judgement)
        self._warn(order, decision, book)
        if decision.verdict == "REJECTED":
            self._remember(order, decision, book)
            return decision
        book.conduct.accept(accepted(order, now))
        if order.action == ORDER_ACTION_NEW:
            return self._accept_new(order, decision, judgement, book)
        if now.named is None:
            return decision
        self._remember(order, decision, book, now.named.order.order_id)
        if order.action != ORDER_ACTION_CANCEL:
            return self._accept_replace(order, decision, now.named, book)
        book.orders[now.named.order.order_id] = replace(now.named, cancel_requested=True)
        return decision

    def _situation(self, order: Order, book: Book) -> Situation:
        return Situation(
            gate_time=self.gate_time,
            policy=self.policy,
            firm_state=self.firm_state,
            account=self.accounts.get(order.user_id),
            instrument=self.instruments.get(order.instrument_id),
            limits=self.limits,
            fees=self._fees_in_force(order.user_id, order.instrument_id),
            instruments=self.instruments,
            marks=self.marks,
            marks_seen=self.marks_seen,
            steering=self.steering,
            open_day=self.open_day or 0,
            collateral=self.collateral,
            book=book,
            named=self._order_named(book, order.orig_order_id or ""),
        )

    def _warn(self, order: Order, decision: DecisionSummary, book: Book) -> None:
        """Tell of what would have failed, and of a user who is stopped by what did."""
        for line in decision.checks:
            if line.result == "NOTIFIED":
                self._emit("ALERT", order.tenant_id, line.reason or "")
        decided = next((line for line in decision.checks if line.result == "FAIL"), None)
        if decided is None or order.user_id not in self.accounts:
            return
        event = stop(book, decided, self.steering)
        if event is not None:
            self._emit(event, order.tenant_id, decision.reason_code)

    def _answer(self, order: Order, judgement: Judgement) -> DecisionSummary:
        """The first FAIL decides."""
        vector, fx = judgement.vector, judgement.fx
        reason = next((line.reason for line in vector if line.result == "FAIL"), None)
        code = reason or "ACCEPTED"
        accepted, rejected = ("NEWO", "REMO") if order.action == ORDER_ACTION_NEW else CANCEL_EVENTS
        self._emit(accepted if reason is None else rejected, order.tenant_id, code)
        return DecisionSummary(
            "ACCEPTED" if reason is None else "REJECTED",
            code,
            checks=tuple(vector),
            protection_price_e9=judgement.protection_price_e9 if reason is None else None,
            fx_instrument_id=None if fx is None else fx.instrument_id,
            fx_price_e9=None if fx is None else fx.price_e9,
            fx_as_of=None if fx is None else fx.as_of,
            passing_lots_max=judgement.passing_lots_max,
            cover=judgement.taken,
        )

    def _remember(
        self, order: Order, decision: DecisionSummary, book: Book, root: str | None = None
    ) -> None:
        """Keep what holds nothing."""
        book.orders[order.order_id] = Remembered(
            order,
            accepted=decision.verdict == "ACCEPTED",
            reason_code=decision.reason_code,
            lane_sequence=self.sequence,
            touched=self._touched(order.event_time),
            open=False,
            root=root,
        )

    def _accept_new(
        self, order: Order, decision: DecisionSummary, judgement: Judgement, book: Book
    ) -> DecisionSummary:
        price_e9 = judgement.price_e9 or 0
        works = Remembered(
            order,
            accepted=True,
            reason_code=decision.reason_code,
            lane_sequence=self.sequence,
            touched=max(self.gate_time, order.event_time),
            open=True,
            current=Version(order.order_id, order.quantity_lots, price_e9),
            accepted_at=self.gate_time,
            business_day=self.open_day or 0,
        )
        return self._accept(order, decision, works, book)

    def _accept_replace(
        self, order: Order, decision: DecisionSummary, named: Remembered, book: Book
    ) -> DecisionSummary:
        pending = Version(order.order_id, order.quantity_lots, order.price_e9 or 0)
        return self._accept(order, decision, replace(named, pending=pending), book)

    def _accept(
        self, order: Order, decision: DecisionSummary, works: Remembered, book: Book
    ) -> DecisionSummary:
        """Pledge and hold what the order needs; the decision with what that is."""
        terms = self._terms(order.user_id, order.instrument_id)
        works = replace(works, terms=terms)
        currency, _ = works.hold
        pledge(book, currency, decision.cover)
        before = book.held(currency)
        book.orders[works.order.order_id] = works
        book.margined[order.instrument_id] = terms[0]
        hold = book.held(currency) - before
        self._note_deficits(book, order.tenant_id)
        return replace(decision, hold_currency=currency, hold_minor=hold)
