"""C4's rules: lines that are sentences, pages that are not notices or code (Raffel et al. 2020, 2.2)

C4 first removes lines, then drops the page if little is left. The stage counts what stays and what
goes for which reason, in the order of the original code (TensorFlow Datasets, `c4_utils`); a line
counts under the first reason that removes it:

1. a word of more than `max_word_length` characters,
2. no end mark `. ? ! " '`, or an ellipsis `...` (citations `[1]`, `[edit]`, `[citation needed]`
   are taken off first) unless `end_mark` is off,
3. fewer than `min_words_per_line` words,
4. "javascript",
5. a policy phrase ("terms of use", "uses cookies" …).

A line that comes past 3 and holds "lorem ipsum", or past 4 and holds "{", drops the page: the
paper says pages, the original code looks at such lines alone, and so does this stage. Words are
what stands between white space. Sentences are counted in the lines that stay; see
`text/sentences.py`. Every count of an empty text is 0, so it fails `c4_sentences`.

The text itself is left as it is. The list of bad words, the language and the deduplication of
three-sentence spans are steps of their own.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from pipeline.batch import Batch
from pipeline.stage import Measure, Rule, Stage, column
from pipeline.stage import Options as StageOptions
from text.jit import kernel
from text.lines import Lines
from text.phrases import Phrases
from text.sentences import OUTSIDE, next_state
from text.strings import Bytes, Offsets, Strings
from text.words import Words

LOREM_IPSUM, JAVASCRIPT, CURLY_BRACKET, POLICY = 1, 2, 4, 8 | 16 | 32 | 64 | 128 | 256
PHRASES = Phrases.of(
    (
        "lorem ipsum",
        "javascript",
        "{",
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    )
)
CITATIONS = tuple(np.frombuffer(words, np.uint8) for words in (b"[edit]", b"[citation needed]"))
LONGEST_CITATION = 32  # bytes; "[1]" could go on for ever

COLUMNS = [
    column("c4_lines", pa.int32(), "lines", "not blank"),
    column("c4_lines_long_word", pa.int32(), "lines", "removed: a word too long"),
    column("c4_lines_no_end_mark", pa.int32(), "lines", "removed: no end mark"),
    column("c4_lines_few_words", pa.int32(), "lines", "removed: too few words"),
    column("c4_lines_javascript", pa.int32(), "lines", "removed: mention javascript"),
    column("c4_lines_policy", pa.int32(), "lines", "removed: a policy phrase"),
    column("c4_lines_kept", pa.int32(), "lines"),
    column("c4_sentences", pa.int32(), "sentences", "in the lines kept"),
    column("c4_lorem_ipsum", pa.bool_(), about="lorem ipsum in a line"),
    column("c4_curly_bracket", pa.bool_(), about="{ in a line"),
]

RULES = (
    Rule("c4_sentences", "c4_sentences < 3"),
    Rule("c4_lorem_ipsum", "c4_lorem_ipsum"),
    Rule("c4_curly_bracket", "c4_curly_bracket"),
)


class Options(StageOptions):
    """Which lines go. FineWeb's recipe: `end_mark: false`, `min_words_per_line: 3`."""

    end_mark: bool = Field(default=True, description="remove lines that do not end with . ? ! or a quote")
    min_words_per_line: int = Field(default=5, ge=0, description="remove lines with fewer words")
    max_word_length: int = Field(
        default=1000, ge=1, description="remove lines with a word of more characters"
    )


def open_c4(options: Options) -> Measure:
    return lambda batch: measure(batch, options)


