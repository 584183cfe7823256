"""From lists of documents that share hashes to the shares of pairs, and to who stays."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from text.jit import kernel

Numbers = NDArray[np.int64]

_ROOM = 1 << 20  # shares found at a time


@kernel
def _shares(
    rows: Numbers,
    document: Numbers,
    sketch: Numbers,
    begins: Numbers,
    ends: Numbers,
    shared: Numbers,
    other: Numbers,
    place: Numbers,
    least: float,
    counts: Numbers,
    touched: Numbers,
    first: int,
    found: tuple[Numbers, Numbers, NDArray[np.float64]],
) -> tuple[int, int]:
    """Shares of documents from `first` on, until `found` may be too small for the next: how many, and which
    comes next. `counts` is 0 before and after, `touched` as long."""
    written = 0
    for at in range(first, len(rows) - 1):
        most = 0
        for row in range(rows[at], rows[at + 1]):
            most += ends[row] - begins[row]
        if written and written + most > len(found[0]):
            return written, at
        several = 0
        for row in range(rows[at], rows[at + 1]):
            for entry in range(begins[row], ends[row]):
                if other[entry] == document[row]:
                    break
                who = place[entry]
                if counts[who] == 0:
                    touched[several] = who
                    several += 1
                counts[who] += shared[row]
        for each in range(several):
            who = touched[each]
            share = counts[who] / max(sketch[at], 1)
            if share >= least:
                found[0][written], found[1][written], found[2][written] = at, who, share
                written += 1
            counts[who] = 0
    return written, len(rows) - 1


def shares(
    rows: Numbers,
    document: Numbers,
    sketch: Numbers,
    begins: Numbers,
    ends: Numbers,
    shared: Numbers,
    other: Numbers,
    place: Numbers,
    others: int,
    least: float,
) -> Iterator[tuple[Numbers, Numbers, NDArray[np.float64]]]:
    """What part of their sketches d documents share with those before them on their lists, in chunks: the
    number of the document, the other one's place, and the share, above 0 and not below `least`.

    rows           [d + 1], the first row of each document among the rows of all
    document       [rows]; sketch [d], hashes of the sketch of each
    begins, ends   [rows], the list of each row among the entries of all lists
    shared         [rows], how many hashes have that list
    other, place   [entries], documents and their places below `others`
    """
    sizes = np.append(0, np.cumsum(ends - begins))
    most = int(np.diff(sizes[rows]).max(initial=0))
    room = max(_ROOM, most)
    found = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    counts, touched = np.zeros(others, np.int64), np.empty(others, np.int64)
    at = 0
    while at < len(rows) - 1:
        written, at = _shares(
            rows, document, sketch, begins, ends, shared, other, place, least, counts, touched, at, found
        )
        if written:
            yield found[0][:written].copy(), found[1][:written].copy(), found[2][:written].copy()


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
