"""The inputs of a schedule: few users on two lanes, orders, replaces, fills, deposits, and repeats.

Owns what is sent and, by plain arithmetic of its own, what positions and deposits must come to:
every execution id and every deposit id counts once, however often it was sent, and whatever became
of its order meanwhile. Some orders expire, and the venue is silent about others.
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
    EXEC_TYPE_REPLACED,
    INSTRUMENT_KIND_FUTURE,
    INSTRUMENT_STATE_OPEN,
    LIMIT_SCOPE_TIER,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
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
from tests.roomy import roomy

LANES: Final = 2
PRICE_E9: Final = 4_800 * 10**9
INSTRUMENT: Final = "ESH4"
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
# Longer than any schedule, so that every fact is applied however late its worker comes to it.
_REMEMBERED_MS: Final = 3_650 * _DAY_MS
# Short enough that orders are swept within a schedule.
_ORPHAN_MS: Final = 5_000
_EXPIRES_MS: Final = 3_000
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
    """What has been sent so far. `plain`: no order is replaced or ends by itself."""

    def __init__(self, *, plain: bool = False) -> None:
        self.plain: Final = plain
        self.count = 0
        # User -> net lots, and minor units deposited.
        self.positions: dict[str, int] = dict.fromkeys(USERS, 0)
        self.deposited: dict[str, int] = dict.fromkeys(USERS, 0)
        self._orders: list[tuple[str, str, int]] = []
        # User and order id -> the last request to replace it.
        self._replaces: dict[tuple[str, str], str] = {}
        # User and order id -> time in force and expiry, which a replace repeats.
        self._terms: dict[tuple[str, str], tuple[int, int | None]] = {}
        self._filled: list[Sent] = []
        self._deposits: list[Sent] = []

    def clone(self) -> "Workload":
        """The same past, a future of its own."""
        other = Workload(plain=self.plain)
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
            Limits(
                scope=LIMIT_SCOPE_TIER,
                scope_id="standard",
                instrument_id=None,
                order_rate_per_s_max=10**6,
                order_quantity_lots_max=1_000,
                order_notional_minor_max=10**12,
                notional_currency=None,
                position_lots_max=10**6,
                price_collar_bps=500,
                market_collar_bps=500,
                short_lots_max=None,
                locate_id=None,
            ),
            FeeSchedule("standard", None, 250, 0),
            Policy(
                order_age_ms_max=_DAY_MS,
                future_skew_ms_max=_DAY_MS,
                mark_age_ms_max=_REMEMBERED_MS,
                dedup_window_ms=_REMEMBERED_MS,
                remembered_ids_max=10**6,
                open_orders_max=10**6,
                orphan_ms_max=_REMEMBERED_MS if self.plain else _ORPHAN_MS,
                checks_exempt=[],
            ),
            FirmState(TRADING_STATE_ACTIVE),
            *roomy(["standard"], [INSTRUMENT]),
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
        """One more input.

        What is drawn is the same for plain orders: the schedules that once showed something are of
        those, and must not become others.
        """
        self.count += 1
        drawn = chance.random()
        if drawn < 0.15 and self._filled:
            return chance.choice(self._filled)
        if drawn < 0.20 and self._deposits:
            return chance.choice(self._deposits)
        if drawn < 0.45 and self._orders:
            return self._report(chance, now_ms)
        if drawn < 0.55:
            return self._deposit(chance.choice(USERS), 1 + chance.randrange(10**6), now_ms)
        if drawn < 0.62 and self._orders:
            user, order_id, side = chance.choice(self._orders)
            return self._cancel(user, order_id, side, now_ms)
        if drawn < 0.68 and self._orders:
            user, order_id, side = chance.choice(self._orders)
            if self.count % 2 and not self.plain:
                return self._replace(user, order_id, side, now_ms)
            # Other content under a known id: the time has passed.
            return self._new(user, order_id, side, now_ms)
        user, side = chance.choice(USERS), chance.choice((SIDE_BUY, SIDE_SELL))
        self._orders.append((user, f"o{self.count}", side))
        return self._new(user, f"o{self.count}", side, now_ms)

    def _new(self, user: str, order_id: str, side: int, now_ms: int) -> Sent:
        """An order; every third is over after some seconds, every third with the day."""
        if self.plain:
            return self._order(ORDER_ACTION_NEW, user, order_id, side, now_ms)
        time_in_force = TIME_IN_FORCE_DAY if self.count % 3 == 1 else TIME_IN_FORCE_GTC
        expires_at = (now_ms + _EXPIRES_MS) * 1000 if self.count % 3 == 2 else None
        terms = self._terms.setdefault((user, order_id), (time_in_force, expires_at))
        return self._order(ORDER_ACTION_NEW, user, order_id, side, now_ms, terms=terms)

    def _cancel(self, user: str, order_id: str, side: int, now_ms: int) -> Sent:
        return self._order(ORDER_ACTION_CANCEL, user, f"c{self.count}", side, now_ms, of=order_id)

    def _replace(self, user: str, order_id: str, side: int, now_ms: int) -> Sent:
        """Some lots more, of the order or of what replaced it."""
        of = self._replaces.get((user, order_id), order_id)
        self._replaces[user, order_id] = f"r{self.count}"
        return self._order(
            ORDER_ACTION_REPLACE,
            user,
            f"r{self.count}",
            side,
            now_ms,
            of=of,
            lots=1 + self.count % 5,
            terms=self._terms[user, order_id],
        )

    @staticmethod
    def _sent(topic: str, name: str, user: str, body: bytes) -> Sent:
        key = user.encode()
        return topic, partition_of(key, LANES), key, _FRAMES[name] + body

    def _order(
        self,
        action: int,
        user: str,
        order_id: str,
        side: int,
        now_ms: int,
        *,
        of: str | None = None,
        lots: int = 1,
        terms: tuple[int, int | None] = (TIME_IN_FORCE_GTC, None),
    ) -> Sent:
        order = Order(
            event_time=now_ms * 1000,
            source_system_id="gateway",
            tenant_id="tenant",
            action=action,
            order_id=order_id,
            orig_order_id=of,
            user_id=user,
            instrument_id=INSTRUMENT,
            side=side,
            order_type=ORDER_TYPE_LIMIT,
            time_in_force=terms[0],
            quantity_lots=lots,
            price_e9=PRICE_E9,
            expires_at=terms[1],
            trader_id=None,
            algo_id=None,
            desk_id=None,
            counterparty_id=None,
            tags={},
        )
        return self._sent(ORDERS.name, "order", user, encode_order(order))

    def _report(self, chance: Random, now_ms: int) -> Sent:
        """A fill of one lot, under one of the order's ids; or that a replace was carried out.

        It says which instrument and side, so it can always be placed.
        """
        user, order_id, side = chance.choice(self._orders)
        request = self._replaces.get((user, order_id))
        replaced = request is not None and self.count % 3 == 0
        if not replaced:
            self.positions[user] += 1 if side == SIDE_BUY else -1
        fill = Fill(
            event_time=now_ms * 1000,
            source_system_id="venue",
            tenant_id="tenant",
            exec_id=f"x{self.count}",
            exec_ref_id=None,
            order_id=request if request is not None and self.count % 3 != 1 else order_id,
            orig_order_id=order_id,
            user_id=user,
            instrument_id=INSTRUMENT,
            side=side,
            exec_type=EXEC_TYPE_REPLACED if replaced else EXEC_TYPE_FILL,
            last_lots=0 if replaced else 1,
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
