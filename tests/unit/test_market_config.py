"""config/replay.yaml: the shipped one, and what is refused."""

from pathlib import Path

import pytest
import yaml

from pipeline.market.config import DEFAULT_FILE, ReplayConfigError, load_replay_config


def test_the_shipped_file_is_right() -> None:
    config = load_replay_config()
    assert config.accounts == 256
    assert sum(weight for _, weight in config.tiers) > 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"accounts": 0}, "accounts must be"),
        ({"accounts": "many"}, "accounts must be"),
        ({"accounts": True}, "accounts must be"),
        ({"tenants": []}, "tenants must be"),
        ({"tiers": {"standard": 0}}, "weight of standard"),
        ({"tiers": []}, "tiers must be"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    file = tmp_path / "replay.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(DEFAULT_FILE.read_text()) | change))
    with pytest.raises(ReplayConfigError, match=complaint):
        load_replay_config(file)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    content = yaml.safe_load(DEFAULT_FILE.read_text())
    del content["venue"]
    file = tmp_path / "replay.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ReplayConfigError, match="venue"):
        load_replay_config(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReplayConfigError, match=r"gone\.yaml"):
        load_replay_config(tmp_path / "gone.yaml")
