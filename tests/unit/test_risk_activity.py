"""Checks of what a user has been doing: what is counted, for how long, and what it leads to."""

from typing import Any

import pytest

from pipeline.codecs.avro import decode_row_algorithm, decode_row_recent
from pipeline.risk import activity, keys
from pipeline.risk.checks.context import OrderContext
from pipeline.risk.records import (
    CHECK_SEVERITY_HALT,
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_NOTIFY,
    CHECK_SEVERITY_REJECT,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    LIMIT_SCOPE_TIER,
    LIMIT_SCOPE_USER,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    SIDE_SELL,
    CheckLimit,
    CheckPolicy,
    DayClose,
    Order,
    Release,
    RowRecent,
    UserAccount,
)
from pipeline.risk.state import RATE_BUCKET_US, RATE_BUCKETS, InvariantViolated
from pipeline.risk.windows import count_one, counted
from tests.oracle.auditor import Expected
from tests.oracle.checks import Check
from tests.property.desk import ACCOUNT, ESX, LIMITS, POLICY, PRICE_E9, USER, Desk, check
from tests.property.world import DAY_MS, E9, ELSEWHERE, START_MS, STRANGER, TENANT, USERS, changed

TICK_E9 = E9 // 4
TODAY = START_MS // DAY_MS
LIMITED = (
    "MESSAGE_RATE",
    "ORDER_TO_TRADE",
    "REPEATED_EXECUTION",
    "SAME_CONTENT",
    "HIGH_FREQUENCY_RATE",
    "HIGH_FREQUENCY_DAY",
    "INSTANT_CANCEL",
    "PUSH",
)
ALGO = "vwap-7"


def limited(name: str, limit: int | None, **changes: Any) -> CheckLimit:
    """The limit of a check for the tier."""
    shape: dict[str, Any] = {
        "check": name,
        "scope": LIMIT_SCOPE_TIER,
        "scope_id": "gold",
        "instrument_id": None,
        "limit": limit,
        "allowance": None,
        "currency": None,
    }
    return CheckLimit(**(shape | changes))


def desk_with(name: str, limit: int, **changes: Any) -> Desk:
    """A desk at which one check is tight, and orders may be as many and as alike as they like."""
    desk = Desk()
    desk.control(changed(LIMITS, order_rate_per_s_max=1_000, position_lots_max=1_000))
    desk.control(changed(POLICY, open_orders_max=1_000))
    if name == "SAME_CONTENT":
        desk.control(CheckPolicy(name, CHECK_SEVERITY_REJECT, None))
    desk.control(limited(name, limit, **changes))
    return desk


def figures(answer: Expected, name: str) -> tuple[str, int | None, int | None, int | None]:
    """How a check ended, and what it saw, compared with and had left."""
    line = check(answer, name)
    return line.result, line.observed, line.limit, line.headroom


def recent(desk: Desk, name: str = "ESX") -> RowRecent:
    """The stored last orders."""
    return decode_row_recent(desk.gate.rows.get(keys.recent_key(USER, name)) or b"")


def executions(desk: Desk, algo_id: str = ALGO) -> int | None:
    """The stored executions of an algorithm."""
    body = desk.gate.rows.get(keys.algorithm_key(USER, algo_id))
    return None if body is None else decode_row_algorithm(body).executions_count


# -- messages


@pytest.mark.parametrize("name", ["MESSAGE_RATE", "HIGH_FREQUENCY_RATE", "HIGH_FREQUENCY_DAY"])
def test_orders_replaces_and_cancels_are_messages(name: str) -> None:
    desk = desk_with(name, 4)
    order = desk.works()
    replace = desk.replace(order, quantity_lots=2)
    desk.cancel(order.order_id)
    assert figures(desk.order(), name) == ("PASS", 4, 4, 0)
    answer = desk.order()
    assert answer.reason_code == name
    assert check(answer, name) == Check(name, "FAIL", name, 5, 4, desk.version, -1)
    assert replace.order_id != order.order_id


def test_refused_and_repeated_messages_do_not_count() -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 100)
    order = desk.works()
    desk.send(order)
    desk.order(price_e9=PRICE_E9 + 1)
    desk.cancel("nothing")
    user = desk.user()
    assert (user.messages_today, user.messages_count, sum(user.message_counts)) == (1, 4, 1)


def test_trades_of_another_day_do_not_count() -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 9)
    desk.bought(1)
    assert desk.user().trades_today == 1
    desk.control(DayClose(TODAY))
    desk.works()
    assert desk.user().trades_today == 0


def test_without_an_allowance_nothing_is_allowed_before_a_trade() -> None:
    desk = desk_with("ORDER_TO_TRADE", 9)
    assert figures(desk.order(), "ORDER_TO_TRADE") == ("FAIL", 1, 0, -1)


