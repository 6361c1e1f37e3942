"""The venue by example: what it answers to each kind of order, and how it misbehaves when told."""

from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.__main__ import main
from pipeline.risk.records import (
    EXEC_TYPE_NAMES,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_FOK,
    TIME_IN_FORCE_GTC,
    TIME_IN_FORCE_IOC,
    Fill,
)
from pipeline.venue.engine import Engine
from pipeline.venue.orders import Request
from pipeline.venue.quotes import quote_prices
from pipeline.venue.switches import Switches

DAY_US = 86_400_000_000
NOW = 19_000 * DAY_US + DAY_US // 2


def new(user: str, order_id: str, side: int, lots: int, price: int | None, **more: Any) -> Request:
    return Request(
        action=ORDER_ACTION_NEW,
        user_id=user,
        tenant_id="demo",
        order_id=order_id,
        orig_order_id=None,
        instrument_id="ESH4",
        side=side,
        is_market=False,
        time_in_force=TIME_IN_FORCE_GTC,
        quantity_lots=lots,
        price_e9=price,
        expires_at=None,
        gate_time=NOW,
        by_gate=False,
    )._replace(**more)


def buy(user: str, order_id: str, lots: int, price: int | None, **more: Any) -> Request:
    return new(user, order_id, SIDE_BUY, lots, price, **more)


def sell(user: str, order_id: str, lots: int, price: int | None, **more: Any) -> Request:
    return new(user, order_id, SIDE_SELL, lots, price, **more)


def cancel(user: str, order_id: str, orig: str, **more: Any) -> Request:
    request = new(user, order_id, SIDE_BUY, 0, None, orig_order_id=orig, **more)
    return request._replace(action=ORDER_ACTION_CANCEL)


def replace(user: str, order_id: str, orig: str, lots: int, price: int, side: int) -> Request:
    request = new(user, order_id, side, lots, price, orig_order_id=orig)
    return request._replace(action=ORDER_ACTION_REPLACE)


class Desk:
    """An engine at one moment, and its reports in short."""

    def __init__(self, **switches: Any) -> None:
        self.engine = Engine(Switches(**switches))
        self.reports: list[Fill] = []

    def does(self, request: Request, at: int = NOW) -> list[tuple[Any, ...]]:
        """(Kind, order id, last lots, last price, cumulated, left) of each report."""
        return self.shown(self.engine.handle(request, at))

    def shown(self, reports: list[Fill]) -> list[tuple[Any, ...]]:
        """The same of reports that were not asked for."""
        self.reports += reports
        return [
            (
                EXEC_TYPE_NAMES[report.exec_type],
                report.order_id,
                report.last_lots,
                report.last_price_e9,
                report.cum_lots,
                report.leaves_lots,
            )
            for report in reports
        ]


def test_a_limit_order_trades_at_the_resting_price_and_the_rest_waits() -> None:
    desk = Desk(fee_per_lot_minor=3)
    assert desk.does(sell("ann", "s1", 2, 100)) == [("NEW", "s1", 0, None, 0, 2)]
    assert desk.does(buy("ben", "b1", 5, 103)) == [
        ("NEW", "b1", 0, None, 0, 5),
        ("PARTIAL_FILL", "b1", 2, 100, 2, 3),
        ("FILL", "s1", 2, 100, 2, 0),
    ]
    taker, maker = desk.reports[-2:]
    assert (taker.fee_minor, maker.fee_minor) == (6, 6)
    assert (taker.trade_id, taker.exec_id, maker.exec_id) == ("T3", "E3", "E4")
    assert maker.trade_id == taker.trade_id
    assert (taker.user_id, taker.side, taker.instrument_id) == ("ben", SIDE_BUY, "ESH4")
    assert desk.engine.working == 1


def test_instruments_have_books_of_their_own() -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 2, 100, instrument_id="BTC-USD"))
    assert desk.does(buy("ben", "b1", 5, 103)) == [("NEW", "b1", 0, None, 0, 5)]


