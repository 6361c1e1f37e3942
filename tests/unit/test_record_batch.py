"""Record batches: what aiokafka reads of them is what was put in, and nothing else.

Compiled, all batches of a commit are made at once in C (pipeline/native/sealing.c); what is made
where the library for that is missing is tested beside it.
"""

import random
from typing import Any

import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lane.batch import Headers, Output
from pipeline.risk.partition import partition_of
from pipeline.streaming.record_batch import (
    BATCH_BYTES_MAX,
    COMPRESSIONS,
    Compression,
    Outgoing,
    RecordBatch,
    made_one_by_one,
    made_together,
)

Record = tuple[bytes | None, bytes | None, Headers | None]

OPTIONAL = st.none() | st.binary(max_size=200)
HEADERS = st.none() | st.lists(
    st.tuples(st.text(max_size=70), st.none() | st.binary(max_size=70)), max_size=3
)
RECORDS: Any = st.lists(st.tuples(OPTIONAL, OPTIONAL, HEADERS), min_size=1, max_size=150)
INT64 = st.integers(0, 2**63 - 1)


def read(sealed: bytes) -> tuple[Any, list[Record]]:
    """(the batch as aiokafka parses it, its records)."""
    records = MemoryRecords(sealed)
    batch = records.next_batch()
    assert batch.validate_crc()
    assert not records.has_next()
    found = [
        (
            None if record.key is None else bytes(record.key),
            None if record.value is None else bytes(record.value),
            [(name, value) for name, value in record.headers] or None,
        )
        for record in batch
    ]
    return batch, found


def seal(
    batch: RecordBatch,
    compression: str,
    *,
    producer_id: int = 1,
    epoch: int = 0,
    sequence: int = 0,
    time_ms: int = 0,
) -> bytes:
    """A batch as it is sent; where it can be made in two ways, either is read back."""
    way: Compression = COMPRESSIONS[compression]
    head = batch.head(producer_id, epoch, sequence, time_ms, way)
    (made,) = made_one_by_one([head], [batch.writer], way)
    together = made_together([head], [batch.writer]) if compression == "lz4" else None
    if together is not None:
        assert read(together[0])[1] == read(made)[1]
        return together[0]
    return made


def put_all(outgoing: Outgoing, outputs: list[Output]) -> None:
    """Records in their order."""
    for topic, value, key, partition, headers in outputs:
        outgoing.put(topic, value[:2], value[2:], key, partition, headers)


@given(records=RECORDS, compression=st.sampled_from(sorted(COMPRESSIONS)), producer=INT64)
def test_a_reader_finds_what_was_appended(
    records: list[Record], compression: str, producer: int
) -> None:
    batch = RecordBatch()
    for key, value, headers in records:
        head, body = (b"", None) if value is None else (value[:5], value[5:])
        batch.append(key, head, body, headers)
    sealed = seal(
        batch,
        compression,
        producer_id=producer,
        epoch=7,
        sequence=40,
        time_ms=1_700_000_000_123,
    )
    parsed, found = read(sealed)
    assert found == [(key, value, headers or None) for key, value, headers in records]
    assert parsed.producer_id == producer
    assert parsed.is_transactional
    assert not parsed.is_control_batch
    assert parsed.next_offset == len(records) == batch.count
    assert parsed.first_timestamp == parsed.max_timestamp == 1_700_000_000_123
    assert parsed.compression_type == COMPRESSIONS[compression].number


def test_producer_epoch_and_sequence_are_where_kafka_looks_for_them() -> None:
    batch = RecordBatch()
    batch.append(b"k", b"", b"v", None)
    sealed = seal(batch, "none", epoch=7, sequence=40)
    # The protocol guide, "Record Batch": epoch at byte 51, base sequence at 53, count at 57.
    assert sealed[51:53] == b"\x00\x07"
    assert sealed[53:57] == b"\x00\x00\x00\x28"
    assert sealed[57:61] == b"\x00\x00\x00\x01"
    assert int.from_bytes(sealed[8:12], "big") == len(sealed) - 12


@pytest.mark.parametrize("length", [0, 1, 62, 63, 64, 65, 8_191, 8_192, 8_193, 2_000_000])
def test_lengths_around_each_further_byte(length: int) -> None:
    batch = RecordBatch()
    batch.append(bytes(length), b"", bytes(length), None)
    _, found = read(seal(batch, "none"))
    assert found == [(bytes(length), bytes(length), None)]


