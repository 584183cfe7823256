"""Edits line by line: which lines of a text are kept, and what is taken out of them.

A token never goes on over white space (`text/words.py`), so the tokens of what is kept are known: they
are moved, not cut again, but for those of texts in scripts without spaces.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from text import unicode_tables as tables
from text.jit import kernel
from text.spans import gather
from text.splice import splice
from text.strings import Bytes, Offsets, Strings
from text.unicode_tables import SPACE, UNSPACED, Classes
from text.utf8 import decode
from text.words import Words, cut_words

NOTHING, BETWEEN = 0, 1


@dataclass(frozen=True)
class Holes:
    """h spans of bytes that are taken out of m lines.

    starts, ends   [h] int64, sorted and disjoint, each within a line
    first          [m + 1] int64: those of line k are `first[k]:first[k + 1]`
    """

    starts: Offsets
    ends: Offsets
    first: Offsets

    @classmethod
    def of(cls, starts: Offsets, ends: Offsets, line_starts: Offsets) -> "Holes":
        """Finds the line of each span among sorted ones."""
        first = np.append(np.searchsorted(starts, line_starts), len(starts))
        return cls(starts, ends, first)

    @cached_property
    def lines(self) -> Offsets:
        """The lines with a hole, in order."""
        return np.flatnonzero(np.diff(self.first))

    def without(self, strings: Strings, line_starts: Offsets, line_ends: Offsets) -> Strings:
        """The bytes of `lines`, in a copy, with the holes taken out."""
        starts = line_starts[self.lines]
        alone = gather(strings, starts, line_ends[self.lines])
        counts = np.diff(self.first)[self.lines]
        moved = np.repeat(alone.offsets[:-1] - starts, counts)
        spans = np.append(0, np.cumsum(counts))
        kinds = np.zeros(len(moved), np.uint8)
        return Strings.of(splice(alone, spans, self.starts + moved, self.ends + moved, kinds, [""]))


@dataclass(frozen=True)
class Kept:
    """The lines of n texts that an edit keeps; m lines in all.

    strings        the texts before
    line_offsets   [n + 1] int64, line `line_offsets[i]` is the first of text i
    starts         [m] int64, bytes of `strings.data`; `ends`, the byte behind the line: with its line
                   break, where that is to stay
    kept           [m] bool
    holes          what is taken out of the lines, of those not kept too
    between        stands between two lines that are kept
    """

    strings: Strings
    line_offsets: Offsets
    starts: Offsets
    ends: Offsets
    kept: NDArray[np.bool_]
    holes: Holes
    between: str = ""

    @cached_property
    def _cuts(self) -> tuple[Offsets, Offsets, Offsets, NDArray[np.uint8], Offsets]:
        return _cuts(
            self.strings.data,
            self.strings.offsets,
            self.line_offsets,
            self.starts,
            self.ends,
            self.kept,
            self.holes.starts,
            self.holes.ends,
            self.holes.first,
            len(self.between.encode()),
            tables.classes(),
        )

    def text(self) -> pa.Array:
        """The new texts, an array of pa.string(), without white space at their start and end."""
        offsets, starts, ends, kinds, _ = self._cuts
        return splice(self.strings, offsets, starts, ends, kinds, ["", self.between])

    def words(self, words: Words) -> Words:
        """`cut_words` of the new texts, from the words of the old ones.

        There must be white space between two lines: in `between`, or at the end of the first. A text that
        holds letters of scripts without spaces is cut again: there words, and Thai sentences, depend on
        what stands around them, on other lines too.
        """
        holes = self.holes
        again = holes.without(self.strings, self.starts, self.ends)
        cut = cut_words(again)
        offsets, source, starts, ends = _moved(
            words.offsets,
            words.starts,
            words.ends,
            self.line_offsets,
            self.starts,
            self.ends,
            self.kept,
            self._cuts[-1],
            holes.first,
            again.offsets,
            cut.offsets,
            cut.starts,
            cut.ends,
        )
        hashes, folded, chars, kinds = _taken(
            source,
            words.hashes,
            words.folded,
            words.chars,
            words.kinds,
            cut.hashes,
            cut.folded,
            cut.chars,
            cut.kinds,
        )
        moved = Words(offsets, hashes, folded, chars, starts, ends, kinds)
        whole = _unspaced(words.offsets, words.starts, self.strings.data, tables.classes())
        return _cut_again(moved, whole, Strings.of(self.text())) if whole.any() else moved


@kernel
def _unspaced(offsets: Offsets, starts: Offsets, data: Bytes, classes: Classes) -> NDArray[np.bool_]:
    """Which texts have a token that starts with a letter of a script without spaces, [n]."""
    found = np.zeros(len(offsets) - 1, np.bool_)
    for i in range(len(found)):
        for k in range(offsets[i], offsets[i + 1]):
            if data[starts[k]] >= 0xE0:  # below U+0800 there are none
                point, _ = decode(data, starts[k], len(data))
                if classes[point] & UNSPACED:
                    found[i] = True
                    break
    return found


def _cut_again(words: Words, chosen: NDArray[np.bool_], strings: Strings) -> Words:
    """`words`, of `strings`, with those of the texts `chosen` cut anew."""
    rows = np.flatnonzero(chosen)
    alone = gather(strings, strings.offsets[rows], strings.offsets[rows + 1])
    cut = cut_words(alone)
    counts, first = np.diff(words.offsets), words.offsets[:-1].copy()
    counts[rows], first[rows] = np.diff(cut.offsets), len(words.starts) + cut.offsets[:-1]
    offsets = np.append(0, np.cumsum(counts))
    source = np.repeat(first - offsets[:-1], counts) + np.arange(offsets[-1])
    shift = np.repeat(strings.offsets[rows] - alone.offsets[:-1], counts[rows])
    return Words(
        offsets,
        np.append(words.hashes, cut.hashes)[source],
        np.append(words.folded, cut.folded)[source],
        np.append(words.chars, cut.chars)[source],
        np.append(words.starts, cut.starts + shift)[source],
        np.append(words.ends, cut.ends + shift)[source],
        np.append(words.kinds, cut.kinds)[source],
    )


@kernel
def _bare(data: Bytes, start: int, end: int, classes: Classes) -> tuple[int, int]:
    """The bytes from `start` to `end` without white space around them; empty where there is no other."""
    while start < end:
        point, after = decode(data, start, end)
        if not classes[point] & SPACE:
            break
        start = after
    while start < end:
        at = end - 1
        while at > start and data[at] & 0xC0 == 0x80:
            at -= 1
        point, _ = decode(data, at, end)
        if not classes[point] & SPACE:
            break
        end = at
    return start, end


@kernel
def _cuts(
    data: Bytes,
    offsets: Offsets,
    line_offsets: Offsets,
    line_starts: Offsets,
    line_ends: Offsets,
    kept: NDArray[np.bool_],
    hole_starts: Offsets,
    hole_ends: Offsets,
    first: Offsets,
    between: int,
    classes: Classes,
) -> tuple[Offsets, Offsets, Offsets, NDArray[np.uint8], Offsets]:
    """What `splice` must take out of each text so that the lines `kept` are left, and where in the data
    of the new texts each of them would start had nothing been taken off its start, [m]."""
    n = len(offsets) - 1
    room = len(line_starts) + len(hole_starts) + n
    firsts = np.zeros(n + 1, np.int64)
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    kinds = np.empty(room, np.uint8)
    moved = np.zeros(len(line_starts), np.int64)
    c = 0
    size = 0  # of the new texts so far
    for i in range(n):
        at = last = offsets[i]  # where the next cut starts; where the new text ends so far
        done = firsts[i]  # cuts before `last`; none: the new text has not begun
        end_size = size  # up to `last`
        for k in range(line_offsets[i], line_offsets[i + 1]):
            if not kept[k]:
                continue
            start = line_starts[k]
            kind = NOTHING if done == firsts[i] else BETWEEN
            size += between * kind
            moved[k] = size
            for hole in range(first[k], first[k + 1] + 1):
                is_hole = hole < first[k + 1]
                end = hole_starts[hole] if is_hole else line_ends[k]
                bare_start, bare_end = _bare(data, start, end, classes)
                if done == firsts[i]:
                    moved[k] -= bare_start - start
                    start = bare_start
                if done > firsts[i] or bare_start < bare_end:
                    starts[c], ends[c], kinds[c] = at, start, kind
                    c += 1
                    kind = NOTHING
                    at = end
                    if bare_start < bare_end:
                        last, done = bare_end, c
                        end_size = size + bare_end - start
                    size += end - start
                else:
                    moved[k] -= end - start
                start = hole_ends[hole] if is_hole else end
        starts[done], ends[done], kinds[done] = last, offsets[i + 1], NOTHING
        c = firsts[i + 1] = done + 1
        size = end_size
    return firsts, starts[:c], ends[:c], kinds[:c], moved


@kernel
def _moved(
    word_offsets: Offsets,
    word_starts: Offsets,
    word_ends: Offsets,
    line_offsets: Offsets,
    line_starts: Offsets,
    line_ends: Offsets,
    kept: NDArray[np.bool_],
    moved: Offsets,
    first: Offsets,
    again: Offsets,
    cut_offsets: Offsets,
    cut_starts: Offsets,
    cut_ends: Offsets,
) -> tuple[Offsets, Offsets, Offsets, Offsets]:
    """First word of each new text; of each word its number among the old ones and, behind them, those
    of the lines cut again; its start and end."""
    n = len(word_offsets) - 1
    room = len(word_starts) + len(cut_starts)
    offsets = np.zeros(n + 1, np.int64)
    source = np.empty(room, np.int64)
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    to = holed = 0
    for i in range(n):
        w = word_offsets[i]
        for k in range(line_offsets[i], line_offsets[i + 1]):
            has_hole = first[k + 1] > first[k]
            shift = moved[k] - line_starts[k]
            while w < word_offsets[i + 1] and word_starts[w] < line_ends[k]:
                if kept[k] and not has_hole:
                    source[to], starts[to], ends[to] = w, word_starts[w] + shift, word_ends[w] + shift
                    to += 1
                w += 1
            if has_hole:
                shift = moved[k] - again[holed]
                for c in range(cut_offsets[holed], cut_offsets[holed + 1] if kept[k] else 0):
                    source[to] = len(word_starts) + c
                    starts[to], ends[to] = cut_starts[c] + shift, cut_ends[c] + shift
                    to += 1
                holed += 1
        offsets[i + 1] = to
    return offsets, source[:to], starts[:to], ends[:to]


@kernel
def _taken(
    source: Offsets,
    hashes: NDArray[np.uint64],
    folded: NDArray[np.uint64],
    chars: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    more_hashes: NDArray[np.uint64],
    more_folded: NDArray[np.uint64],
    more_chars: NDArray[np.int32],
    more_kinds: NDArray[np.uint8],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int32], NDArray[np.uint8]]:
    """The words numbered `source`, of the old ones and, behind them, of `more`."""
    w = len(source)
    taken_hashes, taken_folded = np.empty(w, np.uint64), np.empty(w, np.uint64)
    taken_chars, taken_kinds = np.empty(w, np.int32), np.empty(w, np.uint8)
    for k in range(w):
        at = source[k]
        if at < len(hashes):
            taken_hashes[k], taken_folded[k] = hashes[at], folded[at]
            taken_chars[k], taken_kinds[k] = chars[at], kinds[at]
        else:
            at -= len(hashes)
            taken_hashes[k], taken_folded[k] = more_hashes[at], more_folded[at]
            taken_chars[k], taken_kinds[k] = more_chars[at], more_kinds[at]
    return taken_hashes, taken_folded, taken_chars, taken_kinds
