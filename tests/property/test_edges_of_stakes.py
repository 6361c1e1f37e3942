"""What random histories hardly reach: figures beyond 64 bits, results of days that pass.

Each history is short and written out; gate, auditor and the auditor's running version must agree.
"""

from random import Random
from typing import Any, Final

import pytest

from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    EXEC_TYPE_FILL,
    LIMIT_SCOPE_USER,
    ORDER_ACTION_NEW,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_GTC,
    CheckLimit,
    DayClose,
    Fill,
    Order,
)
from tests.chaos.checker_auditor import LaneAuditor
from tests.oracle.auditor import Auditor, Expected
from tests.property.desk import check
from tests.property.exposures import EXPOSURES
from tests.property.gate import Gate, seen
from tests.property.state import assert_same_state
from tests.property.world import (
    DAY_MS,
    E9,
    INSTRUMENTS,
    LANE,
    LANE_COUNT,
    TENANT,
    USERS,
    USUAL_PRICE_E9,
    World,
    send_mark,
    send_money,
    set_up,
    usual_limits,
)

pytestmark = pytest.mark.property

USER: Final = USERS[0]
LOTS_MAX: Final = 10**12
PRICE_MAX: Final = 10**18


class Both:
    """A world that trades, whose inputs the gate and both auditors take as they are sent."""

    def __init__(self) -> None:
        """Everything is set up, and nobody has anything but money."""
        self.world = World()
        self.gate = Gate()
        self.auditor = Auditor(LANE, LANE_COUNT)
        self.running = LaneAuditor(LANE, LANE_COUNT)
        set_up(self.world, Random(0), 0.0)
        self.world.send_control(usual_limits(scope_id="gold", order_rate_per_s_max=10**6))

    def answers(self) -> list[Expected]:
        """What all three say to what was sent since."""
        said: list[Expected] = []
        for given in self.world.sent:
            said.append(seen(self.gate.apply(given)))
            assert said[-1] == self.auditor.apply(*given)
            time_us = given.timestamp_ms * 1000
            assert said[-1] == self.running.apply_at(time_us, given.topic, given.key, given.value)
        self.world.sent.clear()
        assert_same_state(self.gate, self.auditor)
        return said

    def answer(self) -> Expected:
        """The last of them."""
        return self.answers()[-1]

    def order(self, name: str, side: int = SIDE_BUY, **changes: Any) -> Expected:
        """What is said to a NEW of one lot of the instrument at its usual price."""
        world = self.world
        shape: dict[str, Any] = {
            "event_time": world.now_us,
            "source_system_id": "desk",
            "tenant_id": TENANT,
            "action": ORDER_ACTION_NEW,
            "order_id": world.new_id("o"),
            "orig_order_id": None,
            "user_id": USER,
            "instrument_id": name,
            "side": side,
            "order_type": ORDER_TYPE_LIMIT,
            "time_in_force": TIME_IN_FORCE_GTC,
            "quantity_lots": 2,
            "price_e9": USUAL_PRICE_E9[name],
            "expires_at": None,
            "trader_id": None,
            "algo_id": None,
            "desk_id": None,
            "counterparty_id": None,
            "tags": {},
        }
        world.send_order(Order(**(shape | changes)))
        return self.answer()

    def trade(self, name: str, side: int, lots: int, price_e9: int, fee_minor: int = 0) -> None:
        """A trade that nobody has asked for: it counts all the same."""
        world = self.world
        world.send_fill(
            Fill(
                event_time=world.now_us,
                source_system_id="venue",
                tenant_id=TENANT,
                exec_id=world.new_id("x"),
                exec_ref_id=None,
                order_id=world.new_id("elsewhere"),
                orig_order_id=None,
                user_id=USER,
                instrument_id=name,
                side=side,
                exec_type=EXEC_TYPE_FILL,
                last_lots=lots,
                last_price_e9=price_e9,
                cum_lots=lots,
                leaves_lots=0,
                fee_minor=fee_minor,
                trade_id=None,
                venue="XCME",
            )
        )

    def limit(self, check: str, limit: int, currency: str | None = None) -> None:
        """A limit of the user's own."""
        self.world.send_control(
            CheckLimit(check, LIMIT_SCOPE_USER, USER, None, limit, None, currency)
        )