@pytest.mark.parametrize("name", ["MESSAGE_RATE", "HIGH_FREQUENCY_RATE"])
def test_the_window_of_messages_slides_with_gate_time(name: str) -> None:
    desk = desk_with(name, 2)
    desk.works()
    desk.wait(500)
    desk.works()
    assert desk.order().reason_code == name
    desk.wait(624)
    assert figures(desk.order(), name) == ("FAIL", 3, 2, -1)
    desk.wait(1)
    assert figures(desk.order(), name) == ("PASS", 2, 2, 0)
    desk.wait(1_125)
    assert figures(desk.order(), name) == ("PASS", 1, 2, 1)


def test_a_bucket_follows_the_one_before_it() -> None:
    counts = [0] * RATE_BUCKETS
    newest = 0
    for bucket in (10, 11, 11):
        newest = count_one(counts, newest, bucket * RATE_BUCKET_US)
    assert (newest, counts[:3]) == (11, [2, 1, 0])
    assert [counted(counts, newest, n * RATE_BUCKET_US) for n in (18, 19, 20)] == [3, 2, 0]


@pytest.mark.parametrize(("since", "left"), [(5, [5, 6, 7]), (6, [6, 7]), (8, [])])
def test_only_what_was_accepted_before_the_window_is_forgotten(since: int, left: list[int]) -> None:
    row = RowRecent([5, 6, 7], [1, 2, 3], [9, 9, 9], 0, 0, 0, 0)
    activity._forget(row, since)
    assert (row.at, len(row.lots), len(row.price_e9)) == (left, len(left), len(left))


def test_a_sender_that_stretches_its_own_stamps_gains_nothing() -> None:
    desk = desk_with("MESSAGE_RATE", 2)
    now = desk.world.now_us
    desk.works(event_time=now - 5_000_000)
    desk.works(event_time=now)
    answer = desk.order(event_time=now + 1_000_000)
    assert figures(answer, "MESSAGE_RATE") == ("FAIL", 3, 2, -1)


def test_a_cancel_is_never_refused_for_messages() -> None:
    desk = desk_with("MESSAGE_RATE", 1)
    order = desk.works()
    answer = desk.cancel(order.order_id)
    assert answer.reason_code == "ACCEPTED"
    assert answer.decision is not None
    assert "MESSAGE_RATE" not in {line.check for line in answer.decision.checks}
    assert sum(desk.user().message_counts) == 2


@pytest.mark.parametrize(
    ("severity", "kept"),
    [
        (CHECK_SEVERITY_REJECT, []),
        (CHECK_SEVERITY_LATCH, ["HIGH_FREQUENCY_DAY"]),
        (CHECK_SEVERITY_HALT, ["HIGH_FREQUENCY_DAY"]),
    ],
)
def test_what_a_cancel_fails_is_told_and_no_more(severity: int, kept: list[str]) -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 1)
    desk.control(CheckPolicy("HIGH_FREQUENCY_DAY", severity, None))
    order = desk.works()
    answer = desk.cancel(order.order_id)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "HIGH_FREQUENCY_DAY").result == "NOTIFIED"
    assert check(answer, "HIGH_FREQUENCY_DAY").reason == "HIGH_FREQUENCY_DAY"
    assert desk.event_types() == ["CXRQ", "ALERT"]
    assert [*desk.user().latched, *desk.user().halted_by] == []
    assert desk.order().reason_code == "HIGH_FREQUENCY_DAY"
    assert [*desk.user().latched, *desk.user().halted_by] == kept
    assert desk.cancel(order.order_id).reason_code == "ACCEPTED"


def test_a_refused_cancel_tells_too() -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 0)
    answer = desk.cancel("nothing")
    assert answer.reason_code == "ORIG_ORDER_UNKNOWN"
    assert desk.event_types() == ["CXRJ", "ALERT"]
    assert [event.reason_code for event in desk.events] == [
        "ORIG_ORDER_UNKNOWN",
        "HIGH_FREQUENCY_DAY",
    ]


# -- the day


def test_counts_of_the_day_begin_anew_on_another_day() -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 1)
    desk.works()
    assert desk.order().reason_code == "HIGH_FREQUENCY_DAY"
    desk.control(DayClose(TODAY))
    assert desk.user().activity_day == TODAY
    assert figures(desk.order(), "HIGH_FREQUENCY_DAY") == ("PASS", 1, 1, 0)
    user = desk.user()
    assert (user.activity_day, user.messages_today) == (TODAY + 1, 1)
    desk.wait(2 * DAY_MS)
    desk.mark("ESX", PRICE_E9)
    assert figures(desk.order(), "HIGH_FREQUENCY_DAY") == ("PASS", 1, 1, 0)
    assert desk.user().activity_day == TODAY + 2


def test_a_trade_begins_the_day_anew_as_well() -> None:
    desk = desk_with("ORDER_TO_TRADE", 0, allowance=10)
    order = desk.works(quantity_lots=2)
    desk.works(price_e9=PRICE_E9 + TICK_E9)
    desk.cancel(order.order_id)
    user = desk.user()
    assert (user.messages_today, user.pushes_today, user.instant_cancels_today) == (3, 1, 1)
    desk.control(DayClose(TODAY))
    desk.trade(order, 1)
    user = desk.user()
    assert (user.activity_day, user.messages_today, user.trades_today) == (TODAY + 1, 0, 1)
    assert (user.pushes_today, user.instant_cancels_today) == (0, 0)


