"""`tollgate venue`: answer accepted orders as a venue would."""

import json
import signal
import sys
from threading import Event
from typing import Final

import click

from pipeline.codecs.registry import RegistryError
from pipeline.fatal import EXIT_CODE
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError
from pipeline.venue.history import HistoryError
from pipeline.venue.quotes import Quoting
from pipeline.venue.service import VenueError, VenueService, VenueStoppedError
from pipeline.venue.switches import MILLION, Switches

# What `tollgate up` waits for in the log.
READY: Final = "venue ready"
_ID_BYTES_MAX: Final = 64
_PROBABILITY: Final = click.FloatRange(0, 1)


@click.command(short_help="Match accepted orders and report executions, until SIGTERM.")
@click.option("--venue", default="DEMO", show_default=True, help="Name of the venue in reports.")
@click.option(
    "--ack-delay-ms",
    default=0,
    show_default=True,
    type=click.IntRange(0, 3_600_000),
    help="Take a request up only so long after the gate accepted it.",
)
@click.option(
    "--slice-lots",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fill in parts of at most N lots.  [default: no bound]",
)
@click.option(
    "--race",
    default=0.0,
    type=_PROBABILITY,
    metavar="P",
    help="Probability that a resting order is filled although its cancel was accepted.",
)
@click.option(
    "--bust",
    default=0.0,
    type=_PROBABILITY,
    metavar="P",
    help="Probability that a trade is taken back.",
)
@click.option(
    "--silence",
    default=0.0,
    type=_PROBABILITY,
    metavar="P",
    help="Probability that an order is never answered.",
)
@click.option("--seed", default=0, show_default=True, help="Another seed, other chances.")
@click.option(
    "--fee-per-lot",
    default=0,
    show_default=True,
    type=click.IntRange(-1_000_000, 1_000_000),
    metavar="MINOR",
    help="Fee of a lot for each side; negative: a rebate.",
)
@click.option(
    "--quote-around-mark",
    is_flag=True,
    help="The house quotes both sides of each mark, so that a lone user trades.",
)
@click.option(
    "--quote-bps",
    default=0,
    show_default=True,
    type=click.IntRange(0, 5_000),
    help="How far from the mark, in 1e-4 of it; 0: a tick apart.",
)
@click.option(
    "--quote-lots",
    default=100,
    show_default=True,
    type=click.IntRange(1, 1_000_000_000),
    help="How many lots on each side, renewed with each mark.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object when it stops.")
def command(
    *,
    venue: str,
    ack_delay_ms: int,
    slice_lots: int | None,
    race: float,
    bust: float,
    silence: float,
    seed: int,
    fee_per_lot: int,
    quote_around_mark: bool,
    quote_bps: int,
    quote_lots: int,
    as_json: bool,
) -> None:
    """Match accepted orders and report executions on the topic fills, until SIGTERM.

    The reference venue: one order book an instrument, price-time priority, LIMIT and MARKET, GTC,
    DAY, IOC and FOK. It answers every decision since the beginning of the topic once; start it
    again and it goes on where it stopped. A part for trying and testing, see docs/venue.md.

    \b
    Examples:
      tollgate venue
      tollgate venue --quote-around-mark --fee-per-lot 100
      tollgate venue --slice-lots 3 --race 0.2 --bust 0.01 --silence 0.05 --seed 7
      tollgate venue --ack-delay-ms 250 --json | tail -1 | jq .reports

    Exit codes: 0 stopped as asked, 1 it could not start (the text says why), 2 wrong usage, 70
    stopped because going on could have been wrong; start it again and it goes on.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    if not 0 < len(venue.encode()) <= _ID_BYTES_MAX:
        raise click.BadParameter("1 to 64 bytes", param_hint="--venue")
    switches = Switches(
        venue=venue,
        slice_lots_max=slice_lots,
        race_ppm=_ppm(race),
        bust_ppm=_ppm(bust),
        silence_ppm=_ppm(silence),
        fee_per_lot_minor=fee_per_lot,
        seed=seed,
    )
    quoting = Quoting(quote_bps, quote_lots) if quote_around_mark else None
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = Settings.load()
        service = VenueService(settings, switches, delay_ms=ack_delay_ms, quoting=quoting)
        service.start()
    except (SettingsError, RegistryError, TopicError, VenueError, HistoryError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{READY}: {service.restored_orders} orders work", err=True)
    stopped: VenueStoppedError | None = None
    try:
        service.run(stop)
    except VenueStoppedError as error:
        stopped = error
    service.close()
    _print(service, as_json=as_json)
    if stopped is not None:
        click.echo(f"Error: {stopped}; start it again and it goes on", err=True)
        sys.exit(EXIT_CODE)


def _print(service: VenueService, *, as_json: bool) -> None:
    if as_json:
        result = {
            "decisions": service.decisions,
            "reports": dict(sorted(service.reports.items())),
            "restored_orders": service.restored_orders,
            "working_orders": service.working_orders,
        }
        click.echo(json.dumps(result))
        return
    made = ", ".join(f"{count:,} {name}" for name, count in sorted(service.reports.items()))
    click.echo(
        f"{service.decisions:,} decisions taken up; reports: {made or 'none'}; "
        f"{service.working_orders:,} orders work"
    )


def _ppm(probability: float) -> int:
    return round(probability * MILLION)
