"""What a user has sent and traded, as the auditor counts it, made fast enough for hot users.

Owns running counts in place of the auditor's counting through all that was ever sent. Must never
decide anything itself.
"""

from collections import Counter
from typing import Final

from pipeline.risk.records import ORDER_TYPE_LIMIT
from tests.oracle.conduct import (
    BUCKET_US,
    BUCKETS_BEFORE,
    Conduct,
    Message,
    is_in_window,
    remembered,
)

NO_DAY: Final = -1


class RunningConduct(Conduct):
    """What a user has sent and traded, kept as what a check can still ask for.

    `messages`, and the `orders` among them: those of the window of the last one. `day`: the
    business day that the counts are of; days never run backwards. `recents`: by instrument.
    `limits`: the last order with a price, by instrument and side. `algorithms`: executions that
    count.
    """

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Message] = []
        self.day = NO_DAY
        self.counts: Counter[str] = Counter()
        self.recents: dict[str, list[Message]] = {}
        self.limits: dict[tuple[str, int], Message] = {}
        self.algorithms: dict[str, int] = {}

    def copy(self) -> "RunningConduct":
        """One that can be written in without changing this one."""
        copied = RunningConduct()
        copied.messages, copied.orders = list(self.messages), list(self.orders)
        copied.day, copied.counts = self.day, Counter(self.counts)
        copied.recents, copied.limits = dict(self.recents), dict(self.limits)
        copied.algorithms = dict(self.algorithms)
        return copied

    def accept(self, message: Message) -> None:
        """A message was accepted; gate time never runs backwards."""
        self.messages = windowed(self.messages, message)
        self._count(message.day, "messages")
        if message.instant_cancel:
            self._count(message.day, "instant_cancels")
        if message.push:
            self._count(message.day, "pushes")
        if message.is_order:
            self._accept_order(message)

    def _accept_order(self, message: Message) -> None:
        name, side = message.order.instrument_id, message.order.side
        self.orders = windowed(self.orders, message)
        self.recents[name] = remembered(self.recent(name), message)
        if message.order.order_type == ORDER_TYPE_LIMIT:
            self.limits[name, side] = message

    def trade(self, day: int) -> None:
        """A trade was reported."""
        self._count(day, "trades")

    def execute(self, algo_id: str) -> None:
        """An order of an algorithm was traded."""
        self.algorithms[algo_id] = self.executions_of(algo_id) + 1

    def let_again(self, algo_id: str) -> None:
        """A person has looked at the algorithm."""
        self.algorithms.pop(algo_id, None)

    def orders_in_window(self, gate_time: int) -> int:
        """Orders of the bucket of now and the eight before it."""
        return sum(is_in_window(message, gate_time) for message in self.orders)

    def messages_on(self, day: int) -> int:
        """Messages of a business day."""
        return self._counted(day, "messages")

    def instant_cancels_on(self, day: int) -> int:
        """Orders of which hardly anybody has seen anything."""
        return self._counted(day, "instant_cancels")

    def pushes_on(self, day: int) -> int:
        """Orders that bettered the price of the one before."""
        return self._counted(day, "pushes")

    def trades_on(self, day: int) -> int:
        """Trades of a business day."""
        return self._counted(day, "trades")

    def executions_of(self, algo_id: str) -> int:
        """Trades of the algorithm's orders since a person last let it trade."""
        return self.algorithms.get(algo_id, 0)

    def recent(self, instrument_id: str) -> list[Message]:
        """The orders of an instrument whose content is remembered, oldest first."""
        return self.recents.get(instrument_id, [])

    def last_limit(self, instrument_id: str, side: int) -> Message | None:
        """The last order with a price there, on that side."""
        return self.limits.get((instrument_id, side))

    def _count(self, day: int, what: str) -> None:
        if day != self.day:
            self.day, self.counts = day, Counter()
        self.counts[what] += 1

    def _counted(self, day: int, what: str) -> int:
        return self.counts[what] if day == self.day else 0


def windowed(before: list[Message], message: Message) -> list[Message]:
    """The messages of the window of the newest, it among them; gate time never runs backwards."""
    return [*(m for m in before if is_in_window(m, message.at)), message]


def buckets_of(messages: list[Message]) -> tuple[int, list[int]]:
    """The bucket of the newest, and how many are in it and in each of the 8 before it."""
    buckets = [message.at // BUCKET_US for message in messages]
    newest = buckets[-1] if buckets else 0
    return newest, [buckets.count(newest - back) for back in range(BUCKETS_BEFORE + 1)]
