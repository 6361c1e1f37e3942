"""Reason codes: what an order was rejected for, what a fact was flagged with, why a letter is dead.

Owns the stable names, their texts and their FIX codes. A name never changes its meaning and is
never used for another one. docs/reasons.md is made from this table. Compiled with mypyc.
"""

from typing import Final

ACCEPTED: Final = "ACCEPTED"
APPLIED: Final = "APPLIED"
PENDING: Final = "PENDING"

# FIX OrdRejReason (103).
UNKNOWN_SYMBOL: Final = 1
EXCHANGE_CLOSED: Final = 2
EXCEEDS_LIMIT: Final = 3
DUPLICATE_ORDER: Final = 6
STALE_ORDER: Final = 8
UNSUPPORTED_CHARACTERISTIC: Final = 11
INCORRECT_QUANTITY: Final = 13
UNKNOWN_ACCOUNT: Final = 15
PRICE_EXCEEDS_BAND: Final = 16
INVALID_PRICE_INCREMENT: Final = 18
OTHER: Final = 99
# FIX CxlRejReason (102).
CANCEL_TOO_LATE: Final = 0
CANCEL_UNKNOWN_ORDER: Final = 1
CANCEL_ALREADY_PENDING: Final = 3
CANCEL_DUPLICATE: Final = 6
CANCEL_OTHER: Final = 99

