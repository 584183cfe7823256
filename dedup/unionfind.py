"""Connected components of more documents than fit in memory: union-find over a mapped file.

The parents of all documents lie in a local temporary file of 8 bytes each, mapped into memory: the
system keeps in RAM what it has room for and drops the rest. That is fast while the file fits in
free memory (a billion documents take 8 GB, and one task some minutes) and slow, not wrong, beyond it: it
is meant for up to some billions of documents on one machine's memory and disk.
"""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StoreError
from text.jit import kernel

Numbers = NDArray[np.int64]

CHUNK = 1 << 20  # documents written or read at a time; a power of two


@kernel
def _root(parents: Numbers, at: int) -> int:
    """The root of `at`; halves the way there for those who come after."""
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@kernel
def unite(parents: Numbers, left: Numbers, right: Numbers) -> NDArray[np.bool_]:
    """Joins the components of left[i] and right[i] for every i; a root is always the least number.

    Returns which of them were two before, [n]: these edges are a spanning forest of all so far.
    """
    joined = np.zeros(len(left), np.bool_)
    for i in range(len(left)):
        a, b = _root(parents, left[i]), _root(parents, right[i])
        joined[i] = a != b
        parents[max(a, b)] = min(a, b)
    return joined


@kernel
def flatten(parents: Numbers) -> None:
    """Makes every parent a root; a root r that has others below it is marked as `~r`, below 0.

    A parent is never above its child, so one ascending walk finds every parent flat already.
    """
    for at in range(len(parents)):
        parent = parents[at]
        if parent == at:
            continue
        root = parents[parent]
        if root < 0:
            root = ~root
        parents[at] = root
        parents[root] = ~root


@contextlib.contextmanager
def mapped(count: int, folder: str | None) -> Iterator[Numbers]:
    """The parents of `count` documents, numbered from 0, each its own: a mapped temporary file, [count].

    folder   local folder for the file, None for the system's
    Raises StoreError where the file does not fit on the disk.
    """
    if count == 0:
        yield np.zeros(0, np.int64)
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="union-") as place:
        path = os.path.join(place, "parents")
        _write_singles(path, count)
        parents = np.memmap(path, np.int64, "r+").view(np.ndarray)
        os.unlink(path)  # its space is free again however this process ends
        yield parents


def roots(parents: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """After `flatten`: documents that some edge joins to another, ascending, with their roots, in chunks
    of `CHUNK` documents, joined or not."""
    for first in range(0, len(parents), CHUNK):
        part = parents[first : first + CHUNK]
        numbers = np.arange(first, first + len(part))
        joined = part != numbers
        yield numbers[joined], np.where(part < 0, ~part, part)[joined]


def _write_singles(path: str, count: int) -> None:
    # Written, not left sparse: a full disk is an error here, but a crash when a mapped page is.
    try:
        with open(path, "wb") as file:
            for first in range(0, count, CHUNK):
                # Not `tofile`: NumPy does not notice a disk that is full when it closes.
                file.write(np.arange(first, min(first + CHUNK, count), dtype=np.int64).data)
    except OSError as fault:
        remedy = "free some space" if fault.errno == errno.ENOSPC else "check the folder"
        raise StoreError(
            f"{path}: cannot be written ({fault}); it takes {8 * count:,} bytes: {remedy}, "
            "or set TMPDIR to a larger disk"
        ) from fault
