"""Language of lines: how much of a document is in its own language, and which other it holds.

fastText is asked about each line with the model of the stage `language`. Short lines cannot be told:
a line is joined with those behind it until they have `letters` letters together, what is left at the
end of the text goes to the part before, and a text with fewer letters is one part. Of a part, the
first `longest` characters are told, all count. Shares are of the characters of the lines, without the
white space at their ends. One part may be told wrong, near relatives above all (Norwegian and Danish,
Serbian and Croatian), so a language counts as one of the text's with more than a tenth of it.

A document without letters has no part: its share is 0 and so are its languages.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, field_validator

from classifiers import language
from classifiers.language import UNDETERMINED, LanguageOptions, check_model
from pipeline.batch import Batch
from pipeline.stage import Measure, Options, Stage, column
from text import unicode_tables as tables
from text.jit import kernel
from text.strings import Bytes, Offsets
from text.unicode_tables import LETTER, Classes
from text.utf8 import decode

NOTABLE = 0.1  # share of the characters from which a language counts as one of the text's

COLUMNS = [
    column("line_language_share", pa.float64(), "share of characters", "in lines of the document's language"),
    column("line_language_count", pa.int32(), "languages", "of lines with more than 10% of the characters"),
    column("line_language_second", pa.string(), about="of most characters but the document's; und: none"),
    column("line_language_second_share", pa.float64(), "share of characters"),
    column("line_language_parts", pa.int32(), "parts", "lines or joined lines that were told"),
]


class LineLanguageOptions(Options):
    """Options of the stage `line_language`."""

    model: str = Field(
        default="",
        description="path of a fastText model, the one of `language`; lid.176.ftz if none is given",
    )
    letters: int = Field(default=30, ge=1, description="join lines until they have as many letters")
    longest: int = Field(default=300, ge=1, description="characters of a part that are told, the first ones")

    @field_validator("model")
    @classmethod
    def _is_there(cls, model: str) -> str:
        return check_model(model)


def open_line_language(options: LineLanguageOptions) -> Measure:
    """Loads the model; PlanError where the file is not one."""
    model = language.load(LanguageOptions(model=options.model), "line_language")
    names = [*model.labels, UNDETERMINED]  # the last is what UNKNOWN, -1, names

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
        labels = model.predict_spans(strings.data, starts, told)[0][:, 0]
        own = batch.column("language").fill_null(UNDETERMINED).to_pylist()
        share, second_share = np.zeros(len(batch)), np.zeros(len(batch))
        count = np.zeros(len(batch), np.int32)
        second = [UNDETERMINED] * len(batch)
        for row in range(len(batch)):
            found: Counter[str] = Counter()
            for k in range(firsts[row], firsts[row + 1]):
                found[names[labels[k]]] += int(chars[k])
            total = found.total()
            if not total:
                continue
            share[row] = found[own[row]] / total
            count[row] = sum(one > NOTABLE * total for one in found.values())
            # Of equally frequent ones, the first by name.
            others = sorted((-one, label) for label, one in found.items() if label != own[row])
            if others:
                second[row], second_share[row] = others[0][1], -others[0][0] / total
        return [
            pa.array(share),
            pa.array(count),
            pa.array(second, pa.string()),
            pa.array(second_share),
            pa.array(np.diff(firsts).astype(np.int32)),
        ]

    return measure


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
    return language.fingerprint(LanguageOptions(model=options.model))


STAGE = Stage(
    "line_language",
    reads=("text", "language"),
    adds=pa.schema(COLUMNS),
    open=open_line_language,
    options=LineLanguageOptions,
    about="share of the lines in the document's language, and its second language",
    paper="Joulin et al. 2017; model lid.176 of fastText",
    expensive=True,
    fingerprint=fingerprint,
)
