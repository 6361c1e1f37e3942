"""`tollgate replay`: recorded market data as orders, fills and marks."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pipeline.codecs.registry import RegistryError
from pipeline.control.history import ControlError
from pipeline.market.config import DEFAULT_FILE, ReplayConfigError, load_replay_config
from pipeline.market.errors import ReplayError
from pipeline.market.excerpt import write_excerpt
from pipeline.market.messages import MarketDataError
from pipeline.market.progress import ReplayProgress
from pipeline.market.recordings import open_recording
from pipeline.market.replay import Replay, ReplayPlan
from pipeline.market.summary import summary_json, summary_table
from pipeline.settings import Settings, SettingsError

AS_FAST_AS_POSSIBLE = "as-fast-as-possible"


class _Speed(click.ParamType):
    name = "speed"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if value is None or value == AS_FAST_AS_POSSIBLE:
            return None
        try:
            factor = float(value)
        except ValueError:
            factor = 0.0
        if not factor > 0:
            self.fail(f"{value!r} is neither {AS_FAST_AS_POSSIBLE} nor above 0", param, ctx)
        return factor


@click.command(short_help="Publish recorded market data as orders, fills and marks.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--speed",
    type=_Speed(),
    metavar=f"{AS_FAST_AS_POSSIBLE}|FACTOR",
    help="1 is real time, 60 a minute a second; the opening book always comes at once."
    f"  [default: {AS_FAST_AS_POSSIBLE}]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many messages of FILE.")
@click.option(
    "--control",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Publish this directory's definitions first, at recorded time.",
)
@click.option(
    "--config",
    default=DEFAULT_FILE,
    type=click.Path(path_type=Path),
    help="Accounts, money and pace.  [default: config/replay.yaml]",
)
@click.option(
    "--export",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write FILE as a compact excerpt (.csv.zst) and publish nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(
    *,
    file: Path,
    speed: float | None,
    limit: int | None,
    control: Path | None,
    config: Path,
    export: Path | None,
    as_json: bool,
) -> None:
    """Publish FILE as orders, fills, marks and deposits, and wait for the gate's decisions.

    FILE is a Databento market-by-order file (.dbn, .dbn.zst) of one instrument, or an excerpt
    (.csv.zst). Every record carries its recorded time, so the workers must run with
    TOLLGATE_GATE_CLOCK=record, on topics that hold nothing later. A recorded modify is a REPLACE.
    What the gate rejects never reaches the venue: what the recording has of it is withheld and
    counted, so that all recorded volume is accounted for. FILE may be of any length: it is
    read as a stream.

    \b
    Examples:
      tollgate replay samples/esh4-glbx-mdp3-20231225.csv.zst --control config/control
      tollgate replay samples/esh4-glbx-mdp3-20231225.csv.zst --speed 60 --limit 12000
      tollgate replay esh4.mbo.dbn.zst --json | jq '.volume, .replaces_rejected_by_reason'
      tollgate replay esh4.mbo.dbn.zst --limit 30000 --export esh4.csv.zst

    Exit codes: 0 every request was decided, 1 the replay could not start or go on (the text says
    why), 2 wrong usage.
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    plan = ReplayPlan(file, limit, speed, control)
    try:
        if export is not None:
            _export(plan, export, as_json=as_json)
            return
        settings = Settings.load()
        replay = Replay(settings, load_replay_config(config), plan)
        with ReplayProgress(replay.survey.messages) as progress:
            result = replay.run(progress.update)
    except (
        SettingsError,
        RegistryError,
        ReplayConfigError,
        MarketDataError,
        ControlError,
        ReplayError,
    ) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(summary_json(result)))
    else:
        Console().print(summary_table(result))


def _export(plan: ReplayPlan, path: Path, *, as_json: bool) -> None:
    count = write_excerpt(open_recording(plan.file), path, plan.messages_max)
    size = path.stat().st_size
    if as_json:
        click.echo(json.dumps({"file": str(path), "messages": count, "bytes": size}))
    else:
        click.echo(f"wrote {path}: {count:,} messages, {size:,} bytes")
