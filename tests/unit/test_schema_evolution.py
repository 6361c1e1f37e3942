"""A schema change that breaks a reader fails here, and older versions stay readable."""

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import avro.schema
import fastavro
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import (
    PUBLISHED_DIR,
    contract,
    publish_changed,
    published_names,
    published_versions,
    self_contained,
    upgrade_body,
)
from pipeline.codecs.rendering import from_json, to_json
from pipeline.codecs.wire import fixed_ids

HOW_TO_PUBLISH = (
    "The schema of {name} is not the last published one. If the change is meant, publish it: "
    "`python -m pipeline.codecs.published` writes the next version into schemas/avro/published; "
    "for a record on the wire, add an unused id to the end of its list in schemas/avro/ids.json."
)


def parsed(schema: Any) -> Any:
    return avro.schema.parse(json.dumps(schema))


def breaks(reader: Any, writer: Any) -> set[str]:
    """Why `reader` cannot read what `writer` wrote; empty when it can."""
    result = ReaderWriterCompatibilityChecker().get_compatibility(parsed(reader), parsed(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return set()
    return {str(reason) for reason in result.messages}


def test_every_wire_record_and_every_row_is_published_and_nothing_else() -> None:
    files = {path.name.split(".")[0] for path in PUBLISHED_DIR.iterdir()}
    assert files == set(published_names())


@pytest.mark.parametrize("name", published_names())
def test_the_current_schema_is_the_last_published_one(name: str) -> None:
    versions = published_versions(name)
    assert list(versions) == list(range(1, len(versions) + 1))
    current, last = self_contained(name), versions[len(versions)]
    message = HOW_TO_PUBLISH.format(name=name)
    assert parsed(current).canonical_form == parsed(last).canonical_form, message
    # The canonical form drops defaults and logical types, on which readers rely as well.
    assert contract(current) == contract(last), message


@pytest.mark.parametrize("name", published_names())
def test_the_current_schema_reads_every_published_version(name: str) -> None:
    for version, writer in published_versions(name).items():
        assert breaks(self_contained(name), writer) == set(), f"{name} version {version}"


def test_each_published_wire_version_has_its_own_id() -> None:
    ids = fixed_ids()
    for name in ids.current:
        versions = [version for record, version in ids.readable.values() if record == name]
        assert versions == list(published_versions(name))
    listed = json.loads((PUBLISHED_DIR.parent / "ids.json").read_text())
    assert len(ids.readable) == sum(len(of_record) for of_record in listed.values())


def rename_a_field(schema: Any) -> None:
    schema["fields"][4]["name"] = "client_order_id"


def add_a_field_without_default(schema: Any) -> None:
    schema["fields"].append({"name": "strategy_id", "type": "string"})


def narrow_a_type(schema: Any) -> None:
    field = next(field for field in schema["fields"] if field["name"] == "quantity_lots")
    field["type"] = "int"


def make_an_optional_field_mandatory(schema: Any) -> None:
    field = next(field for field in schema["fields"] if field["name"] == "price_e9")
    field["type"] = "long"
    del field["default"]


def drop_a_symbol(schema: Any) -> None:
    field = next(field for field in schema["fields"] if field["name"] == "time_in_force")
    field["type"]["symbols"].remove("FOK")


@pytest.mark.parametrize(
    "breaking",
    [
        rename_a_field,
        add_a_field_without_default,
        narrow_a_type,
        make_an_optional_field_mandatory,
        drop_a_symbol,
    ],
)
def test_a_change_that_breaks_a_reader_is_found(breaking: Callable[[Any], None]) -> None:
    changed = copy.deepcopy(self_contained("order"))
    breaking(changed)
    assert breaks(changed, self_contained("order")) != set()
    assert contract(changed) != contract(self_contained("order"))


def test_a_new_field_with_a_default_breaks_nobody_but_must_be_published() -> None:
    changed = copy.deepcopy(self_contained("order"))
    changed["fields"].append({"name": "strategy_id", "type": ["null", "string"], "default": None})
    assert breaks(changed, self_contained("order")) == set()
    assert parsed(changed).canonical_form != parsed(self_contained("order")).canonical_form


def test_documentation_may_change_without_a_new_version() -> None:
    changed = copy.deepcopy(self_contained("order"))
    changed["doc"] = "Better words."
    assert contract(changed) == contract(self_contained("order"))


ORDER = {
    "event_time": "2023-12-25T10:00:00.000001Z",
    "source_system_id": "oms",
    "tenant_id": "demo",
    "action": "NEW",
    "order_id": "o1",
    "user_id": "alice",
    "instrument_id": "ESH4",
    "side": "SELL",
    "order_type": "LIMIT",
    "time_in_force": "DAY",
    "quantity_lots": 2,
    "price_e9": 4_800_250_000_000,
    "tags": {"a": "1", "b": "2"},
}


@pytest.fixture
def two_versions(tmp_path: Path) -> tuple[Path, Any]:
    """A directory in which an older order without desk_id and tags is version 1; and its schema."""
    older = copy.deepcopy(self_contained("order"))
    older["fields"] = [f for f in older["fields"] if f["name"] not in {"desk_id", "tags"}]
    (tmp_path / "order.v1.avsc").write_text(json.dumps(older))
    (tmp_path / "order.v2.avsc").write_text(json.dumps(self_contained("order")))
    return tmp_path, older


def written_by(schema: Any, body: bytes) -> bytes:
    """What a producer with the older `schema` writes for the order in `body`."""
    order = fastavro.schemaless_reader(io.BytesIO(body), self_contained("order"), None)
    target = io.BytesIO()
    fastavro.schemaless_writer(target, schema, order)
    return target.getvalue()


def test_a_body_of_an_older_version_is_read_with_the_new_fields_defaults(
    two_versions: tuple[Path, Any],
) -> None:
    directory, older = two_versions
    body = written_by(older, from_json("order", ORDER))
    upgraded = upgrade_body("order", 1, body, directory)
    assert to_json("order", upgraded) == to_json("order", from_json("order", ORDER | {"tags": {}}))


def test_a_body_of_the_last_version_is_left_alone(two_versions: tuple[Path, Any]) -> None:
    directory, _ = two_versions
    body = from_json("order", ORDER)
    assert upgrade_body("order", 2, body, directory) is body


def test_a_bad_body_of_an_older_version_is_malformed(two_versions: tuple[Path, Any]) -> None:
    directory, older = two_versions
    body = written_by(older, from_json("order", ORDER))
    for bad in (body[:-1], body[:7], b"", b"\xff" * 40, body + b"\x00"):
        with pytest.raises(MalformedAvro):
            upgrade_body("order", 1, bad, directory)
    with pytest.raises(MalformedAvro, match="no published version 3"):
        upgrade_body("order", 3, body, directory)


def test_publishing_writes_only_what_changed(tmp_path: Path) -> None:
    assert len(publish_changed(tmp_path)) == len(published_names())
    assert publish_changed(tmp_path) == []
    first = tmp_path / "order.v1.avsc"
    older = json.loads(first.read_text())
    older["fields"].pop()
    first.write_text(json.dumps(older))
    assert publish_changed(tmp_path) == [tmp_path / "order.v2.avsc"]
