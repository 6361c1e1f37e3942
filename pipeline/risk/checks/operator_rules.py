"""RULE:<rule_id>: the operator's own rules, published on control, in order of their ids.

Owns where the values of a rule's fields come from. A rule that cannot be computed refuses the
order: a field without a value, a division by zero and a figure beyond 64 bits are all errors of
the expression. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.bounds import MS
from pipeline.risk.check_rules import RuleInForce
from pipeline.risk.checks.context import OrderContext
from pipeline.risk.expressions.nodes import FALSE, NO_VALUE, TRUE
from pipeline.risk.money import fits, notional_up
from pipeline.risk.records import (
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_PASS,
    ORDER_ACTION_NAMES,
    ORDER_TYPE_NAMES,
    SIDE_NAMES,
    TIME_IN_FORCE_NAMES,
    CheckResult,
)
from pipeline.risk.rule_fields import FIELDS, SLOTS

_ACTION: Final = SLOTS["action"]
_USER: Final = SLOTS["user_id"]
_TENANT: Final = SLOTS["tenant_id"]
_TIER: Final = SLOTS["tier_id"]
_SOURCE: Final = SLOTS["source_system_id"]
_TRADER: Final = SLOTS["trader_id"]
_ALGO: Final = SLOTS["algo_id"]
_DESK: Final = SLOTS["desk_id"]
_COUNTERPARTY: Final = SLOTS["counterparty_id"]
_INSTRUMENT: Final = SLOTS["instrument_id"]
_SIDE: Final = SLOTS["side"]
_ORDER_TYPE: Final = SLOTS["order_type"]
_TIME_IN_FORCE: Final = SLOTS["time_in_force"]
_QUANTITY: Final = SLOTS["quantity_lots"]
_PRICE: Final = SLOTS["price_e9"]
_NOTIONAL: Final = SLOTS["notional_minor"]
_MARK: Final = SLOTS["mark_e9"]
_POSITION: Final = SLOTS["position_lots"]
_BUYS: Final = SLOTS["working_buy_lots"]
_SELLS: Final = SLOTS["working_sell_lots"]
_OPEN_ORDERS: Final = SLOTS["open_orders_count"]
_MESSAGES: Final = SLOTS["messages_today"]
_AGE: Final = SLOTS["age_ms"]
_REDUCES: Final = SLOTS["reduces"]
_REDUCE_ONLY: Final = SLOTS["reduce_only"]


def judge(c: OrderContext, rules: list[RuleInForce]) -> list[CheckResult]:
    """A line for each rule."""
    ints = [NO_VALUE] * len(FIELDS)
    strings: list[str | None] = [None] * len(FIELDS)
    _fill_strings(c, strings)
    _fill_ints(c, ints)
    results: list[CheckResult] = []
    for rule in rules:
        outcome = rule.program.evaluate(ints, strings)
        if outcome == TRUE:
            result = CHECK_OUTCOME_PASS
            reason: str | None = None
        else:
            result = CHECK_OUTCOME_FAIL
            reason = "RULE_REFUSED" if outcome == FALSE else "RULE_ERROR"
        results.append(CheckResult(rule.name, result, reason, None, None, rule.version, None))
    return results


def _fill_strings(c: OrderContext, strings: list[str | None]) -> None:
    order = c.order
    strings[_ACTION] = ORDER_ACTION_NAMES[order.action]
    strings[_USER] = order.user_id
    strings[_TENANT] = order.tenant_id
    strings[_TIER] = None if c.user is None else c.user.tier_id
    strings[_SOURCE] = order.source_system_id
    strings[_TRADER] = order.trader_id
    strings[_ALGO] = order.algo_id
    strings[_DESK] = order.desk_id
    strings[_COUNTERPARTY] = order.counterparty_id
    strings[_INSTRUMENT] = order.instrument_id
    strings[_SIDE] = SIDE_NAMES[order.side]
    strings[_ORDER_TYPE] = ORDER_TYPE_NAMES[order.order_type]
    strings[_TIME_IN_FORCE] = TIME_IN_FORCE_NAMES[order.time_in_force]


def _fill_ints(c: OrderContext, ints: list[int]) -> None:
    order = c.order
    instrument = c.instrument
    ints[_QUANTITY] = order.quantity_lots
    if c.price_valid:
        ints[_PRICE] = c.price_e9
    if instrument is not None:
        if c.price_valid and c.quantity_valid:
            notional = notional_up(instrument, order.quantity_lots, c.price_e9)
            if fits(notional):
                ints[_NOTIONAL] = notional
        mark = c.state.mark(instrument.instrument_id)
        if mark is not None:
            ints[_MARK] = mark.price_e9
        ints[_POSITION] = c.position_lots
        ints[_BUYS] = c.working_buy_lots
        ints[_SELLS] = c.working_sell_lots
    user = c.user
    if user is not None:
        ints[_OPEN_ORDERS] = user.open_orders_count
        counted = user.activity_day == c.rules.business_day
        ints[_MESSAGES] = user.messages_today if counted else 0
    ints[_AGE] = (c.gate_time - order.event_time) // MS
    ints[_REDUCES] = 1 if c.reduces() else 0
    ints[_REDUCE_ONLY] = 1 if order.reduce_only else 0