def test_records_go_where_their_partition_or_their_key_says() -> None:
    outgoing = Outgoing({"events": 4}, [])
    put_all(
        outgoing,
        [
            ("audit", b"1", b"u", 2, None),
            ("events", b"2", b"tenant", None, None),
            ("audit", b"3", b"u", 2, [("traceparent", "00")]),
        ],
    )
    outgoing.rows("changelog", 2, {b"a": b"1", b"b": None})
    found = {
        place: [read(seal(batch, "lz4"))[1] for batch in batches]
        for place, batches in outgoing.batches.items()
    }
    assert found == {
        ("audit", 2): [[(b"u", b"1", None), (b"u", b"3", [("traceparent", b"00")])]],
        ("events", partition_of(b"tenant", 4)): [[(b"tenant", b"2", None)]],
        ("changelog", 2): [[(b"a", b"1", None), (b"b", None, None)]],
    }


@pytest.mark.parametrize("as_rows", [True, False])
def test_a_full_batch_is_followed_by_another(as_rows: bool) -> None:
    outgoing = Outgoing({}, [])
    third = bytes(BATCH_BYTES_MAX // 3)
    keys = [str(number).encode() for number in range(5)]
    if as_rows:
        outgoing.rows("t", 0, dict.fromkeys(keys, third))
    else:
        put_all(outgoing, [("t", third, key, 0, None) for key in keys])
    batches = outgoing.batches["t", 0]
    assert [batch.count for batch in batches] == [2, 2, 1]
    assert all(batch.size <= BATCH_BYTES_MAX for batch in batches)
    read_back = [record[0] for batch in batches for record in read(seal(batch, "none"))[1]]
    assert read_back == keys


def test_buffers_serve_again_and_hold_nothing_of_what_was() -> None:
    spare: list[RecordBatch] = []
    for number in range(3):
        outgoing = Outgoing({}, spare)
        put_all(outgoing, [("t", b"v" * (3 - number), str(number).encode(), 0, None)] * 2)
        found = outgoing.sealed(9, number, {}, 5, COMPRESSIONS["lz4"])
        ((batch,),) = found.values()
        assert len(spare) == 1
        parsed, records = read(batch.data)
        assert records == [(str(number).encode(), b"v" * (3 - number), None)] * 2
        assert (parsed.producer_id, batch.count) == (9, 2)
        assert outgoing.sealed(9, 3, {}, 5, COMPRESSIONS["lz4"]) == {}


def test_sequences_of_a_partition_go_on_from_batch_to_batch() -> None:
    outgoing = Outgoing({}, [])
    third = bytes(BATCH_BYTES_MAX // 3)
    put_all(outgoing, [("t", third, None, 0, None)] * 5)
    sequences: dict[tuple[str, int], int] = {}
    (batches,) = outgoing.sealed(9, 1, sequences, 5, COMPRESSIONS["lz4"]).values()
    put_all(outgoing, [("t", b"", None, 0, None)])
    (more,) = outgoing.sealed(9, 1, sequences, 5, COMPRESSIONS["lz4"]).values()
    found = [int.from_bytes(batch.data[53:57], "big") for batch in batches + more]
    assert found == [0, 2, 4, 5]


def test_what_is_larger_than_a_batch_goes_alone() -> None:
    outgoing = Outgoing({}, [])
    large = bytes(3 * BATCH_BYTES_MAX)
    put_all(outgoing, [("t", value, b"k", 0, None) for value in (b"1", large, b"2")])
    assert [batch.count for batch in outgoing.batches["t", 0]] == [1, 1, 1]


@pytest.mark.parametrize("length", [1, 65_536, 65_537, 262_145, 1_048_577, 9_000_000])
@pytest.mark.parametrize("same", [True, False])
def test_lz4_of_any_size_whether_or_not_it_becomes_smaller(length: int, same: bool) -> None:
    batch = RecordBatch()
    value = bytes(length) if same else random.Random(length).randbytes(length)
    batch.append(None, b"", value, None)
    assert read(seal(batch, "lz4"))[1] == [(None, value, None)]