def test_a_refused_order_does_not_begin_the_day() -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 1)
    desk.works()
    desk.control(DayClose(TODAY))
    assert desk.order(price_e9=PRICE_E9 + 1).reason_code == "PRICE_INCREMENT"
    user = desk.user()
    assert (user.activity_day, user.messages_today) == (TODAY, 1)


# -- messages for trades


def test_trades_allow_for_more_messages() -> None:
    desk = desk_with("ORDER_TO_TRADE", 2, allowance=1)
    order = desk.works(quantity_lots=4)
    answer = desk.order()
    assert answer.reason_code == "ORDER_TO_TRADE"
    assert check(answer, "ORDER_TO_TRADE") == Check(
        "ORDER_TO_TRADE", "FAIL", "ORDER_TO_TRADE", 2, 1, desk.version, -1
    )
    desk.trade(order, 1)
    assert figures(desk.order(), "ORDER_TO_TRADE") == ("PASS", 2, 3, 1)
    assert figures(desk.order(), "ORDER_TO_TRADE") == ("PASS", 3, 3, 0)
    assert figures(desk.order(), "ORDER_TO_TRADE") == ("FAIL", 4, 3, -1)
    desk.control(DayClose(TODAY))
    assert figures(desk.order(), "ORDER_TO_TRADE") == ("PASS", 1, 1, 0)


def test_every_reported_trade_counts_whatever_it_is_on() -> None:
    desk = desk_with("ORDER_TO_TRADE", 1, allowance=10**18)
    order = desk.works(quantity_lots=3)
    desk.trade(order, 1)
    desk.trade(order, 0)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=1)
    desk.trade(order, 1)
    unknown = desk.new(order_id="nobody-sent-it")
    desk.trade(unknown, 1)
    desk.report_again()
    assert desk.user().trades_today == 3
    bust = {"exec_ref_id": desk.world.fills[0].exec_id, "last_lots": 0}
    desk.report(order, EXEC_TYPE_TRADE_CANCEL, **bust)
    assert desk.user().trades_today == 3


def test_trades_of_a_user_nobody_registered_are_counted() -> None:
    desk = Desk(ACCOUNT)
    desk.trade(desk.new(), 1)
    user = desk.user()
    assert (user.registered, user.trades_today, user.activity_day) == (False, 1, TODAY)


def test_an_allowance_beyond_64_bits_is_shown_as_near_as_it_can_be() -> None:
    desk = desk_with("ORDER_TO_TRADE", 10**18, allowance=10**18)
    order = desk.works(quantity_lots=10)
    for _ in range(9):
        desk.trade(order, 1)
    answer = desk.order()
    assert figures(answer, "ORDER_TO_TRADE") == ("PASS", 2, 2**63 - 1, 2**63 - 1)


# -- repeated executions


def test_an_algorithm_trades_so_often_and_no_more_until_a_person_lets_it() -> None:
    desk = desk_with("REPEATED_EXECUTION", 2)
    order = desk.works(algo_id=ALGO, quantity_lots=5)
    desk.trade(order, 1)
    assert figures(desk.order(algo_id=ALGO), "REPEATED_EXECUTION") == ("PASS", 2, 2, 0)
    desk.trade(order, 1)
    answer = desk.order(algo_id=ALGO)
    assert answer.reason_code == "REPEATED_EXECUTION"
    assert check(answer, "REPEATED_EXECUTION") == Check(
        "REPEATED_EXECUTION", "FAIL", "REPEATED_EXECUTION", 3, 2, desk.version, -1
    )
    desk.wait(3 * DAY_MS)
    desk.mark("ESX", PRICE_E9)
    assert desk.order(algo_id=ALGO).reason_code == "REPEATED_EXECUTION"
    desk.control(Release(USER, ALGO, None))
    assert executions(desk) == 0
    assert figures(desk.order(algo_id=ALGO), "REPEATED_EXECUTION") == ("PASS", 1, 2, 1)


def test_algorithms_are_counted_each_for_itself() -> None:
    desk = desk_with("REPEATED_EXECUTION", 1)
    desk.bought(1, algo_id=ALGO)
    desk.bought(1, algo_id="twap")
    desk.bought(1)
    assert (executions(desk), executions(desk, "twap")) == (1, 1)
    assert check(desk.order(), "REPEATED_EXECUTION") == Check("REPEATED_EXECUTION", "PASS")
    assert desk.order(algo_id="twap").reason_code == "REPEATED_EXECUTION"
    assert desk.order(algo_id="third").reason_code == "ACCEPTED"
    desk.control(Release(USER, "twap", None))
    assert desk.order(algo_id="twap").reason_code == "ACCEPTED"
    assert desk.order(algo_id=ALGO).reason_code == "REPEATED_EXECUTION"


def test_executions_count_while_the_order_works() -> None:
    desk = desk_with("REPEATED_EXECUTION", 100)
    order = desk.works(algo_id=ALGO, quantity_lots=3)
    desk.trade(order, 1)
    desk.trade(order, 0)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=2)
    desk.trade(order, 1)
    assert executions(desk) == 2
    desk.trade(order, 1)
    assert executions(desk) == 2


