"""Rows of fixed width on their way between tasks: as `pipeline.exchange`, for the great many.

A file holds NumPy rows as they lie in memory, those of one block together, and at its end how many
of each block there are. So what is written costs a copy and what is read one look at the end of the
file, whatever the number of blocks. Keys and hashes do not compress anyway.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StoreError
from pipeline.store import Sink, open_input
from text.jit import kernel

Rows = NDArray[Any]
Numbers = NDArray[np.int64]

HELD_BYTES = 32 << 20  # what is gathered before it is written; writing takes as much twice more
READ_ROWS = 1 << 20


@kernel
def _gather(rows: NDArray[np.uint32], block: Numbers, blocks: int) -> tuple[NDArray[np.uint32], Numbers]:
    """The rows [n, width] of each block together, in their order, and how many there are of each."""
    counts = np.zeros(blocks, np.int64)
    for i in range(len(block)):
        counts[block[i]] += 1
    place = np.cumsum(counts) - counts
    out = np.empty_like(rows)
    for i in range(len(block)):
        to = place[block[i]]
        for j in range(rows.shape[1]):
            out[to, j] = rows[i, j]
        place[block[i]] = to + 1
    return out, counts


def write_blocks(path: str, kind: Any, pieces: Iterable[tuple[Rows, Numbers]], blocks: int) -> str:
    """Writes rows of dtype `kind`, each with its block below `blocks`, for `read_block`; returns `path`.

    kind   of a multiple of four bytes
    """
    counts: list[Numbers] = []
    rows: list[Rows] = []
    targets: list[Numbers] = []
    held = 0
    with Sink(path) as sink:
        for piece, block in pieces:
            if len(piece) == 0:
                continue
            # As plain numbers: NumPy copies records field by field.
            rows.append(np.ascontiguousarray(piece, kind).view(np.uint32).reshape(len(piece), -1))
            targets.append(block)
            held += rows[-1].nbytes
            if held >= HELD_BYTES:
                counts.append(_write_group(sink, rows, targets, blocks))
                rows, targets, held = [], [], 0
        if held:
            counts.append(_write_group(sink, rows, targets, blocks))
        told = np.concatenate([np.zeros(0, np.int64), *counts, np.array([blocks, len(counts)])])
        sink.write(told.astype("<i8").view(np.uint8).data)
    return path


def _write_group(sink: Sink, rows: Sequence[Rows], targets: Sequence[Numbers], blocks: int) -> Numbers:
    block = np.concatenate(targets).astype(np.int64, copy=False)
    together, counts = _gather(np.concatenate(rows), block, blocks)
    sink.write(together.view(np.uint8).ravel().data)
    return counts


def _counts(path: str, file: BinaryIO) -> Rows:
    """Rows of each block in each group that was written, [groups, blocks]."""
    end = file.seek(0, 2) - 16
    file.seek(max(end, 0))
    blocks, groups = np.frombuffer(file.read(16), "<i8").tolist() if end >= 0 else (-1, -1)
    if blocks < 0 or groups < 0 or 8 * blocks * groups > end:
        raise _damaged(path)
    file.seek(end - 8 * blocks * groups)
    return np.frombuffer(file.read(8 * blocks * groups), "<i8").reshape(groups, blocks)


def _damaged(path: str) -> StoreError:
    return StoreError(f"{path}: is damaged; remove it and start the same command again")


def rows_of(path: str) -> Numbers:
    """How many rows each block of a file has, [blocks]."""
    with open_input(path) as file:
        return np.asarray(_counts(path, file).sum(axis=0), np.int64)


def pieces_of(path: str, block: int, kind: Any, most: int = READ_ROWS) -> Iterator[Rows]:
    """The rows of one block of a file in pieces of at most `most` rows, none of them empty."""
    width = np.dtype(kind).itemsize
    with open_input(path) as file:
        before = 0
        for group in _counts(path, file):
            first = before + int(group[:block].sum())
            last = first + int(group[block])
            before += int(group.sum())
            while first < last:
                count = min(most, last - first)
                file.seek(first * width)
                data = file.read(count * width)
                if len(data) < count * width:
                    raise _damaged(path)
                yield np.frombuffer(data, kind)
                first += count


def read_block(paths: Iterable[str], block: int, kind: Any) -> Rows:
    """The rows of one block in all the files of `write_blocks`, in the order of `paths`."""
    found = [piece for path in paths for piece in pieces_of(path, block, kind)]
    return np.concatenate(found) if found else np.zeros(0, kind)