# Reject reasons: code -> (text, OrdRejReason). In the order in which the checks can raise them.
REJECTIONS: Final[dict[str, tuple[str, int]]] = {
    "DUPLICATE_ID": ("The order id was used before with other content.", DUPLICATE_ORDER),
    "TOO_OLD": ("The event time is further back than order ids are remembered.", STALE_ORDER),
    "FIELD_TOO_LONG": ("An id is empty or too long, or there are too many tags.", OTHER),
    "RESERVED_ID": ("Order ids that begin with gate: are the gate's own.", OTHER),
    "UNSUPPORTED": ("A replace cannot make a market order.", UNSUPPORTED_CHARACTERISTIC),
    "ORIG_ORDER_MISSING": ("A cancel or replace must name the order it refers to.", OTHER),
    "BAD_PRICE": (
        "A limit order needs a price above zero, within bounds; a market order has none.",
        OTHER,
    ),
    "BAD_QUANTITY": ("The quantity must be above zero and within bounds.", INCORRECT_QUANTITY),
    "POLICY_MISSING": ("No policy has been published, so nothing can be judged.", OTHER),
    "EVENT_TIME_IN_FUTURE": ("The event time is further ahead than allowed.", OTHER),
    "ORDER_STALE": ("The order took longer to get here than allowed.", STALE_ORDER),
    "ORDER_EXPIRED": ("The order's expiry has passed.", STALE_ORDER),
    "USER_UNKNOWN": ("The user is not registered.", UNKNOWN_ACCOUNT),
    "TENANT_MISMATCH": ("The user belongs to another tenant.", UNKNOWN_ACCOUNT),
    "ORIG_ORDER_UNKNOWN": ("The order to cancel or replace is not known.", OTHER),
    "ORIG_ORDER_CLOSED": ("The order to cancel or replace has ended.", OTHER),
    "REPLACE_MISMATCH": ("A replace changes quantity and price, nothing else.", OTHER),
    "CANCEL_PENDING": ("A cancel of the order is pending.", OTHER),
    "REPLACE_PENDING": ("A replace of the order is pending.", OTHER),
    "BELOW_FILLED": ("The quantity is not above what has been filled.", INCORRECT_QUANTITY),
    "INSTRUMENT_UNKNOWN": ("The instrument is not defined.", UNKNOWN_SYMBOL),
    "INSTRUMENT_NOT_OPEN": ("The instrument is closed or halted.", EXCHANGE_CLOSED),
    "SESSION_UNKNOWN": ("No session calendar says whether the instrument trades now.", OTHER),
    "SESSION_CLOSED": ("The instrument does not trade now.", EXCHANGE_CLOSED),
    "USER_RESTRICTED": ("The user is on a restricted list.", OTHER),
    "DESK_RESTRICTED": ("The desk is on a restricted list.", OTHER),
    "INSTRUMENT_RESTRICTED": ("The instrument is on a restricted list.", OTHER),
    "COUNTERPARTY_RESTRICTED": ("The counterparty is on a restricted list.", OTHER),
    "ALGORITHM_RESTRICTED": ("The algorithm is on a restricted list.", OTHER),
    "FIRM_STATE_MISSING": ("The firm's trading state has not been published.", OTHER),
    "FIRM_HALTED": ("Trading is halted for the whole firm.", OTHER),
    "FIRM_REDUCING": ("The firm may only reduce risk.", OTHER),
    "USER_HALTED": ("Trading is halted for the user.", OTHER),
    "USER_REDUCING": ("The user may only reduce risk.", OTHER),
    "ALGORITHM_HALTED": ("Trading is halted for the algorithm.", OTHER),
    "ALGORITHM_REDUCING": ("The algorithm may only reduce risk.", OTHER),
    "DESK_HALTED": ("Trading is halted for the desk.", OTHER),
    "DESK_REDUCING": ("The desk may only reduce risk.", OTHER),
    "INSTRUMENT_HALTED": ("Trading is halted in the instrument.", EXCHANGE_CLOSED),
    "INSTRUMENT_REDUCING": ("Only what reduces risk may be traded in the instrument.", OTHER),
    "HALTED_BY_CHECK": ("A check has halted the user until a person releases it.", OTHER),
    "LATCHED": ("A check lets the user only reduce risk until a person releases it.", OTHER),
    "NOT_REDUCING": ("The order is marked reduce-only and could add risk.", OTHER),
    "PRICE_INCREMENT": ("The price is not a multiple of the tick.", INVALID_PRICE_INCREMENT),
    "LOT_SIZE": ("The quantity is not a multiple of the lot.", INCORRECT_QUANTITY),
    "LIMIT_MISSING": ("No limit is configured for this check.", EXCEEDS_LIMIT),
    "ORDER_RATE": ("Too many orders within a second.", EXCEEDS_LIMIT),
    "MESSAGE_RATE": ("Too many messages within a second.", EXCEEDS_LIMIT),
    "ORDER_TO_TRADE": ("Too many messages today for what has been traded.", EXCEEDS_LIMIT),
    "REPEATED_EXECUTION": (
        "The algorithm has traded as often as it may unattended.",
        EXCEEDS_LIMIT,
    ),
    "SAME_CONTENT": ("The same order was accepted too often within the window.", DUPLICATE_ORDER),
    "ORDER_QUANTITY": ("The quantity is above the limit.", EXCEEDS_LIMIT),
    "OUT_OF_RANGE": ("The order is worth more than can be represented.", EXCEEDS_LIMIT),
    "ORDER_NOTIONAL": ("The notional is above the limit.", EXCEEDS_LIMIT),
    "FX_MISSING": ("There is no rate to convert by.", EXCEEDS_LIMIT),
    "FX_STALE": ("The rate to convert by is too old.", EXCEEDS_LIMIT),
    "MARK_MISSING": ("There is no reference price.", PRICE_EXCEEDS_BAND),
    "MARK_STALE": ("The reference price is too old.", PRICE_EXCEEDS_BAND),
    "PRICE_COLLAR": ("The price is too far from the reference price.", PRICE_EXCEEDS_BAND),
    "PERIOD_COLLAR": ("The price is too far from the period's prices.", PRICE_EXCEEDS_BAND),
    "SELF_MATCH": ("The order could trade with an order of the same user.", OTHER),
    "SHORT_SALE": ("More would be sold short than is allowed and located.", EXCEEDS_LIMIT),
    "SHORT_MARK_MISSING": ("A sale of shares that are not there must be marked short.", OTHER),
    "SHORT_MARK_WRONG": ("The order is marked short and is no short sale.", OTHER),
    "POSITION_LIMIT": ("Position and working orders would exceed the limit.", EXCEEDS_LIMIT),
    "INSTRUMENT_GROSS": ("Gross exposure in the instrument would be too high.", EXCEEDS_LIMIT),
    "INSTRUMENT_NET": ("Net exposure in the instrument would be too high.", EXCEEDS_LIMIT),
    "CURRENCY_GROSS": ("Gross exposure in the currency would be too high.", EXCEEDS_LIMIT),
    "CURRENCY_NET": ("Net exposure in the currency would be too high.", EXCEEDS_LIMIT),
    "SECTOR_GROSS": ("Gross exposure in the sector would be too high.", EXCEEDS_LIMIT),
    "SECTOR_NET": ("Net exposure in the sector would be too high.", EXCEEDS_LIMIT),
    "USER_GROSS": ("The user's gross exposure would be too high.", EXCEEDS_LIMIT),
    "USER_NET": ("The user's net exposure would be too high.", EXCEEDS_LIMIT),
    "OPEN_ORDERS": ("Too many working orders.", EXCEEDS_LIMIT),
    "HOLDINGS": ("The user is in as many instruments as can be valued.", EXCEEDS_LIMIT),
    "CREDIT": ("What is held for the user would exceed the credit threshold.", EXCEEDS_LIMIT),
    "DAILY_LOSS": ("The day's loss is at its limit.", EXCEEDS_LIMIT),
    "DRAWDOWN": ("The fall from the day's best result is at its limit.", EXCEEDS_LIMIT),
    "FEE_MISSING": ("No fee schedule is configured for the user's tier.", OTHER),
    "MARGIN_MISSING": ("The instrument has no margin configured.", OTHER),
    "BUYING_POWER": ("The available funds do not cover the order.", EXCEEDS_LIMIT),
    "HIGH_FREQUENCY_RATE": (
        "Messages within a second as of a high-frequency account.",
        EXCEEDS_LIMIT,
    ),
    "HIGH_FREQUENCY_DAY": ("Messages of the day as of a high-frequency account.", EXCEEDS_LIMIT),
    "INSTANT_CANCEL": ("Too many orders were cancelled at once today.", EXCEEDS_LIMIT),
    "PUSH": ("Too many orders today each bettered the price of the one before.", EXCEEDS_LIMIT),
    "RULE_REFUSED": ("A rule of the operator's refuses the order.", OTHER),
    "RULE_ERROR": ("A rule of the operator's cannot be computed for the order.", OTHER),
}

