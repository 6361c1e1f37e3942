"""Records on their way out, as the batches that a broker appends.

Owns the bytes of Kafka's record batches (magic 2) and which batch a record goes into. Source: the
protocol guide, "Record Batch", and org.apache.kafka.common.record.DefaultRecordBatch. Each batch is
of one partition and part of a transaction. No I/O. Compiled with mypyc.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.util import calc_crc32c
from librt.strings import BytesWriter
from mypy_extensions import i64

from pipeline.codecs.primitives import write_long
from pipeline.lane.batch import Headers, Output
from pipeline.risk.partition import partition_of

Place = tuple[str, int]

# What a batch holds before it is compressed; one larger record goes alone. Far below what every
# topic of the project takes (topics.py), and large enough that its own bytes do not count.
BATCH_BYTES_MAX: Final = 524_288

# Buffers that are kept.
_SPARE_MAX: Final = 64
_MAGIC: Final = 2
_TRANSACTIONAL: Final = 16
_NO_LEADER_EPOCH: Final = -1
# Base offset, length, leader epoch, magic, CRC: what lies before the bytes that the CRC is of.
_LEAD: Final = struct.Struct(">qiibI")
# Attributes, last offset delta, first and last time stamp, producer id and epoch, first sequence,
# count.
_HEAD: Final = struct.Struct(">hiqqqhii")
# Of the length in the lead, what lies before the CRC's bytes: leader epoch, magic, CRC.
_LEAD_COUNTED: Final = 9

# Attributes of a record, its time stamp's delta.
_PLAIN: Final = b"\x00\x00"
# The length -1, in zigzag.
_NULL: Final = 1


def _uncompressed(data: bytes) -> bytes:
    return data


def _fast_lz4(data: bytes) -> bytes:
    return bytes(lz4_encode(data, 0))


def _fast_zstd(data: bytes) -> bytes:
    return bytes(zstd_encode(data, 1))


class Compression:
    """A way to compress: its number in a batch's attributes, and the function."""

    def __init__(self, number: int, compress: Callable[[bytes], bytes]) -> None:
        self.number: Final = number
        self.compress: Final = compress


# By the names that the setting `compression` and librdkafka have for them.
COMPRESSIONS: Final[Mapping[str, Compression]] = {
    "none": Compression(0, _uncompressed),
    "gzip": Compression(1, gzip_encode),
    "snappy": Compression(2, snappy_encode),
    "lz4": Compression(3, _fast_lz4),
    "zstd": Compression(4, _fast_zstd),
}


class RecordBatch:
    """Records of one partition, in their order."""

    def __init__(self) -> None:
        self._writer: Final = BytesWriter()
        self.count: i64 = 0

    def clear(self) -> None:
        """Begin anew in the same buffer."""
        self._writer.truncate(0)
        self.count = 0

    def append(self, key: bytes | None, value: bytes | None, headers: Headers | None) -> None:
        """One more record; None as a value is a tombstone."""
        writer = self._writer
        names = b"\x00" if headers is None else _headers(headers)
        offset = self.count
        key_bytes: i64 = 0 if key is None else len(key)
        value_bytes: i64 = 0 if value is None else len(value)
        length: i64 = (
            len(_PLAIN)
            + _length_of(offset)
            + _length_of(key_bytes)
            + key_bytes
            + _length_of(value_bytes)
            + value_bytes
            + len(names)
        )
        write_long(writer, length)
        writer.write(_PLAIN)
        write_long(writer, offset)
        if key is None:
            writer.append(_NULL)
        else:
            write_long(writer, key_bytes)
            writer.write(key)
        if value is None:
            writer.append(_NULL)
        else:
            write_long(writer, value_bytes)
            writer.write(value)
        writer.write(names)
        self.count = offset + 1

    @property
    def size(self) -> int:
        """Bytes of its records so far."""
        return len(self._writer)

    def sealed(
        self,
        producer_id: int,
        epoch: int,
        sequence: int,
        time_ms: int,
        compression: Compression,
    ) -> bytes:
        """The batch as it is sent; `sequence` is its first record's, `time_ms` the time of all."""
        head = _HEAD.pack(
            _TRANSACTIONAL | compression.number,
            self.count - 1,
            time_ms,
            time_ms,
            producer_id,
            epoch,
            sequence,
            self.count,
        )
        body = head + compression.compress(self._writer.getvalue())
        lead = _LEAD.pack(0, len(body) + _LEAD_COUNTED, _NO_LEADER_EPOCH, _MAGIC, calc_crc32c(body))
        return bytes(lead + body)


