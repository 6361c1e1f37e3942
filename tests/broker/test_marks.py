"""`tollgate marks` on a real Kafka: a feed's ticks reach every lane, through kills."""

import contextlib
import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from confluent_kafka import Producer

from benchmarks.watch import free_port
from pipeline.local.broker import LocalBroker
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import create_topics
from pipeline.streaming.topic_reader import read_topic
from tests.commands import CommandProcess, command
from tests.flow import PRICE, WAIT_S, World, decode, encode, order, wait_for, worker

pytestmark = pytest.mark.broker

INSTRUMENTS = [f"I{number}" for number in range(20)]


def feed(settings: Settings, log: Path) -> contextlib.AbstractContextManager[CommandProcess]:
    """A publisher that does not outlive the block."""
    return command(settings, log, "marks ready", "marks")


@contextlib.contextmanager
def two_feeds(
    settings: Settings, directory: Path
) -> Iterator[tuple[CommandProcess, CommandProcess]]:
    """Two publishers of one gate, both of which have joined."""
    with feed(settings, directory / "one.log") as one, feed(settings, directory / "two.log") as two:
        yield one.ready(), two.ready()


class Ticks:
    """What a feed sends; `last`: instrument -> the price of its last good tick."""

    def __init__(self, settings: Settings) -> None:
        self.last: dict[str, int] = {}
        self._name = settings.topic("ticks")
        self._producer = Producer(settings.confluent(partitioner="murmur2"))
        self._now_us = time.time_ns() // 1_000

    def send(self, instrument: str, price: int) -> None:
        """A tick of now."""
        self._now_us += 1
        self.last[instrument] = price
        self.raw(instrument.encode(), tick(instrument, price, self._now_us))

    def raw(self, key: bytes | None, value: bytes | None) -> None:
        """Anything."""
        self._producer.produce(self._name, value, key)
        self._producer.poll(0)

    def flush(self) -> None:
        """Return once all of it is on the broker."""
        assert self._producer.flush(WAIT_S) == 0


def tick(instrument: str, price: int, source_time: int) -> bytes:
    """A framed tick, written by fastavro."""
    return encode(
        "mark",
        {
            "event_time": source_time,
            "source_system_id": "feed",
            "tenant_id": "tenant-1",
            "instrument_id": instrument,
            "price_e9": price,
            "source_time": source_time,
        },
    )


def marks(settings: Settings, partition: int) -> list[dict[str, Any]]:
    """The marks of a lane, in its order."""
    read = read_topic(settings, settings.topic("marks"), [partition])
    return [decode("mark", message.value() or b"") for message in read]


def shown(settings: Settings) -> list[dict[str, int]]:
    """For each lane: instrument -> the price of its last mark."""
    return [
        {mark["instrument_id"]: mark["price_e9"] for mark in marks(settings, partition)}
        for partition in range(settings.partitions)
    ]


def wait_for_marks(settings: Settings, ticks: Ticks) -> None:
    """Until every lane's last mark of each instrument is its last tick."""
    wanted = [ticks.last] * settings.partitions
    wait_for(lambda: shown(settings) == wanted, "every lane to have the last price")


def test_every_lane_gets_the_last_price_of_each_instrument_and_far_fewer_marks(
    broker_settings: Settings, tmp_path: Path
) -> None:
    settings = replace(broker_settings, gate_clock="wall")
    create_topics(settings)
    with feed(settings, tmp_path / "marks.log") as publisher:
        publisher.ready()
        ticks = Ticks(settings)
        for number in range(20_000):
            ticks.send(INSTRUMENTS[number % 20], PRICE + number)
        ticks.flush()
        wait_for_marks(settings, ticks)
        result = publisher.stop()
    lanes = [marks(settings, partition) for partition in range(settings.partitions)]
    assert lanes == [lanes[0]] * settings.partitions
    assert result == {"ticks": 20_000, "late": 0, "refused": {}, "marks": len(lanes[0])}
    assert len(lanes[0]) < 2_000
    for instrument in INSTRUMENTS:
        times = [mark["source_time"] for mark in lanes[0] if mark["instrument_id"] == instrument]
        assert times == sorted(set(times))


