"""Connected components of more documents than fit in memory: union-find over a mapped file.

The parents of all documents lie in a local temporary file of 8 bytes each, mapped into memory: the
system keeps in RAM what it has room for and drops the rest. That is fast while the file fits in
free memory (a billion documents take 8 GB) and slow, not wrong, beyond it.
"""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StoreError
from text.jit import kernel

Numbers = NDArray[np.int64]

_CHUNK = 1 << 20  # documents written or read at a time


@kernel
def _root(parents: Numbers, at: int) -> int:
    """The root of `at`; halves the way there for those who come after."""
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@kernel
def unite(parents: Numbers, left: Numbers, right: Numbers) -> None:
    """Joins the components of left[i] and right[i] for every i; a root is always the least number."""
    for i in range(len(left)):
        a, b = _root(parents, left[i]), _root(parents, right[i])
        parents[max(a, b)] = min(a, b)


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


def components(
    count: int, edges: Iterable[tuple[Numbers, Numbers]], folder: str | None
) -> Iterator[tuple[Numbers, Numbers]]:
    """Documents that some edge joins to another, ascending, with their roots, in chunks.

    count    documents, numbered from 0
    edges    arrays of the two ends; the result depends on neither their order nor their direction
    folder   local folder for the temporary file, None for the system's
    Raises StoreError where the file does not fit on the disk.
    """
    if count == 0:
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix="union-") as place:
        path = os.path.join(place, "parents")
        _write_singles(path, count)
        mapped = np.memmap(path, np.int64, "r+")
        parents = mapped.view(np.ndarray)
        for left, right in edges:
            unite(parents, left, right)
        flatten(parents)
        for first in range(0, count, _CHUNK):
            part = parents[first : first + _CHUNK]
            numbers = np.arange(first, first + len(part))
            joined = part != numbers
            yield numbers[joined], np.where(part < 0, ~part, part)[joined]


def _write_singles(path: str, count: int) -> None:
    # Written, not left sparse: a full disk is an error here, but a crash when a mapped page is.
    try:
        with open(path, "wb") as file:
            for first in range(0, count, _CHUNK):
                # Not `tofile`: NumPy does not notice a disk that is full when it closes.
                file.write(np.arange(first, min(first + _CHUNK, count), dtype=np.int64).data)
    except OSError as fault:
        remedy = "free some space" if fault.errno == errno.ENOSPC else "check the folder"
        raise StoreError(
            f"{path}: cannot be written ({fault}); it takes {8 * count:,} bytes: {remedy}, "
            "or set TMPDIR to a larger disk"
        ) from fault
