"""How well two labellers agree: the share of equal labels, Cohen's kappa, and how sure the figures are.

Kappa (Cohen 1960, Educational and Psychological Measurement 20) is the share of equal labels beyond what
labellers would reach by chance who give each label as often as these two do: 1 for all equal, 0 for chance.
For grades it is weighted by the square of their distance (Cohen 1968, Psychological Bulletin 70), so that 2
for a 3 weighs less than 0 for a 5. Of several labellers at once, Krippendorff's alpha.

Intervals hold 95% of what is plausible given these documents. That of a share is Wilson's. Those of kappa are
drawn: tables of labels from the Dirichlet distribution that the counts give, with one more document spread
over all cells (Perks 1947), so that twenty equal labels of twenty do not make for certainty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]

_Z = 1.959963984540054  # of the normal distribution, for 95%
_DRAWS = 4000
_SEED = 1960


@dataclass(frozen=True)
class Figure:
    """A number and its interval; NaN where it cannot be told."""

    value: float
    least: float
    most: float


@dataclass(frozen=True)
class Agreement:
    """The agreement of two labellers over the documents that both have labelled.

    counts     documents by the first's label and the second's, [labels, labels]
    weighted   kappa by the square of the distance, for labels that are grades
    """

    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    equal: Figure
    kappa: Figure
    weighted: Figure | None

    @property
    def documents(self) -> int:
        return int(self.counts.sum())

    def documents_for(self, half: float) -> int:
        """How many documents it takes, as things stand, for the share's interval to reach `half` to either
        side."""
        # The middle of the interval, not the share: of three documents none may be equal by chance.
        return documents_for((self.equal.least + self.equal.most) / 2, half)


def agreement(
    first: Sequence[str], second: Sequence[str], labels: Sequence[str], ordered: bool = False
) -> Agreement:
    """The agreement of two sequences of labels of the same documents. ValueError for a label not listed."""
    place = {label: at for at, label in enumerate(labels)}
    unknown = sorted({*first, *second} - set(place))
    if unknown:
        raise ValueError(f"label {unknown[0]!r} is none of {', '.join(labels)}")
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for one, other in zip(first, second, strict=True):
        counts[place[one], place[other]] += 1
    unequal = (~np.eye(len(labels), dtype=bool)).astype(np.float64)
    weighted = _kappa_of(counts, squares(len(labels))) if ordered else None
    equal = share(int(np.trace(counts)), int(counts.sum()))
    return Agreement(tuple(labels), counts, equal, _kappa_of(counts, unequal), weighted)


def share(part: int, whole: int) -> Figure:
    """A share and its interval by Wilson (1927, Journal of the American Statistical Association 22)."""
    if not whole:
        return Figure(np.nan, 0.0, 1.0)
    value, square = part / whole, _Z * _Z / whole
    middle = (value + square / 2) / (1 + square)
    half = _Z * np.sqrt(value * (1 - value) / whole + square / (4 * whole)) / (1 + square)
    # At the ends the interval begins with the share itself, whatever floating point makes of it.
    least = 0.0 if part == 0 else float(middle - half)
    most = 1.0 if part == whole else float(middle + half)
    return Figure(value, least, most)


def documents_for(value: float, half: float) -> int:
    """The fewest documents for which a share near `value` has an interval of `half` to either side."""
    fewest, most = 1, 1 << 30
    while fewest < most:
        middle = (fewest + most) // 2
        found = share(round(value * middle), middle)
        fewest, most = (fewest, middle) if found.most - found.least <= 2 * half else (middle + 1, most)
    return fewest


def squares(labels: int) -> Table:
    """What a pair of grades weighs as disagreement: the square of their distance, [labels, labels]."""
    grades = np.arange(labels, dtype=np.float64)
    return np.square(grades[:, None] - grades[None, :])


def kappa(counts: NDArray[np.generic], disagreement: Table) -> NDArray[np.float64]:
    """Cohen's kappa of each table, [...] from [..., labels, labels]; NaN where there is no document, or no
    disagreement that could come by chance.

    disagreement   what each pair of labels weighs, [labels, labels], 0 on the diagonal
    """
    tables = np.asarray(counts, np.float64)
    whole = tables.sum(axis=(-2, -1))
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    seen = (tables * disagreement).sum(axis=(-2, -1))
    chance = np.einsum("...i,ij,...j->...", rows, disagreement, columns)
    found: NDArray[np.float64] = np.full(whole.shape, np.nan)
    np.divide(whole * seen, chance, out=found, where=chance > 0)
    return 1 - found


def _kappa_of(counts: NDArray[np.int64], disagreement: Table) -> Figure:
    value = float(kappa(counts, disagreement))
    if np.isnan(value):
        return Figure(np.nan, -1.0, 1.0)
    # Labels that nobody gave take no part: they would only pull the draws towards chance.
    given = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    held = counts[np.ix_(given, given)]
    cells = held.ravel() + 1 / held.size
    drawn = np.random.default_rng(_SEED).standard_gamma(cells, (_DRAWS, len(cells)))
    found = kappa(drawn.reshape(_DRAWS, *held.shape), disagreement[np.ix_(given, given)])
    least, most = np.quantile(found, [0.025, 0.975])
    return Figure(value, min(value, float(least)), max(value, float(most)))


def alpha(
    given: Sequence[Mapping[str, str]], labels: Sequence[str], ordered: bool = False
) -> tuple[float, int]:
    """Krippendorff's alpha of any number of labellers, and the documents that two or more have labelled.

    given   for each document, label by labeller
    Nominal, or for grades by the square of their distance (his interval data). Krippendorff 2004, Content
    Analysis, chapter 11. NaN where nothing can be told.
    """
    place = {label: at for at, label in enumerate(labels)}
    together = np.zeros((len(labels), len(labels)))
    documents = 0
    for each in given:
        marks = np.bincount([place[label] for label in each.values()], minlength=len(labels)).astype(float)
        several = marks.sum()
        if several > 1:
            documents += 1
            together += (np.outer(marks, marks) - np.diag(marks)) / (several - 1)
    marks, whole = together.sum(axis=0), together.sum()
    weights = squares(len(labels)) if ordered else (~np.eye(len(labels), dtype=bool)).astype(float)
    chance = float(marks @ weights @ marks)
    if not chance:
        return float("nan"), documents
    return float(1 - (whole - 1) * (together * weights).sum() / chance), documents
