"""Bounds of ids, figures and durations that hold for every input (docs/rules.md).

Owns the numbers and what an id is. Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64

MS: Final = 1_000
ID_BYTES_MAX: Final = 64
CURRENCY_BYTES_MAX: Final = 16
FIGURE_MAX: Final = 10**18
DURATION_MS_MAX: Final = 100 * 366 * 86_400_000
# The last day of the year 9999, where gate time ends.
BUSINESS_DAY_MAX: Final = 2_932_896
# Later than any gate time.
NEVER_US: Final = 2**61


def is_id(text: str, bytes_max: i64) -> bool:
    """Whether `text` is an id: neither empty nor longer than `bytes_max` bytes of UTF-8."""
    length: i64 = len(text)
    if length == 0 or length > bytes_max:
        return False
    return length * 4 <= bytes_max or len(text.encode("utf-8")) <= bytes_max