def test_one_user_may_trade_with_himself() -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 1, 100))
    assert [report[:2] for report in desk.does(buy("ann", "b1", 1, 100))] == [
        ("NEW", "b1"),
        ("FILL", "b1"),
        ("FILL", "s1"),
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"time_in_force": TIME_IN_FORCE_IOC}, [("PARTIAL_FILL", 2, 3), ("CANCELED", 2, 0)]),
        ({"time_in_force": TIME_IN_FORCE_FOK}, [("CANCELED", 0, 0)]),
        ({"is_market": True}, [("PARTIAL_FILL", 2, 3), ("CANCELED", 2, 0)]),
        ({"is_market": True, "time_in_force": TIME_IN_FORCE_FOK}, [("CANCELED", 0, 0)]),
        ({"time_in_force": TIME_IN_FORCE_FOK, "quantity_lots": 2}, [("FILL", 2, 0)]),
        (
            {"time_in_force": TIME_IN_FORCE_FOK, "quantity_lots": 4, "price_e9": 110},
            [("FILL", 4, 0)],
        ),
    ],
)
def test_what_may_not_rest_ends(more: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 2, 100))
    desk.does(sell("ann", "s2", 9, 110))
    told = [report for report in desk.does(buy("ben", "b1", 5, 105, **more)) if report[1] == "b1"]
    assert told[0][0] == "NEW"
    shown = [(kind, cum, left) for kind, _, _, _, cum, left in told[1:]]
    # A FILL at two prices is told in two parts.
    assert [line for line in shown if line != ("PARTIAL_FILL", 2, 2)] == expected


@pytest.mark.parametrize(
    "late",
    [
        {"expires_at": NOW},
        {"time_in_force": TIME_IN_FORCE_DAY, "gate_time": NOW - DAY_US},
        {"is_market": True, "price_e9": None},
    ],
)
def test_an_order_that_comes_too_late_or_without_a_bound_is_rejected(late: dict[str, Any]) -> None:
    desk = Desk()
    assert desk.does(buy("ann", "b1", 1, 100, **late)) == [("REJECTED", "b1", 0, None, 0, 0)]
    assert desk.engine.working == 0


def test_orders_expire_in_order_of_time_and_before_what_comes_at_that_moment() -> None:
    desk = Desk()
    midnight = 19_001 * DAY_US
    desk.does(buy("ann", "day", 1, 100, time_in_force=TIME_IN_FORCE_DAY))
    desk.does(buy("ann", "until", 1, 100, expires_at=NOW + 5))
    desk.does(buy("ann", "both", 1, 100, expires_at=midnight + 9, time_in_force=TIME_IN_FORCE_DAY))
    desk.does(buy("ann", "ever", 1, 100))
    assert desk.engine.next_deadline == NOW + 5
    assert desk.does(sell("ben", "s1", 1, 200), NOW + 5) == [
        ("EXPIRED", "until", 0, None, 0, 0),
        ("NEW", "s1", 0, None, 0, 1),
    ]
    assert desk.shown(desk.engine.advance(midnight - 1)) == []
    assert [line[:2] for line in desk.shown(desk.engine.advance(midnight))] == [
        ("EXPIRED", "day"),
        ("EXPIRED", "both"),
    ]
    assert desk.engine.next_deadline is None
    assert desk.engine.working == 2


def test_a_cancel_answers_under_its_own_id_with_what_was_filled() -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 5, 100))
    desk.does(buy("ben", "b1", 2, 100))
    assert desk.does(cancel("ann", "c1", "s1")) == [("CANCELED", "c1", 0, None, 2, 0)]
    assert desk.reports[-1].orig_order_id == "s1"
    assert desk.does(cancel("ann", "c2", "s1")) == [("CANCEL_REJECTED", "c2", 0, None, 0, 0)]
    assert desk.does(buy("ben", "b2", 1, 100)) == [("NEW", "b2", 0, None, 0, 1)]


