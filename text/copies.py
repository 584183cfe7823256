"""Lines and paragraphs as they are compared across documents, and the cuts that take some out.

A line is what `text.lines` cuts; a paragraph is a row of lines without a blank one (of white space
alone) between. Two are copies of each other when they are the same as one of four ways reads them:

    none         as they stand, but for the line break at the end
    whitespace   without white space around them, runs of it as one space
    ccnet        as the code of cc_net does (Wenzek et al. 2020): without white space around them, in
                 lower case, decimal digits as 0, without control characters and 33 signs beyond ASCII
    words        nearer to what its paper says: without case, accents, values of digits, punctuation and
                 symbols, runs of white space as one space

`ccnet` takes ς for σ, since `str.lower` makes of Σ one or the other: copies to Python are copies here.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from text.hashing import MULTIPLIER, SEED, Hashes, mix64
from text.jit import kernel
from text.lines import Lines
from text.lower import DOT_ABOVE, DOTTED_I, lowered
from text.strings import Bytes, Offsets, Strings
from text.unicode_tables import CODE_POINTS, DIGIT, SPACE, Folds, classes, folds
from text.utf8 import decode

Unit = Literal["line", "paragraph"]
Way = Literal["none", "whitespace", "ccnet", "words"]

BLANK = 0x20
LEFT_OUT, I_DOT = CODE_POINTS, CODE_POINTS + 1  # what a character may be read as: nothing, i and a dot above

# The punctuation that cc_net's code names; the fullwidth 1 among it is a digit before.
CCNET_SIGNS = "，。、„”“«»」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_COLLAPSING = ("whitespace", "words")
_SMALL_I, _DOT = np.uint64(0x69), np.uint32(DOT_ABOVE)


@dataclass(frozen=True)
class Units:
    """The lines or paragraphs of n texts that are not blank, in order; m in all.

    offsets        [n + 1] int64, unit `offsets[i]` is the first of text i
    first, last    [m] int64, its first line and the one behind its last, numbers among all lines
    """

    offsets: Offsets
    first: Offsets
    last: Offsets


def units(lines: Lines, unit: Unit) -> Units:
    """The lines that are not blank, or the paragraphs that they make up."""
    filled = lines.inner_starts < lines.inner_ends
    first = filled.copy()
    if unit == "paragraph":
        first[1:] &= ~filled[:-1]
        opening = lines.offsets[:-1][lines.counts > 0]
        first[opening] = filled[opening]
    at = np.flatnonzero(first)
    before = np.zeros(len(filled) + 1, np.int64)
    np.cumsum(first, out=before[1:])
    last = at + 1
    if unit == "paragraph" and len(at):
        written = np.flatnonzero(filled)
        last = written[np.append(np.searchsorted(written, at[1:]), len(written)) - 1] + 1
    return Units(before[lines.offsets], at, last)


@cache
def readings(way: Way) -> NDArray[np.uint32]:
    """What each code point is read as, [1114112]: a code point, `LEFT_OUT` or `I_DOT`."""
    if way == "words":
        read = np.where(folds() == 0, LEFT_OUT, folds()).astype(np.uint32)
    elif way == "ccnet":
        read = lowered().copy()
        read[ord("ς")], read[DOTTED_I] = ord("σ"), I_DOT
        digits = np.flatnonzero(classes() & DIGIT).tolist()
        read[[point for point in digits if chr(point).isdecimal()]] = ord("0")
        read[[*map(ord, CCNET_SIGNS), *_CONTROLS]] = LEFT_OUT
    else:
        read = np.arange(CODE_POINTS, dtype=np.uint32)
    if way in _COLLAPSING:
        read[(classes() & SPACE) != 0] = BLANK
    read.setflags(write=False)
    return read


def read_units(strings: Strings, lines: Lines, found: Units, way: Way) -> tuple[Hashes, NDArray[np.int32]]:
    """The hash of each unit as `way` reads it, and its length so in code points, [m] each."""
    if way == "none":
        starts, ends = lines.starts, lines.ends
    else:
        starts, ends = lines.inner_starts, lines.inner_ends
    return _read(strings.data, starts[found.first], ends[found.last - 1], readings(way), way in _COLLAPSING)


@kernel
def _read(
    data: Bytes, starts: Offsets, ends: Offsets, read: Folds, collapse: bool
) -> tuple[Hashes, NDArray[np.int32]]:
    """With `collapse`, blanks at both ends and behind another one count as nothing."""
    hashes = np.empty(len(starts), np.uint64)
    sizes = np.empty(len(starts), np.int32)
    for k in range(len(starts)):
        at, end = starts[k], ends[k]
        running = ahead = SEED  # ahead: up to the last blank
        size = 0
        blank = collapse
        while at < end:
            byte = data[at]
            if byte < 0x80:
                value = read[byte]
                at += 1
            else:
                point, at = decode(data, at, end)
                value = read[point]
                if value == I_DOT:
                    running = (running ^ _SMALL_I) * MULTIPLIER
                    size += 1
                    value = _DOT
            before = blank
            blank = collapse & (value == BLANK)
            if before & blank | (value == LEFT_OUT):
                blank = before
                continue
            ahead = running if blank else ahead
            running = (running ^ np.uint64(value)) * MULTIPLIER
            size += 1
        if blank and size:
            running = ahead
            size -= 1
        hashes[k], sizes[k] = mix64(running), size
    return hashes, sizes


def ends_with_break(strings: Strings, lines: Lines) -> Offsets:
    """Where the next line starts, or the text ends: the byte behind each line's break, [lines]."""
    after = np.append(lines.starts[1:], 0)
    some = lines.counts > 0
    after[lines.offsets[1:][some] - 1] = strings.offsets[1:][some]
    return after


