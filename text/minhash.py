"""MinHash signatures (Broder 1997) of word or character n-grams, their keys for locality-sensitive
hashing, and the sketches by which candidates are checked.

A shingle is a run of `ngram` words or characters, hashed to 64 bits. Hash function k takes 32 bits x
of that hash to `(x ^ a_k) * b_k mod 2^32` with random odd a_k and b_k, and then mixes its bits: the
product alone would leave its low bits weak and make functions with related multipliers agree. The
signature holds the least value of each function over the text's shingles, so two texts agree in one
position with the probability of their shingles' Jaccard similarity. 32 bits suffice: of texts of a
million words each, one shingle in some thousands is taken for one of the other's.

A sketch holds the least values of the other 32 bits of the shingles' hashes, each once (bottom-k; Cohen
and Kaplan 2007, Summarizing data using bottom-k sketches). Of a text that has no more of them it holds
all, and the similarity of two such texts is exact; else it is estimated by the k least of both texts
together, with a standard error of sqrt(J * (1 - J) / k).
"""

import numpy as np
from numpy.typing import NDArray

from text.hashing import MULTIPLIER, SEED, Hashes, mix64, random_words
from text.jit import inlined, kernel
from text.strings import Bytes, Offsets
from text.unicode_tables import EXTEND, Classes, Folds
from text.utf8 import decode

Signatures = NDArray[np.uint32]
Sketches = NDArray[np.uint32]

_ONE = np.uint64(1)
_HALF = np.uint64(32)
_MIX32 = np.uint32(0x7FEB352D)
_HIGHEST = np.uint32(0xFFFFFFFF)
_SPACE = 0x20
_CROWDED = 64  # of so many values a sort by insertion is still fast


def multipliers(count: int, seed: int) -> Signatures:
    """The random odd numbers of `count` hash functions, [2, count] uint32."""
    words = random_words(2 * count, np.uint64(seed))
    return ((words >> _HALF) | _ONE).astype(np.uint32).reshape(2, count)


@kernel
def _shingles_of(folded: Hashes, first: int, last: int, ngram: int, out: Hashes) -> int:
    """Hashes of the word n-grams of folded[first:last] into `out`; returns how many."""
    words = last - first
    if words == 0:
        return 0
    width = min(ngram, words)
    found = words - width + 1
    # One word of all n-grams after the other: the compiler makes vectors of that.
    for i in range(found):
        out[i] = mix64(np.uint64(width))
    for j in range(width):
        for i in range(found):
            value = (out[i] ^ folded[first + i + j]) * MULTIPLIER
            out[i] = value ^ (value >> _HALF)
    for i in range(found):
        out[i] = mix64(out[i])
    return found


@kernel
def shingles(offsets: Offsets, folded: Hashes, ngram: int) -> tuple[Offsets, Hashes]:
    """The word n-gram hashes of n texts: offsets [n + 1] and hashes, repeated where an n-gram repeats.

    offsets, folded   as `Words.folded_words` gives them
    A text of fewer than `ngram` words has one shingle, all its words; one of none has none.
    """
    n = len(offsets) - 1
    out = np.empty(len(folded), np.uint64)
    cut = np.zeros(n + 1, np.int64)
    for row in range(n):
        found = _shingles_of(folded, offsets[row], offsets[row + 1], ngram, out[cut[row] :])
        cut[row + 1] = cut[row] + found
    return cut, out[: cut[n]]


@kernel
def character_shingles(
    data: Bytes, offsets: Offsets, classes: Classes, folds: Folds, ngram: int
) -> tuple[Offsets, Hashes]:
    """The character n-gram hashes of n texts: offsets [n + 1] and hashes, repeated where one repeats.

    Characters are a text's letters and digits as `unicode_tables.folds` has them (no case, no marks,
    every digit 0) with one space for all that stands between two of them, and none at the ends. A text
    of fewer than `ngram` characters has one shingle, all of them; one of none has none.
    """
    n = len(offsets) - 1
    out = np.empty(offsets[n] - offsets[0], np.uint64)
    cut = np.zeros(n + 1, np.int64)
    window = np.empty(ngram, np.uint64)
    leaving = _ONE
    for _ in range(ngram):
        leaving *= MULTIPLIER
    for row in range(n):
        at, end = offsets[row], offsets[row + 1]
        chars, found = 0, cut[row]
        gap = False
        value = np.uint64(0)
        while at < end:
            point, at = decode(data, at, end)
            fold = int(folds[point])
            if fold == 0:
                gap = gap or not classes[point] & EXTEND
                continue
            for turn in range(2):
                if turn == 0 and not (gap and chars):
                    continue
                char = mix64(SEED ^ np.uint64(_SPACE if turn == 0 else fold))
                place = chars % ngram
                value = value * MULTIPLIER + char
                if chars >= ngram:
                    value -= window[place] * leaving
                window[place] = char
                chars += 1
                if chars >= ngram:
                    out[found] = mix64(value)
                    found += 1
            gap = False
        if 0 < chars < ngram:
            out[found] = mix64(value ^ np.uint64(chars))
            found += 1
        cut[row + 1] = found
    return cut, out[: cut[n]]


@kernel
def sequence_hashes(cut: Offsets, hashes: Hashes) -> Hashes:
    """One 64-bit hash of the shingles of each text in their order, [n]: equal texts have equal ones."""
    n = len(cut) - 1
    out = np.empty(n, np.uint64)
    for row in range(n):
        value = SEED
        for i in range(cut[row], cut[row + 1]):
            value = (value ^ hashes[i]) * MULTIPLIER
            value ^= value >> _HALF
        out[row] = mix64(value)
    return out


