"""The inputs of a schedule: few users on two lanes, orders, fills, deposits, cancels, and repeats.

Owns what is sent and, by plain arithmetic of its own, what positions and deposits must come to:
every execution id and every deposit id counts once, however often it was sent.
"""

from random import Random
from typing import Any, Final

from pipeline.codecs.avro import (
    encode_control,
    encode_deposit,
    encode_fill,
    encode_mark,
    encode_order,
)
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.partition import partition_of
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    EXEC_TYPE_FILL,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_STATE_OPEN,
    LIMIT_SCOPE_TIER,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_GTC,
    TRADING_STATE_ACTIVE,
    Control,
    Deposit,
    FeeSchedule,
    Fill,
    FirmState,
    Instrument,
    Limits,
    Mark,
    Order,
    Policy,
    UserAccount,
)
from pipeline.topics import CONTROL, DEPOSITS, FILLS, MARKS, ORDERS

LANES: Final = 2
PRICE_E9: Final = 4_800 * 10**9
INSTRUMENT: Final = "ESH4"
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
# Longer than any schedule, so that every fact is applied however late its worker comes to it.
_REMEMBERED_MS: Final = 3_650 * _DAY_MS
_IDS: Final = fixed_ids()
_FRAMES: Final = {
    name: _IDS.frame(name) for name in ("control", "mark", "deposit", "fill", "order")
}
# Topic, partition, key, value.
Sent = tuple[str, int, bytes | None, bytes]


def _users() -> list[str]:
    """Two users a lane."""
    by_lane: dict[int, list[str]] = {lane: [] for lane in range(LANES)}
    number = 0
    while any(len(users) < 2 for users in by_lane.values()):
        user = f"u{number}"
        users = by_lane[partition_of(user.encode(), LANES)]
        if len(users) < 2:
            users.append(user)
        number += 1
    return [user for users in by_lane.values() for user in users]


USERS: Final = _users()


