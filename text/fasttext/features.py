"""The vector of a token: the sum of the model's rows of its word and of its character n-grams."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from text.bits import high, ones
from text.fasttext.interned import Hashes32, Slots, find, place
from text.jit import uncounted, uncounted_inlined
from text.prefetch import prefetch
from text.strings import Bytes, Offsets

LANES = 8  # rows of more values are padded to a multiple, so that inner loops have a fixed length
LINE = 16  # values of a cache line
LABEL = -1  # rows of a token that is a label: it is no word of the text
FNV_SEED = np.uint32(2166136261)
FNV_PRIME = np.uint32(16777619)
SIGNED = np.arange(256).astype(np.uint8).view(np.int8).astype(np.int32).view(np.uint32).copy()
_IN_FLIGHT = 4096  # values of rows that are asked for before they are added: half of a first-level cache
_FEW = 24  # rows, at least
_PREFIX = np.frombuffer(b"__label__", np.uint8)
_AHEAD = 12  # tokens whose places in the dictionary, or vectors, are asked for before
_NONE: Any = np.int64(0)  # a plain 0 is a type of its own to Numba, which compiles a function for it anew
HELD = 256  # rows that are gathered before they are added
_STEP = np.uint64(116049371)
_BUCKET: Any = np.int64(0xFFFFFFFF)
_BATCH = 4096  # characters of tokens whose n-grams are hashed at once
_OPENING, _CLOSING = np.uint8(60), np.uint8(62)  # < and >, that fastText puts around a token
_1, _32 = np.uint64(1), np.uint64(32)


class Rows(NamedTuple):
    """The input matrix: dense [rows, padded columns], or, where that is empty, quantised."""

    dense: NDArray[np.float32]
    codes: NDArray[np.uint8]
    centroids: NDArray[np.float32]
    norms: NDArray[np.float32]
    kept: NDArray[np.uint64]  # which of each 64 buckets have rows; empty: all
    before: NDArray[np.int32]  # how many before them do
    words: int
    buckets: np.uint64
    inverse: np.uint64  # (2^64 - 1) // buckets


def width(columns: int) -> int:
    """How many values as many columns are padded to: a power of two, or a multiple of LANES."""
    return 1 << (columns - 1).bit_length() if columns < LANES else -(-columns // LANES) * LANES


@uncounted_inlined
def _step(state: np.uint32, byte: np.uint8) -> np.uint32:
    """One step of FNV-1a, as fastText has it: bytes are signed."""
    return np.uint32((state ^ SIGNED[byte]) * FNV_PRIME)


@uncounted_inlined
def remainder(value: np.uint64, divisor: np.uint64, inverse: np.uint64) -> np.uint64:
    """value % divisor, without a division; inverse is (2^64 - 1) // divisor."""
    rest = value - high(value, inverse) * divisor  # below twice the divisor
    return min(rest, rest - divisor)


@uncounted_inlined
def _remainder(value: np.uint32, divisor: np.uint32, inverse: np.uint32) -> np.uint32:
    """As `remainder`, of 32 bits, which a processor does for several at once; inverse is 2^32 // divisor."""
    times = np.uint32(np.uint64(value) * np.uint64(inverse) >> _32)
    rest = np.uint32(value - np.uint32(times * divisor))
    return min(rest, np.uint32(rest - divisor))


@uncounted_inlined
def _has_row(bucket: np.int64, model: Rows) -> np.int64:
    """1 where the bucket has a row, 0 where it was pruned."""
    if len(model.kept) == 0:
        return np.int64(1)
    return np.int64(model.kept[bucket >> 6] >> np.uint64(bucket & 63) & _1)


@uncounted_inlined
def _find_rows(rows: NDArray[np.int64], count: int, model: Rows) -> None:
    """Puts the rows of buckets in their place, and asks for them; each is owner << 32 | bucket."""
    dense = model.dense
    size = dense.shape[1]
    for i in range(count):
        if len(model.kept):
            bucket = rows[i] & _BUCKET
            before = model.kept[bucket >> 6] & ((_1 << np.uint64(bucket & 63)) - _1)
            rows[i] += np.int64(model.before[bucket >> 6]) + np.int64(ones(before)) - bucket
        rows[i] += model.words
        if len(dense):
            for k in range(0, size, LINE):
                prefetch(dense, (rows[i] & _BUCKET) * size + k)


@uncounted_inlined
def add(total: NDArray[np.float32], rows: NDArray[np.float32], row: int) -> None:
    """Adds a row to a vector."""
    if len(total) < LANES:
        for k in range(len(total)):
            total[k] += rows[row, k]
    else:
        for block in range(0, len(total), LANES):
            for lane in range(LANES):
                total[block + lane] += rows[row, block + lane]


@uncounted_inlined
def _add_row(total: NDArray[np.float32], row: int, model: Rows) -> None:
    """Adds a row of the input matrix to a vector."""
    if len(model.dense):
        add(total, model.dense, row)
        return
    codes, centroids = model.codes, model.centroids
    size = centroids.shape[2]
    for part in range(codes.shape[1]):
        code = codes[row, part]
        for k in range(min(size, len(total) - part * size)):  # the last part may be shorter
            total[part * size + k] += model.norms[row] * centroids[part, code, k]


