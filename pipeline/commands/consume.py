"""`tollgate consume`: print a topic's records."""

import json
import sys
from typing import Any, Final

import click
from confluent_kafka import Message

from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.registry import RegistryError, schema_ids
from pipeline.codecs.rendering import framed_to_json, open_audit, row_key, row_to_json, time_text
from pipeline.codecs.wire import SchemaIds
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.topic_admin import TopicError
from pipeline.streaming.topic_reader import partition_count, read_topic
from pipeline.topics import AUDIT, TOPICS_BY_NAME, Topic

# Schema of the changelogs: rows without a frame, whose kind is in their key.
_ROWS: Final = "row_*"


@click.command(short_help="Print a topic's records.")
@click.argument("topic", type=click.Choice(list(TOPICS_BY_NAME)), metavar="TOPIC")
@click.option("--from-start", is_flag=True, help="From the first record; else only new ones.")
@click.option(
    "--until-idle",
    type=click.FloatRange(min=0),
    metavar="S",
    help="Stop once everything is read and nothing has come for S seconds; else only Ctrl-C does.",
)
@click.option("--partition", type=click.IntRange(min=0), metavar="P", help="Only this partition.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N records.")
@click.option("--key", metavar="K", help="Only records with this key.")
@click.option("--open", "opened", is_flag=True, help="audit: show input and decision as JSON.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    *,
    topic: str,
    from_start: bool,
    until_idle: float | None,
    partition: int | None,
    limit: int | None,
    key: str | None,
    opened: bool,
    as_json: bool,
) -> None:
    """Print the records of TOPIC as they are committed.

    What cannot be read is shown as hex, with why. Looking disturbs nobody: no consumer group is
    joined, no offset is kept.

    \b
    Examples:
      tollgate consume decisions --from-start --until-idle 5 --json
      tollgate consume decisions --from-start --until-idle 1 --json |
        jq -r 'select(.value.verdict == "REJECTED") | .value.reason_code' | sort | uniq -c
      tollgate consume audit --from-start --partition 3 --limit 10 --open --json
      tollgate consume orders --key alice

    Exit codes: 0 done, 1 Kafka refused or fell silent, 2 wrong usage.
    """  # noqa: D301 -- \b is click's mark for "do not wrap"
    try:
        settings = Settings.load()
        reader = _Reader(TOPICS_BY_NAME[topic], schema_ids(settings), opened=opened)
        name = settings.topic(topic)
        partitions = _partitions(partition_count(settings, name), partition)
        shown = 0
        for message in read_topic(
            settings, name, partitions, from_start=from_start, until_idle_s=until_idle
        ):
            if key is not None and message.key() != key.encode():
                continue
            _print(reader.read(message), as_json=as_json)
            shown += 1
            if shown == limit:
                return
    except (SettingsError, RegistryError, TopicError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        return


class _Reader:
    """Turns a topic's messages into what is printed; never fails on a message's bytes."""

    def __init__(self, topic: Topic, ids: SchemaIds, *, opened: bool) -> None:
        self._topic: Final = topic
        self._ids: Final = ids
        self._opened: Final = opened and topic is AUDIT

    def read(self, message: Message) -> dict[str, Any]:
        """Where the record lies, its key and headers, and its value as JSON or as hex."""
        key, value = message.key(), message.value()
        read: dict[str, Any] = {
            "topic": self._topic.name,
            "partition": message.partition(),
            "offset": message.offset(),
            "time": time_text(message.timestamp()[1] * 1_000),
            "key": _text(key),
        }
        headers: Any = message.headers()  # pairs; typed as whatever produce() takes
        if headers:
            read["headers"] = {name: _text(content) for name, content in headers}
        if value is None:
            return read | self._row_key(key) | {"value": None}
        try:
            return read | self._value(key, value)
        except MalformedAvro as error:
            return read | {"unreadable": str(error), "value_hex": value.hex()}

    def _value(self, key: bytes | None, value: bytes) -> dict[str, Any]:
        if self._topic.schema == _ROWS:
            row = row_to_json(key or b"", value)
            return {"key": list(row.key), "record": row.name, "value": row.record}
        framed = framed_to_json(value, self._ids)
        record = open_audit(framed.record, self._ids) if self._opened else framed.record
        return {"record": framed.name, "version": framed.version, "value": record}

    def _row_key(self, key: bytes | None) -> dict[str, Any]:
        """The key of a deleted row, readable."""
        if self._topic.schema != _ROWS:
            return {}
        try:
            name, parts = row_key(key or b"")
        except MalformedAvro:
            return {}
        return {"key": list(parts), "record": name}


def _partitions(count: int, wanted: int | None) -> list[int]:
    if wanted is None:
        return list(range(count))
    if wanted >= count:
        raise click.BadParameter(
            f"the topic has partitions 0 to {count - 1}", param_hint="--partition"
        )
    return [wanted]


def _text(data: str | bytes | None) -> str | None:
    """Bytes as text where they are printable UTF-8, else as hex after 0x."""
    if data is None or isinstance(data, str):
        return data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"0x{data.hex()}"
    return text if text.isprintable() else f"0x{data.hex()}"


def _print(read: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(read, ensure_ascii=False) + "\n")
    else:
        place = f"{read['topic']}[{read['partition']}]@{read['offset']}"
        if "unreadable" in read:
            content = f"unreadable: {read['unreadable']}: {read['value_hex']}"
        else:
            content = json.dumps(read["value"], ensure_ascii=False)
        sys.stdout.write(f"{place}  {read['time']}  {read['key']}  {content}\n")
    sys.stdout.flush()
