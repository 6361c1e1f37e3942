"""The judge of the fault harness is judged itself: nothing in a sound run, every lie found."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final

import pytest

from tests.chaos.checker import Verdict, judge_history
from tests.chaos.checker_auditor import LaneAuditor
from tests.chaos.checker_findings import VIOLATIONS_MAX
from tests.chaos.checker_history import CHANGELOG, INPUTS, History, Record
from tests.chaos.checker_recorded import Run
from tests.chaos.checker_tampering import (
    Content,
    alter,
    alter_rows,
    content,
    double,
    drop,
    find,
    lie,
    row_value,
    swap,
    with_records,
)
from tests.oracle.auditor import Auditor
from tests.property.histories import LANE, LANE_COUNT, seeded_history

pytestmark = pytest.mark.property

SEEDS: Final = range(6)
LENGTH: Final = 120


@cache
def run_of(seed: int) -> History:
    """What a sound lane leaves after a hostile history."""
    run = Run()
    for given in seeded_history(seed, LENGTH):
        run.apply(given)
    return run.history()


@pytest.fixture(scope="module")
def sound() -> History:
    """A run in which everything happens that the tests lie about."""
    return run_of(3)


def found(history: History, kind: str, words: str) -> bool:
    """Whether the judge finds something of a kind, counts it, and says it in these words."""
    verdict = judge_history(history)
    counts = {
        "lost": verdict.lost,
        "doubled": verdict.doubled,
        "contradicted": verdict.contradicted,
        "broken": len(verdict.violations),
    }
    sentences = [text for text in verdict.violations if text.startswith(f"{kind}: ")]
    assert any(words in text for text in sentences), verdict.violations[:5]
    return counts[kind] > 0


def first_answer(said: Content) -> bool:
    """An accepted NEW, answered for the first time."""
    return (said["verdict"], said["action"], said["duplicate_of"]) == ("ACCEPTED", "NEW", None)


def refused_for(reason: str) -> Callable[[Content], bool]:
    """An order that was refused for a reason, for the first time."""
    return lambda said: said["reason_code"] == reason and said["duplicate_of"] is None


def is_repeat(said: Content) -> bool:
    return said["duplicate_of"] is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sound_run_has_no_violations(seed: int) -> None:
    history = run_of(seed)
    inputs = sum(len(history.records[topic]) for topic in INPUTS)
    assert judge_history(history) == Verdict(inputs, 0, 0, 0, [])
    assert inputs > LENGTH


@pytest.mark.parametrize("seed", SEEDS)
def test_running_totals_lead_to_the_same_answers_as_sums_over_everything(seed: int) -> None:
    plain, running = Auditor(LANE, LANE_COUNT), LaneAuditor(LANE, LANE_COUNT)
    for given in seeded_history(seed, LENGTH):
        expected = plain.apply(*given)
        gate_time = given.timestamp_ms * 1000
        assert running.apply_at(gate_time, given.topic, given.key, given.value) == expected
    assert plain.books.keys() == running.books.keys()
    for user, book in plain.books.items():
        ours = running.books[user]
        assert {c: (book.cash(c), book.held(c)) for c in book.currencies()} == {
            c: (ours.cash(c), ours.held(c)) for c in ours.currencies() | book.currencies()
        }


def test_nothing_at_all_is_sound() -> None:
    assert judge_history(Run().history()) == Verdict(0, 0, 0, 0, [])


# Inputs and the audit


def test_an_input_without_an_audit_record_is_lost(sound: History) -> None:
    last = len(sound.records["audit"]) - 1
    assert found(drop(sound, "audit", last), "lost", "was never applied")
    assert found(drop(sound, "audit", 40), "lost", "was never applied")
    assert found(drop(sound, "audit", 40), "broken", "sequence 41 was due")


def test_an_input_with_two_audit_records_is_doubled(sound: History) -> None:
    assert found(double(sound, "audit", 40), "doubled", "was applied 2 times")


def test_swapped_audit_records_are_out_of_order(sound: History) -> None:
    assert found(swap(sound, "audit", 40), "broken", "was due")


def test_offsets_of_a_topic_that_go_back_are_out_of_order(sound: History) -> None:
    orders = [
        index
        for index, record in enumerate(sound.records["audit"])
        if content(record)["source_topic"] == "orders"
    ]
    one, other = (content(sound.records["audit"][index]) for index in orders[:2])
    crossed = lie(sound, one["lane_sequence"], {"source_offset": other["source_offset"]})
    crossed = lie(crossed, other["lane_sequence"], {"source_offset": one["source_offset"]})
    assert found(crossed, "broken", "of the topic was applied before")


def test_an_audit_record_of_no_input_is_found(sound: History) -> None:
    assert found(drop(sound, "orders", 5), "contradicted", "was applied and is no input")


def test_an_audit_record_with_other_bytes_than_the_input_is_found(sound: History) -> None:
    lied = lie(sound, 40, {"key": b"somebody"})
    assert found(lied, "contradicted", "holds other bytes than the input")


def test_a_changed_audit_record_breaks_the_chain(sound: History) -> None:
    changed = alter(sound, "audit", 40, out_of_sync=True)
    assert found(changed, "broken", "previous_hash is not the hash")


def test_gate_time_that_goes_back_is_found(sound: History) -> None:
    before = content(sound.records["audit"][59])["gate_time"]
    wall = replace(sound, clock="wall")
    assert found(lie(wall, 61, {"gate_time": before - 1}), "broken", "gate time went back")


def test_a_gate_time_that_is_not_the_records_is_found(sound: History) -> None:
    last = content(sound.records["audit"][-1])
    later = lie(sound, last["lane_sequence"], {"gate_time": last["gate_time"] + 1})
    assert found(later, "contradicted", "the record's clock says")


# Decisions


def test_a_decision_that_was_not_published_is_lost(sound: History) -> None:
    assert found(drop(sound, "decisions", 5), "lost", "its decision was not published")


def test_a_decision_that_was_published_twice_is_doubled(sound: History) -> None:
    twice = double(sound, "decisions", 5)
    assert found(twice, "doubled", "its decision was published again")
    assert found(twice, "broken", "stands after")


def test_decisions_in_another_order_are_found(sound: History) -> None:
    assert found(swap(sound, "decisions", 5), "broken", "stands after")


def test_a_published_decision_that_the_audit_has_not_is_found(sound: History) -> None:
    index = find(sound, "decisions", first_answer)
    altered = alter(sound, "decisions", index, verdict="REJECTED")
    assert found(altered, "contradicted", "is not the decision of the audit")


def test_a_decision_of_an_input_that_is_no_order_is_found(sound: History) -> None:
    money = find(sound, "audit", lambda said: said["source_topic"] == "deposits") + 1
    index = find(sound, "decisions", first_answer)
    stray = alter(sound, "decisions", index, lane_sequence=money)
    assert found(stray, "contradicted", "is a decision that the audit has not")


@pytest.mark.parametrize("reason", ["ORDER_QUANTITY", "POSITION_LIMIT", "ORDER_RATE"])
def test_an_order_accepted_above_its_limit_is_found_even_in_a_consistent_lie(reason: str) -> None:
    history = next(
        history
        for history in map(run_of, range(40))
        if any(refused_for(reason)(content(record)) for record in history.records["decisions"])
    )
    said = content(history.records["decisions"][find(history, "decisions", refused_for(reason))])
    accepted = {"verdict": "ACCEPTED", "reason_code": "ACCEPTED"}
    lied = lie(history, said["lane_sequence"], {"reason_code": "ACCEPTED"}, accepted)
    assert found(lied, "contradicted", f"it was accepted, and must fail with {reason}, with")


def test_an_accepted_order_that_is_said_to_be_refused_is_found(sound: History) -> None:
    said = content(sound.records["decisions"][find(sound, "decisions", first_answer)])
    refused = {"verdict": "REJECTED", "reason_code": "USER_HALTED"}
    lied = lie(sound, said["lane_sequence"], {"reason_code": "USER_HALTED"}, refused)
    assert found(lied, "contradicted", "it ended as DECISION USER_HALTED, not as DECISION ACCEPTED")


def test_a_wrong_hold_is_found(sound: History) -> None:
    said = content(sound.records["decisions"][find(sound, "decisions", first_answer)])
    more = {"hold_minor": said["hold_minor"] + 1}
    lied = lie(sound, said["lane_sequence"], {}, more)
    assert found(lied, "contradicted", f"hold_minor is {more['hold_minor']} instead of")


def test_a_wrong_figure_of_a_check_is_found(sound: History) -> None:
    said = content(sound.records["decisions"][find(sound, "decisions", first_answer)])
    checks = [
        line | ({"headroom": line["headroom"] + 1} if line["check"] == "BUYING_POWER" else {})
        for line in said["checks"]
    ]
    lied = lie(sound, said["lane_sequence"], {}, {"checks": checks})
    assert found(lied, "contradicted", "Check(check='BUYING_POWER'")


def test_another_order_in_an_accepted_decision_is_found(sound: History) -> None:
    said = content(sound.records["decisions"][find(sound, "decisions", first_answer)])
    other = {"order": said["order"] | {"quantity_lots": 1 + said["order"]["quantity_lots"]}}
    lied = lie(sound, said["lane_sequence"], {}, other)
    assert found(lied, "contradicted", "does not carry the order as it was sent")


def test_a_second_first_answer_is_doubled(sound: History) -> None:
    repeat = content(sound.records["decisions"][find(sound, "decisions", is_repeat)])
    first = content(
        sound.records["decisions"][
            find(sound, "decisions", lambda s: s["lane_sequence"] == repeat["duplicate_of"])
        ]
    )
    anew = {name: first[name] for name in ("checks", "order")} | {"duplicate_of": None}
    lied = lie(sound, repeat["lane_sequence"], {}, anew)
    assert found(lied, "doubled", "got its first answer at sequence")


def test_a_repeat_that_says_something_else_is_found(sound: History) -> None:
    repeat = content(sound.records["decisions"][find(sound, "decisions", is_repeat)])
    other = {"reason_code": "USER_HALTED", "verdict": "REJECTED"}
    lied = lie(sound, repeat["lane_sequence"], {"reason_code": "USER_HALTED"}, other)
    assert found(lied, "contradicted", "and the first answer was")


# Dead letters and events


def test_a_dead_letter_that_was_not_published_is_lost(sound: History) -> None:
    assert found(drop(sound, "dead-letters", 0), "lost", "its dead letter was not published")


def test_a_dead_letter_with_another_reason_is_found(sound: History) -> None:
    other = alter(sound, "dead-letters", 0, reason_code="NULL_KEY!")
    assert found(other, "contradicted", "is not the dead letter of the audit")


def test_an_event_that_was_not_published_is_lost(sound: History) -> None:
    assert found(drop(sound, "regulatory-events", 9), "lost", "was not published")


def test_an_event_that_was_published_twice_is_doubled(sound: History) -> None:
    assert found(double(sound, "regulatory-events", 9), "doubled", "too many")


def test_an_event_with_other_words_does_not_fit_the_digest(sound: History) -> None:
    index = find(sound, "regulatory-events", lambda said: said["event_type"] == "NEWO")
    other = alter(sound, "regulatory-events", index, quantity_lots=10**6)
    assert found(other, "contradicted", "outputs_digest is not that of what was published")


def test_a_day_that_closes_with_a_wrong_count_is_found() -> None:
    def is_close(said: Content) -> bool:
        return bool(said["event_type"] == "DAY_CLOSE")

    history = next(
        history
        for history in map(run_of, range(40))
        if any(is_close(content(record)) for record in history.records["regulatory-events"])
    )
    other = alter(
        history,
        "regulatory-events",
        find(history, "regulatory-events", is_close),
        day_event_count=-1,
    )
    assert found(other, "contradicted", "closes a day of")


def test_an_output_in_a_foreign_partition_is_found(sound: History) -> None:
    records = list(sound.records["decisions"])
    records[-1] = records[-1]._replace(partition=1 - LANE, offset=0)
    moved = with_records(sound, "decisions", records)
    assert found(moved, "contradicted", f"belongs into partition {LANE}")


def test_an_output_that_cannot_be_read_is_found(sound: History) -> None:
    records = list(sound.records["decisions"])
    whole = records[-1].value or b""
    for value, words in ((whole[:9], "cannot be read"), (b"\x01" + whole, "no frame")):
        records[-1] = records[-1]._replace(value=value)
        assert found(with_records(sound, "decisions", records), "contradicted", words)


# State


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (b"B", "cash_minor"),
        (b"P", "position_lots"),
        (b"O", "hold_minor"),
        (b"D", "lane_sequence"),
        (b"X", "touched_at"),
        (b"T", "touched_at"),
        (b"M", "price_e9"),
        (b"U", "orders_count"),
        (b"G", "control_number"),
        (b"C", "version"),
    ],
)
def test_a_row_that_says_something_else_is_found(kind: bytes, field: str) -> None:
    history = run_of(0)

    def change(record: Record, row: Content) -> Record:
        if record.value is None:
            return record
        return record._replace(value=row_value(kind, row | {field: row[field] + 1}))

    said = "is stored as it was not sent" if kind == b"C" else f"says {field}"
    assert found(alter_rows(history, kind, change), "contradicted", said)


@pytest.mark.parametrize("kind", [b"B", b"P", b"O", b"D", b"X", b"T", b"M", b"U", b"G", b"C"])
def test_a_row_that_is_missing_is_lost(kind: bytes) -> None:
    said = "is not stored" if kind == b"C" else "is missing in the changelog"
    assert found(alter_rows(run_of(0), kind, lambda *_: None), "lost", said)


@pytest.mark.parametrize("kind", [b"O", b"W"])
def test_a_row_whose_deletion_is_missing_is_found(kind: bytes) -> None:
    def change(record: Record, _: Content) -> Record | None:
        return None if record.value is None else record

    history = next(
        history
        for history in map(run_of, range(40))
        if any(
            record.value is None and (record.key or b"").startswith(kind)
            for record in history.records[CHANGELOG]
        )
    )
    assert found(alter_rows(history, kind, change), "contradicted", "and nothing leads to it")


def test_holds_that_are_not_those_of_the_open_orders_are_found_from_the_rows_alone() -> None:
    def change(record: Record, row: Content) -> Record:
        return record._replace(value=row_value(b"B", row | {"held_minor": row["held_minor"] + 1}))

    altered = alter_rows(run_of(0), b"B", change)
    assert found(altered, "contradicted", "its orders and positions hold")


def test_an_old_version_of_a_row_is_found(sound: History) -> None:
    last: dict[bytes | None, Record] = {}
    for record in sound.records[CHANGELOG]:
        last[record.key] = record
    key = next(k for k in last if (k or b"").startswith(b"B"))
    records = [record for record in sound.records[CHANGELOG] if record != last[key]]
    assert found(with_records(sound, CHANGELOG, records), "contradicted", "says cash_minor")


def test_ids_that_the_sweep_has_removed_are_not_missed() -> None:
    history = next(history for history in map(run_of, range(40)) if expired(history))
    gone = expired(history)
    records = [record for record in history.records[CHANGELOG] if record.key not in gone]
    assert judge_history(with_records(history, CHANGELOG, records)).violations == []


def expired(history: History) -> set[bytes | None]:
    """Keys of remembered rows that no longer count."""
    head = [r for r in history.records[CHANGELOG] if r.key == b"G"][-1]
    touched: dict[bytes | None, int] = {}
    bounds: list[int] = []

    def look(record: Record, row: Content) -> Record:
        touched[record.key] = row.get("touched_at", -1)
        bounds.append(row.get("forgotten_before", 0))
        return record

    for kind in (b"D", b"X", b"T"):
        alter_rows(history, kind, look)
    alter_rows(with_records(history, CHANGELOG, [head]), b"G", look)
    return {key for key, at in touched.items() if 0 <= at < bounds[-1]}


def test_a_group_that_is_behind_or_ahead_of_the_state_is_found(sound: History) -> None:
    for step in (-1, 1):
        place = ("orders", LANE)
        moved = replace(sound, committed=sound.committed | {place: sound.committed[place] + step})
        assert found(moved, "contradicted", "the group goes on at offset")


def test_a_lane_row_that_is_behind_is_found(sound: History) -> None:
    def change(record: Record, row: Content) -> Record:
        applied = row["applied"] | {"orders": row["applied"].get("orders", 1) - 1}
        return record._replace(value=row_value(b"L", row | {"applied": applied}))

    behind = alter_rows(sound, b"L", change)
    assert found(behind, "contradicted", "the lane row has applied orders up to offset")


def test_the_list_of_violations_is_bounded_and_the_counts_are_not(sound: History) -> None:
    verdict = judge_history(with_records(sound, "audit", []))
    assert len(verdict.violations) == VIOLATIONS_MAX
    assert verdict.lost == verdict.inputs > VIOLATIONS_MAX
