"""Settings: every knob is documented in the shipped file, and a slip is refused by name."""

from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from pipeline.settings import DEFAULT_FILE, Settings, SettingsError


def test_the_shipped_file_names_every_setting_with_its_default() -> None:
    shipped = yaml.safe_load(DEFAULT_FILE.read_text())
    assert shipped == {setting.name: setting.default for setting in fields(Settings)}


def test_every_setting_of_the_shipped_file_is_explained() -> None:
    lines = DEFAULT_FILE.read_text().splitlines()
    bare = [
        line
        for above, line in pairwise(["", *lines])
        if line and not line.startswith("#") and not above
    ]
    assert bare == []


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("latency_target_ms: 7\npartitions: 16\n")
    env = {"TOLLGATE_LATENCY_TARGET_MS": "9", "KAFKA_BOOTSTRAP": "kafka:9092"}
    settings = Settings.load(file, env)
    assert (settings.latency_target_ms, settings.partitions) == (9, 16)
    assert settings.kafka_bootstrap == "kafka:9092"


def test_another_file_can_be_named_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("app_id: another\n")
    assert Settings.load(env={"TOLLGATE_SETTINGS": str(file)}).app_id == "another"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("comit_ms_max: 5", "unknown setting 'comit_ms_max'"),
        ("latency_target_ms: soon", "latency_target_ms must be a whole number"),
        ("static_member: maybe", "static_member must be true or false"),
        ("partitions: 0", "partitions must be between 1 and 4096"),
        ("gate_clock: sun", "gate_clock must be 'wall'"),
        ("transaction_timeout_ms: 15000", "below rebalance_timeout_s"),
        ("- a list", "expected a mapping"),
    ],
)
def test_a_slip_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text + "\n")
    with pytest.raises(SettingsError, match=message):
        Settings.load(file, {})


def test_security_settings_reach_the_client_and_empty_ones_do_not() -> None:
    env = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "gate",
        "KAFKA_SASL_PASSWORD": "secret",
        "KAFKA_SSL_CAFILE": "/etc/ca.pem",
    }
    client = Settings.load(env=env).confluent(group_id="g")
    assert client == {
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "gate",
        "sasl.password": "secret",
        "ssl.ca.location": "/etc/ca.pem",
        "group.id": "g",
    }
