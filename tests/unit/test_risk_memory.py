"""A lane remembers only so many ids: what happens at the bound, and what never does."""

from pipeline.risk.records import DEPOSIT_KIND_DEPOSIT, EXEC_TYPE_CANCELED, Order
from tests.property.desk import POLICY, Desk
from tests.property.histories import WINDOW_MS, changed

HALF_AN_HOUR_US = 1_800_000_000


def tight(ids_max: int) -> Desk:
    """A desk whose lane remembers `ids_max` ids; one is taken, by its money."""
    desk = Desk()
    desk.control(changed(POLICY, remembered_ids_max=ids_max))
    return desk


def refused(desk: Desk, **changes: int) -> Order:
    """An order that is remembered as rejected, a moment after the one before."""
    desk.wait(10)
    order = desk.new(quantity_lots=21, **changes)
    assert desk.send(order).reason_code == "ORDER_QUANTITY"
    return order


def remembers(desk: Desk, order: Order) -> bool:
    """Whether the order gets its first answer again, and not TOO_OLD."""
    answer = desk.send(order)
    assert answer.decision is not None
    assert answer.decision.duplicate_of is not None or answer.reason_code == "TOO_OLD"
    return answer.decision.duplicate_of is not None


def test_the_oldest_ids_are_forgotten_for_the_count_and_refused_for_ever() -> None:
    desk = tight(4)
    orders = [refused(desk) for _ in range(6)]
    desk.wait(1)
    assert [remembers(desk, order) for order in orders] == [False, False, True, True, True, True]
    desk.control(changed(POLICY, remembered_ids_max=1_000))
    assert not remembers(desk, orders[0])
    assert desk.gate.processor.core.memory.ids_forgotten_early == 3


def test_a_fact_from_before_the_memory_is_a_dead_letter() -> None:
    desk = tight(2)
    before = desk.world.now_us
    for _ in range(5):
        refused(desk)
    late = desk.money(DEPOSIT_KIND_DEPOSIT, 1, event_time=before)
    assert (late.outcome, late.reason_code) == ("DEAD_LETTER", "FACT_TOO_OLD")


def test_a_working_order_is_remembered_beside_the_bound_until_it_ends() -> None:
    desk = tight(3)
    working = desk.works()
    for _ in range(5):
        refused(desk)
    assert remembers(desk, working)
    desk.wait(10)
    desk.report(working, EXEC_TYPE_CANCELED)
    assert remembers(desk, working)
    for _ in range(3):
        refused(desk)
    desk.wait(1)
    assert not remembers(desk, working)


def test_what_was_taken_at_the_present_instant_is_never_forgotten_for_the_count() -> None:
    desk = tight(2)
    desk.wait(10)
    orders = [desk.new(quantity_lots=21) for _ in range(20)]
    for order in orders:
        assert desk.send(order).reason_code == "ORDER_QUANTITY"
    assert all(remembers(desk, order) for order in orders)
    desk.wait(1)
    assert not any(remembers(desk, order) for order in orders)


def test_a_lower_bound_forgets_at_once_and_a_longer_memory_grows() -> None:
    desk = tight(100)
    orders = [refused(desk) for _ in range(30)]
    desk.control(changed(POLICY, remembered_ids_max=10))
    desk.wait(1)
    known = [remembers(desk, order) for order in orders]
    assert 0 < sum(known) <= 10
    assert known == sorted(known)


def test_ids_from_ahead_crowd_out_neither_the_present_nor_one_another_for_long() -> None:
    desk = tight(20)
    for _ in range(10):
        ahead = desk.new(event_time=desk.world.now_us + HALF_AN_HOUR_US)
        assert desk.send(ahead).reason_code == "EVENT_TIME_IN_FUTURE"
        assert remembers(desk, ahead)
    crowded = desk.new(event_time=desk.world.now_us + HALF_AN_HOUR_US)
    for answer in (desk.send(crowded), desk.send(crowded)):
        assert answer.decision is not None
        assert [line.check for line in answer.decision.checks] == ["IDENTITY"]
        assert answer.reason_code == "EVENT_TIME_IN_FUTURE"
        assert answer.decision.duplicate_of is None
    # What is at most future_skew_ms_max ahead is decided all the same, and so is the present.
    assert desk.order(event_time=desk.world.now_us + 1_000_000).reason_code == "ACCEPTED"
    kept = [refused(desk) for _ in range(12)][-1]
    assert remembers(desk, kept)
    desk.wait(HALF_AN_HOUR_US // 1000 * 2)
    again = desk.new(event_time=desk.world.now_us + HALF_AN_HOUR_US)
    assert desk.send(again).reason_code == "EVENT_TIME_IN_FUTURE"
    assert remembers(desk, again)


def test_ids_from_ahead_are_forgotten_in_the_order_of_their_time() -> None:
    desk = tight(1_000)
    later, sooner = (
        desk.new(event_time=desk.world.now_us + ahead_us) for ahead_us in (40_000_000, 9_000_000)
    )
    for order in (later, sooner):
        assert desk.send(order).reason_code == "EVENT_TIME_IN_FUTURE"
    desk.wait(WINDOW_MS + 20_000)
    assert (remembers(desk, sooner), remembers(desk, later)) == (False, True)


def test_the_counts_outlive_the_worker() -> None:
    desk = tight(8)
    order = desk.new(event_time=desk.world.now_us + HALF_AN_HOUR_US)
    desk.send(order)
    first = [refused(desk) for _ in range(4)]
    desk.gate.restart()
    memory = desk.gate.processor.core.memory
    assert (memory.ids, memory.ahead_ids) == (6, 1)
    for _ in range(7):
        refused(desk)
    desk.wait(1)
    assert not any(remembers(desk, forgotten) for forgotten in first)
    assert remembers(desk, order)
