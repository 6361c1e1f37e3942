"""Recordings: the Databento file, the shipped excerpt, and what is no recording."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import pytest
import zstandard
from databento_dbn import Action, MBOMsg, Metadata, Schema, Side, SType

from pipeline.market.excerpt import read_excerpt, write_excerpt
from pipeline.market.flow import MarketFlow
from pipeline.market.messages import MarketDataError, MboMessage
from pipeline.market.recordings import open_recording
from pipeline.settings import PROJECT_ROOT

EXCERPT = PROJECT_ROOT / "samples/esh4-glbx-mdp3-20231225.csv.zst"
MARK_QUIET_US = 10_000_000


def databento(messages: Iterable[MboMessage], symbols: Sequence[str] = ("ESH4",)) -> bytes:
    """Those messages as Databento would write them."""
    metadata = Metadata(
        dataset="GLBX.MDP3",
        start=0,
        stype_in=SType.RAW_SYMBOL,
        stype_out=SType.INSTRUMENT_ID,
        schema=Schema.MBO,
        symbols=list(symbols),
        partial=[],
        not_found=[],
        mappings=[],
    )
    records = (
        MBOMsg(
            publisher_id=1,
            instrument_id=17_077,
            ts_event=message.time_ns,
            order_id=message.order_id,
            price=message.price_e9,
            size=message.lots,
            action=Action(message.action),
            side=Side(message.side),
            ts_recv=message.time_ns,
            flags=message.flags,
        )
        for message in messages
    )
    return b"".join([bytes(metadata.encode()), *map(bytes, records)])


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


def test_book_effects_of_fills_are_no_requests() -> None:
    flow = MarketFlow(MARK_QUIET_US)
    for _ in flow.events(open_recording(EXCERPT).messages):
        pass
    assert (flow.stats.book_effect_cancels, flow.stats.cancels) == (1_575, 5_939)
    assert (flow.stats.book_effect_modifies, flow.stats.modifies) == (281, 4_895)
    assert (flow.stats.unmatched_cancels, flow.stats.unmatched_modifies) == (0, 0)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_databento_file_and_its_excerpt_hold_the_same(tmp_path: Path, compressed: bool) -> None:
    # The opening book, the auction and trading: every action and side.
    messages = list(islice(open_recording(EXCERPT).messages, 12_000))
    path = tmp_path / ("source.mbo.dbn.zst" if compressed else "source.mbo.dbn")
    content = databento(messages)
    path.write_bytes(zstandard.compress(content) if compressed else content)
    source = open_recording(path)
    assert (source.dataset, source.symbol) == ("GLBX.MDP3", "ESH4")
    assert list(source.messages) == messages
    excerpt = tmp_path / "excerpt.csv.zst"
    assert write_excerpt(open_recording(path), excerpt, 10_000) == 10_000
    assert list(open_recording(excerpt).messages) == messages[:10_000]


def test_a_databento_file_of_several_instruments_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.dbn"
    path.write_bytes(databento([], ["ESH4", "ESM4"]))
    with pytest.raises(MarketDataError, match="one instrument"):
        open_recording(path)


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


@pytest.mark.parametrize("name", ["cut.dbn", "cut.dbn.zst"])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    content = databento(islice(open_recording(EXCERPT).messages, 1_000))
    if name.endswith(".zst"):
        content = zstandard.compress(content)
    path = tmp_path / name
    path.write_bytes(content[: len(content) * 2 // 3 + 1])
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
