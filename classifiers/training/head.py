"""A head on frozen embeddings, trained by scikit-learn: FineWeb-Edu's form.

Penedo et al. 2024, arXiv:2406.17557, section 4.

A regression is ridge regression, classes are told apart by multinomial logistic regression; with `hidden`
either stands on a layer of rectified units (Adam, stopped where the validation side gets no better). How
strongly weights are held back is chosen by the validation side, and where that is small by folds of the
training side too. Every dimension is centred and scaled for the training, and the head that is written takes
the vectors as they are. One thread and a seed: the same bytes on the same machine.
"""

import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator

from classifiers.kinds.embedding import PROBE, STATIC, Layers, answers, save_head
from classifiers.model import Model
from classifiers.scorer import prepared
from classifiers.training.loss import losses, validation_loss, weighted_mean
from classifiers.training.split import fold
from classifiers.training.task import Examples, Task
from embedding.embed import Embed, Vectors, fingerprint, identity
from embedding.kept import kept
from embedding.static import CARD, TABLE, TOKENIZER
from pipeline.errors import PlanError
from pipeline.stage import NOT_HASHED, Options

LINEAR = (1e4, 1e3, 300.0, 100.0, 30.0, 10.0, 1.0, 0.1)
HIDDEN = (10.0, 1.0, 0.1, 1e-3)
_NEVER = -1e30  # to a label that no example has
_ENOUGH, _FOLDS = 500, 5  # examples that suffice to choose by; folds of the others, where they do not
_ROUNDS = 1000  # of logistic regression, at most; some hundred are usual
_STEPS = 50  # of an epoch of a hidden layer, where examples suffice
_FEWEST, _MOST = 16, 256  # examples of a step
_STILL = 1e-6  # a dimension that varies no more is left as it is

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]


class HeadOptions(Options):
    """Options of a head."""

    embed: Embed = Field(
        description="what makes the vectors: {static: FOLDER}, {model: NAME} or {endpoint: URL, model: NAME}"
    )
    hidden: int = Field(default=0, ge=0, le=8192, description="units of a hidden layer; 0: a linear head")
    strength: float | None = Field(
        default=None,
        gt=0,
        description="how strongly weights are held back: alpha of a regression or a hidden layer, 1/C of "
        "logistic regression; default: whichever of some is best on texts that it was not trained on",
    )
    epochs: int = Field(default=200, ge=1, description="of a hidden layer, at most")
    patience: int = Field(
        default=10, ge=1, description="epochs without a better validation side after which it stops"
    )
    vectors: Annotated[str | None, NOT_HASHED] = Field(
        default=None,
        description="folder that keeps the vectors of a model or server for the next training",
    )

    @field_validator("embed")
    @classmethod
    def _is_there(cls, embed: Embed) -> Embed:
        try:
            fingerprint(embed)
        except PlanError as fault:
            raise ValueError(str(fault)) from fault
        return embed


OPTIONS = HeadOptions


def fit(train: Examples, validation: Examples, task: Task, options: HeadOptions, folder: Path) -> Model:
    """See classifiers/training/task.py. PlanError where nothing can be learnt."""
    embedder = kept(options.embed, options.vectors)
    vectors, control = (embedder(prepared(each.texts, task.lowercase)) for each in (train, validation))
    layers, found = learn(vectors, train, control, validation, task, options)
    save_head(folder, layers, embedder(pa.array(PROBE, pa.large_string())) if embedder.slow else None)
    embed = options.embed.model_dump(mode="json", exclude_defaults=True, exclude={"batch", "device"})
    if options.embed.static is not None:
        embed["static"] = STATIC
        _copy_table(Path(options.embed.static).expanduser(), folder / STATIC)
    return task.model(
        "embedding",
        options={"embed": embed, "embedding": identity(options.embed)},
        trained={
            "embedding": options.embed.static or options.embed.model,
            "hidden": options.hidden,
            **found,
            "libraries": {"scikit-learn": version("scikit-learn")},
        },
    )


def _copy_table(table: Path, folder: Path) -> None:
    """The model is to be one folder: a table is small, some 15 MB."""
    folder.mkdir()
    for name in (TABLE, TOKENIZER, CARD):
        if (table / name).is_file():
            shutil.copyfile(table / name, folder / name)


