"""Lines: a batch of texts cut at line breaks, once, for every stage that counts or hashes them.

The line breaks are those of `str.splitlines`: LF, CR, CR LF, VT, FF, FS, GS, RS, NEL, LS and PS.
Published implementations differ here: datatrove's Gopher quality and C4 filters use `splitlines`,
its Gopher repetition and FineWeb filters cut at LF alone. Winnow has one answer for all, so that a
text with CR LF breaks is judged like the same text with LF breaks. As with `splitlines`, a break
at the end of a text opens no further line.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text import unicode_tables as tables
from text.counts import totals
from text.hashing import MULTIPLIER, SEED, mix64
from text.jit import kernel
from text.strings import Bytes, Offsets, Strings
from text.unicode_tables import SPACE, Classes
from text.utf8 import decode

# Bytes that a line break may start with; C2 and E2 start other characters too.
_OPENS = np.array([0x0A <= b <= 0x0D or 0x1C <= b <= 0x1E or b in (0xC2, 0xE2) for b in range(256)])


@dataclass(frozen=True)
class Lines:
    """The lines of n texts, empty ones too, in order; m lines in all.

    data           the batch's data
    offsets        [n + 1] int64, line `offsets[i]` is the first of text i
    breaks         [n] int64, line breaks of text i: its lines, or one less
    starts         [m] int64, first byte in `data`; `ends`, where the line break starts
    inner_starts   [m] int64, first byte that is not white space; `inner_ends`, the byte behind the
                   last one; both `ends` for a blank line
    first, last    [m] int32, first and last code point that is not white space; 0: blank
    around         [m] int32, code points of white space before and behind the inner part
    """

    data: Bytes
    offsets: Offsets
    breaks: NDArray[np.int64]
    starts: Offsets
    ends: Offsets
    inner_starts: Offsets
    inner_ends: Offsets
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    around: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Lines of each text, [n]."""
        return np.diff(self.offsets)

    @property
    def chars(self) -> NDArray[np.int32]:
        """Code points of each line without the line break, [m]."""
        return self._counted[0]

    @cached_property
    def inner_chars(self) -> NDArray[np.int32]:
        """Code points of the inner part of each line, [m]."""
        return self.chars - self.around

    @property
    def hashes(self) -> NDArray[np.uint64]:
        """Of each line as it stands, white space too, [m]."""
        return self._counted[1]

    @cached_property
    def _counted(self) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        return _count(self.data, self.starts, self.ends)

    def total(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Sum over the lines of each text, [n], of integers or booleans [m]."""
        return totals(self.offsets, values)


def cut_lines(strings: Strings) -> Lines:
    """Cuts each text into lines (see the head of this file)."""
    room = int(strings.offsets[-1] - strings.offsets[0]) // 32 + 16
    offsets, breaks, starts, ends = _bounds(strings.data, strings.offsets, room)
    if offsets[-1] > room:
        offsets, breaks, starts, ends = _bounds(strings.data, strings.offsets, int(offsets[-1]))
    inner = _inner(strings.data, starts, ends, tables.classes())
    return Lines(strings.data, offsets, breaks, starts, ends, *inner)


@kernel
def _break_end(data: Bytes, at: int, end: int) -> int:
    """Where the line break that starts at `at` ends; `at` itself if there is none."""
    byte = data[at]
    if byte == 0xC2:  # NEL
        return at + 2 if at + 1 < end and data[at + 1] == 0x85 else at
    if byte == 0xE2:  # LS, PS
        separator = at + 2 < end and data[at + 1] == 0x80 and data[at + 2] & 0xFE == 0xA8
        return at + 3 if separator else at
    if byte == 0x0D and at + 1 < end and data[at + 1] == 0x0A:
        return at + 2
    return at + 1 if 0x0A <= byte <= 0x0D or 0x1C <= byte <= 0x1E else at


@kernel
def _bounds(data: Bytes, offsets: Offsets, room: int) -> tuple[Offsets, NDArray[np.int64], Offsets, Offsets]:
    """The first fields of `Lines`; lines beyond the first `room` are only counted."""
    n = len(offsets) - 1
    firsts = np.zeros(n + 1, np.int64)
    breaks = np.zeros(n, np.int64)
    starts = np.empty(room, np.int64)
    ends = np.empty(room, np.int64)
    m = 0
    for i in range(n):
        at = start = offsets[i]
        end = offsets[i + 1]
        while start < end:
            while at < end and not _OPENS[data[np.uint64(at)]]:
                at += 1
            after = _break_end(data, at, end) if at < end else end
            if after == at and at < end:
                at += 1
                continue
            breaks[i] += at < end
            if m < room:
                starts[m], ends[m] = start, at
            m += 1
            at = start = after
        firsts[i + 1] = m
    return firsts, breaks, starts[:m], ends[:m]


@kernel
def _count(data: Bytes, starts: Offsets, ends: Offsets) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """Code points and hash of each line."""
    chars = np.empty(len(starts), np.int32)
    hashes = np.empty(len(starts), np.uint64)
    for k in range(len(starts)):
        running = SEED
        count = 0
        for at in range(starts[k], ends[k]):
            running = (running ^ np.uint64(data[at])) * MULTIPLIER
            count += data[at] & 0xC0 != 0x80
        hashes[k], chars[k] = mix64(running), count
    return chars, hashes


@kernel
def _inner(
    data: Bytes, starts: Offsets, ends: Offsets, classes: Classes
) -> tuple[Offsets, Offsets, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """The last fields of `Lines`."""
    m = len(starts)
    inner_starts, inner_ends = np.empty(m, np.int64), np.empty(m, np.int64)
    first, last = np.zeros(m, np.int32), np.zeros(m, np.int32)
    around = np.zeros(m, np.int32)
    for k in range(m):
        start, end = starts[k], ends[k]
        while start < end:
            point, after = decode(data, start, end)
            if not classes[point] & SPACE:
                first[k] = point
                break
            start = after
            around[k] += 1
        while start < end:
            at = end - 1
            while data[at] & 0xC0 == 0x80 and at > start:
                at -= 1
            point, _ = decode(data, at, end)
            if not classes[point] & SPACE:
                last[k] = point
                break
            end = at
            around[k] += 1
        inner_starts[k], inner_ends[k] = start, end
    return inner_starts, inner_ends, first, last, around
