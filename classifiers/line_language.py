"""Language of lines: which languages a document is in, and how much of it is in each.

fastText is asked about each line with the model of the stage `language`. Short lines cannot be told:
a line is joined with those behind it until they have `letters` letters together, what is left at the
end of the text goes to the part before, and a text with fewer letters is one part. Of a part, the
first `longest` characters are told, all count. Shares are of the characters of the lines, without the
white space at their ends. One part may be told wrong, near relatives above all (Norwegian and Danish,
Serbian and Croatian), so a language counts as one of the text's with more than a tenth of it.

A document without letters has no part: its share is 0 and so are its languages.
"""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator

from classifiers import language
from classifiers.language import LABELS, MODEL, SCRIPT_CHECK, LanguageOptions, check_model
from pipeline.batch import Batch
from pipeline.stage import Measure, Options, Stage, column
from text import unicode_tables as tables
from text.jit import kernel
from text.strings import Bytes, Offsets
from text.unicode_tables import LETTER, Classes
from text.utf8 import decode

NOTABLE = 0.1  # share of the characters from which a language counts as one of the text's
NONE = -1  # no language, or one that the model does not know

SHARE = pa.struct([("language", pa.string()), ("share", pa.float64())])

COLUMNS = [
    column("line_language_share", pa.float64(), "share of characters", "in lines of the document's language"),
    column("line_language_count", pa.int32(), "languages", "of lines with more than 10% of the characters"),
    column("line_language_second", pa.string(), about="of most characters but the document's; und: none"),
    column("line_language_second_share", pa.float64(), "share of characters"),
    column("line_language_parts", pa.int32(), "parts", "lines or joined lines that were told"),
    column("line_language_shares", pa.list_(SHARE), "share of characters", "of each language, most first"),
]


class LineLanguageOptions(Options):
    """Options of the stage `line_language`."""

    model: str = Field(default="", description=MODEL + ": the one of `language`")
    labels: Literal["iso", "model"] = Field(default="iso", description=LABELS)
    script_check: bool = Field(default=True, description=SCRIPT_CHECK)
    letters: int = Field(default=30, ge=1, description="join lines until they have as many letters")
    longest: int = Field(default=300, ge=1, description="characters of a part that are told, the first ones")

    @field_validator("model")
    @classmethod
    def _is_there(cls, model: str) -> str:
        return check_model(model)


def _as_language(options: LineLanguageOptions) -> LanguageOptions:
    return LanguageOptions(model=options.model, labels=options.labels, script_check=options.script_check)


def open_line_language(options: LineLanguageOptions) -> Measure:
    """Loads the model; PlanError where the file is not one."""
    model = language.load(_as_language(options), "line_language")
    names = pa.array(model.languages, pa.string())

    def measure(batch: Batch) -> list[pa.Array]:
        strings, lines = batch.strings, batch.lines
        firsts, starts, told, chars = _parts(
            strings.data,
            lines.offsets,
            lines.inner_starts,
            lines.inner_ends,
            lines.inner_chars,
            tables.classes(),
            options.letters,
            options.longest,
        )
        found = model.identify(strings.data, starts, told, seconds=False).language
        own = pc.index_in(batch.column("language").cast(pa.string()), value_set=names).fill_null(NONE)
        share, count, second, second_share, offsets, listed, shares = _shares(
            firsts, chars, found, np.array(own), len(names)
        )
        return [
            pa.array(share),
            pa.array(count),
            names.take(pa.array(second)),
            pa.array(second_share),
            pa.array(np.diff(firsts).astype(np.int32)),
            pa.ListArray.from_arrays(
                pa.array(offsets),
                pa.StructArray.from_arrays(
                    [names.take(pa.array(listed)), pa.array(shares)], fields=list(SHARE)
                ),
            ),
        ]

    return measure


