"""Clusters of documents with one key, their order, and the labels that say so: shared by the passes.

Each unit writes the keys of its living documents cut by their hash; each partition gathers equal
keys, orders their documents and writes the clusters of more than one; each unit then looks up its
own. A task holds one unit's or one partition's keys and ids (about 100 bytes a document). Documents of
earlier runs, which an index knows, go before all others; they take ranks and get no labels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.keep import Orders, places, stored_columns
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.exchange import part_of, read_documents, read_part, write_by_document, write_parts
from pipeline.stage import column
from pipeline.store import join, make_folder
from text.hashing import Hashes


@dataclass(frozen=True)
class Keys:
    """What makes documents equal: two 64-bit halves, the first well mixed, each [n] uint64.

    known   [n] bool; a document without a key equals none
    """

    high: Hashes
    low: Hashes
    known: NDArray[np.bool_]


KeysOf = Callable[[CorpusUnit, pa.Table], Keys]
"""The keys of a table that `CorpusUnit.read` yields; picklable."""

EARLIER = pa.schema(
    [
        pa.field("high", pa.uint64(), nullable=False),
        pa.field("low", pa.uint64(), nullable=False),
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),
    ]
)
"""A document of an earlier run: its key, its id, and its place among those with the same key, where
documents of one place go by their ids."""


@dataclass(frozen=True)
class Earlier:
    """The documents of earlier runs that new ones may be copies of.

    rows   called for each item in a task of its own: tables of `EARLIER`, in any order; picklable
    """

    items: Sequence[Any]
    rows: Callable[[Any], Iterator[pa.Table]]


def label_columns(name: str) -> pa.Schema:
    """The columns that the pass `name` adds."""
    return pa.schema(
        [
            column(f"{name}_cluster", pa.string(), about="id of the document of its cluster that is kept"),
            column(f"{name}_rank", pa.int32(), about="place in its cluster, 0 is the one to keep"),
            column(f"{name}_size", pa.int32(), "documents", "documents in its cluster, itself included"),
        ]
    )


RANKED = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),
        pa.field("cluster", pa.large_string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),
    ]
)
"""Of the clusters of more than one: each document, the id of the one to keep, place and size."""


@dataclass(frozen=True)
class Labels:
    """Labels units by files of `RANKED`, one for each partition of the keys, that `read_documents` reads."""

    schema: pa.Schema
    files: tuple[str, ...]

    def __call__(self, unit: CorpusUnit) -> pa.Table:
        return _label(self.schema, self.files, unit)


def rank(
    corpus: Corpus,
    name: str,
    columns: Sequence[str],
    keys_of: KeysOf,
    keep: Orders,
    batch_rows: int = 8192,
    units: Sequence[CorpusUnit] | None = None,
    earlier: Earlier | None = None,
    parts: int | None = None,
) -> Labels:
    """Labels documents with equal keys for the pass `name`.

    columns   what `keys_of` reads
    keep      who comes first in a cluster
    units     those whose documents have keys, all by default; a document of another is alone
    earlier   documents with keys that come before all of the corpus's
    parts     pieces to cut the work into, the corpus's `partitions` by default
    """
    parts = parts or corpus.partitions
    folders = [join(corpus.scratch, folder) for folder in ("keys", "earlier", "ranks")]
    for folder in folders:
        make_folder(folder)
    keys, early, ranks = folders
    schema = _key_schema(len(keep))
    write = partial(_write_keys, keys, schema, tuple(columns), keys_of, keep, parts, batch_rows)
    key_files = list(corpus.map(write, corpus.units if units is None else units, f"{name}: keys"))
    early_files: list[str] = []
    if earlier is not None:
        cut = partial(_write_earlier, early, earlier.rows, parts)
        early_files += corpus.map(cut, list(enumerate(earlier.items)), f"{name}: keys of earlier runs")
    order = partial(_write_ranks, ranks, schema, key_files, early_files, parts)
    rank_files = list(corpus.map(order, range(parts), f"{name}: clusters"))
    return Labels(label_columns(name), tuple(rank_files))


def _key_schema(orders: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("high", pa.uint64(), nullable=False),
            pa.field("low", pa.uint64(), nullable=False),
            pa.field("document", pa.int64(), nullable=False),
            pa.field("id", pa.large_string(), nullable=False),
            *(pa.field(f"order_{number}", pa.int64(), nullable=False) for number in range(orders)),
        ]
    )


def _write_keys(
    folder: str,
    schema: pa.Schema,
    columns: tuple[str, ...],
    keys_of: KeysOf,
    keep: Orders,
    parts: int,
    batch_rows: int,
    unit: CorpusUnit,
) -> str:
    def pieces() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        wanted = list(dict.fromkeys(("id", *stored_columns(keep), *columns)))
        for table in unit.read(wanted, batch_rows):
            keys = keys_of(unit, table)
            known = np.flatnonzero(keys.known)
            arrays = [
                keys.high[known],
                keys.low[known],
                unit.first + table.column("position").to_numpy()[known],
                table.column("id").take(known).combine_chunks().cast(pa.large_string()),
                *(place[known] for place in places(unit.source, table, keep)),
            ]
            yield pa.table(arrays, schema=schema), part_of(keys.high[known], parts)

    path = join(folder, f"{unit.index:06d}.parquet")
    write_parts(path, schema, pieces(), parts)
    return path


def _write_earlier(
    folder: str, rows: Callable[[Any], Iterator[pa.Table]], parts: int, numbered: tuple[int, Any]
) -> str:
    number, item = numbered
    path = join(folder, f"{number:06d}.parquet")
    tables = (table.select(EARLIER.names).cast(EARLIER) for table in rows(item))
    cut = ((table, part_of(table.column("high").to_numpy(), parts)) for table in tables)
    write_parts(path, EARLIER, cut, parts)
    return path


def _write_ranks(
    folder: str,
    schema: pa.Schema,
    key_files: Sequence[str],
    early_files: Sequence[str],
    parts: int,
    part: int,
) -> str:
    path = join(folder, f"{part:06d}.parquet")
    new = read_part(key_files, part, parts, schema)
    wanted = np.unique(new.column("high").to_numpy())
    earlier = [EARLIER.empty_table()]
    for file in early_files if len(wanted) else ():
        found = read_part([file], part, parts, EARLIER)
        high = found.column("high").to_numpy()
        # Of an index that is large beside the corpus most goes here.
        at = np.minimum(np.searchsorted(wanted, high), len(wanted) - 1)
        earlier.append(found.filter(pa.array(wanted[at] == high)))
    write_by_document(path, RANKED, [_ranked(new, pa.concat_tables(earlier))])
    return path


def runs(*keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Equal keys side by side: the order that brings them there, and where each run starts, + [n].

    keys   one or more arrays [n]; rows are equal where all of them are
    """
    order = np.lexsort(keys)
    new = np.ones(len(order) + 1, np.bool_)
    new[1:-1] = False
    for key in keys:
        new[1:-1] |= np.diff(key[order]) != 0
    return order, np.flatnonzero(new)


