"""Operators' own rules: ones that most orders pass, ones that stop some, and what is no rule.

Owns the steps that publish rules and take them back. Must never know how the gate answers.
"""

from random import Random
from typing import Final

from pipeline.risk.records import SIDE_BUY, SIDE_SELL, Rule
from tests.property.exposures import plain_order
from tests.property.orders import price_near, replace_of, send_replace
from tests.property.steering import SEVERITIES
from tests.property.world import EVERYBODY, INSTRUMENTS, World, changed, send_mark

RULE_IDS: Final = ("largest", "a/b", "zulu", "\u00e9t\u00e9", "r" * 64)
# Some of them are errors of some orders: by a field without a value, a zero or a large figure.
EXPRESSIONS: Final = (
    "quantity_lots <= 5",
    "quantity_lots % 3 == 1",
    'side == "BUY" || position_lots >= quantity_lots',
    "notional_minor < 60000000",
    'algo_id != "vwap"',
    '!(desk_id in ["east"])',
    'counterparty_id == "bank" || trader_id == "trader"',
    "open_orders_count < 3 && messages_today < 20",
    "reduces || !reduce_only",
    "price_e9 <= mark_e9",
    "quantity_lots / (quantity_lots - 2) >= 0",
    "age_ms == 0",
    'tier_id == "gold"',
    'time_in_force in ["GTC", "DAY"]',
    'action == "NEW" || working_buy_lots + working_sell_lots < 5',
    'order_type == "LIMIT" ? quantity_lots < 9 : quantity_lots < 3',
    "quantity_lots * price_e9 * 1000000 > 0",
    'instrument_id != "ESX" || user_id != "user-1" || tenant_id == "alpha"',
    'source_system_id == "desk"',
    "working_sell_lots <= working_buy_lots",
    "position_lots >= -3 && position_lots <= 3",
)
NO_RULES: Final = (
    "",
    "quantity_lots",
    "lots > 1",
    "side <= 5",
    "(reduces",
    "quantity_lots > 99999999999999999999",
    "reduces" + " " * 1_024,
)


def new_rule(_: World, rng: Random) -> Rule:
    """A rule, mostly one that is taken back, or one that is none."""
    bad = rng.random()
    expression = rng.choice(NO_RULES if bad < 0.1 else EXPRESSIONS)
    rule_id = rng.choice(["", "i" * 65]) if bad > 0.95 else rng.choice(RULE_IDS)
    return Rule(rule_id, expression, rng.choice(SEVERITIES), rng.random() < 0.3)


def rules_taken_back(world: World) -> list[Rule]:
    """What takes back the rules that were published."""
    known = {c.payload.rule_id: c.payload for c in world.controls if isinstance(c.payload, Rule)}
    return [
        Rule(rule.rule_id, EXPRESSIONS[0], rule.severity, enabled=False)
        for rule in known.values()
        if rule.enabled and rule.rule_id in RULE_IDS
    ]


def step_rule(world: World, rng: Random) -> None:
    """Rules are in force for some orders, two or three at once."""
    name = rng.choice(["ESX", *INSTRUMENTS])
    for rule_id in rng.sample(RULE_IDS, rng.choice([1, 2, 3])):
        severity = rng.choice(SEVERITIES)
        world.send_control(Rule(rule_id, rng.choice(EXPRESSIONS), severity, enabled=True))
    for _ in range(rng.randint(2, 4)):
        send_mark(world, name, price_near(world, rng, name))
        side = rng.choice([SIDE_BUY, SIDE_SELL])
        order = plain_order(world, rng, rng.choice(EVERYBODY), name, side)
        lots = rng.choice([order.quantity_lots, 2, 4, 8, 14, 17])
        world.send_new(changed(order, quantity_lots=lots))
        if rng.random() < 0.4:
            send_replace(world, replace_of(world, rng, order), order)
        world.now_ms += rng.choice([0, 300])
    if rng.random() < 0.9:
        for rule in rules_taken_back(world):
            world.send_control(rule)
