"""The closed loop of a replay: what waits for the gate, and what never happens."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.avro import decode_fill, decode_order, encode_fill, encode_order
from pipeline.market.accounts import Account, Accounts
from pipeline.market.config import load_replay_config
from pipeline.market.flow import (
    EVENT_CANCEL,
    EVENT_MARK,
    EVENT_NEW,
    EVENT_REPLACE,
    EVENT_REPORT,
    MarketEvent,
    MarketFlow,
)
from pipeline.market.loop import ClosedLoop
from pipeline.market.marks import MarkConflater
from pipeline.market.messages import MboMessage
from pipeline.market.orders import REJECTED_ORDER, REJECTED_REPLACE
from pipeline.market.recordings import open_recording
from pipeline.market.records import RecordMaker, order_id, request_id
from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_REPLACED,
    ORDER_ACTION_REPLACE,
    SIDE_BUY,
)
from pipeline.settings import PROJECT_ROOT

EXCERPT = PROJECT_ROOT / "samples/esh4-glbx-mdp3-20231225.csv.zst"
ACCOUNTS = Accounts(1, ["T"], [("tier", 1)])
ACCOUNT = ACCOUNTS.all[0]
SECOND = 1_000_000_000


def flow_of(*messages: tuple[int, int, str, int, int]) -> list[MarketEvent]:
    """Events but for marks; a message is (second, order id, action and side, price, lots)."""
    read = (
        MboMessage(time_s * SECOND, number, what[0], what[1], price * 10**9, lots, 0)
        for time_s, number, what, price, lots in messages
    )
    return [event for event in MarketFlow(SECOND).events(read) if event.kind != EVENT_MARK]


def offer(loop: ClosedLoop, events: list[MarketEvent]) -> list[MarketEvent]:
    return [ready for event in events for ready, _ in loop.offer(event)]


def decide(loop: ClosedLoop, request: str, *, accepted: bool) -> list[MarketEvent]:
    code = "ACCEPTED" if accepted else "PRICE_COLLAR"
    return [ready for ready, _ in loop.decided(request, ACCOUNT, code, accepted=accepted)]


def test_new_orders_run_ahead_and_their_reports_wait_for_the_decision() -> None:
    loop = ClosedLoop(ACCOUNTS)
    first, first_ack, second, second_ack = flow_of((1, 7, "AB", 100, 1), (2, 8, "AB", 100, 1))
    assert offer(loop, [first, first_ack, second, second_ack]) == [first, second]
    assert loop.outstanding == 4
    assert loop.oldest_us == 1_000_000
    assert decide(loop, order_id(first), accepted=True) == [first_ack]
    assert decide(loop, order_id(second), accepted=True) == [second_ack]
    assert loop.outstanding == 0
    assert decide(loop, order_id(second), accepted=True) == []


def test_reports_of_an_account_keep_their_order() -> None:
    loop = ClosedLoop(ACCOUNTS)
    first, first_ack, second, second_ack = flow_of((1, 7, "AB", 100, 1), (2, 8, "AB", 100, 1))
    offer(loop, [first, first_ack, second, second_ack])
    assert decide(loop, order_id(second), accepted=True) == []
    assert decide(loop, order_id(first), accepted=True) == [first_ack, second_ack]


def test_a_cancel_waits_for_its_order_and_its_report_for_the_cancel() -> None:
    loop = ClosedLoop(ACCOUNTS)
    order, ack, cancel, canceled = flow_of((1, 7, "AB", 100, 1), (2, 7, "CB", 100, 1))
    assert offer(loop, [order, ack, cancel, canceled]) == [order]
    assert decide(loop, order_id(order), accepted=True) == [ack, cancel]
    assert decide(loop, request_id(cancel), accepted=True) == [canceled]


def test_a_change_waits_for_its_order_and_its_report_for_the_change() -> None:
    loop = ClosedLoop(ACCOUNTS)
    events = flow_of((1, 7, "AB", 100, 1), (2, 7, "MB", 101, 1), (3, 7, "MB", 102, 1))
    order, ack, first, first_done, second, second_done = events
    assert offer(loop, events) == [order]
    assert decide(loop, "7-1", accepted=True) == [ack, first]
    assert decide(loop, "7-2", accepted=True) == [first_done, second]
    assert decide(loop, "7-3", accepted=True) == [second_done]
    tally = loop.tally
    assert (tally.accepted, tally.replaces_accepted, loop.outstanding) == (1, 2, 0)


def test_what_depends_on_a_rejected_order_never_happens() -> None:
    loop = ClosedLoop(ACCOUNTS)
    events = flow_of(
        (1, 7, "AB", 100, 2),
        (2, 9, "TA", 100, 1),
        (2, 7, "FB", 100, 1),
        (2, 7, "MB", 100, 1),
        (3, 7, "CB", 100, 1),
    )
    offer(loop, events)
    assert decide(loop, "7-1", accepted=False) == []
    aggressor = decide(loop, "9-1", accepted=True)
    assert [event.exec_type for event in aggressor][-1] == EXEC_TYPE_FILL
    withheld = loop.tally.withheld
    assert (withheld.cancels, withheld.traded_lots) == (1, 1)
    assert withheld.lots_by_reason == {REJECTED_ORDER: 1}
    assert withheld.reports == 3
    assert loop.outstanding == 0
    assert loop.tally.rejected_by_reason == {"PRICE_COLLAR": 1}


def test_a_rejected_order_that_is_changed_is_asked_for_anew() -> None:
    loop = ClosedLoop(ACCOUNTS)
    offer(loop, flow_of((1, 7, "AB", 100, 1), (2, 7, "MB", 101, 2), (3, 7, "MB", 102, 3)))
    (tried,) = decide(loop, "7-1", accepted=False)
    assert (tried.kind, tried.revision, tried.orig_revision, tried.lots) == (EVENT_NEW, 2, 0, 2)
    ack, changed = decide(loop, "7-2", accepted=True)
    assert (ack.exec_type, ack.revision, ack.orig_revision) == (EXEC_TYPE_NEW, 2, 0)
    assert (changed.kind, changed.orig_revision, changed.lots) == (EVENT_REPLACE, 2, 3)
    assert loop.tally.asked_anew == 1


# BUY 5 at 100, 1 of it filled; then 6 more are displayed at 101, and 4 of those are filled.
RAISED = (
    (1, 7, "AB", 100, 5),
    (2, 7, "FB", 100, 1),
    (2, 7, "MB", 100, 4),
    (3, 7, "MB", 101, 6),
)


def test_after_a_rejected_replace_the_version_before_goes_on_under_its_id() -> None:
    loop = ClosedLoop(ACCOUNTS)
    events = flow_of(*RAISED, (4, 7, "FB", 100, 3), (4, 7, "MB", 101, 3), (5, 7, "CB", 101, 3))
    offer(loop, events)
    (*_, replace) = decide(loop, "7-1", accepted=True)
    assert (replace.kind, replace.revision, replace.lots) == (EVENT_REPLACE, 2, 7)
    fill, cancel = decide(loop, "7-2", accepted=False)
    assert (fill.revision, fill.lots, fill.cum_lots, fill.leaves_lots) == (1, 3, 4, 1)
    assert request_id(cancel) == "7-1-C"
    (canceled,) = decide(loop, "7-1-C", accepted=True)
    assert (canceled.exec_type, canceled.revision) == (EXEC_TYPE_CANCELED, 1)
    assert (canceled.cum_lots, canceled.leaves_lots) == (4, 0)
    tally = loop.tally
    assert tally.replaces_rejected_by_reason == {"PRICE_COLLAR": 1}
    assert (tally.rejected, tally.withheld.reports, tally.withheld.traded_lots) == (0, 1, 0)
    assert tally.left_working_orders == 0


def test_a_fill_beyond_the_limit_of_the_version_that_works_never_happened() -> None:
    loop = ClosedLoop(ACCOUNTS)
    offer(loop, flow_of(*RAISED, (4, 7, "FB", 101, 6), (4, 7, "CB", 101, 6)))
    decide(loop, "7-1", accepted=True)
    assert decide(loop, "7-2", accepted=False) == []
    tally = loop.tally
    assert tally.withheld.lots_by_reason == {REJECTED_REPLACE: 6}
    assert (tally.left_working_orders, tally.left_working_lots) == (1, 4)


def test_a_fill_of_more_than_the_version_that_works_has_open_is_cut_to_it() -> None:
    loop = ClosedLoop(ACCOUNTS)
    offer(loop, flow_of(*RAISED, (4, 7, "FB", 100, 5), (4, 7, "MB", 101, 1), (5, 7, "CB", 101, 1)))
    decide(loop, "7-1", accepted=True)
    (fill,) = decide(loop, "7-2", accepted=False)
    assert (fill.exec_type, fill.lots, fill.cum_lots, fill.leaves_lots) == (EXEC_TYPE_FILL, 4, 5, 0)
    withheld = loop.tally.withheld
    # Nothing of it works any more, so there is nothing to cancel.
    assert (withheld.cancels, withheld.lots_by_reason) == (1, {REJECTED_REPLACE: 1})
    assert (loop.tally.left_working_orders, loop.outstanding) == (0, 0)


def test_the_change_after_a_rejected_one_is_asked_of_the_version_that_works() -> None:
    loop = ClosedLoop(ACCOUNTS)
    offer(loop, flow_of(*RAISED, (4, 7, "MB", 100, 2)))
    decide(loop, "7-1", accepted=True)
    (again,) = decide(loop, "7-2", accepted=False)
    assert (again.kind, again.orig_revision, again.revision) == (EVENT_REPLACE, 1, 3)
    assert again.lots == 1 + 2
    (replaced,) = decide(loop, "7-3", accepted=True)
    assert (replaced.exec_type, replaced.revision) == (EXEC_TYPE_REPLACED, 3)
    assert (replaced.orig_revision, replaced.cum_lots, replaced.leaves_lots) == (1, 1, 2)


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
@settings(max_examples=8, deadline=None)
def test_whatever_the_gate_rejects_the_venue_keeps_to_what_it_was_given(
    seed: int, rejected_share: float
) -> None:
    desk = _Desk(Random(seed), rejected_share)
    flow = MarketFlow(SECOND)
    # The opening auction and the first minutes of trading lie in here.
    for event in flow.events(islice(open_recording(EXCERPT).messages, 8_725, 13_000)):
        desk.offer(event)
    desk.answer()
    withheld = desk.loop.tally.withheld
    assert desk.loop.outstanding == 0
    assert withheld.lots_by_reason.total() == withheld.traded_lots
    assert flow.stats.executed_lots == (
        desk.venue.traded_lots + flow.stats.unmatched_lots + withheld.traded_lots
    )
    assert (withheld.reports > 0) == (rejected_share > 0)


class _Desk:
    """A gate that rejects at random, and answers late and in any order."""

    def __init__(self, rng: Random, rejected_share: float) -> None:
        self.loop = ClosedLoop(Accounts(7, ["T"], [("tier", 1)]))
        self.venue = _Venue()
        self._rng = rng
        self._rejected_share = rejected_share
        self._asked: list[tuple[MarketEvent, Account]] = []

    def offer(self, event: MarketEvent) -> None:
        if event.kind != EVENT_MARK:
            self._publish(self.loop.offer(event))
        if self._rng.random() < 0.05:
            self.answer()

    def answer(self) -> None:
        while self._asked:
            event, account = self._asked.pop(self._rng.randrange(len(self._asked)))
            accepted = event.kind == EVENT_CANCEL or self._rng.random() >= self._rejected_share
            if accepted:
                self.venue.request(event)
            request = request_id(event)
            self._publish(self.loop.decided(request, account, "SOME_CHECK", accepted=accepted))

    def _publish(self, ready: Iterator[tuple[MarketEvent, Account]]) -> None:
        for event, account in ready:
            if event.kind == EVENT_REPORT:
                self.venue.report(event)
            else:
                self._asked.append((event, account))


class _Venue:
    """Refuses what no venue could do with the requests that reached it."""

    def __init__(self) -> None:
        self.traded_lots = 0
        # Order -> side, limit, total, filled, current revision.
        self._orders: dict[int, tuple[int, int, int, int, int]] = {}
        self._requested: dict[int, MarketEvent] = {}

    def request(self, event: MarketEvent) -> None:
        number = event.venue_order_id
        assert number not in self._requested
        assert (number in self._orders) == (event.kind != EVENT_NEW)
        self._requested[number] = event

    def report(self, event: MarketEvent) -> None:
        number = event.venue_order_id
        request = self._requested.pop(number, None)
        if request is None:
            side, limit, total, filled, revision = self._orders[number]
            better = limit - event.price_e9 if side == SIDE_BUY else event.price_e9 - limit
            assert (event.revision, event.orig_revision) == (revision, 0)
            assert event.cum_lots == filled + event.lots
            assert 0 < event.lots <= total - filled
            assert better >= 0
            assert (event.exec_type == EXEC_TYPE_FILL) == (event.cum_lots == total)
            self.traded_lots += event.lots
            self._orders[number] = (side, limit, total, event.cum_lots, revision)
            if event.cum_lots == total:
                del self._orders[number]
        elif request.kind == EVENT_NEW:
            assert (event.exec_type, event.revision) == (EXEC_TYPE_NEW, request.revision)
            self._orders[number] = (
                request.side,
                request.price_e9,
                request.lots,
                0,
                request.revision,
            )
        elif request.kind == EVENT_REPLACE:
            side, _, _, filled, revision = self._orders[number]
            assert event.exec_type == EXEC_TYPE_REPLACED
            assert request.orig_revision == event.orig_revision == revision
            assert request.lots == filled + event.leaves_lots > filled
            self._orders[number] = (side, request.price_e9, request.lots, filled, request.revision)
        else:
            assert (event.exec_type, event.orig_revision) == (EXEC_TYPE_CANCELED, 0)
            assert event.revision == request.revision == self._orders.pop(number)[4]


def test_after_a_rejected_cancel_the_venue_confirms_nothing() -> None:
    loop = ClosedLoop(ACCOUNTS)
    offer(loop, flow_of((1, 7, "AB", 100, 1), (2, 7, "CB", 100, 1)))
    decide(loop, "7-1", accepted=True)
    published = decide(loop, "7-1-C", accepted=False)
    assert EXEC_TYPE_CANCELED not in {event.exec_type for event in published}
    assert loop.tally.cancels_rejected == 1


def test_answers_to_other_peoples_orders_are_ignored() -> None:
    loop = ClosedLoop(ACCOUNTS)
    assert decide(loop, "somebody-else", accepted=True) == []
    assert loop.tally.accepted == 0


def mark(time_ms: int, price: int) -> MarketEvent:
    return MarketEvent(EVENT_MARK, 1, time_ms * 1000, price_e9=price)


def test_of_several_marks_in_an_interval_the_last_goes_out_at_its_end() -> None:
    marks = MarkConflater(100_000)
    first, second, third = mark(0, 1), mark(10, 2), mark(20, 3)
    assert marks.offer(first) == first
    assert marks.offer(second) is None
    assert marks.offer(third) is None
    assert marks.due(99_000) is None
    assert marks.due(100_000) == third
    assert marks.due(200_000) is None


def test_marks_are_never_closer_than_the_interval() -> None:
    marks = MarkConflater(100_000)
    offered = [mark(step * 7, step) for step in range(1_000)]
    tried = [(marks.due(event.time_us), marks.offer(event)) for event in offered]
    prices = [event.price_e9 for pair in tried for event in pair if event is not None]
    rest = marks.rest()
    assert rest is not None
    assert rest.price_e9 == 999
    assert len(prices) <= 7 * 1_000 // 100 + 1
    assert prices == sorted(set(prices))


def test_an_order_has_the_same_account_whatever_its_revision_and_run() -> None:
    accounts = Accounts(256, ["TENANT-A", "TENANT-B"], [("professional", 9), ("standard", 1)])
    # Pinned: a change of the derivation changes every published result.
    assert accounts.of_order(6412777162812) == Account(
        user_id="ACC-0149",
        key=b"ACC-0149",
        tenant_id="TENANT-B",
        tier_id="professional",
        desk_id="TENANT-B-DESK-2",
        trader_id="TENANT-B-DESK-2-TRADER-1",
        algo_id="ALGO-06",
    )


def test_accounts_are_spread_evenly() -> None:
    accounts = Accounts(256, ["TENANT-A"], [("professional", 1)])
    flow: dict[Account, int] = {}
    for number in range(25_600):
        account = accounts.of_order(number)
        flow[account] = flow.get(account, 0) + 1
    assert len(flow) == 256
    assert max(flow.values()) < 2 * 100


def test_records_are_what_the_contract_can_carry() -> None:
    maker = RecordMaker(load_replay_config(), "ESH4")
    order, _, replace, replaced, cancel, _ = flow_of(
        (1, 7, "AB", 100, 1), (2, 7, "MB", 99, 3), (3, 7, "CB", 99, 3)
    )
    new = decode_order(encode_order(maker.order(order, ACCOUNT)))
    gone = decode_order(encode_order(maker.order(cancel, ACCOUNT)))
    assert (new.order_id, new.quantity_lots, new.price_e9) == ("7-1", 1, 100 * 10**9)
    assert (gone.order_id, gone.orig_order_id, gone.price_e9) == ("7-2-C", "7-2", None)
    assert (gone.quantity_lots, gone.user_id) == (0, ACCOUNT.user_id)
    changed = decode_order(encode_order(maker.order(replace, ACCOUNT)))
    assert (changed.action, changed.order_id) == (ORDER_ACTION_REPLACE, "7-2")
    assert (changed.orig_order_id, changed.quantity_lots) == ("7-1", 3)
    assert (changed.price_e9, changed.time_in_force) == (99 * 10**9, new.time_in_force)
    done = decode_fill(encode_fill(maker.fill(replaced, ACCOUNT)))
    assert (done.exec_type, done.order_id) == (EXEC_TYPE_REPLACED, "7-2")
    assert (done.orig_order_id, done.leaves_lots, done.last_price_e9) == ("7-1", 3, None)
