"""A recording against a worker on a real Kafka: orders that change faster than it keeps order."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from pipeline.audit.verify import verify
from pipeline.market.config import load_replay_config
from pipeline.market.excerpt import write_excerpt
from pipeline.market.messages import FLAG_SNAPSHOT, MboMessage, Recording
from pipeline.market.orders import REJECTED_REPLACE
from pipeline.market.replay import Replay, ReplayPlan
from pipeline.market.summary import summary_json
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.streaming.topic_admin import create_topics
from tests.flow import World, decode, worker

pytestmark = pytest.mark.broker

START_S: Final = 1_703_422_805
MS: Final = 1_000_000
ORDERS: Final = 24
CHANGES: Final = 12
OTHERS: Final = 24


def message(
    time_ms: int, order_id: int, what: str, price: int, lots: int, flags: int = 0
) -> MboMessage:
    """`what` is action and side, as in "AB"; the price in whole points."""
    time_ns = START_S * 10**9 + time_ms * MS
    return MboMessage(time_ns, order_id, what[0], what[1], price * 10**9, lots, flags)


def recorded() -> Iterator[MboMessage]:
    """A book; then orders that change every few milliseconds, in price and in quantity."""
    yield message(0, 1, "AB", 4_700, 5, FLAG_SNAPSHOT)
    yield message(0, 2, "AA", 4_900, 5, FLAG_SNAPSHOT)
    orders, others = range(100, 100 + ORDERS), range(200, 200 + OTHERS)
    for order_id in (*orders, *others):
        yield message(2_000, order_id, "AB", 4_790, 4)
    # A quarter trades half-way, so that later totals have what was filled in them.
    for change in range(CHANGES):
        time_ms = 2_001 + 2 * change
        for order_id in orders:
            if change == CHANGES // 2 and order_id % 4 == 0:
                price = 4_790 + change
                yield message(time_ms, order_id, "FB", price, 1)
                yield message(time_ms, order_id, "MB", price, 3)
                continue
            yield message(time_ms, order_id, "MB", 4_791 + change, 3 + change % 2)
    # Of orders that never change, so these reports go out before those of most changes above.
    for order_id in others:
        yield message(2_500, order_id, "FB", 4_790, 4)
        yield message(2_500, order_id, "CB", 4_790, 4)
    # Far off the mark: rejected, and the fills at that price never happen; the order works on.
    yield message(3_000, 100, "MB", 9_000, 3)
    yield message(3_001, 100, "FB", 9_000, 2)
    yield message(3_001, 100, "MB", 9_000, 1)
    for order_id in orders:
        yield message(4_000, order_id, "CB", 4_800, 1)


def test_changes_follow_one_another_and_all_volume_is_accounted_for(
    broker_settings: Settings, tmp_path: Path
) -> None:
    create_topics(broker_settings)
    file = tmp_path / "changes.csv.zst"
    write_excerpt(Recording("TEST", "ESH4", recorded()), file, None)
    plan = ReplayPlan(file, control=PROJECT_ROOT / "config/control")
    # The tier whose order rate leaves room for so many changes.
    config = replace(load_replay_config(), tiers=(("professional", 1),))
    with worker(broker_settings, "w1", tmp_path) as running:
        running.ready()
        result = Replay(broker_settings, config, plan).run(lambda _number, _tally: None)
    tally = result.tally
    assert result.replaces == ORDERS * CHANGES - ORDERS // 4 + 1
    # None was refused as the second at a time.
    assert tally.replaces_rejected_by_reason == {"PRICE_COLLAR": 1}
    assert (tally.rejected, tally.cancels_rejected, result.swept) == (0, 0, 0)
    assert summary_json(result)["volume"] == {
        "traded_lots": 0,
        "executed_lots": ORDERS // 4 + 4 * OTHERS + 2,
        "matched_lots": ORDERS // 4 + 4 * OTHERS,
        "unmatched_lots": 2,
        "unmatched_by_reason": {"never_shown": 0, "rejected_order": 0, REJECTED_REPLACE: 2},
    }
    world = World(broker_settings)
    outcomes = {decode("audit_record", m.value())["reason_code"] for m in world.read("audit")}
    assert outcomes <= {"ACCEPTED", "APPLIED", "PRICE_COLLAR", "PENDING"}
    verified = verify(broker_settings)
    assert (verified.ok, verified.problems, verified.open_holds_count) == (True, [], 2)
