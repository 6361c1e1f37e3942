"""An order's story in plain words.

Owns how each step reads: what was asked or reported, what the gate made of it and why, and how
things stood afterwards. Money in minor units, quantities in lots, times in UTC.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline.audit.story import REPORT, REQUEST, SWEEP, Step, Story
from pipeline.audit.story_replay import After, Purse
from pipeline.codecs.rendering import time_text
from pipeline.risk.order_life import STATES
from pipeline.risk.reasons import ACCEPTED, APPLIED, DEAD_LETTERS, FACTS, reject_text
from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    AUDIT_OUTCOME_IGNORED,
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_NAMES,
    CHECK_OUTCOME_NOTIFIED,
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NAMES,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_TYPE_NAMES,
    SIDE_NAMES,
    TIME_IN_FORCE_NAMES,
    CheckResult,
    Decision,
    Fill,
    Order,
)

GOOD: Final = "good"
BAD: Final = "bad"
ODD: Final = "odd"
PLAIN: Final = "plain"

_PRICE_UNIT: Final = 10**9
_SECOND_US: Final = 10**6
_MS_US: Final = 1_000
_STATE_TEXTS: Final = dict(STATES)
# What a figure of a check counts, in the words of "at most 5 ... are allowed".
_COUNTED: Final = {
    "ORDER_RATE": "orders within a second",
    "MESSAGE_RATE": "messages within a second",
    "ORDER_TO_TRADE": "messages today",
    "REPEATED_EXECUTION": "trades of the algorithm",
    "SAME_CONTENT": "orders alike",
    "ORDER_QUANTITY": "lots",
    "ORDER_NOTIONAL": "minor units",
    "PRICE_COLLAR": "bps from the mark",
    "PERIOD_COLLAR": "bps from the period's marks",
    "SHORT_SALE": "lots short",
    "POSITION_LIMIT": "lots",
    **{
        f"{group}_{kind}": "minor units"
        for group in ("INSTRUMENT", "CURRENCY", "SECTOR", "USER")
        for kind in ("GROSS", "NET")
    },
    "OPEN_ORDERS": "working orders",
    "HOLDINGS": "instruments",
    "CREDIT": "minor units",
    "DAILY_LOSS": "minor units",
    "DRAWDOWN": "minor units",
    "BUYING_POWER": "minor units",
    "HIGH_FREQUENCY_RATE": "messages within a second",
    "HIGH_FREQUENCY_DAY": "messages today",
    "INSTANT_CANCEL": "cancels at once today",
    "PUSH": "pushes today",
}


class Line(NamedTuple):
    """A line of a step: how it is to be taken, and what it says."""

    tone: str
    text: str


class CheckLine(NamedTuple):
    """A line of a decision vector as people read it."""

    check: str
    outcome: str
    reason: str
    observed: str
    limit: str
    headroom: str
    version: str


# -- figures


def price_text(price_e9: int) -> str:
    """A price as a decimal, whole numbers in groups of three."""
    whole, fraction = divmod(abs(price_e9), _PRICE_UNIT)
    decimals = f"{fraction:09}".rstrip("0")
    return f"{'-' if price_e9 < 0 else ''}{whole:,}" + (f".{decimals}" if decimals else "")


def _duration(microseconds: int) -> str:
    sign, size = ("-" if microseconds < 0 else ""), abs(microseconds)
    if size >= _SECOND_US:
        return f"{sign}{size // _SECOND_US:,}.{size % _SECOND_US:06} s"
    return f"{sign}{size // _MS_US}.{size % _MS_US:03} ms"


def _change(change: int) -> str:
    return f" ({change:+,})" if change else ""


def _lots(count: int) -> str:
    return f"{count:,} lot" if count == 1 else f"{count:,} lots"


def _figure(check: str, name: str, value: int | None) -> str:
    """A figure of a check in its own unit; empty where there is none."""
    if value is None:
        return ""
    if check == "EVENT_TIME" or (check == "EXPIRY" and name == "headroom"):
        return _duration(value)
    if check == "EXPIRY":
        return str(time_text(value))
    if check == "SELF_MATCH":
        return price_text(value)
    if check == "MARKET_BOUND":
        return price_text(value) if name == "observed" else f"{value:,} bps"
    return f"{value:,}"


# -- requests


def _terms(order: Order) -> str:
    price = "" if order.price_e9 is None else f" at {price_text(order.price_e9)}"
    until = "" if order.expires_at is None else f" until {time_text(order.expires_at)}"
    return (
        f"{SIDE_NAMES[order.side].lower()} {order.quantity_lots:,} {order.instrument_id}{price}, "
        f"{ORDER_TYPE_NAMES[order.order_type]} {TIME_IN_FORCE_NAMES[order.time_in_force]}{until}"
    )


def _asked(order: Order) -> str:
    about = order.orig_order_id or "no order"
    if order.action == ORDER_ACTION_NEW:
        return f"NEW {order.order_id}: {_terms(order)}"
    if order.action == ORDER_ACTION_CANCEL:
        return f"CANCEL {order.order_id}: cancel {about}"
    return f"REPLACE {order.order_id}: change {about} to {_terms(order)}; the quantity is the total"


def _sent(step: Step, order: Order) -> str:
    """When the source says it was sent, by whom, and how far that is from gate time."""
    age = step.record.gate_time - order.event_time
    side = "before" if age >= 0 else "after"
    return (
        f"sent {time_text(order.event_time)} by {order.source_system_id}, "
        f"{_duration(abs(age))} {side} gate time"
    )


def _request(step: Step, order: Order) -> Iterator[Line]:
    yield Line(PLAIN, _asked(order))
    yield Line(PLAIN, _sent(step, order))
    decision = step.decision
    if decision is None:
        yield from _dead(step)
    elif decision.duplicate_of is not None:
        yield Line(
            ODD,
            f"The same record again: answered {decision.reason_code} as at lane sequence "
            f"{decision.duplicate_of}; nothing else changed.",
        )
    elif decision.reason_code == ACCEPTED:
        yield Line(GOOD, _accepted(order, decision))
        if decision.protection_price_e9 is not None:
            bound = price_text(decision.protection_price_e9)
            yield Line(PLAIN, f"The venue may fill it at {bound} or better.")
        yield from _held(decision)
        yield from _covered(decision)
        yield from _told(decision)
        yield from _converted(decision)
    else:
        yield Line(BAD, f"Rejected {decision.reason_code}: {decision.reason_text}")
        yield from (Line(BAD, text) for text in _why(decision))
        yield from _covered(decision)
        yield from _told(decision)
        yield from _converted(decision)


def _accepted(order: Order, decision: Decision) -> str:
    exempt = [
        line.check for line in decision.checks if CHECK_OUTCOME_NAMES[line.result] == "EXEMPT"
    ]
    but = f", but for {', '.join(exempt)}, which the policy exempts" if exempt else ""
    passed = f"Accepted: all {len(decision.checks)} checks passed{but}."
    if order.action == ORDER_ACTION_NEW:
        return passed
    if order.action == ORDER_ACTION_CANCEL:
        return f"{passed} Nothing is released until the venue reports."
    return f"{passed} Both versions are covered until the venue answers."


def _held(decision: Decision) -> Iterator[Line]:
    if decision.hold_currency is None:
        return
    amount, currency = decision.hold_minor, decision.hold_currency
    if amount == 0:
        yield Line(PLAIN, f"Nothing more is held in {currency}.")
    elif amount > 0:
        yield Line(PLAIN, f"{amount:,} {currency} more are held.")
    else:
        yield Line(PLAIN, f"{-amount:,} {currency} are held no more.")


def _covered(decision: Decision) -> Iterator[Line]:
    """Money of other currencies that an acceptance has pledged, or a rejection would have."""
    verb = "are" if decision.reason_code == ACCEPTED else "would have been"
    unit = decision.hold_currency or "minor units"
    for cover in decision.cover:
        yield Line(
            PLAIN,
            f"{cover.pledged_minor:,} {cover.currency} {verb} pledged for {cover.covered_minor:,} "
            f"{unit}, by {cover.fx_instrument_id}: {price_text(cover.fx_price_e9)} as of "
            f"{time_text(cover.fx_as_of)}, less {cover.haircut_bps:,} bps (collateral version "
            f"{cover.collateral_version}).",
        )


def _converted(decision: Decision) -> Iterator[Line]:
    if decision.fx_instrument_id is None or decision.fx_price_e9 is None:
        return
    as_of = "" if decision.fx_as_of is None else f" as of {time_text(decision.fx_as_of)}"
    price = price_text(decision.fx_price_e9)
    yield Line(PLAIN, f"Its notional was converted by {decision.fx_instrument_id}: {price}{as_of}.")


def _told(decision: Decision) -> Iterator[Line]:
    """What failed and only raised an alert."""
    for line in decision.checks:
        if line.result == CHECK_OUTCOME_NOTIFIED and line.reason_code is not None:
            figures = _failure(line)
            seen = f" {figures}" if figures else ""
            text = f"Let pass with an alert by {line.check}: {reject_text(line.reason_code)}{seen}"
            yield Line(ODD, text)


def _why(decision: Decision) -> Iterator[str]:
    """What the check that decided saw."""
    failed = [line for line in decision.checks if line.result == CHECK_OUTCOME_FAIL]
    if not failed:
        return
    line = failed[0]
    text = _failure(line)
    if text:
        yield text
    others = [
        other.check if other.reason_code == other.check else f"{other.check} ({other.reason_code})"
        for other in failed[1:]
    ]
    if others:
        yield f"It would also have failed {', '.join(others)}."
    most = decision.passing_lots_max
    if most:
        yield f"A quantity of {_lots(most)} would have passed, and no larger one."


def _failure(line: CheckResult) -> str:
    if line.observed is None or line.limit is None:
        return ""
    observed = _figure(line.check, "observed", line.observed)
    limit = _figure(line.check, "limit", line.limit)
    version = "" if line.limit_version is None else f" (limit version {line.limit_version})"
    over = line.observed - line.limit
    if line.check == "EVENT_TIME":
        if line.observed < 0:
            return f"It was {_duration(-line.observed)} ahead of gate time{version}."
        return f"It was {observed} old; at most {limit} are allowed{version}."
    if line.check == "EXPIRY":
        return f"It was over at {limit}; gate time was {observed}."
    if line.check == "BUYING_POWER":
        return f"It would hold {observed} more; {limit} were available: {over:,} short."
    if line.check == "SELF_MATCH":
        return f"At {observed} it could trade with an order of the same user."
    counted = _COUNTED.get(line.check, "")
    return (
        f"It came to {observed} {counted}; at most {limit} are allowed{version}: {over:,} too many."
    )


def check_lines(decision: Decision) -> list[CheckLine]:
    """The decision vector as a table of texts."""
    return [
        CheckLine(
            line.check,
            CHECK_OUTCOME_NAMES[line.result],
            line.reason_code or "",
            _figure(line.check, "observed", line.observed),
            _figure(line.check, "limit", line.limit),
            _figure(line.check, "headroom", line.headroom),
            "" if line.limit_version is None else str(line.limit_version),
        )
        for line in decision.checks
    ]


# -- reports


def _traded(fill: Fill) -> str:
    price = "no price" if fill.last_price_e9 is None else price_text(fill.last_price_e9)
    fee = f"a rebate of {-fill.fee_minor:,}" if fill.fee_minor < 0 else f"fee {fill.fee_minor:,}"
    return f"{_lots(fill.last_lots)} at {price}, {fee}"


def _reported(fill: Fill) -> str:
    """What the venue says."""
    of = fill.order_id
    ref = fill.exec_ref_id or "no execution"
    texts = {
        EXEC_TYPE_NEW: f"The venue acknowledged {of}.",
        EXEC_TYPE_PARTIAL_FILL: f"Filled in part: {_traded(fill)}.",
        EXEC_TYPE_FILL: f"Filled: {_traded(fill)}.",
        EXEC_TYPE_CANCELED: f"The venue cancelled {of}, with {_lots(fill.cum_lots)} filled in all.",
        EXEC_TYPE_REJECTED: f"The venue rejected {of}, with {_lots(fill.cum_lots)} filled in all.",
        EXEC_TYPE_EXPIRED: f"Expired at the venue, with {_lots(fill.cum_lots)} filled in all.",
        EXEC_TYPE_REPLACED: f"The venue carried out the replace {of}.",
        EXEC_TYPE_CANCEL_REJECTED: f"The venue refused the request {of}.",
        EXEC_TYPE_TRADE_CANCEL: f"The venue busted the trade {ref}.",
        EXEC_TYPE_TRADE_CORRECT: f"The venue corrected the trade {ref} to {_traded(fill)}.",
    }
    return texts[fill.exec_type]


def _report(step: Step, fill: Fill) -> Iterator[Line]:
    trade_id = "" if fill.trade_id is None else f", trade {fill.trade_id}"
    yield Line(PLAIN, f"{_reported(fill)}")
    yield Line(
        PLAIN,
        f"{EXEC_TYPE_NAMES[fill.exec_type]} {fill.exec_id} of {fill.venue} on {fill.order_id}"
        f"{trade_id}, reported {time_text(fill.event_time)}",
    )
    reason = step.record.reason_code
    if step.record.outcome == AUDIT_OUTCOME_DEAD_LETTER:
        yield from _dead(step)
    elif step.record.outcome == AUDIT_OUTCOME_IGNORED or reason != APPLIED:
        yield Line(ODD, f"{reason}: {FACTS.get(reason, '')}")
    after = step.after
    order = None if after is None else after.order
    if after is not None and order is not None and order.final_lots is not None:
        yield Line(PLAIN, f"{_lots(after.open_lots)} filled are still to come, and held for.")


def _dead(step: Step) -> Iterator[Line]:
    reason = step.record.reason_code
    yield Line(BAD, f"Dead letter {reason}: {DEAD_LETTERS.get(reason, '')} Nothing was applied.")


# -- the gate itself


def _sweep(decision: Decision) -> Iterator[Line]:
    yield Line(
        ODD,
        f"The gate ended {decision.orig_order_id}. {decision.reason_code}: {decision.reason_text}",
    )
    yield Line(PLAIN, f"Decision {decision.order_id}, taken before the input at this place.")
    yield from _held(decision)


# -- how things stood


def _standing(after: After) -> Iterator[Line]:
    order = f"{after.order_state}, filled {after.filled_lots:,}, open {after.open_lots:,}"
    held = ""
    if after.hold_currency is not None:
        change = _change(after.hold_change_minor)
        held = f", held for it {after.hold_minor:,}{change} {after.hold_currency}"
    if after.order is not None and after.order.pending_order_id is not None:
        held += f", replace {after.order.pending_order_id} pending"
    yield Line(PLAIN, f"order: {order}{held}")
    for purse in after.purses:
        yield Line(
            PLAIN,
            f"{purse.currency}: cash {purse.cash_minor:,}{_change(purse.cash_change_minor)}, held "
            f"{purse.held_minor:,}{_change(purse.held_change_minor)}{_pledges(purse)}, available "
            f"{purse.available_minor:,}",
        )
    row = after.position
    if row is not None:
        margin = f", margin {row.margin_minor:,} {row.margin_currency}" if row.margin_minor else ""
        yield Line(
            PLAIN,
            f"{after.instrument_id}: position {row.position_lots:,}, working buys "
            f"{row.working_buy_lots:,}, working sells {row.working_sell_lots:,}{margin}",
        )


def _pledges(purse: Purse) -> str:
    """What is pledged of it and what covers it, where there is anything of that."""
    texts = (
        ("pledged", purse.pledged_minor, purse.pledged_change_minor),
        ("covered", purse.covered_minor, purse.covered_change_minor),
    )
    told = [f", {word} {size:,}{_change(by)}" for word, size, by in texts if size or by]
    return "".join(told)


def lines(step: Step) -> list[Line]:
    """What happened, what the gate made of it and why."""
    if step.kind == REQUEST and step.order is not None:
        return list(_request(step, step.order))
    if step.kind == REPORT and step.fill is not None:
        return list(_report(step, step.fill))
    if step.kind == SWEEP and step.decision is not None:
        return list(_sweep(step.decision))
    return []


def standing(step: Step) -> list[Line]:
    """How things stood afterwards; nothing where that is not known."""
    return [] if step.after is None else list(_standing(step.after))


def place(step: Step) -> str:
    """Where and when: gate time, lane and sequence, the input's topic, partition and offset."""
    at = step.record
    return (
        f"{time_text(at.gate_time)}  lane {at.lane}, sequence {at.lane_sequence}  "
        f"{at.source_topic}[{at.source_partition}]@{at.source_offset}"
    )


def ending(story: Story) -> str | None:
    """How the order stands now; None where that is not known."""
    last = story.steps[-1].after
    if last is None:
        return None
    state = last.order_state
    if state in ("UNKNOWN", "REFUSED"):
        return f"{state}: {_STATE_TEXTS[state]}"
    return f"{state}: {_STATE_TEXTS[state]} Filled {_lots(last.filled_lots)}."
