"""Thresholds per language: numbers of a file that a person edits, as columns that rules compare with.

    - thresholds: {file: thresholds.yaml}
    - rules: {letters: gopher_words_with_letter < threshold_words_with_letter}

The file maps languages, named as column `language` has them, to numbers by name; each name gives a
column `threshold_NAME`, which holds the number of the row's language:

    default: {words_with_letter: 0.79}
    de: {words_with_letter: 0.774}

What a language lacks it takes from `default`, and so does a language that is not in the file, or a row
without one. `fineweb2` is FineWeb-2's table, which comes with winnow (`thresholds_fineweb2.yaml`);
`winnow thresholds OUTPUT` writes one from the signals of a finished run, `SIGNALS` below unless told
otherwise (docs/languages.md).
"""

import hashlib
import math
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from pipeline import marks
from pipeline.batch import Batch
from pipeline.errors import PlanError
from pipeline.faults import choose, show
from pipeline.stage import Measure, Stage, column
from pipeline.stage import Options as StageOptions
from pipeline.thresholds import DEFAULT, MEAN_STD, QUANTILE, SCORE, TAIL, Signal

HERE = Path(__file__).parent
SHIPPED = tuple(sorted(file.stem.removeprefix("thresholds_") for file in HERE.glob("thresholds_*.yaml")))
PREFIX = "threshold_"
NAME = re.compile(r"[a-z][a-z0-9_]*")

# What FineWeb-2 sets per language, with FineWeb's English number and the method that it chose for it
# (Penedo et al. 2025, 4.4.2 and table 25). FineWeb-2 took Quantile and 10Tail over Wikipedia, MeanStd
# over Common Crawl.
SIGNALS = (
    Signal("language_score", "language_score", "<", 0.65, SCORE),
    Signal("min_word_length", "gopher_mean_word_length", "<", 3, QUANTILE),
    Signal("max_word_length", "gopher_mean_word_length", ">", 10, QUANTILE),
    Signal("words_with_letter", "gopher_words_with_letter", "<", 0.8, QUANTILE),
    Signal("line_punctuation", "fineweb_line_punctuation", "<", 0.12, TAIL),
    Signal("line_breaks_per_word", "fineweb_line_breaks_per_word", ">", 0.3, TAIL),
    Signal("duplicate_lines", "gopher_repetition_duplicate_lines", ">", 0.3, MEAN_STD),
    Signal("top_2_gram", "gopher_repetition_top_2_gram", ">", 0.2, MEAN_STD),
    Signal("top_3_gram", "gopher_repetition_top_3_gram", ">", 0.18, MEAN_STD),
    Signal("top_4_gram", "gopher_repetition_top_4_gram", ">", 0.16, MEAN_STD),
    Signal("duplicate_5_grams", "gopher_repetition_duplicate_5_grams", ">", 0.15, MEAN_STD),
    Signal("duplicate_6_grams", "gopher_repetition_duplicate_6_grams", ">", 0.14, MEAN_STD),
    Signal("duplicate_7_grams", "gopher_repetition_duplicate_7_grams", ">", 0.13, MEAN_STD),
    Signal("duplicate_8_grams", "gopher_repetition_duplicate_8_grams", ">", 0.12, MEAN_STD),
    Signal("duplicate_9_grams", "gopher_repetition_duplicate_9_grams", ">", 0.11, MEAN_STD),
    Signal("duplicate_10_grams", "gopher_repetition_duplicate_10_grams", ">", 0.1, MEAN_STD),
)

Table = Mapping[str, Mapping[str, float]]


class Options(StageOptions):
    """Whose numbers."""

    file: str = Field(
        default="fineweb2",
        min_length=1,
        description=f"YAML of numbers by language: its path, or one of winnow's own: {', '.join(SHIPPED)}",
    )


def path_of(options: Options) -> str:
    """The file that the options mean. PlanError where there is none."""
    if options.file in SHIPPED:
        return str(HERE / f"thresholds_{options.file}.yaml")
    path = os.path.expanduser(options.file)
    if not os.path.isfile(path):
        raise PlanError(
            f"step 'thresholds': no file {path!r}; expected a YAML of numbers by language on this machine "
            f"('winnow thresholds OUTPUT' writes one), or one of winnow's own: {', '.join(SHIPPED)}"
        )
    return path


