"""The vector of a token: the sum of the model's rows of its word and of its character n-grams."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from text.fasttext.interned import FNV_SEED, Hashes32, Slots, find, head, place, step
from text.jit import inlined, kernel
from text.prefetch import prefetch
from text.strings import Bytes, Offsets

LANES = 16  # rows are padded to a multiple, so that inner loops have a fixed length
_IN_FLIGHT = 4096  # values of rows that are asked for before they are added: half of a first-level cache
_FEW = 24  # rows, at least
LABEL = -1  # features of a token that is a label: it is no word of the text
_PREFIX = np.frombuffer(b"__label__", np.uint8)
_AHEAD = 8  # tokens whose places in the dictionary are asked for before
_HELD = 256  # rows that are gathered before they are added
_LOW = np.uint64(0xFFFFFFFF)
_1, _5, _31, _32 = np.uint64(1), np.uint64(5), np.uint64(31), np.uint64(32)

Kept = NDArray[np.uint64]


class Rows(NamedTuple):
    """The input matrix: dense [rows, padded dim], or, where that is empty, quantised."""

    dense: NDArray[np.float32]
    codes: NDArray[np.uint8]
    centroids: NDArray[np.float32]
    norms: NDArray[np.float32]
    kept: Kept  # which of each 32 buckets have rows, and how many before them do; empty: all
    words: int
    buckets: np.uint64
    inverse: np.uint64  # (2^64 - 1) // buckets


@inlined
def high(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper half of the 128 bits of a product."""
    low_high = (a & _LOW) * (b >> _32)
    high_low = (a >> _32) * (b & _LOW)
    middle = ((a & _LOW) * (b & _LOW) >> _32) + (low_high & _LOW) + (high_low & _LOW)
    return (a >> _32) * (b >> _32) + (low_high >> _32) + (high_low >> _32) + (middle >> _32)


@inlined
def remainder(value: np.uint64, divisor: np.uint64, inverse: np.uint64) -> np.uint64:
    """value % divisor, without a division; inverse is (2^64 - 1) // divisor."""
    rest = value - high(value, inverse) * divisor
    while rest >= divisor:
        rest -= divisor
    return rest


@inlined
def remainder32(value: np.uint64, divisor: np.uint64, inverse: np.uint64) -> np.uint64:
    """As `remainder`, of a value below 2^32 and a divisor below 2^31 (Lemire et al., arXiv:1902.01961)."""
    share = (inverse + _1) * value  # of 2^64: what is behind the point of value / divisor
    return ((share >> _32) * divisor + ((share & _LOW) * divisor >> _32)) >> _32


@inlined
def bucket_row(bucket: np.uint64, kept: Kept, words: int) -> tuple[int, bool]:
    """The row of a bucket, and whether it has one."""
    if len(kept) == 0:
        return words + int(bucket), True
    packed = kept[bucket >> _5]
    bit = bucket & _31
    before = packed & ((_1 << bit) - _1)
    return words + int((packed >> _32) + ones(before)), bool((packed >> bit) & _1 != 0)


@inlined
def ones(value: np.uint64) -> np.uint64:
    """How many bits of the lower 32 are set."""
    value -= (value >> _1) & np.uint64(0x55555555)
    value = (value & np.uint64(0x33333333)) + ((value >> np.uint64(2)) & np.uint64(0x33333333))
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F)
    return (value * np.uint64(0x01010101) & _LOW) >> np.uint64(24)


@inlined
def add_rows(total: NDArray[np.float32], rows: NDArray[np.int64], count: int, model: Rows) -> None:
    """Adds rows of the input matrix to a vector."""
    dense = model.dense
    if len(dense):
        for i in range(count):
            row = rows[i]
            for block in range(0, len(total), LANES):
                for lane in range(LANES):
                    total[block + lane] += dense[row, block + lane]
    else:
        codes, centroids = model.codes, model.centroids
        width = centroids.shape[2]
        for i in range(count):
            row = rows[i]
            norm = model.norms[row]
            for part in range(codes.shape[1]):
                code = codes[row, part]
                for k in range(width):
                    total[part * width + k] += norm * centroids[part, code, k]


