"""Every core version that this release knows still does, byte for byte, what it did."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.audit.verify import LaneVerifier
from pipeline.codecs.published import published_versions
from pipeline.codecs.schemas import SCHEMA_NAMES, Schema
from pipeline.codecs.wire import fixed_ids
from pipeline.risk.core_versions import CORE_VERSIONS
from tests.property.histories import LANE, LANE_COUNT, TOPICS
from tests.upgrade.recorded import files_of, read_bodies

FILES = [file for version in CORE_VERSIONS for file in files_of(version)]

# Rows and outputs enter digests as bytes; an order is hashed whole and repeated in its decision.
HASHED = [
    "order",
    "decision",
    "regulatory_event",
    "dead_letter",
    "audit_record",
    *(name for name in SCHEMA_NAMES if name.startswith("row_")),
]
HOW_TO_CHANGE = (
    "{name} is hashed, so its bytes are part of what every core version does. Add a new record for "
    "the new core and write it only once that core is in force (docs/adr/0010-core-versions.md)."
)


def test_every_known_core_has_recorded_lanes() -> None:
    assert all(files_of(version) for version in CORE_VERSIONS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_recorded_lane_is_replayed_bit_for_bit(file: Path) -> None:
    verifier = LaneVerifier(LANE, LANE_COUNT, list(TOPICS), fixed_ids())
    for body in read_bodies(file):
        verifier.take(body)
    assert (verifier.problem, verifier.core_problem) == (None, None)
    assert verifier.replayed == verifier.records > 0


@pytest.mark.parametrize("name", HASHED)
def test_what_is_hashed_keeps_its_schema(name: str) -> None:
    assert list(published_versions(name)) == [1], HOW_TO_CHANGE.format(name=name)


def test_control_grows_only_by_payloads_at_its_end() -> None:
    # Rows of kind C hold control records as they were written.
    versions = [list(fields_of(schema)) for schema in published_versions("control").values()]
    for older, newer in pairwise(versions):
        assert newer[: len(older)] == older


def fields_of(schema: Schema) -> Iterator[Schema]:
    """Every field but the payload, then the payload's branches."""
    yield [field for field in schema["fields"] if field["name"] != "payload"]
    yield from next(field for field in schema["fields"] if field["name"] == "payload")["type"]
