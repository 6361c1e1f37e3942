"""`tollgate transactions`: what a broker's crash left without its end, and how it should end."""

import json
import sys
from dataclasses import asdict

import click

from pipeline.hanging.finish import UNKNOWN, Hanging, HangingError, find_hanging, finish
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError

_KAFKAS_OWN = (
    "kafka-transactions.sh --bootstrap-server BROKER abort --topic {topic} --partition {partition} "
    "--start-offset {first_offset}"
)


@click.command(short_help="List transactions that hang, and finish them.")
@click.option("--finish", "finishes", is_flag=True, help="Write the markers that are missing.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: {hanging: [...], finished: [...]}."
)
def command(*, finishes: bool, as_json: bool) -> None:
    """List transactions that hang, and finish them.

    A partition that has no leader while its transaction is being ended (the only broker killed and
    started again; all copies lost at once) can be left without the marker. Readers then stop there
    and its lanes wait. The outcome was decided before: it is read from the coordinator's log, and
    --finish commits what was committed and aborts what was aborted. Where that log no longer says,
    nothing is written. Harmless while workers run, and to repeat.

    \b
    Examples:
      tollgate transactions
      tollgate transactions --finish
      tollgate transactions --json | jq '.hanging[] | select(.outcome == "unknown")'

    Needs, where Kafka has access lists: Describe on the cluster and the topics, Read on
    __transaction_state, and ClusterAction for --finish.

    Exit codes: 0 nothing hangs (any more), 1 something does, 2 Kafka could not be asked.
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    try:
        settings = Settings.load()
        found = find_hanging(settings)
        done = finish(settings, found) if finishes else []
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except (HangingError, TopicError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    left = [one for one in found if one not in done]
    if as_json:
        answer = {"hanging": [*map(asdict, left)], "finished": [*map(asdict, done)]}
        click.echo(json.dumps(answer, indent=2))
    else:
        _print(left, done, advise=not finishes)
    sys.exit(1 if left else 0)


def _print(left: list[Hanging], done: list[Hanging], *, advise: bool) -> None:
    for one in done:
        click.echo(f"{one.outcome} written\t{_place(one)}")
    for one in left:
        click.echo(f"hangs, {one.outcome}\t{_place(one)}")
    if not left and not done:
        click.echo("nothing hangs")
    if advise and any(one.outcome != UNKNOWN for one in left):
        click.echo("finish them: tollgate transactions --finish")
    for one in left:
        if one.outcome == UNKNOWN:
            click.echo(f"if nothing of it may count: {_KAFKAS_OWN.format(**asdict(one))}")


def _place(one: Hanging) -> str:
    name = one.transactional_id or f"producer {one.producer_id}"
    return f"{one.topic} {one.partition} from offset {one.first_offset}\t{name}"
