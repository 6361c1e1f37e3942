"""An order's story as JSON, for machines.

Owns its fields. Records are in the JSON form of the contract (`pipeline/codecs/rendering.py`); the
words are those that people get.
"""

from dataclasses import asdict
from typing import Any

from pipeline.audit.story import SWEEP, Step, Story
from pipeline.audit.story_replay import After
from pipeline.audit.story_words import lines
from pipeline.codecs.rendering import time_text, value_to_json
from pipeline.risk.records import AUDIT_OUTCOME_NAMES


def story_to_json(story: Story) -> dict[str, Any]:
    """The story for machines."""
    return {
        "order_id": story.order_id,
        "user_id": story.user_id,
        "lane": story.lane,
        "root_order_id": story.root_id,
        "ids": story.ids,
        "order_state": None if (last := story.steps[-1].after) is None else last.order_state,
        "left_out": story.left_out,
        "notes": story.notes,
        "steps": [_step_to_json(step) for step in story.steps],
    }


def _step_to_json(step: Step) -> dict[str, Any]:
    at = step.record
    of_gate = step.decision if step.kind == SWEEP else None
    return {
        "kind": step.kind,
        "gate_time": time_text(at.gate_time),
        "lane": at.lane,
        "lane_sequence": at.lane_sequence,
        "source_topic": at.source_topic,
        "source_partition": at.source_partition,
        "source_offset": at.source_offset,
        "outcome": AUDIT_OUTCOME_NAMES[at.outcome],
        "reason_code": at.reason_code if of_gate is None else of_gate.reason_code,
        "text": [line.text for line in lines(step)],
        "order": step.order and value_to_json("order", step.order),
        "fill": step.fill and value_to_json("fill", step.fill),
        "decision": step.decision and value_to_json("decision", step.decision),
        "after": step.after and _after_to_json(step.after),
    }


def _after_to_json(after: After) -> dict[str, Any]:
    return {
        "order_state": after.order_state,
        "filled_lots": after.filled_lots,
        "open_lots": after.open_lots,
        "hold_minor": after.hold_minor,
        "hold_change_minor": after.hold_change_minor,
        "hold_currency": after.hold_currency,
        "instrument_id": after.instrument_id,
        "money": [asdict(purse) for purse in after.purses],
        "position": after.position and value_to_json("row_position", after.position),
        "order": after.order and value_to_json("row_order", after.order),
    }
