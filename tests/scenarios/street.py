"""What clients ask for and venues report, as records.

Owns the acts of orders and execution reports; `phrases.py` has the words for them.
"""

from typing import Any, Final

from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import (
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_LIMIT,
    ORDER_TYPE_MARKET,
    SIDE_NAMES,
    TIME_IN_FORCE_NAMES,
    Order,
)
from tests.property.world import changed
from tests.scenarios.figures import day_of, lots_of, moment, money, price
from tests.scenarios.floor import Floor, Parts, PhraseError
from tests.scenarios.usual_desk import TENANT, USER

ENDS: Final = {
    "cancels": EXEC_TYPE_CANCELED,
    "expires": EXEC_TYPE_EXPIRED,
    "rejects": EXEC_TYPE_REJECTED,
}
BUSTS: Final = {"busts": EXEC_TYPE_TRADE_CANCEL, "corrects": EXEC_TYPE_TRADE_CORRECT}

# Clients


def ask(floor: Floor, parts: Parts) -> LaneOutput:
    """A NEW."""
    at_market = parts["price"] == "market"
    until = parts["until"]
    return floor.order(
        Order(
            event_time=floor.now_us,
            source_system_id="desk",
            tenant_id=TENANT,
            action=ORDER_ACTION_NEW,
            order_id=parts["order"],
            orig_order_id=None,
            user_id=USER,
            instrument_id=parts["name"],
            side=SIDE_NAMES.index(parts["side"].upper()),
            order_type=ORDER_TYPE_MARKET if at_market else ORDER_TYPE_LIMIT,
            time_in_force=TIME_IN_FORCE_NAMES.index((parts["tif"] or "gtc").strip().upper()),
            quantity_lots=lots_of(parts["lots"]),
            price_e9=None if at_market else price(parts["price"]),
            expires_at=moment(until, day_of(floor.now_us)) if until else None,
            trader_id=None,
            algo_id=parts["algorithm"] or None,
            desk_id=parts["desk"] or None,
            counterparty_id=parts["counterparty"] or None,
            tags={},
        )
    )


def known(floor: Floor, order_id: str) -> Order:
    """An order record that was sent before."""
    order = floor.orders.get(order_id)
    if order is None:
        message = f"no order record {order_id} was sent above"
        raise PhraseError(message)
    return order


def replace(floor: Floor, parts: Parts) -> LaneOutput:
    """A REPLACE with the terms of what it replaces."""
    order = known(floor, parts["order"])
    return floor.order(
        changed(
            order,
            event_time=floor.now_us,
            action=ORDER_ACTION_REPLACE,
            order_id=parts["by"],
            orig_order_id=order.order_id,
            quantity_lots=lots_of(parts["lots"]),
            price_e9=price(parts["price"]),
        )
    )


def cancel(floor: Floor, parts: Parts) -> LaneOutput:
    """A CANCEL."""
    order = known(floor, parts["order"])
    return floor.order(
        changed(
            order,
            event_time=floor.now_us,
            action=ORDER_ACTION_CANCEL,
            order_id=parts["by"],
            orig_order_id=order.order_id,
            quantity_lots=0,
            price_e9=None,
        )
    )


def repeat(floor: Floor, parts: Parts) -> LaneOutput:
    """An order record once more."""
    return floor.order(known(floor, parts["order"]))


# Venues


def exec_id(floor: Floor, parts: Parts) -> str:
    """The report's id, or one that nobody needs."""
    return parts["exec"] or floor.new_id("x")


def trade_of(floor: Floor, parts: Parts, name: str | None = None) -> dict[str, Any]:
    """The fields of a report that say what was traded."""
    lots = lots_of(parts["lots"])
    order = floor.orders.get(parts["order"])
    traded = name or ("" if order is None else order.instrument_id)
    return {
        "exec_id": exec_id(floor, parts),
        "last_lots": lots,
        "last_price_e9": price(parts["price"]),
        "cum_lots": lots,
        "fee_minor": money(parts["fee"] or "0", floor.currency_of(traded)),
    }


def acknowledge(floor: Floor, parts: Parts) -> LaneOutput:
    """The venue has the order."""
    return floor.report(floor.report_of(known(floor, parts["order"]).order_id))


def fill(floor: Floor, parts: Parts) -> LaneOutput:
    """A trade on a known order."""
    known(floor, parts["order"])
    trade = trade_of(floor, parts)
    return floor.report(floor.report_of(parts["order"], exec_type=EXEC_TYPE_FILL, **trade))


def fill_unknown(floor: Floor, parts: Parts) -> LaneOutput:
    """A trade on an order that nobody sent."""
    placed = {
        "instrument_id": parts["name"],
        "side": SIDE_NAMES.index(parts["side"].upper()),
        "exec_type": EXEC_TYPE_FILL,
    }
    trade = trade_of(floor, parts, parts["name"])
    return floor.report(floor.report_of(parts["order"], **(placed | trade)))


def end(floor: Floor, parts: Parts) -> LaneOutput:
    """The venue says that the order is over."""
    known(floor, parts["order"])
    return floor.report(
        floor.report_of(
            parts["order"],
            exec_type=ENDS[parts["ends"]],
            cum_lots=lots_of(parts["filled"]),
        )
    )


def replaced(floor: Floor, parts: Parts) -> LaneOutput:
    """The venue has carried out a REPLACE."""
    return floor.report(
        floor.report_of(
            known(floor, parts["by"]).order_id,
            orig_order_id=parts["order"],
            exec_type=EXEC_TYPE_REPLACED,
        )
    )


def refuse(floor: Floor, parts: Parts) -> LaneOutput:
    """The venue will not do what a CANCEL or REPLACE asks for."""
    request = known(floor, parts["order"])
    return floor.report(
        floor.report_of(
            request.order_id,
            orig_order_id=request.orig_order_id,
            exec_type=EXEC_TYPE_CANCEL_REJECTED,
        )
    )


def bust(floor: Floor, parts: Parts) -> LaneOutput:
    """The venue takes a trade back, or says what it should have been."""
    exec_type = BUSTS[parts["busts"]]
    right = trade_of(floor, parts) if parts["lots"] else {"exec_id": exec_id(floor, parts)}
    if (exec_type == EXEC_TYPE_TRADE_CORRECT) != bool(parts["lots"]):
        message = "a correction says what is right (': 4 at 5,000.00'), a bust does not"
        raise PhraseError(message)
    return floor.report(
        floor.report_of(
            known(floor, parts["order"]).order_id,
            exec_type=exec_type,
            exec_ref_id=parts["ref"],
            **right,
        )
    )


def report_again(floor: Floor, parts: Parts) -> LaneOutput:
    """A report once more."""
    fill = floor.reports.get(parts["exec"])
    if fill is None:
        message = f"no report {parts['exec']} was sent above"
        raise PhraseError(message)
    return floor.report(fill)
