"""The closed loop: what happens at the venue depends on what the gate decided.

Owns when a recorded event may go out. Pure: events and decisions in, events to publish out; no
Kafka, no clock. The rules:

- A new order goes out at once.
- Everything else of an account waits in that account's queue, in recorded order, for the decision
  it depends on: a report for its order's, a cancel for its order's, the report that answers a
  cancel for the cancel's. A NEW that follows a cancel waits behind the report of that cancel, so
  that a changed order is never held twice.
- What depends on a rejected order or cancel never happened: it is withheld and counted.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pipeline.market.accounts import Account, Accounts
from pipeline.market.flow import EVENT_CANCEL, EVENT_NEW, MarketEvent
from pipeline.market.records import cancel_id, order_id
from pipeline.risk.records import EXEC_TYPE_CANCELED, EXEC_TYPE_FILL, EXEC_TYPE_PARTIAL_FILL

_PENDING: Final = 0
_ACCEPTED: Final = 1
_REJECTED: Final = 2


@dataclass
class Withheld:
    """What the recording has and the replay does not, because the gate said no."""

    reports: int = 0
    cancels: int = 0
    traded_lots: int = 0


@dataclass
class Tally:
    """What was decided so far."""

    accepted: int = 0
    rejected: int = 0
    cancels_accepted: int = 0
    cancels_rejected: int = 0
    rejected_by_reason: Counter[str] = field(default_factory=Counter)
    withheld: Withheld = field(default_factory=Withheld)


class ClosedLoop:
    """Takes events and decisions, gives the events that may be published, with their accounts."""

    def __init__(self, accounts: Accounts) -> None:
        """Nothing published yet."""
        self.tally: Final = Tally()
        self._accounts: Final = accounts
        self._states: Final[dict[str, int]] = {}
        self._queues: Final[dict[str, deque[MarketEvent]]] = {}
        # Sequence -> recorded time of what was offered and is neither decided nor published,
        # oldest first.
        self._outstanding: Final[dict[int, int]] = {}
        # Order and cancel ids without a decision -> sequence.
        self._undecided: Final[dict[str, int]] = {}

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
        """Take the next order, cancel or report of the flow."""
        account = self._accounts.of_order(event.venue_order_id)
        self._outstanding[event.sequence] = event.time_us
        if event.kind == EVENT_NEW and not event.follows_cancel:
            self._ask(order_id(event), event)
            yield event, account
            return
        self._queues.setdefault(account.user_id, deque()).append(event)
        yield from self._release(account)

    def decided(
        self, request_id: str, account: Account, reason_code: str, *, accepted: bool
    ) -> Iterator[tuple[MarketEvent, Account]]:
        """Take the gate's answer; answers to what was not asked here are ignored."""
        sequence = self._undecided.pop(request_id, None)
        if sequence is None:
            return
        del self._outstanding[sequence]
        self._states[request_id] = _ACCEPTED if accepted else _REJECTED
        self._count(request_id, reason_code, accepted=accepted)
        yield from self._release(account)

    def _count(self, request_id: str, reason_code: str, *, accepted: bool) -> None:
        tally = self.tally
        is_cancel = request_id.endswith("-C")
        if is_cancel:
            tally.cancels_accepted += accepted
            tally.cancels_rejected += not accepted
        else:
            tally.accepted += accepted
            tally.rejected += not accepted
        if not accepted:
            tally.rejected_by_reason[reason_code] += 1

    def _ask(self, request_id: str, event: MarketEvent) -> None:
        self._undecided[request_id] = event.sequence
        self._states[request_id] = _PENDING

    def _release(self, account: Account) -> Iterator[tuple[MarketEvent, Account]]:
        queue = self._queues.get(account.user_id)
        while queue:
            event = queue[0]
            state = self._state(event)
            if state == _PENDING:
                return
            queue.popleft()
            if state == _ACCEPTED and event.kind == EVENT_NEW:
                self._ask(order_id(event), event)
            elif state == _ACCEPTED and event.kind == EVENT_CANCEL:
                self._ask(cancel_id(event), event)
            else:
                del self._outstanding[event.sequence]
            if state == _ACCEPTED:
                yield event, account
            else:
                self._withhold(event)

    def _state(self, event: MarketEvent) -> int:
        """The decision that `event` depends on."""
        if event.kind == EVENT_NEW:
            return _ACCEPTED
        ordered = self._states[order_id(event)]
        if ordered == _ACCEPTED and event.exec_type == EXEC_TYPE_CANCELED:
            # Every CANCELED of a flow answers a cancel, which stood before it in the queue.
            return self._states[cancel_id(event)]
        return ordered

    def _withhold(self, event: MarketEvent) -> None:
        withheld = self.tally.withheld
        if event.kind == EVENT_CANCEL:
            withheld.cancels += 1
            return
        withheld.reports += 1
        if event.exec_type in {EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL}:
            withheld.traded_lots += event.lots
