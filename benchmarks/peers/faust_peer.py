"""The stock Faust peer: `python -m benchmarks.peers.faust_peer SETTINGS_FILE`.

What Faust's documentation leads to: `kafka://` transport, one event at a time, a table in RocksDB
(driver rocksdict) with Faust's changelog, outputs with `send_soon`, the core of profile_core.py.
At least once: Faust has no exactly-once that can be used with tables. Runs until SIGTERM.
"""

import sys
from pathlib import Path
from typing import Any, Final

import faust
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks.peers.profile_core import LaneHead, ProfileCore, Settings

_TABLE: Final = "rows"
# The kinds of rows, as the first byte of a key.
_USER: Final = b"U"
_ORDER: Final = b"O"
_HEAD: Final = b"H"
_CREATE_S_MAX: Final = 60
# Faust's own lets every logger make debug records, and warns of each full buffer: a tenth of the
# time that the agent should not be charged with.
_LOGGING: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"level": "ERROR", "handlers": ["stderr"]},
}


class Gate:
    """The table, the output topics and what happens with an event."""

    def __init__(self, app: Any, settings: Settings) -> None:
        """Declare them."""
        self._core: Final = ProfileCore(settings)
        self._first: Final = [int(first) for first in settings["first_sequences"].split(",")]

        self._rows: Any = app.Table(
            _TABLE,
            key_type=bytes,
            value_type=bytes,
            partitions=settings.partitions,
            options={"driver": "rocksdict"},
        )
        self._decisions: Any = app.topic(settings["decisions"], key_type=bytes, value_type=bytes)
        self._audit: Any = app.topic(settings["audit"], key_type=bytes, value_type=bytes)

    def handle(self, message: Any) -> None:
        """Decide one order: rows into the tables, outputs sent."""
        lane, key, value = message.partition, message.key, message.value
        head = LaneHead(self._rows.get(_HEAD), self._first[lane])
        order = self._core.order_of(value)
        user, identity = _USER + key, _ORDER + key + order.order_id.encode()
        output = self._core.decide(
            head,
            lane,
            message.offset,
            round(message.timestamp * 1000),
            key,
            value,
            order,
            self._rows.get(user),
            self._rows.get(identity),
        )
        self._rows[user] = output.user_row
        if output.order_row is not None:
            self._rows[identity] = output.order_row
        self._rows[_HEAD] = head.row()
        self._decisions.send_soon(key=key, value=output.decision, partition=lane)
        self._audit.send_soon(key=key, value=output.audit, partition=lane)


def create_app(settings: Settings) -> Any:
    """The Faust app with its one agent."""
    directory = Path(settings["state_dir"])
    directory.mkdir(parents=True, exist_ok=True)
    compression = settings["compression"]
    app = faust.App(
        settings["app_id"],
        broker=[f"kafka://{address}" for address in settings["bootstrap"].split(",")],
        store="rocksdb://",
        datadir=str(directory),
        key_serializer="raw",
        value_serializer="raw",
        topic_partitions=settings.partitions,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        producer_compression_type=None if compression == "none" else compression,
        web_enabled=False,
        logging_config=_LOGGING,
    )
    gate = Gate(app, settings)
    orders = app.topic(settings["orders"], key_type=bytes, value_type=bytes)

    async def decide(stream: Any) -> None:
        async for event in stream.events():
            gate.handle(event.message)

    app.agent(orders)(decide)
    return app


def create_changelog(settings: Settings) -> None:
    """Make the changelog before Faust does, which may know no partitions at its first event."""
    name = f"{settings['app_id']}-{_TABLE}-changelog"
    wanted = NewTopic(name, settings.partitions, 1, config={"cleanup.policy": "compact"})
    client = AdminClient({"bootstrap.servers": settings["bootstrap"]})
    for future in client.create_topics([wanted]).values():
        future.result(timeout=_CREATE_S_MAX)


def main() -> None:
    """Run until SIGTERM."""
    settings = Settings(Path(sys.argv.pop(1)))
    create_changelog(settings)
    app = create_app(settings)
    faust.Worker(
        app, loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
