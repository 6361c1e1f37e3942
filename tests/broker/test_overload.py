"""More than a worker can take at once: a broker that stands still, a price that collapses."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from pipeline.control.publisher import ControlChange, ControlWriter
from pipeline.fatal import EXIT_CODE
from pipeline.local.broker import LocalBroker
from pipeline.risk.records import FeeSchedule, Limits, UserAccount
from pipeline.settings import Settings
from tests.flow import (
    NOW_US,
    PRICE,
    TENANT,
    WorkerProcess,
    World,
    assert_applied_exactly_once,
    assert_one_decision_an_order,
    decode,
    deposit,
    encode,
    expected_inputs,
    fill,
    order,
    wait_for,
    worker,
)
from tests.roomy import roomy

pytestmark = pytest.mark.broker

# 9 % below.
CRASHED = 4_368 * 10**9
LEVERAGED = [f"leveraged-{number}" for number in range(4)]
ORDINARY = [f"ordinary-{number}" for number in range(8)]


@contextlib.contextmanager
def standing_still(broker: LocalBroker) -> Iterator[None]:
    """A broker that answers nobody within the block, and goes on afterwards."""
    pid = broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Supervised:
    """A worker that is started again when it has ended itself, and only then."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory
        self._starts = 0
        self.worker = self._start()

    def _start(self) -> WorkerProcess:
        self._starts += 1
        log = self._directory / f"start-{self._starts}.log"
        return WorkerProcess(self._settings, "w1", log)

    def look_after(self) -> None:
        """Start it again if it has ended: cleanly, by its own decision."""
        code = self.worker.process.poll()
        if code is None:
            return
        text = self.worker.log.read_text(errors="replace")
        assert code == EXIT_CODE, text[-3000:]
        assert '"worker stopped"' in text
        self.worker = self._start()

    def is_ready(self) -> bool:
        """Whether it has its lanes."""
        return '"lanes ready"' in self.worker.log.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.worker.process.poll() is None:
            self.worker.kill()


def test_a_broker_that_stands_still_under_load_costs_and_doubles_nothing(
    broker: LocalBroker, broker_settings: Settings, tmp_path: Path
) -> None:
    settings = replace(broker_settings, transaction_timeout_ms=4_000)
    users = [f"user-{number}" for number in range(24)]
    world = World(settings)
    world.define(users)
    generator = random.Random(20240805)
    sent: set[tuple[str, str]] = set()

    def send(numbers: range) -> None:
        for number in numbers:
            user = generator.choice(users)
            world.send("orders", "order", order(user, f"o{number}"))
            sent.add((user, f"o{number}"))
            if number % 3 == 0:
                report = fill(user, f"o{number}", f"e{number}", instrument_id="ESH4", side="BUY")
                world.send("fills", "fill", report)
        world.flush()

    send(range(1_000))
    with Supervised(settings, tmp_path) as supervised:
        wait_for(lambda: len(world.read("decisions")) > 200, "decisions to flow")
        send(range(1_000, 4_000))
        expected = expected_inputs(world)
        with standing_still(broker):
            # Longer than the transaction timeout: what is open then is not to be committed.
            time.sleep(1.5 * settings.transaction_timeout_ms / 1000)

        def all_applied() -> bool:
            supervised.look_after()
            return len(world.read("audit")) >= expected

        wait_for(all_applied, "every input to be applied")
        # What was being committed when the broker stood still may end the worker only now.
        if (code := supervised.worker.stop()) != 0:
            assert code == EXIT_CODE
            supervised.look_after()
            wait_for(supervised.is_ready, "the worker to have its lanes again")
            assert supervised.worker.stop() == 0
    assert_one_decision_an_order(world, sent)
    assert_applied_exactly_once(world)


def await_applied(world: World) -> None:
    """Wait until everything sent so far is applied."""
    world.flush()
    expected = expected_inputs(world)
    wait_for(lambda: len(world.read("audit")) >= expected, "everything to be applied")


