"""Opens a recording by the kind of its file.

Owns which file name means which reader. Reads nothing itself.
"""

from pathlib import Path

from pipeline.market.databento import read_databento
from pipeline.market.excerpt import read_excerpt
from pipeline.market.messages import MarketDataError, Recording


def open_recording(path: Path) -> Recording:
    """A .dbn, .dbn.zst or .csv.zst file. Raises MarketDataError where it cannot be read."""
    if not path.is_file():
        raise MarketDataError(f"{path}: no such file; samples/README.md says what can be replayed")
    if path.name.endswith((".dbn", ".dbn.zst")):
        return read_databento(path)
    if path.name.endswith(".csv.zst"):
        return read_excerpt(path)
    raise MarketDataError(
        f"{path}: expected a Databento file (.dbn, .dbn.zst) or an excerpt (.csv.zst)"
    )
