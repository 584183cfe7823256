"""From hashes that documents share to the pairs that share them, and to who stays."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from text.hashing import Hashes
from text.jit import kernel

Numbers = NDArray[np.int64]

_ROOM = 1 << 22  # pairs made at a time


@kernel
def _pairs(
    starts: Numbers, asks: NDArray[np.bool_], most: int, first: int, left: Numbers, right: Numbers
) -> tuple[int, int]:
    """Pairs from row `first` on, until `left` and `right` are full: how many, and the next row."""
    found = 0
    for row in range(first, len(starts)):
        if found + most > len(left):
            return found, row
        if asks[row]:
            for other in range(starts[row], min(row, starts[row] + most)):
                left[found], right[found] = row, other
                found += 1
    return found, len(starts)


def pairs(
    hashes: Hashes, asks: NDArray[np.bool_], most: int, room: int | None = None
) -> Iterator[tuple[Numbers, Numbers]]:
    """Rows with equal hashes, in pairs: arrays of the row that asks and of one above it, in chunks.

    hashes   [n], equal ones side by side, among these the rows in the order of preference
    asks     [n], rows that look for others; each gets the first `most` of its run that stand above it
    """
    new = np.ones(len(hashes), np.bool_)
    new[1:] = hashes[1:] != hashes[:-1]
    starts = np.flatnonzero(new)[np.cumsum(new) - 1]
    room = max(_ROOM if room is None else room, most)
    left, right = np.empty(room, np.int64), np.empty(room, np.int64)
    row = 0
    while row < len(hashes):
        found, row = _pairs(starts, asks, most, row, left, right)
        if found:
            yield left[:found].copy(), right[:found].copy()


def counted(left: Numbers, right: Numbers, weights: Numbers | None = None) -> tuple[Numbers, Numbers]:
    """Equal pairs (left[i], right[i]) once: the place of each one's first row, and their weights' sum.

    weights   [n]; 1 each if none are given
    """
    if len(left) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order = np.lexsort((right, left))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(left[order]) != 0) | (np.diff(right[order]) != 0)
    starts = np.flatnonzero(new)
    given = np.ones(len(order), np.int64) if weights is None else weights[order].astype(np.int64)
    return order[starts], np.add.reduceat(given, starts)


@kernel
def _lost(starts: Numbers, better: Numbers) -> NDArray[np.bool_]:
    lost = np.zeros(len(starts) - 1, np.bool_)
    for at in range(len(lost)):
        for edge in range(starts[at], starts[at + 1]):
            if not lost[better[edge]]:
                lost[at] = True
                break
    return lost


def lost(worse: Numbers, better: Numbers, count: int) -> NDArray[np.bool_]:
    """Who does not stay: [count] bool, true where one of its betters stays.

    worse, better   ends of edges: places in the order of preference, better[i] < worse[i] < count
    """
    order = np.argsort(worse, kind="stable")
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(worse, minlength=count), out=starts[1:])
    found: NDArray[np.bool_] = _lost(starts, better[order])
    return found
