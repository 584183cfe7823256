"""Repeated n-grams of tokens, counted exactly, in a few passes over what repeats."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from text.hashing import mix64
from text.jit import kernel
from text.strings import Offsets
from text.words import Words

LARGEST_TOP = 4
LARGEST = 10


@dataclass(frozen=True)
class NgramChars:
    """Code points in repeated n-grams of n texts; column j is for n-grams of j + 1 tokens.

    top          [n, 4] int64: of the most frequent n-gram, blanks between its tokens included,
                 times how often it occurs; among equally frequent ones, of the first; 0: the text
                 has fewer tokens
    duplicate    [n, 10] int64: of the n-grams that occurred before, without blanks. The text is
                 read from the left; behind a repeated n-gram, reading goes on after its end, so
                 that no token counts twice and n-grams across that end are not remembered

    Rae et al. 2021, table A1, as datatrove 0.10 counts (it takes n 2–4 and 5–10).
    """

    top: NDArray[np.int64]
    duplicate: NDArray[np.int64]


def ngram_chars(words: Words) -> NgramChars:
    """Counts over all tokens, symbols too."""
    top, duplicate = _ngram_chars(words.offsets, words.hashes, words.chars)
    return NgramChars(top, duplicate)


@kernel
def _ngram_chars(
    offsets: Offsets, hashes: NDArray[np.uint64], chars: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # An (n + 1)-gram can only repeat where the n-grams at its place and at the next one both do,
    # and then these two name it: so each round numbers pairs of numbers of the round before, and
    # only where there was a repetition. Numbers are given in the order of first occurrence.
    n = len(offsets) - 1
    top = np.zeros((n, LARGEST_TOP), np.int64)
    duplicate = np.zeros((n, LARGEST), np.int64)
    longest = 0
    for i in range(n):
        longest = max(longest, offsets[i + 1] - offsets[i])
    size = 16
    while size < 2 * longest:
        size *= 2
    keys = np.empty(size, np.uint64)
    numbers = np.empty(size, np.int32)
    written = np.zeros(size, np.int64)  # the round that wrote this slot
    places = np.empty(longest, np.int32)  # of the n-grams that may repeat
    names = np.empty(longest, np.int32)  # their numbers
    count = np.empty(longest, np.int32)  # by number, as the next two
    head = np.empty(longest, np.int32)
    seen = np.empty(longest, np.bool_)
    before = np.zeros(longest + 1, np.int64)  # code points before each token
    current = 0
    for i in range(n):
        start = offsets[i]
        tokens = offsets[i + 1] - start
        for j in range(tokens):
            before[j + 1] = before[j] + chars[start + j]
        size = 16
        while size < 2 * tokens:
            size *= 2
        mask = np.uint64(size - 1)
        kept = tokens
        for length in range(1, min(LARGEST, tokens) + 1):
            current += 1
            groups = candidates = 0
            for j in range(kept):
                if length == 1:
                    place = j
                    key = hashes[start + j]
                else:
                    place = places[j]
                    if j + 1 == kept or places[j + 1] != place + 1:
                        continue
                    key = np.uint64(names[j]) << np.uint64(32) | np.uint64(names[j + 1])
                slot = mix64(key) & mask
                while written[slot] == current and keys[slot] != key:
                    slot = (slot + np.uint64(1)) & mask
                if written[slot] != current:
                    written[slot] = current
                    keys[slot] = key
                    numbers[slot] = groups
                    count[groups], head[groups], seen[groups] = 0, place, False
                    groups += 1
                number = numbers[slot]
                count[number] += 1
                places[candidates], names[candidates] = place, number
                candidates += 1
            if length <= LARGEST_TOP:
                times, at = 1, 0
                for number in range(groups):
                    if count[number] > times:
                        times, at = count[number], head[number]
                top[i, length - 1] = times * (before[at + length] - before[at] + length - 1)
            kept = free = 0
            for j in range(candidates):
                place, number = places[j], names[j]
                if count[number] < 2:
                    continue
                places[kept], names[kept] = place, number
                kept += 1
                if place < free:
                    continue
                if seen[number]:
                    duplicate[i, length - 1] += before[place + length] - before[place]
                    free = place + length
                else:
                    seen[number] = True
    return top, duplicate
