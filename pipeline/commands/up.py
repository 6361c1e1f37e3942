"""`tollgate up`: a Kafka, workers and a venue that keep running, to play with by hand."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from pipeline.commands.venue import READY
from pipeline.control.history import ControlError
from pipeline.control.publisher import apply_directory
from pipeline.local.broker import BrokerError
from pipeline.local.stack import DEFAULT_DIRECTORY, LocalStack, StackError
from pipeline.settings import PROJECT_ROOT, Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError, create_topics

# So that somebody who is alone here sees his orders filled.
_VENUE_OPTIONS: Final = ("--quote-around-mark", "--json")


@click.command(short_help="Start a local Kafka, workers and a venue and leave them running.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--venue/--no-venue",
    "with_venue",
    default=True,
    help="Whether the reference venue answers accepted orders.  [default: it does]",
)
@click.option(
    "--directory",
    default=DEFAULT_DIRECTORY,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where data, logs and state.json are kept.  [default: var/local]",
)
def command(*, workers: int, with_venue: bool, directory: Path) -> None:
    """Start Kafka, workers and a venue, create topics, publish config/control, leave all running.

    What runs already is left alone; another number of workers adds some or stops the last ones.
    The venue is `tollgate venue --quote-around-mark`; --no-venue stops it, for your own or by hand.
    With KAFKA_BOOTSTRAP set, that Kafka is used and none is started. `tollgate down` stops it all.

    \b
    Examples:
      tollgate up
      tollgate up --workers 3
      tollgate up --no-venue && tollgate venue --race 0.2 --bust 0.01
      KAFKA_BOOTSTRAP=kafka:9092 tollgate up
      TOLLGATE_GATE_CLOCK=record tollgate up    # for tollgate replay FILE --control config/control

    Exit codes: 0 all runs, 1 something did not start (the text says why), 2 wrong usage.
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    stack = LocalStack(directory.resolve())
    try:
        settings = _settings(stack)
        created = create_topics(settings)
        click.echo(f"topics: {len(created)} created" if created else "topics: all there")
        if settings.gate_clock == "record":
            # Stamped now, the definitions would move the lanes' time past any recording.
            click.echo("control: none, a replay brings its own (tollgate replay --control)")
        else:
            applied = apply_directory(settings, PROJECT_ROOT / "config/control")
            click.echo(f"control: {applied.published} published, {applied.unchanged} were in force")
        stack.scale(settings, workers)
        _venue(stack, settings, wanted=with_venue)
        stack.write_state(settings.kafka_bootstrap)
    except (SettingsError, BrokerError, TopicError, ControlError, StackError) as error:
        raise click.ClickException(str(error)) from error
    _print_how_to_talk_to_it(stack, settings)


def _settings(stack: LocalStack) -> Settings:
    settings = Settings.load()
    if "KAFKA_BOOTSTRAP" in os.environ:
        click.echo(f"kafka: {settings.kafka_bootstrap} (from KAFKA_BOOTSTRAP)")
        return settings
    click.echo("kafka: starting, a few seconds ...")
    settings = replace(settings, kafka_bootstrap=stack.start_broker())
    click.echo(f"kafka: {settings.kafka_bootstrap}, pid {stack.broker.pid}")
    return settings


def _venue(stack: LocalStack, settings: Settings, *, wanted: bool) -> None:
    if wanted and settings.gate_clock != "record":
        stack.start_venue(settings, _VENUE_OPTIONS, READY)
        click.echo(f"venue: pid {stack.venue_pid}, log {_short(stack.log('venue'))}")
    elif wanted:
        click.echo("venue: none, a replay brings its own")
    elif stack.stop_venue():
        click.echo("venue: stopped")


def _print_how_to_talk_to_it(stack: LocalStack, settings: Settings) -> None:
    for name, pid in stack.workers().items():
        click.echo(f"worker {name}: pid {pid}, log {_short(stack.log(name))}")
    click.echo(
        f"\nTalk to it:\n"
        f"  export KAFKA_BOOTSTRAP={settings.kafka_bootstrap}\n"
        f"{_token_export(stack, settings)}"
        f"  tollgate doctor\n"
        f"  tollgate consume decisions --from-start\n"
        f"Stop it:\n"
        f"  tollgate down"
    )


def _token_export(stack: LocalStack, settings: Settings) -> str:
    """Where the token of the workers is, unless the settings say so already."""
    if not stack.has_own_token(settings):
        return ""
    return f"  export TOLLGATE_STATE_TOKEN_FILE={stack.token_file}\n"


def _short(path: Path) -> Path:
    return path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path
