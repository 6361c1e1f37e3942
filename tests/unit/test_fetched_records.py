"""Records of a fetch: what is handed out is what aiokafka itself would hand out one by one."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from pipeline.streaming.transport import PlainRecords

ABORT, COMMIT = b"\x00\x00\x00\x00", b"\x00\x00\x00\x01"


class Record:
    """What both look at of a record."""

    def __init__(self, offset: int, key: bytes | None = None) -> None:
        self.offset = offset
        self.timestamp = self.timestamp_type = self.checksum = 0
        self.key, self.value = key, b""
        self.headers: list[tuple[str, bytes]] = []


class Batch:
    """What both look at of a batch; iterating takes its records out, as the parsed one's does."""

    def __init__(self, base: int, end: int, records: list[Record], **marks: Any) -> None:
        self.base_offset, self.next_offset = base, end
        self.producer_id = marks.get("producer_id")
        self.is_transactional = self.producer_id is not None
        self.is_control_batch = marks.get("control", False)
        self._records = iter(records)

    def validate_crc(self) -> bool:
        """It arrived whole."""
        return True

    def __iter__(self) -> "Batch":
        return self

    def __next__(self) -> Record:
        return next(self._records)


class Batches:
    """What aiokafka parses an answer into."""

    def __init__(self, batches: list[Batch]) -> None:
        self._left = list(batches)

    def has_next(self) -> bool:
        """Whether there is another one."""
        return bool(self._left)

    def next_batch(self) -> Batch:
        """The next one."""
        return self._left.pop(0)


# Of each batch: how long, which of its offsets compaction has left, whose, and what it is.
Drawn = tuple[int, set[int], int | None, str]
DRAWN = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.sets(st.integers(0, 5)),
        st.sampled_from([None, 7, 8]),
        st.sampled_from(["records", "records", "records", "abort", "commit"]),
    ),
    max_size=12,
)


def batches_of(drawn: list[Drawn]) -> list[Batch]:
    """The batches, from offset 10 on."""
    made: list[Batch] = []
    base = 10
    for length, left, producer_id, kind in drawn:
        if kind == "records":
            offsets = [base + at for at in sorted(left) if at < length]
            records = [Record(offset) for offset in offsets]
            made.append(Batch(base, base + length, records, producer_id=producer_id))
            base += length
        else:
            marker = Record(base, ABORT if kind == "abort" else COMMIT)
            whose = 7 if producer_id is None else producer_id
            made.append(Batch(base, base + 1, [marker], producer_id=whose, control=True))
            base += 1
    return made


def aborted_of(drawn: list[Drawn]) -> list[tuple[int, int]]:
    """(producer, first offset) of the transactions that an abort marker ends."""
    found: list[tuple[int, int]] = []
    first: dict[int, int] = {}
    base = 10
    for length, _, producer_id, kind in drawn:
        whose = 7 if producer_id is None else producer_id
        if kind == "records":
            if producer_id is not None:
                first.setdefault(producer_id, base)
            base += length
            continue
        begun = first.pop(whose, None)
        if kind == "abort" and begun is not None:
            found.append((whose, begun))
        base += 1
    return found


def one_by_one(records: Any, at_most: int) -> tuple[list[int], bool]:
    """As aiokafka's own `getall` takes them."""
    taken = [record.offset for record in islice(records, at_most)]
    return taken, len(taken) < at_most


@given(DRAWN, st.integers(0, 4), st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_records_come_as_aiokafka_hands_them_out(
    drawn: list[Drawn], later: int, sizes: list[int]
) -> None:
    # The broker answers with the batch that holds what was asked for.
    length = drawn[0][0] if drawn and drawn[0][3] == "records" else 1
    first = 10 + min(later, length - 1)

    def made(kind: Any) -> Any:
        batches: Any = Batches(batches_of(drawn))
        aborted = aborted_of(drawn)
        return kind(TP("orders", 0), batches, aborted, first, None, None, False, READ_COMMITTED)

    plain, theirs = made(PlainRecords), made(PartitionRecords)

    def asked() -> Iterator[int]:
        while True:
            yield from sizes

    for at_most in asked():
        records, ended = plain.take(at_most)
        expected, over = one_by_one(theirs, at_most)
        assert [record.offset for record in records] == expected
        assert ended == over
        assert plain.next_fetch_offset == theirs.next_fetch_offset
        if ended:
            return
