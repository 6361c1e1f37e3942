"""Sound runs for tests of the judge, and how a test asks what the judge finds in a lie.

Owns the runs, each made once, and the words in which tests pick what they lie about. Must never
judge.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from tests.chaos.checker import judge_history
from tests.chaos.checker_history import History, Record
from tests.chaos.checker_recorded import Run
from tests.chaos.checker_state import FORGETTABLE
from tests.chaos.checker_tampering import Content, alter_rows, content
from tests.property.histories import seeded_history

LENGTH: Final = 120


@cache
def run_of(seed: int) -> History:
    """What a sound lane leaves after a hostile history."""
    run = Run()
    for given in seeded_history(seed, LENGTH):
        run.apply(given)
    return run.history()


def a_run(has: Callable[[History], bool]) -> History:
    """The first sound run that has what a test lies about."""
    return next(history for history in map(run_of, range(40)) if has(history))


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


def is_of_the_gate(said: Content) -> bool:
    """A decision that nobody asked for."""
    return bool(said["origin"] != "CLIENT")


def sweeps(said: Content) -> bool:
    """An audit record of an input before which orders ended."""
    return bool(said["swept"])


def sweeps_before_an_order(said: Content) -> bool:
    """The same, with a decision on the input too."""
    return sweeps(said) and said["decision"] is not None


def has_audit(wanted: Callable[[Content], bool]) -> Callable[[History], bool]:
    """A run with such an audit record."""
    return lambda history: any(wanted(content(record)) for record in history.records["audit"])


def stored(history: History, kind: bytes) -> list[Content]:
    """The rows of a kind that are there at the end and count."""
    rows = latest_rows(history, kind)
    if kind.decode() in FORGETTABLE:
        (head,) = latest_rows(history, b"G")
        return [row for row in rows if row["touched_at"] >= head["forgotten_before"]]
    return rows


def latest_rows(history: History, kind: bytes) -> list[Content]:
    """The rows of a kind that are there at the end, forgotten or not."""
    latest: dict[bytes | None, Content] = {}

    def look(record: Record, row: Content) -> Record:
        latest[record.key] = row
        return record

    alter_rows(history, kind, look)
    return [row for row in latest.values() if row]


def has_row(
    kind: bytes, wanted: Callable[[Content], bool] = lambda _: True
) -> Callable[[History], bool]:
    """A run at the end of which there is such a row."""
    return lambda history: any(wanted(row) for row in stored(history, kind))
