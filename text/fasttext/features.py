"""The vectors of tokens and of texts: sums of the model's rows of words and their n-grams."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from text.fasttext.character_ngrams import FNV_SEED, LABEL, step
from text.fasttext.interned import Hashes32, Slots, find, place
from text.fasttext.rows import LINE, Rows, add, add_row, at_once, find_rows, has_row, remainder
from text.jit import uncounted, uncounted_inlined
from text.prefetch import prefetch
from text.strings import Bytes, Offsets

_PREFIX = np.frombuffer(b"__label__", np.uint8)
_AHEAD = 12  # tokens whose places in the dictionary, or vectors, are asked for before
_NONE: Any = np.int64(0)  # a plain 0 is a type of its own to Numba, which compiles a function for it anew
_STEP = np.uint64(116049371)


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
                state = step(state, held[at])
            facts[token, 1] = np.int32(state)
        number = find(held, begin, end, hashes[token], slots, known, known_ends)
        if number >= words or (number < 0 and _is_label(held, begin, end - begin)):
            facts[token, 0] = LABEL
        elif number >= 0:
            add_row(vectors[token], number, model)
            facts[token, 0] = 1


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
    find_rows(rows, count, model)
    for i in range(count):
        add_row(total, rows[i], model)


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
    most = at_once(size)
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
                    n += has_row(bucket, model)
                    if n == most:
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