def test_a_replace_is_judged_by_its_own_algorithm_and_counted_by_that_of_the_new() -> None:
    desk = desk_with("REPEATED_EXECUTION", 1)
    order = desk.works(algo_id=ALGO, quantity_lots=5)
    request = desk.replace(order, algo_id="twap", quantity_lots=6)
    desk.report(request, EXEC_TYPE_REPLACED, orig_order_id=order.order_id)
    desk.trade(request, 1)
    assert (executions(desk), executions(desk, "twap")) == (1, None)
    refused = desk.send(desk.replacement(order, quantity_lots=7))
    assert refused.reason_code == "REPEATED_EXECUTION"


@pytest.mark.parametrize("algo_id", ["", "x" * 65, "é" * 33, "x" * 300])
def test_an_algorithm_out_of_bounds_is_none(algo_id: str) -> None:
    answer = desk_with("REPEATED_EXECUTION", 0).order(algo_id=algo_id)
    assert answer.reason_code == "FIELD_TOO_LONG"
    assert check(answer, "REPEATED_EXECUTION") == Check("REPEATED_EXECUTION", "PASS")


def test_without_an_algorithm_no_limit_is_needed() -> None:
    desk = Desk()
    desk.control(limited("REPEATED_EXECUTION", None))
    desk.works()
    assert desk.order(algo_id=ALGO).reason_code == "LIMIT_MISSING"


def test_a_release_of_what_is_not_there_changes_nothing() -> None:
    desk = desk_with("REPEATED_EXECUTION", 1)
    before = dict(desk.gate.rows.rows)
    for release in (
        Release(USER, ALGO, None),
        Release(USER, ALGO, "REPEATED_EXECUTION"),
        Release(USER, None, "NO_SUCH_CHECK"),
        Release(USER, None, None),
        Release(STRANGER, None, None),
        Release(ELSEWHERE, ALGO, None),
    ):
        assert desk.control(release).reason_code == "APPLIED"
    after = dict(desk.gate.rows.rows)
    assert {key for key in after if after[key] != before.get(key)} <= {
        key for key in after if key[:1] in {keys.GATE, keys.LANE}
    }


# -- the same content


def test_the_same_order_is_accepted_so_often_within_the_window() -> None:
    desk = desk_with("SAME_CONTENT", 2)
    desk.works()
    desk.works()
    assert figures(desk.order(), "SAME_CONTENT") == ("PASS", 3, 3, 0)
    answer = desk.order()
    assert answer.reason_code == "SAME_CONTENT"
    assert check(answer, "SAME_CONTENT") == Check(
        "SAME_CONTENT", "FAIL", "SAME_CONTENT", 4, 3, desk.version, -1
    )
    for other in ({"side": SIDE_SELL}, {"quantity_lots": 2}, {"price_e9": PRICE_E9 - TICK_E9}):
        assert figures(desk.order(**other), "SAME_CONTENT") == ("PASS", 1, 3, 2)


def test_the_window_of_the_same_content_ends_with_its_last_microsecond() -> None:
    desk = desk_with("SAME_CONTENT", 0)
    desk.works()
    desk.wait(1_000)
    assert desk.order().reason_code == "SAME_CONTENT"
    desk.wait(1)
    desk.works()


def test_a_window_can_be_changed() -> None:
    desk = desk_with("SAME_CONTENT", 0)
    desk.works()
    desk.wait(5_000)
    desk.control(CheckPolicy("SAME_CONTENT", CHECK_SEVERITY_REJECT, 5_000))
    assert desk.order().reason_code == "SAME_CONTENT"
    desk.control(CheckPolicy("SAME_CONTENT", CHECK_SEVERITY_REJECT, None))
    desk.works()
    # What a shorter window has dropped does not come back.
    desk.control(CheckPolicy("SAME_CONTENT", CHECK_SEVERITY_REJECT, 86_400_000))
    assert figures(desk.order(), "SAME_CONTENT") == ("FAIL", 2, 1, -1)


def test_market_orders_are_alike_and_no_limit_order_is_like_them() -> None:
    desk = desk_with("SAME_CONTENT", 1)
    market = {"order_type": ORDER_TYPE_MARKET, "price_e9": None}
    desk.works(**market)
    desk.mark("ESX", PRICE_E9 + TICK_E9)
    assert figures(desk.order(**market), "SAME_CONTENT") == ("PASS", 2, 2, 0)
    assert figures(desk.order(**market), "SAME_CONTENT") == ("FAIL", 3, 2, -1)
    desk.works()
    assert recent(desk).price_e9 == [0, 0, PRICE_E9]


def test_a_replace_counts_as_an_order() -> None:
    desk = desk_with("SAME_CONTENT", 1)
    order = desk.works()
    request = desk.replace(order)
    desk.report(request, EXEC_TYPE_REPLACED, orig_order_id=order.order_id)
    refused = desk.send(desk.replacement(request))
    assert figures(refused, "SAME_CONTENT") == ("FAIL", 3, 2, -1)


