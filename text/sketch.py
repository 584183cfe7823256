"""Samples of a text's word n-grams by which containment is estimated: FracMinHash.

A sketch holds those of a text's distinct n-gram hashes that fall into the lowest 1/s of all 64-bit
values (Irber et al. 2022, Lightweight compositional analysis of metagenomes with FracMinHash). As
the threshold is the same for every text with that s, the share of A's sketch that is found among
B's n-grams estimates the share of A's n-grams that are: |A ∩ B| / |A|, whatever the size of B.

Here s is a power of two chosen by the text's length: as large as leaves `least` hashes, at most
`scale`. A text of fewer than 2 * `least` distinct n-grams is not sampled, and its containment exact.
Of a sketch of k hashes the standard error of a containment c is sqrt(c * (1 - c) / k).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from text.hashing import Hashes
from text.jit import inlined, kernel
from text.minhash import shingles
from text.strings import Offsets

Sizes = NDArray[np.int64]
Bits = NDArray[np.uint8]

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE = np.uint64(1)
_EIGHT = np.uint64(8)


@dataclass(frozen=True)
class Sampling:
    """How texts are sampled: words in an n-gram, greatest s (a power of two), least hashes of a sketch."""

    ngram: int
    scale: int
    least: int

    def limit(self, size: int) -> int:
        """The greatest hash that the sketch of a text of `size` distinct n-grams may hold."""
        return int(limit_of(size, self.scale, self.least))


@inlined
def limit_of(size: int, scale: int, least: int) -> np.uint64:
    """The greatest hash that the sketch of a text of `size` distinct n-grams may hold."""
    limit = _ALL
    step = 2
    while step <= scale and size >= step * least:
        limit >>= _ONE
        step *= 2
    return limit


@kernel
def _distinct(values: Hashes, out: Hashes) -> int:
    """The distinct ones of `values` in ascending order into `out`; returns how many. Sorts `values`."""
    values.sort()
    found = 0
    for i in range(len(values)):
        if i == 0 or values[i] != values[i - 1]:
            out[found] = values[i]
            found += 1
    return found


@kernel
def _sketches(offsets: Offsets, hashes: Hashes, scale: int, least: int) -> tuple[Offsets, Hashes, Sizes]:
    n = len(offsets) - 1
    cut = np.zeros(n + 1, np.int64)
    out = np.empty(len(hashes), np.uint64)
    sizes = np.zeros(n, np.int64)
    for row in range(n):
        own = out[cut[row] :]
        size = _distinct(hashes[offsets[row] : offsets[row + 1]], own)
        limit = limit_of(size, scale, least)
        kept = size
        while kept > 0 and own[kept - 1] > limit:
            kept -= 1
        sizes[row] = size
        cut[row + 1] = cut[row] + kept
    return cut, out[: cut[n]], sizes


def sketches(offsets: Offsets, folded: Hashes, by: Sampling) -> tuple[Offsets, Hashes, Sizes]:
    """The sketches of n texts: offsets [n + 1], hashes (distinct and ascending within a text), and
    the number of distinct n-grams of each text, [n].

    offsets, folded   as `Words.folded_words` gives them; n-grams as in `text.minhash.shingles`
    """
    cut, hashes = shingles(offsets, folded, by.ngram)
    found: tuple[Offsets, Hashes, Sizes] = _sketches(cut, hashes, by.scale, by.least)
    return found


@kernel
def _others(
    offsets: Offsets, hashes: Hashes, scale: int, least: int, bits: Bits
) -> tuple[Offsets, Hashes, Sizes]:
    n = len(offsets) - 1
    cut = np.zeros(n + 1, np.int64)
    out = np.empty(len(hashes), np.uint64)
    sizes = np.zeros(n, np.int64)
    mask = np.uint64(len(bits)) * _EIGHT - _ONE
    kept = 0
    for row in range(n):
        own = out[kept:]
        size = _distinct(hashes[offsets[row] : offsets[row + 1]], own)
        limit = limit_of(size, scale, least)
        found = 0
        for i in range(size):
            at = own[i] & mask
            if own[i] > limit and bits[at // _EIGHT] >> np.uint8(at % _EIGHT) & np.uint8(1):
                own[found] = own[i]
                found += 1
        sizes[row] = size
        kept += found
        cut[row + 1] = kept
    return cut, out[:kept], sizes


def others(offsets: Offsets, folded: Hashes, by: Sampling, bits: Bits) -> tuple[Offsets, Hashes, Sizes]:
    """The hashes of n texts that their `sketches` leave out and that `bits` says are asked for."""
    cut, hashes = shingles(offsets, folded, by.ngram)
    found: tuple[Offsets, Hashes, Sizes] = _others(cut, hashes, by.scale, by.least, bits)
    return found


@kernel
def mark(bits: Bits, hashes: Hashes) -> None:
    """Sets the bit of each hash in `bits`, [power of two] bytes; hashes that share one are not told apart."""
    mask = np.uint64(len(bits)) * _EIGHT - _ONE
    for i in range(len(hashes)):
        at = hashes[i] & mask
        bits[at // _EIGHT] |= np.uint8(1) << np.uint8(at % _EIGHT)
