"""A sliding second of gate time: what was counted in the newest bucket of 125 ms and the 8 before.

Owns the arithmetic of such counts; whose they are and what is counted, the callers know. The window
is never shorter than a second and at most 1.125 s, in constant memory. By gate time only: a sender
who stretches its own stamps gains nothing. Compiled with mypyc.
"""

from mypy_extensions import i64

from pipeline.risk.state import RATE_BUCKET_US, RATE_BUCKETS


def counted(counts: list[int], newest: i64, gate_time: i64) -> int:
    """How many were counted in the window that ends at `gate_time`."""
    passed_buckets = gate_time // RATE_BUCKET_US - newest
    if passed_buckets >= RATE_BUCKETS:
        return 0
    within = RATE_BUCKETS - passed_buckets
    index: i64 = 0
    total: i64 = 0
    while index < within:
        total += i64(counts[index])
        index += 1
    return total


def count_one(counts: list[int], newest: i64, gate_time: i64) -> int:
    """Count one more, in place; returns the bucket that is the newest now."""
    bucket = gate_time // RATE_BUCKET_US
    passed_buckets = bucket - newest
    if passed_buckets >= RATE_BUCKETS:
        counts[0] = 1
        index: i64 = 1
        while index < RATE_BUCKETS:
            counts[index] = 0
            index += 1
        return bucket
    while passed_buckets > 0:
        counts.pop()
        counts.insert(0, 0)
        passed_buckets -= 1
    counts[0] = counts[0] + 1
    return bucket