def send_mark(world: World, price_e9: int) -> None:
    """A reference price for every lane."""
    mark = {
        "event_time": NOW_US,
        "source_system_id": "feed",
        "tenant_id": TENANT,
        "instrument_id": "ESH4",
        "price_e9": price_e9,
        "source_time": NOW_US,
    }
    for partition in range(world.settings.partitions):
        world.send_raw("marks", b"ESH4", encode("mark", mark), partition=partition)


def lend(world: World) -> None:
    """Accounts with money for eleven lots and no fee, in a tier of their own."""
    payloads: list[Any] = [
        Limits(0, "leveraged", None, 10**6, 1_000, 10**12, None, 10**6, 500, 500, None, None),
        *roomy(["leveraged"], []),
        FeeSchedule("leveraged", None, 0, 0),
        *[UserAccount(user, TENANT, "leveraged", 0) for user in LEVERAGED],
    ]
    with ControlWriter(world.settings) as writer:
        changes = [ControlChange(payload, proposer="test", reason="set-up") for payload in payloads]
        writer.publish(changes, record_time_ms=NOW_US // 1000)
    for user in LEVERAGED:
        world.send("deposits", "deposit", deposit(user, f"fund-{user}", amount_minor=14_000_000))


def trade(world: World, name: str, side: str, lots: int, price_e9: int) -> None:
    """An order of each leveraged user and, once they have passed, their fills, applied."""
    for user in LEVERAGED:
        asked = order(user, name, side=side, quantity_lots=lots, price_e9=price_e9)
        world.send("orders", "order", asked)
    await_applied(world)
    report = {"last_lots": lots, "cum_lots": lots, "last_price_e9": price_e9}
    for user in LEVERAGED:
        world.send("fills", "fill", fill(user, name, f"e-{name}", **report))
    await_applied(world)


def flood(world: World) -> dict[tuple[str, str], str]:
    """Orders at old and new prices, cancels, and what leveraged users try: the expected answers."""
    expected: dict[tuple[str, str], str] = {}

    def send(user: str, name: str, reason: str, **changes: Any) -> None:
        world.send("orders", "order", order(user, name, **changes))
        expected[user, name] = reason

    for number in range(60):
        for user in ORDINARY:
            send(user, f"old-{number}", "PRICE_COLLAR", price_e9=PRICE)
            send(user, f"new-{number}", "ACCEPTED", price_e9=CRASHED)
            send(
                user,
                f"cancel-{number}",
                "ACCEPTED",
                action="CANCEL",
                orig_order_id=f"new-{number}",
                quantity_lots=0,
                price_e9=None,
            )
    for number in range(5):
        for user in LEVERAGED:
            send(user, f"more-{number}", "USER_REDUCING", price_e9=CRASHED)
            send(user, f"less-{number}", "ACCEPTED", side="SELL", price_e9=CRASHED)
    return expected


def test_in_a_crash_collars_and_reducing_act_and_every_order_is_answered_once(
    broker_settings: Settings, tmp_path: Path
) -> None:
    world = World(broker_settings)
    world.define(ORDINARY)
    lend(world)
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        trade(world, "long", "BUY", 10, PRICE)
        for step in range(1, 11):
            send_mark(world, PRICE - (PRICE - CRASHED) * step // 10)
        await_applied(world)
        # What they must sell leaves them with less than the margin of what they keep.
        trade(world, "forced", "SELL", 3, CRASHED)
        expected = flood(world)
        await_applied(world)
        assert running.stop() == 0
    answers = {
        (decision["user_id"], decision["order_id"]): decision["reason_code"]
        for decision in world.decisions()
    }
    opened = {(user, name): "ACCEPTED" for user in LEVERAGED for name in ("long", "forced")}
    assert answers == expected | opened
    assert_one_decision_an_order(world, set(answers))
    assert_applied_exactly_once(world)
    events = [decode("regulatory_event", m.value()) for m in world.read("regulatory-events")]
    short = Counter(event["user_id"] for event in events if event["event_type"] == "DEFICIT")
    assert short == Counter(LEVERAGED)
