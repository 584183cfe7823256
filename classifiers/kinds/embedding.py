"""A head over frozen sentence embeddings: FineWeb-Edu's form (Penedo et al. 2024, arXiv:2406.17557).

head.npz holds float32 arrays, and none that is pickled:

    weights_0, bias_0    [dimensions, units] and [units]; the last layer's units are the labels, or one of a
    weights_1, bias_1    regression. Between two layers stands a rectifier; inputs are not scaled, that is
                         in the weights
    probe                [2, dimensions]: the vectors of `PROBE` when it was trained, of models and servers

`options` of model.yaml: `embed`, what makes the vectors, a static table in a folder of the model itself; and
`embedding`, a hash of that table or model, so that a head is never put on vectors of another.

Layers are summed up row by row in one order, where a matrix product of a library would give a row other last
bits in other company.
"""

import itertools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from classifiers.kinds.softmax import fixed, softmax
from classifiers.model import HEAD, Answers, Model
from embedding.embed import Embed, Embedder, Vectors, identity
from embedding.embed import fingerprint as embedder_fingerprint
from embedding.kept import last_kept
from embedding.static import TABLE, TOKENIZER
from pipeline.errors import PlanError
from text.jit import kernel

STATIC = "embedding"  # folder of the static table, within the model's

PROBE = (
    "Water boils at a lower temperature on a mountain, because the air presses less on it.",
    "Log in to see your basket and 20 new offers!",
)
_ALIKE = 0.99  # cosine of a probe's vector and what it was; a GPU, bf16 or a quantised server stay above

Layers = tuple[tuple[NDArray[Any], NDArray[Any]], ...]


class HeadScorer:
    """Embedder and head. A text without anything to embed has NaN."""

    def __init__(self, embedder: Embedder, layers: Layers, classes: bool) -> None:
        """classes   answers are probabilities by label, else the number as it is"""
        self._embedder, self._classes = embedder, classes
        self._layers = tuple((fixed(weights), fixed(bias)) for weights, bias in layers)

    def __call__(self, texts: pa.Array) -> Answers:
        return answers(self._embedder(texts), self._layers, self._classes)


def answers(vectors: Vectors, layers: Layers, classes: bool) -> Answers:
    """The head's answers to vectors, [n, labels] or [n, 1]; NaN to a vector of zeros."""
    found = fixed(vectors)
    for at, (weights, bias) in enumerate(layers):
        found = fixed(_layer(found, weights, bias, at + 1 < len(layers)))
    found = softmax(found) if classes else found.copy()
    found[~vectors.any(axis=1)] = np.nan
    return found


@kernel
def _layer(inputs: Vectors, weights: Vectors, bias: Vectors, rectified: bool) -> Vectors:
    n, units = len(inputs), len(bias)
    out = np.empty((n, units), np.float32)
    for row in range(n):
        for unit in range(units):
            out[row, unit] = bias[unit]
        for i in range(inputs.shape[1]):
            value = inputs[row, i]
            for unit in range(units):
                out[row, unit] += value * weights[i, unit]
        if rectified:
            for unit in range(units):
                out[row, unit] = max(out[row, unit], np.float32(0))
    return out


def save_head(folder: Path, layers: Layers, probe: Vectors | None) -> None:
    """Writes head.npz; the same bytes for the same numbers."""
    arrays = {} if probe is None else {"probe": probe}
    for at, (weights, bias) in enumerate(layers):
        arrays |= {f"weights_{at}": weights, f"bias_{at}": bias}
    np.savez(folder / HEAD, **{name: np.ascontiguousarray(each, np.float32) for name, each in arrays.items()})  # type: ignore[arg-type]


def _load_head(folder: Path, model: Model) -> tuple[Layers, Vectors | None]:
    file = folder / HEAD
    try:
        with open(file, "rb") as content:
            if not zipfile.is_zipfile(content):  # NumPy would take it for a pickle
                raise zipfile.BadZipFile("no file of arrays, or not all of it")
            content.seek(0)
            with np.load(content, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile) as fault:
        raise PlanError(
            f"model {model.name}: {file} cannot be read ({fault}); expected what `winnow train --kind "
            "embedding` writes"
        ) from fault
    layers: list[tuple[NDArray[Any], NDArray[Any]]] = []
    while f"weights_{len(layers)}" in arrays and f"bias_{len(layers)}" in arrays:
        layers.append((arrays[f"weights_{len(layers)}"], arrays[f"bias_{len(layers)}"]))
    units = len(model.labels) or 1
    sizes = [np.shape(weights) for weights, _ in layers]
    fits = all(isinstance(each, np.ndarray) and each.dtype == np.float32 for each in arrays.values()) and all(
        weights.ndim == 2 and bias.shape == weights.shape[1:] for weights, bias in layers
    )
    if (
        not layers
        or not fits
        or sizes[-1][1] != units
        or any(first[1] != second[0] for first, second in itertools.pairwise(sizes))
    ):
        raise PlanError(
            f"model {model.name}: {file} has layers {sizes}; expected some that end in {units}, a unit for "
            "each label of model.yaml, or one of a regression, all of float32"
        )
    if not all(np.isfinite(each).all() for each in arrays.values()):
        raise PlanError(f"model {model.name}: {file} holds numbers that are not finite; train it anew")
    return tuple(layers), arrays.get("probe")


def embed_of(folder: Path, model: Model) -> Embed:
    """What makes the vectors; PlanError where model.yaml does not say, or here it is another's content."""
    try:
        embed = Embed.model_validate(model.options.get("embed"))
    except ValidationError as fault:
        said = str(fault.errors()[0]["msg"]).removeprefix("Value error, ")
        raise PlanError(f"model {model.name}: {folder}/model.yaml: options: embed: {said}") from fault
    if embed.static is not None:
        for name in (TABLE, TOKENIZER):
            if not (folder / embed.static / name).is_file():
                raise PlanError(
                    f"model {model.name}: there is no {folder / embed.static / name}; expected the whole "
                    "folder that `winnow train` wrote"
                )
        embed = embed.model_copy(update={"static": str(folder / embed.static)})
    found, expected = identity(embed), model.options.get("embedding")
    if found != expected:
        raise PlanError(
            f"model {model.name}: the head was trained on vectors of {embed.static or embed.model!r} with "
            f"hash {expected}, and here that has {found}; bring back those files, or train the head anew"
        )
    return embed


def open_scorer(folder: Path, model: Model) -> HeadScorer:
    """PlanError where a file is missing or does not fit, or the vectors are no longer those of then."""
    layers, probe = _load_head(folder, model)
    embed = embed_of(folder, model)
    embedder = last_kept(embed)
    now = embedder(pa.array(PROBE, pa.large_string()))
    if probe is not None and (now.shape != probe.shape or ((now * probe).sum(axis=1) < _ALIKE).any()):
        raise PlanError(
            f"model {model.name}: {embed.model!r} gives other vectors than when the head was trained "
            f"({now.shape[1]} numbers, {probe.shape[1]} then); name the model and version of then, or "
            "train the head anew"
        )
    if now.shape[1] != len(layers[0][0]):
        raise PlanError(
            f"model {model.name}: {folder / HEAD} takes vectors of {len(layers[0][0])} numbers, and those of "
            f"{embed.static or embed.model!r} have {now.shape[1]}; the two are not of one training"
        )
    return HeadScorer(embedder, layers, model.score != "value")


def fingerprint(folder: Path, model: Model) -> str:
    """What decides the vectors and does not lie in the folder. PlanError as `open_scorer`, before the run."""
    _load_head(folder, model)
    return embedder_fingerprint(embed_of(folder, model))
