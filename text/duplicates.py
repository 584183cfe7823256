"""Lines and paragraphs that a text holds more than once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from text.counts import totals
from text.hashing import MULTIPLIER, SEED, mix64
from text.jit import kernel
from text.lines import Lines
from text.strings import Offsets


@dataclass(frozen=True)
class Parts:
    """Lines or paragraphs of n texts, in order; m in all.

    offsets    [n + 1] int64, part `offsets[i]` is the first of text i
    hashes     [m] uint64, equal for equal parts
    chars      [m] int64, code points
    """

    offsets: Offsets
    hashes: NDArray[np.uint64]
    chars: NDArray[np.int64]


@dataclass(frozen=True)
class Duplicates:
    """What occurred before in the same text, [n] each: number of parts, code points in them."""

    count: NDArray[np.int64]
    chars: NDArray[np.int64]


def written_lines(lines: Lines) -> Parts:
    """The lines that are not blank."""
    return _where(lines, lines.inner_chars > 0)


def filled_lines(lines: Lines) -> Parts:
    """The lines that are not empty: those of white space alone too."""
    return _where(lines, lines.chars > 0)


def _where(lines: Lines, kept: NDArray[np.bool_]) -> Parts:
    before = np.zeros(len(kept) + 1, np.int64)
    np.cumsum(kept, out=before[1:])
    return Parts(before[lines.offsets], lines.hashes[kept], lines.chars[kept].astype(np.int64))


def paragraphs(lines: Lines) -> Parts:
    """Rows of lines without an empty line between; a line break inside counts as one code point.

    Lines of white space alone belong to them, but not at the start and the end of a text.
    """
    return Parts(*_paragraphs(lines.offsets, lines.hashes, lines.chars, lines.inner_chars))


def duplicates(parts: Parts) -> Duplicates:
    """Counts each part that equals an earlier one of its text."""
    again = repeated(parts.offsets, parts.hashes)
    return Duplicates(totals(parts.offsets, again), totals(parts.offsets, again * parts.chars))


@kernel
def _paragraphs(
    offsets: Offsets, hashes: NDArray[np.uint64], chars: NDArray[np.int32], inner: NDArray[np.int32]
) -> tuple[Offsets, NDArray[np.uint64], NDArray[np.int64]]:
    n = len(offsets) - 1
    firsts = np.zeros(n + 1, np.int64)
    names = np.empty(len(hashes), np.uint64)
    sizes = np.empty(len(hashes), np.int64)
    m = 0
    for i in range(n):
        is_open = False
        first, end = offsets[i], offsets[i + 1]
        while first < end and inner[first] == 0:
            first += 1
        while end > first and inner[end - 1] == 0:
            end -= 1
        for k in range(first, end):
            if chars[k] == 0:
                is_open = False
                continue
            if is_open:
                sizes[m - 1] += chars[k] + 1
            else:
                names[m], sizes[m] = SEED, chars[k]
                m += 1
                is_open = True
            names[m - 1] = mix64(names[m - 1] * MULTIPLIER ^ hashes[k])
        firsts[i + 1] = m
    return firsts, names[:m], sizes[:m]


@kernel
def repeated(offsets: Offsets, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each part equals an earlier one of its text, [m]."""
    n = len(offsets) - 1
    again = np.zeros(len(hashes), np.bool_)
    longest = 0
    for i in range(n):
        longest = max(longest, offsets[i + 1] - offsets[i])
    size = 16
    while size < 2 * longest:
        size *= 2
    keys = np.empty(size, np.uint64)
    owner = np.full(size, -1, np.int64)  # the text that wrote this slot
    for i in range(n):
        size = 16
        while size < 2 * (offsets[i + 1] - offsets[i]):
            size *= 2
        mask = np.uint64(size - 1)
        for k in range(offsets[i], offsets[i + 1]):
            slot = mix64(hashes[k]) & mask
            while owner[slot] == i and keys[slot] != hashes[k]:
                slot = (slot + np.uint64(1)) & mask
            if owner[slot] == i:
                again[k] = True
            else:
                owner[slot], keys[slot] = i, hashes[k]
    return again
