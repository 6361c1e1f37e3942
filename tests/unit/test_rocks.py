"""A lane's files on a real RocksDB: what is damaged is noticed, noted and never served."""

import time
from pathlib import Path

import pytest

from pipeline.lane.family import LaneFamily
from pipeline.tables.lane import TableLane
from pipeline.tables.restore import open_trusted
from pipeline.tables.rocks import (
    RocksRows,
    StoreDamaged,
    StoreMark,
    StoreUnavailable,
    distrust_file,
    partition_id,
)
from pipeline.topics import DAY_MS

ROWS = {f"T{n:06}".encode(): f"body {n}".encode() * 20 for n in range(20_000)}
MARK = StoreMark(7, 1_700_000_000_000, bytes(16))
NOW_MS = time.time_ns() // 1_000_000
FAMILY = LaneFamily("gate", "risk-contexts", ("c", "m", "d", "f", "o"), "log")


def written(path: Path) -> None:
    """A store with rows in table files and not in its write-ahead log only."""
    rows = RocksRows(path)
    rows.write(ROWS, MARK)
    rows._db.flush()
    rows.close()


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)


def read_all(path: Path) -> dict[bytes, bytes]:
    rows = RocksRows(path)
    try:
        return dict(rows.scan(b"T"))
    finally:
        rows.close()


def test_rows_and_mark_are_found_again(tmp_path: Path) -> None:
    written(tmp_path / "0")
    assert read_all(tmp_path / "0") == ROWS
    rows = RocksRows(tmp_path / "0")
    mark = rows.mark()
    assert mark is not None
    assert (mark.offset, mark.written_ms, mark.topic_id) == (7, MARK.written_ms, bytes(16))
    rows.close()


def test_a_flipped_byte_of_a_table_file_is_noticed_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "0"
    written(path)
    (table,) = path.glob("*.sst")
    flip(table, table.stat().st_size // 2)
    with pytest.raises(StoreDamaged):
        read_all(path)
    assert distrust_file(path).exists()
    with pytest.raises(StoreDamaged, match="found damaged before"):
        RocksRows(path)


@pytest.mark.parametrize("pattern", ["*.sst", "MANIFEST-*"])
def test_a_file_that_is_gone_is_noticed(tmp_path: Path, pattern: str) -> None:
    path = tmp_path / "0"
    written(path)
    for file in path.glob(pattern):
        file.unlink()
    with pytest.raises(StoreDamaged):
        read_all(path)


def test_what_the_write_ahead_log_lost_is_missing_from_the_mark_too(tmp_path: Path) -> None:
    path = tmp_path / "0"
    rows = RocksRows(path)
    for offset in range(50):
        rows.write({b"T%d" % offset: b"x" * 100}, StoreMark(offset, 0, bytes(16)))
    # A killed process leaves the log as it is; its end may be torn.
    copy = tmp_path / "1"
    copy.mkdir()
    for file in path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    rows.close()
    (log,) = copy.glob("*.log")
    log.write_bytes(log.read_bytes()[: log.stat().st_size * 2 // 3])
    torn = RocksRows(copy)
    mark = torn.mark()
    assert mark is not None
    assert 0 < mark.offset < 49
    assert len(list(torn.scan(b"T"))) == mark.offset + 1
    torn.close()


def test_a_store_that_another_process_has_is_not_taken_for_damaged(tmp_path: Path) -> None:
    path = tmp_path / "0"
    rows = RocksRows(path)
    with pytest.raises(StoreUnavailable, match="its own data_dir"):
        RocksRows(path)
    rows.close()
    assert not distrust_file(path).exists()


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(StoreMark(7, 1_700_000_000_000, bytes(16)), id="too old"),
        pytest.param(StoreMark(9_000, NOW_MS, bytes(16)), id="ahead"),
        pytest.param(StoreMark(7, NOW_MS, partition_id(b"x" * 16, 0)), id="another topic"),
        pytest.param(StoreMark(7, NOW_MS, partition_id(bytes(16), 1)), id="another lane's"),
        pytest.param(StoreMark(7, NOW_MS + 2 * DAY_MS, bytes(16)), id="from a clock ahead"),
    ],
)
def test_what_cannot_be_trusted_is_discarded(tmp_path: Path, mark: StoreMark) -> None:
    path = tmp_path / "0"
    rows = RocksRows(path)
    rows.write({b"Ta": b"1"}, mark)
    rows.close()
    opened: list[TableLane] = []

    def open_lane(partition: int) -> TableLane:
        opened.append(TableLane(FAMILY, partition, RocksRows(tmp_path / str(partition))))
        return opened[-1]

    def discard(partition: int) -> None:
        opened[-1].close()
        for file in (tmp_path / str(partition)).iterdir():
            file.unlink()

    lane = open_trusted(0, open_lane, discard, 100, partition_id(bytes(16), 0))
    assert lane.stored.mark() is None
    assert lane.get(b"Ta") is None
    lane.close()


def test_a_store_of_now_is_kept(tmp_path: Path) -> None:
    rows = RocksRows(tmp_path / "0")
    rows.write({b"Ta": b"1"}, StoreMark(7, NOW_MS, partition_id(bytes(16), 0)))

    def discard(_partition: int) -> None:
        raise AssertionError

    lane = open_trusted(
        0, lambda partition: TableLane(FAMILY, partition, rows), discard, 100, bytes(16)
    )
    assert lane.get(b"Ta") == b"1"
    lane.close()