def test_the_last_sixteen_orders_are_remembered() -> None:
    desk = desk_with("SAME_CONTENT", 15)
    for _ in range(16):
        desk.works()
    assert figures(desk.order(), "SAME_CONTENT") == ("FAIL", 17, 16, -1)
    for lots in range(2, 5):
        desk.works(quantity_lots=lots)
    row = recent(desk)
    assert (len(row.at), len(row.price_e9), row.lots) == (16, 16, [1] * 13 + [2, 3, 4])
    assert figures(desk.order(), "SAME_CONTENT") == ("PASS", 14, 16, 2)


def test_instruments_are_remembered_apart() -> None:
    desk = desk_with("SAME_CONTENT", 0)
    desk.works(instrument_id="BTC-USD")
    desk.works()
    assert (recent(desk).lots, recent(desk, "BTC-USD").lots) == ([1], [1])


def test_what_is_remembered_of_a_user_does_not_grow() -> None:
    desk = desk_with("MESSAGE_RATE", 10**18)
    for number in range(40):
        order = desk.works(algo_id=ALGO, side=number % 2, price_e9=PRICE_E9 - number * TICK_E9)
        desk.trade(order, 1)
        desk.wait(90)
    user = desk.user()
    assert (len(user.message_counts), len(user.rate_counts)) == (RATE_BUCKETS, RATE_BUCKETS)
    assert len(recent(desk).at) <= activity.RECENT_MAX
    kinds = (keys.ALGORITHM, keys.RECENT)
    assert sum(key[:1] in kinds for key in desk.gate.rows.rows) == 2


# -- instant cancels


def test_a_cancel_within_the_window_of_its_order_is_an_instant_one() -> None:
    desk = desk_with("INSTANT_CANCEL", 1)
    first, second = desk.works(), desk.works()
    desk.wait(1_000)
    assert figures(desk.cancel(first.order_id), "INSTANT_CANCEL") == ("PASS", 1, 1, 0)
    answer = desk.cancel(second.order_id)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "INSTANT_CANCEL") == Check(
        "INSTANT_CANCEL", "NOTIFIED", "INSTANT_CANCEL", 2, 1, desk.version, -1
    )
    assert desk.event_types() == ["CXRQ", "ALERT"]
    refused = desk.order()
    assert refused.reason_code == "INSTANT_CANCEL"
    assert figures(refused, "INSTANT_CANCEL") == ("FAIL", 2, 1, -1)
    desk.control(DayClose(TODAY))
    assert figures(desk.order(), "INSTANT_CANCEL") == ("PASS", 0, 1, 1)


def test_a_later_cancel_is_none_unless_the_window_is_longer() -> None:
    desk = desk_with("INSTANT_CANCEL", 9)
    first, second = desk.works(), desk.works()
    desk.wait(1_001)
    assert figures(desk.cancel(first.order_id), "INSTANT_CANCEL") == ("PASS", 0, 9, 9)
    desk.control(CheckPolicy("INSTANT_CANCEL", CHECK_SEVERITY_REJECT, 1_001))
    assert figures(desk.cancel(second.order_id), "INSTANT_CANCEL") == ("PASS", 1, 9, 8)
    assert desk.user().instant_cancels_today == 1


def test_an_orders_age_is_that_of_its_new() -> None:
    desk = desk_with("INSTANT_CANCEL", 9)
    order = desk.works()
    desk.wait(900)
    request = desk.replace(order, quantity_lots=2)
    desk.report(request, EXEC_TYPE_REPLACED, orig_order_id=order.order_id)
    desk.wait(101)
    assert figures(desk.cancel(request.order_id), "INSTANT_CANCEL") == ("PASS", 0, 9, 9)


def test_what_cannot_be_cancelled_is_no_instant_cancel() -> None:
    desk = desk_with("INSTANT_CANCEL", 9)
    order = desk.works(quantity_lots=2)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=1)
    assert figures(desk.cancel(order.order_id), "INSTANT_CANCEL") == ("PASS", 0, 9, 9)
    assert figures(desk.cancel("nothing"), "INSTANT_CANCEL") == ("PASS", 0, 9, 9)


def test_a_replace_of_an_order_of_a_moment_ago_is_no_instant_cancel() -> None:
    desk = desk_with("INSTANT_CANCEL", 9)
    answer = desk.send(desk.replacement(desk.works(), quantity_lots=2))
    assert figures(answer, "INSTANT_CANCEL") == ("PASS", 0, 9, 9)
    assert desk.user().instant_cancels_today == 0


def test_a_cancel_refused_for_something_else_shows_one_and_counts_none() -> None:
    desk = desk_with("INSTANT_CANCEL", 9)
    order = desk.works()
    answer = desk.cancel(order.order_id, tenant_id="beta")
    assert answer.reason_code == "TENANT_MISMATCH"
    assert figures(answer, "INSTANT_CANCEL") == ("PASS", 1, 9, 8)
    assert desk.user().instant_cancels_today == 0


# -- pushes


