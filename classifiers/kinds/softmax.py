"""Probabilities from what a model's last layer gives, each row by itself."""

import numpy as np
from numpy.typing import NDArray

from text.jit import kernel

Rows = NDArray[np.float32]


def fixed(values: Rows) -> Rows:
    """In one piece and read-only, so that the kernels are compiled for this alone."""
    view = np.ascontiguousarray(values, np.float32).view()
    view.setflags(write=False)
    return view


@kernel
def softmax(inputs: Rows) -> Rows:
    """[n, labels] to [n, labels]."""
    n, labels = inputs.shape
    out = np.empty((n, labels), np.float32)
    shares = np.empty(labels, np.float64)
    for row in range(n):
        most = -np.inf
        for label in range(labels):
            most = max(most, np.float64(inputs[row, label]))
        total = 0.0
        for label in range(labels):
            shares[label] = np.exp(np.float64(inputs[row, label]) - most)
            total += shares[label]
        for label in range(labels):
            out[row, label] = shares[label] / total
    return out
