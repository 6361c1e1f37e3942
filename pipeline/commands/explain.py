"""`tollgate explain`: the story of an order, from the audit topic alone."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from types import TracebackType
from typing import Final, Self

import click
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pipeline.audit.recorded import audit_body
from pipeline.audit.story import Layout, SeveralUsersError, Step, Story, UnknownOrderError, explain
from pipeline.audit.story_json import story_to_json
from pipeline.audit.story_words import (
    BAD,
    GOOD,
    ODD,
    PLAIN,
    Line,
    check_lines,
    ending,
    lines,
    place,
    standing,
)
from pipeline.codecs.registry import RegistryError, schema_ids
from pipeline.risk.records import Decision
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError, admin_client
from pipeline.streaming.topic_reader import partition_count, read_topic
from pipeline.topics import AUDIT, LANE_INPUTS

_ID_BYTES_MAX: Final = 64
_PIPE_COLUMNS: Final = 200
_ANSWER_S_MAX: Final = 30.0
_SHOW_EVERY: Final = 500
_STYLES: Final = {GOOD: "green", BAD: "red", ODD: "yellow", PLAIN: ""}
_OUTCOME_STYLES: Final = {
    "FAIL": "red",
    "EXEMPT": "yellow",
    "NOT_EVALUATED": "dim",
    "PASS": "green",
}
_INDENT: Final = "    "


@click.command(short_help="Tell the story of an order from the audit.")
@click.argument("order_id", metavar="ORDER_ID")
@click.option("--user", "user_id", metavar="USER", help="Whose order; else all lanes are searched.")
@click.option(
    "--no-replay", is_flag=True, help="Without what each step meant for the user: quicker."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, order_id: str, user_id: str | None, no_replay: bool, as_json: bool) -> None:
    """Tell what happened to the order that ORDER_ID leads to, from the audit topic alone.

    What was asked for, each check with what it saw, the limit and the headroom, what was held, the
    venue's reports, replaces, cancels, busts and corrections, and how the order ended; each with
    gate time, lane, sequence and the input's offset. Any id of the order will do: that of its NEW,
    of a REPLACE, of a CANCEL. The user's lane is replayed from its start to show the money and the
    position after each step. Money in minor units, quantities in lots, times in UTC.

    \b
    Examples:
      tollgate explain o-1
      tollgate explain o-1 --user alice
      tollgate explain o-1 --user alice --json | jq -r '.steps[] | .gate_time + " " + .text[0]'

    Exit codes: 0 told, 1 not found, of several users, or Kafka refused, 2 wrong usage.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    _require_id(order_id, "ORDER_ID")
    if user_id is not None:
        _require_id(user_id, "--user")
    try:
        settings = Settings.load()
        topic = settings.topic(AUDIT.name)
        layout = Layout(
            partition_count(settings, topic),
            [settings.topic(name.name) for name in LANE_INPUTS],
            schema_ids(settings),
        )
        bar = _Bar(settings, topic) if sys.stderr.isatty() else None
        reader = _Reader(settings, topic, layout, bar)
        with bar or nullcontext():
            story = explain(
                layout,
                reader.read,
                order_id,
                user_id,
                replay=not no_replay,
                begin=None if bar is None else bar.begin,
            )
    except SeveralUsersError as error:
        raise click.ClickException(_whose(order_id, error)) from error
    except (SettingsError, RegistryError, TopicError, UnknownOrderError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(story_to_json(story), ensure_ascii=False))
    else:
        _show(story)


def _require_id(text: str, hint: str) -> None:
    if not 1 <= len(text.encode()) <= _ID_BYTES_MAX:
        raise click.BadParameter("1 to 64 bytes of UTF-8", param_hint=hint)


def _whose(order_id: str, error: SeveralUsersError) -> str:
    users = "".join(f"\n  --user {user}   (lane {lane})" for user, lane in error.users)
    return f"{len(error.users)} users have an order {order_id!r}: say whose it is{users}"


