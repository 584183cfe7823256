"""Scores of a classifier that `winnow train` made: columns named after the model

    - classify: models/edu                           edu_score, edu_label
    - classify: {model: models/edu, name: edu_old}   edu_old_score, edu_old_label
    - classify: {model: models/topic, labels: 2}     topic_second and its probability too

What the score is, model.yaml says: the probability of one label, a grade (the labels' numbers times their
probabilities), the probability of the likeliest label, or the number of a regression. The label is the
likeliest one. A text without a word, or of which the model knows nothing, has the least score that the model
can give, and "" as its label.

The step stands once for each model; no rule is published, since a threshold belongs to a model: its card
has the precision and recall at each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator

from classifiers import scorer
from classifiers.model import Answers, Model, check_files, digest, load_model, scores
from classifiers.shipped import PREFIX, folder_of
from pipeline.batch import Batch
from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.stage import NOT_HASHED, Listed, Measure, Stage, column
from pipeline.stage import Options as StageOptions

UNDECIDED = ""


class Options(StageOptions):
    """Which model, and what of its answers becomes a column."""

    short: ClassVar[str] = "model"

    model: str = Field(
        min_length=1,
        description="folder that `winnow train` wrote, on this machine; winnow:NAME comes with winnow",
    )
    name: str = Field(
        default="",
        pattern="^([a-z][a-z0-9_]*)?$",
        description="what the columns are named after; the model's own name if none is given",
    )
    labels: int = Field(
        default=1,
        ge=0,
        le=2,
        description="labels of a document that are kept: the likeliest (NAME_label), and the next one with "
        "its probability (NAME_second, NAME_second_score)",
    )
    probabilities: Listed = Field(
        default=(),
        description="labels whose probabilities become columns as well: NAME_LABEL_probability",
    )
    gpus: Annotated[float, NOT_HASHED] = Field(
        default=0.0,
        ge=0,
        le=64,
        description="GPUs that a worker on Ray has to itself, a part of one as well (0.25); without any the "
        "model runs on the CPU",
    )

    @field_validator("model")
    @classmethod
    def _is_local(cls, model: str) -> str:
        if "://" in model:
            raise ValueError(f"found {model!r}; expected a folder on this machine: fetch the model first")
        return model if model.startswith(PREFIX) else str(Path(model).expanduser())


def of(options: Options) -> Stage:
    """The stage for one model; PlanError where the folder holds none."""
    model = load_model(folder_of(options.model))
    return replace(
        STAGE,
        adds=pa.schema(_columns(options, model)),
        code=(scorer.module_of(model),),
        gpus=options.gpus,
        of=None,
    )


def _columns(options: Options, model: Model) -> list[pa.Field]:
    name = options.name or model.name
    unit, about = _SCORES[model.score]
    found = [column(f"{name}_score", pa.float64(), unit, about.format(positive=model.positive))]
    if model.labels and options.labels:
        found.append(column(f"{name}_label", pa.string(), about="the likeliest; empty where undecided"))
    if model.labels and options.labels == 2:
        found.append(column(f"{name}_second", pa.string(), about="the next label; empty where undecided"))
        found.append(column(f"{name}_second_score", pa.float64(), "probability", "of the next label"))
    for label in options.probabilities:
        if label not in model.labels:
            raise PlanError(
                f"step 'classify': probabilities: model {model.name!r} has no label {label!r}; "
                f"{choose(label, model.labels)}"
            )
        found.append(
            column(f"{name}_{_plain(label)}_probability", pa.float64(), "probability", f"of {label}")
        )
    names = [field.name for field in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PlanError(
            f"step 'classify': probabilities: two labels of model {model.name!r} would both be column "
            f"{twice[0]!r}; leave one out"
        )
    return found


_SCORES: Mapping[str, tuple[str, str]] = {
    "probability": ("probability", "of the label {positive}; 0 where undecided"),
    "expected": ("grade", "labels times their probabilities; the least one where undecided"),
    "top": ("probability", "of the likeliest label; 0 where undecided"),
    "value": ("grade", "as the model's regression gives it; the least one where undecided"),
}


def _plain(label: str) -> str:
    """The label as part of a column's name."""
    return "".join(c if c.isalnum() else "_" for c in label.casefold())


def _least(model: Model) -> float:
    """The least score that the model can give."""
    if model.score == "value":
        assert model.range is not None
        return model.range[0]
    return min(map(float, model.labels)) if model.score == "expected" else 0.0


def open_classify(options: Options) -> Measure:
    """Loads the model; PlanError where a file of it is missing or not what model.yaml says."""
    folder = folder_of(options.model)
    model = load_model(folder)
    score = scorer.open_scorer(folder, model)
    labels = pa.array([*model.labels, UNDECIDED], pa.string())
    shown = [model.labels.index(label) for label in options.probabilities]
    least = _least(model)

    def measure(batch: Batch) -> Sequence[pa.Array]:
        answers = score(scorer.prepared(batch.column("text"), model.lowercase))
        answers[_blank(batch)] = np.nan
        known = np.asarray(np.isfinite(answers).all(axis=1))
        found: list[pa.Array] = [pa.array(np.where(known, scores(model, answers), least))]
        if model.labels and options.labels:
            order = np.argsort(-answers, axis=1, kind="stable")[:, : options.labels]
            likely = np.where(known[:, None], order, len(model.labels))
            found.append(labels.take(pa.array(likely[:, 0])))
            if options.labels == 2:
                second = np.take_along_axis(answers, order[:, 1:2], axis=1)[:, 0]
                found += [labels.take(pa.array(likely[:, 1])), _probability(second, known)]
        return found + [_probability(answers[:, at], known) for at in shown]

    return measure


def _blank(batch: Batch) -> NDArray[np.bool_]:
    """Texts without anything but white space, [n]: of the end of a line alone fastText would have a view."""
    text = batch.column("text").fill_null("")
    return np.asarray(pc.or_(pc.utf8_is_space(text), pc.equal(pc.binary_length(text), 0)))


def _probability(values: Answers, known: NDArray[np.bool_]) -> pa.Array:
    return pa.array(np.where(known, values.astype(np.float64), 0.0))


def fingerprint(options: Options) -> str:
    """The model by name and content: it stands in the manifest of every run."""
    folder = folder_of(options.model)
    model = load_model(folder)
    check_files(folder, model)
    besides = scorer.fingerprint(folder, model)
    return f"{model.name} sha256:{digest(folder)}{'; ' if besides else ''}{besides}"


STAGE = Stage(
    "classify",
    reads=("text",),
    adds=pa.schema([]),  # of a model: `of`
    open=open_classify,
    options=Options,
    about="scores and labels of a classifier that `winnow train` made",
    expensive=True,
    fingerprint=fingerprint,
    of=of,
)
