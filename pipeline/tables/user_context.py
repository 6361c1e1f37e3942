"""One user's risk context as people are shown it: the same from a worker as from the changelog.

Owns which rows of a lane belong to a user, and what of them is shown. Rows are committed ones, in
the bytes of the changelog; where they come from is the caller's. Money in minor units, quantities
in lots. The rows of aliases are left out: an order's own row names all that lead to it. Never on
the hot path.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.rendering import Row, row_key, row_to_json
from pipeline.risk import keys
from pipeline.risk.keys import part

USER_BYTES_MAX: Final = 64
DECISIONS_SHOWN: Final = 10
# What is bounded by limits and is shown whole: account, money, pledges, positions, orders,
# withdrawals.
_HELD_KINDS: Final = (
    *(keys.USER, keys.BALANCE, keys.PLEDGE),
    *(keys.POSITION, keys.ORDER, keys.WITHDRAWAL),
)
# What is remembered for a window of time, and may be much.
_REMEMBERED_KINDS: Final = (keys.DECISION, keys.EXECUTION, keys.TRANSFER)
HELD_ROWS_MAX: Final = 100_000
REMEMBERED_ROWS_MAX: Final = 10_000

Scan = Callable[[bytes, int], list[tuple[bytes, bytes]]]


class UnreadableRowError(Exception):
    """A row that this version cannot read; the text says so."""


@dataclass
class UserContext:
    """The rows of one user and the head of its lane, by key, as bytes.

    `complete` is False when more ids are remembered than were looked at.
    """

    user_id: str
    lane: int
    rows: dict[bytes, bytes] = field(default_factory=dict)
    head: bytes | None = None
    complete: bool = True

    def owns(self, key: bytes) -> bool:
        """Whether the row under `key` is this user's."""
        owner = part(self.user_id)
        kinds = _HELD_KINDS + _REMEMBERED_KINDS
        return key[:1] in kinds and key[1 : 1 + len(owner)] == owner

    def collect(self, scan: Scan) -> None:
        """Take the user's rows and the lane's head; `scan(prefix, rows_max)` reads in key order."""
        owner = part(self.user_id)
        for kind in _HELD_KINDS:
            self.rows.update(scan(kind + owner, HELD_ROWS_MAX))
        for kind in _REMEMBERED_KINDS:
            found = scan(kind + owner, REMEMBERED_ROWS_MAX)
            self.rows.update(found)
            self.complete = self.complete and len(found) < REMEMBERED_ROWS_MAX
        self.head = dict(scan(keys.GATE, 1)).get(keys.GATE)


def describe(context: UserContext) -> dict[str, Any]:
    """The JSON form of a user's rows, with the ids of their keys. Raises UnreadableRowError."""
    rows = _Rows(context.rows)
    users = rows.of_kind(keys.USER)
    head = None if context.head is None else _read(keys.GATE, context.head).record
    return {
        "user_id": context.user_id,
        "lane": context.lane,
        "lane_sequence": head and head["lane_sequence"],
        "gate_time": head and head["gate_time"],
        "user": users[0].record if users else None,
        "balances": [_balance(row, rows) for row in rows.of_kind(keys.BALANCE)],
        "pledges": [
            {"covered_currency": row.key[1], "pledged_currency": row.key[2], **row.record}
            for row in rows.of_kind(keys.PLEDGE)
        ],
        "positions": [_position(row) for row in rows.of_kind(keys.POSITION)],
        "working_orders": [_working(row) for row in rows.of_kind(keys.ORDER)],
        "pending_withdrawals": [
            {"withdrawal_id": row.key[1], **row.record} for row in rows.of_kind(keys.WITHDRAWAL)
        ],
        "last_decisions": _last_decisions(rows),
        "remembered": {
            "decisions": rows.count(keys.DECISION),
            "executions": rows.count(keys.EXECUTION),
            "transfers": rows.count(keys.TRANSFER),
            "complete": context.complete,
        },
    }


class _Rows:
    """A user's rows, read when they are asked for."""

    def __init__(self, rows: Mapping[bytes, bytes]) -> None:
        self._rows: Final = rows

    def of_kind(self, kind: bytes) -> list[Row]:
        """The rows of one kind, in key order."""
        return [_read(key, body) for key, body in sorted(self._rows.items()) if key[:1] == kind]

    def count(self, kind: bytes) -> int:
        """How many rows there are of one kind."""
        return sum(key[:1] == kind for key in self._rows)


def _read(key: bytes, body: bytes) -> Row:
    try:
        return row_to_json(key, body)
    except MalformedAvro as error:
        name = row_key(key)[0]
        raise UnreadableRowError(
            f"a {name} cannot be read ({error}): was it written by a newer version of Tollgate?"
        ) from error


def _balance(row: Row, rows: _Rows) -> dict[str, Any]:
    """Money in one currency, and what the held part is held for."""
    currency, record = row.key[1], row.record
    free = record["cash_minor"] - record["held_minor"] - record["pledged_minor"]
    return {
        "currency": currency,
        "available_minor": free + record["covered_minor"],
        "orders_held_minor": sum(
            order.record["hold_minor"]
            for order in rows.of_kind(keys.ORDER)
            if order.record["hold_currency"] == currency
        ),
        "margin_held_minor": sum(
            position.record["margin_minor"]
            for position in rows.of_kind(keys.POSITION)
            if position.record["margin_currency"] == currency
        ),
        **record,
    }


def _position(row: Row) -> dict[str, Any]:
    """A position, with the average price of what is open where cost is kept (futures)."""
    record = row.record
    lots, cost_e9 = record["position_lots"], record["open_cost_e9"]
    average = None if lots == 0 or cost_e9 == 0 else round(Fraction(cost_e9, lots))
    return {"instrument_id": row.key[1], "average_price_e9": average, **record}


def _working(row: Row) -> dict[str, Any]:
    """A working order, with what can still be filled: by either version of a pending REPLACE."""
    record = row.record
    total = record["final_lots"]
    if total is None:
        total = max(record["quantity_lots"], record["pending_quantity_lots"])
    open_lots = max(total - record["filled_lots"], 0)
    return {"order_id": row.key[1], "open_lots": open_lots, **record}


def _last_decisions(rows: _Rows) -> list[dict[str, Any]]:
    """The newest answers first: of orders that hold something, and of those that do not."""
    answers = [
        {
            "order_id": row.key[1],
            "lane_sequence": row.record["lane_sequence"],
            "verdict": row.record.get("verdict", "ACCEPTED"),
            "reason_code": row.record.get("reason_code", "ACCEPTED"),
            "working": row.name == "row_order",
            "root_order_id": row.record.get("root_order_id"),
        }
        for row in rows.of_kind(keys.ORDER) + rows.of_kind(keys.DECISION)
    ]
    answers.sort(key=lambda answer: answer["lane_sequence"], reverse=True)
    return answers[:DECISIONS_SHOWN]
