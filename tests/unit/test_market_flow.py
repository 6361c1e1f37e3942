"""Market-by-order messages as orders, reports and marks."""

from collections import Counter

from pipeline.market.flow import (
    EVENT_CANCEL,
    EVENT_MARK,
    EVENT_NEW,
    EVENT_REPLACE,
    EVENT_REPORT,
    FlowStats,
    MarketEvent,
    MarketFlow,
)
from pipeline.market.messages import FLAG_SNAPSHOT, MboMessage
from pipeline.market.recordings import open_recording
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REPLACED,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_IOC,
)
from pipeline.settings import PROJECT_ROOT

SECOND = 1_000_000_000
QUIET_US = 10_000_000
EXCERPT = PROJECT_ROOT / "samples/esh4-glbx-mdp3-20231225.csv.zst"


def message(
    time_s: int, order_id: int, what: str, price: int, lots: int, *, flags: int = 0
) -> MboMessage:
    """`what` is action and side, as in "AB"; the price in whole points."""
    return MboMessage(time_s * SECOND, order_id, what[0], what[1], price * 10**9, lots, flags)


def read(*messages: MboMessage) -> tuple[list[MarketEvent], FlowStats]:
    flow = MarketFlow(QUIET_US)
    return list(flow.events(messages)), flow.stats


