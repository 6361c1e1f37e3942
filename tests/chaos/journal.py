"""What happened in a run, a line each, with the seconds since its start.

Owns one file in the run's directory; for whoever has to find out why a seed failed.
"""

import time
from pathlib import Path
from typing import Final


class Journal:
    """Lines of one run."""

    def __init__(self, path: Path) -> None:
        """The file is made; time starts now."""
        self._file: Final = path.open("w", buffering=1)
        self._started: Final = time.monotonic()

    def tell(self, text: str) -> None:
        """Add a line."""
        self._file.write(f"{time.monotonic() - self._started:8.2f} {text}\n")

    def close(self) -> None:
        """No more lines."""
        self._file.close()