def measure(batch: Batch, options: Options) -> list[pa.Array]:
    """The columns of `COLUMNS`, [n] each."""
    strings, words, lines = batch.strings, batch.words, batch.lines
    found = PHRASES.found(strings, lines.inner_starts, lines.inner_ends)
    pieces, longest, sentences, ends_well = _line_facts(strings, words, lines)
    left = lines.inner_chars > 0
    counts = [lines.total(left)]
    reasons = (
        longest > options.max_word_length,
        ~ends_well if options.end_mark else np.zeros(len(found), np.bool_),
        pieces < options.min_words_per_line,
        found & JAVASCRIPT != 0,
        found & POLICY != 0,
    )
    lorem_ipsum = curly_bracket = left
    for number, reason in enumerate(reasons):
        counts.append(lines.total(left & reason))
        left = left & ~reason
        if number == 2:
            lorem_ipsum = left & (found & LOREM_IPSUM != 0)
        elif number == 3:
            curly_bracket = left & (found & CURLY_BRACKET != 0)
    counts += [lines.total(left), lines.total(np.where(left, sentences, 0))]
    return [
        *(pa.array(count.astype(np.int32)) for count in counts),
        pa.array(lines.total(lorem_ipsum) > 0),
        pa.array(lines.total(curly_bracket) > 0),
    ]


def _line_facts(
    strings: Strings, words: Words, lines: Lines
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
    """Of each line, [m]: words, characters of the longest, sentences, and whether it ends well."""
    pieces, longest, sentences = _count_in_lines(
        strings.data,
        words.offsets,
        words.starts,
        words.ends,
        words.chars,
        words.kinds,
        lines.offsets,
        lines.inner_ends,
    )
    return pieces, longest, sentences, _ends_well(strings.data, lines.inner_starts, lines.inner_ends)


@kernel
def _citation_end(data: Bytes, at: int, end: int) -> int:
    """Where the citation that starts at `at` ends; `at` itself if there is none."""
    if data[at] != 0x5B:  # [
        return at
    for phrase in CITATIONS:
        if at + len(phrase) <= end and (data[at : at + len(phrase)] == phrase).all():
            return at + len(phrase)
    behind = at + 1
    while behind < end and 0x30 <= data[behind] <= 0x39:
        behind += 1
    return behind + 1 if behind < end and data[behind] == 0x5D else at


@kernel
def _ends_well(data: Bytes, starts: Offsets, ends: Offsets) -> NDArray[np.bool_]:
    """Does each line end, before citations, with one of . ? ! " ' and not with an ellipsis?"""
    well = np.zeros(len(starts), np.bool_)
    for k in range(len(starts)):
        start, end = starts[k], ends[k]
        while end > start and data[end - 1] == 0x5D:  # ]
            at = end - 1
            while at > start and data[at] != 0x5B and end - at < LONGEST_CITATION:
                at -= 1
            if _citation_end(data, at, end) != end:
                break
            end = at
        if end == start:
            continue
        byte = data[end - 1]
        if byte == 0x2E:
            well[k] = end - start < 3 or data[end - 2] != 0x2E or data[end - 3] != 0x2E
        else:
            well[k] = byte == 0x3F or byte == 0x21 or byte == 0x22 or byte == 0x27
    return well


@kernel
def _count_in_lines(
    data: Bytes,
    word_offsets: Offsets,
    word_starts: Offsets,
    word_ends: Offsets,
    chars: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    line_offsets: Offsets,
    line_ends: Offsets,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Of each line: words between white space, characters of the longest, sentences."""
    m = len(line_ends)
    pieces = np.zeros(m, np.int32)
    longest = np.zeros(m, np.int32)
    sentences = np.zeros(m, np.int32)
    for i in range(len(line_offsets) - 1):
        w = word_offsets[i]
        for k in range(line_offsets[i], line_offsets[i + 1]):
            state = OUTSIDE
            piece = 0
            joined = cited = -1  # where the token before, or the citation before, ended
            while w < word_offsets[i + 1] and word_starts[w] < line_ends[k]:
                start = word_starts[w]
                if start != joined:
                    pieces[k] += 1
                    piece = 0
                piece += chars[w]
                longest[k] = max(longest[k], piece)
                joined = word_ends[w]
                if start >= cited:
                    cited = _citation_end(data, start, line_ends[k])
                    if cited == start:
                        state, opened = next_state(state, int(kinds[w]))
                        sentences[k] += opened
                w += 1
    return pieces, longest, sentences


STAGE = Stage(
    "c4",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    open=open_c4,
    rules=RULES,
    options=Options,
    about="lines that end like sentences, notices, placeholder text, code",
    paper="Raffel et al. 2020, Exploring the Limits of Transfer Learning, section 2.2, arXiv:1910.10683",
)
