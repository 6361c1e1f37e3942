"""Compiles the hot modules with mypyc: `python -m pipeline.build`, which `make build` runs.

Owns the list of modules that are compiled and how a stale build is noticed. The same source runs
uncompiled where there is no C compiler, or with TOLLGATE_PURE=1; results are the same, bit for bit.
"""

import hashlib
import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from setuptools import Extension

PROJECT_ROOT: Final = Path(__file__).parents[1]
STAMP: Final = PROJECT_ROOT / "build/compiled.json"
# Written in C: what replaces compiled functions when linked, and what is included before them.
_NATIVE: Final = PROJECT_ROOT / "pipeline/native"
_REPLACING: Final = ("avro.c", "rows.c", "sha256.c", "batching.c", "sealing.c")
_INCLUDED: Final = ("trashcan.h", "avro.h", "giving_way.h")
# What mypyc calls the module that all compiled code is in.
_SHARED: Final = "tollgate__mypyc"
_TARGET: Final = Path("build/mypyc")
_SOURCES: Final = (
    "pipeline/codecs/primitives.py",
    "pipeline/codecs/avro.py",
    "pipeline/codecs/sha256.py",
    "pipeline/risk",
    "pipeline/lane/remembered_keys.py",
    "pipeline/lane/rows.py",
    "pipeline/lane/processor.py",
    "pipeline/lane/batch.py",
    "pipeline/streaming/merge.py",
    "pipeline/streaming/record_batch.py",
    "pipeline/market/conflation.py",
)


def hot_modules() -> list[Path]:
    """The files that are compiled."""
    found: list[Path] = []
    for source in _SOURCES:
        path = PROJECT_ROOT / source
        if path.is_dir():
            found += sorted(file for file in path.rglob("*.py") if file.name != "__init__.py")
        else:
            found.append(path)
    return found


def _fingerprints() -> dict[str, str]:
    return {
        str(file.relative_to(PROJECT_ROOT)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in [*hot_modules(), *sorted(_NATIVE.iterdir())]
    }


def compiled() -> bool:
    """Whether this process runs the compiled modules."""
    from pipeline.lane import processor  # noqa: PLC0415 -- what is asked is how it was loaded

    return not str(processor.__file__).endswith(".py")


def stale() -> bool:
    """Whether this process runs compiled modules that differ from the sources beside them."""
    if not compiled():
        return False
    return not STAMP.exists() or json.loads(STAMP.read_text()) != _fingerprints()


def _add_native(module: "Extension") -> None:
    """Put the sources in C beside what mypyc has made, which gives way to them."""
    (made,) = module.sources
    wrapped = _TARGET / "tollgate.c"
    included = [*(_NATIVE / name for name in _INCLUDED), Path(made)]
    wrapped.write_text("".join(f'#include "{path.resolve()}"\n' for path in included))
    module.sources = [str(wrapped), *(str(_NATIVE / name) for name in _REPLACING)]


def main() -> int:
    """Compile in place. Exit code 0 also where there is no compiler: the fall-back is announced."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if shutil.which(os.environ.get("CC", "cc")) is None or not headers.exists():
        sys.stderr.write(
            "no C compiler or no Python headers: the uncompiled modules will be used "
            "(install gcc or clang, and python3-dev)\n"
        )
        return 0
    from mypyc.build import mypycify  # noqa: PLC0415 -- a build-time dependency
    from setuptools import Distribution  # noqa: PLC0415 -- likewise

    os.chdir(PROJECT_ROOT)
    fingerprints = _fingerprints()
    if STAMP.exists():
        STAMP.unlink()
    modules = mypycify(
        [str(file.relative_to(PROJECT_ROOT)) for file in hot_modules()],
        opt_level="3",
        group_name="tollgate",
        target_dir=str(_TARGET),
    )
    for module in modules:
        if module.name == _SHARED:
            _add_native(module)
        # Nothing outside calls the C functions: the compiler may inline them and calls go straight.
        module.extra_compile_args += ["-fvisibility=hidden", "-fno-plt"]
    distribution = Distribution({"name": "tollgate-hot", "ext_modules": modules})
    command = distribution.get_command_obj("build_ext")
    command.inplace = True
    # Objects of other flags are older than no source, and would stay.
    command.force = True
    command.build_temp = "build/objects"
    distribution.run_command("build_ext")
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(json.dumps(fingerprints, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
