"""`tollgate worker`: decide orders until SIGTERM."""

import os

import click

from pipeline.fatal import stop_worker
from pipeline.settings import SettingsError


@click.command("worker")
@click.option("--worker-id", help="Stable identity of this worker; default: the host name.")
@click.option("--data-dir", type=click.Path(), help="Where its RocksDB lies; one worker each.")
def command(worker_id: str | None, data_dir: str | None) -> None:
    r"""Decide orders: run a worker until SIGTERM.

    A worker joins the group, restores its lanes, and decides. Start more of them, each with its own
    --worker-id and --data-dir, and the lanes are shared among them.

    \b
    Examples:
      tollgate worker
      tollgate worker --worker-id w2 --data-dir var/w2
      KAFKA_BOOTSTRAP=kafka:9092 TOLLGATE_METRICS_PORT=9464 tollgate worker

    Exit codes: 0 stopped as asked, 1 a setting is wrong, 70 stopped because going on could have
    been wrong (the log says why); start it again and it recovers.
    """
    if worker_id is not None:
        os.environ["TOLLGATE_WORKER_ID"] = worker_id
    if data_dir is not None:
        os.environ["TOLLGATE_DATA_DIR"] = data_dir
    # Faust's worker reads the module's app; the settings above must be in place before.
    from faust import Worker  # noqa: PLC0415 -- slow, and only this command needs it

    try:
        from pipeline.app import app  # noqa: PLC0415 -- builds the app from the environment
    except SettingsError as error:
        raise click.ClickException(str(error)) from error

    worker = Worker(app, loglevel=app.settings.log_level, redirect_stdouts=False, quiet=True)
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:
            # Faust says 1 of any crash, as of a broker that went away while it was joining.
            stop_worker("Faust crashed: is the broker up?", worker.crash_reason)
        raise
