"""Reads JSON lines: one JSON object in a line, plain or packed (gzip, Zstandard, bzip2, xz).

A line becomes a row if it is an object whose text field is a string. Every other line is counted:

    invalid_utf8     not UTF-8
    invalid_json     not JSON
    not_an_object    JSON, but a list, a string, a number
    no_text          the text field is missing, null or no string
    too_large        longer than `max_line_bytes`
    truncated        cut off: the file ends within a packed member
    corrupt          a packed member is damaged; counts as one line, whatever stood in it

Empty lines are nothing and not counted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydantic import Field

from pipeline.errors import SourceError
from pipeline.source import Reading, Source, Unit, tables
from pipeline.sources import dates
from pipeline.sources.charset import well_formed
from pipeline.sources.columns import TEXT_SCHEMA, ColumnOptions, column_name, kept_column
from pipeline.sources.streams import TRUNCATED, chunks, opened

_TOO_LARGE = "too_large"
_MARK = b"\xef\xbb\xbf"


class JsonlOptions(ColumnOptions):
    """Options of `read: jsonl`. Fields inside objects are named with dots: `metadata.url`."""

    max_line_bytes: int = Field(default=64 << 20, gt=0, description="a longer line is left out")


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of the schema, in the order of the file; `offset` is the line's number from 0."""
    options: JsonlOptions = reading.options
    return tables(_rows(reading, options), schema_of((), options), weigh="text")


def original(reading: Reading, row: Mapping[str, Any]) -> bytes:
    """The document's line."""
    for number, line in _lines(reading, reading.options.max_line_bytes):
        if number == row["offset"]:
            return line
    raise SourceError(
        f"{reading.unit.path}: line {row['offset']} is not there any more: has the file changed?"
    )


def schema_of(units: Sequence[Unit], options: JsonlOptions) -> pa.Schema:
    """The schema with the columns to keep: strings, JSON where the value is no string."""
    del units
    return pa.schema([*TEXT_SCHEMA, *(kept_column(name, pa.string()) for name in options.keep)])


def _rows(reading: Reading, options: JsonlOptions) -> Iterator[dict[str, Any]]:
    for number, line in _lines(reading, options.max_line_bytes):
        fields = _parsed(line)
        if isinstance(fields, str):
            reading.skipped[fields] += 1
            continue
        text = _value(fields, options.text)
        if not isinstance(text, str):
            reading.skipped["no_text"] += 1
            continue
        given = None if options.id is None else _string(_value(fields, options.id))
        row = {
            "address": given or f"{reading.unit.logical}#{number}",
            "url": _string(_value(fields, options.url)),
            "date": dates.parse(_value(fields, options.date)),
            "license": _string(_value(fields, options.license)),
            "origin": reading.unit.logical,
            "offset": number,
            "text": well_formed(text),
        }
        yield row | {column_name(name): _string(_value(fields, name)) for name in options.keep}


def _lines(reading: Reading, longest: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are there and not too long, each with its number from 0."""
    number = 0
    held = bytearray()
    passing = False  # within a line that is too long
    with opened(reading) as file:
        for chunk in chunks(file):
            if chunk.fault:
                # What stands before damage may be damaged too; before a cut, it may be whole.
                if chunk.fault == TRUNCATED and isinstance(_parsed(bytes(held)), dict):
                    yield number, bytes(held)
                reading.skipped[chunk.fault] += 1
                held.clear()
                passing = False
                number += 1
                continue
            begin = 0
            while (end := chunk.data.find(b"\n", begin)) >= 0:
                held += memoryview(chunk.data)[begin:end]
                if passing or len(held) > longest:
                    reading.skipped[_TOO_LARGE] += 1
                elif line := held.strip():
                    yield number, bytes(line)
                held.clear()
                passing = False
                number += 1
                begin = end + 1
            if not passing:
                held += memoryview(chunk.data)[begin:]
            if len(held) > longest:
                held.clear()
                passing = True
    if passing:
        reading.skipped[_TOO_LARGE] += 1
    elif line := held.strip():
        yield number, bytes(line)


def _parsed(line: bytes) -> dict[str, Any] | str:
    """The object in a line, or the reason why there is none."""
    try:
        fields = json.loads(line.removeprefix(_MARK).decode())
    except UnicodeDecodeError:
        return "invalid_utf8"
    except (ValueError, RecursionError):
        return "invalid_json"
    return fields if isinstance(fields, dict) else "not_an_object"


def _value(fields: dict[str, Any], name: str | None) -> Any:
    """The value of a field, by its name as it stands or by a path with dots; None if it is not there."""
    if name is None:
        return None
    if name in fields:
        return fields[name]
    value: Any = fields
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _string(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return well_formed(value)
    return well_formed(json.dumps(value, ensure_ascii=False, sort_keys=True))


SOURCE = Source(
    "jsonl",
    TEXT_SCHEMA,
    read,
    options=JsonlOptions,
    about="JSON lines, packed or not; damaged lines are counted and passed over",
    schema_of=schema_of,
    original=original,
)
