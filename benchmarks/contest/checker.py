"""Whether contestants decided the same: record for record, and nothing lost, doubled or unproved.

Owns what equal means. Decisions must be equal byte for byte but for the name of the source topic,
which is the run's own. Of each contestant: one decision an order, at the order's own offset; one
audit record a decision, which holds exactly that decision and the order's bytes; an unbroken hash
chain in every partition.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from benchmarks.contest.runs import Run, read_committed
from pipeline.codecs.avro import decode_audit_record, decode_decision
from pipeline.codecs.rendering import value_to_json
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.risk.records import AUDIT_OUTCOME_DECISION, Decision
from pipeline.topics import AUDIT, DECISIONS, ORDERS

_SHOWN_MAX: Final = 5
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
        if _without_topic(first[place], one) != _without_topic(second[place], other):
            told = list(_unlike(one, other)) or ["the same values in other bytes"]
            yield from (f"order {place}: {what}" for what in told)


def _without_topic(body: bytes, decision: Decision) -> bytes:
    """Its bytes but for the topic's name; the names of all runs are equally long."""
    return body.replace(decision.source_topic.encode(), b"", 1)


def _unlike(one: Decision, other: Decision) -> Iterator[str]:
    shown, against = value_to_json("decision", one), value_to_json("decision", other)
    del shown["source_topic"], against["source_topic"]
    for name, value in shown.items():
        instead = against[name]
        if isinstance(value, list) and isinstance(instead, list) and len(value) == len(instead):
            pairs = zip(value, instead, strict=True)
            yield from (f"{name} {a}, and {b}" for a, b in pairs if a != b)
        elif value != instead:
            yield f"{name} {value!r}, and {instead!r}"


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
