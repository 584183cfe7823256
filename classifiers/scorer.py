"""A classifier's folder, opened: which module stands behind which kind of model.

A module of classifiers/kinds, named as `kind` in model.yaml, exports

    open_scorer(folder, model) -> Scorer   loads the model; PlanError where the folder does not hold one
    fingerprint(folder, model) -> str      what decides an answer and is not in the folder: versions of
                                           libraries, files of an embedding model; "" for nothing
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from classifiers.model import Model, Scorer
from text.hosts import to_array
from text.lower import lower
from text.strings import Strings


class Kind(NamedTuple):
    """The two functions of a kind's module."""

    open: Callable[[Path, Model], Scorer]
    fingerprint: Callable[[Path, Model], str]


def open_scorer(folder: str | Path, model: Model) -> Scorer:
    """Loads the model that `load_model(folder)` has described; PlanError where its files are not right."""
    return _kind(model).open(Path(folder), model)


def fingerprint(folder: str | Path, model: Model) -> str:
    """What decides the model's answers besides the files of its folder; PlanError where it is missing."""
    return _kind(model).fingerprint(Path(folder), model)


def prepared(texts: pa.Array, lowercase: bool) -> pa.Array:
    """Texts as a model is trained on them and asked about them, large_string; a null is the empty text."""
    strings = Strings.of(texts)
    return to_array(lower(strings) if lowercase else strings)


def module_of(model: Model) -> str:
    """The module behind the model's kind. It is imported on use, since one needs torch; and by name, so that
    the digest of `classify`, which follows statements of import, holds the code of this kind alone."""
    return f"classifiers.kinds.{model.kind}"


def _kind(model: Model) -> Kind:
    module = importlib.import_module(module_of(model))
    return Kind(module.open_scorer, module.fingerprint)
