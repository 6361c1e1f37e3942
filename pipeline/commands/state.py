"""`tollgate state`: show what the gate knows of a user."""

import json
import sys
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.audit.story_words import price_text
from pipeline.risk import keys
from pipeline.risk.partition import partition_of
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError
from pipeline.streaming.topic_reader import partition_count, read_topic
from pipeline.streaming.worker_client import NoAnswerError, ask_user
from pipeline.tables.user_context import (
    DECISIONS_SHOWN,
    USER_BYTES_MAX,
    UnreadableRowError,
    UserContext,
    describe,
)
from pipeline.topics import RISK_CONTEXTS_CHANGELOG

WORKER: Final = "worker"
CHANGELOG: Final = "changelog"
AUTO: Final = "auto"
# A rebalance and a cold restore should be over by then.
_WORKER_S_MAX: Final = 30.0
_PIPE_COLUMNS: Final = 200
# A user the gate has met has something of these.
_KNOWN_BY: Final = ("user", "balances", "positions", "working_orders", "last_decisions")

_MONEY: Final = (
    ("cash", "cash_minor"),
    ("held", "held_minor"),
    ("  by orders", "orders_held_minor"),
    ("  as margin", "margin_held_minor"),
    ("  by withdrawals", "pending_withdrawals_minor"),
    ("pledged", "pledged_minor"),
    ("covered", "covered_minor"),
    ("available", "available_minor"),
    ("fees paid", "fees_minor"),
)
_PLEDGES: Final = (
    ("pledged", "pledged_minor"),
    ("currency", "pledged_currency"),
    ("covers", "covered_minor"),
    ("currency", "covered_currency"),
)
_POSITIONS: Final = (
    ("instrument", "instrument_id"),
    ("position", "position_lots"),
    ("average price", "average_price_e9"),
    ("working buys", "working_buy_lots"),
    ("working sells", "working_sell_lots"),
    ("margin", "margin_minor"),
    ("currency", "margin_currency"),
    ("settled on", "settled_on"),
)
_ORDERS: Final = (
    ("order", "ids"),
    ("instrument", "instrument_id"),
    ("side", "side"),
    ("filled", "filled_of"),
    ("open", "open_lots"),
    ("price", "price_e9"),
    ("held", "held"),
    ("type", "type"),
    ("status", "status"),
)
# What a person can look through; JSON has all.
_ROWS_SHOWN: Final = 200
_WITHDRAWALS: Final = (
    ("withdrawal", "withdrawal_id"),
    ("currency", "currency"),
    ("amount", "amount_minor"),
    ("since", "gate_time"),
)
# Figures with words in them.
_FIGURES: Final = ("filled_of", "held")
_PRICES: Final = ("price_e9", "average_price_e9")
# How a position says that it was never settled by price: the day before 1970.
_NEVER_SETTLED: Final = "1969-12-31"
_DECISIONS: Final = (
    ("lane sequence", "lane_sequence"),
    ("order", "order_id"),
    ("verdict", "verdict"),
    ("reason", "reason_code"),
)