@pytest.mark.parametrize("side", [SIDE_BUY, SIDE_SELL])
def test_stakes_beyond_64_bits_are_above_every_limit(side: int) -> None:
    both = Both()
    for name in ("ACME", "ESX", "EURX"):
        both.trade(name, side, LOTS_MAX, 1)
        send_mark(both.world, name, PRICE_MAX)
    for name in EXPOSURES:
        both.limit(name, 10**18, "EUR")
    both.answers()
    for way in (SIDE_BUY, SIDE_SELL):
        for name in ("ACME", "ESX", "NORD"):
            both.order(name, way)
            both.order(name, way, quantity_lots=LOTS_MAX, price_e9=PRICE_MAX)
    assert check(both.order("NORD"), "USER_GROSS").observed == 2**63 - 1


def test_a_result_beyond_64_bits_is_no_result() -> None:
    both = Both()
    both.trade("ACME", SIDE_SELL, LOTS_MAX, 1)
    send_mark(both.world, "ACME", PRICE_MAX)
    rich = both.order("ESX")
    for name in ("DAILY_LOSS", "DRAWDOWN"):
        assert check(rich, name).reason == "OUT_OF_RANGE"
        assert check(both.order("ACME"), name).result == "PASS"
    send_mark(both.world, "ACME", 1)
    assert check(both.order("ESX"), "DAILY_LOSS").observed == 0


def test_what_trading_has_brought_stays_within_64_bits() -> None:
    both = Both()
    most = 2**63 - 1
    both.trade("ESX", SIDE_BUY, 1, E9, fee_minor=-most + 10**8)
    assert both.answer().outcome == "FACT"
    for _ in range(9):
        send_money(both.world, USER, DEPOSIT_KIND_ADJUSTMENT, "USD", -(10**18))
    both.answers()
    both.trade("ESX", SIDE_BUY, 1, E9, fee_minor=-(10**8) - 1)
    assert both.answer().reason_code == "OUT_OF_RANGE"
    both.trade("ESX", SIDE_BUY, 1, E9, fee_minor=-(10**8))
    assert both.answer().outcome == "FACT"


def test_a_loss_is_the_days_and_a_fall_from_the_best_is_too() -> None:
    both = Both()
    both.trade("ACME", SIDE_BUY, 10, 190 * E9)
    send_mark(both.world, "ACME", 180 * E9)
    assert check(both.order("ESX"), "DAILY_LOSS").observed == 10_000
    send_mark(both.world, "ACME", 200 * E9)
    both.order("ESX")
    send_mark(both.world, "ACME", 195 * E9)
    later = both.order("ESX")
    assert check(later, "DAILY_LOSS").observed == 0
    assert check(later, "DRAWDOWN").observed == 5_000
    both.world.send_control(DayClose(both.world.now_ms // DAY_MS))
    next_day = both.order("ESX")
    assert check(next_day, "DRAWDOWN").observed == 0
    send_mark(both.world, "ACME", 194 * E9)
    both.limit("DAILY_LOSS", 999)
    both.limit("DRAWDOWN", 925, "EUR")
    down = both.order("ESX")
    assert check(down, "DAILY_LOSS").observed == 1_000
    # 10.00 USD at 1.08 are 9.26 EUR, rounded up.
    assert (check(down, "DRAWDOWN").observed, check(down, "DRAWDOWN").limit) == (926, 925)
    assert down.reason_code == "DAILY_LOSS"
    closes = both.order("ACME", SIDE_SELL)
    assert check(closes, "DAILY_LOSS")[1:4] == ("PASS", None, 1_000)


def test_the_definitions_reach_every_instrument() -> None:
    both = Both()
    for name in INSTRUMENTS:
        both.order(name)
        both.order(name, SIDE_SELL)
