"""Reads any Parquet file that has a column of texts.

A row becomes a document if its text is there. Other rows are counted:

    no_text        the text is null
    invalid_utf8   the text is not UTF-8
    corrupt        rows of a damaged row group; a file without a readable footer counts as one

Large files are cut into units of whole row groups.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.faults import choose
from pipeline.inputs import InputFile, unit_name
from pipeline.source import BATCH_BYTES, BATCH_ROWS, Reading, Source, Unit
from pipeline.sources import arrays
from pipeline.sources.columns import TEXT_SCHEMA, ColumnOptions, kept_column
from pipeline.sources.streams import CORRUPT, opened

UNIT_BYTES = 128 << 20  # packed bytes of row groups that make a unit, where a file holds more
_READ_BYTES = 4 << 20  # bytes of a column read at a time
_FOOTERS_AT_ONCE = 16


class ParquetOptions(ColumnOptions):
    """Options of `read: parquet`. Fields of a struct column are named with dots: `metadata.url`."""


@dataclass(frozen=True)
class _Footer:
    """What is known of a file without reading a row; `sizes`: packed bytes of each row group."""

    schema: pa.Schema
    sizes: tuple[int, ...]


def units(name: str, files: Sequence[InputFile], options: ParquetOptions) -> list[Unit]:
    """The units of all files; PlanError where one has not the columns that the options name."""
    found = []
    kinds: dict[str, tuple[pa.DataType, str]] = {}
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
        for file, footer in zip(files, pool.map(_footer, (file.path for file in files)), strict=True):
            parts: list[tuple[int, int] | None] = [None]
            if footer is not None:
                _check(file.path, footer.schema, options)
                _check_kept(file.path, footer.schema, options, kinds)
                parts = _parts(footer.sizes) or parts
            for part in parts:
                label = unit_name(name, file.logical, part)
                found.append(Unit(name, label, file.path, file.logical, file.size, file.version, part))
    return found


def schema_of(units: Sequence[Unit], options: ParquetOptions) -> pa.Schema:
    """The schema with the columns to keep, in the types that the first readable file has."""
    kept = {name: kept_column(name, pa.string()) for name in options.keep}
    todo = set(kept)
    for path in dict.fromkeys(unit.path for unit in units):
        footer = _footer(path) if todo else None
        if footer is None:
            continue
        for name in sorted(todo):
            kind = arrays.kept_type(_type(footer.schema, name))
            if not pa.types.is_null(kind):
                kept[name] = kept_column(name, kind)
                todo.discard(name)
    return pa.schema([*TEXT_SCHEMA, *kept.values()])


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of the schema, in the order of the file; `offset` is the row's number from 0."""
    with opened(reading) as file:
        try:
            parquet = pq.ParquetFile(file, buffer_size=_READ_BYTES, pre_buffer=False)
        except (pa.ArrowException, OSError) as fault:
            _if_damage(fault)
            reading.skipped[CORRUPT] += 1
            return
        _check(reading.unit.path, parquet.schema_arrow, reading.options)
        about = parquet.metadata
        starts = [0, *accumulate(about.row_group(group).num_rows for group in range(about.num_row_groups))]
        for group in range(*(reading.unit.part or (0, about.num_row_groups))):
            yield from _row_group(parquet, group, starts[group], reading)


