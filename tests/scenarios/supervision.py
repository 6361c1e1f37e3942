"""What supervision does: limits of single checks, how a check acts, releases, as records.

Owns the acts that steer single checks; `phrases.py` has the words for them.
"""

from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import (
    CHECK_SEVERITY_NAMES,
    LIMIT_SCOPE_TIER,
    CheckLimit,
    CheckPolicy,
    Release,
)
from tests.scenarios.figures import lots_of
from tests.scenarios.floor import Floor, Parts
from tests.scenarios.usual_desk import TIER, USER


def limit(floor: Floor, parts: Parts) -> LaneOutput:
    """A check's own limit is set or withdrawn."""
    figure = None if parts["figure"] == "none" else lots_of(parts["figure"])
    allowance = lots_of(parts["allowance"]) if parts["allowance"] else None
    name = parts["name"] or None
    return floor.publish(
        CheckLimit(parts["check"], LIMIT_SCOPE_TIER, TIER, name, figure, allowance)
    )


def severity(floor: Floor, parts: Parts) -> LaneOutput:
    """What a check's failure leads to, and how far the check looks back."""
    window = lots_of(parts["window"]) if parts["window"] else None
    acts = CHECK_SEVERITY_NAMES.index(parts["severity"])
    return floor.publish(CheckPolicy(parts["check"], acts, window))


def release(floor: Floor, parts: Parts) -> LaneOutput:
    """A named person lets the user, or an algorithm, go on."""
    algorithm = parts["algorithm"] or None
    check = parts["check"] or None
    return floor.publish(Release(USER, algorithm, check), proposer=parts["person"])
