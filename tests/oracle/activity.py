"""Checks of how much a user sends, and how it looks: rates, ratios, repeats, pushes, quick cancels.

Owns what looks at what the user has sent and traded before. Must never change anything.
"""

from typing import NamedTuple

from pipeline.risk.records import ORDER_ACTION_CANCEL, ORDER_TYPE_LIMIT, Order
from tests.oracle.conduct import Message
from tests.oracle.lines import (
    Check,
    Figure,
    bad_id,
    compared,
    failed,
    is_price,
    line,
    passed,
    skipped,
)
from tests.oracle.situation import Situation, quantity_of, works


class Content(NamedTuple):
    """By what two orders of an instrument are the same."""

    side: int
    quantity_lots: int
    price_e9: int | None


def content_of(order: Order) -> Content:
    """As it was sent. A MARKET order has no price, even if it names one."""
    price_e9 = order.price_e9 if order.order_type == ORDER_TYPE_LIMIT else None
    return Content(order.side, order.quantity_lots, price_e9)


def place_of(order: Order, now: Situation) -> str | None:
    """The instrument whose limits count; None: any."""
    return None if now.instrument is None else order.instrument_id


def limit_of(check: str, order: Order, now: Situation) -> Figure | None:
    """The limit of a check of its own."""
    return now.check_limit(check, place_of(order, now))


def order_rate(order: Order, now: Situation) -> Check:
    """Accepted orders of the last second or a little more."""
    if now.account is None:
        return skipped("ORDER_RATE")
    observed = now.book.conduct.orders_in_window(now.gate_time) + 1
    limit = now.limit("order_rate_per_s_max", place_of(order, now) or "")
    return compared("ORDER_RATE", observed, limit)


def message_rate(order: Order, now: Situation) -> Check:
    """The same with cancels."""
    return rate("MESSAGE_RATE", order, now)


def high_frequency_rate(order: Order, now: Situation) -> Check:
    """The same against what makes an account a high-frequency one."""
    return rate("HIGH_FREQUENCY_RATE", order, now)


def rate(name: str, order: Order, now: Situation) -> Check:
    """Accepted messages of the last second or a little more."""
    if now.account is None:
        return skipped(name)
    observed = now.book.conduct.messages_in_window(now.gate_time) + 1
    return compared(name, observed, limit_of(name, order, now))


def high_frequency_day(order: Order, now: Situation) -> Check:
    """Messages of the day against what makes an account a high-frequency one."""
    name = "HIGH_FREQUENCY_DAY"
    if now.account is None:
        return skipped(name)
    observed = now.book.conduct.messages_on(now.open_day) + 1
    return compared(name, observed, limit_of(name, order, now))


def order_to_trade(order: Order, now: Situation) -> Check:
    """Messages of the day for each trade, beyond those that need none."""
    name, conduct = "ORDER_TO_TRADE", now.book.conduct
    if now.account is None:
        return skipped(name)
    limit = limit_of(name, order, now)
    if limit is None:
        return failed(name, "LIMIT_MISSING")
    allowed = allowance(order, now) + limit.value * conduct.trades_on(now.open_day)
    observed = conduct.messages_on(now.open_day) + 1
    return line(name, None if observed <= allowed else name, observed, allowed, limit.version)


def allowance(order: Order, now: Situation) -> int:
    """Messages of the day that need no trade, by the record that has the limit."""
    entry = now.steering.entry("ORDER_TO_TRADE", now.account, place_of(order, now))
    return 0 if entry is None else entry[0].allowance or 0


def repeated_execution(order: Order, now: Situation) -> Check:
    """How often an algorithm has traded with nobody looking."""
    name = "REPEATED_EXECUTION"
    if now.account is None:
        return skipped(name)
    if order.algo_id is None or bad_id(order.algo_id):
        return passed(name)
    observed = now.book.conduct.executions_of(order.algo_id) + 1
    return compared(name, observed, limit_of(name, order, now))


def same_content(order: Order, now: Situation) -> Check:
    """How often the same was accepted a moment ago."""
    name = "SAME_CONTENT"
    if now.account is None or now.instrument is None or quantity_of(order) is None:
        return skipped(name)
    if lacks_price(order):
        return skipped(name)
    limit = limit_of(name, order, now)
    if limit is None:
        return failed(name, "LIMIT_MISSING")
    window_us = now.steering.window_us(name)
    observed = 1 + sum(
        now.gate_time - message.at <= window_us and content_of(message.order) == content_of(order)
        for message in now.book.conduct.recent(order.instrument_id)
    )
    reason = None if observed <= limit.value + 1 else name
    return line(name, reason, observed, limit.value + 1, limit.version)


def instant_cancel(order: Order, now: Situation) -> Check:
    """Orders of the day that were cancelled before anybody could see them."""
    name = "INSTANT_CANCEL"
    if now.account is None:
        return skipped(name)
    cancels = order.action == ORDER_ACTION_CANCEL and is_instant(now)
    observed = now.book.conduct.instant_cancels_on(now.open_day) + cancels
    return compared(name, observed, limit_of(name, order, now))


def is_instant(now: Situation) -> bool:
    """Whether the order that a CANCEL names works, and has only just been accepted."""
    known = works(now.named)
    if known is None:
        return False
    return now.gate_time - known.accepted_at <= now.steering.window_us("INSTANT_CANCEL")


def push(order: Order, now: Situation) -> Check:
    """Orders of the day that bettered the price of the one before."""
    name = "PUSH"
    if now.account is None or now.instrument is None or lacks_price(order):
        return skipped(name)
    observed = now.book.conduct.pushes_on(now.open_day) + is_push(order, now)
    return compared(name, observed, limit_of(name, order, now))


def is_push(order: Order, now: Situation) -> bool:
    """Whether it betters the price of the last one of its side."""
    return now.book.conduct.is_push(order, now.gate_time, now.steering.window_us("PUSH"))


def lacks_price(order: Order) -> bool:
    """Whether it should name a price, and names none that can be."""
    return order.order_type == ORDER_TYPE_LIMIT and not is_price(order.price_e9)


def accepted(order: Order, now: Situation) -> Message:
    """The order, once it is accepted, as it counts from then on."""
    cancels = order.action == ORDER_ACTION_CANCEL
    return Message(
        now.gate_time,
        now.open_day,
        order,
        recent_us=now.steering.window_us("SAME_CONTENT"),
        instant_cancel=cancels and is_instant(now),
        push=not cancels and is_push(order, now),
    )
