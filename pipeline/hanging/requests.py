"""Three requests of Kafka's protocol that no client library has, in aiokafka's words.

Field for field as in Kafka's clients/src/main/resources/common/message: DescribeProducers (61),
ListTransactions (66) and WriteTxnMarkers (27). Nothing is decided here.
"""

from typing import Any, Final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

_TAGS: Final = ("tags", TaggedFields)
_NO_TAGS: Final[dict[int, bytes]] = {}

# -- DescribeProducers: who has written to a partition, and from where a transaction is open


class DescribeProducersResponse(Response):
    """Per partition its producers: id, epoch, last sequence, last time, coordinator, open from."""

    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", CompactString()),
                (
                    "partitions",
                    CompactArray(
                        ("partition_index", Int32),
                        ("error_code", Int16),
                        ("error_message", CompactString()),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_txn_start_offset", Int64),
                                _TAGS,
                            ),
                        ),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class DescribeProducersStruct(RequestStruct):
    """Topics and their partitions."""

    FLEXIBLE_VERSION = True
    API_KEY = 61
    API_VERSION = 0
    RESPONSE_TYPE = DescribeProducersResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString()),
                ("partition_indexes", CompactArray(Int32)),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class DescribeProducers(Request[DescribeProducersStruct]):
    """To the leader of the partitions."""

    API_KEY = 61

    def __init__(self, partitions: dict[str, list[int]]) -> None:
        """`partitions`: by topic."""
        self._topics = [(topic, numbers, _NO_TAGS) for topic, numbers in partitions.items()]

    def build(self, request_struct_class: type[DescribeProducersStruct]) -> DescribeProducersStruct:
        """The request as it is sent."""
        return request_struct_class(self._topics, _NO_TAGS)


# -- ListTransactions: the transactional ids of producers


class ListTransactionsResponse(Response):
    """Per transactional id: producer id and state."""

    API_KEY = 66
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_state_filters", CompactArray(CompactString())),
        (
            "transaction_states",
            CompactArray(
                ("transactional_id", CompactString()),
                ("producer_id", Int64),
                ("transaction_state", CompactString()),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class ListTransactionsStruct(RequestStruct):
    """Filters: states and producer ids."""

    FLEXIBLE_VERSION = True
    API_KEY = 66
    API_VERSION = 0
    RESPONSE_TYPE = ListTransactionsResponse
    SCHEMA = Schema(
        ("state_filters", CompactArray(CompactString())),
        ("producer_id_filters", CompactArray(Int64)),
        _TAGS,
    )


class ListTransactions(Request[ListTransactionsStruct]):
    """To every broker: each knows those it coordinates."""

    API_KEY = 66

    def __init__(self, producer_ids: list[int]) -> None:
        """Only the transactions of these producers are wanted."""
        self._producer_ids = producer_ids

    def build(self, request_struct_class: type[ListTransactionsStruct]) -> ListTransactionsStruct:
        """The request as it is sent."""
        return request_struct_class([], self._producer_ids, _NO_TAGS)


# -- WriteTxnMarkers: the end of a transaction in a partition


class WriteTxnMarkersResponse(Response):
    """Per producer and partition an error code."""

    API_KEY = 27
    API_VERSION = 1
    SCHEMA = Schema(
        (
            "markers",
            CompactArray(
                ("producer_id", Int64),
                (
                    "topics",
                    CompactArray(
                        ("name", CompactString()),
                        (
                            "partitions",
                            CompactArray(("partition_index", Int32), ("error_code", Int16), _TAGS),
                        ),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class WriteTxnMarkersStruct(RequestStruct):
    """Per producer: epoch, commit or abort, partitions, and the epoch of its coordinator."""

    FLEXIBLE_VERSION = True
    API_KEY = 27
    API_VERSION = 1
    RESPONSE_TYPE = WriteTxnMarkersResponse
    SCHEMA = Schema(
        (
            "markers",
            CompactArray(
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                ("transaction_result", Boolean),
                (
                    "topics",
                    CompactArray(
                        ("name", CompactString()),
                        ("partition_indexes", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("coordinator_epoch", Int32),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class WriteTxnMarkers(Request[WriteTxnMarkersStruct]):
    """To the leader of the partition."""

    API_KEY = 27

    def __init__(self, marker: tuple[Any, ...]) -> None:
        """`marker`: producer id, epoch, whether it is a commit, topic, partition, coordinator."""
        producer_id, epoch, commits, topic, partition, coordinator_epoch = marker
        topics = [(topic, [partition], _NO_TAGS)]
        self._marker = (producer_id, epoch, commits, topics, coordinator_epoch, _NO_TAGS)

    def build(self, request_struct_class: type[WriteTxnMarkersStruct]) -> WriteTxnMarkersStruct:
        """The request as it is sent."""
        return request_struct_class([self._marker], _NO_TAGS)
