"""Harm to a worker's RocksDB directory while its worker is down.

Owns how a store is corrupted, deleted or replaced by an outdated copy. Must never be called while a
process has the directory open.
"""

import shutil
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.faults import AtStore, StoreFault

_FLIPPED_BYTES: Final = 24
# What RocksDB reads back: tables, write-ahead logs, the list of files.
_READ_BACK: Final = ("**/*.sst", "**/*.log", "**/MANIFEST-*")


class StoreDamage:
    """The planned damage to stores; each is done once, when there is something to damage."""

    def __init__(self, faults: tuple[StoreFault, ...], directory: Path) -> None:
        """`directory`: where the copies of stores are kept."""
        self._faults: Final = list(faults)
        self._directory: Final = directory

    def before_start(self, worker: int, data_dir: Path) -> AtStore | None:
        """Do the next damage planned for `worker`, whose store is at `data_dir`; what was done."""
        fault = next((fault for fault in self._faults if fault.worker == worker), None)
        if fault is None or not any(_files(data_dir)):
            return None
        if not self._do(fault, data_dir):
            return None
        self._faults.remove(fault)
        return fault.kind

    def _do(self, fault: StoreFault, data_dir: Path) -> bool:
        if fault.kind is AtStore.DELETE:
            shutil.rmtree(data_dir)
            return True
        if fault.kind is AtStore.CORRUPT:
            _flip_bytes(_files(data_dir), Random(fault.seed))
            return True
        copy = self._directory / f"store-of-{fault.worker}"
        if not copy.exists():
            shutil.copytree(data_dir, copy)
            return False
        shutil.rmtree(data_dir)
        shutil.copytree(copy, data_dir)
        return True


def _files(data_dir: Path) -> list[Path]:
    found = [path for pattern in _READ_BACK for path in data_dir.glob(pattern)]
    return sorted(path for path in found if path.stat().st_size)


def _flip_bytes(files: list[Path], random: Random) -> None:
    """Flip bits in one file of each lane's store."""
    for directory in sorted({path.parent for path in files}):
        path = random.choice([path for path in files if path.parent == directory])
        content = bytearray(path.read_bytes())
        for _ in range(_FLIPPED_BYTES):
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        path.write_bytes(content)