def load(path: str) -> Table:
    """Numbers by language and name, each language with all names, `default` among the languages.

    PlanError with the line of what is not as it should be.
    """
    marked = marks.load(path)
    if not isinstance(marked.data, dict) or not marked.data:
        raise PlanError(f"expected languages with their numbers, found {show(marked.data)}", path)
    for language, numbers in marked.data.items():
        if not isinstance(numbers, dict) or not numbers:
            raise _fault(marked, (language,), f"language {language!r}: expected numbers by name", numbers)
        for name, number in numbers.items():
            _check(marked, language, name, number)
    default = marked.data.get(DEFAULT, {})
    for language, numbers in marked.data.items():
        for name in numbers:
            if name not in default:
                _refuse(marked, language, name)
    return {
        language: {name: float(number) for name, number in (default | numbers).items()}
        for language, numbers in ({DEFAULT: default} | marked.data).items()
    }


def _refuse(marked: marks.Marked, language: str, name: str) -> NoReturn:
    """`name` stands under `language`, and not under `default`."""
    lacking = [other for other, numbers in marked.data.items() if name not in numbers and other != DEFAULT]
    which = f"language {lacking[0]!r} and those" if lacking else "languages"
    spelled = choose(name, list(marked.data.get(DEFAULT, {})))
    raise PlanError(
        f"{name!r} has a number for {language!r}, but {which} that are not in the file have none: put one "
        f"under {DEFAULT!r}{'; ' + spelled if spelled.startswith('did') else ''}",
        *marked.mark((language, name)),
    )


def _check(marked: marks.Marked, language: str, name: str, number: Any) -> None:
    at = (language, name)
    if not NAME.fullmatch(name):
        raise _fault(
            marked, at, f"language {language!r}: expected a name of small letters, digits and _", name
        )
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise _fault(marked, at, f"language {language!r}: {name}: expected a number", number)


def _fault(marked: marks.Marked, at: tuple[str, ...], message: str, found: Any) -> PlanError:
    return PlanError(f"{message}, found {show(found)}", *marked.mark(at))


def language_names() -> dict[str, str]:
    """English names of languages by code, for the comments of a file."""
    lines = (HERE / "stop_words.tsv").read_text("utf-8").splitlines()
    cells = [line.split("\t") for line in lines if not line.startswith("#")]
    return {code: name for code, name, *_ in cells}


def of(options: Options) -> Stage:
    """The stage with the columns of the options' file."""
    return replace(STAGE, adds=_columns(options), of=None)


def _columns(options: Options) -> pa.Schema:
    table = load(path_of(options))
    about = f"of the row's language, {len(table) - 1} in {options.file}"
    return pa.schema([column(PREFIX + name, pa.float64(), about=about) for name in table[DEFAULT]])


def open_thresholds(options: Options) -> Measure:
    table = load(path_of(options))
    languages = pa.array([language for language in table if language != DEFAULT], pa.string())
    # Behind the languages of the file, for all others, `default`.
    ordered = [*languages.to_pylist(), DEFAULT]
    numbers = [np.array([table[language][name] for language in ordered]) for name in table[DEFAULT]]

    def measure(batch: Batch) -> Sequence[pa.Array]:
        places = pc.index_in(batch.column("language").cast(pa.string()), languages)
        rows = pc.fill_null(places, len(languages)).to_numpy(zero_copy_only=False)
        return [pa.array(values[rows]) for values in numbers]

    return measure


def fingerprint(options: Options) -> str:
    """The file's contents: other numbers, other columns."""
    with open(path_of(options), "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def seeks(options: Options) -> Mapping[str, Collection[str]]:
    """The languages of the file."""
    return {"language": [language for language in load(path_of(options)) if language != DEFAULT]}


STAGE = Stage(
    "thresholds",
    reads=("language",),
    adds=_columns(Options()),  # of another file: `of`
    open=open_thresholds,
    options=Options,
    about="numbers of a file by language, as columns threshold_… that rules compare with",
    paper="Penedo et al. 2025, FineWeb2, section 4.4.2, arXiv:2506.20920",
    fingerprint=fingerprint,
    of=of,
    seeks=seeks,
)
