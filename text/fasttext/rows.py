"""The input matrix of a model, and how its rows are found and added."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from text.bits import high, ones
from text.jit import uncounted_inlined
from text.prefetch import prefetch

LANES = 8  # rows of more values are padded to a multiple, so that inner loops have a fixed length
LINE = 16  # values of a cache line
HELD = 256  # rows that are gathered before they are added
_IN_FLIGHT = 4096  # values of rows that are asked for before they are added: half of a first-level cache
_FEW = 24  # rows, at least
_1 = np.uint64(1)
BUCKET: Any = np.int64(0xFFFFFFFF)  # what is not the owner


class Rows(NamedTuple):
    """The input matrix: dense [rows, padded columns], or, where that is empty, quantised."""

    dense: NDArray[np.float32]
    codes: NDArray[np.uint8]
    centroids: NDArray[np.float32]
    norms: NDArray[np.float32]
    kept: NDArray[np.uint64]  # which of each 64 buckets have rows; empty: all
    before: NDArray[np.int32]  # how many before them do
    words: int
    buckets: np.uint64
    inverse: np.uint64  # (2^64 - 1) // buckets


def width(columns: int) -> int:
    """How many values as many columns are padded to: a power of two, or a multiple of LANES."""
    return 1 << (columns - 1).bit_length() if columns < LANES else -(-columns // LANES) * LANES


@uncounted_inlined
def remainder(value: np.uint64, divisor: np.uint64, inverse: np.uint64) -> np.uint64:
    """value % divisor, without a division; inverse is (2^64 - 1) // divisor."""
    rest = value - high(value, inverse) * divisor  # below twice the divisor
    return min(rest, rest - divisor)


@uncounted_inlined
def has_row(bucket: np.int64, model: Rows) -> np.int64:
    """1 where the bucket has a row, 0 where it was pruned."""
    if len(model.kept) == 0:
        return np.int64(1)
    return np.int64(model.kept[bucket >> 6] >> np.uint64(bucket & 63) & _1)


@uncounted_inlined
def find_rows(rows: NDArray[np.int64], count: int, model: Rows) -> None:
    """Puts the rows of buckets in their place, and asks for them; each is owner << 32 | bucket."""
    dense = model.dense
    size = dense.shape[1]
    for i in range(count):
        if len(model.kept):
            bucket = rows[i] & BUCKET
            before = model.kept[bucket >> 6] & ((_1 << np.uint64(bucket & 63)) - _1)
            rows[i] += np.int64(model.before[bucket >> 6]) + np.int64(ones(before)) - bucket
        rows[i] += model.words
        if len(dense):
            for k in range(0, size, LINE):
                prefetch(dense, (rows[i] & BUCKET) * size + k)


@uncounted_inlined
def add(total: NDArray[np.float32], rows: NDArray[np.float32], row: int) -> None:
    """Adds a row to a vector."""
    if len(total) < LANES:
        for k in range(len(total)):
            total[k] += rows[row, k]
    else:
        for block in range(0, len(total), LANES):
            for lane in range(LANES):
                total[block + lane] += rows[row, block + lane]


@uncounted_inlined
def add_row(total: NDArray[np.float32], row: int, model: Rows) -> None:
    """Adds a row of the input matrix to a vector."""
    if len(model.dense):
        add(total, model.dense, row)
        return
    codes, centroids = model.codes, model.centroids
    size = centroids.shape[2]
    for part in range(codes.shape[1]):
        code = codes[row, part]
        for k in range(min(size, len(total) - part * size)):  # the last part may be shorter
            total[part * size + k] += model.norms[row] * centroids[part, code, k]


@uncounted_inlined
def at_once(size: int) -> int:
    """How many rows of so many values are asked for before they are added."""
    return min(HELD, max(_FEW, _IN_FLIGHT // size))
