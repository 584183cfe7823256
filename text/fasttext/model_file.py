"""The file of a supervised fastText model, `.bin` or quantised `.ftz`, read and checked.

    magic, version, arguments, dictionary (words, then labels), kept buckets, input matrix, output matrix

All integers and floats are little-endian. A matrix is dense (rows of float32) or product-quantised (Joulin
et al. 2016, arXiv:1612.03651): a row is a byte for each `dsub` of its values, that names one of 256
centroids, and perhaps one for its norm. The kernels check no index, so everything that becomes one is
checked here, and so is that every number is finite.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = 793712314
VERSIONS = (11, 12)
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
_SUPERVISED = 3
_MODELS = {1: "cbow", 2: "skipgram"}
_CENTROIDS = 256
_SHORTEST = 10  # bytes of a token of the dictionary: its zero, its count, its kind
_MOST_COUNTED = 10**15  # texts of all labels together: what fastText takes for infinite
_ARGUMENTS = 12  # of four bytes each, before one of eight

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Quantised:
    """A product-quantised matrix of `rows` rows of `columns` values.

    codes       [rows, parts] uint8, which centroid each part of a row is
    centroids   [parts, 256, values of a part] float32; the last part may have fewer, the rest is 0
    norms       [rows] float32, by which a row is to be multiplied
    """

    columns: int
    codes: NDArray[np.uint8]
    centroids: Floats
    norms: Floats

    def dense(self, rows: slice = slice(None)) -> Floats:
        """These rows, [rows, columns] float32."""
        codes = self.codes[rows]
        parts = [self.centroids[k][codes[:, k]] for k in range(codes.shape[1])]
        values = np.concatenate(parts, axis=1)[:, : self.columns] if parts else np.empty((0, 0), np.float32)
        return np.asarray(values * self.norms[rows][:, None], np.float32)


@dataclass(frozen=True)
class ModelFile:
    """What a model file says.

    tokens   the words, then the labels with their prefix, as bytes
    counts   of the labels in the training data, [labels]
    kept     of a model whose n-grams were pruned: the buckets that have rows behind the words, in order; None
             where all have
    inputs   [words + buckets or kept ones, dim]; outputs [labels, dim]
    """

    dim: int
    loss: str
    word_ngrams: int
    min_chars: int
    max_chars: int
    buckets: int
    words: int
    tokens: list[bytes]
    counts: NDArray[np.int64]
    kept: NDArray[np.int64] | None
    inputs: Floats | Quantised
    outputs: Floats


def read_model(path: str | Path) -> ModelFile:
    """Reads a model; ValueError, naming the file and what is wrong, where it is none that can be used."""
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder; a fastText model is a file, .bin or .ftz")
    with open(path, "rb") as file:
        try:
            data: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file
            data = b""
    try:
        return _model(_Reader(memoryview(data)))
    except ValueError as fault:
        raise ValueError(f"{path} is not a fastText model that can be used: {fault}") from fault


def label_names(model: ModelFile) -> list[str]:
    """The labels in the order of the file, without their prefix."""
    return [token.decode(errors="replace").removeprefix("__label__") for token in model.tokens[model.words :]]


class _Reader:
    """Takes numbers and arrays off the bytes of a file, in order."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    def numbers(self, form: str) -> tuple[Any, ...]:
        size = struct.calcsize("<" + form)
        return struct.unpack("<" + form, self._bytes(size))

    def array(self, kind: str, count: int) -> NDArray[Any]:
        if count < 0:
            raise ValueError(f"it says that something has {count} values")
        return np.frombuffer(self._bytes(count * np.dtype(kind).itemsize), kind)

    def word(self, longest: int = 1 << 16) -> bytes:
        """The bytes up to the next zero."""
        begin = self._at
        window = bytes(self._data[begin : begin + longest])
        end = window.find(b"\0")
        if end < 0:
            raise ValueError(f"the word at byte {begin:,} has no end")
        self._at += end + 1
        return window[:end]

    def left(self) -> int:
        """Bytes that are still to come."""
        return len(self._data) - self._at

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at:,} bytes are left behind its end")

    def _bytes(self, size: int) -> memoryview:
        if size > len(self._data) - self._at:
            raise ValueError(
                f"it is cut off: {size:,} bytes are to come at byte {self._at:,} of {len(self._data):,}"
            )
        self._at += size
        return self._data[self._at - size : self._at]


