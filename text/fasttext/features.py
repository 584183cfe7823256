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
_LOW = np.uint64(0xFFFFFFFF)
_1, _32 = np.uint64(1), np.uint64(32)

Kept = NDArray[np.uint64]


class Rows(NamedTuple):
    """The input matrix: dense [rows, padded columns], or, where that is empty, quantised."""

    dense: NDArray[np.float32]
    codes: NDArray[np.uint8]
    centroids: NDArray[np.float32]
    norms: NDArray[np.float32]
    kept: Kept  # which of each 32 buckets have rows, and how many before them do; empty: all
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
def _find_rows(rows: NDArray[np.int64], first: int, last: int, model: Rows) -> int:
    """Puts the rows of buckets in their place, asks for them, and leaves out those that have none; the end
    of what is left."""
    kept, dense = model.kept, model.dense
    n = last
    if len(kept):
        n = first
        for i in range(first, last):
            bucket = rows[i]
            rows[n] = bucket
            has: Any = np.int64(kept[bucket >> 5] >> np.uint64(bucket & 31) & _1)
            n += has
        for i in range(first, n):
            packed = kept[rows[i] >> 5]
            before = packed & ((_1 << np.uint64(rows[i] & 31)) - _1)
            rows[i] = np.int64((packed >> _32) + ones(before & _LOW))
    size = dense.shape[1]
    for i in range(first, n):
        rows[i] += model.words
        if len(dense):
            for k in range(0, size, LINE):
                prefetch(dense, rows[i] * size + k)
    return n


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
def _add_rows(total: NDArray[np.float32], rows: NDArray[np.int64], count: int, model: Rows) -> None:
    """Adds rows of the input matrix to a vector."""
    if len(model.dense):
        for i in range(count):
            add(total, model.dense, rows[i])
    else:
        codes, centroids = model.codes, model.centroids
        size = centroids.shape[2]
        for i in range(count):
            for part in range(codes.shape[1]):
                code = codes[rows[i], part]
                for k in range(min(size, len(total) - part * size)):  # the last part may be shorter
                    total[part * size + k] += model.norms[rows[i]] * centroids[part, code, k]


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
    min_chars: int,
    max_chars: int,
    model: Rows,
    vectors: NDArray[np.float32],
    facts: NDArray[np.int32],
    bounded: Bytes,
    rows: NDArray[np.int64],
) -> None:
    """Writes the vector of each of the tokens first … last - 1, and into `facts` of how many rows it is the
    sum and fastText's hash of it, [tokens, 2].

    Token 0 is the end of the text, which has no n-grams. `bounded` is room for the longest token and two
    bytes, `rows` for HELD + 1 rows.
    """
    for token in range(first, last):
        if token + _AHEAD < last:
            prefetch(slots, 2 * np.int64(place(hashes[token + _AHEAD], slots)))
        begin, size = ends[token], ends[token + 1] - ends[token]
        total = vectors[token]
        total[:] = 0
        state = FNV_SEED
        bounded[0] = 60  # <
        for i in range(size):
            bounded[i + 1] = held[begin + i]
            state = _step(state, held[begin + i])
        facts[token, 1] = np.int32(state)
        number = find(held, begin, begin + size, hashes[token], slots, known, known_ends)
        if number >= words or (number < 0 and _is_label(held, begin, size)):
            facts[token, 0] = LABEL
            continue
        count = n = 0
        if number >= 0:
            rows[0] = number
            n = 1
        if token > 0 and max_chars > 0 and model.buckets > 0:
            size += 2
            first_gram = n
            bounded[size - 1] = 62  # >
            for i in range(size):
                if bounded[i] & 0xC0 == 0x80:
                    continue
                state = FNV_SEED
                at = i
                for chars in range(1, max_chars + 1):
                    if at == size:
                        break
                    state = _step(state, bounded[at])
                    at += 1
                    while at < size and bounded[at] & 0xC0 == 0x80:
                        state = _step(state, bounded[at])
                        at += 1
                    # `<` and `>` alone are no n-gram.
                    if chars >= min_chars and not (chars == 1 and (i == 0 or at == size)):
                        rows[n] = np.int64(remainder(np.uint64(state), model.buckets, model.inverse))
                        n += 1
                        if n == HELD:
                            n = _find_rows(rows, first_gram, n, model)
                            _add_rows(total, rows, n, model)
                            count += n
                            first_gram = n = 0
            n = _find_rows(rows, first_gram, n, model)
        _add_rows(total, rows, n, model)
        facts[token, 0] = count + n


@uncounted_inlined
def _is_label(held: Bytes, begin: int, size: int) -> bool:
    if size < len(_PREFIX):
        return False
    for i in range(len(_PREFIX)):  # noqa: SIM110 - Numba compiles no generator inside `all`
        if held[begin + i] != _PREFIX[i]:
            return False
    return True


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
    at_once = min(HELD, max(_FEW, _IN_FLIGHT // size))
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
                    rows[n] = np.int64(remainder(state, model.buckets, model.inverse))
                    n += 1
                    if n == at_once:
                        n = _find_rows(rows, _NONE, n, model)
                        _add_rows(total, rows, n, model)
                        count += n
                        n = 0
            n = _find_rows(rows, _NONE, n, model)
            _add_rows(total, rows, n, model)
            count += n
        scale = np.float32(1.0 / max(count, 1))
        for k in range(size):
            total[k] *= scale
        counts[text] = count
    return 0