def cuts(strings: Strings, lines: Lines, gone: NDArray[np.bool_]) -> tuple[Offsets, Offsets]:
    """What is to be cut from each text so that the lines `gone` are, with their line breaks.

    Blank lines around them go too where they would leave a gap wider than one that was there: at the
    start and the end of the text, and of those before and behind a row of such lines all but the first
    run. A text that ended without a line break still does.

    Returns offsets [n + 1], and start and end of each cut in turn, bytes from the start of its text: those
    of text i are `offsets[i]:offsets[i + 1]`.
    """
    found: tuple[Offsets, Offsets] = _cuts(
        strings.offsets,
        lines.offsets,
        lines.starts,
        lines.ends,
        lines.inner_starts == lines.inner_ends,
        gone,
    )
    return found


@kernel
def _cuts(
    text_offsets: Offsets,
    offsets: Offsets,
    starts: Offsets,
    ends: Offsets,
    blank: NDArray[np.bool_],
    gone: NDArray[np.bool_],
) -> tuple[Offsets, Offsets]:
    n = len(offsets) - 1
    firsts = np.zeros(n + 1, np.int64)
    out = np.empty(2 * len(gone), np.int64)  # no cut without a line of its own
    size = 0
    for i in range(n):
        first, last = offsets[i], offsets[i + 1]
        base, text_end = text_offsets[i], text_offsets[i + 1]
        k = first
        while k < last:
            # Lines k to b: a row of such that go or are blank.
            b = k
            some = False
            while b < last and (gone[b] or blank[b]):
                some |= gone[b]
                b += 1
            if some:
                at = starts[k]
                if k > first and b < last:
                    c = k
                    while c < b and not blank[c]:
                        c += 1
                    d = c
                    while d < b and blank[d]:
                        d += 1
                    if k < c < b:
                        out[size], out[size + 1] = at - base, starts[c] - base
                        size += 2
                    at = starts[k] if c == b else starts[d]
                elif k > first and ends[last - 1] == text_end:
                    at = ends[k - 1]
                to = text_end if b == last else starts[b]
                if at < to:
                    out[size], out[size + 1] = at - base, to - base
                    size += 2
            k = b + 1
        firsts[i + 1] = size
    return firsts, out[:size]
