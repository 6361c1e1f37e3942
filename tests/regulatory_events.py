"""Regulatory events for the tests of the reporting."""

from typing import Any, Final

from pipeline.codecs.schemas import load_json
from pipeline.risk.records import RegulatoryEvent

DAY: Final = 19_782  # 2024-02-29
GATE_TIME: Final = DAY * 86_400_000_000 + 48_600_000_001  # 13:30:00.000001
_NOTHING: Final = dict.fromkeys(field["name"] for field in load_json("regulatory_event")["fields"])


def make_event(**fields: Any) -> RegulatoryEvent:
    """An event of tenant acme with nothing in it but what every event has, and `fields`."""
    given: dict[str, Any] = {
        **_NOTHING,
        "tenant_id": "acme",
        "business_day": DAY,
        "event_type": "NEWO",
        "gate_time": GATE_TIME,
        "event_time": GATE_TIME,
        "quantity_lots": 0,
        "last_lots": 0,
        "reason_code": "ACCEPTED",
        "lane": 3,
        "lane_sequence": 17,
        "source_topic": "orders",
        "source_offset": 4711,
        "input_hash": b"\xab" * 32,
        **fields,
    }
    return RegulatoryEvent(**given)
