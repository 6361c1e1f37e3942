"""The other side of the gate: reads decisions as they are made and answers accepted orders.

Owns what the venue knows of orders, and that some it never reports on. An order's fate is a
function of the seed and its ids; what was filled before a cancel, a replace or the gate's own
decision to end it depends on when. Trades, some sent twice, some beyond the order, some taken back
or corrected, now and then before they are told.
"""

import threading
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from pipeline.settings import Settings
from tests.chaos.gateway import Gateway, now_us
from tests.flow import decode, fill

_POLL_S: Final = 0.2
_SENT_TWICE: Final = 0.15
_FEE_MINOR: Final = 25
# Of a trade: it is busted before it is told, busted, or corrected.
_BUSTED_FIRST: Final = 0.03
_BUSTED: Final = 0.06
_CORRECTED: Final = 0.06
_BUSTED_TWICE: Final = 0.3


@dataclass
class Live:
    """An order as the venue knows it. `current_id`: the request that shaped it last."""

    random: Random
    user: str
    current_id: str
    lots: int
    price_e9: int
    filled: int = 0
    reports: int = 0

    @property
    def open_lots(self) -> int:
        """What may still be filled."""
        return max(0, self.lots - self.filled)


class Venue:
    """Answers decisions in a thread of its own until it is stopped."""

    def __init__(self, settings: Settings, gateway: Gateway, seed: int) -> None:
        """Nothing happens before `start`."""
        self._settings: Final = settings
        self._gateway: Final = gateway
        self._seed: Final = seed
        # By user and each of the order's ids.
        self._orders: Final[dict[tuple[str, str], Live]] = {}
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="venue", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; returns when the last answer has been handed to the gateway."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        consumer = Consumer(
            {
                **self._settings.confluent(
                    group_id="chaos-venue",
                    isolation_level="read_committed",
                    enable_auto_commit=False,
                ),
                "log_level": 0,
            }
        )
        topic = self._settings.topic("decisions")
        consumer.assign([TopicPartition(topic, p, 0) for p in range(self._settings.partitions)])
        while not self._stop.is_set():
            message = consumer.poll(_POLL_S)
            # Errors are the broker's absence: the consumer comes back by itself.
            if message is not None and message.error() is None:
                self._answer(decode("decision", message.value() or b""))
        consumer.close()

    def _answer(self, decision: dict[str, Any]) -> None:
        if decision["verdict"] != "ACCEPTED" or decision["duplicate_of"] is not None:
            return
        user, order_id = decision["user_id"], decision["order_id"]
        if decision["action"] == "NEW":
            self._take(Random(f"{self._seed} {user} {order_id}"), decision)
            return
        live = self._orders.get((user, decision["orig_order_id"]))
        if live is None:
            return
        if decision["origin"] != "CLIENT":
            self._after_sweep(live)
        elif decision["action"] == "CANCEL":
            self._cancel(live, order_id)
        else:
            self._orders[user, order_id] = live
            self._replace(live, order_id, decision["order"])

    def _take(self, random: Random, decision: dict[str, Any]) -> None:
        """A new order and its fate."""
        order, order_id = decision["order"], decision["order_id"]
        price = order["price_e9"] or decision["protection_price_e9"]
        live = Live(random, decision["user_id"], order_id, order["quantity_lots"], price)
        self._orders[live.user, order_id] = live
        lots = live.lots
        part = random.randint(1, lots)
        fates: tuple[tuple[int, tuple[tuple[str, int], ...]], ...] = (
            (30, (("FILL", lots),)),
            (14, (("NEW", 0), ("PARTIAL_FILL", part), ("FILL", lots - part))),
            (8, (("PARTIAL_FILL", part), ("CANCELED", 0))),
            (6, (("CANCELED", 0),)),
            (4, (("CANCELED", part), ("FILL", part))),
            (4, (("FILL", lots + random.randint(1, 3)),)),
            (14, (("NEW", 0),)),
            (3, (("REJECTED", 0),)),
            # Nobody hears of it again, until the gate gives it up.
            (17, ()),
        )
        if order["time_in_force"] in ("IOC", "FOK"):
            fates = ((7, (("FILL", lots),)), (3, (("EXPIRED", 0),)), (1, ()))
        elif order["time_in_force"] == "DAY" or order["expires_at"] is not None:
            fates = (*fates, (100, (("NEW", 0),)), (30, (("PARTIAL_FILL", part),)))
        (fate,) = random.choices([reports for _, reports in fates], [w for w, _ in fates])
        for kind, filled in fate:
            if kind in ("FILL", "PARTIAL_FILL"):
                self._trade(live, filled, kind)
            else:
                self._report(live, kind, cum_lots=live.filled + filled)

    def _cancel(self, live: Live, request_id: str) -> None:
        """Ended, now and then with a trade still to be told; or not."""
        random = live.random
        # As FIX has it, under the request's own id; some venues name the order only.
        ids = (request_id, live.current_id) if random.random() < 0.5 else (live.current_id, None)
        if random.random() < 0.3:
            self._report(live, "CANCEL_REJECTED", ids)
            return
        last = min(live.open_lots, 1) if random.random() < 0.3 else 0
        self._report(live, "CANCELED", ids, cum_lots=live.filled + last)
        if last and random.random() < 0.8:
            self._trade(live, last, "FILL")

    def _replace(self, live: Live, request_id: str, order: dict[str, Any]) -> None:
        """Carried out, refused, raced by trades of the version before, or never answered."""
        random = live.random
        ids = (request_id, live.current_id)
        fates = {"replaced": 9, "raced": 4, "filled": 2, "refused": 4, "silent": 2}
        (fate,) = random.choices(list(fates), list(fates.values()))
        if fate in ("raced", "filled") and live.open_lots:
            lots = live.open_lots if fate == "filled" else random.randint(1, live.open_lots)
            self._trade(live, lots, "PARTIAL_FILL")
        if fate in ("refused", "filled"):
            self._report(live, "CANCEL_REJECTED", ids)
        elif fate != "silent":
            live.lots, live.price_e9, live.current_id = (
                order["quantity_lots"],
                order["price_e9"],
                request_id,
            )
            self._report(live, "REPLACED", ids)
            if live.open_lots and random.random() < 0.4:
                self._trade(live, live.open_lots, "FILL")

    def _after_sweep(self, live: Live) -> None:
        """The gate has ended it: the venue obeys, was faster, or says nothing."""
        drawn = live.random.random()
        if drawn < 0.3 and live.open_lots:
            self._trade(live, live.random.randint(1, live.open_lots), "PARTIAL_FILL")
        elif drawn < 0.6:
            self._report(live, "CANCELED")

    def _trade(self, live: Live, lots: int, kind: str) -> None:
        """A trade, and what is said of it later or before."""
        drawn = live.random.random()
        # The bust is the report before the trade's own.
        first = drawn < _BUSTED_FIRST
        trade = f"e{live.reports + first}"
        if first:
            self._report(live, "TRADE_CANCEL", exec_ref_id=trade)
        else:
            live.filled += lots
        self._report(live, kind, last_lots=lots)
        if first:
            return
        if drawn < _BUSTED_FIRST + _BUSTED:
            live.filled -= lots
            self._report(live, "TRADE_CANCEL", exec_ref_id=trade)
            if live.random.random() < _BUSTED_TWICE:
                # By an id of the venue's own: only the other one leads to the order.
                ids = (f"bust-{trade}", live.current_id)
                self._report(live, "TRADE_CANCEL", ids, exec_ref_id=trade)
        elif drawn < _BUSTED_FIRST + _BUSTED + _CORRECTED:
            right = live.random.randint(0, lots + 1)
            live.filled += right - lots
            self._report(live, "TRADE_CORRECT", exec_ref_id=trade, last_lots=right)

    def _report(
        self,
        live: Live,
        kind: str,
        ids: tuple[str, str | None] | None = None,
        *,
        cum_lots: int | None = None,
        last_lots: int = 0,
        exec_ref_id: str | None = None,
    ) -> None:
        """One execution report; `ids`: order_id and orig_order_id."""
        order_id, orig_order_id = (live.current_id, None) if ids is None else ids
        record = fill(
            live.user,
            order_id,
            f"e{live.reports}",
            event_time=now_us(),
            orig_order_id=orig_order_id,
            exec_ref_id=exec_ref_id,
            exec_type=kind,
            last_lots=last_lots,
            last_price_e9=live.price_e9 if last_lots else None,
            cum_lots=max(0, live.filled if cum_lots is None else cum_lots),
            fee_minor=last_lots * _FEE_MINOR,
        )
        live.reports += 1
        value = self._gateway.send("fills", "fill", record)
        if live.random.random() < _SENT_TWICE:
            self._gateway.send_raw("fills", live.user.encode(), value)
