"""How well a model answers the validation side while it is trained."""

import numpy as np
from numpy.typing import NDArray

from classifiers.model import Answers
from classifiers.training.task import Examples, Task

_LEAST = 1e-7  # a probability counts as no less


def losses(found: Answers, examples: Examples, task: Task) -> NDArray[np.float64]:
    """Squared error of a regression, cross entropy of classes, [n]; NaN where there is no answer."""
    wide = found.astype(np.float64)
    if task.regression:
        least, most = task.range or (-np.inf, np.inf)
        return (np.clip(wide[:, 0], least, most) - examples.targets) ** 2
    right = wide[np.arange(len(wide)), examples.labels]
    return -np.log(np.maximum(right, _LEAST))


def weighted_mean(each: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The mean of what is not NaN; 0 where all is."""
    known = ~np.isnan(each)
    return float(np.average(each[known], weights=weights[known])) if known.any() else 0.0


def validation_loss(found: Answers, examples: Examples, task: Task) -> float:
    """The mean of `losses`, by weight, over the texts that have an answer."""
    return weighted_mean(losses(found, examples, task), examples.weights)
