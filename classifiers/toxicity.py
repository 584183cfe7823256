"""Toxicity: would readers of comments have called this rude, obscene or hateful?

The model is the one that the package alt-profanity-check carries: TF-IDF of words and five calibrated linear
support vector machines, trained on comments at Wikipedia (Jigsaw's toxic comments) and tweets (Davidson et
al. 2017), all of them English. Here it is read out of the package and asked by a kernel; the package's own
answer to a text is `toxicity_score`.

A page is no comment: of a rude sentence in a thousand words nothing is left in that score. So the page is
also cut into windows of as many words as a comment has, and each is scored as a text of its own.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from pipeline.assets import asset
from pipeline.batch import Batch
from pipeline.errors import PlanError
from pipeline.stage import Measure, Options, Stage, column
from text import unicode_tables
from text.counts import shares, totals
from text.hashing import MULTIPLIER, SEED, Hashes, mix64, mix_array
from text.jit import kernel
from text.lookup import Index, Lookup, find
from text.lower import DOTTED_I, lowered
from text.strings import Bytes, Offsets, Strings
from text.unicode_tables import Classes, Folds
from text.utf8 import decode

ENGLISH = "en"
ANY = "any"
VECTORIZER, CLASSIFIER = "vectorizer.joblib", "model.joblib"  # of the package
TOXIC = 0.5  # the package's own threshold

COLUMNS = [
    column(
        "toxicity_score", pa.float64(), "probability", "that the text as a whole is toxic; by the package"
    ),
    column("toxicity_max", pa.float64(), "probability", "of the most toxic window"),
    column("toxicity_share", pa.float64(), "share of windows", f"of a probability of {TOXIC} or more"),
    column("toxicity_windows", pa.int32(), "windows", "scored; 0: not English, or no word"),
]


class ToxicityOptions(Options):
    """Options of the stage `toxicity`."""

    language: str = Field(
        default=ENGLISH,
        min_length=1,
        description="language of the texts that are scored, by the column `language`; `any`: all of them. "
        "The model knows English alone",
    )
    window: int = Field(default=30, ge=5, le=10_000, description="words of a window, at least")


@dataclass(frozen=True)
class Linear:
    """m linear models over TF-IDF of w words, each with its own calibration, whose mean is the answer.

    words      the words, by number
    idf        [w] float64
    weights    [w, m] float64, of each word, times its idf
    bias       [m] float64
    slopes     [m] float64; with `shifts`: the probability is 1 / (1 + exp(slope * answer + shift))
    """

    words: Lookup
    idf: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    slopes: NDArray[np.float64]
    shifts: NDArray[np.float64]

    def probabilities(self, numbers: NDArray[np.int32], cuts: Offsets) -> NDArray[np.float64]:
        """Of the texts `numbers[cuts[i]:cuts[i + 1]]`, [n]."""
        answers = _answers(numbers, cuts, self.idf, self.weights) + self.bias
        found: NDArray[np.float64] = (1 / (1 + np.exp(self.slopes * answers + self.shifts))).mean(axis=1)
        return found


def _file(name: str) -> Path:
    path = asset("profanity_check", "data", name)
    if path is None:
        raise PlanError(
            f"stage toxicity: {name} comes with alt-profanity-check, which is not installed whole: "
            "pip install alt-profanity-check"
        )
    return path


@cache
def load() -> Linear:
    """The package's model."""
    vectorizer: Any = joblib.load(_file(VECTORIZER))
    parts: Any = joblib.load(_file(CLASSIFIER)).calibrated_classifiers_  # one for each fold in training
    words = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    hashes = _hashes_of(words)
    order = np.argsort(hashes)
    idf = vectorizer.idf_[order]
    return Linear(
        Lookup.of(hashes, np.zeros(len(words), np.uint8)),
        _fixed(idf),
        _fixed(np.stack([part.estimator.coef_[0, order] for part in parts], axis=1) * idf[:, None]),
        np.array([part.estimator.intercept_[0] for part in parts]),
        np.array([part.calibrators[0].a_ for part in parts]),
        np.array([part.calibrators[0].b_ for part in parts]),
    )


def open_toxicity(options: ToxicityOptions) -> Measure:
    """Loads the model."""
    model = load()
    words, points, lower = model.words, _word_points(), lowered()

    def measure(batch: Batch) -> Sequence[pa.Array]:
        rows = np.arange(len(batch))
        texts = batch.strings
        if options.language != ANY:
            rows = np.flatnonzero(pc.equal(batch.column("language"), options.language).fill_null(False))
            if len(rows) < len(batch):
                texts = Strings.of(batch.column("text").take(pa.array(rows)))
        numbers, cuts = _numbers(
            texts.data, texts.offsets, points, lower, words.keys, words.index, words.shift
        )
        windows = np.diff(cuts) // options.window
        windows[(windows == 0) & (np.diff(cuts) > 0)] = 1
        parts = model.probabilities(numbers, window_cuts(cuts, windows))
        whole = np.where(windows, model.probabilities(numbers, cuts), 0.0)
        out = np.zeros((3, len(batch)))
        out[:, rows] = whole, _highest(parts, windows), shares(_sums(parts >= TOXIC, windows), windows)
        count = np.zeros(len(batch), np.int32)
        count[rows] = windows
        return [*map(pa.array, out), pa.array(count)]

    return measure


