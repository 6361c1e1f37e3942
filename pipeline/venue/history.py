"""What the venue was when it stopped, from the requests it had taken and the reports it had made.

Owns the way back to an engine: reports in order of their numbers tell what became of each request,
so neither the switches nor the interleaving of lanes at that time matter. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    ORDER_ACTION_NEW,
    Fill,
)
from pipeline.venue.engine import SOURCE, Engine
from pipeline.venue.orders import Request, VenueOrder, order_of
from pipeline.venue.switches import Switches

_ENDING: Final = {EXEC_TYPE_FILL, EXEC_TYPE_CANCELED, EXEC_TYPE_EXPIRED}
_FILLING: Final = {EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_TRADE_CANCEL}

Key = tuple[str, str]


class HistoryError(Exception):
    """The venue cannot go on from its own reports; the text says why and what to do."""


class Report(NamedTuple):
    """What of an own report is needed to go on."""

    number: int
    time: int
    user_id: str
    order_id: str
    orig_order_id: str | None
    exec_type: int
    cum_lots: int


def report_of(fill: Fill, venue: str) -> Report | None:
    """A report of this venue's own; None for anybody else's."""
    number = fill.exec_id[1:]
    is_own = (fill.source_system_id, fill.venue, fill.exec_id[:1]) == (SOURCE, venue, "E")
    if not is_own or not number.isdecimal():
        return None
    return Report(
        int(number),
        fill.event_time,
        fill.user_id,
        fill.order_id,
        fill.orig_order_id,
        fill.exec_type,
        fill.cum_lots,
    )


def taken_up_to(
    committed: Mapping[int, int | None],
    requests: Mapping[int, Sequence[tuple[int, Request]]],
    reports: Iterable[Report],
) -> dict[int, int]:
    """Partition -> the offset of the first decision that was not acted on.

    `committed`: what Kafka has of it. Kafka forgets it after a week of rest; then everything up to
    the last decision with a report was. `requests`: partition -> (offset, request).
    """
    answered = {(report.user_id, report.order_id) for report in reports}
    return {
        partition: offset
        if offset is not None
        else max(
            (at + 1 for at, request in requests[partition] if request.key in answered), default=0
        )
        for partition, offset in committed.items()
    }


def restored(switches: Switches, requests: Sequence[Request], reports: list[Report]) -> Engine:
    """The engine that has acted on `requests` and made `reports`.

    Requests of a user are in their order. Raises HistoryError when a report is missing.
    """
    reports.sort()
    for number, report in enumerate(reports, start=1):
        if report.number != number:
            raise HistoryError(
                f"where report E{number} of venue {switches.venue} should be in the fills, there "
                f"is E{report.number}: some were deleted, or made by something else. Under "
                "another --venue name it goes on, but never answers for what works now"
            )
    by_key = {request.key: request for request in requests}
    for report in reports:
        asked_for = report.exec_type in {EXEC_TYPE_NEW, EXEC_TYPE_REPLACED}
        if asked_for and (report.user_id, report.order_id) not in by_key:
            raise HistoryError(
                f"report E{report.number} answers order {report.order_id!r}, which is not among "
                "the decisions taken up: some were deleted, or the group's offsets were reset"
            )
    roots = _roots(requests)
    orders = _open_orders(by_key, roots, reports)
    orders |= _silent_orders(requests, roots, reports)
    for key, root in roots.items():
        order = orders.get((key[0], root))
        if order is not None and key[1] != root:
            order.names.append(key[1])
    engine = Engine(switches)
    last_time = max((report.time for report in reports), default=0)
    engine.restore(orders.values(), len(reports), last_time)
    return engine


def _roots(requests: Iterable[Request]) -> dict[Key, str]:
    """Every id -> the id of the NEW that it leads to."""
    roots: dict[Key, str] = {}
    for request in requests:
        if request.action == ORDER_ACTION_NEW:
            roots[request.key] = request.order_id
        elif request.orig_key in roots:
            roots[request.key] = roots[request.orig_key]
    return roots


def _open_orders(
    by_key: Mapping[Key, Request], roots: Mapping[Key, str], reports: Iterable[Report]
) -> dict[Key, VenueOrder]:
    """(User, id of the NEW) -> order, of those that no report has ended, in order of place."""
    orders: dict[Key, VenueOrder] = {}
    for report in reports:
        key = (report.user_id, report.order_id)
        if report.exec_type == EXEC_TYPE_NEW:
            orders[key] = order_of(by_key[key], report.number)
            continue
        root = (report.user_id, roots.get(key, report.orig_order_id or ""))
        order = orders.get(root)
        if order is None:
            continue
        if report.exec_type in _FILLING:
            order.cum_lots = report.cum_lots
        elif report.exec_type in _ENDING:
            del orders[root]
        elif report.exec_type == EXEC_TYPE_REPLACED:
            if order.loses_place(by_key[key]):
                orders[root] = orders.pop(root)
            order.amend(by_key[key])
    return orders


def _silent_orders(
    requests: Iterable[Request], roots: Mapping[Key, str], reports: Iterable[Report]
) -> dict[Key, VenueOrder]:
    """The same of those that were never answered and that the gate has not ended."""
    answered = {(report.user_id, report.order_id) for report in reports}
    silent: dict[Key, VenueOrder] = {}
    for request in requests:
        if request.action == ORDER_ACTION_NEW and request.key not in answered:
            order = silent[request.key] = order_of(request, 0)
            order.is_silent = True
        elif request.by_gate:
            silent.pop((request.user_id, roots.get(request.orig_key, "")), None)
    return silent
