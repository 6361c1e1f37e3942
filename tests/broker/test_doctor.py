"""`tollgate doctor` says what keeps this broker and these topics from what the gate promises."""

from dataclasses import replace

import pytest

from pipeline.commands.doctor import OK, PROBLEM, Finding, examine
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import create_topics
from pipeline.topics import AUDIT
from tests.broker.test_topic_admin import alter, only_problem

pytestmark = pytest.mark.broker


def found(settings: Settings, check: str) -> Finding:
    """The one finding of a check."""
    (finding,) = [finding for finding in examine(settings) if finding.check == check]
    return finding


def test_a_sound_broker_has_no_problems(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    findings = [finding for finding in examine(broker_settings) if finding.check != "compiled"]
    assert [finding for finding in findings if finding.state == PROBLEM] == []
    assert found(broker_settings, "transaction timeout").state == OK
    assert found(broker_settings, "abort of dead transactions").state == OK


def test_a_fail_over_that_waits_for_the_transaction_timeout_is_a_problem(
    broker_settings: Settings,
) -> None:
    slow = replace(broker_settings, transaction_timeout_ms=6_001)
    finding = found(slow, "transaction timeout")
    assert finding.state == PROBLEM
    assert "fail-over waits for it, not for the session timeout of 6000 ms" in finding.found
    assert "transaction_timeout_ms" in finding.fix


def test_an_audit_that_is_compacted_is_a_problem(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    alter(broker_settings, AUDIT, "cleanup.policy", "compact")
    only_problem(broker_settings)
    finding = found(broker_settings, f"topic {broker_settings.topic(AUDIT.name)}")
    assert finding.state == PROBLEM
    assert finding.found.startswith("cleanup.policy is compact instead of delete")
