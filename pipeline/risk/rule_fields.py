"""The fields that an operator's rule may use, and compiling a rule over them.

Owns their names, types and what each one is: docs/rule-language.md has the table from here. Where
their values come from is `checks/operator_rules.py`'s. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.expressions.compiling import compile_rule
from pipeline.risk.expressions.nodes import BOOL, INT, STRING
from pipeline.risk.expressions.program import Program

# Name -> (type, an example, what it is). The order is that of the slots.
FIELDS: Final[dict[str, tuple[int, str, str]]] = {
    "action": (STRING, '"NEW"', '`"NEW"` or `"REPLACE"`'),
    "user_id": (STRING, '"alice"', "whose order it is"),
    "tenant_id": (STRING, '"demo"', "the tenant"),
    "tier_id": (STRING, '"gold"', "the user's tier; no value of an unknown user"),
    "source_system_id": (STRING, '"gateway-1"', "the system that sent it"),
    "trader_id": (STRING, '"t-7"', "the trader; no value where the order names none"),
    "algo_id": (STRING, '"twap-1"', "the algorithm, likewise"),
    "desk_id": (STRING, '"rates"', "the desk, likewise"),
    "counterparty_id": (STRING, '"cp-1"', "the counterparty, likewise"),
    "instrument_id": (STRING, '"ESH4"', "the instrument"),
    "side": (STRING, '"BUY"', '`"BUY"` or `"SELL"`'),
    "order_type": (STRING, '"LIMIT"', '`"LIMIT"` or `"MARKET"`'),
    "time_in_force": (STRING, '"DAY"', '`"GTC"`, `"DAY"`, `"IOC"` or `"FOK"`'),
    "quantity_lots": (INT, "5", "the order's quantity"),
    "price_e9": (
        INT,
        "5120250000000",
        "its price in 1e-9 price units, of a MARKET order the one it is judged at",
    ),
    "notional_minor": (
        INT,
        "128006250",
        "quantity x price x multiplier, rounded up, in minor units of the instrument's currency",
    ),
    "mark_e9": (INT, "5120000000000", "the reference price, however old; no value without one"),
    "position_lots": (INT, "18", "the user's position in the instrument, before the order"),
    "working_buy_lots": (INT, "3", "the user's working buys in it, before the order"),
    "working_sell_lots": (INT, "0", "the user's working sells in it, before the order"),
    "open_orders_count": (INT, "3", "the user's working orders in all"),
    "messages_today": (INT, "40", "accepted orders, replaces and cancels of the business day"),
    "age_ms": (INT, "3", "gate time less event_time, in milliseconds, rounded down"),
    "reduces": (BOOL, "false", "whether the order can only lower risk ([rules.md](rules.md))"),
    "reduce_only": (BOOL, "false", "whether it is marked so"),
}
FIELD_TYPES: Final[dict[str, int]] = {name: kind for name, (kind, _, _) in FIELDS.items()}
SLOTS: Final[dict[str, int]] = {name: slot for slot, name in enumerate(FIELDS)}


def compiled(text: str) -> Program:
    """The program of a rule's text; raises RuleProblem, which says what is wrong with it."""
    return compile_rule(text, FIELD_TYPES)
