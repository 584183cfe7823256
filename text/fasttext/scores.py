"""From the vector of a text to its likeliest labels: hierarchical softmax, softmax, one against all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from text.jit import uncounted, uncounted_inlined

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]

_TINY = np.float64(1e-5)  # fastText adds it before each logarithm
_SIGMOIDS = 512  # fastText takes the logistic function of one against all from a table from -8 to 8
_REACH = 8
_NONE: Any = np.int64(0)  # a plain 0 is a type of its own to Numba, which compiles a function for it anew
SIGMOID = (1 / (1 + np.exp(_REACH - np.arange(_SIGMOIDS + 1) * (2 * _REACH / _SIGMOIDS)))).astype(np.float32)


def tree(counts: NDArray[np.int64]) -> tuple[Labels, Labels]:
    """The Huffman tree over labels that come by falling count: children of each node, -1 of a leaf.

    [2 labels - 1] each; node i is label i for the first ones, the last one is the root.
    """
    labels = len(counts)
    left, right = np.full(2 * labels - 1, -1, np.int32), np.full(2 * labels - 1, -1, np.int32)
    weights = np.full(2 * labels - 1, 10**15, np.int64)
    weights[:labels] = counts
    leaf, node = labels - 1, labels
    for parent in range(labels, 2 * labels - 1):
        children = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                children.append(leaf)
                leaf -= 1
            else:
                children.append(node)
                node += 1
        left[parent], right[parent] = children
        weights[parent] = weights[children].sum()
    return left, right


@uncounted
def product(rows: Floats, weights: Floats, out: Floats) -> None:
    """Writes rows x weights; rows are of a multiple of four values, in the same order of sums everywhere."""
    for i in range(len(rows)):
        total = out[i]
        total[:] = 0
        for k in range(0, len(weights), 4):
            a, b, c, d = rows[i, k], rows[i, k + 1], rows[i, k + 2], rows[i, k + 3]
            for j in range(len(total)):
                total[j] += (a * weights[k, j] + b * weights[k + 1, j]) + (
                    c * weights[k + 2, j] + d * weights[k + 3, j]
                )


@uncounted_inlined
def _dot(a: Floats, row: int, b: Floats) -> np.float32:
    """The product of a row of `a` and `b`, both of a multiple of four values."""
    first = second = third = fourth = np.float32(0)
    for k in range(0, a.shape[1], 4):
        first += a[row, k] * b[k]
        second += a[row, k + 1] * b[k + 1]
        third += a[row, k + 2] * b[k + 2]
        fourth += a[row, k + 3] * b[k + 3]
    return (first + second) + (third + fourth)


@uncounted_inlined
def _log(value: np.float32) -> np.float32:
    return np.float32(np.log(value + _TINY))


@uncounted_inlined
def _put(labels: Labels, scores: Floats, found: int, label: int, score: np.float32) -> int:
    """Puts a label among the best ones, the best first, behind none that is as good; how many there are."""
    at = min(found, len(labels) - 1)
    if found == len(labels) and score < scores[at]:
        return found
    while at > 0 and scores[at - 1] <= score:
        labels[at], scores[at] = labels[at - 1], scores[at - 1]
        at -= 1
    labels[at], scores[at] = label, score
    return min(found + 1, len(labels))


@uncounted
def best_of_tree(
    means: Floats,
    counts: NDArray[np.int64],
    outputs: Floats,
    left: Labels,
    right: Labels,
    nodes: NDArray[np.int64],
    so_far: Floats,
    labels: Labels,
    scores: Floats,
) -> None:
    """Writes the best labels of each text and their probabilities, by hierarchical softmax.

    Without outputs, `means` are their products with the outputs. `nodes` and `so_far` are room for one more
    than the nodes.
    """
    leaves = (len(left) + 1) // 2
    for text in range(len(means)):
        if counts[text] == 0:
            continue
        found = _NONE
        nodes[0], so_far[0] = len(left) - 1, 0
        height = 1
        while height:
            height -= 1
            node, score = nodes[height], so_far[height]
            if found == labels.shape[1] and score < scores[text, found - 1]:
                continue
            if left[node] < 0:
                found = _put(labels[text], scores[text], found, node, score)
                continue
            inner = node - leaves
            value = _dot(outputs, inner, means[text]) if len(outputs) else means[text, inner]
            share = np.float32(1 / (1 + np.exp(-value)))
            to_left, to_right = score + _log(np.float32(1) - share), score + _log(share)
            # The likelier child is looked at first, so that the best are found early and the rest is cut.
            swap = to_left > to_right
            nodes[height] = right[node] if swap else left[node]
            so_far[height] = to_right if swap else to_left
            nodes[height + 1] = left[node] if swap else right[node]
            so_far[height + 1] = to_left if swap else to_right
            height += 2
        for k in range(found):
            scores[text, k] = np.exp(scores[text, k])


@uncounted
def best_of_all(
    products: Floats,
    counts: NDArray[np.int64],
    size: int,
    softmax: bool,
    labels: Labels,
    scores: Floats,
) -> None:
    """Writes the best of `size` labels of each text and their probabilities, by softmax or each by itself."""
    for text in range(len(products)):
        if counts[text] == 0:
            continue
        values = products[text]
        if softmax:
            top = values[0]
            for label in range(1, size):
                top = max(top, values[label])
            total = np.float32(0)
            for label in range(size):
                values[label] = np.exp(values[label] - top)
                total += values[label]
            for label in range(size):
                values[label] /= total
        else:
            for label in range(size):
                value = min(max(values[label], np.float32(-_REACH)), np.float32(_REACH))
                step = int((value + _REACH) * (_SIGMOIDS // (2 * _REACH)))
                values[label] = SIGMOID[step] if abs(value) < _REACH else np.float32(value > 0)
        found = _NONE
        for label in range(size):
            found = _put(labels[text], scores[text], found, label, _log(values[label]))
        for k in range(found):
            scores[text, k] = np.exp(scores[text, k])
