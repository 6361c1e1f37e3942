"""The judge of the fault harness: is anything lost, doubled or contradicted?

Owns the verdict on one run, from the input topics, the committed outputs, the changelog and the
group's offsets alone. Written from docs/rules.md, topology.md and schemas/avro, not from the code:
must never import what decides or restores (of `pipeline.risk` only the contract's value classes,
nothing of `pipeline.lane`, `audit`, `tables` and `streaming`).
"""

from collections import defaultdict
from dataclasses import dataclass

from pipeline.settings import Settings
from tests.chaos.checker_findings import Findings, Kind
from tests.chaos.checker_history import CHANGELOG, INPUTS, History, Record, read_history
from tests.chaos.checker_lane import LaneJudge
from tests.chaos.checker_outputs import sort_outputs
from tests.chaos.checker_state import judge_state


@dataclass(frozen=True)
class Verdict:
    """What was found.

    `inputs`: input records judged, those of broadcast topics once a partition. `lost`, `doubled`
    and `contradicted` count inputs, outputs and rows. `violations`: the first sentences, in the
    order of the lanes; empty if and only if nothing is wrong.
    """

    inputs: int
    lost: int
    doubled: int
    contradicted: int
    violations: list[str]


def judge(settings: Settings) -> Verdict:
    """Judge everything under the settings' prefix, once no input is left to be applied.

    Raises HistoryError when Kafka cannot be read to its end.
    """
    return judge_history(read_history(settings))


def judge_history(history: History) -> Verdict:
    """Judge what has been read."""
    findings = Findings()
    outputs = sort_outputs(history, findings)
    inputs: list[dict[tuple[str, int], Record]] = [{} for _ in outputs]
    for topic in INPUTS:
        for record in history.records[topic]:
            inputs[record.partition][topic, record.offset] = record
    changelog: defaultdict[int, list[Record]] = defaultdict(list)
    for record in history.records[CHANGELOG]:
        changelog[record.partition].append(record)
    for lane, lane_outputs in enumerate(outputs):
        judged = LaneJudge(history, lane, inputs[lane], lane_outputs, findings)
        judged.walk()

        def tell(kind: Kind, sentence: str, judged: LaneJudge = judged) -> None:
            findings.add(kind, f"lane {judged.lane}, sequence {judged.sequence}: {sentence}")

        judge_state(judged, history, changelog[lane], tell)
    return Verdict(
        inputs=sum(len(given) for given in inputs),
        lost=findings.lost,
        doubled=findings.doubled,
        contradicted=findings.contradicted,
        violations=findings.violations,
    )
