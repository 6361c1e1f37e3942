"""The knobs of a replay: config/replay.yaml.

Owns their names, defaults and bounds. Nothing here reaches the gate but as records on its topics.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import yaml

from pipeline.settings import PROJECT_ROOT

DEFAULT_FILE: Final = PROJECT_ROOT / "config/replay.yaml"
_BOUNDS: Final = {
    "accounts": (1, 9_999),
    "deposit_minor": (1, 10**18),
    "fee_per_lot_minor": (0, 10**9),
    "mark_interval_ms": (0, 3_600_000),
    "mark_quiet_ms": (1, 86_400_000),
    "ahead_records_max": (1, 100_000),
    "ahead_ms_max": (1, 3_600_000),
    "order_age_ms_max": (2, 7_200_000),
    "silence_s_max": (1, 3_600),
}


class ReplayConfigError(ValueError):
    """The file is not right; the text names file and key."""


@dataclass(frozen=True)
class ReplayConfig:
    """See config/replay.yaml for what each one does. `tiers`: (tier id, weight)."""

    accounts: int
    tenants: tuple[str, ...]
    tiers: tuple[tuple[str, int], ...]
    deposit_currency: str
    deposit_minor: int
    fee_per_lot_minor: int
    opening_checks_exempt: tuple[str, ...]
    venue: str
    source_system_id: str
    mark_interval_ms: int
    mark_quiet_ms: int
    ahead_records_max: int
    ahead_ms_max: int
    order_age_ms_max: int
    silence_s_max: int


def load_replay_config(file: Path = DEFAULT_FILE) -> ReplayConfig:
    """Read `file`. Raises ReplayConfigError for a key that is unknown, missing or out of bounds."""
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ReplayConfigError(f"{file}: not readable: {error}") from error
    if not isinstance(given, dict):
        raise ReplayConfigError(f"{file}: expected a mapping")
    known = {field.name: field.type for field in fields(ReplayConfig)}
    if wrong := sorted(given.keys() ^ known.keys()):
        raise ReplayConfigError(f"{file}: missing or unknown: {', '.join(map(str, wrong))}")
    for name, (low, high) in _BOUNDS.items():
        if type(given[name]) is not int or not low <= given[name] <= high:
            raise ReplayConfigError(f"{file}: {name} must be a number from {low} to {high}")
    if given["order_age_ms_max"] <= given["ahead_ms_max"]:
        raise ReplayConfigError(f"{file}: order_age_ms_max must be larger than ahead_ms_max")
    return ReplayConfig(
        **given
        | {
            "tenants": _names(file, "tenants", given["tenants"], 1),
            "opening_checks_exempt": _names(
                file, "opening_checks_exempt", given["opening_checks_exempt"], 0
            ),
            "tiers": _tiers(file, given["tiers"]),
        }
    )


def _names(file: Path, key: str, value: Any, count_min: int) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) < count_min:
        raise ReplayConfigError(f"{file}: {key} must be a list of at least {count_min} names")
    return tuple(map(str, value))


def _tiers(file: Path, value: Any) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, dict) or not value:
        raise ReplayConfigError(f"{file}: tiers must be a mapping of tier to weight")
    for tier, weight in value.items():
        if type(weight) is not int or weight < 1:
            raise ReplayConfigError(f"{file}: tiers: the weight of {tier} must be 1 or more")
    return tuple((str(tier), weight) for tier, weight in value.items())
