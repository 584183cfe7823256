"""The words of texts as they are compared: folded hashes alone, several times as fast as cutting tokens.

What a word is, see text/words.py: the answer is the same as `cut_words(strings).folded_words()`.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from text import unicode_tables as tables
from text.hashing import MULTIPLIER, SEED, Hashes, mix64
from text.jit import kernel
from text.strings import Bytes, Offsets, Strings
from text.unicode_tables import DIGIT, EXTEND, GAP, LETTER, UNSPACED, Classes, Folds
from text.utf8 import decode
from text.words import _goes_on, _lead, _marks_end, cut_words

Cut = Callable[[Strings], tuple[Offsets, Hashes]]


def folded_words(
    strings: Strings, folds: Folds | None = None, cut: Cut | None = None
) -> tuple[Offsets, Hashes]:
    """Offsets [n + 1] and folded hashes of the words of n texts: no symbols, nothing empty.

    folds   what each code point counts as, where that is not `unicode_tables.folds()`; ...
    cut     ... and what then gives the same for texts in scripts without spaces
    """
    classes, folds = tables.classes(), tables.folds() if folds is None else folds
    room = int(strings.offsets[-1] - strings.offsets[0]) // 4 + 16
    offsets, folded, letters = _folded(strings.data, strings.offsets, classes, folds, room)
    if offsets[-1] > room:
        offsets, folded, letters = _folded(strings.data, strings.offsets, classes, folds, int(offsets[-1]))
    if letters.any():
        return _with_unspaced(strings, letters, offsets, folded, cut or _cut)
    return offsets, folded


def _cut(strings: Strings) -> tuple[Offsets, Hashes]:
    return cut_words(strings).folded_words()


def _with_unspaced(
    strings: Strings, letters: NDArray[np.bool_], offsets: Offsets, folded: Hashes, apart: Cut
) -> tuple[Offsets, Hashes]:
    """Texts in scripts without spaces are cut by dictionaries, as all tokens are."""
    rows = np.flatnonzero(letters)
    buffers = pa.py_buffer(strings.offsets), pa.py_buffer(strings.data)
    texts = pa.LargeStringArray.from_buffers(len(strings), *buffers)
    cut, words = apart(Strings.of(texts.take(pa.array(rows))))
    counts = np.where(letters, 0, np.diff(offsets))
    counts[rows] = np.diff(cut)
    ends = np.zeros(len(offsets), np.int64)
    np.cumsum(counts, out=ends[1:])
    whole = np.empty(ends[-1], np.uint64)
    of_rows = np.repeat(letters, counts)
    whole[of_rows] = words
    whole[~of_rows] = folded[np.repeat(~letters, np.diff(offsets))]
    return ends, whole


_ONE = np.uint64(1)
_SPACE = 0x20


@kernel
def _folded(
    data: Bytes, offsets: Offsets, classes: Classes, folds: Folds, room: int
) -> tuple[Offsets, Hashes, NDArray[np.bool_]]:
    """First word of each text, folded hashes, and which texts hold letters of a script without spaces: what
    is told of these is of no use. Words beyond the first `room` are only counted."""
    n = len(offsets) - 1
    firsts = np.zeros(n + 1, np.int64)
    out = np.empty(room, np.uint64)
    letters = np.zeros(n, np.bool_)
    word = LETTER | DIGIT
    plain = np.zeros(256, np.uint64)  # what ASCII letters and digits count as
    for point in range(0x80):
        plain[point] = folds[point]
    w = 0
    for i in range(n):
        at, end = offsets[i], offsets[i + 1]
        word_before = -1  # where the last word ended
        while at < end:
            start = at
            value = SEED
            # Most words are ASCII and end with white space: those are hashed on the way. An unsigned place
            # spares the check for negatives.
            place, last_place = np.uint64(at), np.uint64(end)
            while place < last_place:
                fold = plain[data[place]]
                if fold == 0:
                    break
                value = (value ^ fold) * MULTIPLIER
                place += _ONE
            at = hashed = int(np.int64(place))
            if at > start:
                is_word = True
                goes_on = at < end and data[at] != _SPACE
                last, run = int(classes[data[at - 1]]), at - start
            else:
                point, after = decode(data, at, end)
                bits = int(classes[point])
                if bits & GAP:
                    at = after
                    continue
                if bits & UNSPACED:
                    at = word_before = _marks_end(data, after, end, classes)
                    letters[i] = True
                    continue
                last, run = bits, 1  # class of the last letter or digit, how many since a symbol
                is_word = bits & word != 0
                at = after
                if not is_word:
                    last = run = 0
                    at, is_word = _lead(data, start, end, classes, start == word_before)
                goes_on = is_word
            while goes_on and at < end:
                point, after = decode(data, at, end)
                bits = int(classes[point])
                if bits & word and not bits & UNSPACED:
                    last = bits
                    run += 1
                    at = after
                elif bits & EXTEND:
                    at = after
                elif bits & (GAP | UNSPACED):
                    goes_on = False
                else:
                    at, goes_on = _goes_on(data, at, last, run, end, classes)
                    run = 0
            if not is_word:
                continue
            word_before = at
            while hashed < at:
                point, hashed = decode(data, hashed, at)
                fold = np.uint64(folds[point])
                if fold != 0:
                    value = (value ^ fold) * MULTIPLIER
            if value != SEED:
                if w < room:
                    out[w] = max(mix64(value), np.uint64(1))
                w += 1
        firsts[i + 1] = w
    return firsts, out[:w], letters
