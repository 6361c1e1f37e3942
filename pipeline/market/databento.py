"""Reads Databento market-by-order files (DBN, plain or zstd-compressed).

Owns the translation of DBN records to `MboMessage`. Holds no more than one chunk of the file in
memory, and refuses what it would have to guess at: another schema, more than one instrument.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from databento_dbn import DBNDecoder, DBNError, MBOMsg, Metadata

from pipeline.market.compressed import read_chunks
from pipeline.market.messages import MarketDataError, MboMessage, Recording


def read_databento(path: Path) -> Recording:
    """The messages of a .dbn or .dbn.zst file.

    Raises MarketDataError when it is not DBN, not market-by-order, or holds several instruments;
    while the messages are read, when the file is cut off.
    """
    records = _records(path)
    metadata = next(records, None)
    if not isinstance(metadata, Metadata):
        raise MarketDataError(f"{path}: no DBN metadata at its beginning; is it a Databento file?")
    if str(metadata.schema) != "mbo":
        raise MarketDataError(f"{path}: schema {metadata.schema}; a replay needs mbo")
    if len(metadata.symbols) != 1:
        raise MarketDataError(
            f"{path}: {len(metadata.symbols)} symbols; a replay takes a file of one instrument"
        )
    return Recording(metadata.dataset, metadata.symbols[0], _messages(records))


def _messages(records: Iterator[Any]) -> Iterator[MboMessage]:
    for record in records:
        if isinstance(record, MBOMsg):
            yield MboMessage(
                record.ts_event,
                record.order_id,
                str(record.action),
                str(record.side),
                record.price,
                record.size,
                int(record.flags),
            )


def _records(path: Path) -> Iterator[Any]:
    decoder = DBNDecoder()
    try:
        for chunk in read_chunks(path):
            decoder.write(chunk)
            yield from decoder.decode()
    except DBNError as error:
        raise MarketDataError(f"{path}: not a readable DBN file: {error}") from error
    if decoder.buffer():
        raise MarketDataError(f"{path}: was cut off; fetch it again")