@uncounted_inlined
def _at_once(size: int) -> int:
    """How many rows of so many values are asked for before they are added."""
    return min(HELD, max(_FEW, _IN_FLIGHT // size))


@uncounted
def token_vectors(
    held: Bytes,
    ends: Offsets,
    hashes: Hashes32,
    first: int,
    last: int,
    slots: Slots,
    known: Bytes,
    known_ends: Offsets,
    words: int,
    word_ngrams: int,
    model: Rows,
    vectors: NDArray[np.float32],
    facts: NDArray[np.int32],
) -> None:
    """Writes the row of the word of each of the tokens first … last - 1, 0 of one that has none, and into
    `facts` [tokens, 2] of how many rows it is the sum and, where there are word n-grams, its hash.
    """
    for token in range(first, last):
        if token + _AHEAD < last:
            prefetch(slots, 2 * np.int64(place(hashes[token + _AHEAD], slots)))
        begin, end = ends[token], ends[token + 1]
        vectors[token, :] = 0
        facts[token, 0] = 0
        if word_ngrams > 1:
            state = FNV_SEED
            for at in range(begin, end):
                state = _step(state, held[at])
            facts[token, 1] = np.int32(state)
        number = find(held, begin, end, hashes[token], slots, known, known_ends)
        if number >= words or (number < 0 and _is_label(held, begin, end - begin)):
            facts[token, 0] = LABEL
        elif number >= 0:
            _add_row(vectors[token], number, model)
            facts[token, 0] = 1


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
            state = _step(state, _OPENING if at < begin else _CLOSING if at == end else held[at])
            at += 1
            while at < end and held[at] & 0xC0 == 0x80:
                state = _step(state, held[at])
                at += 1
            if chars >= min_chars and not (chars == 1 and (first < begin or first == end)):
                bucket = np.int64(remainder(np.uint64(state), model.buckets, model.inverse))
                rows[n] = owner | bucket
                n += _has_row(bucket, model)
                if n == _at_once(vectors.shape[1]):
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
    at_once = _at_once(vectors.shape[1])
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
                n += _has_row(bucket, model) & whole
                if n == at_once:
                    _take(vectors, facts, rows, n, model)
                    n = _NONE
    _take(vectors, facts, rows, n, model)


@uncounted_inlined
def _take(
    vectors: NDArray[np.float32], facts: NDArray[np.int32], rows: NDArray[np.int64], count: int, model: Rows
) -> None:
    """Adds rows to the vectors of the tokens that own them."""
    _find_rows(rows, count, model)
    for i in range(count):
        token = rows[i] >> 32
        facts[token, 0] += 1
        _add_row(vectors[token], rows[i] & _BUCKET, model)


@uncounted_inlined
def _is_label(held: Bytes, begin: int, size: int) -> bool:
    if size < len(_PREFIX):
        return False
    for i in range(len(_PREFIX)):  # noqa: SIM110 - Numba compiles no generator inside `all`
        if held[begin + i] != _PREFIX[i]:
            return False
    return True


@uncounted_inlined
def _add_rows(total: NDArray[np.float32], rows: NDArray[np.int64], count: int, model: Rows) -> None:
    """Adds to a vector the rows of buckets."""
    _find_rows(rows, count, model)
    for i in range(count):
        _add_row(total, rows[i], model)


@uncounted
def text_vectors(
    numbers: NDArray[np.int32],
    cuts: Offsets,
    vectors: NDArray[np.float32],
    facts: NDArray[np.int32],
    word_ngrams: int,
    model: Rows,
    means: NDArray[np.float32],
    counts: NDArray[np.int64],
    spoken: NDArray[np.uint64],
    rows: NDArray[np.int64],
    said: int,
    whole: bool,
) -> int:
    """Writes the mean of the rows of each text's tokens, the last one `</s>`, and word n-grams, 0 where it
    has none; and the number of rows.

    `spoken` is room for one more than the tokens of a text, `rows` for HELD rows. The first text may go on
    from an earlier call, that put `said` words of it there; unless `whole`, the last one goes on in the next
    call: how many words that is to be told, 0 where none goes on.
    """
    size = vectors.shape[1]
    at_once = _at_once(size)
    for text in range(len(cuts) - 1):
        total = means[text]
        count = words = n = _NONE
        if text == 0 and said > 0:
            count, words = counts[text], np.int64(said)
        else:
            total[:] = 0
        for at in range(cuts[text], cuts[text + 1]):
            if at + _AHEAD < cuts[text + 1]:
                ahead = np.int64(numbers[at + _AHEAD])
                prefetch(facts, 2 * ahead)
                for k in range(0, size, LINE):
                    prefetch(vectors, ahead * size + k)
            token: Any = np.int64(numbers[at])
            if facts[token, 0] != LABEL:
                count += facts[token, 0]
                add(total, vectors, token)
                spoken[words] = np.uint64(np.int64(facts[token, 1]))
                words += 1
        if not whole and text == len(cuts) - 2:
            counts[text] = count
            return int(words)
        count += facts[0, 0]
        add(total, vectors, _NONE)
        spoken[words] = np.uint64(np.int64(facts[0, 1]))
        words += 1
        if model.buckets > 0 and word_ngrams > 1:
            for i in range(words):
                state = spoken[i]
                for j in range(i + 1, min(words, i + word_ngrams)):
                    state = state * _STEP + spoken[j]
                    bucket = np.int64(remainder(state, model.buckets, model.inverse))
                    rows[n] = bucket
                    n += _has_row(bucket, model)
                    if n == at_once:
                        _add_rows(total, rows, n, model)
                        count += n
                        n = _NONE
            _add_rows(total, rows, n, model)
            count += n
            n = _NONE
        scale = np.float32(1.0 / max(count, 1))
        for k in range(size):
            total[k] *= scale
        counts[text] = count
    return 0