@click.command(short_help="Show what the gate knows of a user.")
@click.argument("user_id", metavar="USER")
@click.option(
    "--from",
    "source",
    type=click.Choice([AUTO, WORKER, CHANGELOG]),
    default=AUTO,
    show_default=True,
    help="Whom to ask.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, user_id: str, source: str, as_json: bool) -> None:
    """Show account, money, positions, working orders and last decisions of USER.

    Cash, held and available by currency, what the held part is held for, and what is pledged of one
    currency to cover what is needed in another; positions with average price and margin; working
    orders with all ids that lead to them, what is filled, open and held, and what is asked of the
    venue; pending withdrawals. What happened to an order before is told by `tollgate explain`.

    The worker that holds the user's lane is found through the consumer group and asked, which is
    quick; it wants the token (state_token, state_token_file). Without a worker or a token the
    committed changelog of the lane is read, which takes as long as the lane has rows and needs no
    worker. The answer names which of the two it is from. Money in minor units, quantities in lots.

    \b
    Examples:
      tollgate state alice
      tollgate state alice --from changelog
      tollgate state alice --json | jq '.balances[] | {currency, available_minor}'
      tollgate state alice --json | jq '.working_orders[] | select(.acknowledged | not)'

    Exit codes: 0 shown, 1 unknown user or nobody to ask, 2 wrong usage.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    if not 1 <= len(user_id.encode()) <= USER_BYTES_MAX:
        raise click.BadParameter("1 to 64 bytes of UTF-8", param_hint="USER")
    try:
        described = _described(Settings.load(), user_id, source)
    except (SettingsError, TopicError, UnreadableRowError, NoAnswerError) as error:
        raise click.ClickException(str(error)) from error
    if not any(described[name] for name in _KNOWN_BY):
        raise click.ClickException(
            f"lane {described['lane']} knows nothing of user {user_id!r}: neither a control record "
            "nor money nor a fill has arrived, or no worker has decided yet"
        )
    if as_json:
        click.echo(json.dumps(described, ensure_ascii=False))
    else:
        _show(described)


def _described(settings: Settings, user_id: str, source: str) -> dict[str, Any]:
    """The user's state, from whom `source` says."""
    if source != CHANGELOG:
        try:
            wait_s = _WORKER_S_MAX if source == WORKER else 0.0
            return ask_user(settings, user_id, wait_s=wait_s)
        except NoAnswerError as error:
            if source == WORKER:
                raise
            click.echo(f"Read from the changelog: {error}.", err=True)
    context = _read_changelog(settings, user_id)
    return {"source": CHANGELOG, "worker": None, "generation": None, **describe(context)}


def _read_changelog(settings: Settings, user_id: str) -> UserContext:
    topic = settings.topic(RISK_CONTEXTS_CHANGELOG.name)
    lane = partition_of(user_id.encode(), partition_count(settings, topic))
    context = UserContext(user_id, lane)
    for message in read_topic(settings, topic, [lane]):
        key, value = message.key() or b"", message.value()
        if key == keys.GATE and value is not None:
            context.head = value
        elif context.owns(key):
            if value is None:
                context.rows.pop(key, None)
            else:
                context.rows[key] = value
    return context


def _show(described: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
    console.print(Text(_headline(described)), style="bold")
    console.print(Text(_provenance(described)))
    _money(console, described["balances"])
    _table(console, "Pledges (minor units)", described["pledges"], _PLEDGES)
    _table(
        console, "Positions (lots)", [_position(row) for row in described["positions"]], _POSITIONS
    )
    _table(console, "Working orders", [_order(row) for row in described["working_orders"]], _ORDERS)
    for title, rows, columns in (
        ("Pending withdrawals", "pending_withdrawals", _WITHDRAWALS),
        (f"Last decisions (at most {DECISIONS_SHOWN})", "last_decisions", _DECISIONS),
    ):
        _table(console, title, described[rows], columns)


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


def _provenance(described: dict[str, Any]) -> str:
    source = described["source"]
    name = f"worker {described['worker']}" if source == WORKER else f"the {source}"
    return f"from {name}, as of lane sequence {described['lane_sequence']}"


def _money(console: Console, balances: list[dict[str, Any]]) -> None:
    """A line a figure, a column a currency."""
    if not balances:
        return
    table = Table(title="Money (minor units)", title_justify="left", box=None)
    table.add_column("")
    for balance in balances:
        table.add_column(balance["currency"], justify="right", no_wrap=True)
    for heading, name in _MONEY:
        table.add_row(heading, *(_text(name, balance[name]) for balance in balances))
    console.print()
    console.print(table)


def _position(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: a position that was never settled by price has no day."""
    settled = row["settled_on"]
    return row | {
        "settled_on": None if settled == _NEVER_SETTLED else settled,
        "margin_currency": row["margin_currency"] or None,
    }


def _order(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: all ids that lead to the order, and where it stands."""
    ids = [row["order_id"]]
    if row["current_order_id"] != row["order_id"]:
        ids.append(f"now {row['current_order_id']}")
    status = ["acknowledged" if row["acknowledged"] else "not acknowledged"]
    if row["pending_order_id"] is not None:
        ids.append(f"replace {row['pending_order_id']}")
        price = price_text(row["pending_price_e9"])
        status.append(f"replace by {row['pending_quantity_lots']:,} at {price} pending")
    if row["cancel_requested"]:
        status.append("cancel requested")
    if row["final_lots"] is not None:
        status.append("fills to come")
    kind = f"{row['order_type']} {row['time_in_force']}"
    if row["expires_at"] is not None:
        kind += f"\nuntil {row['expires_at']}"
    return row | {
        "ids": "\n".join(ids),
        "filled_of": f"{row['filled_lots']:,} of {row['quantity_lots']:,}",
        "held": f"{row['hold_minor']:,} {row['hold_currency']}",
        "type": kind,
        "status": "\n".join(status),
    }


def _table(
    console: Console,
    title: str,
    rows: list[dict[str, Any]],
    columns: tuple[tuple[str, str], ...],
) -> None:
    if not rows:
        return
    if len(rows) > _ROWS_SHOWN:
        title += f": {_ROWS_SHOWN} of {len(rows):,}, --json has all"
    table = Table(title=title, title_justify="left", box=None)
    for heading, name in columns:
        number = name in _FIGURES or any(_is_number(row.get(name)) for row in rows)
        # Ids may be folded where the terminal is narrow, figures may not.
        table.add_column(
            heading, justify="right" if number else "left", no_wrap=number, overflow="fold"
        )
    for row in rows[:_ROWS_SHOWN]:
        table.add_row(*(Text(_text(name, row.get(name))) for _, name in columns))
    console.print()
    console.print(table)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(name: str, value: Any) -> str:
    """A cell: whole numbers in groups of three, prices as decimals."""
    if name in _PRICES and _is_number(value):
        return price_text(value)
    if _is_number(value) and name != "lane_sequence":
        return f"{value:,}"
    return "-" if value is None else str(value)
