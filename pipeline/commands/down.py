"""`tollgate down`: stop what `tollgate up` started."""

from pathlib import Path

import click

from pipeline.local.stack import DEFAULT_DIRECTORY, LocalStack


@click.command(short_help="Stop what `up` started.")
@click.option(
    "--wipe", is_flag=True, help="Delete Kafka's data, the workers' and the logs as well."
)
@click.option(
    "--directory",
    default=DEFAULT_DIRECTORY,
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory that was given to `up`.  [default: var/local]",
)
def command(*, wipe: bool, directory: Path) -> None:
    """Stop the venue, the workers, then the local Kafka.

    Workers get SIGTERM and a minute to commit what they have; whatever still lives then is killed,
    which loses nothing. Data stays for the next `up` unless --wipe is given.

    \b
    Examples:
      tollgate down
      tollgate down --wipe
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    stack = LocalStack(directory.resolve())
    stopped = stack.stop()
    click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    if wipe:
        stack.wipe()
        click.echo(f"deleted {stack.directory}")
