"""The stream of a run's inputs, but for what answers decisions: a function of the seed alone.

Owns which record comes next: orders of hot and cold users on every kind of instrument, repeats of
the same bytes, other content under a known id, cancels, replaces, money, settlements, fills of
orders nobody knows, and bytes nobody should send. How many of them a run sends depends on how long
it lasts, their time stamps on when.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, Final

from tests.chaos.gateway import Gateway, now_us
from tests.flow import PRICE, TENANT, deposit, encode, fill, order

TICK_E9: Final = 250_000_000
SPOT_PRICE: Final = 60_000 * 10**9
SHARE_PRICE: Final = 190 * 10**9
SHARE_TICK_E9: Final = 10**7
EURO_PRICE: Final = 1_080_000_000
_US_PER_DAY: Final = 86_400_000_000
_US_PER_S: Final = 1_000_000
HOT_USERS: Final = tuple(f"hot-{number}" for number in range(5))
COLD_USERS: Final = tuple(f"cold-{number}" for number in range(55))
USERS: Final = (*HOT_USERS, *COLD_USERS)
ALGORITHMS: Final = ("sniper", "vwap")
DESKS: Final = ("east", "west")
COUNTERPARTIES: Final = ("lemon", "lime")
_REMEMBERED: Final = 400
_HOT_SHARE: Final = 0.6


class OrderFlow:
    """Sends one record after the other through a gateway."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        """Nothing is sent before `fund`."""
        self._gateway: Final = gateway
        self._random: Final = Random(f"orders {seed}")
        self._count = 0
        # What was sent lately: (topic, key, bytes), and the orders among it.
        self._sent: Final[deque[tuple[str, bytes, bytes]]] = deque(maxlen=_REMEMBERED)
        self._orders: Final[deque[dict[str, Any]]] = deque(maxlen=_REMEMBERED)
        self._withdrawals: Final[deque[dict[str, Any]]] = deque(maxlen=_REMEMBERED)
        self._steps: Final[tuple[tuple[int, Callable[[], None]], ...]] = (
            (50, self._new_order),
            (9, self._repeat),
            (4, self._other_content),
            (8, self._cancel),
            (10, self._replace),
            (4, self._add_money),
            (3, self._settle),
            (4, self._withdraw),
            (3, self._end_withdrawal),
            (3, self._unknown_fill),
            (5, self._poison),
        )

    def fund(self) -> None:
        """The first marks, and money for every user: little for some, and not of dollars alone."""
        self._marks(0)
        for user in USERS:
            amount = self._random.choice((3 * 10**6, 5 * 10**7, 10**9))
            self._send("deposits", "deposit", deposit(user, f"fund-{user}", amount_minor=amount))
            coins = deposit(user, f"coins-{user}", currency="BTC", amount_minor=10**8)
            self._send("deposits", "deposit", coins)
            euros = deposit(user, f"euros-{user}", currency="EUR", amount_minor=amount // 2)
            self._send("deposits", "deposit", euros)

    def step(self) -> None:
        """Send the next record."""
        self._count += 1
        weights, steps = zip(*self._steps, strict=True)
        (chosen,) = self._random.choices(steps, weights)
        chosen()
        if self._count % 50 == 0:
            self._marks(self._random.randint(-20, 20))

    def _marks(self, drift: int) -> None:
        self.mark("ESH4", PRICE + drift * TICK_E9)
        self.mark("BTC-USD", SPOT_PRICE + drift * TICK_E9 * 100)
        self.mark("ACME", SHARE_PRICE + drift * SHARE_TICK_E9)
        self.mark("EUR-USD", EURO_PRICE)

    def mark(self, instrument: str, price_e9: int) -> None:
        """A price, into every lane."""
        now = now_us()
        record = {
            "event_time": now,
            "source_system_id": "feed",
            "tenant_id": TENANT,
            "instrument_id": instrument,
            "price_e9": price_e9,
            "source_time": now,
        }
        self._gateway.broadcast("marks", instrument.encode(), encode("mark", record))

    def _send(self, topic: str, name: str, record: dict[str, Any]) -> None:
        record["event_time"] = now_us()
        value = self._gateway.send(topic, name, record)
        self._sent.append((topic, record["user_id"].encode(), value))

    def _user(self) -> str:
        hot = self._random.random() < _HOT_SHARE
        return self._random.choice(HOT_USERS if hot else COLD_USERS)

    def _new_order(self) -> None:
        random = self._random
        user = "stranger" if random.random() < 0.02 else self._user()
        record = order(user, f"o{self._count}", side=random.choice(("BUY", "SELL")))
        drawn = random.random()
        if drawn < 0.2:
            record |= {"instrument_id": "BTC-USD", "quantity_lots": random.randint(1, 50)}
            record["price_e9"] = SPOT_PRICE + random.randint(-100, 100) * 10**9
        elif drawn < 0.4:
            record |= {"instrument_id": "ACME", "quantity_lots": random.choice((1, 2, 5, 10, 40))}
            record["price_e9"] = SHARE_PRICE + random.randint(-100, 100) * SHARE_TICK_E9
        else:
            record["quantity_lots"] = random.choice((1, 1, 2, 3, 40, 500))
            record["price_e9"] = PRICE + random.randint(-100, 100) * TICK_E9
        record["time_in_force"] = random.choice(("GTC", "GTC", "GTC", "DAY", "IOC", "FOK"))
        record |= self._who()
        if record["instrument_id"] == "ACME" and record["side"] == "SELL":
            record["short_mark"] = random.choice((None, "SHORT", "SHORT_EXEMPT"))
        if random.random() < 0.02:
            record["reduce_only"] = True
        if random.random() < 0.15:
            record |= {"order_type": "MARKET", "price_e9": None}
        if random.random() < 0.15:
            # Some are over before they come, or while the venue thinks about them.
            record["expires_at"] = now_us() + random.randint(-1, 12) * _US_PER_S
        if random.random() < 0.04:
            record |= random.choice(
                (
                    {"quantity_lots": -1},
                    {"price_e9": PRICE + 1},
                    {"order_type": "MARKET"},
                    {"instrument_id": "NONE"},
                    {"tenant_id": "another"},
                    {"order_id": f"gate:{self._count}"},
                )
            )
        self._send("orders", "order", record)
        self._orders.append(record)

    def _who(self) -> dict[str, Any]:
        """By and for whom an order is, where it says so."""
        random = self._random
        return {
            "algo_id": random.choice((None, *ALGORITHMS)),
            "desk_id": random.choice((None, *DESKS)),
            "counterparty_id": random.choice((None, None, *COUNTERPARTIES)),
        }

    def _repeat(self) -> None:
        if self._sent:
            self._gateway.send_raw(*self._random.choice(self._sent))

    def _other_content(self) -> None:
        if self._orders:
            first = self._random.choice(self._orders)
            self._send("orders", "order", first | {"quantity_lots": first["quantity_lots"] + 1})

    def _cancel(self) -> None:
        if self._orders:
            target = self._random.choice(self._orders)
            changes = {
                "action": "CANCEL",
                "orig_order_id": target["order_id"],
                "order_id": f"c{self._count}",
            }
            self._send("orders", "order", target | changes)

    def _replace(self) -> None:
        """Of an order, or of the replace before it; now and then of another kind."""
        if not self._orders:
            return
        random = self._random
        target = random.choice(self._orders)
        changes: dict[str, Any] = {
            "action": "REPLACE",
            "orig_order_id": target["order_id"],
            "order_id": f"r{self._count}",
            "quantity_lots": max(1, target["quantity_lots"] + random.randint(-2, 4)),
        }
        if target["price_e9"] is not None and random.random() < 0.7:
            tick = SHARE_TICK_E9 if target["instrument_id"] == "ACME" else 10**9
            changes["price_e9"] = target["price_e9"] + random.randint(-10, 10) * tick
        if random.random() < 0.05:
            changes |= random.choice(
                (
                    {"side": "BUY"},
                    {"expires_at": 1},
                    {"orig_order_id": None},
                    {"order_id": target["order_id"]},
                )
            )
        record = target | changes
        self._send("orders", "order", record)
        self._orders.append(record)

    def _add_money(self) -> None:
        kind = self._random.choice(("DEPOSIT", "DEPOSIT", "ADJUSTMENT", "SETTLEMENT"))
        sign = -1 if kind != "DEPOSIT" and self._random.random() < 0.5 else 1
        amount = sign * self._random.randint(1, 10**7)
        changes: dict[str, Any] = {"kind": kind, "amount_minor": amount}
        if self._random.random() < 0.3:
            # Money that may cover orders in dollars, or is pledged for some; there is less of it.
            changes |= {"currency": "EUR", "amount_minor": amount // 10 or 1}
        self._send("deposits", "deposit", deposit(self._user(), f"d{self._count}", **changes))

    def _settle(self) -> None:
        """A session's variation margin: of some days twice, of some without all that it takes."""
        random = self._random
        price = PRICE + random.randint(-40, 40) * TICK_E9
        changes: dict[str, Any] = {
            "kind": "SETTLEMENT",
            "amount_minor": 0,
            "instrument_id": "ESH4",
            "settlement_price_e9": price,
            "session_date": now_us() // _US_PER_DAY + self._count // 200,
        }
        if random.random() < 0.1:
            changes |= random.choice(
                (
                    {"session_date": None},
                    {"amount_minor": 1},
                    {"instrument_id": "ACME"},
                    {"settlement_price_e9": 0},
                )
            )
        user = random.choice(HOT_USERS) if random.random() < 0.8 else self._user()
        self._send("deposits", "deposit", deposit(user, f"d{self._count}", **changes))

    def _withdraw(self) -> None:
        changes = {
            "kind": "WITHDRAWAL_REQUEST",
            "withdrawal_id": f"w{self._count}",
            "amount_minor": self._random.randint(1, 5 * 10**6),
            "currency": self._random.choice(("USD", "USD", "EUR")),
        }
        record = deposit(self._user(), f"d{self._count}", **changes)
        self._send("deposits", "deposit", record)
        self._withdrawals.append(record)

    def _end_withdrawal(self) -> None:
        if self._withdrawals:
            request = self._withdrawals.popleft()
            kind = self._random.choice(("WITHDRAWAL_SETTLED", "WITHDRAWAL_FAILED"))
            changes = {"kind": kind, "deposit_id": f"d{self._count}"}
            self._send("deposits", "deposit", request | changes)

    def _unknown_fill(self) -> None:
        record = fill(self._user(), f"nobody-{self._count}", f"x{self._count}")
        if self._random.random() < 0.3:
            kind = self._random.choice(("TRADE_CANCEL", "TRADE_CORRECT", "REPLACED"))
            record |= {"exec_type": kind, "exec_ref_id": f"x{self._count - 1}"}
        if self._random.random() < 0.7:
            side = self._random.choice(("BUY", "SELL"))
            record |= {"instrument_id": self._random.choice(("ESH4", "ACME")), "side": side}
        self._send("fills", "fill", record)

    def _poison(self) -> None:
        random = self._random
        user = self._user()
        key = user.encode()
        good = encode("order", order(user, f"p{self._count}"))
        topic = random.choice(("orders", "fills", "deposits"))
        long_user = "x" * 65
        place = random.randrange(4)
        letters: tuple[tuple[bytes | None, bytes | None, int | None], ...] = (
            (key, random.randbytes(random.randrange(200)), None),
            (key, b"\x00\x00\x00\x30\x39" + good[5:], None),
            (key, good[: random.randrange(5, len(good))], None),
            (key, good + b"\x00", None),
            (key, None, None),
            (None, good, place),
            (b"mallory", good, None),
            (long_user.encode(), encode("order", order(long_user, "o")), None),
            (key, good, place),
        )
        self._gateway.send_raw(topic, *random.choice(letters))
