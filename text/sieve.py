"""Counting many hashes in little memory: which of them can have come more often than a limit.

Every hash adds to one of a table of counters; many share one. So a sum is never too small, and what a
counter rules out is ruled out. What is left is few and is counted exactly.
"""

import numpy as np
from numpy.typing import NDArray

from text.hashing import Hashes
from text.jit import kernel

Counters = NDArray[np.uint8]

FULL = 255  # counters count no further
PER_HASH = 4
LEAST, MOST = 1 << 10, 1 << 27


def counters(hashes: int) -> Counters:
    """Empty counters for about so many hashes: a power of two, one byte each, at most 128 MiB."""
    return np.zeros(min(max(1 << (PER_HASH * hashes).bit_length(), LEAST), MOST), np.uint8)


@kernel
def count(counted: Counters, hashes: Hashes, times: NDArray[np.int64]) -> None:
    """Adds `times[i]`, above 0, for the hash i; which counter is up to its lowest bits."""
    mask = np.uint64(len(counted) - 1)
    for i in range(len(hashes)):
        at = hashes[i] & mask
        counted[at] = min(np.int64(counted[at]) + times[i], FULL)


@kernel
def may_exceed(counted: Counters, hashes: Hashes, limit: int) -> NDArray[np.bool_]:
    """True for every hash that was counted more than `limit` times, and for some others, [n]."""
    mask = np.uint64(len(counted) - 1)
    least = min(limit, FULL - 1)
    found = np.empty(len(hashes), np.bool_)
    for i in range(len(hashes)):
        found[i] = counted[hashes[i] & mask] > least
    return found
