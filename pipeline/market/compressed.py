"""Reads a file that may be zstd-compressed.

Owns noticing that one was cut off: a decompressor that reaches the end of the file in the middle
of a frame would otherwise look like the end of the data.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import zstandard

from pipeline.market.messages import MarketDataError

_CHUNK_BYTES: Final = 256 * 1024
_MAGIC: Final = b"\x28\xb5\x2f\xfd"


def read_chunks(path: Path) -> Iterator[bytes]:
    """The content in pieces, decompressed where it is zstd. Raises MarketDataError."""
    try:
        with path.open("rb") as file:
            raw = iter(lambda: file.read(_CHUNK_BYTES), b"")
            first = next(raw, b"")
            if not first.startswith(_MAGIC):
                yield first
                yield from raw
                return
            yield from _decompressed(path, first, raw)
    except (OSError, zstandard.ZstdError) as error:
        raise MarketDataError(f"{path}: not readable: {error}") from error


def _decompressed(path: Path, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor().decompressobj()
    data = first
    while data:
        yield frame.decompress(data)
        # A file may hold several frames, one after the other.
        data = frame.unused_data or next(rest, b"")
        if frame.eof and data:
            frame = zstandard.ZstdDecompressor().decompressobj()
    if not frame.eof:
        raise MarketDataError(f"{path}: was cut off; fetch it again")
