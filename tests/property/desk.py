"""A trading desk before one lane: sends one sound record at a time, changed where a test says so.

Owns a small world that can trade (one future, one spot pair, one user with money) and reads the
answers and the rows. For example tests; the histories have a world of their own.
"""

from typing import Any, Final

from pipeline.codecs.avro import encode_control, encode_fill, encode_mark
from pipeline.risk import keys
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_FILL,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    TIME_IN_FORCE_GTC,
    TRADING_STATE_ACTIVE,
    Collateral,
    FeeSchedule,
    FirmState,
    Order,
    RegulatoryEvent,
    RowBalance,
    RowHoldings,
    RowPosition,
    RowResult,
    RowUser,
    UserAccount,
)
from tests.oracle.auditor import Expected
from tests.oracle.checks import Check
from tests.oracle.definitions import Payload
from tests.property.gate import Gate, events_of, seen
from tests.property.reports import report_on
from tests.property.world import (
    E9,
    TENANT,
    USERS,
    World,
    changed,
    equity,
    future,
    fx_pair,
    send_mark,
    send_money,
    spot,
    usual_limits,
    usual_policy,
)
from tests.roomy import roomy

USER: Final = USERS[0]
FUNDS: Final = 10_000_000
PRICE_E9: Final = 5_000 * E9
SPOT_PRICE_E9: Final = 40_000 * E9
EURO_E9: Final = 1_250_000_000
SHARE_PRICE_E9: Final = 200 * E9
USUAL_PRICES: Final = {"ESX": PRICE_E9, "BTC-USD": SPOT_PRICE_E9, "ACME": SHARE_PRICE_E9}
FEE_PER_LOT: Final = 100
MARGIN: Final = 100_000
NOTHING: Final = RowBalance(0, 0, 0, 0, 0, 0, 0, 0, 0, [], 0)

ESX: Final = future("ESX", margin_minor_per_lot=MARGIN)
# A lot is 1,000 minor units of BTC and worth the price in minor units of USD.
BTC_USD: Final = spot("BTC-USD", multiplier_numerator=1, multiplier_denominator=1, lot=1)
# For tests that publish it: 50.00 are held for a lot that is sold short.
ACME: Final = equity("ACME")
POLICY: Final = usual_policy()
LIMITS: Final = usual_limits()
FEES: Final = FeeSchedule("gold", None, FEE_PER_LOT, 0)
ACCOUNT: Final = UserAccount(USER, TENANT, "gold", TRADING_STATE_ACTIVE)
FIRM: Final = FirmState(TRADING_STATE_ACTIVE)
WORLD: Final[tuple[Payload, ...]] = (
    ESX,
    BTC_USD,
    POLICY,
    LIMITS,
    FEES,
    ACCOUNT,
    FIRM,
    *roomy(["gold"], USUAL_PRICES),
)


