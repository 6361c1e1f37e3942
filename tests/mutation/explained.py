"""Which mutants docs/mutation.md explains.

Owns the list of mutated modules and the reading of the document's tables.
"""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = ROOT / "docs/mutation.md"
MODULES: Final = (
    "pipeline/risk/ledger.py",
    "pipeline/risk/money.py",
    "pipeline/risk/pledges.py",
    "pipeline/risk/deficits.py",
)


def explained_rows() -> set[str]:
    """The first three columns of each row about a mutant."""
    rows = (line.split(" | ") for line in DOCUMENT.read_text().splitlines() if "` | `" in line)
    return {" | ".join(columns[:3]) + " |" for columns in rows}
