"""Checks of where and for whom an order may trade now: sessions, restrictions, states, latches.

Owns what looks at nothing but what control and severe checks have put in force. Must never change
anything.
"""

from typing import Final

from pipeline.risk.records import (
    INSTRUMENT_KIND_EQUITY,
    INSTRUMENT_STATE_OPEN,
    RESTRICTION_SUBJECT_ALGORITHM,
    RESTRICTION_SUBJECT_COUNTERPARTY,
    RESTRICTION_SUBJECT_DESK,
    RESTRICTION_SUBJECT_INSTRUMENT,
    RESTRICTION_SUBJECT_USER,
    SIDE_BUY,
    STATE_SCOPE_ALGORITHM,
    STATE_SCOPE_DESK,
    STATE_SCOPE_INSTRUMENT,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    Order,
)
from tests.oracle.check_limits import EVERYWHERE
from tests.oracle.lines import Check, failed, passed, skipped
from tests.oracle.situation import Situation, reduces, short_lots

RESTRICTED: Final = {
    RESTRICTION_SUBJECT_USER: "USER_RESTRICTED",
    RESTRICTION_SUBJECT_DESK: "DESK_RESTRICTED",
    RESTRICTION_SUBJECT_INSTRUMENT: "INSTRUMENT_RESTRICTED",
    RESTRICTION_SUBJECT_COUNTERPARTY: "COUNTERPARTY_RESTRICTED",
    RESTRICTION_SUBJECT_ALGORITHM: "ALGORITHM_RESTRICTED",
}


def instrument(_: Order, now: Situation) -> Check:
    """What it is for."""
    if now.instrument is None:
        return failed("INSTRUMENT", "INSTRUMENT_UNKNOWN")
    if now.instrument.state != INSTRUMENT_STATE_OPEN:
        return failed("INSTRUMENT", "INSTRUMENT_NOT_OPEN")
    return passed("INSTRUMENT")


def session(order: Order, now: Situation) -> Check:
    """Whether the instrument trades at this time."""
    if now.instrument is None:
        return skipped("SESSION")
    listing = now.steering.listings.get(order.instrument_id)
    if listing is None:
        return failed("SESSION", "SESSION_UNKNOWN")
    if listing.calendar_id is None:
        return passed("SESSION")
    calendar = now.steering.calendars.get(listing.calendar_id)
    if calendar is None or not calendar.covers_from <= now.gate_time < calendar.covers_until:
        return failed("SESSION", "SESSION_UNKNOWN")
    sessions = zip(calendar.opens, calendar.closes, strict=True)
    open_ = any(opens <= now.gate_time < closes for opens, closes in sessions)
    return passed("SESSION") if open_ else failed("SESSION", "SESSION_CLOSED")


def restricted(order: Order, now: Situation) -> Check:
    """Whether anybody or anything about it is on a list."""
    named = {
        RESTRICTION_SUBJECT_USER: order.user_id,
        RESTRICTION_SUBJECT_DESK: order.desk_id,
        RESTRICTION_SUBJECT_INSTRUMENT: order.instrument_id,
        RESTRICTION_SUBJECT_COUNTERPARTY: order.counterparty_id,
        RESTRICTION_SUBJECT_ALGORITHM: order.algo_id,
    }
    for subject, reason in RESTRICTED.items():
        id_ = named[subject]
        for where in (EVERYWHERE, order.instrument_id):
            if id_ is not None and (subject, id_, where) in now.steering.restrictions:
                version = now.steering.restrictions[subject, id_, where]
                return Check("RESTRICTED", "FAIL", reason, limit_version=version)
    return passed("RESTRICTED")


def firm_state(order: Order, now: Situation) -> Check:
    """Whether the firm trades."""
    if now.firm_state is None:
        return failed("FIRM_STATE", "FIRM_STATE_MISSING")
    return by_state("FIRM", now.firm_state, None, order, now)


def user_state(order: Order, now: Situation) -> Check:
    """Whether the user trades."""
    if now.account is None:
        return skipped("USER_STATE")
    state = now.account.trading_state
    if state == TRADING_STATE_ACTIVE and now.book.short:
        state = TRADING_STATE_REDUCING
    return by_state("USER", state, None, order, now)


def algorithm_state(order: Order, now: Situation) -> Check:
    """Whether the algorithm trades."""
    return scope_state("ALGORITHM", STATE_SCOPE_ALGORITHM, order.algo_id, order, now)


def desk_state(order: Order, now: Situation) -> Check:
    """Whether the desk trades."""
    return scope_state("DESK", STATE_SCOPE_DESK, order.desk_id, order, now)


def instrument_state(order: Order, now: Situation) -> Check:
    """Whether the instrument is traded."""
    if now.instrument is None:
        return skipped("INSTRUMENT_STATE")
    return scope_state("INSTRUMENT", STATE_SCOPE_INSTRUMENT, order.instrument_id, order, now)


def scope_state(name: str, scope: int, id_: str | None, order: Order, now: Situation) -> Check:
    """By what was published last; nothing was: it trades."""
    if id_ is None or (scope, id_) not in now.steering.states:
        return passed(f"{name}_STATE")
    state, version = now.steering.states[scope, id_]
    return by_state(name, state, version, order, now)


def by_state(name: str, state: int, version: int | None, order: Order, now: Situation) -> Check:
    """HALTED stops everything, REDUCING what does not reduce."""
    if state == TRADING_STATE_HALTED:
        return Check(f"{name}_STATE", "FAIL", f"{name}_HALTED", limit_version=version)
    if state == TRADING_STATE_REDUCING and not reduces(order, now):
        return Check(f"{name}_STATE", "FAIL", f"{name}_REDUCING", limit_version=version)
    return passed(f"{name}_STATE")


def latch(order: Order, now: Situation) -> Check:
    """Whether a severe check has stopped the user, and nobody has looked at it yet."""
    if now.account is None:
        return skipped("LATCH")
    if now.book.halted_by:
        return failed("LATCH", "HALTED_BY_CHECK")
    if now.book.latched and not reduces(order, now):
        return failed("LATCH", "LATCHED")
    return passed("LATCH")


def reduce_only(order: Order, now: Situation) -> Check:
    """Whether it does what it says of itself."""
    adds = order.reduce_only and not reduces(order, now)
    return failed("REDUCE_ONLY", "NOT_REDUCING") if adds else passed("REDUCE_ONLY")


def short_mark(order: Order, now: Situation) -> Check:
    """Whether it says of itself that it sells what is not there."""
    known, name = now.instrument, "SHORT_MARK"
    if known is None:
        return skipped(name)
    marked = order.short_mark is not None
    if known.kind != INSTRUMENT_KIND_EQUITY or order.side == SIDE_BUY:
        return failed(name, "SHORT_MARK_WRONG") if marked else passed(name)
    short = short_lots(order, now)
    if short is None or now.account is None:
        return skipped(name)
    if short > 0 and not marked:
        return failed(name, "SHORT_MARK_MISSING")
    if short == 0 and marked:
        return failed(name, "SHORT_MARK_WRONG")
    return passed(name)