@pytest.mark.parametrize(("side", "step"), [(SIDE_BUY, TICK_E9), (SIDE_SELL, -TICK_E9)])
def test_an_order_that_betters_the_one_before_pushes(side: int, step: int) -> None:
    desk = desk_with("PUSH", 1)
    assert figures(desk.order(side=side), "PUSH") == ("PASS", 0, 1, 1)
    assert figures(desk.order(side=side), "PUSH") == ("PASS", 0, 1, 1)
    assert figures(desk.order(side=side, price_e9=PRICE_E9 + step), "PUSH") == ("PASS", 1, 1, 0)
    answer = desk.order(side=side, price_e9=PRICE_E9 + 2 * step)
    assert answer.reason_code == "PUSH"
    assert check(answer, "PUSH") == Check("PUSH", "FAIL", "PUSH", 2, 1, desk.version, -1)
    assert figures(desk.order(side=side, price_e9=PRICE_E9 - step), "PUSH") == ("PASS", 1, 1, 0)
    desk.control(DayClose(TODAY))
    assert figures(desk.order(side=side), "PUSH") == ("PASS", 1, 1, 0)


def test_sides_and_instruments_are_pushed_apart() -> None:
    desk = desk_with("PUSH", 0)
    desk.works(side=SIDE_BUY)
    desk.works(side=SIDE_SELL, price_e9=PRICE_E9 - TICK_E9)
    desk.works(instrument_id="BTC-USD")
    assert desk.user().pushes_today == 0


def test_a_push_comes_within_the_window_of_the_order_before() -> None:
    desk = desk_with("PUSH", 0)
    desk.works()
    desk.wait(60_000)
    assert desk.order(price_e9=PRICE_E9 + TICK_E9).reason_code == "PUSH"
    desk.wait(1)
    desk.mark("ESX", PRICE_E9)
    desk.works(price_e9=PRICE_E9 + TICK_E9)
    desk.control(CheckPolicy("PUSH", CHECK_SEVERITY_REJECT, 1))
    desk.wait(2)
    desk.works(price_e9=PRICE_E9 + 2 * TICK_E9)


@pytest.mark.parametrize("side", [SIDE_BUY, SIDE_SELL])
def test_only_limit_orders_leave_a_price_and_on_their_own_side(side: int) -> None:
    desk = desk_with("PUSH", 9)
    desk.works(side=side, order_type=ORDER_TYPE_MARKET, price_e9=None)
    row = recent(desk)
    assert (row.buy_price_e9, row.buy_at, row.sell_price_e9, row.sell_at) == (0, 0, 0, 0)
    desk.works(side=side)
    row = recent(desk)
    buys, sells = (row.buy_price_e9, row.buy_at), (row.sell_price_e9, row.sell_at)
    left = (PRICE_E9, desk.world.now_us)
    assert (buys, sells) == ((left, (0, 0)) if side == SIDE_BUY else ((0, 0), left))


def test_the_least_price_there_is_can_be_bettered() -> None:
    desk = desk_with("PUSH", 9)
    desk.control(changed(ESX, tick_e9=1))
    desk.mark("ESX", 1)
    desk.control(changed(LIMITS, price_collar_bps=10_000))
    desk.works(price_e9=1)
    assert figures(desk.order(price_e9=2), "PUSH") == ("PASS", 1, 9, 8)


def test_a_replace_can_push_and_a_market_order_cannot() -> None:
    desk = desk_with("PUSH", 9)
    order = desk.works()
    desk.replace(order, price_e9=PRICE_E9 + TICK_E9)
    assert desk.user().pushes_today == 1
    market = {"order_type": ORDER_TYPE_MARKET, "price_e9": None}
    assert figures(desk.order(**market), "PUSH") == ("PASS", 1, 9, 8)
    # Nor does the next order push against it.
    assert figures(desk.order(price_e9=PRICE_E9 + TICK_E9), "PUSH") == ("PASS", 1, 9, 8)


def test_a_refused_order_shows_a_push_and_counts_none() -> None:
    desk = desk_with("PUSH", 9)
    desk.works()
    answer = desk.order(price_e9=PRICE_E9 + TICK_E9, quantity_lots=21)
    assert answer.reason_code == "ORDER_QUANTITY"
    assert figures(answer, "PUSH") == ("PASS", 1, 9, 8)
    assert desk.user().pushes_today == 0


# -- limits


@pytest.mark.parametrize("name", LIMITED)
def test_a_withdrawn_limit_refuses(name: str) -> None:
    desk = Desk()
    desk.control(CheckPolicy(name, CHECK_SEVERITY_REJECT, None))
    desk.control(limited(name, None))
    answer = desk.order(algo_id=ALGO)
    assert answer.reason_code == "LIMIT_MISSING"
    assert check(answer, name) == Check(name, "FAIL", "LIMIT_MISSING")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MESSAGE_RATE", "MESSAGE_RATE"),
        ("ORDER_TO_TRADE", "ORDER_TO_TRADE"),
        ("REPEATED_EXECUTION", "REPEATED_EXECUTION"),
        # One order is no repetition, cancel or push.
        ("SAME_CONTENT", "ACCEPTED"),
        ("HIGH_FREQUENCY_RATE", "HIGH_FREQUENCY_RATE"),
        ("HIGH_FREQUENCY_DAY", "HIGH_FREQUENCY_DAY"),
        ("INSTANT_CANCEL", "ACCEPTED"),
        ("PUSH", "ACCEPTED"),
    ],
)
def test_a_limit_of_zero_lets_none_pass(name: str, reason: str) -> None:
    assert desk_with(name, 0).order(algo_id=ALGO).reason_code == reason