class Workload:
    """What has been sent so far."""

    def __init__(self) -> None:
        self.count = 0
        # User -> net lots, and minor units deposited.
        self.positions: dict[str, int] = dict.fromkeys(USERS, 0)
        self.deposited: dict[str, int] = dict.fromkeys(USERS, 0)
        self._orders: list[tuple[str, str, int]] = []
        self._filled: list[Sent] = []
        self._deposits: list[Sent] = []

    def clone(self) -> "Workload":
        """The same past, a future of its own."""
        other = Workload()
        other.count = self.count
        other.positions, other.deposited = dict(self.positions), dict(self.deposited)
        return other

    def definitions(self, now_ms: int) -> list[Sent]:
        """What the lanes have to know before anything else, and money for all."""
        payloads: list[Any] = [
            Instrument(
                INSTRUMENT,
                INSTRUMENT_KIND_FUTURE,
                "USD",
                None,
                0,
                250_000_000,
                1,
                5_000,
                1,
                1_200_000,
                INSTRUMENT_STATE_OPEN,
            ),
            Limits(LIMIT_SCOPE_TIER, "standard", None, 10**6, 1_000, 10**12, 10**6, 500),
            FeeSchedule("standard", None, 250, 0),
            Policy(
                order_age_ms_max=_DAY_MS,
                future_skew_ms_max=_DAY_MS,
                mark_age_ms_max=_REMEMBERED_MS,
                dedup_window_ms=_REMEMBERED_MS,
                remembered_ids_max=10**6,
                open_orders_max=10**6,
                checks_exempt=[],
            ),
            FirmState(TRADING_STATE_ACTIVE),
            *[UserAccount(user, "tenant", "standard", TRADING_STATE_ACTIVE) for user in USERS],
        ]
        sent: list[Sent] = []
        for number, payload in enumerate(payloads, start=1):
            body = encode_control(
                Control(
                    now_ms * 1000,
                    "control",
                    "tenant",
                    number,
                    1,
                    "operator",
                    None,
                    "set-up",
                    0,
                    None,
                    payload,
                )
            )
            sent += [(CONTROL.name, lane, None, _FRAMES["control"] + body) for lane in range(LANES)]
        mark = encode_mark(
            Mark(now_ms * 1000, "feed", "tenant", INSTRUMENT, PRICE_E9, now_ms * 1000)
        )
        sent += [(MARKS.name, lane, b"ESH4", _FRAMES["mark"] + mark) for lane in range(LANES)]
        return sent + [self._deposit(user, 10**10, now_ms) for user in USERS]

    def next(self, chance: Random, now_ms: int) -> Sent:
        """One more input."""
        self.count += 1
        drawn = chance.random()
        if drawn < 0.15 and self._filled:
            return chance.choice(self._filled)
        if drawn < 0.20 and self._deposits:
            return chance.choice(self._deposits)
        if drawn < 0.45 and self._orders:
            return self._fill(chance, now_ms)
        if drawn < 0.55:
            return self._deposit(chance.choice(USERS), 1 + chance.randrange(10**6), now_ms)
        if drawn < 0.62 and self._orders:
            user, order_id, side = chance.choice(self._orders)
            return self._order(user, f"c{self.count}", side, now_ms, cancels=order_id)
        if drawn < 0.68 and self._orders:
            user, order_id, side = chance.choice(self._orders)
            return self._order(user, order_id, side, now_ms)
        user, side = chance.choice(USERS), chance.choice((SIDE_BUY, SIDE_SELL))
        self._orders.append((user, f"o{self.count}", side))
        return self._order(user, f"o{self.count}", side, now_ms)

    @staticmethod
    def _sent(topic: str, name: str, user: str, body: bytes) -> Sent:
        key = user.encode()
        return topic, partition_of(key, LANES), key, _FRAMES[name] + body

    def _order(
        self, user: str, order_id: str, side: int, now_ms: int, cancels: str | None = None
    ) -> Sent:
        order = Order(
            event_time=now_ms * 1000,
            source_system_id="gateway",
            tenant_id="tenant",
            action=ORDER_ACTION_NEW if cancels is None else ORDER_ACTION_CANCEL,
            order_id=order_id,
            orig_order_id=cancels,
            user_id=user,
            instrument_id=INSTRUMENT,
            side=side,
            order_type=ORDER_TYPE_LIMIT,
            time_in_force=TIME_IN_FORCE_GTC,
            quantity_lots=1,
            price_e9=PRICE_E9,
            trader_id=None,
            algo_id=None,
            desk_id=None,
            counterparty_id=None,
            tags={},
        )
        return self._sent(ORDERS.name, "order", user, encode_order(order))

    def _fill(self, chance: Random, now_ms: int) -> Sent:
        """A fill of one lot; it says which instrument and side, so it can always be placed."""
        user, order_id, side = chance.choice(self._orders)
        self.positions[user] += 1 if side == SIDE_BUY else -1
        fill = Fill(
            event_time=now_ms * 1000,
            source_system_id="venue",
            tenant_id="tenant",
            exec_id=f"x{self.count}",
            exec_ref_id=None,
            order_id=order_id,
            user_id=user,
            instrument_id=INSTRUMENT,
            side=side,
            exec_type=EXEC_TYPE_FILL,
            last_lots=1,
            last_price_e9=PRICE_E9,
            cum_lots=1,
            leaves_lots=0,
            fee_minor=100,
            trade_id=None,
            venue="XCME",
        )
        sent = self._sent(FILLS.name, "fill", user, encode_fill(fill))
        self._filled.append(sent)
        return sent

    def _deposit(self, user: str, amount: int, now_ms: int) -> Sent:
        self.deposited[user] += amount
        deposit = Deposit(
            event_time=now_ms * 1000,
            source_system_id="bank",
            tenant_id="tenant",
            deposit_id=f"d{user}-{self.count}",
            withdrawal_id=None,
            user_id=user,
            currency="USD",
            amount_minor=amount,
            kind=DEPOSIT_KIND_DEPOSIT,
            channel=None,
            counterparty=None,
            instrument_id=None,
            settlement_price_e9=None,
            session_date=None,
        )
        sent = self._sent(DEPOSITS.name, "deposit", user, encode_deposit(deposit))
        self._deposits.append(sent)
        return sent
