"""The character n-grams of tokens, and the rows of the model that they have."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from text.fasttext.rows import BUCKET, HELD, Rows, add_row, at_once, find_rows, has_row, remainder
from text.jit import uncounted, uncounted_inlined
from text.strings import Bytes, Offsets

LABEL = -1  # rows of a token that is a label: it is no word of the text
FNV_SEED = np.uint32(2166136261)
FNV_PRIME = np.uint32(16777619)
SIGNED = np.arange(256).astype(np.uint8).view(np.int8).astype(np.int32).view(np.uint32).copy()
_BATCH = 4096  # characters of tokens whose n-grams are hashed at once
_OPENING, _CLOSING = np.uint8(60), np.uint8(62)  # < and >, that fastText puts around a token
_NONE: Any = np.int64(0)  # a plain 0 is a type of its own to Numba, which compiles a function for it anew
_32 = np.uint64(32)


@uncounted_inlined
def step(state: np.uint32, byte: np.uint8) -> np.uint32:
    """One step of FNV-1a, as fastText has it: bytes are signed."""
    return np.uint32((state ^ SIGNED[byte]) * FNV_PRIME)


@uncounted_inlined
def _remainder(value: np.uint32, divisor: np.uint32, inverse: np.uint32) -> np.uint32:
    """As `remainder`, of 32 bits, which a processor does for several at once; inverse is 2^32 // divisor."""
    times = np.uint32(np.uint64(value) * np.uint64(inverse) >> _32)
    rest = np.uint32(value - np.uint32(times * divisor))
    return min(rest, np.uint32(rest - divisor))


class Room(NamedTuple):
    """Where the character n-grams of many tokens are hashed, each token between < and >; by character:

    letters   uint32, its bytes, the first one lowest
    owners    int64, the token << 32
    states    uint32, the hash of the n-gram that begins with it
    buckets   uint32, the bucket of that
    rows      int64 [HELD + 1], not by character: token << 32 | row of those that the model has
    """

    letters: NDArray[np.uint32]
    owners: NDArray[np.int64]
    states: NDArray[np.uint32]
    buckets: NDArray[np.uint32]
    rows: NDArray[np.int64]


def ngram_room() -> Room:
    """Room for tokens of together as many characters as are hashed at once."""
    return Room(
        np.empty(_BATCH, np.uint32),
        np.empty(_BATCH, np.int64),
        np.empty(_BATCH, np.uint32),
        np.empty(_BATCH, np.uint32),
        np.empty(HELD + 1, np.int64),
    )


@uncounted_inlined
def _spell(held: Bytes, begin: int, end: int, owner: np.int64, size: int, room: Room) -> int:
    """Writes the characters of a token from place `size` on; the place behind them."""
    letter, shift = np.uint32(_OPENING), np.uint32(0)
    room.letters[size], room.owners[size] = letter, owner
    for at in range(begin, end):
        byte = np.uint32(held[at])
        goes_on = byte & np.uint32(0xC0) == np.uint32(0x80)
        shift = np.uint32(shift + np.uint32(8)) & np.uint32(31) if goes_on else np.uint32(0)
        letter = letter | byte << shift if goes_on else byte
        size += 0 if goes_on else 1
        room.letters[size], room.owners[size] = letter, owner
    room.letters[size + 1], room.owners[size + 1] = _CLOSING, owner
    return size + 2


@uncounted_inlined
def _step_if(state: np.uint32, letter: np.uint32, below: int) -> np.uint32:
    """A step by the byte of a character that is `below` bits under its highest one, where it has that."""
    byte = np.uint32(np.int32(letter << np.uint32(below)) >> np.int32(24))  # signed
    return np.uint32((state ^ byte) * FNV_PRIME) if letter >> np.uint32(24 - below) else state


