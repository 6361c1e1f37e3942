"""Records on their way out, as the batches that a broker appends.

Owns the bytes of Kafka's record batches (magic 2) and which batch a record goes into. Source: the
protocol guide, "Record Batch", and org.apache.kafka.common.record.DefaultRecordBatch. Each batch is
of one partition and part of a transaction. No I/O. Compiled with mypyc.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Final

from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.util import calc_crc32c
from librt.strings import BytesWriter
from mypy_extensions import i64

from pipeline.codecs.primitives import write_long
from pipeline.lane.batch import Headers, OutputSink
from pipeline.risk.partition import partition_of

Place = tuple[str, int]

# What a batch holds before it is compressed; one larger record goes alone. Far below what every
# topic of the project takes (topics.py), and large enough that its own bytes do not count.
BATCH_BYTES_MAX: Final = 524_288

# Buffers that are kept.
_SPARE_MAX: Final = 96
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
# Its number in a batch's attributes.
_LZ4: Final = 3


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
    "lz4": Compression(_LZ4, _fast_lz4),
    "zstd": Compression(4, _fast_zstd),
}


class RecordBatch:
    """Records of one partition, in their order."""

    def __init__(self) -> None:
        self.writer: Final = BytesWriter()
        self.count: i64 = 0

    def clear(self) -> None:
        """Begin anew in the same buffer."""
        self.writer.truncate(0)
        self.count = 0

    def append(
        self, key: bytes | None, frame: bytes, body: bytes | None, headers: Headers | None
    ) -> None:
        """One more record, whose value is `frame` and `body`; None as a body is a tombstone."""
        writer = self.writer
        names = b"\x00" if headers is None else _headers(headers)
        offset = self.count
        key_bytes: i64 = 0 if key is None else len(key)
        value_bytes: i64 = 0 if body is None else len(frame) + len(body)
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
        if body is None:
            writer.append(_NULL)
        else:
            write_long(writer, value_bytes)
            writer.write(frame)
            writer.write(body)
        writer.write(names)
        self.count = offset + 1

    @property
    def size(self) -> i64:
        """Bytes of its records so far."""
        return len(self.writer)

    def head(
        self, producer_id: int, epoch: int, sequence: int, time_ms: int, compression: Compression
    ) -> bytes:
        """What a batch's CRC covers before the records.

        `sequence` is its first record's, `time_ms` the time of all.
        """
        return _HEAD.pack(
            _TRANSACTIONAL | compression.number,
            self.count - 1,
            time_ms,
            time_ms,
            producer_id,
            epoch,
            sequence,
            self.count,
        )


class SealedBatch:
    """A batch as it is sent, and how many records it has."""

    def __init__(self, data: bytes, count: int) -> None:
        self.data: Final = data
        self.count: Final = count


class Outgoing(OutputSink):
    """What a producer's transaction sends, by partition.

    `partition_counts`: topic -> partitions, for records that go where their key belongs. `spare`:
    buffers that have served, kept for the transactions to come.
    """

    def __init__(self, partition_counts: dict[str, int], spare: list[RecordBatch]) -> None:
        self._partition_counts: Final = partition_counts
        self._spare: Final = spare
        self.batches: dict[Place, list[RecordBatch]] = {}
        # The last batch of each partition by topic.
        self._open: Final[dict[str, dict[int, RecordBatch]]] = {}

    def put(
        self,
        topic: str,
        frame: bytes,
        body: bytes,
        key: bytes | None,
        partition: int | None,
        headers: Headers | None,
    ) -> None:
        """Take a record, whose value is `frame` and `body`; `partition` None: by its key."""
        if partition is None:
            partition = partition_of(key or b"", self._partition_counts[topic])
        batch = self._batch(topic, partition, len(frame) + len(body))
        batch.append(key, frame, body, headers)

    def rows(self, topic: str, partition: int, rows: Mapping[bytes, bytes | None]) -> None:
        """Take records of one partition, in their order; None deletes."""
        for key, value in rows.items():
            size = 0 if value is None else len(value)
            self._batch(topic, partition, size).append(key, b"", value, None)

    def sealed(
        self,
        producer_id: int,
        epoch: int,
        next_sequences: dict[Place, int],
        time_ms: int,
        compression: Compression,
    ) -> dict[Place, list[SealedBatch]]:
        """All of it as it is sent, and nothing is left. `next_sequences` are brought up to date."""
        heads: list[bytes] = []
        writers: list[BytesWriter] = []
        for place, batches in self.batches.items():
            sequence = next_sequences.get(place, 0)
            for batch in batches:
                heads.append(batch.head(producer_id, epoch, sequence, time_ms, compression))
                writers.append(batch.writer)
                sequence += batch.count
            next_sequences[place] = sequence
        made = _made(heads, writers, compression)
        made.reverse()
        found: dict[Place, list[SealedBatch]] = {}
        for place, batches in self.batches.items():
            found[place] = [SealedBatch(made.pop(), batch.count) for batch in batches]
            for batch in batches:
                if len(self._spare) < _SPARE_MAX:
                    batch.clear()
                    self._spare.append(batch)
        self.batches = {}
        self._open.clear()
        return found

    def _batch(self, topic: str, partition: int, value_bytes: i64) -> RecordBatch:
        """The batch that takes a value of so many bytes."""
        of_topic = self._open.get(topic)
        if of_topic is not None:
            batch = of_topic.get(partition)
            if batch is not None and batch.size + value_bytes <= BATCH_BYTES_MAX:
                return batch
        return self._another(topic, partition)

    def _another(self, topic: str, partition: int) -> RecordBatch:
        try:
            # The thread of commits puts them back meanwhile.
            batch = self._spare.pop()
        except IndexError:
            batch = RecordBatch()
        self.batches.setdefault((topic, partition), []).append(batch)
        self._open.setdefault(topic, {})[partition] = batch
        return batch


def _made(heads: list[bytes], records: list[BytesWriter], compression: Compression) -> list[bytes]:
    made = made_together(heads, records) if compression.number == _LZ4 else None
    return made_one_by_one(heads, records, compression) if made is None else made


def made_one_by_one(
    heads: list[bytes], records: list[BytesWriter], compression: Compression
) -> list[bytes]:
    """Batches as they are sent, of their heads and records."""
    batches = []
    for head, writer in zip(heads, records, strict=True):
        body = head + compression.compress(writer.getvalue())
        lead = _LEAD.pack(0, len(body) + _LEAD_COUNTED, _NO_LEADER_EPOCH, _MAGIC, calc_crc32c(body))
        batches.append(lead + body)
    return batches


def made_together(heads: list[bytes], records: list[BytesWriter]) -> list[bytes] | None:
    """The same by LZ4, all at once and without Python's lock; None: that cannot be done here.

    Compiled, this gives way to pipeline/native/sealing.c.
    """
    del heads, records
    return None


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