class Desk:
    """Sends to a fresh lane and shows what came of it. `without`: parts of WORLD to leave out."""

    def __init__(self, *without: Payload) -> None:
        """A lane in which `USER` can trade, but for what is left out."""
        self.gate = Gate()
        self.world = World()
        self.events: list[RegulatoryEvent] = []
        self.dead_letter: bytes | None = None
        for payload in WORLD:
            if payload not in without:
                self.control(payload)
        self.mark("ESX", PRICE_E9)
        self.mark("BTC-USD", SPOT_PRICE_E9)
        if ACCOUNT not in without:
            self.money(DEPOSIT_KIND_DEPOSIT, FUNDS)

    def _answer(self) -> Expected:
        """Put what the world has sent into the lane; the answer to the last of it."""
        outputs = [self.gate.apply(given) for given in self.world.sent]
        self.world.sent.clear()
        self.events = events_of(outputs[-1])
        self.dead_letter = outputs[-1].dead_letter
        return seen(outputs[-1])

    @property
    def version(self) -> int:
        """Of the control record published last."""
        return self.world.control_number * 10

    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.world.now_ms += milliseconds

    def control(self, payload: Payload, effective_from: int = 0) -> Expected:
        """Publish the next control record."""
        self.world.send_control(payload, effective_from)
        return self._answer()

    def control_again(self, **changes: Any) -> Expected:
        """Publish the last control record as it was, or changed."""
        control = changed(self.world.controls[-1], **changes)
        self.world.send("control", None, encode_control(control))
        return self._answer()

    def mark(self, name: str, price_e9: int, age_us: int = 0) -> Expected:
        """Publish a reference price."""
        send_mark(self.world, name, price_e9, age_us)
        return self._answer()

    def raw_mark(self, mark: Any) -> Expected:
        """Publish a mark as it stands."""
        self.world.send("marks", None, encode_mark(mark))
        return self._answer()

    def money(self, kind: int, amount: int, currency: str = "USD", **changes: Any) -> Expected:
        """Move money of `USER`."""
        send_money(self.world, changes.pop("user_id", USER), kind, currency, amount, **changes)
        return self._answer()

    def new(self, **changes: Any) -> Order:
        """A NEW that nothing is wrong with: buy 1 ESX at the mark."""
        shape: dict[str, Any] = {
            "event_time": self.world.now_us,
            "source_system_id": "desk",
            "tenant_id": TENANT,
            "action": ORDER_ACTION_NEW,
            "order_id": self.world.new_id("o"),
            "orig_order_id": None,
            "user_id": USER,
            "instrument_id": "ESX",
            "side": SIDE_BUY,
            "order_type": ORDER_TYPE_LIMIT,
            "time_in_force": TIME_IN_FORCE_GTC,
            "quantity_lots": 1,
            "price_e9": PRICE_E9,
            "expires_at": None,
            "trader_id": None,
            "algo_id": None,
            "desk_id": None,
            "counterparty_id": None,
            "tags": {},
        }
        shape["price_e9"] = USUAL_PRICES.get(changes.get("instrument_id", "ESX"), PRICE_E9)
        return Order(**(shape | changes))

    def send(self, order: Order) -> Expected:
        """Send an order record as it stands."""
        self.world.send_order(order)
        return self._answer()

    def send_body(self, order: Order, body: bytes) -> Expected:
        """Send other bytes under an order's key."""
        self.world.send("orders", order.user_id.encode(), body)
        return self._answer()

    def order(self, **changes: Any) -> Expected:
        """Send a NEW."""
        return self.send(self.new(**changes))

    def works(self, **changes: Any) -> Order:
        """Send a NEW that must be accepted."""
        order = self.new(**changes)
        answer = self.send(order)
        assert answer.reason_code == "ACCEPTED", answer
        return order

    def cancel(self, order_id: str | None, **changes: Any) -> Expected:
        """Send a CANCEL of an order."""
        shape = {"action": ORDER_ACTION_CANCEL, "orig_order_id": order_id, "quantity_lots": 0}
        return self.order(**(shape | {"price_e9": None} | changes))

    def replace(self, order: Order, **changes: Any) -> Order:
        """Send a REPLACE of an order as it stands, which must be accepted; what was sent."""
        request = self.replacement(order, **changes)
        answer = self.send(request)
        assert answer.reason_code == "ACCEPTED", answer
        return request

    def replacement(self, order: Order, **changes: Any) -> Order:
        """A REPLACE of an order by the same terms."""
        shape: dict[str, Any] = {
            "event_time": self.world.now_us,
            "action": ORDER_ACTION_REPLACE,
            "order_id": self.world.new_id("r"),
            "orig_order_id": order.order_id,
        }
        replacement: Order = changed(order, **(shape | changes))
        return replacement

    def report(self, order: Order, exec_type: int, **changes: Any) -> Expected:
        """Send an execution report on an order."""
        self.world.send_fill(report_on(self.world, order, exec_type=exec_type, **changes))
        return self._answer()

    def report_again(self, **changes: Any) -> Expected:
        """Send the last execution report once more, or changed."""
        fill = changed(self.world.fills[-1], **changes)
        self.world.send("fills", fill.user_id.encode(), encode_fill(fill))
        return self._answer()

    def trade(
        self, order: Order, lots: int, price_e9: int | None = None, **changes: Any
    ) -> Expected:
        """Report a trade at the order's price or another one."""
        price = order.price_e9 if price_e9 is None else price_e9
        shape = {"last_lots": lots, "last_price_e9": price, "cum_lots": lots}
        return self.report(order, changes.pop("exec_type", EXEC_TYPE_FILL), **(shape | changes))

    def bought(self, lots: int, price_e9: int = PRICE_E9, **changes: Any) -> Order:
        """Order and trade at once."""
        order = self.works(quantity_lots=lots, price_e9=price_e9, **changes)
        self.trade(order, lots)
        return order

    def balance(self, currency: str = "USD", user: str = USER) -> RowBalance:
        """The stored money."""
        return self.gate.balances().get((user, currency), NOTHING)

    def position(self, name: str = "ESX", user: str = USER) -> RowPosition:
        """The stored position."""
        return self.gate.positions()[user, name]

    def holdings(self, user: str = USER) -> list[str]:
        """Where the user has a position or working orders."""
        row: RowHoldings | None = self.gate.rows_of(keys.HOLDINGS).get((user,))
        return [] if row is None else row.instrument_ids

    def result(self, currency: str = "USD", user: str = USER) -> RowResult:
        """What trading has brought."""
        row: RowResult = self.gate.rows_of(keys.RESULT)[user, currency]
        return row

    def user(self, user: str = USER) -> RowUser:
        """The stored user."""
        return self.gate.users()[user,]

    def event_types(self) -> list[str]:
        """The events of the last record."""
        return [event.event_type for event in self.events]


def pledging(euros: int = 200_000, haircut_bps: int = 0) -> Desk:
    """A desk that has euros alone, which may cover dollars at 1.25."""
    desk = Desk(ACCOUNT)
    desk.control(ACCOUNT)
    desk.control(fx_pair("EUR-USD"))
    desk.mark("EUR-USD", EURO_E9)
    desk.control(Collateral("gold", "EUR", haircut_bps))
    desk.money(DEPOSIT_KIND_DEPOSIT, euros, "EUR")
    return desk


def check(answer: Expected, name: str) -> Check:
    """One line of an answer's decision vector."""
    assert answer.decision is not None
    return next(line for line in answer.decision.checks if line.check == name)
