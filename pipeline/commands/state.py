"""`tollgate state`: show what the gate knows of a user."""

import json
import sys
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

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
_PRICE_UNIT: Final = 10**9
_PIPE_COLUMNS: Final = 200
# A user the gate has met has something of these.
_KNOWN_BY: Final = ("user", "balances", "positions", "working_orders", "last_decisions")

_MONEY: Final = (
    ("cash", "cash_minor"),
    ("held", "held_minor"),
    ("  by orders", "orders_held_minor"),
    ("  as margin", "margin_held_minor"),
    ("  by withdrawals", "pending_withdrawals_minor"),
    ("available", "available_minor"),
    ("fees paid", "fees_minor"),
)
_POSITIONS: Final = (
    ("instrument", "instrument_id"),
    ("position", "position_lots"),
    ("working buys", "working_buy_lots"),
    ("working sells", "working_sell_lots"),
    ("margin", "margin_minor"),
    ("currency", "margin_currency"),
)
_ORDERS: Final = (
    ("order", "order_id"),
    ("instrument", "instrument_id"),
    ("side", "side"),
    ("open", "open_lots"),
    ("of", "quantity_lots"),
    ("price", "price_e9"),
    ("held", "hold_minor"),
    ("currency", "hold_currency"),
)
_WITHDRAWALS: Final = (
    ("withdrawal", "withdrawal_id"),
    ("currency", "currency"),
    ("amount", "amount_minor"),
    ("since", "gate_time"),
)
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

    The worker that holds the user's lane is found through the consumer group and asked, which is
    quick; it wants the token (state_token, state_token_file). Without a worker or a token the
    committed changelog of the lane is read, which takes as long as the lane has rows and needs no
    worker. The answer names which of the two it is from. Money in minor units, quantities in lots.

    \b
    Examples:
      tollgate state alice
      tollgate state alice --from changelog
      tollgate state alice --json | jq '.balances[] | {currency, available_minor}'

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
    for title, rows, columns in (
        ("Positions (lots)", "positions", _POSITIONS),
        ("Working orders", "working_orders", _ORDERS),
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


def _table(
    console: Console,
    title: str,
    rows: list[dict[str, Any]],
    columns: tuple[tuple[str, str], ...],
) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=None)
    for heading, name in columns:
        number = _is_number(rows[0][name])
        # Ids may be folded where the terminal is narrow, figures may not.
        table.add_column(
            heading, justify="right" if number else "left", no_wrap=number, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(_text(name, row[name])) for _, name in columns))
    console.print()
    console.print(table)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(name: str, value: Any) -> str:
    """A cell: whole numbers in groups of three, prices as decimals."""
    if name == "price_e9" and _is_number(value):
        whole, fraction = divmod(abs(value), _PRICE_UNIT)
        decimals = f"{fraction:09}".rstrip("0")
        return f"{'-' if value < 0 else ''}{whole:,}" + (f".{decimals}" if decimals else "")
    if _is_number(value) and name != "lane_sequence":
        return f"{value:,}"
    return "-" if value is None else str(value)
