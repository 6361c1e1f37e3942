"""What only a bug or a broken disk can cause stops the lane instead of being decided over."""

from collections.abc import Callable

import pytest

from pipeline.lane.rows import DictRows, StoredRows
from pipeline.risk import keys
from pipeline.risk.checks.context import OrderContext
from pipeline.risk.effects import InputContext, fact
from pipeline.risk.executions import Reported
from pipeline.risk.ledger import Ledger
from pipeline.risk.order_ids import Found
from pipeline.risk.order_life import UNKNOWN
from pipeline.risk.partition import murmur2, partition_of
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_NEW,
    SIDE_BUY,
    RowMark,
    RowSeen,
)
from pipeline.risk.results import Results
from pipeline.risk.state import (
    FREED_AT_ONCE,
    KNOWN_KEYS_MAX,
    InvariantViolated,
    LaneState,
    RowLoader,
)
from tests.property.desk import ACCOUNT, ESX, USER, Desk
from tests.property.histories import TENANT, report_on

CONTEXT = InputContext(0, 1, 0, "orders", 0, b"", None)
MARK = RowMark(1, 1)
SEEN = RowSeen(1, 1, None, None, 0, 0, 0, superseded=False)


def empty() -> LaneState:
    """A lane without rows."""
    return LaneState(StoredRows(DictRows()))


def a_ledger() -> Ledger:
    """One in which nobody has anything."""
    state = empty()
    return Ledger(state, Results(state, Desk().gate.processor.head))


@pytest.mark.parametrize(
    ("key", "look_up"),
    [
        (keys.user_key("u"), lambda state: state.user("u")),
        (keys.balance_key("u", "USD"), lambda state: state.balance("u", "USD")),
        (keys.position_key("u", "ESX"), lambda state: state.position("u", "ESX")),
        (keys.order_key("u", "o"), lambda state: state.order("u", "o")),
        (keys.alias_key("u", "o"), lambda state: state.root_of("u", "o")),
        (keys.decision_key("u", "o"), lambda state: state.decision("u", "o", 0)),
        (keys.transfer_key("u", "d"), lambda state: state.seen(keys.transfer_key("u", "d"), 0)),
        (
            keys.withdrawal_key("u", "w"),
            lambda state: state.withdrawal(keys.withdrawal_key("u", "w")),
        ),
        (keys.algorithm_key("u", "a"), lambda state: state.algorithm("u", "a")),
        (keys.recent_key("u", "ESX"), lambda state: state.recent_at(keys.recent_key("u", "ESX"))),
        (keys.pledge_key("u", "USD", "EUR"), lambda state: state.pledge("u", "USD", "EUR")),
        (keys.mark_key("ESX"), lambda state: state.mark("ESX")),
        (keys.band_key("ESX"), lambda state: state.band("ESX")),
        (keys.result_key("u", "USD"), lambda state: state.result("u", "USD")),
        (keys.holdings_key("u"), lambda state: state.holdings("u")),
    ],
)
def test_a_row_of_another_kind_under_a_key_stops_the_lane(
    key: bytes, look_up: Callable[[LaneState], object]
) -> None:
    state = empty()
    state.put(key, SEEN if key[:1] == keys.MARK else MARK)
    state.working.add(key)
    state.aliased.add(keys.of_aliased(key))
    if key[:1] in (keys.DECISION, keys.TRANSFER):
        state.loader.note(key)
    with pytest.raises(InvariantViolated, match="another kind"):
        look_up(state)


def test_a_loader_that_keeps_no_account_may_hold_anything() -> None:
    loader = RowLoader()
    loader.note(b"D")
    assert loader.may_hold(b"D")
    assert loader.may_hold(b"X")


def test_a_loader_must_say_how_it_loads() -> None:
    with pytest.raises(NotImplementedError):
        RowLoader().load(b"")


def test_a_deleted_row_does_not_come_back_from_the_store() -> None:
    desk = Desk()
    order = desk.works()
    state = desk.gate.processor.state
    state.delete(keys.order_key(USER, order.order_id))
    assert state.order(USER, order.order_id) is None


def test_rows_leave_the_cache_when_they_have_not_been_used_for_half_of_its_bound() -> None:
    state = empty()
    state.put(b"M", MARK)
    state.put(b"N", MARK)
    state.trim(4)
    state.trim(3)
    assert state.get(b"M") is MARK
    state.trim(1)
    assert state.get(b"N") is None
    assert state.get(b"M") is MARK


def test_a_row_that_is_put_anew_leaves_the_older_half_of_the_cache() -> None:
    state = empty()
    state.put(b"M", MARK)
    state.trim(0)
    newer = RowMark(2, 2)
    state.put(b"M", newer)
    assert (state.older, state.get(b"M")) == ({}, newer)


def test_a_deleted_row_leaves_both_halves_of_the_cache() -> None:
    state = empty()
    state.put(b"M", MARK)
    state.trim(0)
    state.delete(b"M")
    state.begin_input()
    assert state.get(b"M") is None


def test_keys_are_kept_for_a_bounded_number_of_users() -> None:
    state = empty()
    for number in range(KNOWN_KEYS_MAX + 3):
        assert state.keys(f"u{number}").user == keys.user_key(f"u{number}")
    assert len(state.known_keys) == 3
    assert state.keys("u0").user == keys.user_key("u0")


