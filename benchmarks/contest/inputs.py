"""The two flows of the contest, made once and loaded for each contestant alike.

Owns what is sent: orders in the gate's own wire format, with keys, partitions and time stamps, the
same bytes in the same order for everybody. Reads no clock: the first time is given.

- `cme`: the new orders of the recorded CME evening (samples/README.md), again and again, with fresh
  ids in every loop. Its 256 accounts are those of the replay.
- `zipf`: made-up orders of 2,000 users, the n-th busiest sending 1/n of what the busiest sends.

Of both, one in a hundred is a repeat of an earlier record (the same bytes again) and one in five
hundred has an earlier id with another price. One account in sixteen has little money.
"""

import random
import struct
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import Producer
from librt.strings import BytesWriter

from benchmarks.flow import INSTRUMENT, MARK_E9, TICK_E9, ManyAccounts
from pipeline.codecs.avro import encode_order
from pipeline.codecs.primitives import write_long
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.market.accounts import Account, Accounts, stable_number
from pipeline.market.config import load_replay_config
from pipeline.market.excerpt import read_excerpt
from pipeline.market.flow import EVENT_NEW, MarketFlow
from pipeline.risk.partition import partition_of
from pipeline.risk.records import (
    ORDER_ACTION_NEW,
    ORDER_TYPE_LIMIT,
    SIDE_BUY,
    SIDE_SELL,
    TIME_IN_FORCE_DAY,
    Order,
)
from pipeline.settings import PROJECT_ROOT, Settings

CME: Final = "cme"
ZIPF: Final = "zipf"
FLOWS: Final = (CME, ZIPF)

_SAMPLE: Final = PROJECT_ROOT / "samples/esh4-glbx-mdp3-20231225.csv.zst"
_SOURCE: Final = "tollgate-bench"
_ZIPF_USERS: Final = 2_000
# Record time between two orders: 2,000 a second.
INTERVAL_US: Final = 500
# How long before its record time an order was made, at most.
_AGE_US_MAX: Final = 5_000
_REPEAT_SHARE: Final = 0.01
_CHANGED_SHARE: Final = 0.002
# Repeats and changed orders are of one of the latest so many.
_RECENT_MAX: Final = 500
_POOR_OF: Final = 16
_AMPLE_MINOR: Final = 10**15
_LITTLE_MINOR: Final = 60_000_000
_HEAD: Final = struct.Struct(">Bqhi")


class Funded(NamedTuple):
    """An account and the money it starts with."""

    account: Account
    cash_minor: int


class Input(NamedTuple):
    """One order record as it lies on the orders topic."""

    partition: int
    time_ms: int
    key: bytes
    value: bytes


@dataclass(frozen=True)
class _Draft:
    """What a flow says of an order before it has a time."""

    account: Account
    order_id: str
    side: int
    lots: int
    price_e9: int
    time_in_force: int


def accounts_of(flow: str) -> list[Funded]:
    """All accounts of a flow."""
    config = load_replay_config()
    if flow == CME:
        accounts = Accounts(config.accounts, config.tenants, config.tiers).all
    else:
        many = ManyAccounts(_ZIPF_USERS, config)
        accounts = tuple(many.account(number) for number in range(_ZIPF_USERS))
    return [Funded(account, _cash_of(account)) for account in accounts]


def _cash_of(account: Account) -> int:
    poor = stable_number("money", account.user_id) % _POOR_OF == 0
    return _LITTLE_MINOR if poor else _AMPLE_MINOR


