"""Judging audit records: an untouched line passes, any tampering is found."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.audit.verify import LaneVerifier
from pipeline.codecs.avro import decode_audit_record, encode_audit_record
from pipeline.codecs.schemas import load_json
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.records import AuditRecord
from tests.property.desk import Desk
from tests.property.histories import LANE, LANE_COUNT, TOPICS

FIELDS = [field["name"] for field in load_json("audit_record")["fields"]]


def recorded() -> list[bytes]:
    """The audit bodies of a short day's work."""
    desk = Desk()
    bought = desk.works()
    desk.trade(bought, 1)
    desk.cancel(bought.order_id)
    desk.order(price_e9=1)
    return list(desk.gate.audit)


def judged(bodies: list[bytes]) -> LaneVerifier:
    verifier = LaneVerifier(LANE, LANE_COUNT, list(TOPICS), fixed_ids())
    for body in bodies:
        verifier.take(body)
    return verifier


def altered(body: bytes, **changes: Any) -> bytes:
    record = decode_audit_record(body)
    fields = {name: getattr(record, name) for name in FIELDS}
    return encode_audit_record(AuditRecord(**(fields | changes)))


def test_an_untouched_line_is_replayed_whole() -> None:
    bodies = recorded()
    verifier = judged(bodies)
    assert (verifier.problem, verifier.conservation.problem) == (None, None)
    assert verifier.replayed == verifier.records == len(bodies)


def rechained(bodies: list[bytes], at: int, changed: bytes) -> list[bytes]:
    """Alter one record and mend every hash after it, as a forger with access would."""
    result = [*bodies[:at], changed]
    for body in bodies[at + 1 :]:
        result.append(altered(body, previous_hash=hashlib.sha256(result[-1]).digest()))
    return result


TAMPERINGS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "altered": lambda b: [*b[:-1], altered(b[-1], reason_code="ACCEPTED")],
    "left out": lambda b: [*b[:4], *b[5:]],
    "doubled": lambda b: [*b[:4], b[3], *b[4:]],
    "moved": lambda b: [*b[:3], b[4], b[3], *b[5:]],
    "made up": lambda b: [*b, b"\x00" * 40],
    "forged with mended hashes": lambda b: rechained(
        b, len(b) - 3, altered(b[-3], gate_time=decode_audit_record(b[-3]).gate_time + 1)
    ),
    "cut off at the front": lambda b: b[1:],
}


def by_a_newer_core(bodies: list[bytes], at: int) -> list[bytes]:
    """The line as it would be had a newer core decided from record `at` on."""
    result = bodies[:at]
    for body in bodies[at:]:
        previous = hashlib.sha256(result[-1]).digest()
        result.append(altered(body, previous_hash=previous, core_version=99))
    return result


def test_what_another_release_must_replay_is_said_and_is_no_difference() -> None:
    bodies = recorded()
    verifier = judged(by_a_newer_core(bodies, len(bodies) - 2))
    assert (verifier.problem, verifier.differences, verifier.unknown_core) == (None, 0, 2)
    assert verifier.replayed == len(bodies) - 2
    assert "verify it with a release that knows core 99" in (verifier.core_problem or "")


def test_what_another_release_must_replay_is_still_a_chain() -> None:
    newer = by_a_newer_core(recorded(), 3)
    verifier = judged([*newer[:4], *newer[5:]])
    assert verifier.problem is not None
    assert verifier.differences > 0


def test_a_core_that_was_not_in_force_is_a_difference() -> None:
    bodies = recorded()
    verifier = judged(rechained(bodies, 4, altered(bodies[4], core_version=0)))
    assert verifier.differences + verifier.unknown_core > 0


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_tampering_is_found(kind: str) -> None:
    verifier = judged(TAMPERINGS[kind](recorded()))
    assert verifier.problem is not None
    assert verifier.differences > 0
