"""Rows on their way between tasks: cut by the hash of a key, through files in the pass's scratch.

Every unit writes one file and every partition reads its rows out of all of them, so a task holds
one partition's rows, never the corpus. Equal keys always meet in one partition: a single key that
a large share of the corpus has (millions of documents of one text) makes that partition large.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.store import ParquetSink, parquet_file
from text.hashing import Hashes

HELD_BYTES = 128 << 20  # what a unit's task gathers before it writes; writing takes as much twice more
GROUP_ROWS = 1 << 16

_HALF = np.uint64(32)


def schema_of(**columns: pa.DataType) -> pa.Schema:
    """A schema of columns without nulls."""
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


def part_of(hashes: Hashes, parts: int) -> NDArray[np.int64]:
    """The partition of well-mixed 64-bit hashes, [n] int64 below `parts`."""
    return (((hashes >> _HALF) * np.uint64(parts)) >> _HALF).astype(np.int64)


def write_parts(
    path: str,
    schema: pa.Schema,
    pieces: Iterable[tuple[pa.Table, NDArray[np.int64]]],
    parts: int,
) -> None:
    """Writes tables, each with the partition of its rows, for `read_part` to find.

    Row group g holds rows of partition `g % parts`: all of them when there are few, a share when
    there are more than `HELD_BYTES`.
    """
    tables: list[pa.Table] = []
    targets: list[NDArray[np.int64]] = []
    held = 0
    with ParquetSink(path, schema, few_values=False) as sink:
        for table, part in pieces:
            tables.append(table)
            targets.append(part)
            held += table.nbytes
            if held >= HELD_BYTES:
                _write_groups(sink, tables, targets, parts)
                tables, targets, held = [], [], 0
        if held:
            _write_groups(sink, tables, targets, parts)


def _write_groups(
    sink: ParquetSink, tables: Sequence[pa.Table], targets: Sequence[NDArray[np.int64]], parts: int
) -> None:
    part = np.concatenate(targets)
    table = pa.concat_tables(tables).take(pa.array(np.argsort(part, kind="stable")))
    first = 0
    for rows in np.bincount(part, minlength=parts).tolist():
        sink.write_group(table.slice(first, rows))
        first += rows


def read_part(
    paths: Iterable[str], part: int, parts: int, schema: pa.Schema, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows of one partition in all the files of `write_parts`, in the order of `paths`; all columns, or
    those named."""
    names = list(schema.names if columns is None else columns)
    found = [schema.empty_table().select(names)]
    for path in paths:
        with parquet_file(path) as file:
            groups = list(range(part, file.num_row_groups, parts))
            if groups:
                found.append(file.read_row_groups(groups, columns=names))
    return pa.concat_tables(found).combine_chunks()


def among(values: NDArray[Any], known: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of the values are among the `known`, ascending ones, [n]."""
    if len(known) == 0:
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.asarray(known[at] == values, np.bool_)


def write_by_document(path: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Writes rows that come in the order of their column `document`, for `read_documents`."""
    with ParquetSink(path, schema, GROUP_ROWS, few_values=False) as sink:
        for table in tables:
            sink.write(table)


def read_documents(path: str, first: int, last: int) -> pa.Table:
    """The rows of a `write_by_document` file with `first <= document < last`.

    Reads no more than the row groups whose statistics say that they may hold some.
    """
    with parquet_file(path) as file:
        at = file.schema_arrow.get_field_index("document")
        groups = []
        for group in range(file.num_row_groups):
            known = file.metadata.row_group(group).column(at).statistics
            if known.min < last and known.max >= first:
                groups.append(group)
        table = file.read_row_groups(groups).combine_chunks()
    document = table.column("document").to_numpy()
    low, high = np.searchsorted(document, [first, last])
    return table.slice(low, high - low)
