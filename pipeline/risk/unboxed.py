"""Arithmetic that compiles to machine integers where figures are short enough.

Owns no rule: every result is that of Python's own operator. A compiled product of two integers is
boxed as soon as one of them has more than 30 bits, which a price in 1e-9 always has. Compiled with
mypyc.
"""

from typing import Final

from mypy_extensions import i64

# The largest integer that a compiled module holds without a box.
SHORT_MAX: Final = 2**62 - 1


def product(left: int, right: int) -> int:
    """Of two integers, which are not boxed where their product is short."""
    if left < 0:
        return -product(-left, right)
    if right < 0:
        return -product(left, -right)
    if left <= SHORT_MAX and 0 < right <= SHORT_MAX:
        one: i64 = left
        other: i64 = right
        if one <= SHORT_MAX // other:
            return one * other
    return left * right
