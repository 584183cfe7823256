"""How likely two documents become candidates, and the bands and rows that suit a threshold."""

from functools import cache

import numpy as np


def s_curve(jaccard: float, bands: int, rows: int) -> float:
    """The probability that two documents of this Jaccard similarity become candidates.

    Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.2.
    """
    return 1.0 - (1.0 - jaccard**rows) ** bands


@cache
def best_bands(
    threshold: float, functions: int, false_positives: float = 0.5, false_negatives: float = 0.5
) -> tuple[int, int]:
    """Bands and rows of at most `functions` hash functions whose S-curve errs least: as datasketch chooses.

    The error is the area under the curve below `threshold` and the area above the curve from there on,
    each by its weight (datasketch, `MinHashLSH(threshold, num_perm, weights)`); of equals the fewest bands.
    """
    # The curves are polynomials of a degree of at most `functions`: so many nodes integrate them exactly.
    nodes, weights = np.polynomial.legendre.leggauss(functions // 2 + 1)
    low, high = (nodes + 1) / 2 * threshold, threshold + (nodes + 1) / 2 * (1 - threshold)
    chosen, least = (1, 1), float("inf")
    for bands in range(1, functions + 1):
        for rows in range(1, functions // bands + 1):
            false_positive = threshold / 2 * weights @ (1 - (1 - low**rows) ** bands)
            false_negative = (1 - threshold) / 2 * weights @ (1 - high**rows) ** bands
            error = float(false_positives * false_positive + false_negatives * false_negative)
            if error < least:
                chosen, least = (bands, rows), error
    return chosen


def passes(jaccard: float, threshold: float, values: int) -> float:
    """The probability that an estimate by a sketch of `values` is at least `threshold`: one of a binomial
    distribution, where two texts are so long that sketches do not hold all."""
    if values == 0 or jaccard in (0.0, 1.0):
        return float(jaccard >= threshold)
    # Summed by logarithms: the terms of a thousand values are too small for what floats hold.
    counts = np.arange(values + 1)
    logs = np.concatenate([np.zeros(1), np.cumsum(np.log(np.arange(1, values + 1)))])
    terms = logs[-1] - logs - logs[::-1] + counts * np.log(jaccard) + (values - counts) * np.log1p(-jaccard)
    return float(np.exp(terms[counts / values >= threshold]).sum())
