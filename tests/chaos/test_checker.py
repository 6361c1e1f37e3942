"""The judge of the fault harness is judged itself: nothing in a sound run, every lie found."""

from dataclasses import replace
from itertools import pairwise
from typing import Final

import pytest

from tests.chaos.checker import Verdict, judge_history
from tests.chaos.checker_auditor import LaneAuditor
from tests.chaos.checker_findings import VIOLATIONS_MAX
from tests.chaos.checker_history import INPUTS, History
from tests.chaos.checker_recorded import Run
from tests.chaos.checker_runs import (
    LENGTH,
    a_run,
    first_answer,
    found,
    is_repeat,
    refused_for,
    run_of,
)
from tests.chaos.checker_tampering import (
    Content,
    alter,
    content,
    double,
    drop,
    find,
    lie,
    swap,
    with_records,
)
from tests.oracle.auditor import Auditor
from tests.property.histories import LANE, LANE_COUNT, seeded_history

pytestmark = pytest.mark.property

SEEDS: Final = range(6)


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
        assert book.pledges == ours.pledges


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
    index = find(sound, "decisions", first_answer)
    assert found(drop(sound, "decisions", index), "lost", "its decision was not published")


def test_a_decision_that_was_published_twice_is_doubled(sound: History) -> None:
    twice = double(sound, "decisions", find(sound, "decisions", first_answer))
    assert found(twice, "doubled", "its decision was published again")
    assert found(twice, "broken", "stands after")


def test_decisions_in_another_order_are_found(sound: History) -> None:
    said = [content(record)["lane_sequence"] for record in sound.records["decisions"]]
    index = next(i for i, (one, next_) in enumerate(pairwise(said)) if one != next_)
    assert found(swap(sound, "decisions", index), "broken", "stands after")


def test_a_published_decision_that_the_audit_has_not_is_found(sound: History) -> None:
    index = find(sound, "decisions", first_answer)
    altered = alter(sound, "decisions", index, verdict="REJECTED")
    assert found(altered, "contradicted", "is not the decision of the audit")


def test_a_decision_of_an_input_that_is_no_order_is_found(sound: History) -> None:
    money = find(sound, "audit", lambda said: said["source_topic"] == "deposits") + 1
    index = find(sound, "decisions", first_answer)
    stray = alter(sound, "decisions", index, lane_sequence=money)
    assert found(stray, "contradicted", "is a decision that the audit has not")


@pytest.mark.parametrize(
    "reason",
    [
        "ORDER_QUANTITY",
        "POSITION_LIMIT",
        "ORDER_RATE",
        "SHORT_SALE",
        "SAME_CONTENT",
        "PERIOD_COLLAR",
        "SELF_MATCH",
        "CURRENCY_GROSS",
        "DRAWDOWN",
    ],
)
def test_an_order_accepted_above_its_limit_is_found_even_in_a_consistent_lie(reason: str) -> None:
    def has(history: History) -> bool:
        return any(refused_for(reason)(content(record)) for record in history.records["decisions"])

    history = a_run(has)
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


def test_a_wrong_pledge_is_found() -> None:
    def pledges(said: Content) -> bool:
        return first_answer(said) and bool(said["cover"])

    def has(history: History) -> bool:
        return any(pledges(content(record)) for record in history.records["decisions"])

    history = a_run(has)
    said = content(history.records["decisions"][find(history, "decisions", pledges)])
    first, *rest = said["cover"]
    for changes in ({"pledged_minor": first["pledged_minor"] - 1}, {"fx_price_e9": 1}):
        lied = lie(history, said["lane_sequence"], {}, {"cover": [first | changes, *rest]})
        assert found(lied, "contradicted", "cover is (Taken(")


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


def test_a_bust_that_nobody_was_told_of_is_lost() -> None:
    def is_bust(said: Content) -> bool:
        return bool(said["event_type"] == "BUST")

    def has(history: History) -> bool:
        return any(is_bust(content(record)) for record in history.records["regulatory-events"])

    history = a_run(has)
    gone = drop(history, "regulatory-events", find(history, "regulatory-events", is_bust))
    assert found(gone, "lost", "its event BUST of")


def test_a_day_that_closes_with_a_wrong_count_is_found() -> None:
    def is_close(said: Content) -> bool:
        return bool(said["event_type"] == "DAY_CLOSE")

    def has(history: History) -> bool:
        return any(is_close(content(record)) for record in history.records["regulatory-events"])

    history = a_run(has)
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


def test_the_list_of_violations_is_bounded_and_the_counts_are_not(sound: History) -> None:
    verdict = judge_history(with_records(sound, "audit", []))
    assert len(verdict.violations) == VIOLATIONS_MAX
    assert verdict.lost == verdict.inputs > VIOLATIONS_MAX
