"""The worker on a real Kafka: answers, poison, crashes, a second worker."""

import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.audit.verify import verify
from pipeline.control.publisher import ControlChange, ControlWriter
from pipeline.risk.records import DayClose
from pipeline.settings import Settings
from tests.flow import (
    NOW_US,
    PRICE,
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

pytestmark = pytest.mark.broker

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


def assert_verified(settings: Settings) -> None:
    """`tollgate verify` agrees."""
    result = verify(settings)
    assert (result.ok, result.differences, result.problems) == (True, 0, [])
    assert result.replayed == result.records > 0


def test_an_order_is_answered_filled_and_audited(broker_settings: Settings, tmp_path: Path) -> None:
    world = World(broker_settings)
    world.define(["alice"])
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        world.send("orders", "order", order("alice", "o1"), headers=[("traceparent", TRACEPARENT)])
        world.flush()
        (message,) = world.await_records("decisions", 1)
        world.send("fills", "fill", fill("alice", "o1", "e1"))
        world.send("orders", "order", order("alice", "o1"))
        world.flush()
        world.await_records("decisions", 2)
        wait_for(lambda: len(world.read("regulatory-events")) >= 3, "three events")
        assert running.stop() == 0
    accepted = decode("decision", message.value())
    assert (accepted["verdict"], accepted["reason_code"]) == ("ACCEPTED", "ACCEPTED")
    assert accepted["hold_minor"] == 1_200_000 + 250
    assert accepted["order"]["quantity_lots"] == 1
    assert accepted["traceparent"] == TRACEPARENT
    assert ("traceparent", TRACEPARENT.encode()) in message.headers()
    assert {check["check"] for check in accepted["checks"]} >= {"PRICE_COLLAR", "BUYING_POWER"}
    repeat = world.decisions()[1]
    assert repeat["duplicate_of"] == accepted["lane_sequence"]
    assert (repeat["reason_code"], repeat["order"]) == ("ACCEPTED", None)
    events = [decode("regulatory_event", m.value()) for m in world.read("regulatory-events")]
    assert [event["event_type"] for event in events] == ["DPST", "NEWO", "FILL"]
    assert_applied_exactly_once(world)
    assert_verified(broker_settings)


def poison() -> list[tuple[str, str, bytes | None, bytes | None, int | None]]:
    """(reason, topic, key, value, partition) of inputs nobody should send."""
    good = encode("order", order("alice", "o"))
    unpriced = encode("fill", fill("alice", "o", "e", last_price_e9=-1))
    negative = encode("fill", fill("alice", "o", "e", cum_lots=-1))
    unplaced = encode("fill", fill("alice", "nobody's", "e"))
    taken = encode("deposit", deposit("alice", "d", amount_minor=-5))
    generator = random.Random(7)
    return [
        ("UNKNOWN_SCHEMA", "orders", b"alice", generator.randbytes(200), None),
        ("UNKNOWN_SCHEMA", "orders", b"alice", b"", None),
        ("UNKNOWN_SCHEMA", "orders", b"alice", b"\x00\x00\x00\x30\x39" + good[5:], None),
        ("UNKNOWN_SCHEMA", "deposits", b"alice", good, None),
        ("MALFORMED", "orders", b"alice", good[:-7], None),
        ("MALFORMED", "orders", b"alice", good + b"\x00", None),
        ("MALFORMED", "orders", b"alice", None, None),
        ("MALFORMED", "fills", b"alice", b"\x00\x00\x00\x00\x02" + generator.randbytes(90), None),
        ("NULL_KEY", "orders", None, good, None),
        ("KEY_MISMATCH", "orders", b"mallory", good, None),
        ("WRONG_PARTITION", "orders", b"alice", good, 0),
        ("FIELD_TOO_LONG", "orders", b"x" * 65, encode("order", order("x" * 65, "o")), None),
        ("BAD_PRICE", "fills", b"alice", unpriced, None),
        ("BAD_QUANTITY", "fills", b"alice", negative, None),
        ("UNPLACED_FACT", "fills", b"alice", unplaced, None),
        ("BAD_AMOUNT", "deposits", b"alice", taken, None),
    ]


def refused() -> list[tuple[str, dict[str, Any]]]:
    """(reason, order) of orders that can be read and must be rejected."""
    return [
        ("FIELD_TOO_LONG", order("alice", "r1", trader_id="x" * 1_000_000)),
        ("BAD_QUANTITY", order("alice", "r2", quantity_lots=-1)),
        ("BAD_QUANTITY", order("alice", "r3", quantity_lots=2**63 - 1)),
        ("BAD_PRICE", order("alice", "r4", price_e9=-(2**63))),
        ("EVENT_TIME_IN_FUTURE", order("alice", "r5", event_time=2**62)),
        ("TOO_OLD", order("alice", "r6", event_time=-(2**62))),
        ("INSTRUMENT_UNKNOWN", order("alice", "r7", instrument_id="NONE")),
        ("USER_UNKNOWN", order("nobody", "r8")),
        ("BAD_PRICE", order("alice", "r9", order_type="MARKET")),
        ("PRICE_INCREMENT", order("alice", "r10", price_e9=PRICE + 1)),
        ("ORIG_ORDER_UNKNOWN", order("alice", "r11", action="CANCEL", orig_order_id="none")),
    ]


def test_bad_input_ends_with_its_own_reason_and_the_lane_goes_on(
    broker_settings: Settings, tmp_path: Path
) -> None:
    world = World(broker_settings)
    world.define(["alice"])
    letters, rejections = poison(), refused()
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        for _, topic, key, value, partition in letters:
            headers: list[tuple[str, str | bytes | None]] = [("traceparent", TRACEPARENT)]
            world.send_raw(topic, key, value, partition=partition, headers=headers)
        # Small as it travels, large once unpacked: the broker lets it through.
        world.send_packed("orders", b"alice", b"\x00" * 3_000_000)
        for _, record in rejections:
            world.send("orders", "order", record)
        world.send("orders", "order", order("alice", "good"))
        world.flush()
        world.await_records("decisions", len(rejections) + 1)
        world.await_records("dead-letters", len(letters) + 1)
        assert running.stop() == 0
        # Whoever is woken by the alert finds the trace in the log.
        assert f'"trace_id": "{TRACE_ID}"' in running.log.read_text()
    dead = Counter(
        decode("dead_letter", m.value())["reason_code"] for m in world.read("dead-letters")
    )
    assert dead == Counter([*(reason for reason, *_ in letters), "TOO_LARGE"])
    decided = {d["order_id"]: d["reason_code"] for d in world.decisions()}
    assert decided == {record["order_id"]: reason for reason, record in rejections} | {
        "good": "ACCEPTED"
    }
    assert_applied_exactly_once(world)
    assert_verified(broker_settings)


def test_a_worker_with_another_partition_count_does_not_start(
    broker_settings: Settings, tmp_path: Path
) -> None:
    World(broker_settings)
    with worker(replace(broker_settings, partitions=5), "w1", tmp_path) as refused_one:
        assert refused_one.process.wait(60) == 70
        assert "has 4 partitions, the setting `partitions` says 5" in refused_one.log.read_text()


def test_kill_9_and_a_joining_worker_lose_and_double_nothing(
    broker_settings: Settings, tmp_path: Path
) -> None:
    users = [f"user-{number}" for number in range(24)]
    world = World(broker_settings)
    world.define(users)
    sent: set[tuple[str, str]] = set()
    generator = random.Random(20231225)

    def flood(first: int, count: int) -> None:
        for number in range(first, first + count):
            user = generator.choice(users)
            world.send(
                "orders", "order", order(user, f"o{number}", side=generator.choice(["BUY", "SELL"]))
            )
            sent.add((user, f"o{number}"))
            if number % 3 == 0:
                world.send(
                    "fills",
                    "fill",
                    fill(user, f"o{number}", f"e{number}", instrument_id="ESH4", side="BUY"),
                )
        world.flush()

    def decided() -> int:
        return len(world.read("decisions"))

    with worker(broker_settings, "w1", tmp_path) as first:
        first.ready()
        flood(0, 4_000)
        wait_for(lambda: decided() > 200, "decisions to flow")
        first.kill()
        # Nothing of the interrupted commit may show, and its successor must not repeat it.
        with worker(broker_settings, "w2", tmp_path) as second:
            flood(4_000, 4_000)
            before = decided()
            wait_for(lambda: decided() > before + 200, "the second worker to decide")
            with WorkerAgain(broker_settings, tmp_path):
                flood(8_000, 4_000)
                wait_for(lambda: decided() >= len(sent), "every order to be decided")
                wait_for(lambda: len(world.read("audit")) >= expected_inputs(world), "all audit")
            assert second.stop() == 0
    assert_one_decision_an_order(world, sent)
    assert_applied_exactly_once(world)
    assert_verified(broker_settings)


class WorkerAgain:
    """The killed worker started again beside the second, then stopped as asked."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        (directory / "w1.log").unlink()
        self.process = WorkerProcess(settings, "w1", directory / "w1.log")

    def __enter__(self) -> None:
        self.process.ready()

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            assert self.process.stop() == 0
        else:
            self.process.kill()


def test_a_lost_disk_is_rebuilt_from_the_changelog(
    broker_settings: Settings, tmp_path: Path
) -> None:
    world = World(broker_settings)
    world.define(["alice", "bob"])
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        for number in range(50):
            world.send("orders", "order", order("alice", f"o{number}"))
        world.flush()
        world.await_records("decisions", 50)
        assert running.stop() == 0
    shutil.rmtree(tmp_path / "w1")
    (tmp_path / "w1.log").unlink()
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        world.send("orders", "order", order("alice", "o7"))
        world.send("orders", "order", order("alice", "o8", quantity_lots=2))
        world.send("orders", "order", order("bob", "o7"))
        world.flush()
        world.await_records("decisions", 53)
        assert running.stop() == 0
    answers = [
        (d["user_id"], d["order_id"], d["reason_code"], d["duplicate_of"] is None)
        for d in world.decisions()
    ]
    assert answers.count(("alice", "o7", "ACCEPTED", False)) == 1
    assert answers.count(("alice", "o8", "DUPLICATE_ID", True)) == 1
    assert answers.count(("bob", "o7", "ACCEPTED", True)) == 1
    assert_applied_exactly_once(world)
    assert_verified(broker_settings)


def test_a_closed_day_is_reported_once_and_whole(broker_settings: Settings, tmp_path: Path) -> None:
    world = World(broker_settings)
    world.define(["alice", "bob"])
    for number in range(20):
        world.send("orders", "order", order(("alice", "bob")[number % 2], f"o{number}"))
    world.flush()
    day = NOW_US // 86_400_000_000
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        world.await_records("decisions", 20)
        with ControlWriter(broker_settings) as writer:
            close = ControlChange(DayClose(day), proposer="test", reason="end of day")
            writer.publish([close], record_time_ms=NOW_US // 1000)
        world.await_records("regulatory-reports", 2)
        assert running.stop() == 0
    reports = [decode("regulatory_report", m.value()) for m in world.read("regulatory-reports")]
    counted = {report["tenant_id"]: report["event_count"] for report in reports}
    assert counted == {"tenant-1": 22, "UNKNOWN": 0}
    assert_verified(broker_settings)
