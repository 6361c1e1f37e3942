"""The bytes on the wire are those that producers and readers were promised.

tests/golden/wire/NAME.vN.json: one example of each published version of each record on the wire,
`bytes` (hex, with the frame of the fixed ids) and `value` (its JSON form). The files were written
with fastavro and never change: bytes of the field are bytes for ever.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.codecs.published import published_versions
from pipeline.codecs.rendering import framed_to_json, from_json
from pipeline.codecs.wire import fixed_ids

GOLDEN = Path(__file__).parents[1] / "golden/wire"
FILES = sorted(GOLDEN.glob("*.json"))


def load(file: Path) -> tuple[str, int, bytes, dict[str, Any]]:
    """(record name, version, framed bytes, value) of a golden file."""
    name, version = file.stem.split(".v")
    golden = json.loads(file.read_text())
    return name, int(version), bytes.fromhex(golden["bytes"]), golden["value"]


def test_every_published_version_of_every_wire_record_has_an_example() -> None:
    wanted = {
        f"{name}.v{version}" for name in fixed_ids().current for version in published_versions(name)
    }
    assert {file.stem for file in FILES} == wanted


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_golden_bytes_are_read_as_the_golden_value(file: Path) -> None:
    name, version, framed, value = load(file)
    read = framed_to_json(framed, fixed_ids())
    assert (read.name, read.version) == (name, version)
    # A newer schema may add fields; none that was written may be lost or read otherwise.
    assert {field: read.record[field] for field in value} == value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_golden_value_of_the_current_version_is_written_as_the_golden_bytes(
    file: Path,
) -> None:
    name, version, framed, value = load(file)
    if version == max(published_versions(name)):
        assert fixed_ids().frame(name) + from_json(name, value) == framed
