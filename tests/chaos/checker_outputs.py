"""The gate's outputs, decoded once and sorted by lane and sequence.

Owns that each output can be read, lies in its partition, and stands in the order of its lane. Must
never judge what it says.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pipeline.codecs.published import unframe
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.topics import TOPICS_BY_NAME
from tests.chaos.checker_auditor import partition_hash
from tests.chaos.checker_findings import Findings
from tests.chaos.checker_history import OUTPUTS, History, Record
from tests.flow import decode_body

IDS: Final = fixed_ids()
AUDIT, DECISIONS, DEAD_LETTERS, EVENTS = OUTPUTS
_WORDS: Final = re.compile(r"\s+")


class Output(NamedTuple):
    """A record of an output topic, its Avro body as it was written, and what that says."""

    record: Record
    body: bytes
    content: dict[str, Any]


@dataclass
class LaneOutputs:
    """One lane's outputs; all but the audit by lane sequence."""

    audit: list[Output] = field(default_factory=list)
    by_sequence: dict[str, dict[int, list[Output]]] = field(
        default_factory=lambda: {topic: defaultdict(list) for topic in OUTPUTS[1:]}
    )

    def take(self, topic: str, sequence: int) -> list[Output]:
        """What a topic has of a sequence; nobody asks twice."""
        return self.by_sequence[topic].pop(sequence, [])


def sort_outputs(history: History, findings: Findings) -> list[LaneOutputs]:
    """The outputs of each lane."""
    lanes = [LaneOutputs() for _ in range(history.lane_count)]
    for topic in OUTPUTS:
        newest: dict[tuple[int, int], tuple[int, str]] = {}
        for record in history.records[topic]:
            output = _read(record, findings)
            if output is None or not _is_at_home(output, history.lane_count, findings):
                continue
            lane, sequence = output.content["lane"], output.content["lane_sequence"]
            if topic == AUDIT:
                lanes[lane].audit.append(output)
                continue
            lanes[lane].by_sequence[topic][sequence].append(output)
            before, place = newest.get((lane, record.partition), (0, ""))
            if sequence < before:
                findings.add(
                    "broken",
                    f"lane {lane}, sequence {sequence}: {record.place} stands after {place}, "
                    f"which is of sequence {before}",
                )
            newest[lane, record.partition] = sequence, record.place
    return lanes


def _read(record: Record, findings: Findings) -> Output | None:
    """The output decoded; None, and a finding, for what cannot be."""
    name, value = TOPICS_BY_NAME[record.topic].schema, record.value or b""
    try:
        framed, _, current = unframe(value, IDS)
        content = decode_body(framed, current) if framed == name else None
    except Exception as error:  # noqa: BLE001 -- fastavro raises whatever the bytes provoke
        text = _WORDS.sub(" ", f"{type(error).__name__} {error}")
        findings.add("contradicted", f"{record.place} cannot be read as a {name}: {text}")
        return None
    if content is None:
        findings.add("contradicted", f"{record.place} is a {framed} and not a {name}")
        return None
    return Output(record, value[FRAME_BYTES:], content)


def _is_at_home(output: Output, lane_count: int, findings: Findings) -> bool:
    """Whether it lies where topology.md says; a finding where not, False without such a lane."""
    record, lane = output.record, output.content["lane"]
    if not 0 <= lane < lane_count:
        findings.add("contradicted", f"{record.place} is of lane {lane}, which there is not")
        return False
    key = record.key
    if record.topic in (EVENTS, DECISIONS):
        whose = "tenant_id" if record.topic == EVENTS else "user_id"
        key = output.content[whose].encode()
    home = partition_hash(key or b"") % lane_count if record.topic == EVENTS else lane
    if record.partition != home or record.key != key:
        findings.add(
            "contradicted",
            f"lane {lane}, sequence {output.content['lane_sequence']}: {record.place} with key "
            f"{record.key!r} belongs into partition {home} under {key!r}",
        )
    return True