def learn(
    vectors: Vectors,
    train: Examples,
    control: Vectors,
    validation: Examples,
    task: Task,
    options: HeadOptions,
) -> tuple[Layers, dict[str, Any]]:
    """The head that is best on the validation side, and how it came about.

    vectors, control   of the examples for training and for validation, [n, dimensions]
    PlanError where the examples are of one label alone, or no text has a word that is embedded.
    """
    from threadpoolctl import threadpool_limits

    seen: NDArray[np.bool_] = np.any(vectors != 0, axis=1)
    vectors, train = vectors[seen], train.take(seen)
    _check(train, validation, task)
    centre, scale = vectors.mean(axis=0, dtype=np.float64), vectors.std(axis=0, dtype=np.float64)
    scale[scale < _STILL] = 1.0
    inputs = (vectors - centre) / scale

    def head(layers: Layers) -> Layers:
        """The layers for vectors that are neither centred nor scaled."""
        (weights, bias), *others = layers
        plain = weights / scale[:, None]
        return tuple(
            (w.astype(np.float32), b.astype(np.float32)) for w, b in [(plain, bias - centre @ plain), *others]
        )

    def each(layers: Layers, rows: Vectors, examples: Examples) -> Numbers:
        return losses(answers(rows, head(layers), not task.regression), examples, task)

    best: Layers | None = None
    means: dict[str, float] = {}
    found: dict[str, Any] = {}
    inner = [] if options.hidden or options.strength else _inner(train, validation, task)
    weights = np.concatenate([validation.weights, *(train.weights[out] for out in inner)])
    with threadpool_limits(1):  # a sum that threads share may come out otherwise
        for strength in [options.strength] if options.strength else HIDDEN if options.hidden else LINEAR:
            if options.hidden:
                layers, epochs = _mlp(inputs, train, control, validation, task, options, strength, head)
            else:
                layers, epochs = _linear(inputs, train, task, strength), 0
            parts = [each(layers, control, validation)]
            for out in inner:
                one = _linear(inputs[~out], train.take(~out), task, strength)
                parts.append(each(one, vectors[out], train.take(out)))
            reached = means[f"{strength:g}"] = round(weighted_mean(np.concatenate(parts), weights), 6)
            if best is None or reached < found["loss"]:
                best = head(layers)
                found = {"strength": strength, "loss": reached, **({"epochs": epochs} if epochs else {})}
    assert best is not None
    return best, {**found, "losses": means}


def _inner(train: Examples, validation: Examples, task: Task) -> list[NDArray[np.bool_]]:
    """Folds of the training side that are left out in turn, where the validation side is too small to choose
    by alone; by group, as the sides are."""
    names = train.groups
    if names is None:
        names = pa.array([str(at) for at in range(len(train))], pa.string())
    if len(validation) >= _ENOUGH or len(pc.unique(names)) < 2 * _FOLDS:
        return []
    at = fold(names, _FOLDS, task.seed)
    found = [at == number for number in range(_FOLDS)]
    whole = all(task.regression or len(np.unique(train.labels[~out])) > 1 for out in found)
    return [out for out in found if out.any()] if whole else []


def _check(train: Examples, validation: Examples, task: Task) -> None:
    if not len(train) or not len(validation):
        side = "validation" if len(train) else "training"
        raise PlanError(
            f"training of {task.name}: no text of the {side} side has a word that is embedded; look at the "
            "texts, or take a table or model that knows their language"
        )
    if not task.regression and len(np.unique(train.labels)) < 2:
        raise PlanError(
            f"training of {task.name}: the training side has but one label, "
            f"{task.labels[train.labels[0]]!r}; a head needs texts of two or more"
        )


def _linear(inputs: Numbers, train: Examples, task: Task, strength: float) -> Layers:
    from sklearn.linear_model import LogisticRegression, Ridge

    if task.regression:
        ridge = Ridge(alpha=strength, solver="cholesky").fit(inputs, train.targets, train.weights)
        return ((ridge.coef_[:, None], np.array([ridge.intercept_])),)
    model = LogisticRegression(C=1 / strength, max_iter=_ROUNDS).fit(inputs, train.labels, train.weights)
    return (_of_labels(model.coef_.T, model.intercept_, model.classes_, task),)


def _of_labels(weights: Numbers, bias: Numbers, classes: Labels, task: Task) -> tuple[Numbers, Numbers]:
    """A layer with a unit for each label of the task, from one that has them for the labels found, or for the
    second of two alone."""
    if weights.shape[1] == 1:
        weights, bias = np.hstack([0 * weights, weights]), np.append(0.0, bias)
    every = np.zeros((len(weights), len(task.labels))), np.full(len(task.labels), _NEVER)
    every[0][:, classes], every[1][classes] = weights, bias
    return every


def _mlp(
    inputs: Numbers,
    train: Examples,
    control: Vectors,
    validation: Examples,
    task: Task,
    options: HeadOptions,
    strength: float,
    head: Callable[[Layers], Layers],
) -> tuple[Layers, int]:
    """The layers of the best epoch, and which one that was."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    labels = np.arange(len(task.labels))
    middle = float(np.average(train.targets, weights=train.weights)) if task.regression else 0.0
    model = (MLPRegressor if task.regression else MLPClassifier)(
        hidden_layer_sizes=(options.hidden,),
        alpha=strength,
        batch_size=min(max(_FEWEST, len(inputs) // _STEPS), _MOST, len(inputs)),
        random_state=np.random.RandomState(task.seed),  # goes on from epoch to epoch
    )
    best: tuple[float, Layers, int] | None = None
    for epoch in range(1, options.epochs + 1):
        if task.regression:
            model.partial_fit(inputs, train.targets - middle, sample_weight=train.weights)
        else:
            model.partial_fit(inputs, train.labels, sample_weight=train.weights, classes=labels)
        weights, bias = model.coefs_[-1], model.intercepts_[-1] + middle
        last = (weights, bias) if task.regression else _of_labels(weights, bias, labels, task)
        layers = ((model.coefs_[0].copy(), model.intercepts_[0].copy()), (last[0].copy(), last[1].copy()))
        reached = validation_loss(answers(control, head(layers), not task.regression), validation, task)
        if best is None or reached < best[0]:
            best = reached, layers, epoch
        elif epoch - best[2] >= options.patience:
            break
    assert best is not None
    return best[1], best[2]
