"""Reads C4 and mC4 as published: shards of JSON lines with `text`, `url` and `timestamp`.

Lines that become no document are counted as `pipeline/sources/jsonl.py` says.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
from pydantic import Field

from pipeline.source import STATED_LANGUAGE, Reading, Source
from pipeline.sources import dates, jsonl, language_tags
from pipeline.sources.columns import TEXT_SCHEMA
from pipeline.sources.jsonl import JsonlOptions
from pipeline.stage import Options

SCHEMA = pa.schema([*TEXT_SCHEMA, STATED_LANGUAGE])

# c4-train.00000-of-01024.json.gz of C4; c4-de.tfrecord-00000-of-02048.json.gz,
# c4-zh-Latn-validation.tfrecord-00000-of-00001.json.gz and c4-und.tfrecord-… of mC4
_LANGUAGE = re.compile(r"c4-([a-z]{2,3}(?:-[A-Z][a-z]{3})?)[-.]")
_ENGLISH = re.compile(r"c4-(?:train|validation)\.")


class C4Options(Options):
    """Options of `read: c4`."""

    license: str | None = Field(
        default="ODC-By-1.0",
        description="licence of the collection, under which its publisher hands it out; the texts are "
        "their owners'. null: none",
    )
    max_line_bytes: int = Field(default=64 << 20, gt=0, description="a longer line is left out")


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of `SCHEMA`, in the order of the file; `offset` is the line's number from 0.

    A document's address is that of its page with the moment of the crawl, where the line gives both:
    the same whatever variant or shard of C4 it stands in. Else it is the shard's name and the line.
    """
    language = stated_language(reading.unit.logical)
    for table in jsonl.read(replace(reading, options=_lines(reading.options))):
        count = table.num_rows
        urls, moments = table["url"].to_pylist(), table["timestamp"].to_pylist()
        places = table["address"].to_pylist()
        addresses = [
            f"{url} {moment}" if url and moment else place
            for url, moment, place in zip(urls, moments, places, strict=True)
        ]
        dated = [
            dates.parse(moment) or date
            for moment, date in zip(moments, table["date"].to_pylist(), strict=True)
        ]
        columns = {
            **{name: table[name] for name in TEXT_SCHEMA.names},
            "address": pa.array(addresses, pa.string()),
            "date": pa.array(dated, pa.timestamp("us")),
            "license": pa.array([reading.options.license] * count, pa.string()),
            STATED_LANGUAGE.name: pa.array([language] * count, pa.string()),
        }
        yield pa.table(columns, schema=SCHEMA)


def _lines(options: C4Options) -> JsonlOptions:
    """How the lines are read; some copies of C4 have `date` in place of `timestamp`."""
    return JsonlOptions(date="date", keep=("timestamp",), max_line_bytes=options.max_line_bytes)


def stated_language(logical: str) -> str | None:
    """The language that a shard's name says: of C4 English, of mC4 what stands behind `c4-`."""
    name = logical.rsplit("/", 1)[-1]
    if _ENGLISH.match(name):
        return "en"
    found = _LANGUAGE.match(name)
    return language_tags.language_code(found[1]) if found else None


def original(reading: Reading, row: Mapping[str, Any]) -> bytes:
    """The document's line."""
    return jsonl.original(replace(reading, options=_lines(reading.options)), row)


SOURCE = Source(
    "c4",
    SCHEMA,
    read,
    options=C4Options,
    about="C4 and mC4 as published (json.gz), with the language of the shard",
    original=original,
)
