"""How good answers are, by NumPy: of scores against yes and no, of labels, of grades.

`weights` of all functions: [n] float64, how many documents each one stands for; None: one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truth = NDArray[np.bool_]
Numbers = NDArray[np.int64]

BINS = 10
ROUNDS = 500  # of the bootstrap
FEW = 20  # groups, below which the bootstrap alone takes itself to be too sure
_Z = 1.959964  # of 95%
NAN = float("nan")


def roc_auc(truth: Truth, scores: Floats, weights: Floats | None = None) -> float:
    """Area under the ROC curve: that a positive scores above a negative, ties half; NaN of one class."""
    order = np.argsort(scores, kind="stable")
    return _auc_in_order(truth[order], scores[order], _ones(weights, len(truth))[order])


def average_precision(truth: Truth, scores: Floats, weights: Floats | None = None) -> float:
    """Mean precision over recall, as scikit-learn sums it: ties count as one step; NaN without positives."""
    order = np.argsort(-scores, kind="stable")
    mass = _ones(weights, len(truth))[order]
    last = np.append(scores[order][1:] != scores[order][:-1], True)[: len(order)]
    true = np.cumsum(mass * truth[order])[last]
    all_ = np.cumsum(mass)[last]
    if not len(true) or true[-1] == 0:
        return NAN
    return float(np.sum(np.diff(true, prepend=0.0) * true / all_) / true[-1])


def at_threshold(
    truth: Truth, scores: Floats, threshold: float, weights: Floats | None = None
) -> dict[str, float]:
    """Precision, recall, F1 of `score >= threshold`, and the share of documents that it keeps."""
    mass = _ones(weights, len(truth))
    kept = scores >= threshold
    true, positive, held = mass[kept & truth].sum(), mass[truth].sum(), mass[kept].sum()
    precision = float(true / held) if held else NAN
    recall = float(true / positive) if positive else NAN
    return {
        "threshold": float(threshold),
        "precision": precision,
        "recall": recall,
        "f1": float(2 * true / (held + positive)) if held + positive else NAN,
        "kept": float(held / mass.sum()) if mass.sum() else NAN,
    }


def best_threshold(truth: Truth, scores: Floats, weights: Floats | None = None) -> float:
    """The threshold of the best F1: half way between the least score that it keeps and the next below, so
    that it does not hang on one document; of equal ones the highest. NaN without positives."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    mass = _ones(weights, len(truth))[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(order)])
    true, held = np.cumsum(mass * truth[order])[last], np.cumsum(mass)[last]
    if not len(last) or true[-1] == 0:
        return NAN
    best = int(np.argmax(2 * true / (held + true[-1])))
    least = ranked[last[best]]
    below = ranked[last[best] + 1] if last[best] + 1 < len(ranked) else least
    return float((least + below) / 2)


def calibration(truth: Truth, probabilities: Floats, bins: int = BINS) -> dict[str, Any]:
    """How far probabilities can be taken at their word.

    bins    of equal width over 0 … 1: documents, mean probability, share that is positive
    ece     expected calibration error (Naeini et al. 2015): |mean probability - share|, by documents
    brier   mean squared error of the probability
    """
    at = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    count = np.bincount(at, minlength=bins)
    said = np.bincount(at, probabilities, bins) / np.maximum(count, 1)
    was = np.bincount(at, truth.astype(np.float64), bins) / np.maximum(count, 1)
    rows = [
        {"from": k / bins, "documents": int(count[k]), "mean": float(said[k]), "share": float(was[k])}
        for k in range(bins)
        if count[k]
    ]
    n = max(1, len(truth))
    return {
        "bins": rows,
        "ece": float((count * np.abs(said - was)).sum() / n),
        "brier": float(np.mean((probabilities - truth) ** 2)) if len(truth) else NAN,
    }


def confusion(truth: Numbers, found: Numbers, count: int) -> Numbers:
    """[count, count]: documents of label i that were taken for label j. Pairs with a -1 are left out."""
    good = (truth >= 0) & (found >= 0)
    return np.bincount(truth[good] * count + found[good], minlength=count * count).reshape(count, count)


def by_label(matrix: Numbers) -> dict[str, Any]:
    """Precision, recall and F1 of each label, their mean over the labels that occur (macro), and micro F1,
    which is the share that is right. NaN where there is nothing to take a share of."""
    right, of_truth, of_found = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore"):
        precision, recall = right / of_found, right / of_truth
        f1 = 2 * right / (of_truth + of_found)
    there = of_truth + of_found > 0
    return {
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "documents": of_truth.tolist(),
        "macro_f1": float(f1[there].mean()) if there.any() else NAN,
        "micro_f1": float(right.sum() / matrix.sum()) if matrix.sum() else NAN,
    }


