"""The merge of a lane's inputs: its order, what it waits for, and for how long."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from pipeline.streaming.merge import Fetch, LaneMerge, MergedBatch

FACTS, ORDERS = 0, 1
SYNC_US = 50_000


@dataclass(frozen=True)
class Rec:
    """A fetched record as far as the merge looks."""

    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def fetch(number: int, sent_us: int = 0, answered_us: int = 0) -> Fetch:
    return Fetch(number, sent_us, answered_us)


def offsets(batch: MergedBatch | None) -> list[tuple[int, int]]:
    assert batch is not None
    return [(topic, record.offset) for topic, record in batch.records]


def test_an_order_leaves_at_once_when_its_own_fetch_found_no_fact_before_it() -> None:
    merge = LaneMerge(2, SYNC_US)
    merge.add(ORDERS, [Rec(0, 10)], fetch(1))
    merge.observe(ORDERS, fetch(1), at_end=True)
    merge.observe(FACTS, fetch(1), at_end=True)
    batch = merge.take(0, 100)
    assert offsets(batch) == [(ORDERS, 0)]
    assert batch is not None
    assert not batch.out_of_sync


def test_a_fact_waits_for_a_fetch_that_was_sent_after_it_came() -> None:
    merge = LaneMerge(2, SYNC_US)
    merge.add(FACTS, [Rec(0, 10)], fetch(1, 0, 100))
    merge.observe(FACTS, fetch(1, 0, 100), at_end=True)
    merge.observe(ORDERS, fetch(1, 0, 100), at_end=True)
    assert merge.take(0, 100) is None
    merge.observe(ORDERS, fetch(2, 50, 150), at_end=True)
    assert merge.take(0, 100) is None
    merge.observe(ORDERS, fetch(3, 100, 200), at_end=True)
    assert offsets(merge.take(0, 100)) == [(FACTS, 0)]


def test_a_deposit_that_is_not_fetched_yet_does_not_lose_to_the_order_it_pays_for() -> None:
    merge = LaneMerge(2, SYNC_US)
    merge.add(ORDERS, [Rec(0, 20)], fetch(1))
    merge.observe(ORDERS, fetch(1), at_end=True)
    merge.observe(FACTS, fetch(1), at_end=False)
    assert merge.take(0, 100) is None
    merge.add(FACTS, [Rec(0, 10)], fetch(2, 5, 6))
    merge.observe(FACTS, fetch(2, 5, 6), at_end=True)
    merge.observe(ORDERS, fetch(2, 5, 6), at_end=True)
    assert offsets(merge.take(0, 100)) == [(FACTS, 0), (ORDERS, 0)]


def test_after_the_longest_wait_the_lane_goes_on_and_says_so() -> None:
    merge = LaneMerge(2, SYNC_US)
    merge.add(ORDERS, [Rec(0, 20)], fetch(1))
    merge.observe(FACTS, fetch(1), at_end=False)
    assert merge.take(1_000, 100) is None
    assert merge.take(1_000 + SYNC_US - 1, 100) is None
    batch = merge.take(1_000 + SYNC_US, 100)
    assert offsets(batch) == [(ORDERS, 0)]
    assert batch is not None
    assert batch.out_of_sync


def test_equal_times_leave_facts_first() -> None:
    merge = LaneMerge(2, SYNC_US)
    merge.add(ORDERS, [Rec(0, 10), Rec(1, 11)], fetch(1))
    merge.add(FACTS, [Rec(7, 10)], fetch(1))
    for topic in (FACTS, ORDERS):
        merge.observe(topic, fetch(1), at_end=True)
    assert offsets(merge.take(0, 100)) == [(FACTS, 7), (ORDERS, 0), (ORDERS, 1)]


@given(
    times=st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=3, max_size=3),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=8),
)
def test_nothing_is_lost_and_offset_order_holds_however_it_is_cut(
    times: list[list[int]], sizes: list[int]
) -> None:
    merge = LaneMerge(3, SYNC_US)
    for topic, stamps in enumerate(times):
        merge.add(topic, [Rec(offset, stamp) for offset, stamp in enumerate(stamps)], fetch(1))
        merge.observe(topic, fetch(2, 10, 11), at_end=True)
    left: list[tuple[int, int]] = []
    turn = 0
    while (batch := merge.take(0, sizes[turn % len(sizes)])) is not None:
        left += offsets(batch)
        turn += 1
    expected = []
    for topic, stamps in enumerate(times):
        highest = 0
        for offset, stamp in enumerate(stamps):
            highest = max(highest, stamp)
            expected.append((highest, topic, offset))
    assert left == [(topic, offset) for _, topic, offset in sorted(expected)]
    assert merge.buffered == 0
