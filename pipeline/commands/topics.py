"""`tollgate topics`: create the topics, or list them as the code has them."""

import json
import sys

import click
from rich.console import Console
from rich.table import Table

from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError, create_topics, wanted_config
from pipeline.topics import ALL_TOPICS


@click.group(short_help="Create the topics, or list them as the code has them.")
def command() -> None:
    """Create the topics, or list them as the code has them.

    \b
    Examples:
      tollgate topics list
      tollgate topics list --json | jq '.[].name'
      KAFKA_BOOTSTRAP=kafka:9092 TOLLGATE_REPLICATION_FACTOR=3 tollgate topics create

    Exit codes: 0 done, 1 refused (the text says why), 2 wrong usage.
    """  # noqa: D301 - \b is click's mark for "do not wrap"


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print the created topics' names as JSON.")
def create(*, as_json: bool) -> None:
    """Create the topics which the broker lacks; those that are there stay as they are."""
    try:
        settings = Settings.load()
        created = create_topics(settings)
    except (SettingsError, TopicError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"created": created}))
        return
    for name in created:
        click.echo(f"created {name}: {settings.partitions} partitions")
    if not created:
        click.echo(f"all {len(ALL_TOPICS)} topics were there")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a topic.")
def list_topics(*, as_json: bool) -> None:
    """List the topics as the code has them; needs no broker."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    rows = [
        {
            "name": settings.topic(topic.name),
            "schema": topic.schema,
            "key": topic.key,
            "writer": topic.writer,
            "partitions": settings.partitions,
            "lane_input": topic.lane_input,
            "broadcast": topic.broadcast,
            "config": wanted_config(topic, settings),
        }
        for topic in ALL_TOPICS
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(str(row[name]) for name in ("name", "schema", "key", "writer")))
        return
    table = Table("Topic", "Schema", "Key", "Written by", box=None)
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("name", "schema", "key", "writer")))
    Console().print(table)