@kernel
def _shares(
    firsts: Offsets,
    chars: NDArray[np.int64],
    found: NDArray[np.int32],
    own: NDArray[np.int32],
    languages: int,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float64],
]:
    """From the parts' languages, [m], to the texts': the first columns of `COLUMNS`, [n] each, then all
    languages of each text, by falling share, of equal ones the first by name: offsets [n + 1], languages,
    shares. The last language is und, the second one of a text that has none."""
    n = len(firsts) - 1
    share, second_share = np.zeros(n), np.zeros(n)
    count, second = np.zeros(n, np.int32), np.full(n, languages - 1, np.int32)
    offsets = np.zeros(n + 1, np.int32)
    listed, shares = np.empty(len(found), np.int32), np.empty(len(found))
    sums = np.zeros(languages, np.int64)
    m = 0
    for i in range(n):
        begin = m
        total = 0
        for k in range(firsts[i], firsts[i + 1]):
            if sums[found[k]] == 0:
                listed[m] = found[k]
                m += 1
            sums[found[k]] += chars[k]
            total += chars[k]
        for k in range(begin + 1, m):
            one = listed[k]
            at = k
            while at > begin and (
                sums[listed[at - 1]] < sums[one]
                or (sums[listed[at - 1]] == sums[one] and listed[at - 1] > one)
            ):
                listed[at] = listed[at - 1]
                at -= 1
            listed[at] = one
        for k in range(begin, m):
            shares[k] = sums[listed[k]] / total
            count[i] += sums[listed[k]] > NOTABLE * total
            if listed[k] == own[i]:
                share[i] = shares[k]
            elif second_share[i] == 0:
                second[i], second_share[i] = listed[k], shares[k]
        for k in range(begin, m):
            sums[listed[k]] = 0
        offsets[i + 1] = m
    return share, count, second, second_share, offsets, listed[:m], shares[:m]


@kernel
def _parts(
    data: Bytes,
    offsets: Offsets,
    starts: Offsets,
    ends: Offsets,
    chars: NDArray[np.int32],
    classes: Classes,
    least: int,
    longest: int,
) -> tuple[Offsets, Offsets, Offsets, NDArray[np.int64]]:
    """The parts of each text: the first of each, [n + 1], where they start, where the first `longest`
    characters of each end, and how many it has without the white space around its lines."""
    n = len(offsets) - 1
    firsts = np.zeros(n + 1, np.int64)
    part_starts, part_ends = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    sizes = np.zeros(len(starts), np.int64)
    m = 0
    for i in range(n):
        letters = size = 0
        start = end = -1
        for k in range(offsets[i], offsets[i + 1]):
            if starts[k] == ends[k]:
                continue
            if start < 0:
                start = starts[k]
            end = ends[k]
            size += chars[k]
            at = starts[k]
            while at < end and letters < least:
                point, at = decode(data, at, end)
                letters += classes[point] & LETTER != 0
            if letters >= least:
                part_starts[m], part_ends[m], sizes[m] = start, end, size
                m += 1
                letters = size = 0
                start = -1
        if start >= 0 and m > firsts[i]:
            part_ends[m - 1] = end
            sizes[m - 1] += size
        elif letters > 0:
            part_starts[m], part_ends[m], sizes[m] = start, end, size
            m += 1
        firsts[i + 1] = m
    for k in range(m):
        at, seen = part_starts[k], 0
        while at < part_ends[k] and seen < longest:
            _, at = decode(data, at, part_ends[k])
            seen += 1
        part_ends[k] = at
    return firsts, part_starts[:m], part_ends[:m], sizes[:m]


def fingerprint(options: LineLanguageOptions) -> str:
    """The model's contents."""
    return language.fingerprint(_as_language(options))


STAGE = Stage(
    "line_language",
    reads=("text", "language"),
    adds=pa.schema(COLUMNS),
    open=open_line_language,
    options=LineLanguageOptions,
    about="languages of the lines: the share of each, and of the document's own",
    paper="Joulin et al. 2017; model lid.176 of fastText",
    expensive=True,
    fingerprint=fingerprint,
)
