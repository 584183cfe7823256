"""Who is a copy of whom within the clusters of one part: the labels of the pass `semantic`.

Vectors are read once for documents that have one and the same: the others are copies of the first of them,
and take no more memory than their ids and numbers.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.semdedup.clusters import VECTOR_ROWS, Work, from_column, scattered_schema, to_array, vector_type
from dedup.semdedup.vectors import DECIMALS, Numbers, best_before, keepers, on_grid, ranked
from pipeline.exchange import read_part, write_by_document
from pipeline.store import ParquetSink, join, parquet_file
from text.hashing import mix_array
from text.winnowing import firsts

FOUND = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),
        pa.field("cluster", pa.large_string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("nearest", pa.large_string(), nullable=False),
        pa.field("centroid", pa.int32(), nullable=False),
        pa.field("distance", pa.float64(), nullable=False),
    ]
)


def write_neighbours(
    folder: str, tables: str | None, work: Work, size: int, files: Sequence[str], parts: int,
    survivors: str | None, part: int,
) -> str:  # fmt: skip
    """Labels the documents of a part, by what stands before them in their cluster."""
    schema = scattered_schema(len(work.keep), size)
    table = read_part(files, part, parts, schema, [name for name in schema.names if name != "vector"])
    orders = [(f"order_{at}", "ascending") for at in range(len(work.keep))]
    distance = [("cosine", "ascending" if work.farthest else "descending")]
    by = [(name, "ascending") for name in ("centroid", "code", "group")] + (orders or distance)
    by += [("id", "ascending"), ("document", "ascending")]
    order = pc.sort_indices(table, sort_keys=by)
    table = table.take(order)
    first = firsts(mix_array(table.column("same").to_numpy()), table.column("group").to_numpy())
    kept = np.flatnonzero(first == np.arange(len(first)))
    vectors = _vectors_of(files, part, parts, size, order.to_numpy().astype(np.int64)[kept])
    place = np.searchsorted(kept, first)
    similarity, before = _within_clusters(table, kept, place, vectors, work.largest)
    similarity = np.round(similarity, DECIMALS)
    before = np.where(similarity > 0, before, -1)
    keeper = keepers(before, similarity > work.threshold)
    rank, members = ranked(keeper)
    ids = table.column("id").combine_chunks()
    found = pa.table(
        {
            "document": table.column("document"),
            "cluster": ids.take(pa.array(keeper)),
            "rank": rank.astype(np.int32),
            "size": members.astype(np.int32),
            "similarity": similarity,
            "nearest": pc.fill_null(ids.take(pa.array(before, mask=before < 0)), ""),
            "centroid": table.column("centroid"),
            "distance": np.round(1.0 - table.column("cosine").to_numpy(), DECIMALS),
        },
        schema=FOUND,
    )
    path = join(folder, f"{part:06d}.parquet")
    write_by_document(path, FOUND, [found.take(np.argsort(found.column("document").to_numpy()))])
    if tables is not None and table.num_rows:
        _write_rows(
            join(tables, f"{part:06d}.parquet"),
            table_schema(size),
            [table.column("id").cast(pa.string()), table.column("centroid")],
            (vectors, place),
        )
    if survivors is not None:
        left = np.flatnonzero(rank == 0)
        own = table.select(["document", "hash"]).take(pa.array(left))
        told = pa.schema([*own.schema, pa.field("vector", vector_type(size), nullable=False)])
        _write_rows(join(survivors, f"{part:06d}.parquet"), told, own.columns, (vectors, place[left]))
    return path


def _vectors_of(files: Sequence[str], part: int, parts: int, size: int, rows: Numbers) -> NDArray[np.float16]:
    """The vectors of these rows of a part, as `read_part` numbers them, [n, d]; no others are in memory."""
    vectors = np.empty((len(rows), size), np.float16)
    order = np.argsort(rows)
    ascending = rows[order]
    begin = 0
    for path in files:
        with parquet_file(path) as file:
            groups = list(range(part, file.num_row_groups, parts))
            for batch in (
                file.iter_batches(VECTOR_ROWS, row_groups=groups, columns=["vector"]) if groups else ()
            ):
                low, high = np.searchsorted(ascending, [begin, begin + batch.num_rows])
                found = from_column(pa.chunked_array([batch.column("vector")]))
                vectors[order[low:high]] = found[ascending[low:high] - begin]
                begin += batch.num_rows
    return vectors


def _within_clusters(
    table: pa.Table, kept: Numbers, place: Numbers, vectors: NDArray[np.float16], largest: int
) -> tuple[NDArray[np.float64], Numbers]:
    """`best_before` over each run of documents that are compared, rows of the table.

    kept     rows with a vector that none before has, ascending; `vectors` are theirs
    place    of each row, which of these has its vector
    """
    count = table.num_rows
    similarity, before = np.zeros(count), np.full(count, -1)
    keys = [table.column(name).to_numpy().astype(np.uint64) for name in ("centroid", "code", "group")]
    new = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    bounds = np.searchsorted(kept, [0, *(np.flatnonzero(new) + 1).tolist(), count]).tolist()
    for first, last in pairwise(bounds):
        if last - first > 1:
            found, at = best_before(on_grid(vectors[first:last]), largest)
            similarity[kept[first:last]] = found
            before[kept[first:last]] = np.where(at >= 0, kept[np.maximum(at, 0) + first], -1)
    again = np.flatnonzero(kept[place] != np.arange(count))
    similarity[again] = 1.0
    for begin in range(0, len(again), VECTOR_ROWS):
        rows = again[begin : begin + VECTOR_ROWS]
        lead = kept[place[rows]]
        # That one may differ from one before it by less than a step of the grid: then that is the first.
        earlier = np.where(before[lead] >= 0, before[lead], lead)
        same = on_grid(vectors[place[rows]]) == on_grid(vectors[place[earlier]])
        before[rows] = np.where(same.all(axis=1), earlier, lead)
    return similarity, before


def _write_rows(
    path: str, schema: pa.Schema, columns: Sequence[Any], of: tuple[NDArray[np.float16], Numbers]
) -> None:
    """Writes columns and, as the last one, the vector of each row: vectors, and which of them is whose."""
    vectors, place = of
    with ParquetSink(path, schema, VECTOR_ROWS) as sink:
        for first in range(0, len(place), VECTOR_ROWS):
            rows = slice(first, first + VECTOR_ROWS)
            own = [column.slice(first, VECTOR_ROWS) for column in columns]
            sink.write(pa.table([*own, to_array(vectors[place[rows]])], schema=schema))


def write_empty_table(folder: str, size: int) -> None:
    """The table `semantic_embeddings` without a row."""
    with ParquetSink(join(folder, "000000.parquet"), table_schema(max(1, size))):
        pass


def table_schema(size: int) -> pa.Schema:
    """The table `semantic_embeddings`."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("centroid", pa.int32(), nullable=False),
            pa.field("embedding", vector_type(size), nullable=False),
        ]
    )
