"""`tollgate marks`: publish a feed's ticks as conflated marks."""

import json
import signal
import sys
from threading import Event

import click

from pipeline.codecs.registry import RegistryError
from pipeline.fatal import EXIT_CODE
from pipeline.market.feed import FeedError, MarkFeed
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError
from pipeline.telemetry.logs import configure_logging


@click.command(short_help="Publish a feed's ticks as conflated marks, until SIGTERM.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object when it stops.")
def command(*, as_json: bool) -> None:
    """Read the ticks of topic ticks and publish them as marks to every lane, until SIGTERM.

    An instrument gets at most one mark in mark_interval_ms, the last of its ticks; a price that has
    moved by less than mark_move_bps waits for mark_refresh_ms. Of all instruments there are at most
    mark_rate_max a second, the most urgent first. A mark is a tick as it came, with its own
    source_time. Ticks that cannot become a mark are counted and named in the log.
    Start two, and they share the instruments; if one ends, the other one takes over.

    \b
    Examples:
      tollgate marks
      TOLLGATE_MARK_INTERVAL_MS=50 TOLLGATE_MARK_MOVE_BPS=0 tollgate marks
      TOLLGATE_METRICS_PORT=9465 tollgate marks --json | tail -1 | jq .refused

    Exit codes: 0 stopped as asked, 1 it could not start (the text says why), 2 wrong usage, 70
    Kafka did not take or give; start it again and it goes on.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = Settings.load()
        configure_logging(settings)
        feed = MarkFeed(settings)
        feed.start()
    except (SettingsError, RegistryError, TopicError) as error:
        raise click.ClickException(str(error)) from error
    failure: FeedError | None = None
    try:
        feed.run(stop)
    except FeedError as error:
        failure = error
    feed.close()
    _print(feed, as_json=as_json)
    if failure is not None:
        click.echo(f"Error: {failure}; start it again and it goes on", err=True)
        sys.exit(EXIT_CODE)


def _print(feed: MarkFeed, *, as_json: bool) -> None:
    refused = dict(sorted(feed.refused.items()))
    if as_json:
        result = {
            "ticks": feed.ticks,
            "late": feed.late,
            "refused": refused,
            "marks": feed.marks,
        }
        click.echo(json.dumps(result))
        return
    told = ", ".join(f"{count:,} {reason}" for reason, count in refused.items())
    click.echo(
        f"{feed.ticks:,} ticks read, {feed.late:,} of them late; refused: {told or 'none'}; "
        f"{feed.marks:,} marks published"
    )
