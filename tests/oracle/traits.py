"""What the tables of docs/rules.md ("Checks") say of each check, for control to go by.

Owns the names of checks and what may be said of each. Knows nothing of how one is judged.
"""

from typing import Final

EXPOSURES: Final = tuple(
    f"{group}_{sum_}"
    for group in ("INSTRUMENT", "CURRENCY", "SECTOR", "USER")
    for sum_ in ("GROSS", "NET")
)
NEVER_EXEMPT: Final = (
    "FIELDS",
    "EVENT_TIME",
    "EXPIRY",
    "USER",
    "ORIG_ORDER",
    "REPLACE",
    "INSTRUMENT",
    "RESTRICTED",
    "FIRM_STATE",
    "USER_STATE",
    "ALGORITHM_STATE",
    "DESK_STATE",
    "INSTRUMENT_STATE",
    "LATCH",
    "REDUCE_ONLY",
    "PRICE_TICK",
    "LOT",
    "MARKET_BOUND",
    "SHORT_SALE",
    "HOLDINGS",
    "BUYING_POWER",
)
# Those marked x.
EXEMPTABLE: Final = (
    "SESSION",
    "ORDER_RATE",
    "MESSAGE_RATE",
    "ORDER_TO_TRADE",
    "REPEATED_EXECUTION",
    "SAME_CONTENT",
    "ORDER_QUANTITY",
    "ORDER_NOTIONAL",
    "PRICE_COLLAR",
    "PERIOD_COLLAR",
    "SELF_MATCH",
    "SHORT_MARK",
    "POSITION_LIMIT",
    *EXPOSURES,
    "OPEN_ORDERS",
    "CREDIT",
    "DAILY_LOSS",
    "DRAWDOWN",
    "HIGH_FREQUENCY_RATE",
    "HIGH_FREQUENCY_DAY",
    "INSTANT_CANCEL",
    "PUSH",
)
CHECKS: Final = NEVER_EXEMPT + EXEMPTABLE
IN_MONEY: Final = (*EXPOSURES, "CREDIT", "DAILY_LOSS", "DRAWDOWN")
LIMITED: Final = (
    "MESSAGE_RATE",
    "ORDER_TO_TRADE",
    "REPEATED_EXECUTION",
    "SAME_CONTENT",
    "PERIOD_COLLAR",
    *IN_MONEY,
    "HIGH_FREQUENCY_RATE",
    "HIGH_FREQUENCY_DAY",
    "INSTANT_CANCEL",
    "PUSH",
)
# How far those look back that control may move, where it says nothing.
WINDOW_MS: Final = {
    "SAME_CONTENT": 1_000,
    "PERIOD_COLLAR": 300_000,
    "INSTANT_CANCEL": 1_000,
    "PUSH": 60_000,
}
