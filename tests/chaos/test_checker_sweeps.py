"""The judge on orders that end by themselves: every lie about the gate's own decisions is found."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.checker_history import History
from tests.chaos.checker_runs import (
    a_run,
    first_answer,
    found,
    has_audit,
    is_of_the_gate,
    sweeps,
    sweeps_before_an_order,
)
from tests.chaos.checker_tampering import (
    Content,
    alter,
    content,
    double,
    drop,
    find,
    lie_about_swept,
    swap,
    with_records,
)

pytestmark = pytest.mark.property


def before_an_order() -> tuple[History, Content]:
    """A run in which orders end before an order is decided, and that audit record."""
    history = a_run(has_audit(sweeps_before_an_order))
    return history, content(
        history.records["audit"][find(history, "audit", sweeps_before_an_order)]
    )


def test_a_sweep_that_was_not_published_is_lost() -> None:
    history = a_run(has_audit(sweeps))
    gone = drop(history, "decisions", find(history, "decisions", is_of_the_gate))
    assert found(gone, "lost", "its decision on a swept order was not published")


def test_a_sweep_that_was_published_twice_is_doubled() -> None:
    history = a_run(has_audit(sweeps))
    twice = double(history, "decisions", find(history, "decisions", is_of_the_gate))
    assert found(twice, "doubled", "its decision was published again")


def test_a_sweep_that_is_published_after_the_inputs_own_decision_is_found() -> None:
    history, audit = before_an_order()
    last = find(history, "decisions", lambda s: s["lane_sequence"] == audit["lane_sequence"])
    last += len(audit["swept"]) - 1
    late = swap(history, "decisions", last)
    assert found(late, "broken", "do not stand in the order of the audit")


def test_a_sweep_under_a_foreign_key_is_found() -> None:
    history = a_run(has_audit(sweeps))
    records = list(history.records["decisions"])
    index = find(history, "decisions", is_of_the_gate)
    records[index] = records[index]._replace(key=b"mallory")
    assert found(with_records(history, "decisions", records), "contradicted", "belongs into")


@pytest.mark.parametrize(
    ("field", "lied"),
    [
        ("origin", lambda said: "ORPHAN" if said == "EXPIRY" else "EXPIRY"),
        ("orig_order_id", lambda _: "another"),
        ("order_id", lambda said: said + "0"),
        ("hold_minor", lambda said: said - 1),
        ("event_time", lambda said: said - 1),
        ("action", lambda _: "NEW"),
        ("control_number", lambda said: said + 1),
    ],
)
def test_a_sweep_that_says_something_else_is_found_even_in_a_consistent_lie(
    field: str, lied: Callable[[Any], Any]
) -> None:
    history, audit = before_an_order()

    def change(swept: list[Content]) -> list[Content]:
        return [swept[0] | {field: lied(swept[0][field])}, *swept[1:]]

    told = lie_about_swept(history, audit["lane_sequence"], change)
    assert found(told, "contradicted", f"{field} ")


def test_an_order_whose_time_is_over_and_that_lives_on_is_found() -> None:
    history, audit = before_an_order()
    kept = lie_about_swept(history, audit["lane_sequence"], lambda swept: swept[1:])
    assert found(kept, "lost", "was not swept")


def test_an_order_that_ends_before_its_time_is_found() -> None:
    history, audit = before_an_order()

    def change(swept: list[Content]) -> list[Content]:
        early = {"orig_order_id": "early", "order_id": swept[-1]["order_id"] + "0"}
        return [*swept, swept[-1] | early]

    early = lie_about_swept(history, audit["lane_sequence"], change)
    assert found(early, "contradicted", "order early of")
    assert found(early, "contradicted", "was swept, and lives")


def test_a_decision_of_a_client_that_is_said_to_be_the_gates_is_found(sound: History) -> None:
    said = content(sound.records["decisions"][find(sound, "decisions", first_answer)])
    sequence = said["lane_sequence"]
    index = find(sound, "decisions", first_answer)
    altered = alter(sound, "decisions", index, origin="EXPIRY")
    assert found(altered, "contradicted", f"sequence {sequence} ")