def inputs_of(flow: str, first_us: int, partitions: int, seed: int = 1) -> Iterator[Input]:
    """The flow's records without end."""
    drafts = _cme_drafts() if flow == CME else _zipf_drafts(seed)
    frame = fixed_ids().frame("order")
    draw = random.Random(seed).random
    places = {
        funded.account.user_id: partition_of(funded.account.key, partitions)
        for funded in accounts_of(flow)
    }
    recent: list[tuple[_Draft, bytes]] = []
    for number in count():
        time_us = first_us + number * INTERVAL_US
        lot = draw()
        if recent and lot < _REPEAT_SHARE:
            draft, value = recent[int(draw() * len(recent))]
        elif recent and lot < _REPEAT_SHARE + _CHANGED_SHARE:
            draft, _ = recent[int(draw() * len(recent))]
            value = frame + encode_order(_order(draft, time_us, draft.price_e9 + TICK_E9))
        else:
            draft = next(drafts)
            event_us = time_us // 1000 * 1000 - int(draw() * _AGE_US_MAX)
            value = frame + encode_order(_order(draft, event_us, draft.price_e9))
            if len(recent) < _RECENT_MAX:
                recent.append((draft, value))
            else:
                recent[number % _RECENT_MAX] = (draft, value)
        account = draft.account
        yield Input(places[account.user_id], time_us // 1000, account.key, value)


def _order(draft: _Draft, time_us: int, price_e9: int) -> Order:
    account = draft.account
    return Order(
        event_time=time_us,
        source_system_id=_SOURCE,
        tenant_id=account.tenant_id,
        action=ORDER_ACTION_NEW,
        order_id=draft.order_id,
        orig_order_id=None,
        user_id=account.user_id,
        instrument_id=INSTRUMENT,
        side=draft.side,
        order_type=ORDER_TYPE_LIMIT,
        time_in_force=draft.time_in_force,
        quantity_lots=draft.lots,
        price_e9=price_e9,
        expires_at=None,
        trader_id=account.trader_id,
        algo_id=account.algo_id,
        desk_id=account.desk_id,
        counterparty_id=None,
        tags={},
        reduce_only=False,
        short_mark=None,
    )


def _cme_drafts() -> Iterator[_Draft]:
    config = load_replay_config()
    accounts = Accounts(config.accounts, config.tenants, config.tiers)
    flow = MarketFlow(config.mark_quiet_ms * 1000)
    recorded = [
        event for event in flow.events(read_excerpt(_SAMPLE).messages) if event.kind == EVENT_NEW
    ]
    owners = [accounts.of_order(event.venue_order_id) for event in recorded]
    for loop in count():
        for event, account in zip(recorded, owners, strict=True):
            order_id = f"{loop:05d}-{event.venue_order_id}-{event.revision}"
            yield _Draft(
                account, order_id, event.side, event.lots, event.price_e9, event.time_in_force
            )


def _zipf_drafts(seed: int) -> Iterator[_Draft]:
    accounts = [funded.account for funded in accounts_of(ZIPF)]
    draw = random.Random(seed + 1).random
    shares = list(accumulate(1 / rank for rank in range(1, len(accounts) + 1)))
    for number in count():
        account = accounts[bisect(shares, draw() * shares[-1])]
        side = SIDE_BUY if draw() < 0.5 else SIDE_SELL
        price_e9 = MARK_E9 + (int(draw() * 41) - 20) * TICK_E9
        lots = 1 + int(draw() * 5)
        yield _Draft(account, f"BENCH-{number:010d}", side, lots, price_e9, TIME_IN_FORCE_DAY)


class InputFile:
    """A flow's first records on disk: made once, loaded many times; more are made when asked."""

    def __init__(self, path: Path, flow: str, first_us: int, partitions: int) -> None:
        """Nothing made yet; `path` is this run's own."""
        self.flow: Final = flow
        self.made = 0
        self._path: Final = path
        self._inputs: Final = inputs_of(flow, first_us, partitions)

    def make(self, wanted: int) -> None:
        """See to it that the first `wanted` records are there."""
        if wanted <= self.made:
            return
        with self._path.open("ab") as file:
            for _ in range(wanted - self.made):
                record = next(self._inputs)
                head = _HEAD.pack(
                    record.partition, record.time_ms, len(record.key), len(record.value)
                )
                file.write(head + record.key + record.value)
        self.made = wanted

    def read(self, first: int, wanted: int) -> Iterator[Input]:
        """`wanted` records from number `first` on."""
        self.make(first + wanted)
        with self._path.open("rb") as file:
            for number in range(first + wanted):
                partition, time_ms, key_bytes, value_bytes = _HEAD.unpack(file.read(_HEAD.size))
                body = file.read(key_bytes + value_bytes)
                if number >= first:
                    yield Input(partition, time_ms, body[:key_bytes], body[key_bytes:])


def restamped(value: bytes, time_us: int) -> bytes:
    """The order of a framed value with another event time, which is its first field."""
    end = FRAME_BYTES
    while value[end] & 0x80:
        end += 1
    writer = BytesWriter()
    write_long(writer, time_us)
    return value[:FRAME_BYTES] + writer.getvalue() + value[end + 1 :]


def load(settings: Settings, topic: str, records: Iterator[Input]) -> int:
    """Publish the records as fast as the broker takes them; how many there were."""
    producer = Producer(
        settings.confluent(
            linger_ms=20,
            batch_size=1 << 19,
            compression_type=settings.compression,
            queue_buffering_max_messages=200_000,
            enable_idempotence=True,
        )
    )
    loaded = 0
    for partition, time_ms, key, value in records:
        while True:
            try:
                producer.produce(topic, value, key, partition, timestamp=time_ms)
            except BufferError:
                producer.poll(0.05)
                continue
            break
        loaded += 1
        if loaded % 1_000 == 0:
            producer.poll(0)
    producer.flush(120)
    return loaded