# -- reading


class _Reader:
    """Reads lanes of the audit topic from their start, committed records only."""

    def __init__(self, settings: Settings, topic: str, layout: Layout, bar: "_Bar | None") -> None:
        self._settings: Final = settings
        self._topic: Final = topic
        self._layout: Final = layout
        self._bar: Final = bar

    def read(self, lanes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """(lane, Avro body of an audit record)."""
        for count, message in enumerate(read_topic(self._settings, self._topic, lanes)):
            lane = message.partition() or 0
            if self._bar is not None and count % _SHOW_EVERY == 0:
                self._bar.reached(lane, message.offset() or 0)
            yield lane, audit_body(message.value(), self._layout.ids)


class _Bar:
    """How far the reading is, on stderr; a context manager."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings: Final = settings
        self._topic: Final = topic
        self._reached: dict[int, int] = {}
        self._bar: Final = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Final = self._bar.add_task("reading the audit", total=None)

    def __enter__(self) -> Self:
        """Show it."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take it away."""
        del kind, error, traceback
        self._bar.stop()

    def begin(self, what: str, lanes: Sequence[int]) -> None:
        """Another pass over some lanes."""
        self._reached = {}
        total = sum(self._ends(lanes).values())
        self._bar.reset(self._task, total=total, description=what)

    def reached(self, lane: int, offset: int) -> None:
        """A lane has been read so far."""
        self._reached[lane] = offset
        self._bar.update(self._task, completed=sum(self._reached.values()))

    def _ends(self, lanes: Sequence[int]) -> dict[int, int]:
        """The offset at which each lane ends now. Raises TopicError."""
        places = {TopicPartition(self._topic, lane): OffsetSpec.latest() for lane in lanes}
        client = admin_client(self._settings)
        try:
            futures = client.list_offsets(places, request_timeout=_ANSWER_S_MAX)
            return {place.partition: future.result().offset for place, future in futures.items()}
        except KafkaException as error:
            raise TopicError(f"{self._topic} cannot be read: {error.args[0].str()}") from error


# -- showing


def _show(story: Story) -> None:
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    console.print(Text(f"{story.root_id}  of {story.user_id}, lane {story.lane}"), style="bold")
    if len(story.ids) > 1:
        console.print(Text(f"ids: {', '.join(story.ids)}"))
    for number, step in enumerate(story.steps, start=1):
        console.print()
        console.print(Text(f"{number:>3} {place(step)}"), style="bold")
        _show_step(console, step)
    console.print()
    end = ending(story)
    if end is not None:
        console.print(Text(end), style="bold")
    if story.left_out is not None:
        console.print(Text(f"Money and position are left out: {story.left_out}."), style="yellow")
    for note in story.notes:
        console.print(Text(f"Note: {note}"), style="yellow")


def _show_step(console: Console, step: Step) -> None:
    for line in lines(step):
        _print(console, line, "")
    if step.decision is not None and step.decision.checks:
        _show_checks(console, step.decision)
    for line in standing(step):
        _print(console, line, "= ")


def _show_checks(console: Console, decision: Decision) -> None:
    rows = check_lines(decision)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(f"{_INDENT}check")
    table.add_column("")
    # Only a check that failed for another reason than its name says has more to tell.
    reasons = any(row.reason not in ("", row.check) for row in rows)
    if reasons:
        table.add_column("reason")
    for heading in ("observed", "limit", "headroom", "limit version"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(f"{_INDENT}{row.check}"),
            Text(row.outcome, style=_OUTCOME_STYLES[row.outcome]),
            *([Text(row.reason)] if reasons else []),
            *(Text(cell) for cell in (row.observed, row.limit, row.headroom, row.version)),
        )
    console.print(table)


def _print(console: Console, line: Line, mark: str) -> None:
    console.print(Text(f"{_INDENT}{mark}{line.text}", style=_STYLES[line.tone]))
