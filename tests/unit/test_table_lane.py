"""A lane's stored rows on a real RocksDB: never ahead of the commit, swept, found again."""

import shutil
from pathlib import Path

import pytest

from pipeline.codecs.avro import decode_row_lane, encode_row_seen
from pipeline.codecs.wire import fixed_ids
from pipeline.lane.family import LaneFamily
from pipeline.lane.processor import LaneProcessor
from pipeline.lane.rows import STATE_FORMAT
from pipeline.risk import keys
from pipeline.risk.records import RowSeen
from pipeline.risk.state import InvariantViolated
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import RocksRows, StoreMark
from pipeline.tables.sweep import Sweep
from tests.property.desk import POLICY, Desk
from tests.property.histories import WINDOW_MS, changed

FAMILY = LaneFamily("gate", "risk-contexts", ("c", "m", "d", "f", "o"), "log")
TOPIC_ID = bytes(16)


def mark(offset: int) -> StoreMark:
    return StoreMark(offset, 1_700_000_000_000, TOPIC_ID)


def seen(touched_at: int) -> bytes:
    return encode_row_seen(RowSeen(touched_at, 1, None, None, 0, 0, 0, False))


def test_rows_reach_the_store_only_when_their_transaction_has_committed(tmp_path: Path) -> None:
    path = tmp_path / "3"
    lane = TableLane(FAMILY, 3, RocksRows(path))
    lane.stage([(b"Ta", b"1"), (b"Tb", b"2")])
    lane.applied["o"] = 9
    assert lane.get(b"Ta") == b"1"
    assert set(lane.take_dirty()) == {b"Ta", b"Tb", keys.LANE}
    lane.committed(mark(40))
    lane.stage([(b"Ta", None), (b"Tc", b"3")])
    lane.close()
    again = TableLane(FAMILY, 3, RocksRows(path))
    assert [key for key, _ in again.scan(b"T")] == [b"Ta", b"Tb"]
    stored = again.stored.mark()
    assert stored is not None
    assert (stored.offset, stored.topic_id) == (40, TOPIC_ID)
    again.load_applied()
    assert again.applied == {"o": 9}
    again.close()


def test_rows_of_another_format_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = TableLane(FAMILY, 0, RocksRows(tmp_path / "0"))
    with monkeypatch.context() as other:
        other.setattr("pipeline.tables.lane.STATE_FORMAT", 99)
        lane.take_dirty()
        lane.committed(mark(1))
    with pytest.raises(InvariantViolated, match="format 99"):
        lane.load_applied()
    lane.close()


def test_rows_of_an_older_format_are_opened_and_get_the_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = TableLane(FAMILY, 0, RocksRows(tmp_path / "0"))
    lane.applied["o"] = 9
    lane.take_dirty()
    lane.committed(mark(1))
    monkeypatch.setattr("pipeline.tables.lane.STATE_FORMAT", STATE_FORMAT + 1)
    monkeypatch.setattr(
        "pipeline.tables.lane.READABLE_STATE_FORMATS", (STATE_FORMAT, STATE_FORMAT + 1)
    )
    lane.load_applied()
    assert lane.applied == {"o": 9}
    lane.take_dirty()
    assert decode_row_lane(lane.get(keys.LANE) or b"").state_format == STATE_FORMAT + 1
    lane.close()


def test_the_sweep_deletes_what_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    lane = TableLane(FAMILY, 0, RocksRows(tmp_path / "0"))
    processor = LaneProcessor(0, 1, FAMILY.topics, fixed_ids(), lane)
    processor.head.forgotten_before = 1_000
    lane.stage([(b"T\x01a", seen(999)), (b"T\x01b", seen(1_000)), (b"X\x01c", seen(10))])
    lane.take_dirty()
    lane.committed(mark(1))
    # Touched again by the batch that is not stored yet: what the cache says counts.
    lane.stage([(b"T\x01d", seen(5))])
    lane.take_dirty()
    lane.committed(mark(2))
    lane.stage([(b"T\x01d", seen(2_000))])
    sweep = Sweep(lane)
    deleted = [key for _ in range(12) for key, body in sweep.expired(processor, 1) if body is None]
    assert sorted(deleted) == [b"T\x01a", b"X\x01c"]
    lane.close()
    shutil.rmtree(tmp_path)


def test_an_id_from_ahead_does_not_put_the_sweep_to_sleep(tmp_path: Path) -> None:
    lane = TableLane(FAMILY, 0, RocksRows(tmp_path / "0"))
    processor = LaneProcessor(0, 1, FAMILY.topics, fixed_ids(), lane)
    sweep = Sweep(lane)
    present, ahead = 10**9, 10**12
    processor.head.gate_time, processor.head.forgotten_before = present, 1
    lane.stage([(b"T\x01a", seen(ahead))])
    lane.take_dirty()
    lane.committed(mark(1))
    assert [sweep.expired(processor, 10) for _ in range(4)] == [[]] * 4
    lane.stage([(b"T\x01b", seen(present + 5))])
    lane.take_dirty()
    lane.committed(mark(2))
    processor.head.forgotten_before = present + 10
    assert [(b"T\x01b", None)] in [sweep.expired(processor, 10) for _ in range(4)]
    lane.close()


def test_what_is_stored_stays_near_the_bound_by_count_while_ids_flood_in(tmp_path: Path) -> None:
    ids_max = 40
    desk = Desk()
    desk.control(changed(POLICY, remembered_ids_max=ids_max))
    lane = TableLane(FAMILY, 0, RocksRows(tmp_path / "0"))
    lane.stage(list(desk.gate.rows.rows.items()))
    sweep = Sweep(lane)
    most = 0
    for batch in range(60):
        # One id from far ahead: the sweep must not wait until its time is over.
        ahead_us = WINDOW_MS * 1_000 if batch == 0 else 0
        for _ in range(10):
            desk.wait(4_000)
            order = desk.new(quantity_lots=21, event_time=desk.world.now_us + ahead_us)
            desk.world.send_order(order)
            lane.stage(desk.gate.apply(desk.world.sent.pop()).rows)
        lane.stage(sweep.expired(desk.gate.processor, 2 * 10))
        lane.take_dirty()
        lane.committed(mark(batch + 1))
        most = max(most, sum(1 for kind in (b"D", b"X", b"T") for _ in lane.scan(kind)))
    assert desk.gate.processor.core.memory.ids_forgotten_early > 500
    # The bound, what comes in a minute of rest, and what comes during one walk.
    assert most <= ids_max + 15 + (ids_max + 15)
    lane.close()
