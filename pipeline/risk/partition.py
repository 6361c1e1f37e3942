"""Which lane a user belongs to: Kafka's murmur2 partitioner.

Source: org.apache.kafka.common.utils.Utils.murmur2 and toPositive. Every producer of keyed topics
must agree with it (librdkafka: `partitioner=murmur2`). Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64

# ruff: noqa: PLR2004 -- the block of four bytes and its remainders are the algorithm

_SEED: Final[i64] = 0x9747B28C
_M: Final[i64] = 0x5BD1E995
_MASK: Final[i64] = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The unsigned 32-bit murmur2 hash of `data`."""
    length: i64 = len(data)
    hashed: i64 = (_SEED ^ length) & _MASK
    at: i64 = 0
    while length - at >= 4:
        b0: i64 = data[at]
        b1: i64 = data[at + 1]
        b2: i64 = data[at + 2]
        b3: i64 = data[at + 3]
        k: i64 = ((b0 | (b1 << 8) | (b2 << 16) | (b3 << 24)) * _M) & _MASK
        k ^= k >> 24
        k = (k * _M) & _MASK
        hashed = ((hashed * _M) & _MASK) ^ k
        at += 4
    left = length - at
    if left >= 3:
        b2 = data[at + 2]
        hashed ^= b2 << 16
    if left >= 2:
        b1 = data[at + 1]
        hashed ^= b1 << 8
    if left >= 1:
        b0 = data[at]
        hashed = ((hashed ^ b0) * _M) & _MASK
    hashed ^= hashed >> 13
    hashed = (hashed * _M) & _MASK
    hashed ^= hashed >> 15
    return hashed


def partition_of(key: bytes, count: int) -> int:
    """The partition of `count` that Kafka's default partitioner chooses for `key`."""
    return (murmur2(key) & 0x7FFFFFFF) % count
