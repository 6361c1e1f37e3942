"""The closed loop: what happens at the venue depends on what the gate decided.

Owns when a recorded event may go out, and whether it does. Pure: events and decisions in, events to
publish out; no Kafka, no clock. Holds the orders that work and what waits. The rules:

- A new order goes out at once.
- Everything else of an account waits in that account's queue, in recorded order, for the decision
  on what was asked of its order before: a fill or a change for its order's, the report that answers
  a request for that request's. So an order never has two undecided requests.
- What the venue cannot have done, because the gate rejected a request, never happened: it is
  withheld and counted. `orders.py` says what that is.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pipeline.market.accounts import Account, Accounts
from pipeline.market.flow import EVENT_NEW, EVENT_REPLACE, EVENT_REPORT, MarketEvent
from pipeline.market.orders import VenueOrder
from pipeline.market.records import request_id


@dataclass
class Withheld:
    """What the recording has and the replay does not, because the gate said no.

    `lots_by_reason`: `traded_lots` by what was rejected (orders.py).
    """

    reports: int = 0
    cancels: int = 0
    traded_lots: int = 0
    lots_by_reason: Counter[str] = field(default_factory=Counter)


@dataclass
class Tally:
    """What was decided so far. `accepted`, `rejected`, `rejected_by_reason`: new orders.

    `asked_anew`: new orders for which the recording has a change, of an order that does not work.
    `left_working_*`: orders that the recording has ended and that go on working, since the change
    that ended them was rejected.
    """

    accepted: int = 0
    rejected: int = 0
    cancels_accepted: int = 0
    cancels_rejected: int = 0
    replaces_accepted: int = 0
    replaces_rejected: int = 0
    asked_anew: int = 0
    rejected_by_reason: Counter[str] = field(default_factory=Counter)
    cancels_rejected_by_reason: Counter[str] = field(default_factory=Counter)
    replaces_rejected_by_reason: Counter[str] = field(default_factory=Counter)
    left_working_orders: int = 0
    left_working_lots: int = 0
    withheld: Withheld = field(default_factory=Withheld)

    def count(self, kind: int, reason_code: str, *, accepted: bool) -> None:
        """One more decision on a request of that kind of event."""
        if kind == EVENT_NEW:
            self.accepted += accepted
            self.rejected += not accepted
            reasons = self.rejected_by_reason
        elif kind == EVENT_REPLACE:
            self.replaces_accepted += accepted
            self.replaces_rejected += not accepted
            reasons = self.replaces_rejected_by_reason
        else:
            self.cancels_accepted += accepted
            self.cancels_rejected += not accepted
            reasons = self.cancels_rejected_by_reason
        if not accepted:
            reasons[reason_code] += 1


class ClosedLoop:
    """Takes events and decisions, gives the events that may be published, with their accounts."""

    def __init__(self, accounts: Accounts) -> None:
        """Nothing published yet."""
        self.tally: Final = Tally()
        self._accounts: Final = accounts
        # By venue order id, until the recording has ended it.
        self._orders: Final[dict[int, VenueOrder]] = {}
        self._queues: Final[dict[str, deque[MarketEvent]]] = {}
        # Sequence -> recorded time of what was offered and is neither decided nor published,
        # oldest first.
        self._outstanding: Final[dict[int, int]] = {}
        self._undecided: Final[dict[str, tuple[VenueOrder, MarketEvent]]] = {}

    @property
    def outstanding(self) -> int:
        """Requests without a decision, and events that wait for one."""
        return len(self._outstanding)

    @property
    def oldest_us(self) -> int | None:
        """Recorded time of the oldest of them; None when there is none."""
        return next(iter(self._outstanding.values()), None)

    @property
    def undecided(self) -> str:
        """The request that was asked longest ago and has no decision; "" when there is none."""
        return next(iter(self._undecided), "")

    def offer(self, event: MarketEvent) -> Iterator[tuple[MarketEvent, Account]]:
        """Take the next request or report of the flow."""
        account = self._accounts.of_order(event.venue_order_id)
        self._outstanding[event.sequence] = event.time_us
        if event.kind == EVENT_NEW and event.venue_order_id not in self._orders:
            asked = self._ask(self._order(event), event)
            if asked is not None:
                yield asked, account
            return
        self._queues.setdefault(account.user_id, deque()).append(event)
        yield from self._release(account)

    def decided(
        self, request: str, account: Account, reason_code: str, *, accepted: bool
    ) -> Iterator[tuple[MarketEvent, Account]]:
        """Take the gate's answer; answers to what was not asked here are ignored."""
        undecided = self._undecided.pop(request, None)
        if undecided is None:
            return
        order, asked = undecided
        del self._outstanding[asked.sequence]
        order.decide(asked, accepted=accepted)
        self.tally.count(asked.kind, reason_code, accepted=accepted)
        yield from self._release(account)

    def _release(self, account: Account) -> Iterator[tuple[MarketEvent, Account]]:
        queue = self._queues.get(account.user_id)
        while queue:
            order = self._order(queue[0])
            if order.asked is not None:
                return
            event = queue.popleft()
            is_report = event.kind == EVENT_REPORT
            ready = self._report(order, event) if is_report else self._ask(order, event)
            if ready is not None:
                yield ready, account

    def _order(self, event: MarketEvent) -> VenueOrder:
        order = self._orders.get(event.venue_order_id)
        if order is None:
            order = self._orders[event.venue_order_id] = VenueOrder()
        return order

    def _ask(self, order: VenueOrder, event: MarketEvent) -> MarketEvent | None:
        asked = order.request(event)
        if asked is None:
            del self._outstanding[event.sequence]
            self.tally.withheld.cancels += 1
            return None
        self._undecided[request_id(asked)] = (order, asked)
        self.tally.asked_anew += asked.kind != event.kind
        return asked

    def _report(self, order: VenueOrder, event: MarketEvent) -> MarketEvent | None:
        del self._outstanding[event.sequence]
        ready = order.report(event)
        withheld = self.tally.withheld
        withheld.reports += ready is None
        traded_lots = event.lots - (ready.lots if ready else 0)
        if traded_lots:
            withheld.traded_lots += traded_lots
            withheld.lots_by_reason[order.unmatched_reason] += traded_lots
        if not event.leaves_lots:
            self._end(order, event)
        return ready

    def _end(self, order: VenueOrder, event: MarketEvent) -> None:
        """The recording has nothing more to say of an order."""
        del self._orders[event.venue_order_id]
        if order.open_lots:
            self.tally.left_working_orders += 1
            self.tally.left_working_lots += order.open_lots
