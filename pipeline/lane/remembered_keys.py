"""Which keys of remembered ids may be stored, so that a new id need not be looked for on disk.

Owns a Bloom filter over the keys of remembered decisions, executions and transfers: two bits of
2^23 each, so that of new ids 0.2 % are looked for in vain while 200,000 are remembered, and a
seventh at 2,000,000. A "no" is certain, so it can change no result. It is filled by what the lane
remembers from the moment it is opened, and by each walk of the sweep over what is stored; until
the first walk has passed all of it, everything is looked for, unless nothing was stored. Compiled
with mypyc.
"""

from collections.abc import Iterable
from typing import Final

from librt.strings import BytesWriter, read_i32_le
from mypy_extensions import i64, u8

from pipeline.risk.keys import DECISION, EXECUTION, TRANSFER

# The kinds of rows that are remembered for a time and then forgotten.
REMEMBERED: Final = (DECISION, EXECUTION, TRANSFER)
_BITS_LOG2: Final = 23
_BYTES: Final = 1 << (_BITS_LOG2 - 3)
_MASK: Final[i64] = (1 << _BITS_LOG2) - 1
# Where in a key's hash the second bit's place begins.
_SECOND: Final = 24
_LOW: Final = 7
# Of the hash: four bytes at a time, multiplied by an odd number with as many ones as zeros.
_WORD: Final = 4
_POSITIVE: Final[i64] = 2**62 - 1
_FACTOR: Final[i64] = 0x2545_F491_4F6C_DD1D
_HALF: Final = 32
_SEED: Final[i64] = hash(b"remembered") & _POSITIVE


class RememberedKeys:
    """A filter over keys; `none_stored`: nothing was remembered when the lane was opened."""

    def __init__(self, *, none_stored: bool) -> None:
        self.complete = none_stored
        self.bits = _no_bits()
        # What a walk is filling.
        self.next_bits: BytesWriter | None = None

    def may_hold(self, key: bytes) -> bool:
        """False: nothing is stored under `key`."""
        if not self.complete:
            return True
        hashed = _hashed(key)
        first = hashed & _MASK
        bits = self.bits
        if i64(bits[first >> 3]) & (1 << (first & _LOW)) == 0:
            return False
        second = (hashed >> _SECOND) & _MASK
        return i64(bits[second >> 3]) & (1 << (second & _LOW)) != 0

    def add(self, key: bytes) -> None:
        """Something will be stored under `key`."""
        _set(self.bits, key)
        if self.next_bits is not None:
            _set(self.next_bits, key)

    def begin_walk(self, unstored: Iterable[bytes]) -> None:
        """The sweep begins to walk over all that is stored; `unstored`: keys that are not yet."""
        bits = _no_bits()
        for key in unstored:
            _set(bits, key)
        self.next_bits = bits

    def walked_by(self, key: bytes) -> None:
        """The walk has passed a key that stays."""
        if self.next_bits is not None:
            _set(self.next_bits, key)

    def end_walk(self) -> None:
        """All that is stored was passed: what is not in the new filter is not stored."""
        if self.next_bits is not None:
            self.bits = self.next_bits
            self.next_bits = None
            self.complete = True


def _no_bits() -> BytesWriter:
    """All bits unset: the only bytes that compiled code reads and changes without boxes."""
    bits = BytesWriter()
    bits.write(bytes(_BYTES))
    return bits


def _hashed(key: bytes) -> i64:
    """A hash of 62 bits that nobody outside this process can foresee.

    Python's own would be boxed where this is compiled.
    """
    last: i64 = len(key) - _WORD
    if last < 0:
        return _hashed(key + bytes(_WORD))
    hashed = _SEED
    at: i64 = 0
    while at < last:
        hashed = ((hashed ^ i64(read_i32_le(key, at))) * _FACTOR) & _POSITIVE
        hashed ^= hashed >> _HALF
        at += _WORD
    hashed = ((hashed ^ i64(read_i32_le(key, last))) * _FACTOR) & _POSITIVE
    return hashed ^ (hashed >> _HALF)


def _set(bits: BytesWriter, key: bytes) -> None:
    hashed = _hashed(key)
    first = hashed & _MASK
    second = (hashed >> _SECOND) & _MASK
    bits[first >> 3] = bits[first >> 3] | u8(1 << (first & _LOW))
    bits[second >> 3] = bits[second >> 3] | u8(1 << (second & _LOW))
