"""What is to be learnt, and from which examples: what a trainer is given.

A trainer is a module with these two:

    OPTIONS   its options, a subclass of `pipeline.stage.Options`: `winnow train … -o epoch=25` sets them
    fit(train, validation, task, options, folder) -> Model
              writes the model's own files into `folder`, an empty one, and returns what model.yaml is to
              say. It writes no model.yaml: `winnow train` adds the threshold and from what it was trained.
              `Model.trained` holds what only the trainer knows: the arguments it came to, versions of
              libraries. The same examples, task and options give the same bytes, unless an option says that
              they do not
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from classifiers.model import Model

Score = Literal["probability", "expected", "top", "value"]


@dataclass(frozen=True)
class Examples:
    """n labelled texts, in an order that has nothing to do with their labels.

    texts     large_string, no nulls, as they are read: a trainer passes them through `scorer.prepared`
    labels    [n] int64, index into `Task.labels`; of a regression too, where -1 says that it is none of them
    targets   [n] float64, the label as a number; NaN where labels are none
    weights   [n] float64, above 0: how much an example counts. 1 for all, unless classes are balanced
    groups    [n] string: examples of one group stand or fall together (a site's); None: each for itself
    """

    texts: pa.Array
    labels: NDArray[np.int64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64]
    groups: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[Any]) -> "Examples":
        """Those of these rows: numbers, or True and False."""
        at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        places = pa.array(at, pa.int64())
        groups = None if self.groups is None else self.groups.take(places)
        return Examples(self.texts.take(places), self.labels[at], self.targets[at], self.weights[at], groups)


@dataclass(frozen=True)
class Task:
    """What is to be learnt.

    labels      in their order: rising where they are numbers
    score       how model.yaml says that a score is made; "value": a regression to `Examples.targets`
    positive    the label whose probability is the score, where `score` is "probability"
    range       least and greatest target, where there are numbers
    languages   of the training texts, where known, the most frequent first
    lowercase   texts are put in lower case first, in training as in scoring
    seed        of everything that is drawn
    threads     that a trainer may use
    """

    name: str
    labels: tuple[str, ...]
    score: Score
    positive: str | None = None
    range: tuple[float, float] | None = None
    languages: tuple[str, ...] = ()
    lowercase: bool = False
    seed: int = 0
    threads: int = 1

    @property
    def regression(self) -> bool:
        return self.score == "value"

    def model(self, kind: Literal["fasttext", "embedding", "transformer"], **more: Any) -> Model:
        """What model.yaml says of it; `more`: `options` and `trained`."""
        return Model(
            name=self.name,
            kind=kind,
            score=self.score,
            labels=() if self.regression else self.labels,
            positive=self.positive if self.score == "probability" else None,
            range=self.range if self.regression else None,
            languages=self.languages,
            lowercase=self.lowercase,
            **more,
        )


class Fit(Protocol):
    """See the head of this file. `options`: an instance of the trainer's OPTIONS."""

    def __call__(
        self, train: Examples, validation: Examples, task: Task, options: Any, folder: Path
    ) -> Model: ...


def ordered(labels: Sequence[str]) -> tuple[str, ...]:
    """Labels in their order: rising numbers where all are numbers, else by name."""
    try:
        return tuple(sorted(labels, key=float))
    except ValueError:
        return tuple(sorted(labels))


def some(labels: Sequence[str], most: int = 30) -> str:
    """Labels as a message names them, which may be thousands."""
    more = len(labels) - most
    return ", ".join(labels[:most]) + (f" and {more:,} more" if more > 0 else "")
