"""Judges decisions: one first answer an order id, repeats that say the same, limits that held.

Owns the first answers of one lane. What each answer should have been, the auditor says.
"""

from dataclasses import fields
from typing import Any, Final, NamedTuple

from pipeline.risk.records import (
    ORDER_ACTION_NAMES,
    ORDER_TYPE_NAMES,
    SIDE_NAMES,
    TIME_IN_FORCE_NAMES,
    Order,
)
from tests.chaos.checker_auditor import LaneAuditor
from tests.chaos.checker_events import Tell
from tests.oracle.auditor import DecisionSummary, Expected
from tests.oracle.checks import Check

_FIGURES: Final = (
    "check",
    "result",
    "reason_code",
    "observed",
    "limit",
    "limit_version",
    "headroom",
)

_SYMBOLS: Final = {
    "action": ORDER_ACTION_NAMES,
    "side": SIDE_NAMES,
    "order_type": ORDER_TYPE_NAMES,
    "time_in_force": TIME_IN_FORCE_NAMES,
}


class First(NamedTuple):
    """A first answer, and when its id was touched by it."""

    sequence: int
    verdict: str
    reason_code: str
    touched: int


class Answers:
    """Follows one lane's decisions."""

    def __init__(self) -> None:
        self._first: Final[dict[tuple[str, str], First]] = {}

    def judge(
        self,
        decision: dict[str, Any],
        audit: dict[str, Any],
        expected: Expected,
        auditor: LaneAuditor,
        tell: Tell,
    ) -> None:
        """Judge one decision, right after the auditor took its order."""
        summary = summary_of(decision)
        self._compare(summary, expected, tell)
        self._check_place(decision, audit, auditor, tell)
        if summary.duplicate_of is not None:
            self._check_repeat(decision, tell)
        elif [line.check for line in summary.checks] != ["IDENTITY"]:
            self._check_first(decision, auditor, tell)
        if summary.verdict == "ACCEPTED" and summary.duplicate_of is None:
            _check_accepted(decision, auditor, tell)

    def _compare(self, summary: DecisionSummary, expected: Expected, tell: Tell) -> None:
        due = expected.decision
        if summary == due:
            return
        if due is None:
            tell("contradicted", "it was decided, and is no order that can be")
            return
        if summary.verdict == "ACCEPTED" and due.verdict == "REJECTED":
            failed = next((line for line in due.checks if line.result == "FAIL"), None)
            figures = "" if failed is None else f", with {failed.observed} against {failed.limit}"
            tell("contradicted", f"it was accepted, and must fail with {due.reason_code}{figures}")
            return
        tell("contradicted", f"its decision is not as it must be: {_difference(summary, due)}")

    def _check_place(
        self, decision: dict[str, Any], audit: dict[str, Any], auditor: LaneAuditor, tell: Tell
    ) -> None:
        """It names its order and where that lies."""
        read = auditor.read
        ids = (read.user_id, read.order_id) if isinstance(read, Order) else None
        same = (
            "lane",
            "lane_sequence",
            "gate_time",
            "source_topic",
            "source_offset",
            "control_number",
            "core_version",
        )
        named = (decision["user_id"], decision["order_id"])
        if named != ids or any(decision[name] != audit[name] for name in same):
            tell("contradicted", f"its decision names {named} and not the order {ids} or its place")

    def _check_repeat(self, decision: dict[str, Any], tell: Tell) -> None:
        first = self._first.get((decision["user_id"], decision["order_id"]))
        said = (decision["duplicate_of"], decision["verdict"], decision["reason_code"])
        if first is None:
            tell("contradicted", f"it repeats the answer of sequence {said[0]}, which there is not")
        elif said != first[:3]:
            tell("contradicted", f"it repeats {said}, and the first answer was {first[:3]}")

    def _check_first(self, decision: dict[str, Any], auditor: LaneAuditor, tell: Tell) -> None:
        """Nobody is answered anew within the window."""
        name = (decision["user_id"], decision["order_id"])
        before = self._first.get(name)
        if before is not None and before.touched >= auditor.forgotten_before:
            tell("doubled", f"order {name} got its first answer at sequence {before.sequence}")
        self._first[name] = First(
            decision["lane_sequence"],
            decision["verdict"],
            decision["reason_code"],
            max(decision["gate_time"], decision["event_time"]),
        )


def summary_of(decision: dict[str, Any]) -> DecisionSummary:
    """A decision as the auditor would say it."""
    return DecisionSummary(
        verdict=decision["verdict"],
        reason_code=decision["reason_code"],
        duplicate_of=decision["duplicate_of"],
        hold_currency=decision["hold_currency"],
        hold_minor=decision["hold_minor"],
        checks=tuple(Check(*(line[figure] for figure in _FIGURES)) for line in decision["checks"]),
    )


def _difference(said: DecisionSummary, due: DecisionSummary) -> str:
    """The first thing that differs, said and due."""
    for line, right in zip(said.checks, due.checks, strict=False):
        if line != right:
            return f"{line} instead of {right}"
    name = next(f.name for f in fields(due) if getattr(said, f.name) != getattr(due, f.name))
    return f"{name} is {getattr(said, name)} instead of {getattr(due, name)}"


def _check_accepted(decision: dict[str, Any], auditor: LaneAuditor, tell: Tell) -> None:
    """It carries the order as it was sent, and is covered."""
    sent, carried = auditor.read, decision["order"]
    if carried is None or any(_sent(sent, name) != said for name, said in carried.items()):
        tell("contradicted", "its decision does not carry the order as it was sent")
    currency = decision["hold_currency"]
    if currency is not None and decision["hold_minor"] > 0:
        cash, held = auditor.figures_of(decision["user_id"], currency)
        if held > cash:
            tell(
                "contradicted",
                f"it was accepted, and holds {held} {currency} where {cash} is there",
            )


def _sent(order: Any, name: str) -> Any:
    """A field of the order that was read, an enum by its symbol."""
    value = getattr(order, name, None)
    return _SYMBOLS[name][value] if name in _SYMBOLS and value is not None else value
