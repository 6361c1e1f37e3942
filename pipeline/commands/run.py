"""`tollgate run`: the main job from an empty directory to a verified summary."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from pipeline.audit.verify import VerifyResult, verify
from pipeline.codecs.registry import RegistryError
from pipeline.control.history import ControlError
from pipeline.local.broker import BrokerError, LocalBroker
from pipeline.local.processes import ManagedProcess, log_tail
from pipeline.market.config import ReplayConfig, ReplayConfigError, load_replay_config
from pipeline.market.documents import DocumentCount, await_documents
from pipeline.market.errors import ReplayError
from pipeline.market.messages import MarketDataError
from pipeline.market.progress import ReplayProgress
from pipeline.market.replay import Replay, ReplayPlan, ReplayResult
from pipeline.market.summary import summary_json, summary_table
from pipeline.settings import PROJECT_ROOT, Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError, create_topics

SAMPLE: Final = PROJECT_ROOT / "samples/esh4-glbx-mdp3-20231225.csv.zst"
_RUNS: Final = PROJECT_ROOT / "var/run"
_CONTROL: Final = PROJECT_ROOT / "config/control"
_WORKER: Final = "w1"
_WORKER_STOP_S_MAX: Final = 60
_DOCUMENTS_S_MAX: Final = 60
_LOG_LINES: Final = 30
_DAY_US: Final = 86_400_000_000


class _WorkerEndedError(RuntimeError):
    """The worker ended while it was needed."""


@dataclass(frozen=True)
class _Outcome:
    replayed: ReplayResult
    documents: DocumentCount
    verified: VerifyResult


class _Run:
    """One run's directory, settings and child processes, in the layout of `tollgate up`."""

    def __init__(self, settings: Settings, *, keep: bool) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self.directory: Final = _RUNS / f"{stamp}-{os.getpid()}"
        self.directory.mkdir(parents=True)
        self.log: Final = self.directory / f"{_WORKER}.log"
        self.owns_broker: Final = "KAFKA_BOOTSTRAP" not in os.environ
        self.settings = replace(
            settings, gate_clock="record", data_dir=str(self.directory / _WORKER)
        )
        self.keep = keep
        self._broker: Final = LocalBroker(self.directory / "kafka", detached=keep)
        self._worker: Final = ManagedProcess(self.directory / f"{_WORKER}.lock")

    def start_broker(self) -> None:
        if self.owns_broker:
            self._broker.start()
            self.settings = replace(self.settings, kafka_bootstrap=self._broker.bootstrap)

    def start_worker(self) -> None:
        env = {
            **os.environ,
            "KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "TOLLGATE_WORKER_ID": _WORKER,
            "TOLLGATE_GATE_CLOCK": self.settings.gate_clock,
            "TOLLGATE_DATA_DIR": self.settings.data_dir,
        }
        command = [sys.executable, "-m", "pipeline", "worker"]
        self._worker.start(
            command, log=self.log, env=env, directory=PROJECT_ROOT, detached=self.keep
        )

    def check_worker(self) -> None:
        if self._worker.pid is None:
            raise _WorkerEndedError("the worker has ended")

    def stop(self) -> None:
        """The worker first, so that it can commit and leave its group."""
        self._worker.stop(_WORKER_STOP_S_MAX)
        if self.owns_broker:
            self._broker.stop()

    def delete_data(self) -> None:
        """Logs and summary stay; the evidence of a run that went well can be made again."""
        shutil.rmtree(self.directory / _WORKER, ignore_errors=True)
        shutil.rmtree(self.directory / "kafka", ignore_errors=True)


@click.command(
    short_help="Start a local Kafka and a worker, replay real orders, summarise, stop everything."
)
@click.option(
    "--file",
    default=SAMPLE,
    type=click.Path(path_type=Path),
    help="The recording, see `tollgate replay --help`.  [default: the sample in samples/]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many messages.")