def _ranked(new: pa.Table, earlier: pa.Table) -> pa.Table:
    """The documents of `new` whose clusters have more than one, in the order of documents."""
    if new.num_rows == 0:
        return RANKED.empty_table()
    orders = [name for name in new.column_names if name.startswith("order_")]
    # What comes earlier has no number, and is told by it from what is new.
    nobody = np.full(earlier.num_rows, -1)
    early = {name: earlier.column(name) for name in ("high", "low", "id", "place")}
    early |= {name: pa.array(nobody) for name in ("document", *orders)}
    last = np.full(new.num_rows, np.iinfo(np.int64).max)
    table = new.append_column("place", pa.array(last))
    table = pa.concat_tables([table, pa.table(early).select(table.column_names).cast(table.schema)])
    order, bounds = runs(table.column("high").to_numpy(), table.column("low").to_numpy())
    sizes = np.diff(bounds)
    ours = np.add.reduceat(table.column("document").to_numpy()[order] >= 0, bounds[:-1], dtype=np.int64)
    meet = (sizes > 1) & (ours > 0)
    shared = np.repeat(meet, sizes)
    sizes = sizes[meet]
    starts = np.cumsum(sizes) - sizes
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    rivals = table.drop_columns(["high", "low"]).take(order[shared])
    rivals = rivals.append_column("cluster", pa.array(cluster))
    # An id that two documents share must not leave their order open: so the number comes last.
    by = [(name, "ascending") for name in ("cluster", "place", *orders, "id", "document")]
    rivals = rivals.take(pc.sort_indices(rivals, sort_keys=by))
    ranked = pa.table(
        {
            "document": rivals.column("document"),
            "cluster": rivals.column("id").take(np.repeat(starts, sizes)),
            "rank": (np.arange(len(cluster)) - np.repeat(starts, sizes)).astype(np.int32),
            "size": np.repeat(sizes, sizes).astype(np.int32),
        },
        schema=RANKED,
    )
    document = ranked.column("document").to_numpy()
    by_document = np.argsort(document, kind="stable")
    return ranked.take(by_document[np.searchsorted(document[by_document], 0) :])


def _label(schema: pa.Schema, rank_files: Sequence[str], unit: CorpusUnit) -> pa.Table:
    """The labels of one unit: what the partitions found of it, and the rest alone."""
    empty = pa.table({"id": pa.array([], pa.string()), "position": pa.array([], pa.int64())})
    living = pa.concat_tables([empty, *unit.read(("id",), batch_rows=1 << 16)]).combine_chunks()
    last = unit.first + unit.stored
    found = pa.concat_tables([read_documents(path, unit.first, last) for path in rank_files]).combine_chunks()
    found = found.take(np.argsort(found.column("document").to_numpy()))
    # Every key comes from a living document, so each document found is among them.
    at = np.searchsorted(
        living.column("position").to_numpy(), found.column("document").to_numpy() - unit.first
    )
    cluster = np.arange(living.num_rows)
    ranks = np.zeros(living.num_rows, np.int32)
    sizes = np.ones(living.num_rows, np.int32)
    cluster[at] = living.num_rows + np.arange(found.num_rows)
    ranks[at] = found.column("rank").to_numpy()
    sizes[at] = found.column("size").to_numpy()
    own = living.column("id").cast(pa.large_string())
    names = pa.chunked_array([*own.chunks, *found.column("cluster").chunks], pa.large_string())
    labels = names.take(pa.array(cluster)).cast(pa.string())
    return pa.table([labels, ranks, sizes], schema=schema)
