"""Kernels over Arrow string buffers; knows nothing of the rest of winnow."""
