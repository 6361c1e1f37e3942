"""Framing: magic byte 0, a 4-byte schema id, the Avro body (the Confluent wire format).

Owns the ids. With a schema registry configured, ids come from it at start-up; without, from the
fixed table in schemas/avro/ids.json. Either way a topic accepts the published versions of its own
record and nothing else. Frames are the shell's business: digests and hashes are over bodies.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.codecs.schemas import SCHEMA_DIR

FRAME_BYTES: Final = 5


@dataclass(frozen=True)
class SchemaIds:
    """Which schema id stands for which record.

    `current`: record name -> the id written. `readable`: id -> (record name, published version).
    """

    current: Mapping[str, int]
    readable: Mapping[int, tuple[str, int]]

    def frame(self, name: str) -> bytes:
        """The five bytes before a body of record `name`."""
        return b"\x00" + self.current[name].to_bytes(4, "big")


def fixed_ids() -> SchemaIds:
    """The table of schemas/avro/ids.json: {"order": [1], ...}, oldest version first."""
    table: dict[str, list[int]] = json.loads((SCHEMA_DIR / "ids.json").read_text())
    return SchemaIds(
        current={name: ids[-1] for name, ids in table.items()},
        readable={
            schema_id: (name, version)
            for name, ids in table.items()
            for version, schema_id in enumerate(ids, start=1)
        },
    )
