"""The compact form in which the repository ships recorded order flow: zstd-compressed CSV.

Owns its format, described in samples/README.md: one comment line with the source as JSON, one with
the column names, one message a line. It carries the fields of `MboMessage` and nothing derived from
them, so an excerpt and its source give the same events.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import zstandard

from pipeline.market.compressed import read_chunks
from pipeline.market.messages import MarketDataError, MboMessage, Recording

_COLUMNS: Final = "time_ns,order_id,action,side,price_e9,lots,flags"
_COMPRESSION_LEVEL: Final = 19


def read_excerpt(path: Path) -> Recording:
    """The messages of a file that `write_excerpt` made. Raises MarketDataError when it is none."""
    lines = _lines(path)
    head = next(lines, "")
    try:
        source = json.loads(head.removeprefix("#"))
        dataset, symbol = str(source["dataset"]), str(source["symbol"])
    except (ValueError, KeyError, TypeError) as error:
        raise MarketDataError(f"{path}: its first line does not name its source") from error
    if next(lines, "") != _COLUMNS:
        raise MarketDataError(f"{path}: its second line is not {_COLUMNS}")
    return Recording(dataset, symbol, _messages(path, lines))


def write_excerpt(recording: Recording, path: Path, messages_max: int | None) -> int:
    """Write the first `messages_max` messages (all when None); how many there were."""
    source = json.dumps({"dataset": recording.dataset, "symbol": recording.symbol})
    rows: Iterable[MboMessage] = islice(recording.messages, messages_max)
    text = [f"#{source}", _COLUMNS, *(",".join(map(str, row)) for row in rows)]
    compressor = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL)
    path.write_bytes(compressor.compress("\n".join([*text, ""]).encode()))
    return len(text) - 2


def _messages(path: Path, lines: Iterator[str]) -> Iterator[MboMessage]:
    for number, line in enumerate(lines, start=3):
        try:
            time_ns, order_id, action, side, price_e9, lots, flags = line.split(",")
            yield MboMessage(
                int(time_ns), int(order_id), action, side, int(price_e9), int(lots), int(flags)
            )
        except ValueError as error:
            raise MarketDataError(f"{path}, line {number}: {error}") from error


def _lines(path: Path) -> Iterator[str]:
    begun = ""
    for chunk in read_chunks(path):
        try:
            *lines, begun = (begun + chunk.decode("ascii")).split("\n")
        except UnicodeDecodeError as error:
            raise MarketDataError(f"{path}: not an excerpt: {error}") from error
        yield from lines
    if begun:
        yield begun
