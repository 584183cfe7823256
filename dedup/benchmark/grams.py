"""Word n-grams of texts, and where those of a given set stand in other texts.

Words are those of text/words.py without case, punctuation and diacritics; numbers keep their digits, of
whatever script. An n-gram is known by a 64-bit hash of its words and their number.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text import unicode_tables
from text.folded import folded_words
from text.hashing import MULTIPLIER, SEED, Hashes, mix64
from text.jit import inlined, kernel
from text.lookup import Index, Lookup, find
from text.strings import Bytes, Offsets, Strings
from text.unicode_tables import Folds
from text.utf8 import decode
from text.words import HAS_DIGIT, IS_WORD, cut_words

BITS_A_START = 32  # of the filter of how n-grams start: one place in 500 is looked up for nothing
_LEAST_SIZE, _MOST_SIZE = 6, 32  # of the filter in words of 64 bits, as powers of two
_ZERO = ord("0")

Ints = NDArray[np.int64]
Places = NDArray[np.int32]


@dataclass(frozen=True)
class GramWords:
    """The words of n texts as n-grams are made of them; w words in all.

    offsets        [n + 1] int64, word `offsets[i]` is the first of text i
    hashes         [w] uint64
    starts, ends   [w] int64, bytes in the batch's data
    """

    offsets: Offsets
    hashes: Hashes
    starts: Offsets
    ends: Offsets


@dataclass(frozen=True)
class Grams:
    """n-grams to look for; g of them, each known by its place.

    lookup    their hashes
    starts    filter of the hashes of their first `width` words
    width     words of the shortest n-gram
    lengths   the numbers of words that n-grams have, ascending
    """

    lookup: Lookup
    starts: Hashes
    width: int
    lengths: Ints

    def find(self, offsets: Offsets, hashes: Hashes) -> tuple[Ints, Ints, Places]:
        """Offsets [n + 1], and of each n-gram found in a text its first word and its place.

        offsets, hashes   of the words of n texts, as `gram_hashes` gives them

        In the order of the first words, shorter n-grams first.
        """
        lookup = self.lookup
        return _find(
            offsets, hashes, self.starts, self.width, self.lengths,
            lookup.keys, lookup.index, lookup.shift,
        )  # fmt: skip


def gram_words(strings: Strings) -> GramWords:
    """Cuts texts into the words that n-grams are made of."""
    words = cut_words(strings)
    return GramWords(
        *_kept(strings.data, words.offsets, words.starts, words.ends, words.kinds, words.folded, _folds())
    )


def gram_hashes(strings: Strings) -> tuple[Offsets, Hashes]:
    """Offsets and hashes of the same words, without their places: twice as fast."""
    return folded_words(strings, _folds(), _with_places)


def _with_places(strings: Strings) -> tuple[Offsets, Hashes]:
    words = gram_words(strings)
    return words.offsets, words.hashes


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The different values, ascending. `np.unique` hashes them (NumPy 2.4) and takes twenty times as long."""
    ordered = np.sort(values)
    new = np.ones(len(ordered), np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def start_filter(starts: Hashes) -> Hashes:
    """A Bloom filter of these hashes: three bits of one word of 64 each, [2^k] uint64."""
    size = (BITS_A_START * len(starts) // 64).bit_length()
    filled = np.zeros(1 << min(max(size, _LEAST_SIZE), _MOST_SIZE), np.uint64)
    _fill(filled, starts)
    return filled


@inlined
def _word(value: np.uint64, words: int) -> int:
    """Which word of the filter the hash is in: by its high bits."""
    return int(((value >> np.uint64(32)) * np.uint64(words)) >> np.uint64(32))


@inlined
def _bits(value: np.uint64) -> np.uint64:
    """Its three bits of that word."""
    one, last = np.uint64(1), np.uint64(63)
    return (
        one << (value & last)
        | one << ((value >> np.uint64(6)) & last)
        | one << ((value >> np.uint64(12)) & last)
    )


@kernel
def _fill(filled: Hashes, starts: Hashes) -> None:
    for value in starts:
        filled[_word(value, len(filled))] |= _bits(value)


@cache
def _folds() -> Folds:
    """`unicode_tables.folds()`, but decimal digits as 0 to 9."""
    table = unicode_tables.folds().copy()
    for point in np.flatnonzero(table == _ZERO).tolist():
        table[point] = _ZERO + unicodedata.decimal(chr(point))
    table.setflags(write=False)
    return table


@kernel
def _kept(
    data: Bytes,
    offsets: Offsets,
    starts: Offsets,
    ends: Offsets,
    kinds: NDArray[np.uint8],
    folded: Hashes,
    folds: Folds,
) -> tuple[Offsets, Hashes, Offsets, Offsets]:
    """The words among tokens; those with digits are hashed anew."""
    n = len(offsets) - 1
    first = np.zeros(n + 1, np.int64)
    hashes = np.empty(len(starts), np.uint64)
    begins = np.empty(len(starts), np.int64)
    stops = np.empty(len(starts), np.int64)
    kept = 0
    for row in range(n):
        for token in range(offsets[row], offsets[row + 1]):
            if not kinds[token] & IS_WORD or folded[token] == 0:
                continue
            value = folded[token]
            if kinds[token] & HAS_DIGIT:
                value = SEED
                at, end = starts[token], ends[token]
                while at < end:
                    point, at = decode(data, at, end)
                    if folds[point] != 0:
                        value = (value ^ np.uint64(folds[point])) * MULTIPLIER
                value = max(mix64(value), np.uint64(1))
            hashes[kept] = value
            begins[kept], stops[kept] = starts[token], ends[token]
            kept += 1
        first[row + 1] = kept
    return first, hashes[:kept], begins[:kept], stops[:kept]


@inlined
def _key(value: np.uint64, length: int) -> np.uint64:
    """The hash of an n-gram by the polynomial of its words."""
    return mix64(value ^ (np.uint64(length) * MULTIPLIER))


@kernel
def grams_of(
    offsets: Offsets, hashes: Hashes, ngram: int, least: int
) -> tuple[Ints, Hashes, Hashes, Ints, Ints]:
    """What of each text is looked for: its n-grams, or all its words if it has fewer, but `least`.

    Offsets [n + 1], and of each n-gram its hash, that of its first `least` words, its first word and the
    word behind it.
    """
    n = len(offsets) - 1
    cut = np.zeros(n + 1, np.int64)
    room = len(hashes)
    keys, starts = np.empty(room, np.uint64), np.empty(room, np.uint64)
    firsts, lasts = np.empty(room, np.int64), np.empty(room, np.int64)
    count = 0
    for row in range(n):
        words = offsets[row + 1] - offsets[row]
        width = min(ngram, words)
        if width >= least:
            for at in range(offsets[row], offsets[row + 1] - width + 1):
                value = np.uint64(0)
                for k in range(width):
                    value = value * MULTIPLIER + hashes[at + k]
                    if k == least - 1:
                        starts[count] = value
                keys[count] = _key(value, width)
                firsts[count], lasts[count] = at, at + width
                count += 1
        cut[row + 1] = count
    return cut, keys[:count], starts[:count], firsts[:count], lasts[:count]


@kernel
def _find(
    offsets: Offsets,
    hashes: Hashes,
    starts: Hashes,
    width: int,
    lengths: Ints,
    keys: Hashes,
    index: Index,
    key_shift: np.uint64,
) -> tuple[Ints, Ints, Places]:
    n = len(offsets) - 1
    cut = np.zeros(n + 1, np.int64)
    places = np.empty(1024, np.int64)
    grams = np.empty(1024, np.int32)
    count = 0
    leaving = np.uint64(1)  # what the first word's hash is multiplied with
    for _ in range(width - 1):
        leaving *= MULTIPLIER
    for row in range(n):
        last = offsets[row + 1]
        rolling = np.uint64(0)
        for at in range(offsets[row], min(offsets[row] + width - 1, last)):
            rolling = rolling * MULTIPLIER + hashes[at]
        for first in range(offsets[row], last - width + 1):
            rolling = rolling * MULTIPLIER + hashes[first + width - 1]
            bits = _bits(rolling)
            if starts[_word(rolling, len(starts))] & bits == bits:
                value = rolling
                words = width
                for length in lengths:
                    if first + length > last:
                        break
                    while words < length:
                        value = value * MULTIPLIER + hashes[first + words]
                        words += 1
                    found = find(keys, index, key_shift, _key(value, length))
                    if found >= 0:
                        if count == len(places):
                            places = np.append(places, np.empty(count, np.int64))
                            grams = np.append(grams, np.empty(count, np.int32))
                        places[count], grams[count] = first, found
                        count += 1
            rolling -= hashes[first] * leaving
        cut[row + 1] = count
    return cut, places[:count], grams[:count]


@dataclass(frozen=True)
class Owners:
    """To what n-grams belong: `texts[offsets[g]:offsets[g + 1]]`, and each text t to `item[t]`.

    lengths   [g] int64, words of each n-gram
    alike     [g] int32, the first n-gram that belongs to the same texts
    items     how many there are
    """

    lengths: Ints
    offsets: Ints
    texts: Places
    alike: Places
    item: Places
    items: int

    def stretches(
        self, found: tuple[Ints, Ints, Places], wanted: tuple[Ints, Ints], most: int
    ) -> tuple[Ints, Ints, Ints, Ints]:
        """Text, item, first word and word behind of each stretch of words that n-grams of an item cover.

        found    of n texts, as `Grams.find` gives it
        wanted   offsets [n + 1] and the items of each text that are asked for
        most     stretches of a text, the first ones

        In the order of texts and first words; n-grams that overlap or touch are one stretch.
        """
        return _stretches(
            *found, *wanted, self.lengths, self.offsets, self.texts, self.alike, self.item, self.items, most
        )


@kernel
def _stretches(
    cut: Ints,
    places: Ints,
    grams: Places,
    wanted_cut: Ints,
    wanted: Ints,
    lengths: Ints,
    offsets: Ints,
    texts: Places,
    alike: Places,
    item: Places,
    items: int,
    most: int,
) -> tuple[Ints, Ints, Ints, Ints]:
    n = len(cut) - 1
    slot = np.full(items, -1, np.int64)
    room = longest = 0
    for row in range(n):
        asked = wanted_cut[row + 1] - wanted_cut[row]
        longest = max(longest, asked)
        if asked:
            room += min(most, asked * (cut[row + 1] - cut[row]))
    rows, owner = np.empty(room, np.int64), np.empty(room, np.int64)
    firsts, lasts = np.empty(room, np.int64), np.empty(room, np.int64)
    opened = np.empty(longest, np.int64)  # the stretch of each wanted item that was begun last
    # Those of an n-gram's items that are wanted, from `begins` of it up to a -1: found once for a text.
    begins, asked_items = np.full(len(alike), -1, np.int64), np.empty(1024, np.int64)
    count = 0
    for row in range(n):
        begin = wanted_cut[row]
        for k in range(begin, wanted_cut[row + 1]):
            slot[wanted[k]] = k - begin
            opened[k - begin] = -1
        before, held = count, 0
        for hit in range(cut[row], cut[row + 1]):
            first = places[hit]
            last = first + lengths[grams[hit]]
            gram = alike[grams[hit]]
            if begins[gram] < 0:
                begins[gram] = held
                for at in range(offsets[gram], offsets[gram + 1]):
                    if held + 2 > len(asked_items):
                        asked_items = np.append(asked_items, np.empty(held, np.int64))
                    asked_items[held] = slot[item[texts[at]]]
                    held += asked_items[held] >= 0
                asked_items[held] = -1
                held += 1
            for at in range(begins[gram], len(asked_items)):
                k = asked_items[at]
                if k < 0:
                    break
                if opened[k] >= 0 and first <= lasts[opened[k]]:
                    lasts[opened[k]] = max(last, lasts[opened[k]])
                elif count - before < most:
                    rows[count], owner[count] = row, wanted[begin + k]
                    firsts[count], lasts[count] = first, last
                    opened[k] = count
                    count += 1
        for k in range(begin, wanted_cut[row + 1]):
            slot[wanted[k]] = -1
        for hit in range(cut[row], cut[row + 1]):
            begins[alike[grams[hit]]] = -1
    return rows[:count], owner[:count], firsts[:count], lasts[:count]
