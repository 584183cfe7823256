"""Parquet tables of source files: which of their columns holds the content, the path, the licence.

The usual names are known: those of The Stack, StarCoder's data, GitHub Code and BigQuery's tables of
GitHub. Licences are brought to SPDX expressions; of several that are listed for a file, all hold.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.faults import choose
from pipeline.inputs import InputFile
from pipeline.source import Reading, Unit
from pipeline.sources import arrays, parquet
from pipeline.sources.code import expressions, manifests
from pipeline.sources.columns import column_name
from pipeline.sources.parquet import ParquetOptions
from pipeline.sources.streams import opened
from pipeline.stage import Options

_USUAL = {
    "content": ("content", "code", "text"),
    "path": ("max_stars_repo_path", "path", "sample_path", "file_path", "filename"),
    "repository": ("max_stars_repo_name", "repo_name", "sample_repo_name", "repository", "repo"),
    "license": ("max_stars_repo_licenses", "licenses", "detected_licenses", "license"),
    "ref": ("max_stars_repo_head_hexsha", "revision_id", "ref"),
}


class ColumnNames(Options):
    """Names of the columns of a Parquet file; where none is given, the usual ones are looked for."""

    content: str | None = Field(default=None, description="the file's text")
    path: str | None = Field(default=None, description="its path in the repository")
    repository: str | None = Field(default=None, description="OWNER/NAME of the repository")
    license: str | None = Field(default=None, description="its licence, or a list of them")
    ref: str | None = Field(default=None, description="the commit")


@dataclass(frozen=True)
class Record:
    """A row of a table; "" for what it does not say. `license`: an SPDX expression."""

    content: str
    path: str
    repository: str
    license: str
    ref: str


def units(name: str, files: Sequence[InputFile], columns: ColumnNames) -> list[Unit]:
    """The units of the tables: ranges of row groups of large ones; PlanError where a column is not there."""
    found: list[Unit] = []
    for file in files:
        schema = _schema(file.path)
        if schema is None:  # counted when it is read
            found += parquet.units(name, [file], ParquetOptions())
        else:
            names = _names(schema, columns, file.path)
            found += parquet.units(name, [file], _options(names))
    return found


def records(reading: Reading, columns: ColumnNames) -> Iterator[tuple[int, Record]]:
    """The rows of the unit that have a text, each with its number from 0."""
    schema = _schema(reading.unit.path)
    names = {} if schema is None else _names(schema, columns, reading.unit.path)
    options = _options(names)
    for table in parquet.read(replace(reading, options=options)):
        kept = {
            key: table.column(column_name(name)).cast(pa.string()).to_pylist()
            for key, name in names.items()
            if name in options.keep
        }
        kept["license"] = kept.get("license", table.column("license").to_pylist())
        none = [None] * len(table)
        for number, text, path, repository, license_, ref in zip(
            table.column("offset").to_pylist(),
            table.column("text").to_pylist(),
            kept.get("path", none),
            kept.get("repository", none),
            kept["license"],
            kept.get("ref", none),
            strict=True,
        ):
            yield number, Record(text, path or "", repository or "", _license(license_), ref or "")


def content(reading: Reading, number: int, columns: ColumnNames) -> bytes:
    """The bytes of row `number`; reads one row group of one column."""
    with opened(reading) as file:
        table = pq.ParquetFile(file, pre_buffer=False)
        about = table.metadata
        name = _names(table.schema_arrow, columns, reading.unit.path)["content"]
        counts = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
        for group, end in enumerate(accumulate(counts)):
            if number < end:
                column = table.read_row_group(group, columns=[name]).column(0)
                value = column[number - (end - counts[group])].as_py()
                return value if isinstance(value, bytes) else str(value or "").encode()
    raise SourceError(f"{reading.unit.path}: there is no row {number}")


def _schema(path: str) -> pa.Schema | None:
    with store.open_input(path) as file:
        try:
            return pq.read_schema(file)
        except (pa.ArrowException, OSError) as fault:
            if isinstance(fault, OSError) and fault.errno is not None:
                raise SourceError(f"{path}: cannot be read: {fault}") from fault
            return None


def _names(schema: pa.Schema, columns: ColumnNames, path: str) -> dict[str, str]:
    """Which column of the file holds what."""
    found = {}
    for key, usual in _USUAL.items():
        given = getattr(columns, key)
        if given is not None and given not in schema.names:
            raise PlanError(
                f"{path}: no column {given!r} (columns: {key}); {choose(given, schema.names)} The file has: "
                + ", ".join(schema.names)
            )
        name = given or next((each for each in usual if each in schema.names), None)
        if name is not None:
            found[key] = name
    if "content" not in found or not arrays.is_text(schema.field(found["content"]).type):
        raise PlanError(
            f"{path}: no column with the text of files; expected one of {', '.join(_USUAL['content'])}, or "
            f"'columns: {{content: NAME}}'. The file has: {', '.join(schema.names)}"
        )
    return found


def _options(names: dict[str, str]) -> ParquetOptions:
    """What the reader of Parquet is told; it has an option of its own for the licence."""
    kept = dict.fromkeys(name for key, name in names.items() if key not in ("content", "license"))
    return ParquetOptions(
        text=names.get("content", "content"),
        url=None,
        date=None,
        license=names.get("license"),
        keep=tuple(kept),
    )


def _license(stated: str | None) -> str:
    """An SPDX expression for a licence as tables name it, or for a JSON list of them."""
    if not stated:
        return ""
    each = [stated]
    if stated.startswith("["):
        each = [str(name) for name in json.loads(stated) if name]
    known = [found for name in each if (found := manifests.license_of_name(name))]
    return expressions.joined(known, "AND") if known else ""