def window_cuts(cuts: Offsets, windows: NDArray[np.int64]) -> Offsets:
    """The bounds, [sum of windows + 1], of the windows of each text: as long as each other, but for a word.

    cuts   [n + 1], the first word of each text; `windows`, [n], how many it has: none where it has no word
    """
    owners = np.repeat(np.arange(len(windows)), windows)
    place = np.arange(len(owners)) - (np.cumsum(windows) - windows)[owners]
    inner = cuts[owners] + np.diff(cuts)[owners] * place // windows[owners]
    return np.append(inner, cuts[-1])


def _sums(values: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of as many values as each text has, [n]."""
    return totals(np.append(0, np.cumsum(counts)), values)


def _highest(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of as many values as each text has, [n]; 0 for none."""
    out = np.zeros(len(counts))
    np.maximum.at(out, np.repeat(np.arange(len(counts)), counts), values)
    return out


def fingerprint(options: ToxicityOptions) -> str:
    """The model's files, and the version of Unicode that says what a letter is."""
    del options
    whole = hashlib.sha256(unicode_tables.VERSION.encode())
    for name in (VECTORIZER, CLASSIFIER):
        whole.update(_file(name).read_bytes())
    return whole.hexdigest()


def configured(options: ToxicityOptions) -> Stage:
    reads = ("text",) if options.language == ANY else ("text", "language")
    return replace(STAGE, reads=reads, of=None)


def seeks(options: ToxicityOptions) -> Mapping[str, Collection[str]]:
    return {} if options.language == ANY else {"language": (options.language,)}


def _fixed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


@cache
def _word_points() -> Classes:
    """[1114112] uint8, 1: `\\w` of Python's regular expressions."""
    bits = unicode_tables.classes()
    table: Classes = ((bits & (unicode_tables.LETTER | unicode_tables.DIGIT)) != 0).astype(np.uint8)
    table[ord("_")] = 1
    table.setflags(write=False)
    return table


def _hashes_of(words: Sequence[str]) -> Hashes:
    """Of words in lower case, as `_numbers` hashes them."""
    found = []
    for word in words:
        state = int(SEED)
        for char in word:
            state = (state ^ ord(char)) * int(MULTIPLIER) & (1 << 64) - 1
        found.append(state)
    return mix_array(np.array(found, np.uint64))


@kernel
def _numbers(
    data: Bytes,
    offsets: Offsets,
    points: Classes,
    lowered: Folds,
    keys: Hashes,
    index: Index,
    shift: np.uint64,
) -> tuple[NDArray[np.int32], Offsets]:
    """The words in lower case, `\\b\\w\\w+\\b`: the number of each, -1: not in the vocabulary.

    The lower case of İ is two characters, of which the second is of no word.
    """
    n = len(offsets) - 1
    numbers = np.empty((offsets[n] - offsets[0]) // 3 + n, np.int32)  # two letters and what parts them
    cuts = np.zeros(n + 1, np.int64)
    count = 0
    for i in range(n):
        at, end = offsets[i], offsets[i + 1]
        state, chars = SEED, 0
        while True:
            inside = ends = False
            if at < end:
                point, at = decode(data, at, end)
                inside = points[point] != 0
                if inside:
                    state = (state ^ np.uint64(lowered[point])) * MULTIPLIER
                    chars += 1
                    ends = point == DOTTED_I
            if not inside or ends:
                if chars > 1:
                    numbers[count] = find(keys, index, shift, mix64(state))
                    count += 1
                state, chars = SEED, 0
                if not inside and at >= end:
                    break
        cuts[i + 1] = count
    return numbers[:count], cuts


@kernel
def _answers(
    numbers: NDArray[np.int32], cuts: Offsets, idf: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each model says of each text, without its bias, [n, m]."""
    n, many = len(cuts) - 1, weights.shape[1]
    out = np.zeros((n, many))
    times = np.zeros(len(idf), np.int32)
    for i in range(n):
        squared = 0.0
        for at in range(cuts[i], cuts[i + 1]):
            word = numbers[at]
            if word >= 0:
                # (t + 1)² = t² + 2t + 1
                squared += idf[word] * idf[word] * (2 * times[word] + 1)
                times[word] += 1
                for k in range(many):
                    out[i, k] += weights[word, k]
        for at in range(cuts[i], cuts[i + 1]):
            if numbers[at] >= 0:
                times[numbers[at]] = 0
        if squared > 0:
            for k in range(many):
                out[i, k] /= np.sqrt(squared)
    return out


STAGE = Stage(
    "toxicity",
    reads=("text", "language"),
    adds=pa.schema(COLUMNS),
    open=open_toxicity,
    options=ToxicityOptions,
    about="rude, obscene or hateful English, of the whole page and of its windows, by a packaged model",
    paper="the model of alt-profanity-check; its tweets are those of Davidson et al. 2017, arXiv:1703.04009",
    fingerprint=fingerprint,
    of=configured,
    seeks=seeks,
)
