"""The closed loop of a replay: what waits for the gate, and what never happens."""

from pipeline.codecs.avro import decode_order, encode_order
from pipeline.market.accounts import Account, Accounts
from pipeline.market.config import load_replay_config
from pipeline.market.flow import EVENT_MARK, EVENT_NEW, MarketEvent, MarketFlow
from pipeline.market.loop import ClosedLoop
from pipeline.market.marks import MarkConflater
from pipeline.market.messages import MboMessage
from pipeline.market.records import RecordMaker, cancel_id, order_id
from pipeline.risk.records import EXEC_TYPE_CANCELED, EXEC_TYPE_FILL

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
    assert decide(loop, cancel_id(order), accepted=True) == [canceled]


def test_a_changed_order_is_sent_only_after_the_old_one_is_gone() -> None:
    loop = ClosedLoop(ACCOUNTS)
    events = flow_of((1, 7, "AB", 100, 1), (2, 7, "MB", 101, 1))
    order, ack, cancel, canceled, changed, changed_ack = events
    offer(loop, events)
    decide(loop, order_id(order), accepted=True)
    assert decide(loop, cancel_id(order), accepted=True) == [canceled, changed]
    assert decide(loop, order_id(changed), accepted=True) == [changed_ack]
    assert {ack, cancel}.isdisjoint({canceled, changed})


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
    assert withheld.reports == 3
    assert loop.outstanding == 0
    assert loop.tally.rejected_by_reason == {"PRICE_COLLAR": 1}


def test_a_rejected_order_that_is_changed_is_tried_again() -> None:
    loop = ClosedLoop(ACCOUNTS)
    offer(loop, flow_of((1, 7, "AB", 100, 1), (2, 7, "MB", 101, 1)))
    tried = decide(loop, "7-1", accepted=False)
    assert [(event.kind, event.revision) for event in tried] == [(EVENT_NEW, 2)]


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
    order, _, cancel, _ = flow_of((1, 7, "AB", 100, 1), (2, 7, "CB", 100, 1))
    new = decode_order(encode_order(maker.order(order, ACCOUNT)))
    gone = decode_order(encode_order(maker.order(cancel, ACCOUNT)))
    assert (new.order_id, new.quantity_lots, new.price_e9) == ("7-1", 1, 100 * 10**9)
    assert (gone.order_id, gone.orig_order_id, gone.price_e9) == ("7-1-C", "7-1", None)
    assert (gone.quantity_lots, gone.user_id) == (0, ACCOUNT.user_id)
