"""WordPiece tokens as BERT's tokenizer cuts them, and means of their vectors: for static embeddings.

Devlin et al. 2019; Wu et al. 2016, arXiv:1609.08144, section 4.1. A text is cleaned of control
characters, its CJK characters stand alone, accents and case are taken off; words end at white space and
around punctuation; a word is cut into the longest tokens of the vocabulary from left to right. A
word of which a rest is not in the vocabulary is left out whole, as is one of more than 100 characters:
what BERT puts in its place, `[UNK]`, means nothing.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text.hashing import MULTIPLIER, SEED, Hashes, mix64
from text.jit import kernel
from text.lookup import Index, Lookup, find
from text.strings import Bytes, Offsets, Strings
from text.unicode_tables import CODE_POINTS, Folds
from text.utf8 import decode

Ids = NDArray[np.int32]
Vectors = NDArray[np.float32]

LONGEST = 100
"""Characters of the longest word that is cut into tokens."""

_SPACE, _ALONE, _INSIDE = 0, 1, 2  # what a character is to its word
_DROPPED = np.uint32(0xFFFFFFFF)
_SEVERAL = np.uint32(CODE_POINTS)  # from here on: row of the characters that it becomes
_ROOM = 4
_WITHIN = np.uint64(0x23230000)  # of the hash of a token that goes on with a word (##s)

# Characters that stand alone, as BERT has them: CJK ideographs of the blocks known in 2018.
_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


@dataclass(frozen=True)
class WordPieces:
    """A vocabulary as the kernel looks it up.

    tokens       hashes of the tokens
    numbers      [tokens] int32, the number of each in the vocabulary, in the order of `tokens`
    characters   [1114112] uint32 and [n, 4] uint32: what each character becomes
    kinds        [1114112] uint8: white space, alone, or part of a word
    """

    tokens: Lookup
    numbers: Ids
    characters: Folds
    several: Folds
    kinds: Folds

    @classmethod
    def of(cls, vocabulary: Mapping[str, int], lowercase: bool = True, prefix: str = "##") -> "WordPieces":
        """Tokens with their numbers; those that begin with `prefix` go on with a word.

        lowercase   whether case and accents are taken off
        """
        names = list(vocabulary)
        hashes = np.array([_hash_of(name, prefix) for name in names], np.uint64)
        tokens = Lookup.of(hashes, np.zeros(len(hashes), np.uint8))
        numbers = np.empty(len(tokens), np.int32)
        numbers[tokens.find(hashes)] = [vocabulary[name] for name in names]
        numbers.setflags(write=False)
        return cls(tokens, numbers, *_characters(lowercase))

    def cut(self, strings: Strings, most: int) -> tuple[Offsets, Ids]:
        """The tokens of n texts, the first `most` of each: offsets [n + 1] and their numbers."""
        lookup = self.tokens
        room = min(len(strings.data), len(strings) * most) + 1
        return _cut(
            strings.data, strings.offsets, lookup.keys, lookup.index, lookup.shift, self.numbers,
            self.characters, self.several, self.kinds, most, np.empty(room, np.int32),
        )  # fmt: skip


def _hash_of(token: str, prefix: str) -> int:
    inside = token.startswith(prefix) and len(token) > len(prefix)
    value = int(SEED ^ _WITHIN) if inside else int(SEED)
    for character in token[len(prefix) :] if inside else token:
        value = (value ^ ord(character)) * int(MULTIPLIER) % (1 << 64)
    return int(mix64(np.uint64(value)))


@cache
def _characters(lowercase: bool) -> tuple[Folds, Folds, Folds]:
    """What becomes of each code point, and what it is to its word."""
    points = list(map(chr, range(CODE_POINTS)))
    categories = list(map(unicodedata.category, points))
    characters = np.arange(CODE_POINTS, dtype=np.uint32)
    kinds = np.full(CODE_POINTS, _INSIDE, np.uint8)
    several: list[list[int]] = []
    for point, category in enumerate(categories):
        if category[0] == "Z" or points[point] in "\t\n\r":
            kinds[point] = _SPACE
        elif category in ("Cc", "Cf", "Co", "Cs") or point == 0xFFFD:
            characters[point] = _DROPPED
        elif category[0] == "P" or (point < 0x80 and not points[point].isalnum()):
            kinds[point] = _ALONE
    for first in range(0, CODE_POINTS if lowercase else 0, 0x100):
        page = "".join(points[first : first + 0x100])
        if (
            unicodedata.normalize("NFD", page).lower() == page
            and "Mn" not in categories[first : first + 0x100]
        ):
            continue
        for point in range(first, first + 0x100):
            if kinds[point] == _SPACE or characters[point] == _DROPPED:
                continue
            marks = unicodedata.normalize("NFD", points[point])
            plain = "".join(mark for mark in marks if unicodedata.category(mark) != "Mn")
            new = [ord(part) for mark in plain for part in mark.lower()]
            if len(new) > 1:
                characters[point] = _SEVERAL + len(several)
                several.append((new + [0] * _ROOM)[:_ROOM])
            else:
                characters[point] = new[0] if new else _DROPPED
    for first, last in _CJK:
        kinds[first : last + 1] = _ALONE
    rows = np.array(several or [[0] * _ROOM], np.uint32)
    for table in (characters, rows, kinds):
        table.setflags(write=False)
    return characters, rows, kinds


@kernel
def _pieces(
    word: NDArray[Any], length: int, keys: Hashes, index: Index, shift: np.uint64, numbers: Ids,
    out: Ids, count: int, last: int,
) -> int:  # fmt: skip
    """Writes the tokens of a word behind the `count` that are there, up to `last`; returns how many are."""
    value = SEED
    for at in range(length):
        value = (value ^ np.uint64(word[at])) * MULTIPLIER
    whole = find(keys, index, shift, mix64(value))
    if whole >= 0:
        out[count] = numbers[whole]
        return count + 1
    first, found = 0, count
    while first < length:
        value = SEED if first == 0 else SEED ^ _WITHIN
        best, end = -1, 0
        for at in range(first, length):
            value = (value ^ np.uint64(word[at])) * MULTIPLIER
            place = find(keys, index, shift, mix64(value))
            if place >= 0:
                best, end = place, at + 1
        if best < 0:
            return count
        if found < last:
            out[found] = numbers[best]
            found += 1
        first = end
    return found


@kernel
def _cut(
    data: Bytes, offsets: Offsets, keys: Hashes, index: Index, shift: np.uint64, numbers: Ids,
    characters: Folds, several: Folds, kinds: Folds, most: int, out: Ids,
) -> tuple[Offsets, Ids]:  # fmt: skip
    n = len(offsets) - 1
    cut = np.zeros(n + 1, np.int64)
    word = np.empty(LONGEST, np.uint32)
    count = 0
    for row in range(n):
        at, end = offsets[row], offsets[row + 1]
        last = count + most
        length = 0
        while at < end and count < last:
            point, at = decode(data, at, end)
            to = characters[point]
            if to == _DROPPED:
                continue
            parts = 1 if to < _SEVERAL else _ROOM
            for part in range(parts):
                character = to if parts == 1 else several[to - _SEVERAL, part]
                if character == 0:
                    break
                kind = kinds[point] if kinds[point] != _INSIDE else kinds[character]
                if kind != _INSIDE and length:
                    if length <= LONGEST and count < last:
                        count = _pieces(word, length, keys, index, shift, numbers, out, count, last)
                    length = 0
                if kind == _SPACE:
                    continue
                if length < LONGEST:
                    word[length] = character
                length += 1
                if kind == _ALONE:
                    if count < last:
                        count = _pieces(word, length, keys, index, shift, numbers, out, count, last)
                    length = 0
        if 0 < length <= LONGEST and count < last:
            count = _pieces(word, length, keys, index, shift, numbers, out, count, last)
        cut[row + 1] = count
    return cut, out[:count]


@kernel
def means(offsets: Offsets, ids: Ids, vectors: Vectors) -> Vectors:
    """The mean of each text's token vectors, of length 1, [n, dimensions]; zeros where it has none.

    vectors   [tokens, dimensions]
    Sums are taken in the order of the tokens, so a text's mean is the same whatever stands beside it.
    """
    n, size = len(offsets) - 1, vectors.shape[1]
    out = np.zeros((n, size), np.float32)
    for row in range(n):
        total = out[row]
        for at in range(offsets[row], offsets[row + 1]):
            vector = vectors[ids[at]]
            for i in range(size):
                total[i] += vector[i]
        square = 0.0
        for i in range(size):
            square += np.float64(total[i]) * np.float64(total[i])
        if square > 0.0:
            scale = 1.0 / np.sqrt(square)
            for i in range(size):
                total[i] = np.float32(total[i] * scale)
    return out
