"""Published versions of the contract: self-contained schemas, and reading what older ones wrote.

Owns schemas/avro/published/NAME.vN.avsc: frozen copies of each wire record as producers and
readers know it, and of each table row as it lies in changelogs. A published file never changes; a
changed schema is a new file, which `python -m pipeline.codecs.published` writes, and for a wire
record a new id at the end of its list in ids.json. Never on the hot path.
"""

import copy
import io
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

import fastavro

from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.schemas import SCHEMA_DIR, SCHEMA_NAMES, Schema, load_json
from pipeline.codecs.wire import FRAME_BYTES, SchemaIds, fixed_ids

PUBLISHED_DIR: Final = SCHEMA_DIR / "published"
_FILE_NAME: Final = re.compile(r"(?P<name>\w+)\.v(?P<version>\d+)\.avsc")


def self_contained(name: str) -> Schema:
    """The current schema of record `name` with each named type defined where it is first used."""
    return _inline(load_json(name), set())


def published_versions(name: str, directory: Path = PUBLISHED_DIR) -> dict[int, Schema]:
    """Every published version of record `name` with its self-contained schema, oldest first."""
    found = {}
    for path in directory.glob(f"{name}.v*.avsc"):
        match = _FILE_NAME.fullmatch(path.name)
        if match and match["name"] == name:
            found[int(match["version"])] = json.loads(path.read_text())
    return dict(sorted(found.items()))


def contract(schema: Schema) -> Schema:
    """`schema` without what may change freely: documentation and the marks of personal data."""
    if isinstance(schema, list):
        return [contract(part) for part in schema]
    if isinstance(schema, dict):
        return {key: contract(part) for key, part in schema.items() if key not in {"doc", "pii"}}
    return schema


def published_names() -> list[str]:
    """The records that must be published: those on the wire, and the rows of the tables."""
    return [name for name in SCHEMA_NAMES if name in fixed_ids().current or name.startswith("row_")]


def publish_changed(directory: Path = PUBLISHED_DIR) -> list[Path]:
    """Write the next version of each record whose contract differs from its last; the new files."""
    written = []
    for name in published_names():
        versions = published_versions(name, directory)
        current = self_contained(name)
        last = max(versions, default=0)
        if last == 0 or contract(versions[last]) != contract(current):
            path = directory / f"{name}.v{last + 1}.avsc"
            path.write_text(json.dumps(current, indent=2) + "\n")
            written.append(path)
    return written


def upgrade_body(name: str, version: int, body: bytes, directory: Path = PUBLISHED_DIR) -> bytes:
    """The body of record `name`, written with published `version`, as the current schema writes it.

    Bodies of the last version are returned as they are. Raises MalformedAvro for bytes that are
    not of that version, and for a version that was never published.
    """
    schemas = _parsed_versions(name, directory)
    if version not in schemas:
        raise MalformedAvro(f"{name} has no published version {version}")
    if version == max(schemas):
        return body
    current = schemas[max(schemas)]
    source, target = io.BytesIO(body), io.BytesIO()
    try:
        record = fastavro.schemaless_reader(
            source, schemas[version], current, return_record_name=True
        )
    except Exception as error:  # fastavro raises whatever the bytes provoke
        raise MalformedAvro(f"not a {name} of version {version}: {error}") from error
    if source.read(1):
        raise MalformedAvro("bytes after the record")
    fastavro.schemaless_writer(target, current, record)
    return target.getvalue()


def unframe(value: bytes | None, ids: SchemaIds) -> tuple[str, int, bytes]:
    """Take the frame off: (record name, version written with, body as the current schema has it).

    Raises MalformedAvro for what has no frame, an unknown id, or a body of an older version that
    cannot be read; a body of the current version is not looked at.
    """
    if value is None or len(value) < FRAME_BYTES or value[0] != 0:
        raise MalformedAvro("no frame: a value starts with a zero byte and a schema id of 4 bytes")
    schema_id = int.from_bytes(value[1:FRAME_BYTES], "big")
    if schema_id not in ids.readable:
        raise MalformedAvro(f"unknown schema id {schema_id}")
    name, version = ids.readable[schema_id]
    return name, version, upgrade_body(name, version, value[FRAME_BYTES:])


@cache
def _parsed_versions(name: str, directory: Path) -> dict[int, Any]:
    return {
        version: fastavro.parse_schema(_without_logical_types(schema))
        for version, schema in published_versions(name, directory).items()
    }


def _inline(schema: Schema, defined: set[str]) -> Schema:
    if isinstance(schema, list):
        return [_inline(branch, defined) for branch in schema]
    if isinstance(schema, str):
        name = schema.removeprefix("tollgate.")
        if name == schema or name in defined:
            return schema
        return _inline(_definitions()[name], defined)
    if schema["type"] in {"record", "enum"}:
        if schema["name"] in defined:
            return f"tollgate.{schema['name']}"
        defined.add(schema["name"])
    result = copy.copy(schema)
    for inner in ("items", "values"):
        if inner in result:
            result[inner] = _inline(result[inner], defined)
    if "fields" in result:
        result["fields"] = [
            {**field, "type": _inline(field["type"], defined)} for field in result["fields"]
        ]
    return result


@cache
def _definitions() -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for name in SCHEMA_NAMES:
        _collect(load_json(name), found)
    return found


def _collect(schema: Schema, found: dict[str, Schema]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, found)
    elif isinstance(schema, dict):
        if schema["type"] in {"record", "enum"}:
            found.setdefault(schema["name"], schema)
        for inner in ("items", "values"):
            if inner in schema:
                _collect(schema[inner], found)
        for field in schema.get("fields", ()):
            _collect(field["type"], found)


def _without_logical_types(schema: Schema) -> Schema:
    """The same bytes as plain integers: a time outside the calendar is still a number."""
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            key: _without_logical_types(value)
            for key, value in schema.items()
            if key != "logicalType"
        }
    return schema


if __name__ == "__main__":
    for new in publish_changed():
        sys.stdout.write(f"published {new}\n")
