"""`python -m tests.upgrade.compare`, in the next release's tree: does it do what both releases say?

Owns the comparison without Kafka: the next release replays what this one recorded, and on random
histories in which its core comes into force half-way it answers as the auditor with its rules.
Prints nothing and ends with 0, or with the first difference.
"""

from typing import Final

from pipeline.audit.verify import LaneVerifier
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.core_versions import CORE_VERSIONS
from tests.property.gate import Gate, seen
from tests.property.histories import LANE, LANE_COUNT, TOPICS, seeded_history
from tests.upgrade.next_rules import NextRules
from tests.upgrade.recorded import files_of, read_bodies

_SEEDS: Final = range(100, 106)
_STEPS: Final = 120


def replay_what_was_recorded() -> int:
    """Every recorded lane, with the core that its records name; the records replayed."""
    replayed = 0
    for file in (file for version in CORE_VERSIONS for file in files_of(version)):
        verifier = LaneVerifier(LANE, LANE_COUNT, list(TOPICS), fixed_ids())
        for body in read_bodies(file):
            verifier.take(body)
        if verifier.problem or verifier.core_problem:
            raise SystemExit(f"{file.name}: {verifier.problem or verifier.core_problem}")
        replayed += verifier.replayed
    return replayed


def compare_with_the_auditor(seed: int) -> int:
    """One history; how many of its marks the two cores date differently."""
    gate, auditor = Gate(), NextRules(LANE, LANE_COUNT)
    history = seeded_history(seed, _STEPS)
    changed = 0
    for number, given in enumerate(history):
        if number == len(history) // 2:
            gate.processor.head.core_version = auditor.core_version = CORE_VERSIONS[-1]
        expected = auditor.apply(*given)
        answer = seen(gate.apply(given))
        if answer != expected:
            raise SystemExit(f"history {seed}, input {number}: {answer} instead of {expected}")
        changed += auditor.redated
        auditor.redated = 0
    return changed


if __name__ == "__main__":
    if replay_what_was_recorded() == 0:
        raise SystemExit("nothing was recorded")
    if sum(compare_with_the_auditor(seed) for seed in _SEEDS) == 0:
        raise SystemExit("the histories show no difference between the cores")
