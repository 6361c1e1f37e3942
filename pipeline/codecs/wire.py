"""Framing: magic byte 0, a 4-byte schema id, the Avro body (the Confluent wire format).

Owns the ids. With a schema registry configured, ids come from it at start-up; without, from the
fixed table in schemas/avro/ids.json. Either way a topic accepts the published versions of its own
record and nothing else; one that came later than a lane's core version is nothing to that lane,
so that two releases that run beside each other read the same. Frames are the shell's business:
digests and hashes are over bodies.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.codecs.schemas import SCHEMA_DIR

FRAME_BYTES: Final = 5


@dataclass(frozen=True)
class SchemaIds:
    """Which schema id stands for which record.

    `current`: record name -> the id written. `readable`: id -> (record name, published version).
    `since_core`: id -> the first core version that reads it; every core reads one that is not here.
    """

    current: Mapping[str, int]
    readable: Mapping[int, tuple[str, int]]
    since_core: Mapping[int, int] = field(default_factory=dict)

    def frame(self, name: str) -> bytes:
        """The five bytes before a body of record `name`."""
        return b"\x00" + self.current[name].to_bytes(4, "big")

    def reads(self, schema_id: int, core_version: int) -> bool:
        """Whether a lane with this core reads the id at all."""
        return schema_id in self.readable and self.since_core.get(schema_id, 0) <= core_version

    def frame_for(self, name: str, core_version: int) -> bytes:
        """The frame of the newest version of record `name` that lanes with this core read."""
        known = [
            (version, schema_id)
            for schema_id, (record, version) in self.readable.items()
            if record == name and self.reads(schema_id, core_version)
        ]
        return b"\x00" + max(known)[1].to_bytes(4, "big")


def fixed_ids() -> SchemaIds:
    """The table of schemas/avro/ids.json: {"order": [1], ...}, oldest version first.

    A version of an input that only lanes from core 2 on read stands as {"id": 11, "since_core": 2}.
    """
    table: dict[str, list[Any]] = json.loads((SCHEMA_DIR / "ids.json").read_text())
    return ids_of_table(table)


def ids_of_table(table: Mapping[str, list[Any]]) -> SchemaIds:
    """The ids of a table as ids.json holds it."""
    current: dict[str, int] = {}
    readable: dict[int, tuple[str, int]] = {}
    since_core: dict[int, int] = {}
    for name, entries in table.items():
        for version, entry in enumerate(entries, start=1):
            schema_id = entry if isinstance(entry, int) else entry["id"]
            current[name] = schema_id
            readable[schema_id] = (name, version)
            if not isinstance(entry, int):
                since_core[schema_id] = entry["since_core"]
    return SchemaIds(current, readable, since_core)
