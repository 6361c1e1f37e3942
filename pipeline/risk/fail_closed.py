"""What each check does when something it needs is missing, stale or contradictory.

Owns the declared table: docs/controls.md has it from here, and a test visits every cell. Fail
closed: where a check cannot judge, it rejects, or another one rejects for the very thing that is
missing. What lets an order pass is named too. Must never decide anything.
"""

from typing import Final

# Outcomes of a cell, beside a reject reason.
SKIPS: Final = "NOT_EVALUATED"
PASSES: Final = "PASS"

# Condition -> what is not as it should be.
CONDITIONS: Final[dict[str, str]] = {
    "NO_POLICY": "No policy has been published",
    "NO_FIRM_STATE": "No firm state has been published",
    "NO_USER": "The user is not registered",
    "OTHER_TENANT": "The user belongs to another tenant than the order says",
    "NO_INSTRUMENT": "The instrument is not defined",
    "NO_LISTING": "The instrument is not listed",
    "NO_CALENDAR": "Its listing names a calendar that has not been published",
    "CALENDAR_GAP": "The calendar does not cover the time",
    "ROUND_THE_CLOCK": "Its listing names no calendar",
    "NO_SECTOR": "Its listing names no sector",
    "NO_LIMIT": "Neither the user nor the tier has a limit",
    "NO_MARK": "There is no reference price",
    "OLD_MARK": "The reference price is too old",
    "OTHER_WINDOW": "The period's length has changed since the last reference price",
    "NO_RATE": "A limit is in another currency, and there is no rate",
    "OLD_RATE": "That rate is too old",
    "NO_FEES": "The tier has no fee schedule",
    "NO_MARGIN": "The instrument has no margin",
    "BAD_QUANTITY": "The quantity is out of bounds",
    "NO_PRICE": "A LIMIT order has no price",
    "MARKET_WITH_PRICE": "A MARKET order has a price",
    "NO_ORDER": "The order to replace or cancel is not known",
    "NO_NAMES": "The order names no algorithm, desk or counterparty",
    "NO_STATE": "Nothing has been said of the algorithm, desk or instrument",
    "NO_RULE": "The operator has no rule",
}

_OF_A_USER: Final = {"NO_USER": SKIPS}
_OF_AN_INSTRUMENT: Final = {"NO_INSTRUMENT": SKIPS}
_LIMITED: Final = {**_OF_A_USER, "NO_LIMIT": "LIMIT_MISSING"}
_OF_BOTH: Final = {**_LIMITED, **_OF_AN_INSTRUMENT}
_MARKED: Final = {"NO_MARK": "MARK_MISSING", "OLD_MARK": "MARK_STALE"}
_CONVERTED: Final = {"NO_RATE": "FX_MISSING", "OLD_RATE": "FX_STALE"}
_BY_QUANTITY: Final = {"BAD_QUANTITY": SKIPS}
_BY_PRICE: Final = {"NO_PRICE": SKIPS}
_BY_POLICY: Final = {"NO_POLICY": SKIPS}
_EXPOSURE: Final = {**_OF_BOTH, **_BY_POLICY, **_BY_QUANTITY, **_MARKED, **_CONVERTED}
_SECTOR: Final = {**_EXPOSURE, "NO_SECTOR": PASSES, "NO_LISTING": PASSES}
_RESULT: Final = {**_OF_BOTH, **_BY_POLICY, **_CONVERTED}
_STATE: Final = {"NO_STATE": PASSES, "NO_NAMES": PASSES}

