"""Gopher's quality rules: is this a text of the usual make-up? (Rae et al. 2021, appendix A.1.1)

Words are tokens with a letter or a digit; where the paper says words and published code counts
symbols too (symbols per word, words with a letter), the denominator is all tokens. See
`text/words.py` for what a token is and `text/lines.py` for what a line is. Every quantity of a
text without words or lines is 0, so an empty text fails `gopher_words`, among others.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.batch import Batch
from pipeline.stage import Rule, Stage, column
from text.counts import shares, totals
from text.jit import kernel
from text.lines import Lines
from text.strings import Bytes, Offsets, Strings
from text.words import HAS_LETTER, IS_WORD, Words, cut_words

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
BULLETS = (ord("•"), ord("-"))
ELLIPSIS = ord("…")

COLUMNS = [
    column("gopher_words", pa.int32(), "words", "tokens with a letter or a digit"),
    column("gopher_mean_word_length", pa.float64(), "characters/word"),
    column("gopher_hashes_per_word", pa.float64(), "1/token", "signs #"),
    column("gopher_ellipses_per_word", pa.float64(), "1/token", "signs … and ..."),
    column("gopher_bullet_lines", pa.float64(), "share of lines", "start with • or -"),
    column("gopher_ellipsis_lines", pa.float64(), "share of lines", "end with … or ..."),
    column("gopher_words_with_letter", pa.float64(), "share of tokens"),
    column("gopher_stop_words", pa.int32(), "words", "different ones of the eight in the text"),
]

RULES = (
    Rule("gopher_words", "gopher_words NOT BETWEEN 50 AND 100000"),
    Rule("gopher_mean_word_length", "gopher_mean_word_length NOT BETWEEN 3 AND 10"),
    Rule("gopher_hashes", "gopher_hashes_per_word > 0.1"),
    Rule("gopher_ellipses", "gopher_ellipses_per_word > 0.1"),
    Rule("gopher_bullet_lines", "gopher_bullet_lines > 0.9"),
    Rule("gopher_ellipsis_lines", "gopher_ellipsis_lines > 0.3"),
    Rule("gopher_words_with_letter", "gopher_words_with_letter < 0.8"),
    Rule("gopher_stop_words", "gopher_stop_words < 2"),
)


def measure(batch: Batch) -> list[pa.Array]:
    """The columns of `COLUMNS`, [n] each."""
    words, lines, strings = batch.words, batch.lines, batch.strings
    tokens = np.diff(words.offsets)
    is_word = words.kinds & IS_WORD != 0
    count = totals(words.offsets, is_word)
    hashes, ellipses = _symbols(strings.data, strings.offsets)
    return [
        pa.array(count.astype(np.int32)),
        pa.array(shares(totals(words.offsets, words.chars * is_word), count)),
        pa.array(shares(hashes, tokens)),
        pa.array(shares(ellipses, tokens)),
        pa.array(shares(lines.total(np.isin(lines.first, BULLETS)), lines.counts)),
        pa.array(shares(lines.total(_ends_in_ellipsis(strings, lines)), lines.counts)),
        pa.array(shares(totals(words.offsets, words.kinds & HAS_LETTER != 0), tokens)),
        pa.array(_count_known(words.offsets, words.hashes, words.chars, *_known(STOP_WORDS))),
    ]


def _ends_in_ellipsis(strings: Strings, lines: Lines) -> NDArray[np.bool_]:
    """Which lines end, before white space, with an ellipsis, [m]."""
    dots = (lines.last == ord(".")) & (lines.inner_chars >= 3)
    behind = lines.inner_ends[dots]
    dots[dots] = (strings.data[behind - 2] == ord(".")) & (strings.data[behind - 3] == ord("."))
    return np.asarray(dots | (lines.last == ELLIPSIS), np.bool_)


def _known(vocabulary: tuple[str, ...]) -> tuple[NDArray[np.uint64], int]:
    """Hashes of the words of a vocabulary, and the length of its longest."""
    words: Words = cut_words(Strings.of(pa.array(vocabulary)))
    return words.hashes, int(words.chars.max())


@kernel
def _count_known(
    offsets: Offsets,
    hashes: NDArray[np.uint64],
    chars: NDArray[np.int32],
    known: NDArray[np.uint64],
    longest: int,
) -> NDArray[np.int32]:
    """How many of the `known` words each text holds, [n]."""
    counts = np.zeros(len(offsets) - 1, np.int32)
    here = np.empty(len(known), np.bool_)
    for i in range(len(counts)):
        here[:] = False
        for k in range(offsets[i], offsets[i + 1]):
            if chars[k] > longest:
                continue
            for j in range(len(known)):
                if hashes[k] == known[j]:
                    here[j] = True
        counts[i] = here.sum()
    return counts


@kernel
def _symbols(data: Bytes, offsets: Offsets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Signs # and ellipses (… or three full stops) of each text, [n] each."""
    n = len(offsets) - 1
    hashes = np.zeros(n, np.int64)
    ellipses = np.zeros(n, np.int64)
    for i in range(n):
        dots = 0
        end = offsets[i + 1]
        for at in range(offsets[i], end):
            byte = data[at]
            if byte == 0x2E:
                dots += 1
                if dots == 3:
                    ellipses[i] += 1
                    dots = 0
                continue
            dots = 0
            if byte == 0x23:
                hashes[i] += 1
            elif byte == 0xE2 and at + 2 < end and data[at + 1] == 0x80 and data[at + 2] == 0xA6:
                ellipses[i] += 1
    return hashes, ellipses


STAGE = Stage(
    "gopher",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    open=lambda _: measure,
    rules=RULES,
    about="length, word length, symbols, bullets, ellipses, stop words",
    paper="Rae et al. 2021, Scaling Language Models, appendix A.1.1, arXiv:2112.11446",
)
