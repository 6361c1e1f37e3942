"""The contract's Avro schemas as JSON, each name defined before it is used.

Owns where schemas/avro lies and how its files are loaded. The wire ids are in `wire.py`.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

Schema = Any

SCHEMA_DIR: Final = Path(__file__).parents[2] / "schemas/avro"

SCHEMA_NAMES: Final = (
    "order",
    "fill",
    "deposit",
    "mark",
    "instrument",
    "limits",
    "user_account",
    "firm_state",
    "fee_schedule",
    "policy",
    "day_close",
    "core_version",
    "check_limit",
    "check_policy",
    "scope_state",
    "release",
    "restriction",
    "session_calendar",
    "listing",
    "rule",
    "collateral",
    "control",
    "check_result",
    "cover",
    "decision",
    "audit_record",
    "regulatory_event",
    "dead_letter",
    "regulatory_report",
    "row_user",
    "row_balance",
    "row_position",
    "row_order",
    "row_decision",
    "row_seen",
    "row_withdrawal",
    "row_pledge",
    "row_alias",
    "row_mark",
    "row_algorithm",
    "row_recent",
    "row_band",
    "row_restriction",
    "row_result",
    "row_holdings",
    "row_lane",
    "row_gate",
    "row_report_day",
)


@cache
def load_json(name: str) -> dict[str, Schema]:
    """The schema of one record as it stands in schemas/avro/NAME.avsc."""
    loaded: dict[str, Schema] = json.loads((SCHEMA_DIR / f"{name}.avsc").read_text())
    return loaded
