"""A supervised fastText model that reads texts where they lie in Arrow's buffers.

As Joulin et al. 2016 (arXiv:1607.01759), and as the fasttext package answers: a text is one line, its line
breaks are spaces. The texts of a call are gone through in pieces: tokens are numbered, each new one's vector
is computed once and kept for the next texts, then vectors are summed by text. What is kept never changes an
answer.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text.fasttext.character_ngrams import add_character_ngrams, ngram_room
from text.fasttext.features import text_vectors, token_vectors
from text.fasttext.interned import END, Interned, cut
from text.fasttext.model_file import ModelFile, Quantised, label_names, read_model
from text.fasttext.rows import HELD, LANES, LINE, Rows, width
from text.fasttext.scores import best_of_all, best_of_tree, product, tree
from text.strings import Bytes, Offsets, Strings

UNKNOWN = -1
_PIECE = 1 << 20  # bytes of text that are gone through at once; a longer text is a piece of its own
_KEPT = 64 << 20  # bytes of vectors, and of what finds them, that are kept for the next texts, or are new
_A_TOKEN = 64  # bytes that find one
_EXPECTED = 1 << 17  # tokens for which there is room from the beginning
_DENSE = 64 << 20  # bytes up to which a quantised matrix is unpacked
_AT_ONCE = 1 << 14  # rows that are copied at once

Floats = NDArray[np.float32]


class FastText:
    """A loaded model.

    labels   [labels] without their prefix
    loss     hs, softmax, ova (one against all) or ns
    """

    def __init__(self, path: str | Path) -> None:
        """ValueError, naming the file, where it is not a supervised model."""
        model = read_model(path)
        self.labels = label_names(model)
        self._words, self._chars = model.words, (model.min_chars, model.max_chars)
        self._word_ngrams = model.word_ngrams
        self.loss = model.loss
        self._tree = tree(model.counts) if model.loss == "hs" else None
        columns = width(max(model.dim, 4))
        self._size = min(columns, width(len(self.labels)))
        weights = np.zeros((columns, max(width(len(self.labels)), LANES)), np.float32)
        weights[: model.dim, : len(self.labels)] = model.outputs.T
        # What the outputs say of a mean of rows is the mean of what they say of the rows. So where there are
        # fewer labels than columns, rows are what the outputs say of them: much less to read for each n-gram.
        told = self._size < columns
        self._rows = _rows(model, self._size, weights if told else None)
        none = np.empty((0, 0), np.float32)
        self._outputs = none if told or not self._tree else np.ascontiguousarray(weights.T)
        self._weights = none if told or self._tree else weights
        self._known = Interned(len(model.tokens))
        self._known.add(model.tokens)
        self._most = max(_KEPT // (self._size * 4 + _A_TOKEN), 1)
        room = min(self._most, _EXPECTED)
        self._tokens = Interned(room)
        self._vectors = np.empty((room, self._size), np.float32)
        self._facts = np.empty((room, 2), np.int32)

    def predict(self, strings: Strings, best: int = 1) -> tuple[NDArray[np.int32], Floats]:
        """The `best` likeliest labels of each text, [n, best], and their probabilities.

        UNKNOWN and 0 where there are fewer, and for a text of which the model knows nothing.
        """
        return self.predict_spans(strings.data, strings.offsets[:-1], strings.offsets[1:], best)

    def predict_spans(
        self, data: Bytes, firsts: Offsets, lasts: Offsets, best: int = 1
    ) -> tuple[NDArray[np.int32], Floats]:
        """As `predict`, of the texts `data[firsts[i]:lasts[i]]`."""
        labels = np.full((len(firsts), best), UNKNOWN, np.int32)
        scores = np.zeros((len(firsts), best), np.float32)
        if not len(firsts):
            return labels, scores
        firsts, lasts = _frozen(firsts), _frozen(lasts)
        piece = np.cumsum(lasts - firsts) // _PIECE
        bounds = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist(), len(firsts)]
        for begin, end in itertools.pairwise(bounds):
            found = self._best(data, firsts[begin:end], lasts[begin:end], min(best, len(self.labels)))
            labels[begin:end, : len(self.labels)], scores[begin:end, : len(self.labels)] = found
        return labels, scores

    def _best(
        self, data: Bytes, firsts: Offsets, lasts: Offsets, best: int
    ) -> tuple[NDArray[np.int32], Floats]:
        means, counts = self._means(data, firsts, lasts)
        labels = np.full((len(firsts), best), UNKNOWN, np.int32)
        scores = np.zeros((len(firsts), best), np.float32)
        if self._tree:
            room = len(self._tree[0]) + 1
            nodes, so_far = np.empty(room, np.int64), np.empty(room, np.float32)
            best_of_tree(means, counts, self._outputs, *self._tree, nodes, so_far, labels, scores)
            return labels, scores
        if len(self._weights):
            rows, means = means, np.empty((len(means), self._weights.shape[1]), np.float32)
            product(rows, self._weights, means)
        best_of_all(means, counts, len(self.labels), self.loss == "softmax", labels, scores)
        return labels, scores

    def _means(self, data: Bytes, firsts: Offsets, lasts: Offsets) -> tuple[Floats, NDArray[np.int64]]:
        begins, ends, cuts = cut(data, firsts, lasts)
        means, counts = np.empty((len(firsts), self._size), np.float32), np.empty(len(firsts), np.int64)
        spoken = np.empty(int(np.diff(cuts).max()) + 1, np.uint64)
        # One text may have millions of tokens that no other has: so many are gone through at once as fill
        # what is kept, wherever texts begin and end.
        text = said = 0
        for begin in range(0, max(len(begins), 1), self._most):
            end = min(begin + self._most, len(begins))
            numbers = self._numbered(data, begins[begin:end], ends[begin:end])
            # Up to the text that goes on behind these tokens; none does behind the last ones.
            until = int(np.searchsorted(cuts, end, "left")) if end < len(begins) else len(firsts)
            whole = cuts[until] <= end
            said = text_vectors(
                numbers,
                np.clip(cuts[text : until + 1], begin, end) - begin,
                self._vectors,
                self._facts,
                self._word_ngrams,
                self._rows,
                means[text:until],
                counts[text:until],
                spoken,
                np.empty(HELD + 1, np.int64),
                said,
                whole,
            )
            text = until if whole else until - 1
        return means, counts

    def _numbered(self, data: Bytes, begins: Offsets, ends: Offsets) -> NDArray[np.int32]:
        """The numbers of tokens, whose vectors and facts are held then, as those of the text's end are."""
        tokens, known = self._tokens, self._known
        if tokens.count > self._most:
            tokens.clear()
        done = tokens.count
        if not done:
            tokens.add([END])
        numbers = tokens.number(data, begins, ends)
        if len(self._facts) < tokens.count:
            room = max(tokens.count, 2 * done)
            self._vectors = _longer(self._vectors, done, room)
            self._facts = _longer(self._facts, done, room)
        held = _frozen(tokens.data), tokens.ends
        token_vectors(
            *held,
            tokens.hashes,
            done,
            tokens.count,
            known.slots,
            known.data,
            known.ends,
            self._words,
            self._word_ngrams,
            self._rows,
            self._vectors,
            self._facts,
        )
        if self._chars[1] > 0 and self._rows.buckets > 0:
            begin = max(done, 1)  # the end of a text has no n-grams
            add_character_ngrams(
                *held,
                begin,
                tokens.count,
                *self._chars,
                self._rows,
                self._vectors,
                self._facts,
                ngram_room(),
            )
        return numbers


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written: Numba compiles a kernel anew for arrays that can."""
    view = values.view()
    view.flags.writeable = False
    return view


def _longer(old: NDArray[Any], used: int, size: int) -> NDArray[Any]:
    new = np.empty((size, *old.shape[1:]), old.dtype)
    new[:used] = old[:used]
    return new


def _aligned(rows: int, size: int) -> Floats:
    """Zeros, the first one at the beginning of a cache line."""
    raw = np.zeros(rows * size + LINE, np.float32)
    skipped = -raw.ctypes.data // 4 % LINE
    return raw[skipped : skipped + rows * size].reshape(rows, size)


def _rows(model: ModelFile, size: int, weights: Floats | None) -> Rows:
    """The rows of a model, or their products with the weights, of `size` values each."""
    inputs = model.inputs
    codes, centroids = np.empty((0, 0), np.uint8), np.empty((0, 0, 0), np.float32)
    norms: Floats = np.empty(0, np.float32)
    dense = np.empty((0, size), np.float32)
    if isinstance(inputs, Quantised) and weights is None and len(inputs.codes) * size * 4 > _DENSE:
        codes, centroids, norms = np.array(inputs.codes), inputs.centroids, inputs.norms
    else:
        count = len(inputs.codes) if isinstance(inputs, Quantised) else len(inputs)
        dense = _aligned(count, size)
        for begin in range(0, count, _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            raw = inputs.dense(part) if isinstance(inputs, Quantised) else inputs[part]
            if weights is None:
                dense[part, : model.dim] = raw
                continue
            padded, products = (
                np.zeros((len(raw), len(weights)), np.float32),
                np.empty((len(raw), weights.shape[1]), np.float32),
            )
            padded[:, : model.dim] = raw
            product(padded, weights, products)
            dense[part] = products[:, :size]
    buckets, bits, before = model.buckets, np.empty(0, np.uint64), np.empty(0, np.int32)
    if model.kept is not None:
        kept = model.kept
        buckets = buckets if len(kept) else 0  # all n-grams were pruned
        bits = np.zeros(buckets // 64 + 1, np.uint64)
        np.bitwise_or.at(bits, kept // 64, np.uint64(1) << (kept % 64).astype(np.uint64))
        before = np.searchsorted(kept, 64 * np.arange(len(bits))).astype(np.int32)
    return Rows(
        dense,
        codes,
        centroids,
        norms,
        bits,
        before,
        model.words,
        np.uint64(buckets),
        np.uint64((2**64 - 1) // max(buckets, 1)),
    )
