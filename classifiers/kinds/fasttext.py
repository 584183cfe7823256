"""A classifier whose model is fastText's: read by the kernels of text/fasttext, without Python strings."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from classifiers.model import FASTTEXT, FILE, Answers, Model, Scorer
from pipeline.errors import PlanError
from text.fasttext import UNKNOWN, FastText
from text.fasttext.model_file import label_names, read_model
from text.strings import Strings

_SHOWN = 30  # labels in a message


def fingerprint(folder: Path, model: Model) -> str:
    """Nothing but the folder and winnow's own code decides the answers. PlanError as `open_scorer`, before
    the run."""
    about = _file(folder).stat()
    _check(folder, _labels(_file(folder).absolute(), about.st_mtime_ns, about.st_size), model)
    return ""


def open_scorer(folder: Path, model: Model) -> Scorer:
    """Loads model.bin; PlanError where it is missing, no model, or of other labels than model.yaml says."""
    try:
        fasttext = FastText(_file(folder))
    except (OSError, ValueError) as fault:
        raise PlanError(f"model {str(folder)!r}: {fault}") from fault
    _check(folder, fasttext.labels, model)
    place = np.array([model.labels.index(label) for label in fasttext.labels], np.int64)

    def score(texts: pa.Array) -> Answers:
        found, probabilities = fasttext.predict(Strings.of(texts), best=len(place))
        answers = np.full(found.shape, np.nan, np.float32)
        # fastText adds 1e-5 to what it takes the logarithm of, so that its probabilities may be above 1.
        np.put_along_axis(answers, place[found], np.minimum(probabilities, 1), axis=1)
        answers[found[:, 0] == UNKNOWN] = np.nan
        return answers

    return score


def _file(folder: Path) -> Path:
    file = folder / FASTTEXT
    if not file.is_file():
        raise PlanError(
            f"model {str(folder)!r}: there is no {FASTTEXT}; expected the whole folder that `winnow train` "
            "wrote"
        )
    return file


@cache
def _labels(file: Path, modified: int, size: int) -> Sequence[str]:
    """The labels of a model's file, which is checked once per process as long as it is not changed."""
    del modified, size
    try:  # the file is gone through, but nothing is made of its matrices
        return label_names(read_model(file))
    except (OSError, ValueError) as fault:
        raise PlanError(f"model {str(file.parent)!r}: {fault}") from fault


def _check(folder: Path, labels: Sequence[str], model: Model) -> None:
    if sorted(labels) != sorted(model.labels):
        raise PlanError(
            f"{folder / FILE}: labels {_some(model.labels)}, but {FASTTEXT} has {_some(sorted(labels))}; the "
            "two files are not of one training"
        )


def _some(labels: Sequence[str]) -> str:
    more = len(labels) - _SHOWN
    return ", ".join(labels[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
