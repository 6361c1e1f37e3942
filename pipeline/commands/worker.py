"""`tollgate worker`: decide orders until SIGTERM."""

import os

import click

from pipeline.fatal import stop_worker
from pipeline.local.cpus import usable_cpus
from pipeline.local.supervisor import supervise
from pipeline.settings import Settings, SettingsError
from pipeline.telemetry.logs import configure_logging

_PROCESSES_MAX = 256


@click.command("worker")
@click.option("--worker-id", help="Stable identity of this worker; default: the host name.")
@click.option("--data-dir", type=click.Path(), help="Where its RocksDB lies; one worker each.")
@click.option(
    "--processes",
    default=1,
    show_default=True,
    type=click.IntRange(1, _PROCESSES_MAX),
    help="Workers to run on this machine, at most one a lane.",
)
@click.option("--cpus", help="Cpus to run on, like 0-3,6; several workers share them. Linux only.")
def command(worker_id: str | None, data_dir: str | None, processes: int, cpus: str | None) -> None:
    """Decide orders: run a worker until SIGTERM.

    A worker joins the group, restores its lanes, and decides. Start more of them, each with its own
    --worker-id and --data-dir, and the lanes are shared among them.

    One worker decides on one cpu. --processes N runs N of them under one supervising process, with
    the ids ID-1 to ID-N, the directories DATA_DIR/process-1 to process-N, the metrics ports
    METRICS_PORT to METRICS_PORT + N - 1 (0: any free ones), and a share of --cpus each; fewer cpus
    than workers are shared round robin. A worker that ends with 70 or is killed is started again,
    after 1 second at first and 30 at most; one that was stopped as asked is not.

    \b
    Examples:
      tollgate worker
      tollgate worker --worker-id w2 --data-dir var/w2
      KAFKA_BOOTSTRAP=kafka:9092 TOLLGATE_METRICS_PORT=9464 tollgate worker
      tollgate worker --processes 4
      tollgate worker --processes 2 --cpus 0-3    # cpus 0 and 1 for one, 2 and 3 for the other

    Exit codes: 0 stopped as asked, 1 a setting is wrong, 2 wrong usage, 70 stopped because going on
    could have been wrong (the log says why); start it again and it recovers. With --processes: 0
    all stopped as asked, 1 a setting is wrong, 70 not all of them stopped within a minute.
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    if worker_id is not None:
        os.environ["TOLLGATE_WORKER_ID"] = worker_id
    if data_dir is not None:
        os.environ["TOLLGATE_DATA_DIR"] = data_dir
    try:
        place = None if cpus is None else usable_cpus(cpus)
        if processes > 1:
            settings = Settings.load()
            configure_logging(settings)
            raise SystemExit(supervise(settings, processes, place))
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    if place is not None:
        # Before there is a thread: threads that are there keep what they have.
        os.sched_setaffinity(0, place)
    _work()


def _work() -> None:
    # Faust's worker reads the module's app; the settings must be in place before.
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
