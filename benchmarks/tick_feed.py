"""The synthetic feed of the market data bench, a process of its own.

Owns the shape of the feed: a few hundred instruments, of which the first is that of the orders;
who ticks next is drawn by Zipf's law; a price wanders by so many 1e-4 a square root of a second
and jumps a tick to and fro. Publishes at a steady rate until SIGTERM, then prints
{"sent", "seconds", "behind_s_max"}. Run by market_data.py.
"""

import argparse
import json
import random
import signal
import time
from itertools import accumulate
from typing import Any, Final

from confluent_kafka import Producer
from librt.strings import BytesWriter

from benchmarks.flow import INSTRUMENT, MARK_E9
from pipeline.codecs.primitives import write_long, write_string
from pipeline.codecs.registry import schema_ids
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings
from pipeline.topics import TICKS

_STEP_S: Final = 0.01
# The tick of each instrument in 1e-4 of its first price, and how far its prices may wander.
_TICK_E9: Final = MARK_E9 // 20_000
_LEVELS: Final = 2_001
_DRAWN: Final = 100_000
_FLUSH_S_MAX: Final = 30


def instruments(count: int) -> list[str]:
    """Their names; the first is the one that the benches' orders are in."""
    return [INSTRUMENT, *(f"SYN-{number:04d}" for number in range(1, count))]


class Feed:
    """Ticks as framed values."""

    def __init__(self, settings: Settings, count: int, volatility_bps: float, seed: int) -> None:
        """`volatility_bps`: how far a price wanders in a second, in 1e-4."""
        self._random: Final = random.Random(seed)
        names = instruments(count)
        self.keys: Final = [name.encode() for name in names]
        self.partitions: Final = [partition_of(key, settings.partitions) for key in self.keys]
        frame = schema_ids(settings).frame(TICKS.schema)
        self._heads: Final = [frame + _head(name) for name in names]
        middle = _LEVELS // 2
        self._prices: Final = [
            _number(MARK_E9 + (level - middle) * _TICK_E9) for level in range(_LEVELS)
        ]
        self._mids: Final = [float(middle)] * count
        # Two ticks are 1e-4.
        self._spread: Final = 2 * volatility_bps * _STEP_S**0.5
        # The orders' instrument stays where their prices are.
        self._calm: Final = 2 * _STEP_S**0.5
        # Zipf: the n-th instrument ticks 1 / n times as often as the first.
        weights = list(accumulate(1 / rank for rank in range(1, count + 1)))
        self._drawn: Final = self._random.choices(range(count), cum_weights=weights, k=_DRAWN)
        self._next = 0

    def step(self, ticks: int, time_us: int) -> list[tuple[int, bytes]]:
        """The next ticks, all of one source time: (number of the instrument, framed value)."""
        gauss, spread, mids = self._random.gauss, self._spread, self._mids
        for number, mid in enumerate(mids):
            moved = mid + gauss(0.0, spread if number else self._calm)
            mids[number] = min(max(moved, 1.0), _LEVELS - 2.0)
        time_bytes, heads, prices = _number(time_us), self._heads, self._prices
        first = self._next
        self._next = (first + ticks) % (_DRAWN - ticks)
        return [
            (number, heads[number] + prices[int(mids[number]) + (turn & 1)] + time_bytes)
            for turn, number in enumerate(self._drawn[first : first + ticks])
        ]


def _head(instrument: str) -> bytes:
    """All of a tick before its price; nobody looks at its event time."""
    writer = BytesWriter()
    write_long(writer, 1_700_000_000_000_000)
    write_string(writer, "tollgate-bench-feed")
    write_string(writer, "demo")
    write_string(writer, instrument)
    return writer.getvalue()


def _number(value: int) -> bytes:
    writer = BytesWriter()
    write_long(writer, value)
    return writer.getvalue()


def main() -> None:
    """Publish until SIGTERM, or so many ticks."""
    parser = argparse.ArgumentParser(description="The synthetic feed of the market data bench.")
    parser.add_argument("--rate", type=int, default=200_000, help="ticks a second")
    parser.add_argument("--count", type=int, help="stop after so many, sent as fast as Kafka takes")
    parser.add_argument("--instruments", type=int, default=300)
    parser.add_argument("--volatility-bps", type=float, default=1.0)
    parser.add_argument("--first-us", type=int, required=True, help="source time of the first tick")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    settings = Settings.load()
    feed = Feed(settings, options.instruments, options.volatility_bps, options.seed)
    producer: Any = Producer(
        settings.confluent(
            linger_ms=10,
            compression_type=settings.compression,
            enable_idempotence=True,
            queue_buffering_max_messages=1_000_000,
            batch_num_messages=100_000,
            batch_size=1_000_000,
            delivery_report_only_error=True,
        )
    )
    topic = settings.topic(TICKS.name)
    ticks, sent, behind_s_max = int(options.rate * _STEP_S), 0, 0.0
    started = time.monotonic()
    while not stopping and (options.count is None or sent < options.count):
        for number, value in feed.step(ticks, options.first_us + sent // 1_000):
            while True:
                try:
                    producer.produce(topic, value, feed.keys[number], feed.partitions[number])
                except BufferError:
                    producer.poll(0.01)
                    continue
                break
        producer.poll(0)
        sent += ticks
        wait_s = started + sent / options.rate - time.monotonic()
        behind_s_max = max(behind_s_max, -wait_s)
        if options.count is None and wait_s > 0:
            time.sleep(wait_s)
    producer.flush(_FLUSH_S_MAX)
    seconds = time.monotonic() - started
    print(json.dumps({"sent": sent, "seconds": seconds, "behind_s_max": round(behind_s_max, 3)}))


if __name__ == "__main__":
    main()