def test_the_gates_own_cancel_ends_an_order_and_gets_no_answer_when_there_is_none() -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 5, 100))
    assert desk.does(cancel("ann", "gate:1:7:1", "s1", by_gate=True))[0][0] == "CANCELED"
    assert desk.does(cancel("ann", "gate:1:8:1", "s1", by_gate=True)) == []


@pytest.mark.parametrize(
    ("lots", "price", "first"),
    [(3, 100, "s1"), (5, 100, "s1"), (6, 100, "s2"), (5, 101, "s2")],
)
def test_only_a_new_price_or_more_lots_cost_the_place_in_the_queue(
    lots: int, price: int, first: str
) -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 5, 100))
    desk.does(sell("ben", "s2", 5, price))
    answer = desk.does(replace("ann", "r1", "s1", lots, price, SIDE_SELL))
    assert answer == [("REPLACED", "r1", 0, None, 0, lots)]
    told = desk.does(buy("cho", "b1", 1, price))
    assert told[-1][1] == {"s1": "r1", "s2": "s2"}[first]


def test_a_replace_may_trade_at_once_and_later_requests_may_use_any_of_its_ids() -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 5, 105))
    desk.does(buy("ben", "b1", 2, 100))
    assert desk.does(replace("ann", "r1", "s1", 6, 100, SIDE_SELL)) == [
        ("REPLACED", "r1", 0, None, 0, 6),
        ("PARTIAL_FILL", "r1", 2, 100, 2, 4),
        ("FILL", "b1", 2, 100, 2, 0),
    ]
    assert desk.reports[-2].orig_order_id == "s1"
    # The total: what is filled counts.
    assert desk.does(replace("ann", "r2", "s1", 2, 100, SIDE_SELL)) == [
        ("CANCEL_REJECTED", "r2", 0, None, 2, 4)
    ]
    assert desk.does(cancel("ann", "c1", "r2")) == [("CANCELED", "c1", 0, None, 2, 0)]
    assert desk.does(replace("ann", "r3", "s1", 9, 100, SIDE_SELL))[0][0] == "CANCEL_REJECTED"


def test_a_request_that_is_known_is_not_acted_on_again() -> None:
    desk = Desk()
    desk.does(sell("ann", "s1", 5, 105))
    assert desk.does(sell("ann", "s1", 5, 105)) == []
    desk.does(replace("ann", "r1", "s1", 6, 100, SIDE_SELL))
    assert desk.does(replace("ann", "r1", "s1", 6, 100, SIDE_SELL)) == []


def test_slices_bound_an_execution() -> None:
    desk = Desk(slice_lots_max=2)
    desk.does(sell("ann", "s1", 5, 100))
    told = desk.does(buy("ben", "b1", 5, 100))
    assert [line[2:] for line in told if line[1] == "s1"] == [
        (2, 100, 2, 3),
        (2, 100, 4, 1),
        (1, 100, 5, 0),
    ]


def races() -> set[tuple[tuple[Any, ...], ...]]:
    """The answers to cancels that are met by a fill, of many seeds."""
    found = set()
    for seed in range(60):
        desk = Desk(race_ppm=1_000_000, seed=seed)
        desk.does(sell("ann", "s1", 2, 100))
        found.add(tuple(desk.does(cancel("ann", "c1", "s1"))))
        assert desk.engine.working == 0
    return found


def test_a_cancel_can_meet_a_fill_in_every_way() -> None:
    filled = ("FILL", "s1", 2, 100, 2, 0)
    part = ("PARTIAL_FILL", "s1", 1, 100, 1, 1)
    assert races() == {
        (filled, ("CANCEL_REJECTED", "c1", 0, None, 2, 0)),
        (part, ("CANCELED", "c1", 0, None, 1, 0)),
        # The fill comes after its cancel has been answered.
        (("CANCELED", "c1", 0, None, 1, 0), ("PARTIAL_FILL", "s1", 1, 100, 1, 0)),
        (("CANCELED", "c1", 0, None, 2, 0), filled),
    }


