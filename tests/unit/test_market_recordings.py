"""Recordings: the Databento file, the shipped excerpt, and what is no recording."""

from itertools import islice, zip_longest
from pathlib import Path

import pytest
import zstandard

from pipeline.market.excerpt import read_excerpt, write_excerpt
from pipeline.market.flow import MarketFlow
from pipeline.market.messages import MarketDataError
from pipeline.market.recordings import open_recording
from pipeline.settings import PROJECT_ROOT

EXCERPT = PROJECT_ROOT / "samples/esh4-glbx-mdp3-20231225.csv.zst"
SOURCE = PROJECT_ROOT.parent / "shared/data/esh4-glbx-mdp3-20231225.mbo.dbn.zst"
MARK_QUIET_US = 10_000_000

needs_source = pytest.mark.skipif(not SOURCE.exists(), reason="the Databento file is not here")


def test_the_shipped_excerpt_holds_the_opening_book_and_trading() -> None:
    recording = open_recording(EXCERPT)
    flow = MarketFlow(MARK_QUIET_US)
    events = sum(1 for _ in flow.events(recording.messages))
    stats = flow.stats
    assert (recording.dataset, recording.symbol) == ("GLBX.MDP3", "ESH4")
    assert stats.messages == 30_000
    assert stats.opening_orders == 8_725
    assert stats.trades == 1_033
    assert events > stats.messages


@needs_source
def test_the_source_reads_as_its_readme_says() -> None:
    flow = MarketFlow(MARK_QUIET_US)
    for _ in flow.events(open_recording(SOURCE).messages):
        pass
    stats = flow.stats
    assert stats.messages == 68_792
    assert (stats.adds, stats.cancels, stats.modifies) == (29_216, 17_999, 12_233)
    assert (stats.fills, stats.trades) == (6_371, 2_973)
    assert stats.opening_orders == 8_725
    assert stats.ignored == 0


@needs_source
def test_book_effects_of_fills_are_no_requests() -> None:
    flow = MarketFlow(MARK_QUIET_US)
    for _ in flow.events(open_recording(SOURCE).messages):
        pass
    assert (flow.stats.book_effect_cancels, flow.stats.cancels) == (5_333, 17_999)
    assert (flow.stats.book_effect_modifies, flow.stats.modifies) == (974, 12_233)
    assert (flow.stats.unmatched_cancels, flow.stats.unmatched_modifies) == (0, 0)


@needs_source
def test_the_excerpt_is_the_beginning_of_the_source() -> None:
    excerpt = open_recording(EXCERPT)
    source = open_recording(SOURCE)
    assert (excerpt.dataset, excerpt.symbol) == (source.dataset, source.symbol)
    for shipped, original in zip_longest(excerpt.messages, islice(source.messages, 30_000)):
        assert shipped == original


def test_an_excerpt_of_an_excerpt_is_made_byte_for_byte_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv.zst", tmp_path / "second.csv.zst"
    assert write_excerpt(open_recording(EXCERPT), first, 100) == 100
    assert write_excerpt(read_excerpt(first), second, None) == 100
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv.zst", b""),
        ("text.csv.zst", b"time_ns,order_id\n"),
        ("no-source.csv.zst", zstandard.compress(b"time_ns\n1\n")),
        ("columns.csv.zst", zstandard.compress(b'#{"dataset":"D","symbol":"S"}\nprice\n1\n')),
        ("noise.dbn", b"\x00" * 100),
        ("noise.dbn.zst", zstandard.compress(b"noise" * 100)),
        ("empty.dbn", b""),
        ("book.parquet", b"PAR1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MarketDataError, match=name):
        list(open_recording(path).messages)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match=r"gone\.dbn: no such file"):
        open_recording(tmp_path / "gone.dbn")


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv.zst"
    write_excerpt(open_recording(EXCERPT), path, 2)
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).readall()
    path.write_bytes(zstandard.compress(text + b"1,2,A,B,four,5,6\n"))
    with pytest.raises(MarketDataError, match="line 5"):
        list(open_recording(path).messages)


@needs_source
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    compressed = SOURCE.read_bytes()
    plain = zstandard.ZstdDecompressor().stream_reader(compressed).readall()
    for name, content in (("cut.dbn", plain[:100_000]), ("cut.dbn.zst", compressed[:100_000])):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(MarketDataError, match="cut off"):
            list(open_recording(path).messages)


def test_an_excerpt_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.zst"
    path.write_bytes(EXCERPT.read_bytes()[:-1_000])
    with pytest.raises(MarketDataError, match="cut off"):
        list(open_recording(path).messages)


def test_a_file_of_several_zstd_frames_is_read_to_its_end(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.csv.zst", tmp_path / "frames.csv.zst"
    write_excerpt(open_recording(EXCERPT), whole, 500)
    text = zstandard.ZstdDecompressor().stream_reader(whole.read_bytes()).readall()
    path.write_bytes(zstandard.compress(text[:700]) + zstandard.compress(text[700:]))
    assert list(open_recording(path).messages) == list(open_recording(whole).messages)
