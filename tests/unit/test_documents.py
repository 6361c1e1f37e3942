"""The documents say what the code says, as far as a machine can tell."""

import re
from dataclasses import fields
from itertools import chain
from pathlib import Path

import pytest
import yaml

from pipeline.__main__ import COMMANDS
from pipeline.documents import (
    CONTROLS_PATH,
    REASONS_PATH,
    RULE_LANGUAGE_PATH,
    TOPOLOGY_PATH,
    render_fail_closed,
    render_fields,
    render_reasons,
    render_topics,
    with_table,
)
from pipeline.settings import PROJECT_ROOT, Settings

DOCUMENTS = sorted(
    chain(
        PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT.glob(f"{d}/**/*.md") for d in ("docs", "samples"))
    )
)
ADR = PROJECT_ROOT / "docs/adr"
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ALERTS = PROJECT_ROOT / "config/prometheus/alerts.yml"


def read(name: str) -> str:
    """A document of the project's root directory."""
    return (PROJECT_ROOT / name).read_text()


def test_the_reason_codes_are_those_of_the_code() -> None:
    assert REASONS_PATH.read_text() == render_reasons()


def test_the_table_of_topics_is_that_of_the_code() -> None:
    topology = TOPOLOGY_PATH.read_text()
    assert topology == with_table(topology, "topics", render_topics())


def test_the_table_of_a_rules_fields_is_that_of_the_code() -> None:
    document = RULE_LANGUAGE_PATH.read_text()
    assert document == with_table(document, "fields", render_fields())


def test_the_fail_closed_table_is_that_of_the_code() -> None:
    document = CONTROLS_PATH.read_text()
    assert document == with_table(document, "fail-closed table", render_fail_closed())


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold"):
        with_table("# Topology\n", "topics", "")


def test_every_agent_is_a_step_of_the_topology_and_the_other_way_round() -> None:
    named = set(re.findall(r"pipeline/agents/(\w+)\.py", TOPOLOGY_PATH.read_text()))
    files = (PROJECT_ROOT / "pipeline/agents").glob("*.py")
    assert named == {file.stem for file in files} - {"__init__"}


def test_every_command_is_in_the_readme() -> None:
    table = set(re.findall(r"^\| `tollgate ([a-z]+)", read("README.md"), re.MULTILINE))
    assert table == set(COMMANDS)


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT))
)
def test_every_command_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"(?:`|^ *|/)tollgate ([a-z]+)", document.read_text(), re.MULTILINE))
    assert named <= set(COMMANDS)


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT))
)
def test_every_link_leads_to_a_file(document: Path) -> None:
    targets = [link.partition("#")[0] for link in _LINK.findall(document.read_text())]
    files = [target for target in targets if target and "://" not in target]
    assert [file for file in files if not (document.parent / file).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:`|^ *)make ([a-z-]+)", document.read_text(), re.MULTILINE))
        assert named <= targets, document


def test_every_setting_is_explained_to_the_operator() -> None:
    section = read("docs/operations.md").partition("\n## Settings\n")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    shipped = yaml.safe_load(read("config/settings.yaml"))
    assert explained == {setting.name for setting in fields(Settings)} == set(shipped)


def test_every_alert_has_its_place_in_the_runbook() -> None:
    groups = yaml.safe_load(_ALERTS.read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert set(re.findall(r"`(Tollgate\w+)`", read("docs/operations.md"))) == alerts


def test_every_test_that_is_named_as_a_proof_exists() -> None:
    for document in ("docs/guarantees.md", "docs/controls.md"):
        proofs = _PROOF.findall(read(document))
        assert proofs
        for file, name in proofs:
            assert f"def {name}(" in (PROJECT_ROOT / file).read_text(), f"{file}::{name}"


def test_every_test_file_that_controls_name_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", read("docs/controls.md")))
    assert named
    assert [file for file in sorted(named) if not (PROJECT_ROOT / file).exists()] == []


def test_every_decision_record_is_listed_and_has_its_four_parts() -> None:
    listed = set(re.findall(r"docs/adr/([\w-]+\.md)", read("CONTRIBUTING.md")))
    records = list(ADR.glob("*.md"))
    assert listed == {record.name for record in records}
    for record in records:
        heads = re.findall(r"^## (.+)$", record.read_text(), re.MULTILINE)
        assert heads == ["Context", "Decision", "Consequences", "Measured"], record.name
