"""The operators' own rules: what an expression may look at, and what becomes of an order by it.

Owns the fields of docs/rule-language.md and their values. What an expression means is the
language's own business; its tests hold it to another implementation.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

from pipeline.risk.expressions.compiling import compile_rule
from pipeline.risk.expressions.nodes import BOOL, INT, NO_VALUE, STRING
from pipeline.risk.expressions.problem import RuleProblem
from pipeline.risk.expressions.program import ERROR, Program
from pipeline.risk.records import (
    ORDER_ACTION_NAMES,
    ORDER_TYPE_NAMES,
    SIDE_BUY,
    SIDE_NAMES,
    SIDE_SELL,
    TIME_IN_FORCE_NAMES,
    Control,
    Order,
    Rule,
)
from tests.oracle.arithmetic import exact_notional, fits, up
from tests.oracle.check_limits import RULE
from tests.oracle.lines import Check, bad_id
from tests.oracle.situation import Situation, price_of, quantity_of, reduces

RULES_MAX: Final = 64
FIELDS: Final = {
    "action": STRING,
    "user_id": STRING,
    "tenant_id": STRING,
    "tier_id": STRING,
    "source_system_id": STRING,
    "trader_id": STRING,
    "algo_id": STRING,
    "desk_id": STRING,
    "counterparty_id": STRING,
    "instrument_id": STRING,
    "side": STRING,
    "order_type": STRING,
    "time_in_force": STRING,
    "quantity_lots": INT,
    "price_e9": INT,
    "notional_minor": INT,
    "mark_e9": INT,
    "position_lots": INT,
    "working_buy_lots": INT,
    "working_sell_lots": INT,
    "open_orders_count": INT,
    "messages_today": INT,
    "age_ms": INT,
    "reduces": BOOL,
    "reduce_only": BOOL,
}


@cache
def compiled(expression: str) -> Program | None:
    """The expression, ready to be asked; None where it is none."""
    try:
        return compile_rule(expression, FIELDS)
    except RuleProblem:
        return None


def bad_rule(rule: Rule) -> bool:
    """Whether it can be no rule, whatever others there are."""
    return bad_id(rule.rule_id) or compiled(rule.expression) is None


def is_one_too_many(
    rule: Rule, known: dict[str, tuple[Rule, int]], waiting: Sequence[Control]
) -> bool:
    """Whether there are, or will be, as many others as can be judged."""
    rules = [other for other, _ in known.values()]
    rules += [control.payload for control in waiting if isinstance(control.payload, Rule)]
    others = {other.rule_id for other in rules if other.enabled} - {rule.rule_id}
    return rule.enabled and len(others) >= RULES_MAX


def rule_lines(order: Order, now: Situation) -> list[Check]:
    """What every enabled rule says of the order, in order of id."""
    rules = now.steering.rules
    enabled = [rules[rule_id] for rule_id in sorted(rules) if rules[rule_id][0].enabled]
    if not enabled:
        return []
    values = {**texts_of(order, now), **figures_of(order, now)}
    return [line_of(rule, version, values) for rule, version in enabled]


def line_of(rule: Rule, version: int, values: dict[str, str | int | None]) -> Check:
    """What one rule says of the values of an order."""
    program = compiled(rule.expression)
    shown = [values[field] for field in FIELDS]
    ints = [value if isinstance(value, int) else NO_VALUE for value in shown]
    texts = [value if isinstance(value, str) else None for value in shown]
    result = ERROR if program is None else program.evaluate(ints, texts)
    reason = {1: None, 0: "RULE_REFUSED"}.get(result, "RULE_ERROR")
    outcome = "PASS" if reason is None else "FAIL"
    return Check(RULE + rule.rule_id, outcome, reason, limit_version=version)


def texts_of(order: Order, now: Situation) -> dict[str, str | int | None]:
    """The fields that are strings; None where there is no value."""
    return {
        "action": ORDER_ACTION_NAMES[order.action],
        "user_id": order.user_id,
        "tenant_id": order.tenant_id,
        "tier_id": None if now.account is None else now.account.tier_id,
        "source_system_id": order.source_system_id,
        "trader_id": order.trader_id,
        "algo_id": order.algo_id,
        "desk_id": order.desk_id,
        "counterparty_id": order.counterparty_id,
        "instrument_id": order.instrument_id,
        "side": SIDE_NAMES[order.side],
        "order_type": ORDER_TYPE_NAMES[order.order_type],
        "time_in_force": TIME_IN_FORCE_NAMES[order.time_in_force],
    }


def figures_of(order: Order, now: Situation) -> dict[str, str | int | None]:
    """The fields that are integers or booleans; None where there is no value."""
    return {
        **held_by_user(order, now),
        "quantity_lots": order.quantity_lots,
        "price_e9": price_of(order, now),
        "notional_minor": notional_of(order, now),
        "mark_e9": None if now.mark is None else now.mark[0],
        "age_ms": (now.gate_time - order.event_time) // 1000,
        "reduces": int(reduces(order, now)),
        "reduce_only": int(order.reduce_only),
    }


def held_by_user(order: Order, now: Situation) -> dict[str, str | int | None]:
    """What the user has in a known instrument, and what is counted of a registered user."""
    name, book = order.instrument_id, now.book
    placed, registered = now.instrument is not None, now.account is not None
    return {
        "position_lots": book.position(name) if placed else None,
        "working_buy_lots": book.working(name, SIDE_BUY) if placed else None,
        "working_sell_lots": book.working(name, SIDE_SELL) if placed else None,
        "open_orders_count": len(book.open_orders()) if registered else None,
        "messages_today": book.conduct.messages_on(now.open_day) if registered else None,
    }


def notional_of(order: Order, now: Situation) -> int | None:
    """Rounded up; None where it cannot be said or does not fit."""
    quantity, price = quantity_of(order), price_of(order, now)
    if quantity is None or price is None or now.instrument is None:
        return None
    notional = up(exact_notional(now.instrument, quantity, price))
    return notional if fits(notional) else None
