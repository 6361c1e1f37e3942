"""Whether contestants decided the same: record for record, and nothing lost, doubled or unproved.

Owns what equal means. All fields of a decision must be equal but the name of the source topic,
which is the run's own. Of each contestant: one decision an order, at the order's own offset; one
audit record a decision, which holds exactly that decision and the order's bytes; an unbroken hash
chain in every partition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from benchmarks.contest.runs import Run, read_committed
from pipeline.codecs.avro import decode_audit_record, decode_decision
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.risk.records import AUDIT_OUTCOME_DECISION, CheckResult, Decision
from pipeline.topics import AUDIT, DECISIONS, ORDERS

_SHOWN_MAX: Final = 5
_FIELDS: Final = (
    "gate_time",
    "event_time",
    "source_system_id",
    "tenant_id",
    "user_id",
    "order_id",
    "orig_order_id",
    "action",
    "origin",
    "verdict",
    "reason_code",
    "reason_text",
    "ord_rej_reason",
    "lane",
    "lane_sequence",
    "duplicate_of",
    "source_offset",
    "control_number",
    "core_version",
    "hold_currency",
    "hold_minor",
    "protection_price_e9",
)
_CHECK_FIELDS: Final = (
    "check",
    "result",
    "reason_code",
    "observed",
    "limit",
    "limit_version",
    "headroom",
)

# (lane, offset of the order) -> the decision's Avro body.
Answers = dict[tuple[int, int], bytes]


@dataclass(frozen=True)
class Answered:
    """What a contestant answered, how often by reason, and what is wrong with it by itself."""

    decisions: Answers
    reasons: dict[str, int]
    problems: list[str]
    decision_bytes: float
    audit_bytes: float


def answers_of(run: Run) -> Answered:
    """Read decisions and audit of a run that has ended, and hold them to each other."""
    problems: list[str] = []
    decisions: Answers = {}
    reasons: dict[str, int] = {}
    size = 0
    for message in read_committed(run.settings, DECISIONS):
        value = message.value()
        size += len(value)
        decision = decode_decision(value, FRAME_BYTES)
        place = message.partition(), decision.source_offset
        if place in decisions:
            problems.append(f"order {place} was decided twice")
        decisions[place] = value[FRAME_BYTES:]
        reason = "REPEATED" if decision.duplicate_of is not None else decision.reason_code
        reasons[reason] = reasons.get(reason, 0) + 1
    audited = _audit_problems(run, decisions, problems)
    if len(decisions) != run.loaded:
        problems.append(f"{run.loaded} orders, but {len(decisions)} decisions")
    return Answered(
        decisions,
        reasons,
        problems[:_SHOWN_MAX],
        size / max(1, len(decisions)),
        audited / max(1, len(decisions)),
    )


def _audit_problems(run: Run, decisions: Answers, problems: list[str]) -> int:
    """Bytes of the audit records of orders; what is wrong is added to `problems`."""
    orders = {
        (message.partition(), message.offset()): message.value()
        for message in read_committed(run.settings, ORDERS)
    }
    chain: dict[int, bytes] = {}
    size, proved = 0, 0
    for message in read_committed(run.settings, AUDIT):
        value, lane = message.value(), message.partition()
        record = decode_audit_record(value, FRAME_BYTES)
        if record.previous_hash != chain.get(lane, bytes(32)):
            problems.append(f"the chain of lane {lane} is broken at {record.lane_sequence}")
        chain[lane] = sha256(value[FRAME_BYTES:]).digest()
        if record.outcome != AUDIT_OUTCOME_DECISION:
            continue
        size += len(value)
        proved += 1
        place = lane, record.source_offset
        if record.decision != decisions.get(place):
            problems.append(f"the audit record of order {place} holds another decision")
        if record.value != orders.get(place):
            problems.append(f"the audit record of order {place} holds another order")
    if proved != len(decisions):
        problems.append(f"{len(decisions)} decisions, but {proved} audit records of orders")
    return size


def differences(first: Answers, second: Answers) -> Iterator[str]:
    """How two contestants' decisions differ, in words; nothing when they are the same."""
    for place in sorted(first.keys() | second.keys()):
        if place not in first or place not in second:
            yield f"order {place}: decided by one only"
            continue
        one, other = decode_decision(first[place]), decode_decision(second[place])
        yield from (f"order {place}: {what}" for what in _unlike(one, other))


def _unlike(one: Decision, other: Decision) -> Iterator[str]:
    yield from _unlike_fields(one, other, _FIELDS)
    if len(one.checks) != len(other.checks):
        yield f"{len(one.checks)} checks, and {len(other.checks)}"
    else:
        for check, against in zip(one.checks, other.checks, strict=True):
            yield from _unlike_fields(check, against, _CHECK_FIELDS)
    if (one.order is None) != (other.order is None):
        yield "one carries the order"
    elif one.order is not None and other.order is not None:
        yield from _unlike_fields(one.order, other.order, ("order_id", "quantity_lots", "price_e9"))


def _unlike_fields(
    one: Decision | CheckResult | Any, other: Any, names: tuple[str, ...]
) -> Iterator[str]:
    for name in names:
        if getattr(one, name) != getattr(other, name):
            yield f"{name} {getattr(one, name)!r}, and {getattr(other, name)!r}"


def compare(found: dict[str, Answered], against: str) -> dict[str, list[str]]:
    """By contestant: what is wrong with it, and how it differs from `against`; [] when nothing."""
    wrong: dict[str, list[str]] = {}
    for name, answered in found.items():
        problems = list(answered.problems)
        if name != against:
            for difference in differences(found[against].decisions, answered.decisions):
                if len(problems) >= _SHOWN_MAX:
                    break
                problems.append(f"{difference} (first {against}, then {name})")
        wrong[name] = problems
    return wrong
