"""The venue's engine against a naive one, and what its reports alone must show.

The naive venue below is written from docs/venue.md: it keeps one list of orders and looks through
all of it for every step.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.risk.records import (
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NAMES,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_TRADE_CANCEL,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    SIDE_BUY,
    TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_FOK,
    TIME_IN_FORCE_GTC,
    Fill,
)
from pipeline.venue.engine import Engine
from pipeline.venue.history import Report, report_of, restored
from pipeline.venue.orders import Request
from pipeline.venue.switches import Switches
from tests.property.world import vars_of

pytestmark = pytest.mark.property

DAY_US = 86_400_000_000
START = 19_000 * DAY_US
USERS = ("ann", "ben", "cho")
TRADES = {EXEC_TYPE_PARTIAL_FILL, EXEC_TYPE_FILL}
ENDS = {EXEC_TYPE_FILL, EXEC_TYPE_CANCELED, EXEC_TYPE_EXPIRED, EXEC_TYPE_REJECTED}
HISTORIES = st.lists(st.integers(0, 2**32 - 1), min_size=10, max_size=80)
# Switches with which everything odd happens again and again.
WILD = st.builds(
    Switches,
    slice_lots_max=st.sampled_from([None, 1, 2, 3]),
    race_ppm=st.sampled_from([0, 500_000, 1_000_000]),
    bust_ppm=st.sampled_from([0, 200_000]),
    silence_ppm=st.sampled_from([0, 200_000]),
    fee_per_lot_minor=st.sampled_from([0, 7]),
    seed=st.integers(0, 9),
)

Step = tuple[int, Request | None]


def history(seeds: list[int]) -> list[Step]:
    """(Time, request or nothing but time): few users, prices and lots, so that they meet."""
    steps: list[Step] = []
    known: list[Request] = []
    moment = START
    for number, seed in enumerate(seeds):
        random = Random(seed)
        moment += random.choice([0, 0, 1, 1_000, DAY_US // 7])
        if seed % 23 == 0:
            steps.append((moment, None))
            continue
        orig = random.choice(known) if known and random.random() < 0.4 else None
        request = _new(random, number, moment) if orig is None else _change(random, number, orig)
        steps.append((moment, request._replace(gate_time=moment)))
        known.append(request)
    return steps


def _new(random: Random, number: int, moment: int) -> Request:
    return Request(
        action=ORDER_ACTION_NEW,
        user_id=random.choice(USERS),
        tenant_id="demo",
        order_id=f"o{number}",
        orig_order_id=None,
        instrument_id=random.choice(["ESH4", "ESH4", "BTC-USD"]),
        side=random.randrange(2),
        is_market=random.random() < 0.15,
        time_in_force=random.choice([0, 0, 0, 1, 1, 2, 3]),
        quantity_lots=random.randint(1, 9),
        price_e9=random.randint(1, 6),
        expires_at=moment + random.choice([0, 1, 1_000, DAY_US // 3])
        if random.random() < 0.2
        else None,
        gate_time=moment,
        by_gate=False,
    )


def _change(random: Random, number: int, orig: Request) -> Request:
    request = orig._replace(
        action=random.choice([ORDER_ACTION_CANCEL, ORDER_ACTION_REPLACE, ORDER_ACTION_REPLACE]),
        order_id=f"c{number}",
        orig_order_id=orig.order_id,
        quantity_lots=max(1, orig.quantity_lots + random.randint(-3, 3)),
        price_e9=random.randint(1, 6) if random.random() < 0.5 else orig.price_e9,
    )
    if request.action == ORDER_ACTION_REPLACE:
        return request
    return request._replace(by_gate=random.random() < 0.2)


@dataclass
class NaiveOrder:
    """An order of the naive venue."""

    request: Request
    quantity: int
    price: int
    filled: int = 0
    names: set[str] = field(default_factory=set)

    @property
    def is_buy(self) -> bool:
        """Its side."""
        return self.request.side == SIDE_BUY

    def end(self) -> int | None:
        """From when it no longer works."""
        ends = [] if self.request.expires_at is None else [self.request.expires_at]
        if self.request.time_in_force == TIME_IN_FORCE_DAY:
            ends.append(self.request.gate_time - self.request.gate_time % DAY_US + DAY_US)
        return min(ends, default=None)


class NaiveVenue:
    """Resting orders in one list, in order of place; what happens as lines of text."""

    def __init__(self) -> None:
        self.resting: list[NaiveOrder] = []
        self.told: list[tuple[object, ...]] = []

    def step(self, moment: int, request: Request | None) -> None:
        """Let time pass, then do what is asked."""
        over = [(order.end(), order) for order in self.resting]
        for _, order in sorted(
            ((end, order) for end, order in over if end is not None and end <= moment),
            key=lambda pair: (pair[0], int(pair[1].request.order_id[1:])),
        ):
            self.resting.remove(order)
            self._tell("EXPIRED", order)
        if request is None:
            return
        if request.action == ORDER_ACTION_NEW:
            self._new(request, moment)
            return
        named = [
            order
            for order in self.resting
            if order.request.user_id == request.user_id and request.orig_order_id in order.names
        ]
        if not named:
            if not request.by_gate:
                self.told.append(("CANCEL_REJECTED", request.order_id))
        elif request.action == ORDER_ACTION_CANCEL:
            self.resting.remove(named[0])
            self.told.append(("CANCELED", request.order_id, named[0].filled))
        else:
            self._replace(named[0], request)

    def _new(self, request: Request, moment: int) -> None:
        order = NaiveOrder(request, request.quantity_lots, request.price_e9 or 0)
        order.names.add(request.order_id)
        end = order.end()
        if end is not None and end <= moment:
            self._tell("REJECTED", order)
            return
        self._tell("NEW", order)
        reachable = sum(other.quantity - other.filled for other in self._opposite(order))
        if request.time_in_force != TIME_IN_FORCE_FOK or reachable >= order.quantity:
            self._take(order)
        if order.filled < order.quantity:
            if not request.is_market and request.time_in_force in {
                TIME_IN_FORCE_GTC,
                TIME_IN_FORCE_DAY,
            }:
                self.resting.append(order)
            else:
                self._tell("CANCELED", order)

    def _replace(self, order: NaiveOrder, request: Request) -> None:
        order.names.add(request.order_id)
        if request.quantity_lots <= order.filled:
            self.told.append(("CANCEL_REJECTED", request.order_id))
            return
        moves = request.price_e9 != order.price or request.quantity_lots > order.quantity
        order.quantity, order.price = request.quantity_lots, request.price_e9 or 0
        self.told.append(("REPLACED", request.order_id, order.filled))
        if moves:
            self.resting.remove(order)
            self._take(order)
            if order.filled < order.quantity:
                self.resting.append(order)

    def _opposite(self, taker: NaiveOrder) -> list[NaiveOrder]:
        """Whom it may trade with, the best price first, then by place."""
        sign = 1 if taker.is_buy else -1
        return sorted(
            (
                order
                for order in self.resting
                if order.request.instrument_id == taker.request.instrument_id
                and order.is_buy != taker.is_buy
                and sign * order.price <= sign * taker.price
            ),
            key=lambda order: sign * order.price,
        )

    def _take(self, taker: NaiveOrder) -> None:
        for maker in self._opposite(taker):
            lots = min(taker.quantity - taker.filled, maker.quantity - maker.filled)
            if lots == 0:
                return
            for order in (taker, maker):
                order.filled += lots
                kind = "FILL" if order.filled == order.quantity else "PARTIAL_FILL"
                root = order.request.order_id
                self.told.append((kind, root, order.filled, lots, maker.price))
            if maker.filled == maker.quantity:
                self.resting.remove(maker)

    def _tell(self, what: str, order: NaiveOrder) -> None:
        self.told.append((what, order.request.order_id, order.filled))


def told(reports: list[Fill]) -> list[tuple[object, ...]]:
    """Reports in the naive venue's words: of an order by its first id, else by the request's."""
    lines: list[tuple[object, ...]] = []
    for report in reports:
        name = EXEC_TYPE_NAMES[report.exec_type]
        line: tuple[object, ...] = (name, report.order_id, report.cum_lots)
        if report.exec_type in TRADES:
            root = report.orig_order_id or report.order_id
            line = (name, root, report.cum_lots, report.last_lots, report.last_price_e9)
        elif name == "EXPIRED":
            line = (name, report.orig_order_id or report.order_id, report.cum_lots)
        elif name == "CANCEL_REJECTED":
            line = (name, report.order_id)
        lines.append(line)
    return lines


def run(engine: Engine, steps: list[Step]) -> list[Fill]:
    reports: list[Fill] = []
    for moment, request in steps:
        if request is None:
            reports += engine.advance(moment)
        else:
            reports += engine.handle(request, moment)
    return reports


def as_dicts(reports: list[Fill]) -> list[dict[str, object]]:
    return [vars_of(report) for report in reports]


@given(HISTORIES)
def test_it_matches_as_the_naive_venue_does(seeds: list[int]) -> None:
    steps = history(seeds)
    naive = NaiveVenue()
    for moment, request in steps:
        naive.step(moment, request)
    engine = Engine(Switches())
    assert told(run(engine, steps)) == naive.told
    assert engine.working == len(naive.resting)


@given(HISTORIES, WILD, st.integers(0, 80))
def test_started_again_it_goes_on_as_if_it_had_not_stopped(
    seeds: list[int], switches: Switches, cut: int
) -> None:
    steps = history(seeds)
    whole = run(Engine(switches), steps)
    first = run(Engine(switches), steps[:cut])
    requests = [request for _, request in steps[:cut] if request is not None]
    own: list[Report | None] = [report_of(report, switches.venue) for report in first]
    # Of several partitions: in no order.
    shuffled = [report for report in own if report is not None]
    Random(cut).shuffle(shuffled)
    rest = run(restored(switches, requests, shuffled), steps[cut:])
    assert as_dicts(first + rest) == as_dicts(whole)


def quotes(seeds: list[int]) -> Callable[[Engine, int], list[Fill]]:
    """House quotes at random prices, now and then."""

    def quote(engine: Engine, number: int) -> list[Fill]:
        random = Random(seeds[number])
        if random.random() < 0.8:
            return []
        bid = random.randint(1, 5)
        return engine.quote("ESH4", bid, bid + random.randint(1, 2), 4, engine.time)

    return quote


@given(HISTORIES, WILD, st.booleans())
def test_the_reports_alone_add_up(seeds: list[int], switches: Switches, with_house: bool) -> None:
    steps = history(seeds)
    engine = Engine(switches)
    quote = quotes(seeds)
    reports: list[Fill] = []
    for number, step in enumerate(steps):
        reports += run(engine, [step])
        if with_house:
            reports += quote(engine, number)
    assert [report.exec_id for report in reports] == [
        f"E{number}" for number in range(1, len(reports) + 1)
    ]
    requests = {request.key: request for _, request in steps if request is not None}
    _assert_orders_add_up(requests, reports)
    _assert_trades_add_up(switches, reports, with_house=with_house)


def _assert_orders_add_up(requests: dict[tuple[str, str], Request], reports: list[Fill]) -> None:
    """Cumulated lots follow from executions, no more than was wanted, at no worse a price."""
    roots: dict[tuple[str, str], str] = {}
    for key, request in requests.items():
        is_new = request.action == ORDER_ACTION_NEW
        roots[key] = key[1] if is_new else roots[key[0], request.orig_order_id or ""]
    filled: Counter[tuple[str, str]] = Counter()
    ended: set[tuple[str, str]] = set()
    for report in reports:
        root = (report.user_id, roots[report.user_id, report.order_id])
        wanted = requests[report.user_id, report.order_id]
        if report.exec_type in TRADES:
            filled[root] += report.last_lots
            limit, price = wanted.price_e9 or 0, report.last_price_e9 or 0
            assert price <= limit if report.side == SIDE_BUY else price >= limit
            assert filled[root] <= wanted.quantity_lots
            assert (report.exec_type == EXEC_TYPE_FILL) == (filled[root] == wanted.quantity_lots)
        elif report.exec_type == EXEC_TYPE_TRADE_CANCEL:
            filled[root] -= report.last_lots
        if report.exec_type in TRADES | {EXEC_TYPE_TRADE_CANCEL}:
            assert report.cum_lots == filled[root]
            expected = 0 if root in ended else wanted.quantity_lots - filled[root]
            assert report.leaves_lots == expected
        if report.exec_type in ENDS:
            ended.add(root)
    for key, request in requests.items():
        all_or_nothing = request.time_in_force == TIME_IN_FORCE_FOK
        taken_back = any(
            report.exec_type == EXEC_TYPE_TRADE_CANCEL and report.order_id == key[1]
            for report in reports
        )
        if request.action == ORDER_ACTION_NEW and all_or_nothing and not taken_back:
            assert filled[key] in {0, request.quantity_lots}


def _assert_trades_add_up(switches: Switches, reports: list[Fill], *, with_house: bool) -> None:
    """Both sides of a trade say the same; what is bought is sold."""
    sides: dict[str, list[Fill]] = {}
    for report in reports:
        if report.exec_type in TRADES and report.trade_id is not None:
            sides.setdefault(report.trade_id, []).append(report)
            assert report.fee_minor == report.last_lots * switches.fee_per_lot_minor
            assert report.last_lots <= (switches.slice_lots_max or report.last_lots)
    for both in sides.values():
        assert len({(r.last_lots, r.last_price_e9, r.instrument_id) for r in both}) == 1
        assert len({report.side for report in both}) == len(both)
        # The house makes no reports.
        assert len(both) == 2 or with_house or switches.race_ppm
    by_number = {report.exec_id: report for report in reports}
    busts = [report for report in reports if report.exec_type == EXEC_TYPE_TRADE_CANCEL]
    assert len({report.exec_ref_id for report in busts}) == len(busts)
    for bust in busts:
        trade = by_number[bust.exec_ref_id or ""]
        assert (trade.trade_id, trade.order_id, trade.last_lots, trade.last_price_e9) == (
            bust.trade_id,
            bust.order_id,
            bust.last_lots,
            bust.last_price_e9,
        )
        assert trade.exec_type in TRADES


@given(HISTORIES)
def test_no_price_is_traded_through(seeds: list[int]) -> None:
    """Of what rests, nobody at a better price is left out: trades of a step only get worse."""
    engine = Engine(Switches())
    for step in history(seeds):
        reports = [report for report in run(engine, [step]) if report.exec_type in TRADES]
        takers = reports[::2]
        prices = [report.last_price_e9 or 0 for report in takers]
        is_buy = bool(takers) and takers[0].side == SIDE_BUY
        assert prices == sorted(prices, reverse=not is_buy)
        assert len({report.side for report in takers}) <= 1


def test_the_histories_reach_what_they_are_for() -> None:
    """Every kind of report comes, so that the properties above are not empty."""
    random = Random(1)
    switches = Switches(slice_lots_max=2, race_ppm=500_000, bust_ppm=200_000, silence_ppm=100_000)
    seen: Counter[str] = Counter()
    for _ in range(60):
        steps = history([random.randrange(2**32) for _ in range(60)])
        seen += Counter(EXEC_TYPE_NAMES[r.exec_type] for r in run(Engine(switches), steps))
    assert set(seen) == set(EXEC_TYPE_NAMES) - {"TRADE_CORRECT"}
    assert min(seen.values()) > 10


def test_a_gtc_order_has_no_end() -> None:
    engine = Engine(Switches())
    random = Random(3)
    request = _new(random, 1, START)._replace(
        time_in_force=TIME_IN_FORCE_GTC, expires_at=None, is_market=False
    )
    engine.handle(request, START)
    assert engine.advance(START + 10_000 * DAY_US) == []
    assert engine.working == 1
