"""Lanes as each core version recorded them: what every later release must come to again.

Owns tests/golden/lanes/core-N.lane-S.gz: the audit bodies, each after its length in four bytes, of
the seeded history S. `python -m tests.upgrade.recorded` writes those of the newest core that are
not there; run it when a core version is made, before a release has it. A file never changes after
that.
"""

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.risk.core_versions import CORE_VERSIONS
from pipeline.settings import PROJECT_ROOT
from tests.property.gate import Gate
from tests.property.histories import seeded_history

DIRECTORY: Final = PROJECT_ROOT / "tests/golden/lanes"
# Between them they meet most words of the rules.
SEEDS: Final = range(6)
_STEPS: Final = 150
_LENGTH_BYTES: Final = 4


def files_of(core_version: int) -> list[Path]:
    """The recorded lanes of a core."""
    return sorted(DIRECTORY.glob(f"core-{core_version}.lane-*.gz"))


def read_bodies(file: Path) -> Iterator[bytes]:
    """The audit bodies of a recorded lane, in order."""
    data = gzip.decompress(file.read_bytes())
    position = 0
    while position < len(data):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(data[position:start], "big")
        yield data[start:position]


def record(core_version: int) -> list[Path]:
    """Write the recorded lanes that are missing; the new files."""
    written = []
    for seed in SEEDS:
        file = DIRECTORY / f"core-{core_version}.lane-{seed}.gz"
        if file.exists():
            continue
        gate = Gate()
        gate.processor.head.core_version = core_version
        for given in seeded_history(seed, _STEPS):
            gate.apply(given)
        framed = [len(body).to_bytes(_LENGTH_BYTES, "big") + body for body in gate.audit]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(b"".join(framed), mtime=0))
        written.append(file)
    return written


if __name__ == "__main__":
    for new in record(CORE_VERSIONS[-1]):
        sys.stdout.write(f"recorded {new}\n")
