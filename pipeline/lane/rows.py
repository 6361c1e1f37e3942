"""Rows of the risk-contexts table as bytes.

Owns which codec a key's kind has. Compiled with mypyc.
"""

from collections.abc import Callable
from typing import Final

from mypy_extensions import mypyc_attr

from pipeline.codecs.avro import (
    decode_control,
    decode_row_algorithm,
    decode_row_alias,
    decode_row_balance,
    decode_row_band,
    decode_row_decision,
    decode_row_holdings,
    decode_row_mark,
    decode_row_order,
    decode_row_pledge,
    decode_row_position,
    decode_row_recent,
    decode_row_restriction,
    decode_row_result,
    decode_row_seen,
    decode_row_user,
    decode_row_withdrawal,
    encode_control,
    encode_row_algorithm,
    encode_row_alias,
    encode_row_balance,
    encode_row_band,
    encode_row_decision,
    encode_row_holdings,
    encode_row_mark,
    encode_row_order,
    encode_row_pledge,
    encode_row_position,
    encode_row_recent,
    encode_row_restriction,
    encode_row_result,
    encode_row_seen,
    encode_row_user,
    encode_row_withdrawal,
)
from pipeline.risk.keys import (
    ALGORITHM,
    ALIAS,
    BALANCE,
    BAND,
    CONTROL,
    DECISION,
    EXECUTION,
    HOLDINGS,
    MARK,
    ORDER,
    PLEDGE,
    POSITION,
    RECENT,
    RESTRICTION,
    RESULT,
    TRANSFER,
    USER,
    WITHDRAWAL,
)
from pipeline.risk.records import (
    Control,
    RowAlgorithm,
    RowAlias,
    RowBalance,
    RowBand,
    RowDecision,
    RowMark,
    RowOrder,
    RowPledge,
    RowPosition,
    RowRecent,
    RowRestriction,
    RowResult,
    RowSeen,
    RowUser,
    RowWithdrawal,
)
from pipeline.risk.state import CheckRow, InvariantViolated, Row, RowLoader

# How a lane's rows are laid out: what is written into the lane row, and what can be opened. What
# rows mean is the business of the core version in force, which is in the gate row.
STATE_FORMAT: Final = 1
READABLE_STATE_FORMATS: Final[tuple[int, ...]] = (1,)


@mypyc_attr(allow_interpreted_subclasses=True)
class RowSource:
    """Where a lane's stored rows are read from."""

    def get(self, key: bytes) -> bytes | None:
        """The row's Avro body, or None."""
        raise NotImplementedError

    def rows_of_kind(self, kind: bytes) -> list[tuple[bytes, bytes]]:
        """All rows whose key begins with a kind; asked for when a lane is opened."""
        raise NotImplementedError


class DictRows(RowSource):
    """Rows in memory: for replays, tests and peers in benches."""

    def __init__(self) -> None:
        self.rows: Final[dict[bytes, bytes]] = {}

    def get(self, key: bytes) -> bytes | None:
        """The row's Avro body, or None."""
        return self.rows.get(key)

    def rows_of_kind(self, kind: bytes) -> list[tuple[bytes, bytes]]:
        """All rows whose key begins with a kind."""
        return [(key, body) for key, body in self.rows.items() if key[:1] == kind]

    def store(self, changed: list[tuple[bytes, bytes | None]]) -> None:
        """Apply the rows an input changed."""
        for key, body in changed:
            if body is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = body


class StoredRows(RowLoader):
    """Decodes rows of a source when the core asks for them."""

    def __init__(self, source: RowSource) -> None:
        self.source: Final = source

    def load(self, key: bytes) -> Row | None:
        """The row stored under `key`."""
        body = self.source.get(key)
        return None if body is None else decode_row(key, body)


_DECODERS: Final[dict[bytes, Callable[[bytes], Row]]] = {
    USER: decode_row_user,
    BALANCE: decode_row_balance,
    POSITION: decode_row_position,
    ORDER: decode_row_order,
    ALIAS: decode_row_alias,
    DECISION: decode_row_decision,
    EXECUTION: decode_row_seen,
    TRANSFER: decode_row_seen,
    WITHDRAWAL: decode_row_withdrawal,
    PLEDGE: decode_row_pledge,
    MARK: decode_row_mark,
    ALGORITHM: decode_row_algorithm,
    RECENT: decode_row_recent,
    BAND: decode_row_band,
    RESTRICTION: decode_row_restriction,
    RESULT: decode_row_result,
    HOLDINGS: decode_row_holdings,
    CONTROL: decode_control,
}


def decode_row(key: bytes, body: bytes) -> Row:
    """The row that `body` holds, by the kind of its key."""
    decode = _DECODERS.get(key[:1])
    if decode is None:
        raise InvariantViolated("a stored key of no known kind")
    return decode(body)


def encode_row(row: Row) -> bytes:  # noqa: C901 -- a line for each kind of row
    """The Avro body of a row."""
    if isinstance(row, RowUser):
        return encode_row_user(row)
    if isinstance(row, RowBalance):
        return encode_row_balance(row)
    if isinstance(row, RowPosition):
        return encode_row_position(row)
    if isinstance(row, RowOrder):
        return encode_row_order(row)
    if isinstance(row, RowAlias):
        return encode_row_alias(row)
    if isinstance(row, RowDecision):
        return encode_row_decision(row)
    if isinstance(row, RowSeen):
        return encode_row_seen(row)
    if isinstance(row, RowWithdrawal):
        return encode_row_withdrawal(row)
    if isinstance(row, RowPledge):
        return encode_row_pledge(row)
    if isinstance(row, RowMark):
        return encode_row_mark(row)
    return _encode_other_row(row)


def _encode_other_row(row: CheckRow | Control) -> bytes:
    if isinstance(row, Control):
        return encode_control(row)
    if isinstance(row, RowAlgorithm):
        return encode_row_algorithm(row)
    if isinstance(row, RowRecent):
        return encode_row_recent(row)
    if isinstance(row, RowBand):
        return encode_row_band(row)
    if isinstance(row, RowRestriction):
        return encode_row_restriction(row)
    if isinstance(row, RowResult):
        return encode_row_result(row)
    return encode_row_holdings(row)
