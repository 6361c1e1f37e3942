"""Rows of the risk-contexts table as bytes.

Owns which codec a key's kind has. Compiled with mypyc.
"""

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter
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
    write_control,
    write_row_algorithm,
    write_row_alias,
    write_row_balance,
    write_row_band,
    write_row_decision,
    write_row_holdings,
    write_row_mark,
    write_row_order,
    write_row_pledge,
    write_row_position,
    write_row_recent,
    write_row_restriction,
    write_row_result,
    write_row_seen,
    write_row_user,
    write_row_withdrawal,
)
from pipeline.lane.remembered_keys import REMEMBERED, RememberedKeys
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
    RowHoldings,
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
from pipeline.risk.state import InvariantViolated, Row, RowLoader

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

    def holds_kind(self, kind: bytes) -> bool:
        """Whether there may be a row whose key begins with a kind; asked for likewise."""
        del kind
        return True


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

    def holds_kind(self, kind: bytes) -> bool:
        """Whether there is a row whose key begins with a kind."""
        return any(key[:1] == kind for key in self.rows)

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
        stored = [kind for kind in REMEMBERED if source.holds_kind(kind)]
        self.remembered: Final = RememberedKeys(none_stored=not stored)

    def load(self, key: bytes) -> Row | None:
        """The row stored under `key`."""
        body = self.source.get(key)
        return None if body is None else decode_row(key, body)

    def may_hold(self, key: bytes) -> bool:
        """False: nothing that is remembered for a time was left under `key`, stored or not."""
        return self.remembered.may_hold(key)

    def note(self, key: bytes) -> None:
        """What is remembered for a time is left under `key`."""
        self.remembered.add(key)


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


# What an accepted order leaves as it is.
_RarerRow = (
    RowAlias
    | RowDecision
    | RowSeen
    | RowWithdrawal
    | RowPledge
    | RowMark
    | RowAlgorithm
    | RowBand
    | RowRestriction
    | RowResult
    | RowHoldings
    | Control
)


def decode_row(key: bytes, body: bytes) -> Row:
    """The row that `body` holds, by the kind of its key."""
    decode = _DECODERS.get(key[:1])
    if decode is None:
        raise InvariantViolated("a stored key of no known kind")
    return decode(body)


def write_row(w: BytesWriter, row: Row) -> None:
    """Append the Avro body of a row."""
    if isinstance(row, RowUser):
        write_row_user(w, row)
    elif isinstance(row, RowBalance):
        write_row_balance(w, row)
    elif isinstance(row, RowPosition):
        write_row_position(w, row)
    elif isinstance(row, RowOrder):
        write_row_order(w, row)
    elif isinstance(row, RowRecent):
        write_row_recent(w, row)
    else:
        _write_rarer_row(w, row)


def _write_rarer_row(w: BytesWriter, row: _RarerRow) -> None:  # noqa: C901 -- a line for each kind
    if isinstance(row, RowAlias):
        write_row_alias(w, row)
    elif isinstance(row, RowDecision):
        write_row_decision(w, row)
    elif isinstance(row, RowSeen):
        write_row_seen(w, row)
    elif isinstance(row, RowWithdrawal):
        write_row_withdrawal(w, row)
    elif isinstance(row, RowPledge):
        write_row_pledge(w, row)
    elif isinstance(row, RowMark):
        write_row_mark(w, row)
    elif isinstance(row, RowAlgorithm):
        write_row_algorithm(w, row)
    elif isinstance(row, RowBand):
        write_row_band(w, row)
    elif isinstance(row, RowRestriction):
        write_row_restriction(w, row)
    elif isinstance(row, RowResult):
        write_row_result(w, row)
    elif isinstance(row, Control):
        write_control(w, row)
    else:
        write_row_holdings(w, row)