@inlined
def _mixed(low: np.uint32, a: np.uint32, b: np.uint32) -> np.uint32:
    # Casts after every step: Numba would go on in 64 bits, half as fast.
    value = np.uint32((low ^ a) * b)
    return np.uint32((value ^ (value >> np.uint32(16))) * _MIX32)


@kernel
def signatures(cut: Offsets, hashes: Hashes, by: Signatures) -> Signatures:
    """MinHash signatures of n texts, [n, k] uint32, `by` being `multipliers(k, seed)`.

    cut, hashes   as `shingles` or `character_shingles` gives them
    A text without shingles has 2^32 - 1 throughout: leave it out of matches.
    """
    n = len(cut) - 1
    count = by.shape[1]
    least = np.full((n, count), _HIGHEST)
    first, second = by[0].copy(), by[1].copy()
    for row in range(n):
        own = least[row]
        last = cut[row + 1] - 1
        # Vectors of functions, not of shingles: so no text is too short for them. Four shingles at a time,
        # the last one again where there are fewer, share what is loaded and stored.
        for i in range(cut[row], last + 1, 4):
            w, x = np.uint32(hashes[i]), np.uint32(hashes[min(i + 1, last)])
            y, z = np.uint32(hashes[min(i + 2, last)]), np.uint32(hashes[min(i + 3, last)])
            for k in range(count):
                a, b = first[k], second[k]
                both = min(_mixed(w, a, b), _mixed(x, a, b))
                own[k] = min(own[k], min(both, min(_mixed(y, a, b), _mixed(z, a, b))))
    return least


@kernel
def band_keys(signed: Signatures, bands: int) -> Hashes:
    """One 64-bit key per band of equally many positions, [n, bands] uint64; bands never share keys.

    Two texts are candidates when a key of theirs is equal. Of 10^10 keys that should all differ,
    about 3 pairs are equal by chance.
    """
    n, count = signed.shape
    rows = count // bands
    keys = np.empty((n, bands), np.uint64)
    for row in range(n):
        for band in range(bands):
            value = np.uint64(band + 1)
            for at in range(band * rows, band * rows + rows):
                value = mix64((value ^ np.uint64(signed[row, at])) * MULTIPLIER)
            keys[row, band] = value
    return keys


@kernel
def _sort(values: Sketches, out: Sketches, places: Offsets) -> None:
    """Sorts hashes into `out`: in one step to about where they belong, as they are spread evenly.

    places   room for one number more than there are values
    """
    size = len(values)
    places[: size + 1] = 0
    for i in range(size):
        places[1 + ((np.uint64(values[i]) * np.uint64(size)) >> _HALF)] += 1
    most = 0
    for i in range(size):
        most = max(most, places[i + 1])
        places[i + 1] += places[i]
    for i in range(size):
        at = (np.uint64(values[i]) * np.uint64(size)) >> _HALF
        out[places[at]] = values[i]
        places[at] += 1
    if most > _CROWDED:  # one n-gram again and again, say
        out.sort()
        return
    for i in range(1, size):
        value = out[i]
        j = i
        while j > 0 and out[j - 1] > value:
            out[j] = out[j - 1]
            j -= 1
        out[j] = value


@kernel
def sketches(cut: Offsets, hashes: Hashes, most: int) -> tuple[Offsets, Sketches]:
    """The sketches of n texts: offsets [n + 1] and values, ascending and distinct within a text.

    cut, hashes   as `shingles` or `character_shingles` gives them
    most          values compared, 0 for all; a text that has more keeps one more, which says so
    """
    n = len(cut) - 1
    out = np.empty(len(hashes), np.uint32)
    ends = np.zeros(n + 1, np.int64)
    longest = 0
    for row in range(n):
        longest = max(longest, cut[row + 1] - cut[row])
    high, places = np.empty(longest, np.uint32), np.empty(longest + 1, np.int64)
    ordered = np.empty(longest, np.uint32)
    for row in range(n):
        size = cut[row + 1] - cut[row]
        for i in range(size):
            high[i] = np.uint32(hashes[cut[row] + i] >> _HALF)
        values = ordered[:size]
        _sort(high[:size], values, places)
        at = ends[row]
        for i in range(size):
            if i == 0 or values[i] != values[i - 1]:
                out[at] = values[i]
                at += 1
                if most and at - ends[row] > most:
                    break
        ends[row + 1] = at
    return ends, out[: ends[n]]


@kernel
def similarity(left: Sketches, right: Sketches, most: int, least: float) -> float:
    """The Jaccard similarity of two texts by their sketches; 0 where it is below `least`.

    most   as in `sketches`
    """
    both = len(left) + len(right)
    whole = most == 0 or (len(left) <= most and len(right) <= most)
    # As soon as so many values are in one text alone, the similarity is below `least`.
    allowed = both * (1.0 - least) / (1.0 + least) if whole else most * (1.0 - least)
    last = both if whole else most
    i = j = seen = shared = 0
    while i < len(left) and j < len(right) and seen < last:
        a, b = left[i], right[j]
        shared += a == b
        i += a <= b
        j += b <= a
        seen += 1
        if seen - shared > allowed + 1.0:
            return 0.0
    union = both - shared if whole else most
    found = shared / union if union else 0.0
    return found if found >= least else 0.0
