"""The tasks of the pass `semantic`: embeddings of a unit, clusters of k-means, neighbours within them.

Vectors are kept as 16-bit floats, 2 bytes a dimension. A task holds one batch of texts, or one part: some
clusters of together at most `PART_BYTES` of vectors and one more of about `largest` documents. Documents
with one and the same vector stay together, however many they are, and have it once: such a part takes some
200 bytes a document.
"""

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.keep import Orders, places, stored_columns
from dedup.scope import groups
from dedup.semdedup.vectors import (
    DECIMALS,
    Grid,
    Method,
    Numbers,
    centroids_of,
    nearest_centroids,
    on_grid,
    planes,
    sides,
)
from embedding.embed import Embed, opened
from pipeline.corpus import CorpusUnit
from pipeline.exchange import write_by_document, write_parts
from pipeline.store import ParquetSink, Sink, exists, join, open_input, parquet_file, remove
from text.hashing import Hashes, hash128
from text.strings import Strings

PART_BYTES = 1 << 26
_BATCH_ROWS = 2048
VECTOR_ROWS = 1 << 14  # vectors read or written at a time
_BINS = 2 * 10**DECIMALS + 1

_FIXED = (
    pa.field("document", pa.int64(), nullable=False),
    pa.field("id", pa.large_string(), nullable=False),
    pa.field("hash", pa.uint64(), nullable=False),
    pa.field("group", pa.uint64(), nullable=False),
)
_NEAREST = pa.schema(
    [pa.field("centroid", pa.int32(), nullable=False), pa.field("cosine", pa.float64(), nullable=False)]
)
PROTOTYPES = pa.schema(
    [pa.field("document", pa.int64(), nullable=False), pa.field("bin", pa.int32(), nullable=False)]
)


@dataclass(frozen=True)
class Work:
    """What the tasks share.

    keep      orders by which documents come first, () for the distance to the centroid
    farthest  whether those farthest from it come first
    sampled   documents with an id's hash below this are what centroids are found from
    """

    embed: Embed
    within: tuple[str, ...]
    keep: Orders
    farthest: bool
    method: Method
    seed: int
    largest: int
    threshold: float
    sampled: int


@dataclass(frozen=True)
class Embedded:
    """A file of embeddings: of a unit's documents with a vector, in their order; one of those among them that
    centroids are found from."""

    path: str
    sample: str
    index: int
    rows: int
    size: int


def vector_type(size: int) -> pa.DataType:
    return pa.list_(pa.field("element", pa.float16(), nullable=False), size)


def _embedded_schema(orders: int, size: int) -> pa.Schema:
    """Without vectors where `size` is 0."""
    fields = [*_FIXED, *(pa.field(f"order_{at}", pa.int64()) for at in range(orders))]
    if size:
        fields.append(pa.field("vector", vector_type(size), nullable=False))
    return pa.schema(fields)


def to_array(vectors: NDArray[np.float16]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(vectors).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, type=vector_type(vectors.shape[1]))


def from_column(column: pa.ChunkedArray) -> NDArray[np.float16]:
    """The vectors of a column, [n, d] float16."""
    size = column.type.list_size
    parts = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, size) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros((0, size), np.float16)


def write_embedded(folder: str, work: Work, unit: CorpusUnit) -> Embedded:
    """Embeds the documents of a unit. One without words has no vector and is left out."""
    path, sample = (join(folder, f"{unit.index:06d}.{kind}parquet") for kind in ("", "sample."))
    columns = list(dict.fromkeys(("id", "text", *stored_columns(work.keep), *work.within)))
    kept = []
    rows, size = 0, 0
    sinks: list[ParquetSink] = []
    with contextlib.ExitStack() as stack:  # only the first vectors say how long they are
        for number, table in enumerate(unit.read(columns, _BATCH_ROWS)):
            answer = join(folder, f"{unit.index:06d}-{number:06d}.npy")
            vectors = _vectors(work.embed, table.column("text"), answer)
            kept.append(answer)
            known = np.flatnonzero(vectors.any(axis=1))
            ids = table.column("id").combine_chunks().cast(pa.large_string())
            arrays = [
                unit.first + table.column("position").to_numpy(),
                ids,
                hash128(Strings.of(ids))[:, 0],
                groups(table, work.within),
                *places(unit.source, table, work.keep),
            ]
            size = vectors.shape[1]
            found = pa.table(arrays, schema=_embedded_schema(len(work.keep), 0)).take(known)
            schema = _embedded_schema(len(work.keep), size)
            found = found.append_column("vector", to_array(vectors[known])).cast(schema)
            few = found.select(["hash", "vector"]).take(pa.array(_sampled(work, found)))
            for at, (name, table) in enumerate(((path, found), (sample, few))):
                if len(sinks) == at:
                    sinks.append(stack.enter_context(ParquetSink(name, table.schema, VECTOR_ROWS)))
                sinks[at].write(table)
            rows += len(known)
    for answer in kept:
        if exists(answer):
            remove(answer)
    return Embedded(path, sample, unit.index, rows, size)


