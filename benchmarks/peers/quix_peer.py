"""The Quix Streams peer: `python -m benchmarks.peers.quix_peer SETTINGS_FILE`.

Exactly-once, state in RocksDB with a changelog, the core of profile_core.py in one stateful
`apply`; its two outputs go to their topics by serializers of their own, so that no branch copies
them. Runs in the virtual environment of benchmarks/peers/requirements.txt, until SIGTERM.
"""

import sys
from pathlib import Path
from typing import Any, Final

from quixstreams import Application, message_context
from quixstreams.models import Serializer

from benchmarks.peers.profile_core import LaneHead, Output, ProfileCore, Settings

_LANE: Final = b"lane"
_HEAD: Final = b"head"
_USER: Final = b"user"


class _Decision(Serializer):
    """The decision of what the core came to."""

    def __call__(self, value: Output, *_: Any, **__: Any) -> bytes:
        """Take it out."""
        return value.decision


class _Audit(Serializer):
    """The audit record of what the core came to."""

    def __call__(self, value: Output, *_: Any, **__: Any) -> bytes:
        """Take it out."""
        return value.audit


class Gate:
    """The stateful step."""

    def __init__(self, settings: Settings, frame: Any) -> None:
        """`frame`: the StreamingDataFrame whose step this is."""
        self._core: Final = ProfileCore(settings)
        self._first: Final = [int(first) for first in settings["first_sequences"].split(",")]
        self._frame: Final = frame

    def decide(self, value: bytes, key: bytes, time_ms: int, _headers: Any, state: Any) -> Output:
        """One order. The user's rows have the key as prefix, the lane's row one of its own."""
        place = message_context()
        checkpoint = self._frame.processing_context.checkpoint
        rows = checkpoint.get_store_transaction(
            stream_id=self._frame.stream_id, partition=place.partition
        )
        lane_rows = rows.as_state(prefix=_LANE)
        head = LaneHead(lane_rows.get_bytes(_HEAD), self._first[place.partition])
        order = self._core.order_of(value)
        identity = b"o" + order.order_id.encode()
        output = self._core.decide(
            head,
            place.partition,
            place.offset,
            time_ms,
            key,
            value,
            order,
            state.get_bytes(_USER),
            state.get_bytes(identity),
        )
        state.set_bytes(_USER, output.user_row)
        if output.order_row is not None:
            state.set_bytes(identity, output.order_row)
        lane_rows.set_bytes(_HEAD, head.row())
        return output


def main() -> None:
    """Run until SIGTERM."""
    settings = Settings(Path(sys.argv[1]))
    app = Application(
        broker_address=settings["bootstrap"],
        consumer_group=settings["app_id"],
        auto_offset_reset="earliest",
        commit_interval=int(settings["commit_interval_ms"]) / 1000,
        processing_guarantee="exactly-once",
        state_dir=settings["state_dir"],
        producer_extra_config={
            "compression.type": settings["compression"],
            "linger.ms": int(settings["linger_ms"]),
            "queue.buffering.max.messages": 1_000_000,
        },
        loglevel="WARNING",
        auto_create_topics=True,
    )
    orders = app.topic(settings["orders"], key_deserializer="bytes", value_deserializer="bytes")
    decisions = app.topic(
        settings["decisions"], key_serializer="bytes", value_serializer=_Decision()
    )
    audit = app.topic(settings["audit"], key_serializer="bytes", value_serializer=_Audit())
    frame = app.dataframe(orders)
    gate = Gate(settings, frame)
    frame.apply(gate.decide, stateful=True, metadata=True).to_topic(decisions).to_topic(audit)
    app.run()


if __name__ == "__main__":
    main()
