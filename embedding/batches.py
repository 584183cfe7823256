"""Batches of fixed shapes for a neural network, so that what a row comes to is the row's own affair.

A matrix product's last bits depend on the shape of the whole batch, so that usually a document's answer
depends on what it is batched with. Here every batch of a given length has one shape: rows are padded to a
multiple of `_STEP` tokens, and batches are filled up. Nor does it depend on the company whether a library
leaves the mask out: rows of all the tokens that there may be go by themselves, without padding in any, and
among the others there is padding in every row.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

_STEP = 32  # tokens by which the lengths of batches go up


def batches(lengths: Sequence[int], most: int, size: int) -> Iterator[tuple[int, list[int], list[int]]]:
    """The length to which rows are padded, the rows that go together, and these filled up to `size`.

    lengths   tokens of each row, `most` at most
    """
    # Whether there is padding, and the length of the batch: more than the row's own, where there is.
    alike: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        alike[length < most, min((length // _STEP + 1) * _STEP, most)].append(row)
    for (_, length), rows in sorted(alike.items()):
        for first in range(0, len(rows), size):
            some = rows[first : first + size]
            yield length, some, some + [rows[0]] * (size - len(some))


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """torch with so many threads on a CPU: a product that two share may be added up otherwise than by one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