@uncounted_inlined
def _hash_long(
    held: Bytes,
    begin: int,
    end: int,
    owner: np.int64,
    min_chars: int,
    max_chars: int,
    model: Rows,
    vectors: NDArray[np.float32],
    facts: NDArray[np.int32],
    rows: NDArray[np.int64],
    n: Any,
) -> Any:
    """Puts the n-grams of a token for which there is no room behind `n` rows, of which some are taken; how
    many are left.
    """
    for first in range(begin - 1, end + 1):
        if begin <= first < end and held[first] & 0xC0 == 0x80:
            continue
        state, at = FNV_SEED, first
        for chars in range(1, max_chars + 1):
            if at > end:
                break
            state = step(state, _OPENING if at < begin else _CLOSING if at == end else held[at])
            at += 1
            while at < end and held[at] & 0xC0 == 0x80:
                state = step(state, held[at])
                at += 1
            if chars >= min_chars and not (chars == 1 and (first < begin or first == end)):
                bucket = np.int64(remainder(np.uint64(state), model.buckets, model.inverse))
                rows[n] = owner | bucket
                n += has_row(bucket, model)
                if n == at_once(vectors.shape[1]):
                    _take(vectors, facts, rows, n, model)
                    n = _NONE
    return n


@uncounted
def add_character_ngrams(
    held: Bytes,
    ends: Offsets,
    first: int,
    last: int,
    min_chars: int,
    max_chars: int,
    model: Rows,
    vectors: NDArray[np.float32],
    facts: NDArray[np.int32],
    room: Room,
) -> None:
    """Adds to the vectors of the tokens first … last - 1 the rows of their character n-grams, counting them.

    The n-grams of one length of many tokens are hashed one behind the other, of which a processor does
    several in one step; those that would begin in one token and end in the next are left out.
    """
    divisor, inverse = np.uint32(model.buckets), np.uint32(model.inverse >> _32)
    letters, owners, states, buckets, rows = room
    most = at_once(vectors.shape[1])
    n = _NONE
    token = first
    while token < last:
        size = _NONE
        while token < last:
            begin, end, owner = ends[token], ends[token + 1], np.int64(token) << 32
            if facts[token, 0] != LABEL:
                if end - begin + 2 > len(letters):
                    n = _hash_long(
                        held, begin, end, owner, min_chars, max_chars, model, vectors, facts, rows, n
                    )
                elif size + end - begin + 2 > len(letters):
                    break
                else:
                    size = _spell(held, begin, end, owner, size, room)
            token += 1
        states[:size] = FNV_SEED
        for longer in range(min(max_chars, size)):
            # Numba compiles loops over slices for several values at once, loops over letters[i + longer] not.
            behind = letters[longer:size]
            hashed, into = states[: len(behind)], buckets[: len(behind)]
            for i in range(len(behind)):
                state = _step_if(_step_if(hashed[i], behind[i], 24), behind[i], 16)
                hashed[i] = _step_if(_step_if(state, behind[i], 8), behind[i], 0)
            if longer + 1 < min_chars:
                continue
            for i in range(len(behind)):
                into[i] = _remainder(hashed[i], divisor, inverse)
            single = np.int64(longer == 0)  # `<` and `>` alone are no n-gram
            before, after = owners[: size - longer - 2 * single], owners[longer + 2 * single : size]
            own, into = owners[single : size - longer], buckets[single : size - longer]
            for i in range(len(before)):
                bucket, owner = np.int64(into[i]), own[i]
                whole: Any = np.int64(before[i] == after[i])
                rows[n] = owner | bucket
                n += has_row(bucket, model) & whole
                if n == most:
                    _take(vectors, facts, rows, n, model)
                    n = _NONE
    _take(vectors, facts, rows, n, model)


@uncounted_inlined
def _take(
    vectors: NDArray[np.float32], facts: NDArray[np.int32], rows: NDArray[np.int64], count: int, model: Rows
) -> None:
    """Adds rows to the vectors of the tokens that own them."""
    find_rows(rows, count, model)
    for i in range(count):
        token = rows[i] >> 32
        facts[token, 0] += 1
        add_row(vectors[token], rows[i] & BUCKET, model)
