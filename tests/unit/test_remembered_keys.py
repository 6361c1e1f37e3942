"""The filter over remembered ids never says no of what is stored, through walks and restarts."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.lane.remembered_keys import RememberedKeys
from pipeline.risk.keys import decision_key

KEYS = [b"D\x01u" + bytes([number]) for number in range(40)]


def test_of_a_lane_without_remembered_ids_nothing_is_looked_for() -> None:
    filtered = RememberedKeys(none_stored=True)
    assert not any(filtered.may_hold(key) for key in KEYS)
    filtered.add(KEYS[3])
    assert filtered.may_hold(KEYS[3])


def test_what_is_stored_and_not_walked_over_is_looked_for() -> None:
    filtered = RememberedKeys(none_stored=False)
    filtered.add(KEYS[0])
    assert all(filtered.may_hold(key) for key in KEYS)


def test_a_walk_makes_it_complete_and_forgets_what_is_gone() -> None:
    filtered = RememberedKeys(none_stored=False)
    filtered.begin_walk([])
    for key in KEYS[:10]:
        filtered.walked_by(key)
    assert filtered.may_hold(KEYS[20])
    filtered.end_walk()
    assert [filtered.may_hold(key) for key in KEYS] == [True] * 10 + [False] * 30
    filtered.begin_walk([])
    filtered.end_walk()
    assert not any(filtered.may_hold(key) for key in KEYS)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["remember", "store", "forget", "walk", "restart"]),
        st.integers(0, len(KEYS) - 1),
    ),
    max_size=60,
)


@given(STEPS)
def test_nothing_that_is_remembered_is_denied(steps: list[tuple[str, int]]) -> None:
    """A walk goes in key order, a few keys at a time, over what is stored at each step."""
    stored: set[bytes] = set()
    unstored: set[bytes] = set()
    filtered = RememberedKeys(none_stored=True)
    place: int | None = None
    for step, number in steps:
        key = KEYS[number]
        if step == "remember":
            filtered.add(key)
            unstored.add(key)
        elif step == "store":
            stored |= unstored
            unstored = set()
        elif step == "forget":
            stored.discard(key)
            unstored.discard(key)
        elif step == "restart":
            unstored, place = set(), None
            filtered = RememberedKeys(none_stored=not stored)
        else:
            if place is None:
                filtered.begin_walk(unstored)
                place = 0
            for passed in KEYS[place : place + number]:
                if passed in stored:
                    filtered.walked_by(passed)
            place += number
            if place >= len(KEYS):
                filtered.end_walk()
                place = None
        assert all(filtered.may_hold(known) for known in stored | unstored)


def test_a_walk_may_begin_with_rows_of_other_kinds_whose_keys_are_short() -> None:
    remembered = RememberedKeys(none_stored=False)
    remembered.begin_walk([b"L", b"G", decision_key("alice", "o1")])
    remembered.end_walk()
    assert remembered.may_hold(decision_key("alice", "o1"))
    assert not remembered.may_hold(decision_key("alice", "o2"))
