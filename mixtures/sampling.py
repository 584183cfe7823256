"""Which documents are in the mixture and in which order, from hashes of their ids alone.

Every document has two independent 64-bit hashes of its id and the seed. The documents of a source
with the lowest `selection` are drawn first, so a larger budget keeps what a smaller one drew. The
`position`, mixed with the number of the copy, is where a copy stands in the shuffled order.
Neither depends on files, units or workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixtures.survey import SELECTION_BITS, Held, Integers, Keys, bins_of
from pipeline.corpus import CorpusUnit
from text.hashing import Hashes, mix_array, random_words

Copies = NDArray[np.int32]


@dataclass(frozen=True)
class Quota:
    """What is drawn of one source: `copies` epochs, and of one more the documents whose selection hash
    is below `threshold`.

    A copy counts on disk as `bytes * ratio / 2**20 + row_bytes` bytes.
    """

    copies: int
    threshold: int
    ratio: int
    row_bytes: int

    def __bool__(self) -> bool:
        """Whether anything is drawn."""
        return self.copies > 0 or self.threshold > 0


@dataclass(frozen=True)
class Weighing:
    """What one unit gives, and the bytes on disk per bin of the position key (bins that occur).

    labels   where its source is downsampled, documents and tokens by label, [2, labels]
    """

    documents: int
    tokens: int
    size: int
    bins: Integers
    weights: Integers
    labels: Integers


@dataclass(frozen=True)
class Weigher:
    """Task over units: what is drawn from each. `bits`, the highest of a position key, are its bin."""

    keys: Keys
    quotas: Mapping[str, Quota]
    bits: int

    def __call__(self, unit: CorpusUnit) -> Weighing:
        held = self.keys.load(unit)
        quota = self.quotas[unit.source]
        row, _, key = draw_copies(self.keys, held, quota)
        size = held.size
        bins, place = np.unique(bins_of(key, self.bits), return_inverse=True)
        weights = np.zeros(len(bins), np.int64)
        np.add.at(weights, place, (size[row] * quota.ratio >> 20) + quota.row_bytes)
        labels = np.zeros((2, 0), np.int64)
        if held.labels is not None:
            label = held.labels[row]
            labels = np.zeros((2, int(label.max(initial=-1)) + 1), np.int64)
            labels[0] = np.bincount(label, minlength=labels.shape[1])
            np.add.at(labels[1], label, held.tokens[row])
        return Weighing(len(row), int(held.tokens[row].sum()), int(size[row].sum()), bins, weights, labels)


@dataclass(frozen=True)
class Border:
    """Task over units: selection hashes and tokens of the documents in their source's border bin."""

    keys: Keys
    bins: Mapping[str, int]

    def __call__(self, unit: CorpusUnit) -> tuple[Hashes, Integers]:
        held = self.keys.load(unit)
        row, selection = self.keys.epoch(held)
        inside = bins_of(selection, SELECTION_BITS) == self.bins[unit.source]
        return selection[inside], held.tokens[row[inside]]


def position_keys(position: Hashes, copy: Copies, seed: int) -> Hashes:
    """The place of every copy in the shuffled order, [n]."""
    salts = random_words(int(copy.max(initial=-1)) + 1, np.uint64(seed))
    return mix_array(position ^ salts[copy])


def draw_copies(keys: Keys, held: Held, quota: Quota) -> tuple[Integers, Copies, Hashes]:
    """The copies that are in the mixture: row of the document, number of the copy, position key."""
    epoch, selection = keys.epoch(held)
    drawn = quota.copies + (selection < np.uint64(quota.threshold)).astype(np.int64)
    count = np.zeros(len(held.selection), np.int64)
    np.add.at(count, epoch, drawn)
    row = np.repeat(np.arange(len(count)), count)
    copy = (np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)).astype(np.int32)
    return row, copy, position_keys(held.position[row], copy, keys.seed)


def border_bin(histogram: Integers, rest: int) -> tuple[int, int]:
    """The selection bin in which the budget `rest` runs out, and what is left of it there."""
    total = np.cumsum(histogram)
    border = int(np.searchsorted(total, rest, side="right"))
    return border, rest - (int(total[border - 1]) if border else 0)


def threshold_of(selection: Hashes, tokens: Integers, rest: int, slack: int) -> int:
    """The hash below which the documents of the border bin are taken, those with the lowest hashes.

    Their tokens sum up to `rest`, as nearly as whole documents can, and to `slack` more at most.
    Equal hashes are taken together or not at all.
    """
    order = np.argsort(selection, kind="stable")
    sums = np.cumsum(tokens[order])
    taken = int(np.searchsorted(sums, rest, side="right"))
    short = rest - (int(sums[taken - 1]) if taken else 0)
    over = int(sums[taken]) - rest
    if over < short and over <= slack:
        taken += 1
    if taken == len(order):  # the bin's last: the next hash that there can be
        return min(int(selection[order[-1]]) + 1, (1 << 64) - 1)
    return int(selection[order[taken]])


def cut_shards(weights: Integers, size: int) -> Integers:
    """First bin of every shard, [shards], for shards of equal weight, each about `size`.

    One shard at least, and none without documents if there are any; a bin is never cut, so a very
    large document leaves a shard larger than asked.
    """
    total = int(weights.sum())
    shards = max(1, (total + size // 2) // size)
    before = np.cumsum(weights) - weights
    occupied = np.flatnonzero(weights)
    starts = np.array([total * shard // shards for shard in range(shards)], np.int64)
    shard = np.searchsorted(starts, before[occupied], side="right")
    first = occupied[np.unique(shard, return_index=True)[1]]
    return np.concatenate([np.zeros(1, np.int64), first[1:]])


def cut_cells(weights: Integers, first: Integers, count: int) -> tuple[Integers, Integers]:
    """Cuts shards into cells of about equal weight, `count` of them in all and one of a shard at least.

    first   as `cut_shards` gives it
    Returns the first bin of every cell, [cells], and the first cell of every shard, + [shards + 1].
    """
    size = max(1, int(weights.sum()) // max(1, count))
    ends = np.append(first[1:], len(weights))
    cells = [
        start + cut_shards(weights[start:end], size)
        for start, end in zip(first.tolist(), ends.tolist(), strict=True)
    ]
    return np.concatenate(cells), np.cumsum([0, *map(len, cells)])
