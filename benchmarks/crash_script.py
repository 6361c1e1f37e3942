"""The script of a flash crash: who sends what when, and how the venue answers.

Owns the course: a quiet market, a price gap of 9 % within a second, a flood of requests at old and
new prices, and the way back. Some accounts are leveraged: long from the start with little money, so
that what they must sell at the new price leaves them short. The venue is simulated: it fills or
rests what the gate accepts, never anything else. Reads no clock.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.flow import MARK_E9, TICK_E9, OrderFlow, order_number
from benchmarks.traffic import cancel_of, canceled, filled
from pipeline.market.accounts import Account
from pipeline.market.publisher import Publisher
from pipeline.risk.records import (
    ORDER_ACTION_NEW,
    SIDE_BUY,
    SIDE_SELL,
    VERDICT_ACCEPTED,
    Decision,
    Order,
)

LEVERAGED_COUNT: Final = 64
# Defined in benchmarks/control.
LEVERAGED_TIER: Final = "leveraged"
# Long so many lots at the mark: 12,000,000 of margin. What they must sell costs 2,160,000 a lot.
_LONG_LOTS: Final = 10
_FORCED_LOTS: Final = 3
_LEVERAGED_MINOR: Final = 14_000_000
_RESCUE_MINOR: Final = 100_000_000

_GAP_BPS: Final = 900
_GAP_S: Final = 1.0
_REBOUND_BPS: Final = 500
_REBOUND_S: Final = 5.0
_MARK_EVERY_S: Final = 0.1

# Of a hundred requests of the flood: leveraged accounts', cancels, at the price before the gap; the
# rest are orders at the new price.
_LEVERAGED_OF_100: Final = 20
_CANCELS_OF_100: Final = 15
_OLD_PRICE_OF_100: Final = 30
_STRIDE: Final = 37
_RESTING_MAX: Final = 5_000


@dataclass(frozen=True)
class Course:
    """How long each part takes (seconds) and how many requests a second it has."""

    quiet_s: float
    peak_s: float
    flood_s: float
    after_s: float
    per_s: int
    peak_factor: int
    flood_factor: int

    @property
    def gap_at_s(self) -> float:
        """When the price falls and the flood begins."""
        return self.quiet_s

    @property
    def flood_ends_s(self) -> float:
        """When the requests are as few as before."""
        return self.quiet_s + self.peak_s + self.flood_s

    @property
    def seconds(self) -> float:
        """The whole."""
        return self.flood_ends_s + self.after_s

    def in_flood(self, at_s: float) -> bool:
        """Whether `at_s` lies between the gap and the end of the flood."""
        return self.gap_at_s <= at_s < self.flood_ends_s

    def request_times_s(self) -> Iterator[float]:
        """When each request is due."""
        begin_s = 0.0
        for seconds, per_s in (
            (self.quiet_s, self.per_s),
            (self.peak_s, self.per_s * self.peak_factor),
            (self.flood_s, self.per_s * self.flood_factor),
            (self.after_s, self.per_s),
        ):
            count = int(seconds * per_s)
            yield from (begin_s + number / per_s for number in range(count))
            begin_s += seconds

    def mark_e9(self, at_s: float) -> int:
        """The reference price, on the tick."""
        fallen = _part(at_s - self.gap_at_s, _GAP_S) * _GAP_BPS
        regained = _part(at_s - self.flood_ends_s, _REBOUND_S) * _REBOUND_BPS
        price_e9 = MARK_E9 * (10_000 - int(fallen - regained)) // 10_000
        return price_e9 // TICK_E9 * TICK_E9


def _part(elapsed_s: float, whole_s: float) -> float:
    return min(max(elapsed_s / whole_s, 0.0), 1.0)


class Script:
    """Writes each request when it is due, and remembers it by its number."""

    def __init__(self, course: Course) -> None:
        """Nothing sent."""
        self.course: Final = course
        self.flow: Final = OrderFlow()
        self.leveraged: Final = self.flow.lend(LEVERAGED_COUNT, LEVERAGED_TIER, _LEVERAGED_MINOR)
        self.sent: Final[list[Order]] = []
        # Orders that rest at the venue; the oldest is cancelled first.
        self.resting: Final[deque[Order]] = deque(maxlen=_RESTING_MAX)
        self._keys: Final = {account.user_id: account for account in self.flow.accounts}
        self._ordinary: Final = self.flow.accounts[LEVERAGED_COUNT:]
        self._forced = 0
        self._turns = 0
        self._step = 0

    def openings(self, time_us: int) -> Iterator[tuple[Order, Account]]:
        """The orders that make leveraged accounts long, before the course begins."""
        for account in self.leveraged:
            order, _ = self.flow.next(time_us, account, SIDE_BUY, _LONG_LOTS)
            self.sent.append(order)
            yield order, account

    def request(self, at_s: float, time_us: int) -> tuple[Order, Account]:
        """The request that is due at `at_s`; `time_us` is its event time."""
        order, account = self._write(at_s, time_us)
        self.sent.append(order)
        return order, account

    def _write(self, at_s: float, time_us: int) -> tuple[Order, Account]:
        self._step += 1
        self.flow.mark_e9 = self.course.mark_e9(at_s)
        # A stride without a common divisor mixes the kinds evenly, the same in every run.
        kind = self._step * _STRIDE % 100
        if at_s >= self.course.gap_at_s + _GAP_S:
            if kind < _LEVERAGED_OF_100:
                return self._leveraged(time_us)
            kind -= _LEVERAGED_OF_100
        if kind < _CANCELS_OF_100 and self.resting:
            order = self.resting.popleft()
            request = cancel_of(order, self.flow.next_id(), time_us)
            return request, self._keys[order.user_id]
        at_old_price = _CANCELS_OF_100 <= kind < _CANCELS_OF_100 + _OLD_PRICE_OF_100
        if self.course.in_flood(at_s) and at_old_price:
            self.flow.mark_e9 = MARK_E9
        return self.flow.next(time_us, self._ordinary[self._step % len(self._ordinary)])

    def _leveraged(self, time_us: int) -> tuple[Order, Account]:
        """First every one sells what it must; then they sell and buy a lot in turn."""
        if self._forced < LEVERAGED_COUNT:
            self._forced += 1
            account = self.leveraged[self._forced - 1]
            return self.flow.next(time_us, account, SIDE_SELL, _FORCED_LOTS)
        turn, number = divmod(self._turns, LEVERAGED_COUNT)
        self._turns += 1
        side = SIDE_SELL if turn % 2 else SIDE_BUY
        return self.flow.next(time_us, self.leveraged[number], side, 1)

    def marks_s(self) -> Iterator[float]:
        """When a mark is due."""
        count = int(self.course.seconds / _MARK_EVERY_S)
        return (number * _MARK_EVERY_S for number in range(count))

    @property
    def rescue_minor(self) -> int:
        """What each leveraged account is sent when the flood has ended."""
        return _RESCUE_MINOR


class Venue:
    """Answers what the gate accepts: fills half of the orders, confirms cancels, rests the others.

    A leveraged account's orders are all filled.
    """

    def __init__(self, script: Script, publisher: Publisher, now_us: Callable[[], int]) -> None:
        """Reports go through `publisher`, with the time of `now_us`."""
        self._script: Final = script
        self._publisher: Final = publisher
        self._now_us: Final = now_us
        self._leveraged: Final = {account.user_id for account in script.leveraged}
        self._working: Final[dict[str, Order]] = {}

    def told(self, decision: Decision) -> None:
        """A decision can be read."""
        order = decision.order
        if decision.verdict != VERDICT_ACCEPTED or order is None:
            return
        time_us = self._now_us()
        if decision.action != ORDER_ACTION_NEW:
            original = self._working.pop(decision.orig_order_id or "", None)
            if original is not None:
                report = canceled(original, time_us)
                self._publisher.fill(report, order.user_id.encode(), time_us)
        elif order.user_id in self._leveraged or order_number(order.order_id) % 2:
            self._publisher.fill(filled(order, time_us), order.user_id.encode(), time_us)
        else:
            self._working[order.order_id] = order
            self._script.resting.append(order)