# Dead letters: inputs that could not be read, placed or applied.
DEAD_LETTERS: Final[dict[str, str]] = {
    "UNKNOWN_SCHEMA": "The value does not start with the frame of a schema this topic takes.",
    "TOO_LARGE": "The value has more than 1 MiB when unpacked.",
    "MALFORMED": "The value is not Avro of its schema.",
    "FIELD_TOO_LONG": "An id is empty or too long.",
    "NULL_KEY": "The record has no key; it must be the user id.",
    "KEY_MISMATCH": "The key is not the record's user id.",
    "WRONG_PARTITION": "The record does not lie in its user's partition (murmur2).",
    "BAD_CONTROL": "The control record's content is out of range.",
    "BAD_PRICE": "The price must be above zero and within bounds.",
    "BAD_QUANTITY": "A quantity is negative or out of bounds.",
    "BAD_AMOUNT": "The amount is zero, of the wrong sign or out of bounds.",
    "EXEC_REF_MISSING": "A bust or correction must name the execution it refers to.",
    "FACT_TOO_OLD": "The event time is further back than ids are remembered: it may be a repeat.",
    "EVENT_TIME_IN_FUTURE": "The event time is further ahead than ids are remembered.",
    "UNPLACED_FACT": "It is about no known order, and names no known instrument that fits.",
    "WITHDRAWAL_ID_MISSING": "A withdrawal needs a withdrawal id.",
    "WITHDRAWAL_UNKNOWN": "No such withdrawal is pending in this currency.",
    "SETTLEMENT_INCOMPLETE": "A settlement by price needs instrument, price and session date.",
    "OUT_OF_RANGE": "Applying it would take a figure outside 64 bits.",
}

# Facts: applied, with what is odd about them.
FACTS: Final[dict[str, str]] = {
    APPLIED: "Applied.",
    PENDING: "A control change that waits for its effective-from.",
    "REPEATED_CONTROL": "This control number was applied before; ignored.",
    "REPEATED_EXEC": "This execution report was applied before; ignored.",
    "SUPERSEDED_EXEC": "It was busted or corrected before it came; ignored.",
    "REPEATED_DEPOSIT": "This movement was applied before; ignored.",
    "UNKNOWN_ORDER": "A report for an order the gate has not seen; applied.",
    "REJECTED_ORDER": "A report for an order the gate had rejected; applied.",
    "UNKNOWN_EXEC": "The execution it refers to is not known as a trade.",
    "REPEATED_BUST": "The execution it refers to was busted or corrected before; nothing changed.",
    "UNKNOWN_REPLACE": "No replace of the order is pending; nothing changed.",
    "LATE_FILL": "A fill for an order that had ended; applied.",
    "OVERFILL": "More was filled than was open; applied.",
    "WITHDRAWAL_REFUSED": "The withdrawal would break a hold; refused.",
    "REPEATED_SESSION": "This session or a later one was settled before; nothing changed.",
    "WITHDRAWAL_REPEATED": "A withdrawal with this id is pending already; refused.",
}

# Decisions of the gate's own, on orders that gate time has ended.
SWEPT: Final[dict[str, str]] = {
    "EXPIRED": "The order's time is over.",
    "ORPHANED": "The venue has not reported on the order in time.",
}

_CANCEL_REJECT_REASONS: Final[dict[str, int]] = {
    "ORIG_ORDER_UNKNOWN": CANCEL_UNKNOWN_ORDER,
    "ORIG_ORDER_CLOSED": CANCEL_TOO_LATE,
    "BELOW_FILLED": CANCEL_TOO_LATE,
    "CANCEL_PENDING": CANCEL_ALREADY_PENDING,
    "REPLACE_PENDING": CANCEL_ALREADY_PENDING,
    "DUPLICATE_ID": CANCEL_DUPLICATE,
}


def reject_text(reason_code: str) -> str:
    """What a decision says to people."""
    if reason_code == ACCEPTED:
        return "Accepted."
    return REJECTIONS[reason_code][0]


def swept_text(reason_code: str) -> str:
    """What a decision of the gate's own says to people."""
    return SWEPT[reason_code]


def fix_reject_reason(reason_code: str, *, is_new: bool) -> int | None:
    """FIX OrdRejReason (103) for a NEW, CxlRejReason (102) otherwise; None when accepted."""
    if reason_code == ACCEPTED:
        return None
    if is_new:
        return REJECTIONS[reason_code][1]
    return _CANCEL_REJECT_REASONS.get(reason_code, CANCEL_OTHER)
