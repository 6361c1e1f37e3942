"""Values of classes without cycles may be freed at any depth of whatever holds them."""

import os
import subprocess
import sys

# CPython puts deallocations off that are nested 50 deep; its debugging allocator notices what is
# written before a block.
_PROGRAM = """
from pipeline.risk.records import RowAlias

for depth in range(1, 160):
    for _ in range(20):
        nested = RowAlias(str(depth) * 3)
        for _ in range(depth):
            nested = [nested]
        del nested
print("sound")
"""


def test_a_value_is_freed_soundly_at_the_end_of_a_long_chain() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONMALLOC": "debug"},
    )
    assert (ran.returncode, ran.stdout) == (0, "sound\n"), ran.stderr[-2000:]
