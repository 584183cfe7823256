"""A supervised fastText model that reads texts where they lie in Arrow's buffers.

As Joulin et al. 2016 (arXiv:1607.01759), and as the fasttext package answers: a text is one line, its line
breaks are spaces. The texts of a call are gone through in pieces: tokens are numbered, each new one's vector
is computed once and kept for the next texts, then vectors are summed by text. What is kept never changes an
answer.
"""

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from text.fasttext.features import LANES, Rows, text_vectors, token_vectors
from text.fasttext.interned import END, Interned, cut
from text.fasttext.model_file import Quantised, read_model
from text.fasttext.scores import best_of_all, best_of_tree, tree
from text.strings import Bytes, Offsets, Strings

UNKNOWN = -1
_PIECE = 1 << 20  # bytes of text that are gone through at once; a longer text is a piece of its own
_KEPT = 32 << 20  # bytes of vectors that are kept for the next texts
_DENSE = 64 << 20  # bytes up to which a quantised matrix is unpacked


class FastText:
    """A loaded model.

    labels   [labels] without their prefix
    loss     hs, softmax, ova (one against all) or ns
    """

    def __init__(self, path: str | Path) -> None:
        """ValueError, naming the file, where it is not a supervised model."""
        model = read_model(path)
        self.labels = [
            token.decode(errors="replace").removeprefix("__label__") for token in model.tokens[model.words :]
        ]
        self._words, self._chars = model.words, (model.min_chars, model.max_chars)
        self._word_ngrams = model.word_ngrams
        self.loss = model.loss
        self._tree = tree(model.counts) if model.loss == "hs" else None
        self._size = -(-model.dim // LANES) * LANES
        self._outputs = _padded(model.outputs, self._size)
        self._rows = _rows(model.inputs, self._size, model.kept, model.words, model.buckets)
        self._known = Interned()
        self._known.add(model.tokens)
        if self._known.count < len(model.tokens):
            raise ValueError(f"{path} holds a token of its dictionary twice")
        self._tokens = Interned()
        self._vectors = np.empty((0, self._size), np.float32)
        self._features = np.empty(0, np.int32)

    def predict(self, strings: Strings, best: int = 1) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The `best` likeliest labels of each text, [n, best], and their probabilities.

        UNKNOWN and 0 where there are fewer, and for a text of which the model knows nothing.
        """
        return self.predict_spans(strings.data, strings.offsets[:-1], strings.offsets[1:], best)

    def predict_spans(
        self, data: Bytes, firsts: Offsets, lasts: Offsets, best: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `predict`, of the texts `data[firsts[i]:lasts[i]]`."""
        labels = np.full((len(firsts), best), UNKNOWN, np.int32)
        scores = np.zeros((len(firsts), best), np.float32)
        if not len(firsts):
            return labels, scores
        firsts, lasts = firsts.view(), lasts.view()
        firsts.flags.writeable = lasts.flags.writeable = False  # Numba compiles anew for what can be written
        piece = np.cumsum(lasts - firsts) // _PIECE
        bounds = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist(), len(firsts)]
        for begin, end in itertools.pairwise(bounds):
            means = self._means(data, firsts[begin:end], lasts[begin:end])
            part = labels[begin:end, : len(self.labels)], scores[begin:end, : len(self.labels)]
            if self._tree:
                best_of_tree(means, self._outputs, *self._tree, *part)
            else:
                best_of_all(means, self._outputs, self.loss == "softmax", *part)
        return labels, scores

    def _means(self, data: Bytes, firsts: Offsets, lasts: Offsets) -> NDArray[np.float32]:
        tokens = self._tokens
        if tokens.count * self._size * 4 > _KEPT:
            tokens.clear()
        begins, ends, hashes, cuts = cut(data, firsts, lasts)
        done = tokens.count
        if not done:
            tokens.add([END])
        numbers = tokens.number(data, begins, ends, hashes)
        if len(self._features) < tokens.count:
            room = max(tokens.count, 2 * done)
            vectors, features = np.empty((room, self._size), np.float32), np.empty(room, np.int32)
            vectors[:done], features[:done] = self._vectors[:done], self._features[:done]
            self._vectors, self._features = vectors, features
        known = self._known
        token_vectors(
            tokens.data,
            tokens.ends,
            tokens.hashes,
            done,
            tokens.count,
            known.slots,
            known.data,
            known.ends,
            self._words,
            *self._chars,
            self._rows,
            self._vectors,
            self._features,
        )
        means = np.empty((len(firsts), self._size + 1), np.float32)
        text_vectors(
            numbers, cuts, tokens.hashes, self._vectors, self._features, self._word_ngrams, self._rows, means
        )
        return means


def _padded(rows: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The rows with zeros behind them, each at the beginning of a cache line."""
    raw = np.zeros(len(rows) * size + LANES, np.float32)
    skipped = -raw.ctypes.data // 4 % LANES
    out = raw[skipped : skipped + len(rows) * size].reshape(len(rows), size)
    out[:, : rows.shape[1]] = rows
    return out


def _rows(
    inputs: NDArray[np.float32] | Quantised,
    size: int,
    kept: NDArray[np.int64] | None,
    words: int,
    buckets: int,
) -> Rows:
    codes, centroids, norms = (
        np.empty((0, 0), np.uint8),
        np.empty((0, 0, 0), np.float32),
        np.empty(0, np.float32),
    )
    dense = np.empty((0, size), np.float32)
    if not isinstance(inputs, Quantised):
        dense = _padded(inputs, size)
    elif len(inputs.codes) * size * 4 <= _DENSE:
        dense = _padded(inputs.dense(), size)
    else:
        codes, centroids, norms = np.array(inputs.codes), inputs.centroids, inputs.norms
    packed = np.empty(0, np.uint64)
    if kept is not None:
        buckets = buckets if len(kept) else 0  # all n-grams were pruned
        packed = np.zeros(buckets // 32 + 1, np.uint64)
        np.bitwise_or.at(packed, kept // 32, np.uint64(1) << (kept % 32).astype(np.uint64))
        before = np.searchsorted(kept, 32 * np.arange(len(packed)))
        packed |= before.astype(np.uint64) << np.uint64(32)
    return Rows(
        dense,
        codes,
        centroids,
        norms,
        packed,
        words,
        np.uint64(buckets),
        np.uint64((2**64 - 1) // max(buckets, 1)),
    )
