"""The other side of the gate: reads decisions as they are made and answers accepted orders.

Owns what the venue knows of orders. An order's fate is a function of the seed and its ids; what was
filled before a cancel is asked for depends on when. Fills, some sent twice, some beyond the order.
"""

import threading
from random import Random
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from pipeline.settings import Settings
from tests.chaos.gateway import Gateway, now_us
from tests.flow import decode, fill

_POLL_S: Final = 0.2
_SENT_TWICE: Final = 0.15


class Venue:
    """Answers decisions in a thread of its own until it is stopped."""

    def __init__(self, settings: Settings, gateway: Gateway, seed: int) -> None:
        """Nothing happens before `start`."""
        self._settings: Final = settings
        self._gateway: Final = gateway
        self._seed: Final = seed
        # (user, order id) -> lots filled.
        self._filled: Final[dict[tuple[str, str], int]] = {}
        self._stop: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="venue")

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
        random = Random(f"{self._seed} {user} {order_id}")
        if decision["action"] == "CANCEL":
            self._answer_cancel(random, user, decision["orig_order_id"])
            return
        order = decision["order"]
        lots, price = order["quantity_lots"], order["price_e9"]
        part = random.randint(1, lots)
        beyond = lots + random.randint(1, 3)
        fates: tuple[tuple[int, tuple[tuple[str, int], ...]], ...] = (
            (35, (("FILL", lots),)),
            (15, (("NEW", 0), ("PARTIAL_FILL", part), ("FILL", lots - part))),
            (8, (("PARTIAL_FILL", part), ("CANCELED", 0))),
            (8, (("CANCELED", 0),)),
            (5, (("FILL", beyond),)),
            (4, (("NEW", 0),)),
            (3, (("REJECTED", 0),)),
            (22, ()),
        )
        (fate,) = random.choices([reports for _, reports in fates], [w for w, _ in fates])
        for number, (kind, filled) in enumerate(fate):
            self._report(random, user, order_id, f"e{number}", kind, filled, price)

    def _answer_cancel(self, random: Random, user: str, order_id: str) -> None:
        kind = "CANCELED" if random.random() < 0.7 else "CANCEL_REJECTED"
        self._report(random, user, order_id, f"after-{random.randrange(10**6)}", kind, 0, None)

    def _report(
        self,
        random: Random,
        user: str,
        order_id: str,
        exec_id: str,
        kind: str,
        lots: int,
        price_e9: int | None,
    ) -> None:
        filled = self._filled.get((user, order_id), 0) + lots
        self._filled[(user, order_id)] = filled
        record = fill(
            user,
            order_id,
            exec_id,
            event_time=now_us(),
            exec_type=kind,
            last_lots=lots,
            last_price_e9=price_e9,
            cum_lots=filled,
            fee_minor=lots * 25,
        )
        value = self._gateway.send("fills", "fill", record)
        if random.random() < _SENT_TWICE:
            self._gateway.send_raw("fills", user.encode(), value)