def test_a_bust_takes_both_sides_back_and_what_works_has_it_to_fill_again() -> None:
    desk = Desk(bust_ppm=1_000_000)
    desk.does(sell("ann", "s1", 2, 100))
    assert desk.does(buy("ben", "b1", 5, 103))[1:] == [
        ("PARTIAL_FILL", "b1", 2, 100, 2, 3),
        ("FILL", "s1", 2, 100, 2, 0),
        ("TRADE_CANCEL", "b1", 2, 100, 0, 5),
        ("TRADE_CANCEL", "s1", 2, 100, 0, 0),
    ]
    assert [report.exec_ref_id for report in desk.reports[-2:]] == ["E3", "E4"]
    assert desk.engine.working == 1


def test_a_silent_order_is_never_answered_until_the_gate_ends_it() -> None:
    desk = Desk(silence_ppm=1_000_000)
    assert desk.does(sell("ann", "s1", 5, 100)) == []
    assert desk.does(replace("ann", "r1", "s1", 6, 100, SIDE_SELL)) == []
    assert desk.does(cancel("ann", "c1", "r1")) == []
    assert desk.does(cancel("ann", "c2", "c1")) == []
    assert desk.does(cancel("ann", "gate:0:9:1", "r1", by_gate=True)) == []
    assert desk.does(cancel("ann", "c3", "s1"))[0][0] == "CANCEL_REJECTED"


def test_chances_are_those_of_the_seed_and_about_as_likely_as_said() -> None:
    happens = Switches(seed=1).happens
    count = sum(happens(250_000, "silence", "ann", f"o{number}") for number in range(4_000))
    assert 900 < count < 1_100
    assert not any(happens(0, "silence", str(number)) for number in range(100))
    assert all(happens(1_000_000, "silence", str(number)) for number in range(100))
    draws = {Switches(seed=seed).draw("bust", "T1") for seed in range(50)}
    assert len(draws) == 50
    assert Switches().draw("a", "bc") != Switches().draw("ab", "c")


def test_the_house_quotes_both_sides_and_takes_what_it_meets() -> None:
    desk = Desk()
    desk.does(buy("ann", "b1", 3, 100))
    assert desk.shown(desk.engine.quote("ESH4", 90, 95, 10, NOW)) == [("FILL", "b1", 3, 100, 3, 0)]
    assert desk.does(buy("ann", "b2", 8, 95)) == [
        ("NEW", "b2", 0, None, 0, 8),
        ("PARTIAL_FILL", "b2", 7, 95, 7, 1),
    ]
    # A new mark: new quotes, the old ones are gone.
    desk.engine.quote("ESH4", 80, 85, 10, NOW)
    assert desk.does(sell("ann", "s1", 1, 90))[-1][0] == "NEW"
    assert desk.does(sell("ann", "s2", 11, 80))[-1] == ("PARTIAL_FILL", "s2", 10, 80, 10, 1)
    # Only a user's orders are counted.
    assert desk.engine.working == 2


@pytest.mark.parametrize(
    ("mark", "tick", "bps", "expected"),
    [
        (10_000, 25, 5, (9_975, 10_025)),
        (10_000, 5, 5, (9_995, 10_005)),
        (10_000, 25, 0, (10_000, 10_025)),
        (10_010, 25, 0, (10_000, 10_025)),
        (20, 25, 5, None),
    ],
)
def test_quotes_lie_on_the_tick_around_the_mark(
    mark: int, tick: int, bps: int, expected: tuple[int, int] | None
) -> None:
    assert quote_prices(mark, tick, bps) == expected


def test_the_command_shows_examples_and_refuses_nonsense() -> None:
    shown = CliRunner().invoke(main, ["venue", "--help"])
    assert shown.exit_code == 0
    assert "tollgate venue --slice-lots 3 --race 0.2" in shown.output
    for wrong in (["--race", "1.5"], ["--slice-lots", "0"], ["--venue", ""]):
        assert CliRunner().invoke(main, ["venue", *wrong]).exit_code == 2
