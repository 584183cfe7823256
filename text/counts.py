"""From counts of tokens and lines to one value per text."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from text.strings import Offsets


def totals(offsets: Offsets, values: NDArray[Any]) -> NDArray[np.int64]:
    """Sums of integers or booleans over the parts `values[offsets[i]:offsets[i + 1]]`, [n]."""
    before = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=before[1:])
    return before[offsets[1:]] - before[offsets[:-1]]


def shares(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """`part / whole` of counts, [n]; 0 where the whole is 0."""
    return np.asarray(part / np.maximum(whole, 1), np.float64)
