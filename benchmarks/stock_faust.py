"""The peer of the throughput bench: the same core in an ordinary Faust agent.

What a team would write from Faust's documentation: `kafka://` transport, one event at a time, a
table in RocksDB (driver rocksdict) with Faust's changelog, at-least-once, outputs with
`send_soon`. The deciding, the outputs and the rows are those of `pipeline.lane.processor`, so an
input costs the core the same here and there. What it lacks are batches, transactions and the merge
of a lane's inputs by time. Settings come from the worker's environment variables.
"""

from pathlib import Path
from typing import Any, Final

import faust

from pipeline.codecs.registry import schema_ids
from pipeline.lane.processor import LaneOutput, LaneProcessor
from pipeline.lane.rows import RowSource
from pipeline.settings import Settings
from pipeline.topics import (
    AUDIT,
    DEAD_LETTERS,
    DECISIONS,
    LANE_INPUTS,
    OUTPUT_BYTES_MAX,
    REGULATORY_EVENTS,
    Topic,
)

_TABLE: Final = "rows"
# Faust's own lets every logger make debug records, and warns of each full buffer: a tenth of the
# time that the agent should not be charged with.
_LOGGING: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"level": "ERROR", "handlers": ["stderr"]},
}


class FaustRows(RowSource):
    """Rows in a Faust table, of the partition of the event that is being handled."""

    def __init__(self, table: Any) -> None:
        """Take the table."""
        self._table: Final = table

    def get(self, key: bytes) -> bytes | None:
        """The row's Avro body, or None."""
        body: bytes | None = self._table.get(key)
        return body

    def rows_of_kind(self, kind: bytes) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 -- empty
        """None: a bench begins with an empty table."""
        return []


class StockGate:
    """The lanes of the process and where their outputs go."""

    def __init__(self, app: Any, settings: Settings) -> None:
        """Declare the table and the output topics."""
        self._settings: Final = settings
        self._ids: Final = schema_ids(settings)
        self._table: Any = app.Table(
            _TABLE,
            key_type=bytes,
            value_type=bytes,
            partitions=settings.partitions,
            options={"driver": "rocksdict"},
        )
        self._inputs: Final = [settings.topic(topic.name) for topic in LANE_INPUTS]
        self._lanes: Final[dict[int, LaneProcessor]] = {}

        def output(topic: Topic) -> tuple[Any, bytes]:
            channel = app.topic(settings.topic(topic.name), key_type=bytes, value_type=bytes)
            return channel, self._ids.frame(topic.schema)

        self._decisions: Final = output(DECISIONS)
        self._audit: Final = output(AUDIT)
        self._events: Final = output(REGULATORY_EVENTS)
        self._dead_letters: Final = output(DEAD_LETTERS)

    def handle(self, message: Any) -> None:
        """Apply one input: outputs are sent, changed rows put into the table."""
        partition = message.partition
        lane = self._lanes.get(partition)
        if lane is None:
            lane = LaneProcessor(
                partition,
                self._settings.partitions,
                self._inputs,
                self._ids,
                FaustRows(self._table),
            )
            self._lanes[partition] = lane
        timestamp_ms = round(message.timestamp * 1000)
        result = lane.apply(
            self._inputs.index(message.topic),
            message.offset,
            timestamp_ms,
            message.key,
            message.value,
            None,
            timestamp_ms * 1000,
            False,
        )
        for key, body in [*result.rows, lane.head_row()]:
            if body is None:
                del self._table[key]
            else:
                self._table[key] = body
        lane.trim(self._settings.row_cache_max)
        self._send(message.key, partition, result)

    def _send(self, key: bytes | None, partition: int, result: LaneOutput) -> None:
        if result.decision is not None:
            _send_soon(self._decisions, result.decision, key, partition)
        _send_soon(self._audit, result.audit, key, partition)
        for tenant, body in result.events:
            _send_soon(self._events, body, tenant.encode(), None)
        if result.dead_letter is not None:
            _send_soon(self._dead_letters, result.dead_letter, key, partition)


def _send_soon(
    output: tuple[Any, bytes], body: bytes, key: bytes | None, partition: int | None
) -> None:
    channel, frame = output
    channel.send_soon(key=key, value=frame + body, partition=partition)


def create_app(settings: Settings) -> Any:
    """The Faust app with its one agent."""
    directory = Path(settings.data_dir) / "faust"
    directory.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        settings.app_id,
        broker=[f"kafka://{address}" for address in settings.kafka_bootstrap.split(",")],
        store="rocksdb://",
        datadir=str(directory),
        key_serializer="raw",
        value_serializer="raw",
        topic_partitions=settings.partitions,
        topic_replication_factor=settings.replication_factor,
        consumer_auto_offset_reset="earliest",
        producer_compression_type=None if settings.compression == "none" else settings.compression,
        producer_max_request_size=OUTPUT_BYTES_MAX,
        web_enabled=False,
        logging_config=_LOGGING,
    )
    gate = StockGate(app, settings)
    inputs = app.topic(
        *(settings.topic(topic.name) for topic in LANE_INPUTS), key_type=bytes, value_type=bytes
    )

    async def decide(stream: Any) -> None:
        async for event in stream.events():
            gate.handle(event.message)

    app.agent(inputs)(decide)
    return app


def main() -> None:
    """Run until SIGTERM."""
    app = create_app(Settings.load())
    faust.Worker(
        app, loglevel="ERROR", redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
