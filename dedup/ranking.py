"""Clusters of documents with one key, their order, and the labels that say so: shared by the passes.

Each unit writes the keys of its living documents cut by their hash; each partition gathers equal
keys, orders their documents and writes the clusters of more than one; each unit then looks up its
own. Documents of earlier runs, which an index knows, go before all others; they take ranks and get no
labels.
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
from dedup.living import beside, living
from dedup.order import EARLIER, RANKED, write_ranks
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.exchange import part_of, write_parts
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


@dataclass(frozen=True)
class Labels:
    """Labels units by files of `RANKED`, some for each partition of the keys, that `read_documents` reads."""

    schema: pa.Schema
    files: tuple[tuple[str, ...], ...]

    def __call__(self, unit: CorpusUnit) -> pa.Table:
        return _label(self.schema, [path for paths in self.files for path in paths], unit)


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
    order = partial(write_ranks, ranks, schema, key_files, early_files, parts)
    rank_files = list(corpus.map(order, range(parts), f"{name}: clusters"))
    return Labels(label_columns(name), tuple(rank_files))


def _key_schema(orders: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("high", pa.uint64(), nullable=False),
            pa.field("low", pa.uint64(), nullable=False),
            pa.field("document", pa.int64(), nullable=False),
            pa.field("id", pa.large_string(), nullable=False),
            *(pa.field(f"order_{number}", pa.int64()) for number in range(orders)),  # null: the last
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
                *(place.take(pa.array(known)) for place in places(unit.source, table, keep)),
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


def _label(schema: pa.Schema, rank_files: Sequence[str], unit: CorpusUnit) -> pa.Table:
    """The labels of one unit: what the partitions found of it, and the rest alone."""
    documents = living(unit)
    found = beside(documents, unit, rank_files, RANKED)
    own = documents.column("id").cast(pa.large_string())
    arrays = [
        pc.coalesce(found["cluster"], own).cast(pa.string()),
        pc.fill_null(found["rank"], 0),
        pc.fill_null(found["size"], 1),
    ]
    return pa.table(arrays, schema=schema)