def requests(events: list[MarketEvent]) -> list[tuple[int, int, int, int]]:
    """(kind, revision, lots, price in points) of orders, replaces and cancels."""
    return [
        (event.kind, event.revision, event.lots, event.price_e9 // 10**9)
        for event in events
        if event.kind in {EVENT_NEW, EVENT_REPLACE, EVENT_CANCEL}
    ]


def reports(events: list[MarketEvent]) -> list[tuple[int, int, int, int, int]]:
    """(order, exec type, last, cumulative, leaves) of reports."""
    return [
        (
            event.venue_order_id,
            event.exec_type,
            event.lots,
            event.cum_lots,
            event.leaves_lots,
        )
        for event in events
        if event.kind == EVENT_REPORT
    ]


def marks(events: list[MarketEvent]) -> list[tuple[int, int]]:
    """(time in seconds, price in points)."""
    return [
        (event.time_us // 10**6, event.price_e9 // 10**9)
        for event in events
        if event.kind == EVENT_MARK
    ]


def test_an_add_is_a_new_order_and_the_venue_acknowledges_it() -> None:
    events, _ = read(message(1, 7, "AB", 100, 3))
    assert requests(events) == [(EVENT_NEW, 1, 3, 100)]
    assert reports(events) == [(7, EXEC_TYPE_NEW, 0, 0, 3)]
    assert events[0].time_in_force == TIME_IN_FORCE_GTC
    assert not events[0].opening


def test_a_cancel_is_a_request_and_the_venue_confirms_it() -> None:
    events, _ = read(message(1, 7, "AB", 100, 3), message(2, 7, "CB", 100, 3))
    assert requests(events)[1] == (EVENT_CANCEL, 1, 0, 0)
    assert reports(events)[1] == (7, EXEC_TYPE_CANCELED, 0, 0, 0)


def test_a_modify_is_a_replace_and_the_venue_answers_under_the_new_revision() -> None:
    events, stats = read(message(1, 7, "AB", 100, 3), message(2, 7, "MB", 101, 2))
    assert requests(events)[1:] == [(EVENT_REPLACE, 2, 2, 101)]
    asked, replaced = events[-2:]
    assert (asked.orig_revision, asked.leaves_lots) == (1, 2)
    assert (replaced.exec_type, replaced.revision) == (EXEC_TYPE_REPLACED, 2)
    assert (replaced.orig_revision, replaced.cum_lots, replaced.leaves_lots) == (1, 0, 2)
    assert stats.implied_replaces == 0


def test_a_replace_asks_for_the_total_with_what_has_been_filled() -> None:
    events, _ = read(
        message(1, 7, "AB", 100, 5),
        message(2, 9, "TA", 100, 2),
        message(2, 7, "FB", 100, 2),
        message(2, 7, "MB", 100, 3),
        message(3, 7, "MB", 99, 4),
        message(4, 7, "CB", 99, 4),
    )
    assert requests(events)[-2:] == [(EVENT_REPLACE, 2, 6, 99), (EVENT_CANCEL, 2, 0, 0)]
    assert reports(events)[-2:] == [
        (7, EXEC_TYPE_REPLACED, 0, 2, 4),
        (7, EXEC_TYPE_CANCELED, 0, 2, 0),
    ]


def test_an_order_id_that_comes_again_gets_request_ids_of_its_own() -> None:
    events, _ = read(
        message(1, 7, "AB", 100, 3),
        message(2, 7, "MB", 101, 3),
        message(3, 7, "CB", 101, 3),
        message(4, 7, "AB", 102, 1),
    )
    assert requests(events)[-1] == (EVENT_NEW, 3, 1, 102)


def test_a_cancel_after_a_fill_at_the_same_time_only_restates_the_book() -> None:
    events, stats = read(
        message(1, 7, "AB", 100, 3),
        message(2, 9, "TA", 100, 3),
        message(2, 7, "FB", 100, 3),
        message(2, 7, "CB", 100, 3),
    )
    assert all(event.kind != EVENT_CANCEL for event in events)
    assert stats.book_effect_cancels == 1
    assert (7, EXEC_TYPE_FILL, 3, 3, 0) in reports(events)


def test_a_modify_after_a_fill_at_the_same_time_only_restates_the_book() -> None:
    events, stats = read(
        message(1, 7, "AB", 100, 3),
        message(2, 9, "TA", 100, 1),
        message(2, 7, "FB", 100, 1),
        message(2, 7, "MB", 100, 2),
        message(3, 7, "CB", 100, 2),
    )
    assert stats.book_effect_modifies == 1
    assert (7, EXEC_TYPE_PARTIAL_FILL, 1, 1, 2) in reports(events)
    assert (7, EXEC_TYPE_CANCELED, 0, 1, 0) in reports(events)


def test_a_cancel_at_a_later_time_than_the_fill_is_a_request() -> None:
    events, stats = read(
        message(1, 7, "AB", 100, 3),
        message(2, 9, "TA", 100, 1),
        message(2, 7, "FB", 100, 1),
        message(2, 7, "MB", 100, 2),
        message(3, 7, "CB", 100, 2),
    )
    assert stats.book_effect_cancels == 0
    assert sum(event.kind == EVENT_CANCEL for event in events) == 1


def test_an_aggressor_is_one_immediate_order_at_its_worst_price() -> None:
    events, stats = read(
        message(1, 7, "AA", 100, 2),
        message(1, 8, "AA", 101, 1),
        message(2, 9, "TB", 100, 2),
        message(2, 7, "FA", 100, 2),
        message(2, 9, "TB", 101, 1),
        message(2, 8, "FA", 101, 1),
        message(2, 7, "CA", 100, 2),
        message(2, 8, "CA", 101, 1),
    )
    order = next(event for event in events if event.venue_order_id == 9)
    assert (order.kind, order.lots, order.price_e9) == (EVENT_NEW, 3, 101 * 10**9)
    assert (order.side, order.time_in_force) == (SIDE_BUY, TIME_IN_FORCE_IOC)
    assert [report for report in reports(events) if report[0] == 9] == [
        (9, EXEC_TYPE_NEW, 0, 0, 3),
        (9, EXEC_TYPE_PARTIAL_FILL, 2, 2, 1),
        (9, EXEC_TYPE_FILL, 1, 3, 0),
    ]
    assert stats.aggressors == 1


def test_what_rests_of_an_aggressor_belongs_to_the_same_order() -> None:
    events, stats = read(
        message(1, 7, "AB", 100, 2),
        message(2, 9, "TA", 100, 2),
        message(2, 7, "FB", 100, 2),
        message(2, 7, "CB", 100, 2),
        message(2, 9, "AA", 99, 5),
        message(3, 9, "CA", 99, 5),
    )
    order = next(event for event in events if event.venue_order_id == 9)
    assert (order.lots, order.price_e9, order.side) == (7, 99 * 10**9, SIDE_SELL)
    assert order.time_in_force == TIME_IN_FORCE_GTC
    assert reports(events)[-1] == (9, EXEC_TYPE_CANCELED, 0, 2, 0)
    assert stats.book_effect_adds == 1


def test_the_hidden_part_of_an_iceberg_is_asked_for_before_it_trades() -> None:
    events, stats = read(
        message(1, 7, "AB", 100, 1),
        message(2, 9, "TA", 100, 4),
        message(2, 7, "FB", 100, 4),
        message(2, 7, "MB", 100, 2),
    )
    changes = [request for request in requests(events) if request[1] == 2]
    assert changes == [(EVENT_REPLACE, 2, 6, 100)]
    assert reports(events)[-1] == (7, EXEC_TYPE_PARTIAL_FILL, 4, 4, 2)
    assert stats.implied_replaces == 1


def test_an_order_from_the_book_that_trades_as_the_aggressor_changes_its_price_first() -> None:
    events, stats = read(
        message(1, 7, "AB", 100, 2),
        message(1, 8, "AA", 101, 2),
        message(2, 7, "TB", 101, 2),
        message(2, 7, "FB", 101, 2),
        message(2, 8, "FA", 101, 2),
        message(2, 7, "CB", 100, 2),
        message(2, 8, "CA", 101, 2),
    )
    assert requests(events)[2:] == [(EVENT_REPLACE, 2, 2, 101)]
    assert [report[1:] for report in reports(events) if report[0] == 7][-1] == (
        EXEC_TYPE_FILL,
        2,
        2,
        0,
    )
    assert stats.aggressors == 0


def test_a_fill_of_an_order_never_seen_is_counted_and_left_out() -> None:
    events, stats = read(message(1, 0, "TN", 100, 3), message(1, 7, "FN", 100, 3))
    assert marks(events) == [(1, 100)]
    assert len(events) == 1
    assert (stats.unmatched_fills, stats.unmatched_lots) == (1, 3)
    assert (stats.traded_lots, stats.executed_lots) == (3, 3)


def test_the_opening_book_is_marked_and_preceded_by_its_midpoint() -> None:
    events, stats = read(
        message(1, 7, "AB", 98, 1, flags=FLAG_SNAPSHOT),
        message(1, 8, "AA", 102, 1, flags=FLAG_SNAPSHOT),
        message(2, 9, "AB", 99, 1),
    )
    assert events[0].kind == EVENT_MARK
    assert marks(events) == [(1, 100)]
    assert [event.opening for event in events if event.kind == EVENT_NEW] == [True, True, False]
    assert stats.opening_orders == 2


def test_without_trades_the_midpoint_is_the_mark() -> None:
    events, _ = read(
        message(1, 7, "AB", 98, 1, flags=FLAG_SNAPSHOT),
        message(1, 8, "AA", 102, 1, flags=FLAG_SNAPSHOT),
        message(5, 9, "AB", 100, 1),
        message(20, 10, "AB", 95, 1),
    )
    assert marks(events) == [(1, 100), (20, 101)]


def test_reports_of_the_sample_add_up() -> None:
    quantity: dict[int, int] = {}
    revision: dict[int, int] = {}
    filled: Counter[int] = Counter()
    ended: set[int] = set()
    last_us = 0
    flow = MarketFlow(QUIET_US)
    for number, event in enumerate(flow.events(open_recording(EXCERPT).messages), start=1):
        order = event.venue_order_id
        assert event.sequence == number
        assert event.time_us >= last_us
        last_us = event.time_us
        assert order not in ended
        if event.kind == EVENT_NEW:
            assert order not in quantity
        elif event.kind == EVENT_REPLACE:
            assert (event.orig_revision, event.revision) == (revision[order], revision[order] + 1)
            assert event.lots == filled[order] + event.leaves_lots > filled[order]
        if event.kind in {EVENT_NEW, EVENT_REPLACE}:
            quantity[order], revision[order] = event.lots, event.revision
        if event.kind != EVENT_REPORT:
            continue
        assert event.revision == revision[order]
        filled[order] += event.lots
        assert event.cum_lots == filled[order]
        canceled = event.exec_type == EXEC_TYPE_CANCELED
        assert event.leaves_lots == (0 if canceled else quantity[order] - filled[order])
        assert (event.exec_type == EXEC_TYPE_FILL) == (filled[order] == quantity[order])
        if not event.leaves_lots:
            ended.add(order)
    # Each trade has two sides, and only what the recording never shows has no order.
    stats = flow.stats
    assert stats.executed_lots == 2 * stats.traded_lots
    assert filled.total() == stats.executed_lots - stats.unmatched_lots
    assert (stats.unmatched_fills, stats.unmatched_lots) == (7, 14)
