"""A sliding second of gate time: what was counted in the newest bucket of 125 ms and the 8 before.

Owns the arithmetic of such counts; whose they are and what is counted, the callers know. The window
is never shorter than a second and at most 1.125 s, in constant memory. By gate time only: a sender
who stretches its own stamps gains nothing. Compiled with mypyc.
"""

from pipeline.risk.state import RATE_BUCKET_US, RATE_BUCKETS


def counted(counts: list[int], newest: int, gate_time: int) -> int:
    """How many were counted in the window that ends at `gate_time`."""
    passed_buckets = gate_time // RATE_BUCKET_US - newest
    if passed_buckets >= RATE_BUCKETS:
        return 0
    total = 0
    for index in range(RATE_BUCKETS - passed_buckets):
        total += counts[index]
    return total


def count_one(counts: list[int], newest: int, gate_time: int) -> int:
    """Count one more, in place; returns the bucket that is the newest now."""
    bucket = gate_time // RATE_BUCKET_US
    passed_buckets = min(bucket - newest, RATE_BUCKETS)
    if passed_buckets > 0:
        counts[:] = [0] * passed_buckets + counts[: RATE_BUCKETS - passed_buckets]
    counts[0] += 1
    return bucket