def spearman(left: Floats, right: Floats) -> float:
    """Rank correlation, ties by their mean rank; NaN where one side is all the same."""
    if len(left) < 2:
        return NAN
    a, b = _ranks(left), _ranks(right)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / size) if size else NAN


def quadratic_kappa(truth: Numbers, found: Numbers, count: int) -> float:
    """Cohen's kappa of grades 0 … count - 1, a disagreement weighing by its square; NaN where chance alone
    would agree always."""
    matrix = confusion(truth, found, count).astype(np.float64)
    steps = np.arange(count)
    cost = (steps[:, None] - steps[None, :]) ** 2
    total = matrix.sum()
    expected = matrix.sum(axis=1)[:, None] * matrix.sum(axis=0)[None, :] / max(total, 1.0)
    lost = (cost * expected).sum()
    return float(1 - (cost * matrix).sum() / lost) if lost else NAN


def interval(
    groups: Sequence[Any] | NDArray[Any],
    statistic: Callable[[Floats], float],
    rounds: int = ROUNDS,
    seed: int = 0,
) -> tuple[float, float]:
    """95% confidence interval by the bootstrap over groups: documents of one site are no independent draws.

    statistic   of weights [n], how often each document is in the draw
    """
    _, at = np.unique(np.asarray(groups), return_inverse=True)
    count = int(at.max(initial=-1)) + 1
    if count < 2:
        return NAN, NAN
    draws = np.random.Generator(np.random.PCG64(seed))
    found = []
    for _ in range(rounds):
        times = np.bincount(draws.integers(0, count, count), minlength=count)
        found.append(statistic(times[at].astype(np.float64)))
    sure = np.array(found)[np.isfinite(found)]
    if not len(sure):
        return NAN, NAN
    low, high = np.quantile(sure, [0.025, 0.975])
    return float(low), float(high)


def auc_interval(
    groups: Sequence[Any] | NDArray[Any], truth: Truth, scores: Floats, rounds: int = ROUNDS, seed: int = 0
) -> tuple[float, float]:
    """`interval` of `roc_auc`, sorting once.

    Of fewer than FEW groups with positives, or with negatives, the bootstrap may have seen no error at all.
    The interval then holds that of Newcombe too (2006, Statistics in Medicine 25:559, method 5), which counts
    groups as draws: 4 and 4 groups without an error are .58 to 1.
    """
    order = np.argsort(scores, kind="stable")
    ordered_truth, ordered_scores = truth[order], scores[order]
    low, high = interval(
        groups, lambda weights: _auc_in_order(ordered_truth, ordered_scores, weights[order]), rounds, seed
    )
    names = np.asarray(groups)
    up, down = len(np.unique(names[truth])), len(np.unique(names[~truth]))
    found = roc_auc(truth, scores)
    if min(up, down) >= FEW or not np.isfinite(found):
        return low, high
    return (
        float(np.fmin(low, _auc_bound(found, up, down))),
        float(np.fmax(high, 1 - _auc_bound(1 - found, up, down))),
    )


def _auc_bound(auc: float, up: int, down: int) -> float:
    """The lower bound: the least t with auc - t <= z times the standard error that an area of t has."""
    more = (up + down) / 2 - 1
    low, high = 0.0, auc
    for _ in range(50):
        t = (low + high) / 2
        variance = t * (1 - t) * (1 + more * ((1 - t) / (2 - t) + t / (1 + t))) / (up * down)
        low, high = (t, high) if auc - t > _Z * np.sqrt(variance) else (low, t)
    return low


def share_interval(groups: Sequence[Any] | NDArray[Any], right: Truth) -> tuple[float, float]:
    """`interval` of the share that is right; of fewer than FEW groups it holds Wilson's too, of as many draws
    as there are groups."""
    low, high = interval(groups, lambda times: float((times * right).sum() / max(times.sum(), 1.0)))
    count = len(np.unique(np.asarray(groups)))
    if count >= FEW or not len(right):
        return low, high
    share, z = float(np.mean(right)), _Z * _Z / count
    middle = (share + z / 2) / (1 + z)
    half = np.sqrt(share * (1 - share) * z + z * z / 4) / (1 + z)
    return float(np.fmin(low, middle - half)), float(np.fmax(high, middle + half))


def _auc_in_order(truth: Truth, scores: Floats, mass: Floats) -> float:
    if not len(scores):
        return NAN
    positive, negative = mass * truth, mass * ~truth
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    up, down = np.add.reduceat(positive, starts), np.add.reduceat(negative, starts)
    total = up.sum() * down.sum()
    below = np.cumsum(down) - down
    return float((up * (below + down / 2)).sum() / total) if total else NAN


def _ranks(values: Floats) -> Floats:
    _, at, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    mean: Floats = (last - (count - 1) / 2)[at]
    return mean


def _ones(weights: Floats | None, count: int) -> Floats:
    return np.ones(count) if weights is None else weights