def _sampled(work: Work, table: pa.Table) -> Numbers:
    """The rows that centroids are found from."""
    hashed = table.column("hash").to_numpy()
    return np.flatnonzero(hashed < work.sampled) if work.sampled < 1 << 64 else np.arange(len(hashed))


def _vectors(embed: Embed, texts: pa.ChunkedArray, answer: str) -> NDArray[np.float16]:
    """The vectors of a batch; of an embedder that is slow they are kept until the unit is done."""
    embedder = opened(embed)
    if embedder.slow and exists(answer):
        with open_input(answer) as file, contextlib.suppress(ValueError, EOFError):  # damaged: asked again
            found: NDArray[np.float16] = np.load(io.BytesIO(file.read()))
            if len(found) == len(texts):
                return found
    vectors = embedder(texts.combine_chunks()).astype(np.float16)
    if embedder.slow:
        data = io.BytesIO()
        np.save(data, vectors)
        with Sink(answer) as sink:
            sink.write(data.getvalue())
    return vectors


def _batches(path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    with parquet_file(path) as file:
        for batch in file.iter_batches(VECTOR_ROWS, columns=list(columns)):
            yield pa.Table.from_batches([batch])


def write_centroids(path: str, work: Work, count: int, files: Sequence[str]) -> int:
    """Finds the centroids from the sampled documents of all files; returns how many."""
    hashes, parts = [], []
    for file in files:
        for table in _batches(file, ("hash", "vector")):
            table = table.take(pa.array(_sampled(work, table)))
            hashes.append(table.column("hash").to_numpy())
            parts.append(from_column(table.column("vector")))
    vectors = np.concatenate(parts)
    # The order of documents does not count: by hash, and by the vector where ids are the same.
    rows = np.ascontiguousarray(vectors).view(np.dtype((np.void, 2 * vectors.shape[1]))).ravel()
    _, by_vector = np.unique(rows, return_inverse=True)
    order = np.lexsort((by_vector.ravel(), np.concatenate(hashes)))
    centroids = centroids_of(on_grid(vectors[order]), count, work.method, work.seed)
    with Sink(path) as sink:
        data = io.BytesIO()
        np.save(data, centroids)
        sink.write(data.getvalue())
    return len(centroids)


def read_centroids(path: str) -> Grid:
    with open_input(path) as file:
        found: Grid = np.load(io.BytesIO(file.read()))
        return found


def count_clusters(centroid_file: str, path: str) -> Numbers:
    """How many of a file's documents are nearest to each centroid, [k]; notes beside it which is nearest."""
    centroids = read_centroids(centroid_file)
    counts = np.zeros(len(centroids), np.int64)
    with ParquetSink(_nearest_of(path), _NEAREST, VECTOR_ROWS) as sink:
        for table in _batches(path, ("vector",)):
            nearest, cosine = nearest_centroids(on_grid(from_column(table.column("vector"))), centroids)
            counts += np.bincount(nearest, minlength=len(centroids))
            sink.write(pa.table([nearest.astype(np.int32), cosine], schema=_NEAREST))
    return counts


def _nearest_of(path: str) -> str:
    return f"{path}.nearest"


def bits_of(counts: Numbers, largest: int) -> Numbers:
    """By how many planes each cluster is cut, so that its pieces have about `largest` documents, [k]."""
    over = np.maximum(counts / largest, 1.0)
    return np.where(over > 1, np.ceil(np.log2(over)) + 1, 0).astype(np.int64)


def scattered_schema(orders: int, size: int) -> pa.Schema:
    extra = [
        pa.field("centroid", pa.int32(), nullable=False),
        pa.field("code", pa.int64(), nullable=False),
        pa.field("cosine", pa.float64(), nullable=False),
        pa.field("same", pa.uint64(), nullable=False),
    ]
    return pa.schema([*_embedded_schema(orders, size), *extra])


def scatter(
    folder: str, work: Work, centroid_file: str, counts: Numbers, part_rows: int, embedded: Embedded
) -> str:
    """Writes a unit's documents cut by the part of their cluster."""
    centroids = read_centroids(centroid_file)
    bits = bits_of(counts, work.largest)
    starts = np.cumsum(counts) - counts
    parts = part_count(counts, part_rows)
    directions = planes(int(bits.max(initial=0)), embedded.size, work.seed)
    schema = scattered_schema(len(work.keep), embedded.size)

    def pieces() -> Iterator[tuple[pa.Table, Numbers]]:
        with parquet_file(embedded.path) as file, parquet_file(_nearest_of(embedded.path)) as told:
            both = zip(file.iter_batches(VECTOR_ROWS), told.iter_batches(VECTOR_ROWS), strict=True)
            for batch, near in both:
                table = pa.Table.from_batches([batch])
                vectors = from_column(table.column("vector"))
                nearest = near.column("centroid").to_numpy().astype(np.int64)
                code = np.zeros(len(nearest), np.int64)
                for cluster in np.unique(nearest[bits[nearest] > 0]):
                    at = np.flatnonzero(nearest == cluster)
                    code[at] = sides(on_grid(vectors[at]), centroids[cluster], directions[: bits[cluster]])
                share = code / (1 << bits[nearest])
                part = (starts[nearest] + (share * counts[nearest]).astype(np.int64)) // part_rows
                arrays = [*table.columns, near.column("centroid"), code, near.column("cosine")]
                yield pa.table([*arrays, _hashed(vectors)], schema=schema), np.minimum(part, parts - 1)

    path = join(folder, f"{embedded.index:06d}.parquet")
    write_parts(path, schema, pieces(), parts)
    return path


def part_count(counts: Numbers, part_rows: int) -> int:
    return max(1, int(-(-counts.sum() // part_rows)))


def _hashed(vectors: NDArray[np.float16]) -> Hashes:
    """A hash of each vector, [n]."""
    rows, width = vectors.shape[0], 2 * vectors.shape[1]
    data = np.ascontiguousarray(vectors).view(np.uint8).ravel()
    return hash128(Strings(data, np.arange(rows + 1, dtype=np.int64) * width))[:, 0]


def write_prototypes(folder: str, centroid_file: str, numbered: tuple[int, str]) -> tuple[str, Numbers]:
    """How near the survivors of a part are to the centroids of all survivors, and how many are how near."""
    number, path = numbered
    centroids = read_centroids(centroid_file)
    told, counts = [], np.zeros(_BINS, np.int64)
    for table in _batches(path, ("document", "vector")):
        _, cosine = nearest_centroids(on_grid(from_column(table.column("vector"))), centroids)
        places_ = np.rint((1.0 - cosine) * 10**DECIMALS).astype(np.int32).clip(0, _BINS - 1)
        counts += np.bincount(places_, minlength=_BINS)
        told.append(pa.table([table.column("document"), places_], schema=PROTOTYPES))
    found = pa.concat_tables([PROTOTYPES.empty_table(), *told])
    out = join(folder, f"{number:06d}.parquet")
    write_by_document(out, PROTOTYPES, [found.take(np.argsort(found.column("document").to_numpy()))])
    return out, counts


def write_centroids_of(path: str, work: Work, count: int) -> Any:
    """`write_centroids` as a function of the files alone, for `corpus.map`."""
    return partial(write_centroids, path, work, count)