@pytest.mark.parametrize("name", ["MESSAGE_RATE", "HIGH_FREQUENCY_RATE", "HIGH_FREQUENCY_DAY"])
def test_a_limit_lowered_below_what_is_there_refuses_the_next(name: str) -> None:
    desk = desk_with(name, 9)
    for _ in range(5):
        desk.works()
    desk.control(limited(name, 2))
    assert figures(desk.order(), name) == ("FAIL", 6, 2, -4)
    desk.control(limited(name, 6))
    desk.works()


def test_the_most_specific_limit_counts() -> None:
    desk = Desk()
    own: dict[str, Any] = {"scope": LIMIT_SCOPE_USER, "scope_id": USER}
    steps: list[tuple[dict[str, Any], int]] = [
        ({}, 40),
        ({"instrument_id": "ESX"}, 30),
        (own, 20),
        (own | {"instrument_id": "ESX"}, 10),
    ]
    for changes, limit in steps:
        desk.control(limited("HIGH_FREQUENCY_DAY", limit, **changes))
        assert check(desk.order(), "HIGH_FREQUENCY_DAY").limit == limit
    assert check(desk.order(instrument_id="BTC-USD"), "HIGH_FREQUENCY_DAY").limit == 20
    unknown = check(desk.order(instrument_id="NOPE"), "HIGH_FREQUENCY_DAY")
    assert (unknown.result, unknown.limit) == ("PASS", 20)
    for changes, _ in reversed(steps[2:]):
        desk.control(limited("HIGH_FREQUENCY_DAY", None, **changes))
    assert check(desk.order(), "HIGH_FREQUENCY_DAY").limit == 30
    desk.gate.restart()
    assert check(desk.order(), "HIGH_FREQUENCY_DAY").limit == 30


def test_users_of_a_tier_share_its_limits_unless_they_have_their_own() -> None:
    desk = Desk()
    other = USERS[1]
    desk.control(UserAccount(other, TENANT, "gold", 0))
    desk.control(limited("PUSH", 7, scope=LIMIT_SCOPE_USER, scope_id=USER))
    desk.control(limited("PUSH", 5))
    assert check(desk.order(), "PUSH").limit == 7
    assert check(desk.order(user_id=other), "PUSH").limit == 5
    desk.control(limited("PUSH", 3, scope_id="iron"))
    desk.control(UserAccount(other, TENANT, "iron", 0))
    assert check(desk.order(user_id=other), "PUSH").limit == 3


def test_nothing_is_counted_for_a_user_nobody_knows() -> None:
    desk = Desk(ACCOUNT)
    core = desk.gate.processor.core
    view = OrderContext(desk.new(), None, 0, core.state, core.rules)
    with pytest.raises(InvariantViolated, match="without a user"):
        activity.count_accepted(view)


# -- severities


def alike(desk: Desk) -> Order:
    """An order that reduces what was bought."""
    return desk.new(side=SIDE_SELL)


def test_what_is_only_notified_passes_and_alerts() -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 1)
    for name in ("HIGH_FREQUENCY_DAY", "PUSH"):
        desk.control(CheckPolicy(name, CHECK_SEVERITY_NOTIFY, None))
    desk.control(limited("PUSH", 0))
    desk.works()
    assert desk.event_types() == ["NEWO"]
    order = desk.works(price_e9=PRICE_E9 + TICK_E9)
    assert [(event.event_type, event.reason_code) for event in desk.events] == [
        ("NEWO", "ACCEPTED"),
        ("ALERT", "HIGH_FREQUENCY_DAY"),
        ("ALERT", "PUSH"),
    ]
    assert {event.order_id for event in desk.events} == {order.order_id}
    desk.send(order)
    assert desk.event_types() == []


def test_alerts_come_beside_a_rejection_too() -> None:
    desk = desk_with("HIGH_FREQUENCY_DAY", 0)
    desk.control(CheckPolicy("HIGH_FREQUENCY_DAY", CHECK_SEVERITY_NOTIFY, None))
    answer = desk.order(price_e9=PRICE_E9 + 1)
    assert answer.reason_code == "PRICE_INCREMENT"
    assert desk.event_types() == ["REMO", "ALERT"]


