"""What a user has sent and what was traded for it, as plain lists.

Owns every accepted message and every trade of one user, from which all counts of docs/rules.md
("Messages", "Instant cancel", "Push", "Same content", "Executions") are taken anew. Must never
decide.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.risk.records import (
    ORDER_ACTION_CANCEL,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    Order,
)

BUCKET_US: Final = 125_000
BUCKETS_BEFORE: Final = 8
RECENT_MAX: Final = 16


class Message(NamedTuple):
    """An accepted NEW, REPLACE or CANCEL: when and on which business day, and what it was.

    `recent_us`: how long the content of an order was remembered when it was accepted.
    """

    at: int
    day: int
    order: Order
    recent_us: int = 0
    instant_cancel: bool = False
    push: bool = False

    @property
    def is_order(self) -> bool:
        """Whether it asks for a trade."""
        return self.order.action != ORDER_ACTION_CANCEL


@dataclass
class Conduct:
    """Everything that one user has sent or traded.

    `traded_on`: the business day of each trade. `executions`: the algorithm of each execution that
    counts, until a person lets it trade again.
    """

    messages: list[Message] = field(default_factory=list)
    traded_on: list[int] = field(default_factory=list)
    executions: list[str] = field(default_factory=list)

    def copy(self) -> "Conduct":
        """One that can be written in without changing this one."""
        return Conduct(list(self.messages), list(self.traded_on), list(self.executions))

    # What happens

    def accept(self, message: Message) -> None:
        """A message was accepted."""
        self.messages.append(message)

    def trade(self, day: int) -> None:
        """A trade was reported."""
        self.traded_on.append(day)

    def execute(self, algo_id: str) -> None:
        """An order of an algorithm was traded."""
        self.executions.append(algo_id)

    def let_again(self, algo_id: str) -> None:
        """A person has looked at the algorithm."""
        self.executions = [name for name in self.executions if name != algo_id]

    # What came of it

    def messages_in_window(self, gate_time: int) -> int:
        """Messages of the bucket of now and the eight before it."""
        return sum(is_in_window(message, gate_time) for message in self.messages)

    def orders_in_window(self, gate_time: int) -> int:
        """Those of them that ask for a trade."""
        return sum(is_in_window(m, gate_time) for m in self.messages if m.is_order)

    def messages_on(self, day: int) -> int:
        """Messages of a business day."""
        return sum(message.day == day for message in self.messages)

    def instant_cancels_on(self, day: int) -> int:
        """Orders of which hardly anybody has seen anything."""
        return sum(message.day == day for message in self.messages if message.instant_cancel)

    def pushes_on(self, day: int) -> int:
        """Orders that bettered the price of the one before."""
        return sum(message.day == day for message in self.messages if message.push)

    def trades_on(self, day: int) -> int:
        """Trades of a business day."""
        return self.traded_on.count(day)

    def executions_of(self, algo_id: str) -> int:
        """Trades of the algorithm's orders since a person last let it trade."""
        return self.executions.count(algo_id)

    def recent(self, instrument_id: str) -> list[Message]:
        """The orders of an instrument whose content is remembered, oldest first."""
        kept: list[Message] = []
        for message in self.messages:
            if message.is_order and message.order.instrument_id == instrument_id:
                kept = remembered(kept, message)
        return kept

    def last_limit(self, instrument_id: str, side: int) -> Message | None:
        """The last order with a price there, on that side."""
        return last_limit_of(self.messages, instrument_id, side)

    def is_push(self, order: Order, gate_time: int, window_us: int) -> bool:
        """Whether it betters the price of the last order of its side."""
        last = self.last_limit(order.instrument_id, order.side)
        if order.order_type != ORDER_TYPE_LIMIT or order.price_e9 is None or last is None:
            return False
        was = last.order.price_e9 or 0
        better = was < order.price_e9 if order.side == SIDE_BUY else was > order.price_e9
        return better and gate_time - last.at <= window_us


def is_in_window(message: Message, gate_time: int) -> bool:
    """Whether it counts among the messages of the last second or a little more."""
    return message.at // BUCKET_US >= gate_time // BUCKET_US - BUCKETS_BEFORE


def remembered(recent: list[Message], accepted: Message) -> list[Message]:
    """What is remembered of an instrument once another order is accepted there."""
    young = [m for m in recent if accepted.at - m.at <= accepted.recent_us]
    return [*young, accepted][-RECENT_MAX:]


def last_limit_of(messages: Iterable[Message], instrument_id: str, side: int) -> Message | None:
    """The last of them with a price, of that instrument and side."""
    found = [
        message
        for message in messages
        if message.is_order
        and message.order.order_type == ORDER_TYPE_LIMIT
        and (message.order.instrument_id, message.order.side) == (instrument_id, side)
    ]
    return found[-1] if found else None
