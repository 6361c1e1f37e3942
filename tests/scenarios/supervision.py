"""What supervision does: limits of single checks, how a check acts, states, lists, calendars.

Owns the acts that steer single checks, as records; `phrases.py` has the words for them.
"""

import re

from pipeline.lane.processor import LaneOutput
from pipeline.risk.records import (
    CHECK_SEVERITY_NAMES,
    LIMIT_SCOPE_TIER,
    RESTRICTION_SUBJECT_NAMES,
    STATE_SCOPE_NAMES,
    TRADING_STATE_NAMES,
    CheckLimit,
    CheckPolicy,
    Listing,
    Release,
    Restriction,
    ScopeState,
    SessionCalendar,
)
from tests.property.world import changed
from tests.scenarios.figures import day_of, lots_of, moment
from tests.scenarios.floor import Floor, Parts, PhraseError
from tests.scenarios.house import fields_of
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


def scope_state(floor: Floor, parts: Parts) -> LaneOutput:
    """A desk, an algorithm or an instrument is halted, may only reduce, or trades again."""
    scope = STATE_SCOPE_NAMES.index(parts["scope"].upper())
    return floor.publish(ScopeState(scope, parts["id"], TRADING_STATE_NAMES.index(parts["state"])))


def restriction(floor: Floor, parts: Parts) -> LaneOutput:
    """Somebody or something comes on a restricted list, or off it."""
    subject = RESTRICTION_SUBJECT_NAMES.index(parts["subject"].upper())
    restricted = parts["change"] == "restrict"
    return floor.publish(
        Restriction(subject, [parts["id"]], parts["name"] or None, restricted=restricted)
    )


def calendar(floor: Floor, parts: Parts) -> LaneOutput:
    """When instruments trade that are listed under it, from the begin of this day on."""
    today = day_of(floor.now_us)
    spans = []
    for text in re.split(r", ", parts["sessions"]):
        opens, to, closes = text.partition(" to ")
        if not to:
            message = f"{text!r} is no session as '2024-03-04 09:00:00 to 17:00:00'"
            raise PhraseError(message)
        begin = moment(opens, today)
        spans.append((begin, moment(closes, day_of(begin))))
    return floor.publish(
        SessionCalendar(
            calendar_id=parts["name"],
            covers_from=moment("00:00:00", today),
            covers_until=moment(parts["until"], today),
            opens=[opens for opens, _ in spans],
            closes=[closes for _, closes in spans],
        )
    )


def listing(floor: Floor, parts: Parts) -> LaneOutput:
    """Where an instrument belongs."""
    new = Listing(parts["name"], None, None)
    return floor.publish(changed(new, **fields_of(new, parts["fields"])))