@kernel
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
    features: NDArray[np.int32],
) -> None:
    """Writes the vector of each of the tokens first … last - 1, and of how many rows it is the sum.

    Token 0 is the end of the text, which has no n-grams.
    """
    longest = 0
    for token in range(first, last):
        longest = max(longest, ends[token + 1] - ends[token])
    bounded = np.empty(longest + 2, np.uint8)
    states = np.empty(_HELD, np.uint32)
    rows = np.empty(_HELD + 1, np.int64)
    for token in range(first, last):
        if token + _AHEAD < last:
            prefetch(slots, 2 * np.int64(place(hashes[token + _AHEAD], slots)))
        begin, size = ends[token], ends[token + 1] - ends[token]
        total = vectors[token]
        total[:] = 0
        count = n = 0
        number = find(
            held,
            begin,
            begin + size,
            hashes[token],
            head(held, begin, begin + size),
            slots,
            known,
            known_ends,
        )
        if number >= words or (number < 0 and _is_label(held, begin, size)):
            features[token] = LABEL
            continue
        if number >= 0:
            rows[0] = number
            n = 1
        if token > 0 and max_chars > 0 and model.buckets > 0:
            size += 2
            grams = 0
            bounded[0] = 60  # <
            for i in range(1, size - 1):
                bounded[i] = held[begin + i - 1]
            bounded[size - 1] = 62  # >
            for i in range(size):
                if bounded[i] & 0xC0 == 0x80:
                    continue
                state = FNV_SEED
                at = i
                for chars in range(1, max_chars + 1):
                    if at == size:
                        break
                    state = step(state, bounded[at])
                    at += 1
                    while at < size and bounded[at] & 0xC0 == 0x80:
                        state = step(state, bounded[at])
                        at += 1
                    # `<` and `>` alone are no n-gram.
                    if chars >= min_chars and not (chars == 1 and (i == 0 or at == size)):
                        states[grams] = state
                        grams += 1
                        if grams == _HELD:
                            n = _find_rows(states, grams, rows, n, model)
                            add_rows(total, rows, n, model)
                            count += n
                            grams = n = 0
            n = _find_rows(states, grams, rows, n, model)
        add_rows(total, rows, n, model)
        features[token] = count + n


@inlined
def _find_rows(states: Hashes32, grams: int, rows: NDArray[np.int64], n: int, model: Rows) -> int:
    """Puts the rows of the n-grams of these hashes behind n others; how many there are."""
    kept, words, buckets, inverse = model.kept, model.words, model.buckets, model.inverse
    size = model.dense.shape[1]
    dense = len(model.dense) > 0
    for i in range(grams):
        rows[n], has = bucket_row(remainder32(np.uint64(states[i]), buckets, inverse), kept, words)
        if dense:
            for k in range(0, size, LANES):
                prefetch(model.dense, rows[n] * size + k)
        n += has
    return n


@inlined
def _is_label(held: Bytes, begin: int, size: int) -> bool:
    if size < len(_PREFIX):
        return False
    for i in range(len(_PREFIX)):  # noqa: SIM110 - Numba compiles no generator inside `all`
        if held[begin + i] != _PREFIX[i]:
            return False
    return True


_STEP = np.uint64(116049371)


@kernel
def text_vectors(
    numbers: NDArray[np.int32],
    cuts: Offsets,
    hashes: Hashes32,
    vectors: NDArray[np.float32],
    features: NDArray[np.int32],
    word_ngrams: int,
    model: Rows,
    means: NDArray[np.float32],
) -> None:
    """Writes the mean of the rows of each text's tokens, the last one `</s>`, and word n-grams, 0 where it
    has none; the number of rows into the last column of `means`."""
    rows = np.empty(_HELD, np.int64)
    size = vectors.shape[1]
    kept, words, buckets, inverse = model.kept, model.words, model.buckets, model.inverse
    dense = len(model.dense) > 0
    most_rows = min(_HELD, max(_FEW, _IN_FLIGHT // size))
    most = 0
    for text in range(len(cuts) - 1):
        most = max(most, cuts[text + 1] - cuts[text])
    states = np.empty(most + 1 if word_ngrams > 1 else 0, np.uint64)
    for text in range(len(cuts) - 1):
        total = means[text, :size]
        total[:] = 0
        count = n = 0
        spoken = 0
        for at in range(cuts[text], cuts[text + 1]):
            token = numbers[at]
            if features[token] == LABEL:
                continue
            count += features[token]
            if at + _AHEAD < cuts[text + 1]:
                for k in range(0, size, LANES):
                    prefetch(vectors, np.int64(numbers[at + _AHEAD]) * size + k)
            for block in range(0, size, LANES):
                for lane in range(LANES):
                    total[block + lane] += vectors[token, block + lane]
            if word_ngrams > 1:
                states[spoken] = np.uint64(np.int64(np.int32(hashes[token])))
                spoken += 1
        count += features[0]
        for k in range(size):
            total[k] += vectors[0, k]
        if buckets > 0 and word_ngrams > 1:
            states[spoken] = np.uint64(np.int64(np.int32(hashes[0])))
            spoken += 1
            for i in range(spoken):
                state = states[i]
                for j in range(i + 1, min(spoken, i + word_ngrams)):
                    state = state * _STEP + states[j]
                    rows[n], has = bucket_row(remainder(state, buckets, inverse), kept, words)
                    if dense:
                        for k in range(0, size, LANES):
                            prefetch(model.dense, rows[n] * size + k)
                    n += has
                    if n == most_rows:
                        add_rows(total, rows, n, model)
                        count += n
                        n = 0
            add_rows(total, rows, n, model)
            count += n
        if count > 0:
            scale = np.float32(1.0 / count)
            for k in range(size):
                total[k] *= scale
        means[text, size] = count
