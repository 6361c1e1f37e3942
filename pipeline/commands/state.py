"""`tollgate state`: show what the gate knows of a user."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.rendering import Row, row_to_json
from pipeline.risk import keys
from pipeline.risk.keys import part
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError
from pipeline.streaming.topic_reader import partition_count, read_topic
from pipeline.topics import RISK_CONTEXTS_CHANGELOG

DECISIONS_SHOWN: Final = 10
_USER_BYTES_MAX: Final = 64
# Kinds of row whose key has the user first.
_USER_KINDS: Final = (
    keys.USER
    + keys.BALANCE
    + keys.POSITION
    + keys.ORDER
    + keys.DECISION
    + keys.EXECUTION
    + keys.TRANSFER
    + keys.WITHDRAWAL
)


@click.command(short_help="Show what the gate knows of a user.")
@click.argument("user_id", metavar="USER")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, user_id: str, as_json: bool) -> None:
    """Show account, money, positions, working orders and last decisions of USER.

    Read from the committed changelog of the user's lane, which takes as long as the lane has rows;
    no worker is asked, none needs to run. Money in minor units, quantities in lots.

    \b
    Examples:
      tollgate state alice
      tollgate state alice --json | jq '.balances[] | {currency, available_minor}'

    Exit codes: 0 shown, 1 unknown user or Kafka not reachable, 2 wrong usage.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    if not 1 <= len(user_id.encode()) <= _USER_BYTES_MAX:
        raise click.BadParameter("1 to 64 bytes of UTF-8", param_hint="USER")
    try:
        context = _read(Settings.load(), user_id)
    except (SettingsError, TopicError) as error:
        raise click.ClickException(str(error)) from error
    if not context.rows:
        raise click.ClickException(
            f"lane {context.lane} knows nothing of user {user_id!r}: neither a control record nor "
            "money nor a fill has arrived, or no worker has decided yet"
        )
    described = describe(context)
    if as_json:
        click.echo(json.dumps(described, ensure_ascii=False))
    else:
        _show(described)


@dataclass
class Context:
    """The rows of one user, by key, and the head of its lane (None before its first commit)."""

    user_id: str
    lane: int
    rows: dict[bytes, Row] = field(default_factory=dict)
    head: dict[str, Any] | None = None

    def of_kind(self, name: str, kind: bytes | None = None) -> list[Row]:
        """The rows of one schema (and kind of key), in key order."""
        return [
            row
            for key, row in sorted(self.rows.items())
            if row.name == name and kind in {None, key[:1]}
        ]


def _read(settings: Settings, user_id: str) -> Context:
    topic = settings.topic(RISK_CONTEXTS_CHANGELOG.name)
    lane = partition_of(user_id.encode(), partition_count(settings, topic))
    context = Context(user_id, lane)
    owner = part(user_id)
    for message in read_topic(settings, topic, [lane]):
        key, value = message.key() or b"", message.value()
        if key == keys.GATE and value is not None:
            context.head = _row(key, value).record
        elif key[:1] in _USER_KINDS and key[1 : 1 + len(owner)] == owner:
            if value is None:
                context.rows.pop(key, None)
            else:
                context.rows[key] = _row(key, value)
    return context


def _row(key: bytes, value: bytes) -> Row:
    try:
        return row_to_json(key, value)
    except MalformedAvro as error:
        raise TopicError(
            f"the changelog has a row that cannot be read ({error}): was it written by a newer "
            "version of Tollgate?"
        ) from error


def describe(context: Context) -> dict[str, Any]:
    """What is shown: the JSON form of the user's rows, with the ids of their keys."""
    users = context.of_kind("row_user")
    return {
        "user_id": context.user_id,
        "lane": context.lane,
        "lane_sequence": context.head and context.head["lane_sequence"],
        "gate_time": context.head and context.head["gate_time"],
        "user": users[0].record if users else None,
        "balances": [_balance(row) for row in context.of_kind("row_balance")],
        "positions": [
            {"instrument_id": row.key[1], **row.record} for row in context.of_kind("row_position")
        ],
        "working_orders": [_working(row) for row in context.of_kind("row_order")],
        "pending_withdrawals": [
            {"withdrawal_id": row.key[1], **row.record} for row in context.of_kind("row_withdrawal")
        ],
        "last_decisions": _last_decisions(context),
        "remembered": {
            "decisions": len(context.of_kind("row_decision")),
            "executions": len(context.of_kind("row_seen", keys.EXECUTION)),
            "transfers": len(context.of_kind("row_seen", keys.TRANSFER)),
        },
    }


def _balance(row: Row) -> dict[str, Any]:
    available = row.record["cash_minor"] - row.record["held_minor"]
    return {"currency": row.key[1], "available_minor": available, **row.record}


def _working(row: Row) -> dict[str, Any]:
    record = row.record
    quantity = record["quantity_lots"] if record["final_lots"] is None else record["final_lots"]
    open_lots = max(quantity - record["filled_lots"], 0)
    return {"order_id": row.key[1], "open_lots": open_lots, **record}


def _last_decisions(context: Context) -> list[dict[str, Any]]:
    """The newest answers first: of orders that hold something, and of those that do not."""
    answers = [
        {
            "order_id": row.key[1],
            "lane_sequence": row.record["lane_sequence"],
            "verdict": row.record.get("verdict", "ACCEPTED"),
            "reason_code": row.record.get("reason_code", "ACCEPTED"),
            "working": row.name == "row_order",
        }
        for row in context.of_kind("row_order") + context.of_kind("row_decision")
    ]
    answers.sort(key=lambda answer: answer["lane_sequence"], reverse=True)
    return answers[:DECISIONS_SHOWN]


def _show(described: dict[str, Any]) -> None:
    console = Console()
    console.print(Text(_headline(described)), style="bold")
    _table(
        console,
        "Money (minor units)",
        described["balances"],
        ("currency", "cash_minor", "held_minor", "available_minor", "fees_minor"),
    )
    _table(
        console,
        "Positions (lots)",
        described["positions"],
        ("instrument_id", "position_lots", "working_buy_lots", "working_sell_lots", "margin_minor"),
    )
    _table(
        console,
        "Working orders",
        described["working_orders"],
        ("order_id", "instrument_id", "side", "open_lots", "price_e9", "hold_minor"),
    )
    _table(
        console,
        "Pending withdrawals",
        described["pending_withdrawals"],
        ("withdrawal_id", "currency", "amount_minor", "gate_time"),
    )
    _table(
        console,
        f"Last decisions (at most {DECISIONS_SHOWN})",
        described["last_decisions"],
        ("lane_sequence", "order_id", "verdict", "reason_code"),
    )


def _headline(described: dict[str, Any]) -> str:
    head = f"{described['user_id']}  lane {described['lane']}"
    user = described["user"]
    if user is None:
        return head
    state = user["trading_state"]
    if user["deficit_count"] and state == "ACTIVE":
        state = "REDUCING (deficit)"
    if not user["registered"]:
        state = "not registered"
    counts = f"orders {user['orders_count']}, messages {user['messages_count']}"
    return f"{head}  {state}  tier {user['tier_id'] or '-'}  {counts}"


def _table(
    console: Console, title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]
) -> None:
    if not rows:
        return
    table = Table(*columns, title=title, title_justify="left", box=None)
    for row in rows:
        table.add_row(*(Text(str(row[column])) for column in columns))
    console.print()
    console.print(table)
