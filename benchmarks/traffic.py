"""The whole traffic of a gate: orders that end, cancels, the venue's reports, marks.

Owns how an order of `flow.py` lives on: some time after it was sent it is filled, or its cancel is
asked for and confirmed, so that what is open stays bounded however long the traffic runs. Every
request has a number and an id of its own, new order or cancel. Reads no clock.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.flow import OrderFlow, mark
from pipeline.market.accounts import Account
from pipeline.market.publisher import Publisher
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_FILL,
    ORDER_ACTION_CANCEL,
    Fill,
    Order,
)

FEE_MINOR_PER_LOT: Final = 125

_VENUE: Final = "XCME"
_SOURCE: Final = "tollgate-bench-venue"
# Requests between an order and its end.
_OPEN_MAX: Final = 2_000
# Of ten orders that end, so many are filled; the others are cancelled.
_FILLED_OF_TEN: Final = 6
_MARK_EVERY_US: Final = 1_000_000


def filled(order: Order, time_us: int) -> Fill:
    """The venue's report that all of `order` traded at its own price."""
    return _report(order, time_us, EXEC_TYPE_FILL, order.quantity_lots, order.price_e9)


def canceled(order: Order, time_us: int) -> Fill:
    """The venue's report that nothing of `order` traded, nor will."""
    return _report(order, time_us, EXEC_TYPE_CANCELED, 0, None)


def _report(order: Order, time_us: int, exec_type: int, lots: int, price_e9: int | None) -> Fill:
    return Fill(
        event_time=time_us,
        source_system_id=_SOURCE,
        tenant_id=order.tenant_id,
        exec_id=f"E-{order.order_id}",
        exec_ref_id=None,
        order_id=order.order_id,
        orig_order_id=None,
        user_id=order.user_id,
        instrument_id=order.instrument_id,
        side=order.side,
        exec_type=exec_type,
        last_lots=lots,
        last_price_e9=price_e9,
        cum_lots=lots,
        leaves_lots=0,
        fee_minor=FEE_MINOR_PER_LOT * lots,
        trade_id=None,
        venue=_VENUE,
    )


def cancel_of(order: Order, identity: str, time_us: int) -> Order:
    """The request to cancel `order`, under an id of its own."""
    return Order(
        event_time=time_us,
        source_system_id=order.source_system_id,
        tenant_id=order.tenant_id,
        action=ORDER_ACTION_CANCEL,
        order_id=identity,
        orig_order_id=order.order_id,
        user_id=order.user_id,
        instrument_id=order.instrument_id,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity_lots=0,
        price_e9=None,
        expires_at=None,
        trader_id=order.trader_id,
        algo_id=order.algo_id,
        desk_id=order.desk_id,
        counterparty_id=None,
        tags={},
    )


@dataclass
class Published:
    """How many of each the traffic has published; a mark counts once, whatever the partitions."""

    orders: int = 0
    cancels: int = 0
    reports: int = 0
    marks: int = 0

    @property
    def messages(self) -> int:
        """All of them."""
        return self.orders + self.cancels + self.reports + self.marks


class Traffic:
    """Publishes an endless traffic in order of time."""

    def __init__(self, flow: OrderFlow, publisher: Publisher) -> None:
        """Nothing published yet."""
        self.published: Final = Published()
        self._flow: Final = flow
        self._publisher: Final = publisher
        self._open: Final[deque[tuple[Order, Account]]] = deque()
        self._next_mark_us = 0

    def publish(self, time_us: int) -> None:
        """One new order, and the end of the oldest that has been open for long enough."""
        if time_us >= self._next_mark_us:
            self._publisher.mark(mark(self._flow.config, time_us), time_us)
            self.published.marks += 1
            self._next_mark_us = time_us + _MARK_EVERY_US
        order, account = self._flow.next(time_us)
        self._publisher.order(order, account.key, time_us)
        self.published.orders += 1
        self._open.append((order, account))
        if len(self._open) > _OPEN_MAX:
            self._end(*self._open.popleft(), time_us)

    def _end(self, order: Order, account: Account, time_us: int) -> None:
        if self.published.reports % 10 < _FILLED_OF_TEN:
            report = filled(order, time_us)
        else:
            cancel = cancel_of(order, self._flow.next_id(), time_us)
            self._publisher.order(cancel, account.key, time_us)
            self.published.cancels += 1
            report = canceled(order, time_us)
        self._publisher.fill(report, account.key, time_us)
        self.published.reports += 1


def times_us(first_us: int, seconds: float, per_s: float) -> Iterator[int]:
    """The made-up time of each order of `seconds` of record time at `per_s` orders a second."""
    interval_us = 1_000_000 / per_s
    for number in range(int(seconds * per_s)):
        yield first_us + int(number * interval_us)
