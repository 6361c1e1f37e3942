"""What can be missing, stale or contradictory, and the words for what a check does then.

Owns the conditions; each check's own cells are in its entry of `checks/registry.py`. The whole
table is in docs/controls.md, and a test visits every cell. Fail closed: where a check cannot judge,
it rejects, or another one rejects for the very thing that is missing. What lets an order pass is
named too. Must never decide anything.
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

# What many checks have in common, to be put together in `checks/registry.py`.
OF_A_USER: Final = {"NO_USER": SKIPS}
OF_AN_INSTRUMENT: Final = {"NO_INSTRUMENT": SKIPS}
BY_LIMIT: Final = {**OF_A_USER, "NO_LIMIT": "LIMIT_MISSING"}
OF_BOTH: Final = {**BY_LIMIT, **OF_AN_INSTRUMENT}
BY_MARK: Final = {"NO_MARK": "MARK_MISSING", "OLD_MARK": "MARK_STALE"}
BY_RATE: Final = {"NO_RATE": "FX_MISSING", "OLD_RATE": "FX_STALE"}
BY_QUANTITY: Final = {"BAD_QUANTITY": SKIPS}
BY_PRICE: Final = {"NO_PRICE": SKIPS}
BY_POLICY: Final = {"NO_POLICY": SKIPS}
BY_VALUE: Final = {**OF_BOTH, **BY_POLICY, **BY_QUANTITY, **BY_MARK, **BY_RATE}
BY_SECTOR: Final = {**BY_VALUE, "NO_SECTOR": PASSES, "NO_LISTING": PASSES}

# Of an operator's rule that looks at quantity and price, for example.
RULE: Final = "RULE:house"
OF_A_RULE: Final = {
    "NO_INSTRUMENT": PASSES,
    "BAD_QUANTITY": "RULE_REFUSED",
    "NO_PRICE": "RULE_ERROR",
    "MARKET_WITH_PRICE": PASSES,
    "NO_RULE": PASSES,
}