def test_keys_are_kept_for_a_bounded_number_of_instruments() -> None:
    state = empty()
    for number in range(KNOWN_KEYS_MAX + 3):
        made = state.instrument_keys(f"i{number}")
        assert (made.mark, made.band) == (keys.mark_key(f"i{number}"), keys.band_key(f"i{number}"))
    assert len(state.known_instrument_keys) == 3


def test_a_users_keys_are_those_of_what_is_asked_for() -> None:
    made = keys.UserKeys("u")
    for each in ("a", "b", "a"):
        assert made.balance(each) == keys.balance_key("u", each)
        assert made.result(each) == keys.result_key("u", each)
        assert made.algorithm(each) == keys.algorithm_key("u", each)
        assert made.position(each) == keys.position_key("u", each)
        assert made.order(each) == keys.order_key("u", each)
    for each in ("c", "d"):
        assert made.recent(each) == keys.recent_key("u", each)
        assert made.alias(each) == keys.alias_key("u", each)
        assert made.decision(f"{each}2") == keys.decision_key("u", f"{each}2")
    assert (made.user, made.holdings) == (keys.user_key("u"), keys.holdings_key("u"))


def test_rows_that_have_left_the_cache_are_freed_a_few_at_a_time() -> None:
    state = empty()
    for number in range(FREED_AT_ONCE + 10):
        state.put(b"M%d" % number, MARK)
    state.trim(0)
    state.put(b"M", MARK)
    state.trim(0)
    assert len(state.dropped) == FREED_AT_ONCE + 10
    state.trim(100)
    assert len(state.dropped) == 10
    state.trim(100)
    assert len(state.dropped) == 0


def test_more_cannot_be_released_than_is_held() -> None:
    ledger = a_ledger()
    ledger.hold("u", "USD", 0)
    with pytest.raises(InvariantViolated, match="released"):
        ledger.hold("u", "USD", -1)


def test_held_never_leaves_64_bits() -> None:
    core = Desk().gate.processor.core
    core.ledger.begin_user()
    core.ledger.hold("u", "USD", 2**63)
    with pytest.raises(InvariantViolated, match="64 bits"):
        core.deficits.note(CONTEXT, "alpha", 0, "u")


def test_less_than_nothing_never_works() -> None:
    ledger = a_ledger()
    with pytest.raises(InvariantViolated, match="works"):
        ledger.work("u", ESX, SIDE_BUY, -1)


def lose(desk: Desk, key: bytes) -> None:
    """Take a row away, as a broken disk would, and open the lane again."""
    assert desk.gate.rows.rows.pop(key)
    desk.gate.restart()


def test_a_working_orders_instrument_cannot_be_gone() -> None:
    desk = Desk()
    order = desk.works()
    lose(desk, keys.control_key("instrument", "ESX"))
    with pytest.raises(InvariantViolated, match="instrument of an accepted order"):
        desk.report(order, EXEC_TYPE_NEW)


def test_an_ended_orders_instrument_cannot_be_gone() -> None:
    desk = Desk()
    order = desk.works()
    desk.report(order, EXEC_TYPE_CANCELED)
    lose(desk, keys.control_key("instrument", "ESX"))
    with pytest.raises(InvariantViolated, match="instrument of an accepted order"):
        desk.report(order, EXEC_TYPE_NEW)


def test_a_trade_cannot_lack_its_price() -> None:
    desk = Desk()
    fill = report_on(desk.world, desk.new(), last_lots=1, last_price_e9=None)
    unknown = Found("o", UNKNOWN, None, None)
    with pytest.raises(InvariantViolated, match="price"):
        desk.gate.processor.core.executions._make(Reported(fill, ESX, SIDE_BUY, unknown), SIDE_BUY)


def test_nothing_is_placed_for_a_user_nobody_knows() -> None:
    desk = Desk(ACCOUNT)
    core = desk.gate.processor.core
    order = desk.new()
    view = OrderContext(order, None, 0, core.state, core.rules)
    with pytest.raises(InvariantViolated, match="without a user"):
        core.orders._place(CONTEXT, order, b"", view)


def test_what_does_not_work_is_not_cancelled() -> None:
    desk = Desk()
    with pytest.raises(InvariantViolated, match="does not work"):
        desk.gate.processor.core.orders._request_cancel(USER, "o")


def test_what_is_not_pending_does_not_end() -> None:
    desk = Desk()
    desk.money(DEPOSIT_KIND_DEPOSIT, 1)
    transfers = desk.gate.processor.core.transfers
    with pytest.raises(InvariantViolated, match="not pending"):
        transfers._end_withdrawal(desk.world.deposits[-1], desk.balance())


def test_a_balance_that_was_touched_is_there() -> None:
    core = Desk().gate.processor.core
    core.ledger.first_touched = "XAU"
    with pytest.raises(InvariantViolated, match="gone"):
        core._finish(CONTEXT, fact("APPLIED"), TENANT, 0, USER)


def test_keys_of_different_parts_never_meet() -> None:
    assert keys.order_key("a", "bc") != keys.order_key("ab", "c")
    assert keys.order_key("a\x01b", "c") != keys.order_key("a", "b\x01c")
    assert keys.report_day_key("t", 19_000) == b"R\x01t\x0519000"


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        # org.apache.kafka.common.utils.UtilsTest.testMurmur2
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_hash_as_kafka_hashes_them(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed % 2**32
    assert partition_of(key, 8) == (hashed & 0x7FFF_FFFF) % 8
