"""Reads the texts of a WET file: Common Crawl's own plain text of each page.

A `conversion` record becomes a row; every other record is counted under the reasons that
`pipeline.sources.warc` lists.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pydantic import Field

from pipeline.source import ADDRESS, BASE_SCHEMA, Reading, Source, tables
from pipeline.sources.crawl.parts import records_of
from pipeline.sources.warc import original, provenance, units, unwanted
from pipeline.stage import Options

SCHEMA = pa.schema(
    [
        ADDRESS,
        *(BASE_SCHEMA.field(name) for name in ("url", "date", "origin", "offset")),
        pa.field("text", pa.string(), metadata={"about": "text of the page as the crawl gives it"}),
    ]
)


class WetOptions(Options):
    """Options of `read: wet`."""

    max_record_bytes: int = Field(default=32 << 20, gt=0, description="a longer record is left out")


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of `SCHEMA`, a row for each text, in the order of the file."""
    return tables(_rows(reading), SCHEMA, weigh="text")


def _rows(reading: Reading) -> Iterator[dict[str, Any]]:
    for record in records_of(reading, ("conversion",), reading.options.max_record_bytes):
        reason = unwanted(record, "conversion")
        if reason:
            reading.skipped[reason] += 1
        else:
            yield {**provenance(reading, record), "text": record.block.decode("utf-8", "replace")}


SOURCE = Source(
    "wet",
    SCHEMA,
    read,
    options=WetOptions,
    about="texts of Common Crawl's WET files; damaged records are counted and passed over",
    units=units,
    original=original,
)
