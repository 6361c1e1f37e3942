"""Tollgate: a pre-trade risk gate on Faust and Apache Kafka."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class _SourceFinder(MetaPathFinder):
    """Prefers a module's .py over its compiled twin, for coverage and comparison."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del target
        if not fullname.startswith("pipeline.") or path is None:
            return None
        for directory in path:
            file = Path(directory) / (fullname.rpartition(".")[2] + ".py")
            if file.exists():
                return importlib.util.spec_from_file_location(fullname, file)
        return None


if os.environ.get("TOLLGATE_PURE") == "1":
    sys.meta_path.insert(0, _SourceFinder())