@click.option("--keep", is_flag=True, help="Leave Kafka and the worker running when all went well.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def command(*, file: Path, limit: int | None, keep: bool, as_json: bool) -> None:
    """Start Kafka and a worker, replay real orders, verify the audit, print a summary, stop.

    Everything lies in a new directory under var/run. With KAFKA_BOOTSTRAP set, that Kafka is used
    and none is started; its topics must hold nothing later than the recording.

    \b
    Examples:
      tollgate run
      tollgate run --limit 12000 --json | jq .rejected_by_reason
      tollgate run --file esh4.mbo.dbn.zst --keep
      KAFKA_BOOTSTRAP=kafka:9092 TOLLGATE_TOPIC_PREFIX=try1- TOLLGATE_APP_ID=try1 tollgate run

    Exit codes: 0 every order was decided, the audit verified and the reports written; 1 not (the
    text says what); 2 wrong usage; 130 and 143 stopped by Ctrl-C or SIGTERM.
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        settings, config = Settings.load(), load_replay_config()
    except (SettingsError, ReplayConfigError) as error:
        raise click.ClickException(str(error)) from error
    run = _Run(settings, keep=keep)
    with _stopping(run):
        outcome = _work(run, config, ReplayPlan(file, limit, control=_CONTROL))
        found = _json(run, outcome)
        (run.directory / "summary.json").write_text(json.dumps(found, indent=2) + "\n")
        if as_json:
            click.echo(json.dumps(found))
        else:
            _print(run, outcome)
        if not found["ok"]:
            sys.exit(1)
    if not run.keep:
        run.delete_data()


@contextmanager
def _stopping(run: _Run) -> Iterator[None]:
    """Stop what the run started, however it ends; say why when it did not end well."""
    try:
        yield
    except (
        BrokerError,
        TopicError,
        RegistryError,
        ControlError,
        MarketDataError,
        ReplayError,
        _WorkerEndedError,
    ) as error:
        run.keep = False
        tail = log_tail(run.log, _LOG_LINES)
        end = f"\n\nThe end of {_short(run.log)}:\n{tail}" if tail else ""
        raise click.ClickException(f"{error}{end}") from error
    except BaseException:
        run.keep = False
        raise
    finally:
        if not run.keep:
            _say("stopping")
            run.stop()


def _work(run: _Run, config: ReplayConfig, plan: ReplayPlan) -> _Outcome:
    _say(f"everything of this run lies in {_short(run.directory)}")
    _say("starting Kafka" if run.owns_broker else f"using Kafka at {run.settings.kafka_bootstrap}")
    run.start_broker()
    create_topics(run.settings)
    _say("starting a worker")
    run.start_worker()
    replay = Replay(run.settings, config, plan, check=run.check_worker)
    with ReplayProgress(replay.survey.messages) as progress:
        replayed = replay.run(progress.update)
    _say("waiting for the reports")
    day = replay.survey.last_us // _DAY_US
    documents = await_documents(
        run.settings, config.tenants, day, _DOCUMENTS_S_MAX, run.check_worker
    )
    _say("verifying the audit")
    return _Outcome(replayed, documents, verify(run.settings))


def _json(run: _Run, outcome: _Outcome) -> dict[str, Any]:
    return {
        "ok": outcome.verified.ok and not outcome.documents.missing,
        **summary_json(outcome.replayed),
        "reports": asdict(outcome.documents),
        "verify": asdict(outcome.verified),
        "directory": str(run.directory),
    }


def _print(run: _Run, outcome: _Outcome) -> None:
    verified, documents = outcome.verified, outcome.documents
    table = summary_table(outcome.replayed)
    held = ", ".join(_money(*item) for item in sorted(verified.open_holds_minor.items()))
    table.add_row("Open holds", f"{verified.open_holds_count:,} working orders, {held} held")
    table.add_row(
        "Conservation",
        "every account's money and holds add up at every input"
        if verified.conservation_ok
        else "BROKEN",
    )
    table.add_row(
        "Audit",
        f"{verified.records:,} records in {verified.lanes} lanes, {verified.replayed:,} replayed: "
        f"{verified.differences:,} differences; {'verified' if verified.ok else 'NOT VERIFIED'}",
    )
    lacking = f"; none for {', '.join(documents.missing)}" if documents.missing else ""
    table.add_row(
        "Reports", f"{documents.documents:,} documents of {documents.events:,} events{lacking}"
    )
    console = Console()
    console.print(table)
    for problem in verified.problems:
        console.print(f"problem: {problem}", style="red")
    console.print(f"\n{_where_to_look_next(run)}", highlight=False, soft_wrap=True)


def _where_to_look_next(run: _Run) -> str:
    user = "ACC-0001"
    commands = (
        f"  tollgate state {user}\n"
        "  tollgate consume decisions --from-start --until-idle 5 --json | head\n"
        "  tollgate consume regulatory-reports --from-start --until-idle 5 --json | head\n"
        "  tollgate verify --json\n"
    )
    if run.keep:
        stop = f"  tollgate down --wipe --directory {_short(run.directory)}"
        return (
            "Kafka and the worker keep running. Look around:\n"
            f"  export KAFKA_BOOTSTRAP={run.settings.kafka_bootstrap}\n{commands}Stop them:\n{stop}"
        )
    return (
        f"The summary and the logs stay in {_short(run.directory)}. To look around in what the "
        "gate has written:\n"
        f"  tollgate run --keep    # leaves Kafka running; then\n{commands}"
        "The guarantees in plain words: README.md"
    )


def _money(currency: str, minor: int) -> str:
    """Dollars and cents; another currency's minor units as they are."""
    if currency != "USD":
        return f"{minor:,} minor units of {currency}"
    return f"USD {minor // 100:,}.{minor % 100:02d}"


def _short(path: Path) -> Path:
    return path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path


def _say(text: str) -> None:
    click.echo(text, err=True)