def test_broken_ticks_are_counted_by_reason_and_stop_nothing(
    broker_settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    settings = replace(broker_settings, gate_clock="wall", metrics_port=port)
    create_topics(settings)
    with feed(settings, tmp_path / "marks.log") as publisher:
        publisher.ready()
        ticks = Ticks(settings)
        ticks.send("ESH4", PRICE)
        ticks.raw(b"ESH4", b"junk")
        ticks.raw(b"ESH4", None)
        ticks.raw(b"ESH4", tick("ESH4", 0, time.time_ns() // 1_000))
        ticks.raw(b"ESH4", tick("NQH4", 5, time.time_ns() // 1_000))
        ticks.raw(None, tick("ESH4", 5, time.time_ns() // 1_000))
        ticks.send("NQH4", PRICE)
        ticks.flush()
        wait_for_marks(settings, ticks)
        wait_for(
            lambda: 'tollgate_ticks_refused_total{reason="NULL_KEY"} 1.0' in scraped(port),
            "the metrics to show them",
        )
        assert "tollgate_marks_total 2.0" in scraped(port)
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=WAIT_S) as answer:
            assert answer.status == 200
        result = publisher.stop()
    reasons = ["UNKNOWN_SCHEMA", "MALFORMED", "BAD_PRICE", "KEY_MISMATCH", "NULL_KEY"]
    assert result["refused"] == dict.fromkeys(sorted(reasons), 1)
    log = (tmp_path / "marks.log").read_text()
    assert all(f'"{reason}"' in log for reason in reasons)


def scraped(port: int) -> str:
    """The metrics as text."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=WAIT_S) as answer:
        text: str = answer.read().decode()
    return text


def test_a_tick_sent_while_no_publisher_ran_becomes_a_mark_when_one_starts_again(
    broker_settings: Settings, tmp_path: Path
) -> None:
    settings = replace(broker_settings, gate_clock="wall")
    create_topics(settings)
    ticks = Ticks(settings)
    with feed(settings, tmp_path / "marks.log") as publisher:
        publisher.ready()
        for number in range(2_000):
            ticks.send(INSTRUMENTS[number % 20], PRICE + number)
        ticks.flush()
        wait_for(lambda: shown(settings)[0].keys() == ticks.last.keys(), "marks")
        publisher.kill()
    # Of these every instrument ticks once; it must not stay at the price before.
    for number, instrument in enumerate(INSTRUMENTS):
        ticks.send(instrument, PRICE + 10_000 + number)
    ticks.flush()
    before = len(marks(settings, 0))
    with feed(settings, tmp_path / "again.log") as publisher:
        wait_for_marks(settings, ticks)
        result = publisher.stop()
    # What it read of the past came out as one mark an instrument.
    assert result["marks"] == 20
    assert len(marks(settings, 0)) == before + 20


def test_two_publishers_share_the_instruments_and_one_takes_over_from_the_other(
    broker_settings: Settings, tmp_path: Path
) -> None:
    settings = replace(broker_settings, gate_clock="wall", mark_move_bps=0)
    create_topics(settings)
    ticks = Ticks(settings)
    with two_feeds(settings, tmp_path) as (one, two):

        def both_work() -> bool:
            for instrument in INSTRUMENTS:
                ticks.send(instrument, ticks.last.get(instrument, PRICE) + 1)
            ticks.flush()
            return min(assigned(one), assigned(two)) == 2

        wait_for(both_work, "each to have two of the four partitions")
        wait_for_marks(settings, ticks)
        one.kill()
        for instrument in INSTRUMENTS:
            ticks.send(instrument, ticks.last[instrument] + 1)
        ticks.flush()
        wait_for_marks(settings, ticks)
        assert two.stop()["refused"] == {}


def test_a_publisher_that_stood_still_does_not_publish_what_it_held(
    broker_settings: Settings, tmp_path: Path
) -> None:
    settings = replace(broker_settings, gate_clock="wall", mark_refresh_ms=60_000)
    create_topics(settings)
    ticks = Ticks(settings)
    with two_feeds(settings, tmp_path) as (one, two):
        for instrument in INSTRUMENTS:
            ticks.send(instrument, PRICE)
        ticks.flush()
        wait_for_marks(settings, ticks)
        # A price that hardly moves is held.
        for instrument in INSTRUMENTS:
            ticks.send(instrument, PRICE + 1)
        ticks.flush()
        wait_for(lambda: assigned(one) + assigned(two) == 4, "both to share")
        one.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: assigned(two) == 4, "the other to take over")
        for instrument in INSTRUMENTS:
            ticks.send(instrument, PRICE * 2)
        ticks.flush()
        wait_for_marks(settings, ticks)
        one.process.send_signal(signal.SIGCONT)
        assert one.process.wait(WAIT_S) == 70
        assert "stood still" in one.log.read_text()
        two.stop()
    assert shown(settings) == [ticks.last] * settings.partitions


def test_a_broker_that_goes_and_comes_back_costs_no_price(tmp_path: Path) -> None:
    with LocalBroker(tmp_path / "kafka") as broker:
        settings = Settings(
            app_id="away", worker_id="w1", partitions=4, kafka_bootstrap=broker.bootstrap
        ).checked()
        create_topics(settings)
        ticks = Ticks(settings)
        with feed(settings, tmp_path / "marks.log") as publisher:
            publisher.ready()
            for number in range(1_000):
                ticks.send(INSTRUMENTS[number % 20], PRICE + number)
            ticks.flush()
            wait_for_marks(settings, ticks)
            broker.kill()
            for instrument in INSTRUMENTS:
                ticks.send(instrument, PRICE * 2)
            broker.restart()
            ticks.flush()
            wait_for_marks(settings, ticks)
            assert publisher.stop()["refused"] == {}


def assigned(publisher: CommandProcess) -> int:
    """How many partitions it said that it has, last."""
    lines = [line for line in publisher.text().splitlines() if "marks ready" in line]
    return len(json.loads(lines[-1])["partitions"]) if lines else 0


def test_a_worker_decides_by_the_marks_of_a_feed(broker_settings: Settings, tmp_path: Path) -> None:
    world = World(broker_settings)
    world.define(["alice"])
    settings = broker_settings
    with (
        worker(settings, "w1", tmp_path) as running,
        feed(settings, tmp_path / "marks.log") as publisher,
    ):
        running.ready()
        publisher.ready()
        ticks = Ticks(settings)
        # By the clock of the records, as `World` sends orders.
        low = PRICE // 2
        ticks.raw(b"ESH4", tick("ESH4", low, order("alice", "o")["event_time"]))
        ticks.flush()
        wait_for(
            lambda: all(marks(settings, lane)[-1]["price_e9"] == low for lane in range(4)), "marks"
        )
        lane = partition_of(b"alice", 4)
        wait_for(lambda: last_mark_applied(world, lane), "the lane to apply it")
        world.send("orders", "order", order("alice", "o1"))
        world.flush()
        wait_for(lambda: len(world.decisions()) == 1, "a decision")
        publisher.stop()
        assert running.stop() == 0
    assert Counter(d["reason_code"] for d in world.decisions()) == {"PRICE_COLLAR": 1}


def last_mark_applied(world: World, lane: int) -> bool:
    """Whether the audit of a lane has all of its marks."""
    audit = [decode("audit_record", message.value()) for message in world.read("audit")]
    applied = [a for a in audit if a["source_topic"].endswith("marks") and a["lane"] == lane]
    return len(applied) == len(marks(world.settings, lane))


def test_without_a_broker_it_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:1", worker_id="w1", data_dir=str(tmp_path))
    with feed(settings, tmp_path / "marks.log") as publisher:
        assert publisher.process.wait(WAIT_S) == 1
        assert "Is KAFKA_BOOTSTRAP right" in publisher.log.read_text()
