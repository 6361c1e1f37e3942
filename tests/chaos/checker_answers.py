"""Judges decisions: one first answer an order id, repeats that say the same, limits that held.

Owns the first answers of one lane, and what a decision of the gate's own must look like. What each
answer should have been, and which orders end by themselves, the auditor says.
"""

from dataclasses import fields
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from pipeline.risk.records import (
    ORDER_ACTION_NAMES,
    ORDER_TYPE_NAMES,
    SHORT_MARK_NAMES,
    SIDE_NAMES,
    TIME_IN_FORCE_NAMES,
    Order,
)
from tests.chaos.checker_auditor import LaneAuditor
from tests.chaos.checker_events import Tell
from tests.oracle.auditor import DecisionSummary, Expected, SweptDecision
from tests.oracle.checks import Check
from tests.oracle.pledges import Taken

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
    "short_mark": SHORT_MARK_NAMES,
}
_PLACE: Final = (
    "lane",
    "lane_sequence",
    "gate_time",
    "source_topic",
    "source_offset",
    "control_number",
    "core_version",
)
# What nobody asked for has no vector and repeats nothing.
_OF_THE_GATE: Final[dict[str, Any]] = {
    "source_system_id": "gate",
    "action": "CANCEL",
    "verdict": "ACCEPTED",
    "checks": [],
    "duplicate_of": None,
    "protection_price_e9": None,
    "fx_instrument_id": None,
    "fx_price_e9": None,
    "fx_as_of": None,
    "passing_lots_max": None,
    "cover": [],
    "order": None,
    "traceparent": None,
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

    def judge_swept(
        self,
        decisions: list[dict[str, Any] | None],
        audit: dict[str, Any],
        expected: tuple[SweptDecision, ...],
        tell: Tell,
    ) -> None:
        """Judge the gate's own decisions before an input, in their order.

        `audit` as it stood when they were made.
        """
        for said, due in zip_longest(decisions, expected):
            if said is None and due is not None:
                tell("lost", f"order {due.orig_order_id} of {due.user_id} was not swept")
            elif said is not None:
                self._judge_one_swept(said, audit, due, tell)

    def _judge_one_swept(
        self, said: dict[str, Any], audit: dict[str, Any], due: SweptDecision | None, tell: Tell
    ) -> None:
        name = (said["user_id"], said["order_id"])
        if due is None:
            tell("contradicted", f"order {said['orig_order_id']} of {name[0]} was swept, and lives")
            return
        wrong = [f for f, right in vars(due).items() if (said[f] or type(right)()) != right]
        wrong += [field for field, right in _OF_THE_GATE.items() if said[field] != right]
        wrong += [field for field in _PLACE if said[field] != audit[field]]
        if said["event_time"] != audit["gate_time"]:
            wrong.append("event_time")
        if wrong:
            figures = ", ".join(f"{field} {said[field]!r}" for field in wrong)
            tell("contradicted", f"its decision on a swept order is not {due}: it says {figures}")
        if name in self._first:
            tell("doubled", f"order {name} got its first answer at {self._first[name].sequence}")
        self._first[name] = First(
            said["lane_sequence"], said["verdict"], said["reason_code"], said["gate_time"]
        )

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
        named = (decision["user_id"], decision["order_id"])
        of_a_client = decision["origin"] == "CLIENT"
        if not of_a_client or named != ids or any(decision[n] != audit[n] for n in _PLACE):
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
        protection_price_e9=decision["protection_price_e9"],
        fx_instrument_id=decision["fx_instrument_id"],
        fx_price_e9=decision["fx_price_e9"],
        fx_as_of=decision["fx_as_of"],
        passing_lots_max=decision["passing_lots_max"],
        cover=tuple(Taken(**taken) for taken in decision["cover"]),
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
    # Who is short may close, fee or not: the auditor has said whether this order does.
    closes = any(
        line["check"] == "BUYING_POWER" and (line["headroom"] or 0) < 0
        for line in decision["checks"]
    )
    if currency is not None and decision["hold_minor"] > 0 and not closes:
        short = auditor.shortfall_of(decision["user_id"], currency)
        if short > 0:
            tell(
                "contradicted", f"it was accepted, and holds {short} {currency} that are not there"
            )


def _sent(order: Any, name: str) -> Any:
    """A field of the order that was read, an enum by its symbol."""
    value = getattr(order, name, None)
    return _SYMBOLS[name][value] if name in _SYMBOLS and value is not None else value