FAIL_CLOSED: Final[dict[str, dict[str, str]]] = {
    "FIELDS": {
        "BAD_QUANTITY": "BAD_QUANTITY",
        "NO_PRICE": "BAD_PRICE",
        "MARKET_WITH_PRICE": "BAD_PRICE",
    },
    "EVENT_TIME": {"NO_POLICY": "POLICY_MISSING"},
    "EXPIRY": {},
    "USER": {"NO_USER": "USER_UNKNOWN", "OTHER_TENANT": "TENANT_MISMATCH"},
    "ORIG_ORDER": {"NO_ORDER": "ORIG_ORDER_UNKNOWN"},
    "REPLACE": {"NO_ORDER": SKIPS},
    "INSTRUMENT": {"NO_INSTRUMENT": "INSTRUMENT_UNKNOWN"},
    "SESSION": {
        **_OF_AN_INSTRUMENT,
        "NO_LISTING": "SESSION_UNKNOWN",
        "NO_CALENDAR": "SESSION_UNKNOWN",
        "CALENDAR_GAP": "SESSION_UNKNOWN",
        "ROUND_THE_CLOCK": PASSES,
    },
    "RESTRICTED": {"NO_NAMES": PASSES},
    "FIRM_STATE": {"NO_FIRM_STATE": "FIRM_STATE_MISSING"},
    "USER_STATE": _OF_A_USER,
    "ALGORITHM_STATE": _STATE,
    "DESK_STATE": _STATE,
    "INSTRUMENT_STATE": {**_OF_AN_INSTRUMENT, "NO_STATE": PASSES},
    "LATCH": _OF_A_USER,
    "REDUCE_ONLY": {},
    "PRICE_TICK": {**_OF_AN_INSTRUMENT, **_BY_PRICE},
    "LOT": {**_OF_AN_INSTRUMENT, **_BY_QUANTITY},
    "MARKET_BOUND": {**_OF_BOTH, **_BY_POLICY, **_MARKED},
    "ORDER_RATE": _LIMITED,
    "MESSAGE_RATE": _LIMITED,
    "ORDER_TO_TRADE": _LIMITED,
    "REPEATED_EXECUTION": {**_LIMITED, "NO_NAMES": PASSES},
    "SAME_CONTENT": {**_OF_BOTH, **_BY_QUANTITY, **_BY_PRICE},
    "ORDER_QUANTITY": {**_OF_BOTH, **_BY_QUANTITY},
    "ORDER_NOTIONAL": {**_OF_BOTH, **_BY_POLICY, **_BY_QUANTITY, **_BY_PRICE, **_CONVERTED},
    "PRICE_COLLAR": {**_OF_BOTH, **_BY_POLICY, **_BY_PRICE, **_MARKED},
    "PERIOD_COLLAR": {
        **_OF_BOTH,
        **_BY_PRICE,
        "NO_MARK": "MARK_MISSING",
        "OTHER_WINDOW": "MARK_MISSING",
    },
    "SELF_MATCH": {**_OF_A_USER, **_OF_AN_INSTRUMENT, **_BY_PRICE},
    "SHORT_SALE": {**_OF_A_USER, **_OF_AN_INSTRUMENT, **_BY_QUANTITY, "NO_LIMIT": "SHORT_SALE"},
    "SHORT_MARK": {**_OF_A_USER, **_OF_AN_INSTRUMENT, **_BY_QUANTITY},
    "POSITION_LIMIT": {**_OF_BOTH, **_BY_QUANTITY},
    "INSTRUMENT_GROSS": _EXPOSURE,
    "INSTRUMENT_NET": _EXPOSURE,
    "CURRENCY_GROSS": _EXPOSURE,
    "CURRENCY_NET": _EXPOSURE,
    "SECTOR_GROSS": _SECTOR,
    "SECTOR_NET": _SECTOR,
    "USER_GROSS": _EXPOSURE,
    "USER_NET": _EXPOSURE,
    "OPEN_ORDERS": _BY_POLICY,
    "HOLDINGS": {**_OF_A_USER, **_OF_AN_INSTRUMENT},
    "CREDIT": {
        **_OF_BOTH,
        **_BY_POLICY,
        **_BY_QUANTITY,
        **_BY_PRICE,
        **_CONVERTED,
        "NO_FEES": SKIPS,
        "NO_MARGIN": SKIPS,
    },
    "DAILY_LOSS": _RESULT,
    "DRAWDOWN": _RESULT,
    "BUYING_POWER": {
        **_OF_A_USER,
        **_OF_AN_INSTRUMENT,
        **_BY_QUANTITY,
        **_BY_PRICE,
        "NO_FEES": "FEE_MISSING",
        "NO_MARGIN": "MARGIN_MISSING",
    },
    "HIGH_FREQUENCY_RATE": _LIMITED,
    "HIGH_FREQUENCY_DAY": _LIMITED,
    "INSTANT_CANCEL": _LIMITED,
    "PUSH": {**_OF_BOTH, **_BY_PRICE},
    "RULE:house": {
        "NO_INSTRUMENT": PASSES,
        "BAD_QUANTITY": "RULE_REFUSED",
        "NO_PRICE": "RULE_ERROR",
        "MARKET_WITH_PRICE": PASSES,
        "NO_RULE": PASSES,
    },
}