def test_a_latched_user_may_only_reduce_until_released() -> None:
    desk = desk_with("MESSAGE_RATE", 1)
    desk.control(CheckPolicy("MESSAGE_RATE", CHECK_SEVERITY_LATCH, None))
    order = desk.bought(2)
    assert desk.order().reason_code == "MESSAGE_RATE"
    assert [(event.event_type, event.reason_code) for event in desk.events] == [
        ("REMO", "MESSAGE_RATE"),
        ("LATCH", "MESSAGE_RATE"),
    ]
    assert (desk.user().latched, desk.user().halted_by) == (["MESSAGE_RATE"], [])
    desk.wait(2_000)
    answer = desk.order()
    assert check(answer, "LATCH") == Check("LATCH", "FAIL", "LATCHED")
    assert desk.event_types() == ["REMO"]
    desk.gate.restart()
    assert desk.order().reason_code == "LATCHED"
    assert desk.send(alike(desk)).reason_code == "ACCEPTED"
    assert desk.cancel(order.order_id).reason_code == "ORIG_ORDER_CLOSED"
    desk.wait(2_000)
    desk.control(Release(USER, None, "MESSAGE_RATE"))
    assert desk.user().latched == []
    desk.works()


def test_a_halted_user_may_only_cancel_until_released() -> None:
    desk = desk_with("MESSAGE_RATE", 2)
    desk.control(CheckPolicy("MESSAGE_RATE", CHECK_SEVERITY_HALT, None))
    desk.bought(2)
    working = desk.works()
    assert desk.order().reason_code == "MESSAGE_RATE"
    assert desk.event_types() == ["REMO", "HALT"]
    assert (desk.user().latched, desk.user().halted_by) == ([], ["MESSAGE_RATE"])
    desk.wait(2_000)
    assert check(desk.send(alike(desk)), "LATCH") == Check("LATCH", "FAIL", "HALTED_BY_CHECK")
    assert desk.send(desk.replacement(working, quantity_lots=2)).reason_code == "HALTED_BY_CHECK"
    assert desk.cancel(working.order_id).reason_code == "ACCEPTED"
    desk.control(Release(USER, None, None))
    desk.works()


def test_a_user_is_latched_by_a_check_once() -> None:
    desk = desk_with("PUSH", 0)
    desk.control(CheckPolicy("PUSH", CHECK_SEVERITY_LATCH, None))
    desk.trade(desk.works(side=SIDE_SELL, quantity_lots=3), 3)
    desk.works()
    pushing = {"price_e9": PRICE_E9 + TICK_E9}
    assert desk.order(**pushing).reason_code == "PUSH"
    assert desk.event_types() == ["REMO", "LATCH"]
    # It reduces, so the latch lets it pass, and the check refuses it again.
    assert desk.order(**pushing).reason_code == "PUSH"
    assert desk.event_types() == ["REMO"]
    assert desk.user().latched == ["PUSH"]


def test_checks_latch_and_halt_and_are_released_each_for_itself() -> None:
    desk = desk_with("MESSAGE_RATE", 1)
    desk.control(CheckPolicy("MESSAGE_RATE", CHECK_SEVERITY_LATCH, None))
    desk.control(CheckPolicy("ORDER_QUANTITY", CHECK_SEVERITY_HALT, None))
    desk.bought(5)
    desk.order()
    desk.wait(2_000)
    answer = desk.order(side=SIDE_SELL, quantity_lots=21)
    assert answer.reason_code == "LATCHED"
    desk.control(Release(USER, None, "ORDER_QUANTITY"))
    assert desk.user().latched == ["MESSAGE_RATE"]
    desk.control(Release(USER, ALGO, None))
    assert desk.user().latched == ["MESSAGE_RATE"]
    desk.control(Release(USER, ALGO, "MESSAGE_RATE"))
    assert desk.user().latched == []
    assert desk.order(quantity_lots=21).reason_code == "ORDER_QUANTITY"
    assert desk.user().halted_by == ["ORDER_QUANTITY"]
    desk.control(Release(USER, None, None))
    assert desk.user().halted_by == []


def test_nobody_is_latched_whom_nobody_registered() -> None:
    desk = Desk(ACCOUNT)
    desk.control(CheckPolicy("OPEN_ORDERS", CHECK_SEVERITY_HALT, None))
    for user in (USER, STRANGER):
        desk.order(user_id=user)
        assert desk.event_types() == ["REMO"]


def test_a_check_that_decides_for_nobody_registered_latches_nobody() -> None:
    desk = Desk(ACCOUNT)
    core = desk.gate.processor.core
    core.rules.checks.severities["USER"] = CHECK_SEVERITY_HALT
    desk.trade(desk.new(), 1)
    for user in (USER, STRANGER):
        assert desk.order(user_id=user).reason_code == "USER_UNKNOWN"
        assert desk.event_types() == ["REMO"]
    assert desk.user().halted_by == []


def test_a_check_that_is_exempt_leads_to_nothing() -> None:
    desk = desk_with("MESSAGE_RATE", 0)
    desk.control(CheckPolicy("MESSAGE_RATE", CHECK_SEVERITY_HALT, None))
    desk.control(changed(POLICY, checks_exempt=["MESSAGE_RATE", "HIGH_FREQUENCY_DAY"]))
    answer = desk.order()
    assert check(answer, "MESSAGE_RATE") == Check("MESSAGE_RATE", "EXEMPT")
    assert answer.reason_code == "ACCEPTED"
    assert desk.user().messages_today == 1
    assert check(desk.cancel("nothing"), "HIGH_FREQUENCY_DAY").result == "EXEMPT"
