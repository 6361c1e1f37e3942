"""Columns of a scenario's table: what of the lane each shows, as people write it.

Owns the names of columns and how their values are written. Must never compute what a row holds.
"""

import re
from collections.abc import Callable
from typing import Final

from pipeline.codecs.avro import decode_decision, decode_regulatory_event
from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import (
    AUDIT_OUTCOME_DEAD_LETTER,
    AUDIT_OUTCOME_IGNORED,
)
from tests.scenarios.figures import shown, shown_money, shown_price
from tests.scenarios.floor import Floor

NOTHING: Final = "-"


def answer_of(output: LaneOutput) -> str:
    """What the gate said: the reason code, with what it came to where that is not plain."""
    if output.outcome == AUDIT_OUTCOME_DEAD_LETTER:
        return f"dead letter {output.reason_code}"
    if output.outcome == AUDIT_OUTCOME_IGNORED:
        return f"ignored {output.reason_code}"
    if output.decision is not None and decode_decision(output.decision).duplicate_of is not None:
        return f"{output.reason_code} again"
    return output.reason_code


def swept_of(output: LaneOutput) -> str:
    """Orders that the gate ended before the step, and why."""
    swept = [decode_decision(body) for _, body in output.swept]
    return ", ".join(f"{own.orig_order_id} {own.reason_code}" for own in swept)


def _protection(output: LaneOutput) -> str:
    price_e9 = None
    if output.decision is not None:
        price_e9 = decode_decision(output.decision).protection_price_e9
    return "" if price_e9 is None else shown_price(price_e9)


def _converted(output: LaneOutput) -> str:
    if output.decision is None:
        return ""
    decision = decode_decision(output.decision)
    if decision.fx_instrument_id is None:
        return ""
    return f"{decision.fx_instrument_id} {shown_price(decision.fx_price_e9 or 0)}"


def _pledges(output: LaneOutput) -> str:
    """What an acceptance has pledged, or a rejection would have, and by which rates."""
    if output.decision is None:
        return ""
    return ", ".join(
        f"{shown_money(taken.pledged_minor, taken.currency)} {taken.currency} by "
        f"{taken.fx_instrument_id} {shown_price(taken.fx_price_e9)}"
        for taken in decode_decision(output.decision).cover
    )


# What happened in the step: an empty cell says nothing did.
OF_STEP: Final[dict[str, Callable[[LaneOutput], str]]] = {
    "swept": swept_of,
    "events": lambda output: ", ".join(
        decode_regulatory_event(body).event_type for _, body in output.events
    ),
    "protection": _protection,
    "converted at": _converted,
    "pledges": _pledges,
}


_OBSERVED: Final = re.compile(r"observed ([A-Z_]+) ([A-Z]+)")


def step_column(column: str) -> Callable[[LaneOutput], str] | None:
    """What a column such as "observed CREDIT USD" shows of a step, or None for no such column."""
    found = _OBSERVED.fullmatch(column)
    if found is None:
        return OF_STEP.get(column)
    check, currency = found[1], found[2]
    return lambda output: _observed(output, check, currency)


def _observed(output: LaneOutput, check: str, currency: str) -> str:
    if output.decision is None:
        return ""
    lines = [line for line in decode_decision(output.decision).checks if line.check == check]
    observed = lines[0].observed if lines else None
    return "" if observed is None else shown_money(observed, currency)


# What is stored after the step: an empty cell says it is as in the row above.
def _cash(floor: Floor, currency: str) -> str:
    return shown_money(floor.balance(currency).cash_minor, currency)


def _held(floor: Floor, currency: str) -> str:
    return shown_money(floor.balance(currency).held_minor, currency)


def _free(floor: Floor, currency: str) -> str:
    row = floor.balance(currency)
    free = row.cash_minor - row.held_minor - row.pledged_minor + row.covered_minor
    return shown_money(free, currency)


def _covered(floor: Floor, currency: str) -> str:
    return shown_money(floor.balance(currency).covered_minor, currency)


def _pledged(floor: Floor, currency: str) -> str:
    return shown_money(floor.balance(currency).pledged_minor, currency)


def _margin(floor: Floor, name: str) -> str:
    return shown_money(floor.position(name).margin_minor, floor.instruments[name].currency)


def _open(floor: Floor, order_id: str) -> str:
    row = floor.working(order_id)
    if row is None:
        return NOTHING
    asked = max(row.quantity_lots, row.pending_quantity_lots)
    return shown((asked if row.final_lots is None else row.final_lots) - row.filled_lots, 0)


def _filled(floor: Floor, order_id: str) -> str:
    lots = floor.filled_lots(order_id)
    return NOTHING if lots is None else shown(lots, 0)


def _hold(floor: Floor, order_id: str) -> str:
    row = floor.working(order_id)
    return NOTHING if row is None else shown_money(row.hold_minor, row.hold_currency)


def _id(floor: Floor, order_id: str) -> str:
    row = floor.working(order_id)
    return NOTHING if row is None else row.current_order_id


def _stops(floor: Floor) -> list[str]:
    user = floor.user()
    return [*user.latched, *user.halted_by]


OF_STATE: Final[dict[str, Callable[[Floor, str], str]]] = {
    "cash": _cash,
    "held": _held,
    "free": _free,
    "covered": _covered,
    "pledged": _pledged,
    "margin": _margin,
    "open": _open,
    "filled": _filled,
    "hold": _hold,
    "id": _id,
    "result": lambda floor, currency: shown_money(floor.result(currency).last_minor, currency),
    "position": lambda floor, name: shown(floor.position(name).position_lots, 0),
    "buys": lambda floor, name: shown(floor.position(name).working_buy_lots, 0),
    "sells": lambda floor, name: shown(floor.position(name).working_sell_lots, 0),
    "executions": lambda floor, name: shown(floor.executions(name), 0),
    "deficit": lambda floor, _: "yes" if floor.user().deficit_count else "no",
    "messages": lambda floor, _: shown(floor.user().messages_today, 0),
    "stopped by": lambda floor, _: ", ".join(_stops(floor)) or NOTHING,
}
# Those that are of the user, not of something named.
OF_USER: Final = ("deficit", "messages", "stopped by")
_NAMED: Final = re.compile(rf"({'|'.join(OF_STATE)}) (\S+)")


def state_column(column: str) -> Callable[[Floor], str] | None:
    """What a column such as "cash USD" shows of the stored state, or None for no such column."""
    if column in OF_USER:
        return lambda floor: OF_STATE[column](floor, "")
    found = _NAMED.fullmatch(column)
    if found is None:
        return None
    read, name = OF_STATE[found[1]], found[2]
    return lambda floor: read(floor, name)
