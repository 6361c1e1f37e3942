"""`tollgate verify`: re-read the audit topic and prove it."""

import json
import sys
from dataclasses import asdict

import click
from rich.console import Console

from pipeline.audit.verify import VerifyResult, verify
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError


@click.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, as_json: bool) -> None:
    """Re-read the audit topic, check its chains, and replay it bit for bit.

    Every lane's records must follow one another without a gap, each carrying the hash of the one
    before; the core, given the recorded inputs, must come to the very same bytes; the decisions
    topic must say what the audit says; and the money must add up after every input.

    \b
    Examples:
      tollgate verify
      tollgate verify --json | jq .problems

    Exit codes: 0 all proved, 1 not all proved (the problems say why), 2 wrong usage or Kafka not
    reachable.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    console = Console(stderr=True)
    try:
        settings = Settings.load()
        if console.is_terminal and not as_json:
            with console.status("reading the audit") as status:
                result = verify(settings, lambda n: status.update(f"{n:,} records verified"))
        else:
            result = verify(settings)
    except (SettingsError, TopicError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(asdict(result)))
    else:
        _show(result)
    sys.exit(0 if result.ok else 1)


def _show(result: VerifyResult) -> None:
    verdict = "verified" if result.ok else "NOT VERIFIED"
    click.echo(
        f"{verdict}: {result.records:,} records in {result.lanes} lanes, "
        f"{result.replayed:,} replayed, {result.differences:,} differences, "
        f"money {'adds up' if result.conservation_ok else 'DOES NOT ADD UP'}"
    )
    if result.unknown_core:
        click.echo(f"  {result.unknown_core:,} records need a release with another core")
    for problem in result.problems:
        click.echo(f"  {problem}")
