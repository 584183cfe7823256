"""The lines that are seen most, as a table: what navigation and cookie banners are found by."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.repeated.counts import BATCH_ROWS, FREQUENT, Buckets, Method, Seen, columns_of, look, most_frequent
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.store import ParquetSink, join, make_folder, parquet_file
from text.lookup import Lookup

SHOWN = 1000  # characters of a line that the table holds

_LARGE = pa.large_string()


def table_schema(within: Sequence[str]) -> pa.Schema:
    """Columns of the table; those of `within` as text."""
    return pa.schema(
        [
            pa.field("text", _LARGE, nullable=False),
            *(pa.field(name, pa.string()) for name in within),
            pa.field("bucket", pa.int64(), nullable=False),
            pa.field("times", pa.int64(), nullable=False),
            pa.field("documents", pa.int64(), nullable=False),
            pa.field("bytes", pa.int64(), nullable=False),
            pa.field("id", _LARGE, nullable=False),
        ]
    )


def _kept_schema(within: Sequence[str]) -> pa.Schema:
    """What a unit finds of the lines that it has first; `bytes` of that first one alone."""
    own = [field for field in table_schema(within) if field.name not in ("times", "documents")]
    return pa.schema([pa.field("key", pa.uint64(), nullable=False), *own])


def write_table(corpus: Corpus, method: Method, buckets: Buckets, files: Sequence[str], path: str) -> None:
    """Writes the table of the most frequent lines from what the partitions hold to be theirs."""
    folder = join(corpus.scratch, "texts")
    make_folder(folder)
    chosen = join(corpus.scratch, "chosen.parquet")
    choose = partial(_choose, chosen, method.listed)
    [wanted] = corpus.map(choose, [files], f"{method.name}: most frequent")
    units = [unit for unit in corpus.units if unit.stored and unit.first in wanted]
    fetch = partial(_write_texts, folder, method, buckets, chosen)
    texts = list(corpus.map(fetch, units, f"{method.name}: their texts"))
    [_] = corpus.map(partial(_join, path, method, chosen), [texts], f"{method.name}: table")


def _choose(path: str, rows: int, files: Sequence[str]) -> frozenset[int]:
    """Writes the most frequent lines of all; the units that hold the first of each, by number."""
    best = FREQUENT.empty_table()
    for name in files:
        with parquet_file(name) as file:
            best = most_frequent([best, file.read()], rows)
    with ParquetSink(path, FREQUENT) as sink:
        sink.write(best)
    return frozenset(best.column("unit").to_pylist())


def _texts(within: Sequence[str], table: pa.Table, seen: Seen, at: NDArray[np.int64]) -> pa.Table:
    """The lines `at` of those seen, as they stand."""
    document = np.searchsorted(seen.units.offsets, at, side="right") - 1
    starts, ends = seen.lines.starts[seen.units.first[at]], seen.lines.ends[seen.units.last[at] - 1]
    shown = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        data = seen.strings.data[start : min(end, start + 4 * SHOWN)].tobytes()
        shown.append(data.decode("utf-8", "ignore")[:SHOWN])
    own = table.take(pa.array(document))
    columns = {name: own.column(name).cast(pa.string()) for name in within}
    columns |= {"key": seen.keys[at], "text": pa.array(shown, _LARGE), "bucket": seen.bucket[document]}
    columns |= {"bytes": seen.bytes[at], "id": own.column("id").cast(_LARGE)}
    schema = _kept_schema(within)
    return pa.table([columns[name] for name in schema.names], schema)


def _write_texts(folder: str, method: Method, buckets: Buckets, chosen: str, unit: CorpusUnit) -> str:
    """Finds the first of each line that this unit is the first to have."""
    with parquet_file(chosen) as file:
        table = file.read(columns=["key", "unit"])
    mine = table.column("key").to_numpy()[table.column("unit").to_numpy() == unit.first]
    wanted = Lookup.of(mine, np.zeros(len(mine), np.uint8))

    def found() -> Iterator[pa.Table]:
        missing = np.ones(len(wanted), np.bool_)
        columns = tuple(dict.fromkeys((*columns_of(method, buckets), "id")))
        for table in unit.read(columns, BATCH_ROWS):
            seen = look(method, buckets, table)
            place = wanted.find(seen.keys)
            at = np.flatnonzero(place >= 0)
            at = at[missing[place[at]]]
            _, first = np.unique(place[at], return_index=True)
            missing[place[at]] = False
            yield _texts(method.within, table, seen, at[first])
            if not missing.any():
                break

    path = join(folder, f"{unit.index:06d}.parquet")
    with ParquetSink(path, _kept_schema(method.within)) as sink:
        for rows in found():
            sink.write(rows)
    return path


def _join(path: str, method: Method, chosen: str, files: Sequence[str]) -> None:
    """The table: counts and texts, by how often a line is seen."""
    with parquet_file(chosen) as file:
        counts = file.read()
    texts = [_kept_schema(method.within).empty_table()]
    for name in files:
        with parquet_file(name) as file:
            texts.append(file.read())
    table = pa.concat_tables(texts).combine_chunks()
    order = np.argsort(table.column("key").to_numpy())
    key = counts.column("key").to_numpy()
    table = table.take(pa.array(order[np.searchsorted(table.column("key").to_numpy()[order], key)]))
    removed = counts.column("bytes").to_numpy()
    if method.keep == "first":
        removed = removed - table.column("bytes").to_numpy()
    columns = {name: table.column(name) for name in table.column_names}
    columns |= {name: counts.column(name) for name in ("times", "documents")} | {"bytes": pa.array(removed)}
    schema = table_schema(method.within)
    with ParquetSink(path, schema) as sink:
        sink.write(pa.table([columns[name] for name in schema.names], schema))