def original(reading: Reading, row: Mapping[str, Any]) -> bytes:
    """The document's row, all its columns, as one line of JSON."""
    path, number = reading.unit.path, row["offset"]
    with opened(reading) as file:
        parquet = pq.ParquetFile(file)
        start = 0
        for group in range(parquet.metadata.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            if number < start + rows:
                found = parquet.read_row_group(group).slice(number - start, 1).to_pylist()[0]
                return json.dumps(found, ensure_ascii=False, default=str).encode("utf-8", "replace")
            start += rows
    raise SourceError(f"{path}: row {number} is not there any more: has the file changed?")


def _row_group(parquet: pq.ParquetFile, group: int, start: int, reading: Reading) -> Iterator[pa.Table]:
    about = parquet.metadata.row_group(group)
    width = max(1, about.total_byte_size // max(1, about.num_rows))
    batches = parquet.iter_batches(
        batch_size=max(1, min(BATCH_ROWS, BATCH_BYTES // width)),
        row_groups=[group],
        columns=_roots(parquet.schema_arrow, reading.options),
    )
    done = 0
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as fault:
            _if_damage(fault)
            reading.skipped[CORRUPT] += about.num_rows - done
            return
        if batch is None:
            return
        yield _documents(batch, start + done, reading)
        done += batch.num_rows


def _documents(batch: pa.RecordBatch, start: int, reading: Reading) -> pa.Table:
    """The rows of `batch` that have a text; the first is row `start` of the file."""
    options: ParquetOptions = reading.options
    logical = reading.unit.logical
    text, invalid = arrays.texts(_column(batch, options.text))
    missing = text.null_count - invalid
    if invalid:
        reading.skipped["invalid_utf8"] += invalid
    if missing:
        reading.skipped["no_text"] += missing
    rows = range(start, start + batch.num_rows)
    given = arrays.strings(_column(batch, options.id)).to_pylist()
    columns = [
        pa.array([name or f"{logical}#{row}" for name, row in zip(given, rows, strict=True)], pa.string()),
        arrays.strings(_column(batch, options.url)),
        arrays.timestamps(_column(batch, options.date)),
        arrays.strings(_column(batch, options.license)),
        pa.array([logical] * batch.num_rows, pa.string()),
        pa.array(rows, pa.int64()),
        text,
    ]
    kept = [arrays.kept(_column(batch, name)) for name in options.keep]
    fields = [kept_column(name, array.type) for name, array in zip(options.keep, kept, strict=True)]
    return pa.table([*columns, *kept], schema=pa.schema([*TEXT_SCHEMA, *fields])).filter(pc.is_valid(text))


def _footer(path: str) -> _Footer | None:
    """What the footer says; None where it cannot be read, which `read` counts."""
    with store.open_input(path) as file:
        try:
            parquet = pq.ParquetFile(file)
        except (pa.ArrowException, OSError) as fault:
            _if_damage(fault, path)
            return None
        about = parquet.metadata
        groups = (about.row_group(index) for index in range(about.num_row_groups))
        sizes = tuple(
            sum(group.column(index).total_compressed_size for index in range(group.num_columns))
            for group in groups
        )
        return _Footer(parquet.schema_arrow, sizes)


def _if_damage(fault: Exception, path: str = "") -> None:
    """Returns if the bytes are damaged; raises if they could not be got at all."""
    if isinstance(fault, OSError) and fault.errno is not None:
        if path:
            raise SourceError(f"{path}: cannot be read: {fault}") from fault
        raise fault


def _parts(sizes: Sequence[int]) -> list[tuple[int, int] | None]:
    """Ranges of row groups of at least `UNIT_BYTES` each; none for a file that is one unit."""
    if sum(sizes) < 2 * UNIT_BYTES:
        return []
    ends = []
    held = 0
    for index, size in enumerate(sizes):
        held += size
        if held >= UNIT_BYTES:
            ends.append(index + 1)
            held = 0
    if held:
        ends = [*ends[:-1], len(sizes)]  # the rest goes with the last
    return list(zip([0, *ends[:-1]], ends, strict=True)) if len(ends) > 1 else []


def _check(path: str, schema: pa.Schema, options: ParquetOptions) -> None:
    """PlanError where a column that was asked for is not there, or the text is no text."""
    asked = {"text", "keep"} | options.model_fields_set
    for option in ("text", "id", "url", "date", "license"):
        name = getattr(options, option)
        if name is not None and option in asked:
            _check_name(path, schema, option, name)
    for name in options.keep:
        _check_name(path, schema, "keep", name)
    kind = _type(schema, options.text)
    if not arrays.is_text(kind):
        raise PlanError(f"{path}: column {options.text!r} (text) holds {kind}, expected strings")


def _check_name(path: str, schema: pa.Schema, option: str, name: str) -> None:
    if _path(schema, name) is None:
        raise PlanError(
            f"{path}: no column {name!r} ({option}); {choose(name, schema.names)} The file has: "
            + ", ".join(schema.names)
        )


def _check_kept(
    path: str, schema: pa.Schema, options: ParquetOptions, kinds: dict[str, tuple[pa.DataType, str]]
) -> None:
    """PlanError where two files hold a column to keep in different types."""
    for name in options.keep:
        kind = arrays.kept_type(_type(schema, name))
        if pa.types.is_null(kind):
            continue
        known, first = kinds.setdefault(name, (kind, path))
        if known != kind:
            raise PlanError(
                f"column {name!r} (keep) is {kind} in {path} and {known} in {first}: leave it out of 'keep', "
                "or read the files as two sources"
            )


def _path(schema: pa.Schema, name: str) -> list[str] | None:
    """Where the field `name` is: a column, or the names down to a field of a struct."""
    if name in schema.names:
        return [name]
    first, *rest = name.split(".")
    if first not in schema.names:
        return None
    kind = schema.field(first).type
    for part in rest:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
    return [first, *rest]


def _type(schema: pa.Schema, name: str) -> pa.DataType:
    first, *rest = _path(schema, name) or [name]
    kind = schema.field(first).type
    for part in rest:
        kind = kind.field(part).type
    return kind


def _roots(schema: pa.Schema, options: ParquetOptions) -> list[str]:
    """The columns of the file that have to be read."""
    asked = (options.text, options.id, options.url, options.date, options.license, *options.keep)
    paths = [_path(schema, name) for name in asked if name is not None]
    return list(dict.fromkeys(path[0] for path in paths if path))


def _column(batch: pa.RecordBatch, name: str | None) -> pa.Array:
    """The field's values; nulls where it was not asked for or is not there."""
    path = None if name is None else _path(batch.schema, name)
    if path is None:
        return pa.nulls(batch.num_rows)
    column = batch.column(path[0])
    return pc.struct_field(column, path[1:]) if len(path) > 1 else column


SOURCE = Source(
    "parquet",
    TEXT_SCHEMA,
    read,
    options=ParquetOptions,
    about="Parquet files with a column of texts; damaged row groups are counted and passed over",
    units=units,
    schema_of=schema_of,
    original=original,
)
