"""A fastText model of languages, and whether the letters of a text allow its answer.

A model of character n-grams answers for every text, also for one in a script that it has never seen. An
answer is possible where letters of a script that the language is written in are among the text's, at least
one in twenty: a Latin abbreviation in a Chinese line does not make it English.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from classifiers.language_labels import Label, understood
from pipeline.errors import PlanError
from text import scripts_table as tables
from text.fasttext import UNKNOWN, FastText
from text.jit import kernel
from text.scripts_table import CODES, FIRST, Scripts
from text.strings import Bytes, Offsets
from text.utf8 import decode

UNDETERMINED = "und"
LEAST = 0.05  # share of a text's letters that a possible language can have
_BLOCK = 32  # bytes that are looked at together: most are ASCII

Labels = NDArray[np.int32]


class Identified(NamedTuple):
    """Of n texts, [n] each.

    language   place in `LanguageModel.languages`; the last one, und, where no answer is possible
    score      the model's probability of it, 0 for und
    second     the likeliest other language, und where there is none, and its probability: where the model's
               first answer was not possible, that one
    script     place in `LanguageModel.scripts`: the label's, or else that of `main`
    main       the same, of most letters that the answer allows, or of most where there is none
    fits       whether the model's first answer is possible
    letters    that belong to one script
    """

    language: Labels
    score: NDArray[np.float64]
    second: Labels
    second_score: NDArray[np.float64]
    script: Labels
    main: NDArray[np.int64]
    fits: NDArray[np.bool_]
    letters: NDArray[np.int64]


class LanguageModel:
    """A loaded model.

    languages   their codes in order, each once, und the last
    scripts     ISO 15924 codes: of letters, as `text.scripts_table` numbers them, Zyyy for none, and those
                of the model's labels
    """

    def __init__(self, path: str, step: str, plain: bool = False, script_check: bool = True) -> None:
        """PlanError, naming the step, where the file is no model.

        plain          languages are called as the model's labels are, which say no script
        script_check   the answer is the likeliest language that is possible
        """
        try:
            self._model = FastText(path)
        except ValueError as fault:
            raise PlanError(f"stage {step}: {fault}") from fault
        names = self._model.labels
        labels = [Label(name, "", ()) for name in names] if plain else understood(names)
        self._check = script_check
        codes = sorted({label.language for label in labels} - {UNDETERMINED})
        self.languages = [*codes, UNDETERMINED]
        places = {code: place for place, code in enumerate(self.languages)}
        # By label; the last is that of UNKNOWN, -1.
        self._language = np.array([*(places[label.language] for label in labels), len(codes)], np.int32)
        # Labels are asked for until there is another language than the first one's.
        self._best = min(1 + int(np.bincount(self._language[:-1]).max()), len(labels))
        unknown = [""] * FIRST  # no letter, or one of no script: Zyyy
        unknown[0] = unknown[1] = tables.UNDETERMINED
        own = sorted({label.script for label in labels} - {""})
        self.scripts = [*unknown, *CODES, *own]
        first_own = FIRST + len(CODES)
        self._script = np.array(
            [first_own + own.index(label.script) if label.script else -1 for label in labels] + [-1], np.int32
        )
        self._bounds = np.zeros(len(labels) + 1, np.int64)
        np.cumsum([len(label.scripts) for label in labels], out=self._bounds[1:])
        numbers = [FIRST + CODES.index(script) for label in labels for script in label.scripts]
        self._numbers = np.array(numbers, np.int64)

    def identify(self, data: Bytes, firsts: Offsets, lasts: Offsets, seconds: bool = True) -> Identified:
        """The languages of the texts `data[firsts[i]:lasts[i]]`, valid UTF-8.

        seconds   false: the second languages are not asked for, and und
        """
        best = self._best if seconds else 1
        found, scores = self._model.predict_spans(data, firsts, lasts, best)
        place, main, letters = self._possible(data, firsts, lasts, found)
        fits = place == 0
        if self._check:
            again = np.flatnonzero((place < 0) & (letters > 0) & (found[:, 0] != UNKNOWN))
            whole = np.where(place < 0, UNKNOWN, found[np.arange(len(found)), place])
            score = np.where(place < 0, 0, scores[np.arange(len(found)), place])
            if len(again) and best < len(self._model.labels):
                every, chances = self._model.predict_spans(
                    data, firsts[again], lasts[again], len(self._model.labels)
                )
                at, main[again], _ = self._possible(data, firsts[again], lasts[again], every)
                rows = np.arange(len(again))
                whole[again] = np.where(at < 0, UNKNOWN, every[rows, at])
                score[again] = np.where(at < 0, 0, chances[rows, at])
        else:
            whole, score = found[:, 0], scores[:, 0]
        language = self._language[whole]
        others = (self._language[found] != language[:, None]) & (found != UNKNOWN)
        other = others.argmax(axis=1)
        rows = np.arange(len(found))
        known = others[rows, other]
        named = self._script[whole]
        return Identified(
            language,
            score.astype(np.float64),
            np.where(known, self._language[found[rows, other]], self._language[UNKNOWN]).astype(np.int32),
            np.where(known, scores[rows, other], 0).astype(np.float64),
            np.where(named >= 0, named, main).astype(np.int32),
            main,
            fits,
            letters,
        )

    def names(self, places: Labels) -> pa.Array:
        """The codes of languages."""
        return pa.array(self.languages, pa.string()).take(pa.array(places))

    def _possible(
        self, data: Bytes, firsts: Offsets, lasts: Offsets, found: Labels
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        return first_possible(
            data,
            _readonly(firsts),
            _readonly(lasts),
            tables.scripts(),
            found if self._check else np.ascontiguousarray(found[:, :1]),
            self._bounds,
            self._numbers,
        )


def _readonly(places: Offsets) -> Offsets:
    view = places.view()
    view.flags.writeable = False  # Numba compiles anew for what can be written
    return view


@kernel
def first_possible(
    data: Bytes,
    firsts: Offsets,
    lasts: Offsets,
    scripts: Scripts,
    labels: Labels,
    bounds: NDArray[np.int64],
    numbers: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each text, the place of the first possible one of its labels, [n, k] UNKNOWN behind the last one, or
    -1; the number of the script of most letters, among that label's scripts or else among all; its letters.

    bounds, numbers   label i is of the scripts numbers[bounds[i]:bounds[i + 1]], of every one where none is
    """
    n = len(firsts)
    place = np.full(n, -1, np.int64)
    main = np.zeros(n, np.int64)
    letters = np.zeros(n, np.int64)
    counts = np.zeros(FIRST + len(CODES), np.int64)
    latin = scripts[65]
    for i in range(n):
        counts[:] = 0
        at, end = firsts[i], lasts[i]
        plain = run = 0
        last = latin
        while at < end:
            if at + _BLOCK <= end:
                high = np.uint8(0)
                seen = 0
                start = np.uint64(at)
                for k in range(_BLOCK):
                    byte = data[start + np.uint64(k)]
                    high |= byte
                    seen += int(np.uint8((byte | np.uint8(32)) - np.uint8(97)) < np.uint8(26))
                if high < 128:
                    plain += seen
                    at += _BLOCK
                    continue
            until = min(at + _BLOCK, end)
            while at < until:
                point, at = decode(data, at, end)
                number = scripts[point]
                if number == last:  # counted in a register: a text is of one script, mostly
                    run += 1
                elif number >= FIRST:
                    counts[last] += run
                    last, run = number, 1
        counts[last] += run
        counts[latin] += plain
        total = counts.sum()
        letters[i] = total
        if total == 0:
            continue
        main[i] = counts.argmax()
        for k in range(labels.shape[1]):
            label = labels[i, k]
            if label < 0:
                break
            own, most = total, main[i]
            for j in range(bounds[label], bounds[label + 1]):
                number = numbers[j]
                if j == bounds[label]:
                    own, most = counts[number], number
                    continue
                own += counts[number]
                if counts[number] > counts[most]:
                    most = number
            if own > 0 and own >= LEAST * total:
                place[i], main[i] = k, most
                break
    return place, main, letters
