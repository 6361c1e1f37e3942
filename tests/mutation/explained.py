"""Which mutants docs/mutation.md explains.

Owns the list of mutated modules and the reading of the document's tables.
"""

from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs/mutation.md"
CHECKS: Final = ROOT / "pipeline/risk/checks"
# Lookups and a table: what is wrong there fails by name in test_risk_checks.py.
NOT_CHECKS: Final = ("__init__.py", "context.py", "registry.py")
# What may be run by itself: `--part checks`.
PARTS: Final[dict[str, tuple[str, ...]]] = {
    "money": (
        "pipeline/risk/ledger.py",
        "pipeline/risk/money.py",
        "pipeline/risk/pledges.py",
        "pipeline/risk/deficits.py",
    ),
    "checks": tuple(
        f"pipeline/risk/checks/{file.name}"
        for file in sorted(CHECKS.glob("*.py"))
        if file.name not in NOT_CHECKS
    ),
    "behind": (
        "pipeline/risk/activity.py",
        "pipeline/risk/bands.py",
        "pipeline/risk/check_rules.py",
        "pipeline/risk/holdings.py",
        "pipeline/risk/own_prices.py",
        "pipeline/risk/restrictions.py",
        "pipeline/risk/results.py",
        "pipeline/risk/severities.py",
        "pipeline/risk/valuation.py",
        "pipeline/risk/windows.py",
    ),
}
MODULES: Final = tuple(module for part in PARTS.values() for module in part)


class Explained(NamedTuple):
    """A row about a mutant: under which module it stands, and its first three columns."""

    module: str
    row: str


def explained_rows() -> set[Explained]:
    """All of the document's."""
    module, found = "", set[Explained]()
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("## "):
            module = line.removeprefix("## ")
        elif module and "` | `" in line:
            found.add(Explained(module, " | ".join(line.split(" | ")[:3]) + " |"))
    return found