class SealedBatch:
    """A batch as it is sent, and how many records it has."""

    def __init__(self, data: bytes, count: int) -> None:
        self.data: Final = data
        self.count: Final = count


class Outgoing:
    """What a producer's transaction sends, by partition; its buffers serve the next one as well."""

    def __init__(self) -> None:
        self._partition_counts: dict[str, int] = {}
        self._next_sequences: dict[Place, int] = {}
        self.batches: dict[Place, list[RecordBatch]] = {}
        self._spare: Final[list[RecordBatch]] = []

    def begin(self, partition_counts: dict[str, int]) -> None:
        """Another epoch: nothing is queued, each partition's sequence begins at 0.

        `partition_counts`: topic -> partitions, for records that go where their key belongs.
        """
        self._partition_counts = partition_counts
        self._next_sequences = {}
        self.batches = {}

    def outputs(self, outputs: Sequence[Output]) -> None:
        """Records of any topics, in their order."""
        for topic, value, key, partition, headers in outputs:
            if partition is None:
                partition = partition_of(key or b"", self._partition_counts[topic])  # noqa: PLW2901
            self._open((topic, partition), len(value)).append(key, value, headers)

    def rows(self, topic: str, partition: int, rows: Mapping[bytes, bytes | None]) -> None:
        """Records of one partition, in their order; None deletes."""
        place = (topic, partition)
        for key, value in rows.items():
            self._open(place, 0 if value is None else len(value)).append(key, value, None)

    def sealed(
        self, producer_id: int, epoch: int, time_ms: int, compression: Compression
    ) -> dict[Place, list[SealedBatch]]:
        """All of it as it is sent, and nothing is left."""
        found: dict[Place, list[SealedBatch]] = {}
        for place, batches in self.batches.items():
            sequence = self._next_sequences.get(place, 0)
            sealed: list[SealedBatch] = []
            for batch in batches:
                data = batch.sealed(producer_id, epoch, sequence, time_ms, compression)
                sealed.append(SealedBatch(data, batch.count))
                sequence += batch.count
                if len(self._spare) < _SPARE_MAX:
                    batch.clear()
                    self._spare.append(batch)
            self._next_sequences[place] = sequence
            found[place] = sealed
        self.batches = {}
        return found

    def _open(self, place: Place, value_bytes: int) -> RecordBatch:
        """The batch that takes a value of so many bytes."""
        batches = self.batches.get(place)
        if batches is None:
            batches = []
            self.batches[place] = batches
        elif batches[-1].size + value_bytes <= BATCH_BYTES_MAX:
            return batches[-1]
        batch = self._spare.pop() if self._spare else RecordBatch()
        batches.append(batch)
        return batch


def _headers(headers: Headers) -> bytes:
    writer = BytesWriter()
    write_long(writer, len(headers))
    for name, value in headers:
        encoded = name.encode("utf-8")
        write_long(writer, len(encoded))
        writer.write(encoded)
        if value is None:
            writer.append(_NULL)
        else:
            data = value.encode("utf-8") if isinstance(value, str) else value
            write_long(writer, len(data))
            writer.write(data)
    return writer.getvalue()


def _length_of(value: i64) -> i64:
    """Bytes of a value that is not negative as a zigzag variable-length integer."""
    length: i64 = 1
    rest: i64 = value >> 6
    while rest > 0:
        rest >>= 7
        length += 1
    return length
