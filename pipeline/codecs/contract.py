"""The contract as the generators of codecs see it: records, enums, and how each is treated.

Owns the mapping from an Avro schema to typed Python, and which records and strings codecs treat in
a way of their own.
"""

from typing import Final

from pipeline.codecs.schemas import SCHEMA_NAMES, Schema, load_json

# Built up field by field before it is published, by the one module that owns it.
DRAFTED: Final = {"regulatory_event"}
# Written more than once as they are, so their bytes are kept: an order as it was read, a check's
# result that is the same for every order (`kept`).
KEPT: Final = {"order", "check_result"}
# Written once an input from what lies at hand, without a value in between.
SPREAD: Final = {"audit_record"}
# Made for each input and gone with it: the memory of the last one serves the next.
PASSING: Final = {"decision", "order", "regulatory_event"}
# Strings that few records say anything new in: the C codecs read them as the same object.
RECURRING: Final = {
    "account_tenant_id",
    "algo_id",
    "check",
    "counterparty_id",
    "currency",
    "desk_id",
    "event_type",
    "hold_currency",
    "instrument_id",
    "margin_currency",
    "reason_code",
    "reason_text",
    "source_system_id",
    "source_topic",
    "tenant_id",
    "tier_id",
    "trader_id",
    "user_id",
    "venue",
}
# A union of null and one other type.
_OPTIONAL_BRANCHES: Final = 2
PLAIN_TYPES: Final = {
    "long": "int",
    "int": "int",
    "boolean": "bool",
    "string": "str",
    "bytes": "bytes",
}


def class_name(record: str) -> str:
    """`row_user` -> `RowUser`."""
    return "".join(word.capitalize() for word in record.split("_"))


class Contract:
    """What the schemas define."""

    def __init__(self) -> None:
        self.records: list[dict[str, Schema]] = []
        self.enums: dict[str, dict[str, Schema]] = {}
        for name in SCHEMA_NAMES:
            record = load_json(name)
            self.records.append(record)
            self._collect_enums(record)

    def _collect_enums(self, schema: Schema) -> None:
        if isinstance(schema, list):
            for branch in schema:
                self._collect_enums(branch)
        elif isinstance(schema, dict):
            if schema["type"] == "enum":
                self.enums[schema["name"]] = schema
            elif schema["type"] == "record":
                for field in schema["fields"]:
                    self._collect_enums(field["type"])
            else:
                for part in ("items", "values", "type"):
                    if isinstance(schema.get(part), dict | list):
                        self._collect_enums(schema[part])

    def resolve(self, schema: Schema) -> tuple[str, Schema]:
        """(kind, detail): plain, enum, record, array, map, optional or union."""
        if isinstance(schema, list):
            if schema[0] == "null" and len(schema) == _OPTIONAL_BRANCHES:
                return "optional", schema[1]
            return "union", schema
        if isinstance(schema, dict):
            kind = schema["type"]
            if kind == "enum":
                return "enum", schema["name"]
            if kind == "array":
                return "array", schema["items"]
            if kind == "map":
                return "map", schema["values"]
            return self.resolve(kind)
        name = schema.removeprefix("tollgate.")
        if name in PLAIN_TYPES:
            return "plain", name
        return ("enum", name) if name in self.enums else ("record", name)

    def annotation(self, schema: Schema) -> str:
        """The Python type of a field."""
        kind, detail = self.resolve(schema)
        if kind == "plain":
            return PLAIN_TYPES[detail]
        if kind == "enum":
            return "int"
        if kind == "record":
            return class_name(detail)
        if kind == "array":
            return f"list[{self.annotation(detail)}]"
        if kind == "map":
            return f"dict[str, {self.annotation(detail)}]"
        if kind == "optional":
            return f"{self.annotation(detail)} | None"
        return " | ".join(self.annotation(branch) for branch in detail)
