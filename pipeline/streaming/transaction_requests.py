"""Requests of transactions whose epoch moves on with each of them, in aiokafka's words.

Field for field as in Kafka's clients/src/main/resources/common/message: ApiVersions (18) in version
3, Produce (0) in 12, TxnOffsetCommit (28) in 5 and EndTxn (26) in 5, with which a broker takes a
partition into a transaction by itself (KIP-890). Nothing is decided here.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final, NamedTuple

from aiokafka.protocol.api import Request, RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

_TAGS: Final = ("tags", TaggedFields)
_NO_TAGS: Final[dict[int, bytes]] = {}
_ALL_REPLICAS: Final = -1
_UNKNOWN_LEADER_EPOCH: Final = -1
_FINALIZED_FEATURES: Final = 2
_FEATURES: Final = CompactArray(
    ("name", CompactString()), ("max_level", Int16), ("min_level", Int16), _TAGS
)


class ProducerState(NamedTuple):
    """Who a producer is to the brokers; the epoch moves on with every transaction."""

    transactional_id: str
    producer_id: int
    epoch: int


# -- ApiVersions: what the cluster has switched on


class FeaturesResponse(Response):
    """Versions of all requests, and features among the tags."""

    API_KEY = 18
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        ("api_keys", CompactArray(("key", Int16), ("min", Int16), ("max", Int16), _TAGS)),
        ("throttle_time_ms", Int32),
        _TAGS,
    )


class FeaturesStruct(RequestStruct):
    """Who asks."""

    FLEXIBLE_VERSION = True
    API_KEY = 18
    API_VERSION = 3
    RESPONSE_TYPE = FeaturesResponse
    SCHEMA = Schema(
        ("software_name", CompactString()), ("software_version", CompactString()), _TAGS
    )

    def parse_response_header(self, read_buffer: BytesIO | bytes) -> Any:
        """Always the oldest, so that any client understands it."""
        return ResponseHeader_v0.decode(read_buffer)


class Features(Request[FeaturesStruct]):
    """To any broker."""

    API_KEY = 18

    def build(self, request_struct_class: type[FeaturesStruct]) -> FeaturesStruct:
        """The request as it is sent."""
        return request_struct_class("tollgate", "0", _NO_TAGS)


def finalized_level(response: Any, feature: str) -> int:
    """The level of a feature that is in force in the whole cluster; 0: none."""
    found = response.tags.get(_FINALIZED_FEATURES)
    levels = _FEATURES.decode(BytesIO(found)) if found is not None else []
    return next((level for name, level, _, _ in levels if name == feature), 0)


# -- Produce: record batches, one a partition


class ProduceResponse(Response):
    """Per partition an error code and the first record's offset."""

    API_KEY = 0
    API_VERSION = 12
    SCHEMA = Schema(
        (
            "responses",
            CompactArray(
                ("name", CompactString()),
                (
                    "partition_responses",
                    CompactArray(
                        ("index", Int32),
                        ("error_code", Int16),
                        ("base_offset", Int64),
                        ("log_append_time_ms", Int64),
                        ("log_start_offset", Int64),
                        (
                            "record_errors",
                            CompactArray(
                                ("batch_index", Int32), ("message", CompactString()), _TAGS
                            ),
                        ),
                        ("error_message", CompactString()),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        ("throttle_time_ms", Int32),
        _TAGS,
    )


class ProduceStruct(RequestStruct):
    """By topic and partition the bytes of a batch."""

    FLEXIBLE_VERSION = True
    API_KEY = 0
    API_VERSION = 12
    RESPONSE_TYPE = ProduceResponse
    SCHEMA = Schema(
        ("transactional_id", CompactString()),
        ("acks", Int16),
        ("timeout_ms", Int32),
        (
            "topic_data",
            CompactArray(
                ("name", CompactString()),
                (
                    "partition_data",
                    CompactArray(("index", Int32), ("records", CompactBytes), _TAGS),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class Produce(Request[ProduceStruct]):
    """To the leader of the partitions."""

    API_KEY = 0

    def __init__(
        self, transactional_id: str, timeout_ms: int, batches: Mapping[tuple[str, int], bytes]
    ) -> None:
        """`batches`: (topic, partition) -> a sealed batch."""
        self._transactional_id: Final = transactional_id
        self._timeout_ms: Final = timeout_ms
        self._topics: Final = _by_topic(
            (place, (place[1], batch, _NO_TAGS)) for place, batch in batches.items()
        )

    def build(self, request_struct_class: type[ProduceStruct]) -> ProduceStruct:
        """The request as it is sent."""
        return request_struct_class(
            self._transactional_id, _ALL_REPLICAS, self._timeout_ms, self._topics, _NO_TAGS
        )


# -- TxnOffsetCommit: offsets of a group's sources, as part of the transaction


class TxnOffsetCommitResponse(Response):
    """Per partition an error code."""

    API_KEY = 28
    API_VERSION = 5
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", CompactString()),
                ("partitions", CompactArray(("index", Int32), ("error_code", Int16), _TAGS)),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class TxnOffsetCommitStruct(RequestStruct):
    """The producer, the group's member, and by topic and partition an offset."""

    FLEXIBLE_VERSION = True
    API_KEY = 28
    API_VERSION = 5
    RESPONSE_TYPE = TxnOffsetCommitResponse
    SCHEMA = Schema(
        ("transactional_id", CompactString()),
        ("group_id", CompactString()),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation_id", Int32),
        ("member_id", CompactString()),
        ("group_instance_id", CompactString()),
        (
            "topics",
            CompactArray(
                ("name", CompactString()),
                (
                    "partitions",
                    CompactArray(
                        ("index", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString()),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class TxnOffsetCommit(Request[TxnOffsetCommitStruct]):
    """To the group's coordinator, which refuses a membership that is not its own."""

    API_KEY = 28

    def __init__(
        self,
        producer: ProducerState,
        membership: tuple[str, int, str, str | None],
        offsets: Mapping[tuple[str, int], int],
    ) -> None:
        """`membership`: group, generation, member id, instance id."""
        self._producer: Final = producer
        self._membership: Final = membership
        self._topics: Final = _by_topic(
            (place, (place[1], offset, _UNKNOWN_LEADER_EPOCH, None, _NO_TAGS))
            for place, offset in offsets.items()
        )

    def build(self, request_struct_class: type[TxnOffsetCommitStruct]) -> TxnOffsetCommitStruct:
        """The request as it is sent."""
        transactional_id, producer_id, epoch = self._producer
        group, *member = self._membership
        return request_struct_class(
            transactional_id, group, producer_id, epoch, *member, self._topics, _NO_TAGS
        )


# -- EndTxn: the end of a transaction


class EndTxnResponse(Response):
    """An error code, and who the producer is from now on."""

    API_KEY = 26
    API_VERSION = 5
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        _TAGS,
    )


class EndTxnStruct(RequestStruct):
    """The producer, and whether it is a commit."""

    FLEXIBLE_VERSION = True
    API_KEY = 26
    API_VERSION = 5
    RESPONSE_TYPE = EndTxnResponse
    SCHEMA = Schema(
        ("transactional_id", CompactString()),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("committed", Boolean),
        _TAGS,
    )


class EndTxn(Request[EndTxnStruct]):
    """To the coordinator of the transactional id."""

    API_KEY = 26

    def __init__(self, producer: ProducerState) -> None:
        """A commit: a worker never aborts."""
        self._producer: Final = producer

    def build(self, request_struct_class: type[EndTxnStruct]) -> EndTxnStruct:
        """The request as it is sent."""
        return request_struct_class(*self._producer, True, _NO_TAGS)


def _by_topic(entries: Any) -> Sequence[tuple[str, list[Any], dict[int, bytes]]]:
    """Entries ((topic, partition), what is sent of it) grouped by topic."""
    topics: dict[str, list[Any]] = {}
    for (topic, _), entry in entries:
        topics.setdefault(topic, []).append(entry)
    return [(topic, found, _NO_TAGS) for topic, found in topics.items()]
