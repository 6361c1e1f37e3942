"""`tollgate produce`: publish records from a JSON Lines file."""

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any, Final

import click
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from pipeline.codecs import avro
from pipeline.codecs.registry import RegistryError, schema_ids
from pipeline.codecs.rendering import RenderingError, value_from_json
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError
from pipeline.streaming.topic_reader import partition_count
from pipeline.topics import CONTROL, INPUT_BYTES_MAX, LANE_INPUTS, TICKS, TOPICS_BY_NAME, Topic

# JSON needs more room than Avro (names, hex), but not more than this.
LINE_BYTES_MAX: Final = 8 * INPUT_BYTES_MAX
QUEUE_RECORDS_MAX: Final = 20_000
_STALLED_S_MAX: Final = 60.0
_TOPIC_NAMES: Final = [topic.name for topic in (*LANE_INPUTS, TICKS) if topic is not CONTROL]
# Which of a record's times --now sets.
_TIMES: Final = ("event_time", "source_time")


class ProduceError(Exception):
    """A record that could not be published; the text says which line and why."""


@click.command(short_help="Publish records from a JSON Lines file.")
@click.argument("topic", type=click.Choice(_TOPIC_NAMES), metavar="TOPIC")
@click.argument("file", type=click.File("rb"), metavar="FILE.jsonl")
@click.option(
    "--timestamp-from",
    type=click.Choice(_TIMES),
    help="Take the Kafka time stamp from this field, not from the clock (recorded flow).",
)
@click.option("--now", is_flag=True, help="Set each record's event_time (source_time) to now.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    *, topic: str, file: IO[bytes], timestamp_from: str | None, now: bool, as_json: bool
) -> None:
    """Publish the records of FILE.jsonl ('-': standard input), one JSON object a line, to TOPIC.

    TOPIC is orders, fills, deposits, marks or ticks. A line is a record as schemas/avro/*.avsc has
    it: times in ISO 8601 with Z, enums by name, whole numbers in units of the field names. What
    `tollgate consume --json` prints is understood too. The key is the user_id (of
    ticks the instrument_id), partitioned by murmur2; marks go to every partition. A line that is
    not right stops it: the lines before it are published, it and the lines after it are not.

    \b
    Examples:
      tollgate produce orders orders.jsonl
      tollgate produce deposits - --now <<< '{"source_system_id": "bank", "tenant_id": "demo",
        "deposit_id": "d1", "user_id": "alice", "currency": "USD", "amount_minor": 5000000,
        "kind": "DEPOSIT"}'
      tollgate produce marks marks.jsonl --timestamp-from source_time

    Exit codes: 0 all published, 1 stopped (the text says at which line), 2 wrong usage.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    try:
        lines = _Publisher(Settings.load(), TOPICS_BY_NAME[topic], timestamp_from, now=now)
        with _progress(file) as advance:
            lines.publish(file, advance)
    except (SettingsError, RegistryError, TopicError, ProduceError) as error:
        raise click.ClickException(str(error)) from error
    result = {"lines": lines.lines, "delivered": lines.delivered}
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo(f"{lines.lines} records published to {topic}")


class _Publisher:
    """Reads lines and publishes them through one idempotent producer with a bounded queue.

    `lines`: published so far. `delivered`: records that the broker has acknowledged; a mark counts
    once a partition.
    """

    def __init__(
        self, settings: Settings, topic: Topic, timestamp_from: str | None, *, now: bool
    ) -> None:
        self.lines = 0
        self.delivered = 0
        self._schema: Final = topic.schema
        self._name: Final = settings.topic(topic.name)
        self._key_field: Final = topic.key
        self._timestamp_from: Final = timestamp_from
        self._now: Final = now
        self._frame: Final = schema_ids(settings).frame(topic.schema)
        self._encode: Final[Callable[[Any], bytes]] = getattr(avro, f"encode_{topic.schema}")
        count = partition_count(settings, self._name)
        self._placements: Final[list[dict[str, int]]] = (
            [{"partition": partition} for partition in range(count)] if topic.broadcast else [{}]
        )
        self._failure: str | None = None
        self._producer: Final = Producer(
            {
                **settings.confluent(
                    partitioner="murmur2",
                    enable_idempotence=True,
                    compression_type=settings.compression,
                    message_max_bytes=INPUT_BYTES_MAX,
                    queue_buffering_max_messages=QUEUE_RECORDS_MAX,
                    linger_ms=5,
                ),
                "log_level": 0,
            }
        )

    def publish(self, file: IO[bytes], advance: Callable[[int], None]) -> None:
        """Publish every line. Raises ProduceError at the first that cannot be, or was not taken."""
        try:
            for number, line in _numbered_lines(file):
                value = self._value(number, line)
                for placement in self._placements:
                    self._send(number, value, placement)
                self.lines += 1
                advance(len(line))
                self._check()
        finally:
            left = self._producer.flush(_STALLED_S_MAX)
        self._check()
        if left:
            raise ProduceError(f"Kafka has not acknowledged the last {left} records: is it up?")

    def _value(self, number: int, line: bytes) -> Any:
        try:
            obj = json.loads(line)
        except ValueError as error:
            raise ProduceError(f"line {number}: not JSON: {error}") from error
        if isinstance(obj, dict) and obj.get("record") == self._schema and "value" in obj:
            obj = obj["value"]  # a line of `tollgate consume --json`
        if isinstance(obj, dict) and self._now:
            moment = datetime.now(UTC).isoformat(timespec="microseconds")
            times = _TIMES if self._schema == "mark" else _TIMES[:1]
            obj = obj | dict.fromkeys(times, moment)
        try:
            return value_from_json(self._schema, obj)
        except RenderingError as error:
            raise ProduceError(f"line {number}: {error}") from error

    def _send(self, number: int, value: Any, placement: dict[str, int]) -> None:
        options: dict[str, Any] = {"on_delivery": partial(self._delivered, number), **placement}
        if self._timestamp_from is not None:
            moment_us = getattr(value, self._timestamp_from, None)
            if moment_us is None:
                raise ProduceError(f"a {self._schema} has no {self._timestamp_from}")
            options["timestamp"] = max(moment_us // 1_000, 0)
        key = getattr(value, self._key_field).encode()
        body = self._frame + self._encode(value)
        deadline = time.monotonic() + _STALLED_S_MAX
        while True:
            try:
                self._producer.produce(self._name, body, key, **options)
            except BufferError:
                if time.monotonic() > deadline:
                    raise ProduceError(f"line {number}: Kafka takes nothing: is it up?") from None
                self._producer.poll(0.1)
            except KafkaException as error:
                raise ProduceError(f"line {number}: {error.args[0]}") from error
            else:
                self._producer.poll(0)
                return

    def _delivered(self, number: int, error: KafkaError | None, message: Message) -> None:
        del message
        if error is None:
            self.delivered += 1
        elif self._failure is None:
            self._failure = f"line {number}: not delivered: {error.str()}"

    def _check(self) -> None:
        if self._failure is not None:
            raise ProduceError(self._failure)


def _numbered_lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            raise ProduceError(f"line {number}: longer than {LINE_BYTES_MAX} bytes")
        if line.strip():
            yield number, line


@contextmanager
def _progress(file: IO[bytes]) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, in a terminal only; call what it gives with the bytes read."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    described = os.fstat(file.fileno())
    size = described.st_size if stat.S_ISREG(described.st_mode) else None
    columns = (TextColumn("publishing"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        yield partial(bar.advance, bar.add_task("publishing", total=size))