def _model(file: _Reader) -> ModelFile:
    magic, version = file.numbers("ii")
    if magic != MAGIC:
        raise ValueError("it does not begin as one")
    if version not in VERSIONS:
        raise ValueError(f"version {version}; versions {VERSIONS[0]} and {VERSIONS[1]} can be read")
    dim, _, _, _, _, word_ngrams, loss, model, buckets, min_chars, max_chars, _ = file.numbers("12i")
    file.numbers("d")
    if model != _SUPERVISED:
        raise ValueError(f"it holds word vectors ({_MODELS.get(model, model)}), not a classifier")
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss}")
    if version == VERSIONS[0]:
        max_chars = 0  # classifiers of that time looked at words alone
    size, words, labels = file.numbers("iii")
    _, kept_count = file.numbers("qq")
    if min(dim, labels) < 1 or words < 0 or size != words + labels:
        raise ValueError(
            f"{dim} dimensions, {words} words and {labels} labels of {size} tokens; a file that floret "
            "saved has two numbers more than fastText's, and `winnow train` cuts them out"
        )
    if size * _SHORTEST > file.left():
        raise ValueError(f"it is cut off: {size:,} tokens are to come, and {file.left():,} bytes")
    if buckets < 1 and (word_ngrams > 1 or max_chars > 0):
        raise ValueError(f"n-grams without buckets ({buckets})")
    tokens: list[bytes] = []
    counts = np.empty(size, np.int64)
    for at in range(size):
        tokens.append(file.word())
        counts[at], kind = file.numbers("qb")
        if kind != (at >= words):
            raise ValueError(f"words and labels are not in order at token {at}")
    if min(counts[words:]) < 0 or sum(counts[words:].tolist()) >= _MOST_COUNTED:
        raise ValueError("the counts of its labels are not possible")
    if len(set(tokens)) < size:
        raise ValueError("a token of its dictionary is there twice")
    pairs = file.array("<i4", 2 * max(kept_count, 0)).reshape(-1, 2)
    (quantised,) = file.numbers("?")
    if kept_count >= 0 and not quantised:
        raise ValueError("its n-grams are pruned, but it is not quantised")
    inputs = _quantised(file) if quantised else _dense(file)
    (quantised_outputs,) = file.numbers("?")
    outputs = _quantised(file).dense() if quantised and quantised_outputs else _dense(file)
    file.end()
    grams = 0 if word_ngrams <= 1 and max_chars <= 0 else buckets if kept_count < 0 else kept_count
    rows, columns = (inputs.codes.shape[0], inputs.columns) if isinstance(inputs, Quantised) else inputs.shape
    if rows < words + grams or columns != dim:
        raise ValueError(f"its input matrix is {rows} by {columns}; expected {words + grams} by {dim}")
    kept = None
    if kept_count >= 0:
        kept, at_row = _kept(pairs, buckets, rows - words)
        inputs = _taken(inputs, np.concatenate([np.arange(words), words + at_row]))
    if outputs.shape != (labels, dim):
        raise ValueError(f"its output matrix is {outputs.shape}; expected {labels} by {dim}")
    return ModelFile(
        dim,
        LOSSES[loss],
        max(word_ngrams, 1),
        min_chars,
        max(max_chars, 0),
        max(buckets, 0),
        words,
        tokens,
        counts[words:],
        kept,
        inputs,
        outputs,
    )


def _kept(pairs: NDArray[np.int32], buckets: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The buckets that are kept, rising, and the row, behind the words, of each."""
    if len(pairs) and (pairs.min() < 0 or pairs[:, 0].max() >= buckets or pairs[:, 1].max() >= rows):
        raise ValueError("a kept n-gram has no bucket or no row")
    if len(np.unique(pairs[:, 0])) < len(pairs):
        raise ValueError("an n-gram is kept twice")
    order = np.argsort(pairs[:, 0])
    return pairs[order, 0].astype(np.int64), pairs[order, 1].astype(np.int64)


def _dense(file: _Reader) -> Floats:
    rows, columns = file.numbers("qq")
    if min(rows, columns) < 0:
        raise ValueError(f"a matrix of {rows} by {columns}")
    return _finite(file.array("<f4", rows * columns)).reshape(rows, columns)


def _quantised(file: _Reader) -> Quantised:
    with_norms, rows, columns, codes_size = file.numbers("?qqi")
    codes = file.array("u1", codes_size)
    centroids = _centroids(file, columns)
    if rows < 0 or codes_size != rows * len(centroids):
        raise ValueError(f"{codes_size} codes of {rows} rows of {len(centroids)} parts")
    norms = np.ones(rows, np.float32)
    if with_norms:
        norm_codes = file.array("u1", rows)
        norms = np.ascontiguousarray(_centroids(file, 1)[0, norm_codes, 0])
    return Quantised(columns, codes.reshape(rows, len(centroids)), centroids, norms)


def _centroids(file: _Reader, columns: int) -> Floats:
    """[parts, 256, values of a part], of a product quantiser of `columns` values."""
    dim, parts, each, last = file.numbers("iiii")
    if dim != columns or min(parts, each, last) < 1 or last > each or (parts - 1) * each + last != dim:
        raise ValueError(f"{parts} parts of {each} values, the last of {last}, for {columns} columns")
    values = _finite(file.array("<f4", dim * _CENTROIDS))
    centroids = np.zeros((parts, _CENTROIDS, each), np.float32)
    full = (parts - 1) * _CENTROIDS * each
    centroids[:-1] = values[:full].reshape(parts - 1, _CENTROIDS, each)
    centroids[-1, :, :last] = values[full:].reshape(_CENTROIDS, last)
    return centroids


def _taken(inputs: Floats | Quantised, rows: NDArray[np.int64]) -> Floats | Quantised:
    if not isinstance(inputs, Quantised):
        return inputs[rows]
    return Quantised(inputs.columns, inputs.codes[rows], inputs.centroids, inputs.norms[rows])


def _finite(values: NDArray[Any]) -> Floats:
    with np.errstate(invalid="ignore"):
        total = values.sum(dtype=np.float64)  # of 32-bit numbers: finite where all of them are
    if not np.isfinite(total):
        raise ValueError("it holds numbers that are not finite")
    return values
