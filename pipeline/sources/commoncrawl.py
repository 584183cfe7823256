"""Reads Common Crawl: pages from its WARC and ARC files, or texts from its WET files, by name of the crawl.

    read: commoncrawl
    crawl: CC-MAIN-2024-10
    files: 0-99

Rows, columns and reasons for what is skipped are those of `pipeline.sources.warc` and, with
`format: wet`, of `pipeline.sources.wet`. Files are read in one request each, which is taken up again
where it breaks off; with `cache` they stay on a disk for the next time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, BinaryIO, Literal

import pyarrow as pa
from pydantic import BeforeValidator, Field, model_validator

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.source import Reading, Source, Unit
from pipeline.sources import warc, wet
from pipeline.sources.crawl import crawls, parts
from pipeline.sources.crawl.cache import Cache, CacheOptions

_FILES = BeforeValidator(crawls.parse_files, json_schema_input_type=int | str | list[int | str])


class CommonCrawlOptions(warc.WarcOptions):
    """Options of `read: commoncrawl`. Those that say where files are do not change what is in them."""

    format: Literal["warc", "wet", "arc"] = Field(
        default="warc",
        description="warc: pages; wet: the crawl's own plain text of them; arc: pages of crawls before 2013",
    )
    crawl: str | None = Field(
        default=None, exclude=True, description="name of a crawl, as CC-MAIN-2024-10; instead of paths"
    )
    files: Annotated[Any, _FILES] = Field(
        default=None,
        exclude=True,
        description="which files of the crawl, numbered from 0: 7, 0-99, [0, 5-9] or all",
    )
    base: str = Field(
        default=crawls.BASE,
        min_length=1,
        exclude=True,
        description="where crawl-data/ is: a web address, s3://commoncrawl/ or a folder",
    )
    cache: CacheOptions | None = Field(
        default=None, exclude=True, description="keep files of the web in a folder: {folder: …, size: 100GB}"
    )

    @model_validator(mode="after")
    def _files_are_of_a_crawl(self) -> "CommonCrawlOptions":
        if self.files is not None and self.crawl is None:
            raise ValueError("files counts the files of a crawl: name it, as in crawl: CC-MAIN-2024-10")
        if self.crawl is not None and self.files is None:
            raise ValueError(
                f"crawl {self.crawl!r}: say which of its files, as in files: 0-99, or files: all"
            )
        return self


def inputs(options: CommonCrawlOptions) -> Sequence[crawls.CrawlFile]:
    """The files of the crawl that the options name."""
    if options.crawl is None:
        raise PlanError("expected paths, or crawl and files (crawl: CC-MAIN-2024-10, files: 0-99)")
    return crawls.crawl_files(options.base, options.crawl, options.format, options.files)


def units(name: str, files: Sequence[Any], options: CommonCrawlOptions) -> list[Unit]:
    """A unit for each file, several for a large one; one for a file of the web, which is read in one
    request and kept whole by the cache, and for one of unknown size."""
    if options.crawl is not None and not all(isinstance(file, crawls.CrawlFile) for file in files):
        raise PlanError(f"source {name!r}: paths and crawl both say what to read; leave one of them out")
    return parts.units(name, files, whole={file.path for file in files if _is_web(file.path)})


def schema_of(units: Sequence[Unit], options: CommonCrawlOptions) -> pa.Schema:
    """That of texts or that of pages."""
    del units
    return wet.SCHEMA if options.format == "wet" else warc.SCHEMA


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of the schema, a row for each page or text, in the order of the file."""
    placed = replace(reading, open=partial(_open, reading))
    return wet.read(placed) if reading.options.format == "wet" else warc.read(placed)


def original(reading: Reading, row: Mapping[str, Any]) -> bytes:
    """The record of a page or text, head and block."""
    return warc.original(replace(reading, open=partial(_open, reading, True)), row)


def _is_web(path: str) -> bool:
    return store.protocol_of(path) in ("http", "https") and not store.configured(path)


def _open(reading: Reading, anywhere: bool = False) -> BinaryIO:
    """The unit's file: from the cache, from the web in one request, or as other sources open it.

    anywhere   one place of it is wanted, not the whole
    """
    options: CommonCrawlOptions = reading.options
    path = reading.unit.path
    if not _is_web(path):
        return reading.open()
    if options.cache is not None:
        cache = Cache(options.cache.folder, options.cache.size)
        kept = cache.have(path)
        if kept is not None:
            return kept
        if not anywhere:
            try:
                return cache.open(path)
            except OSError as fault:
                raise SourceError(f"{path}: cannot be opened: {fault.strerror or fault}") from fault
    return crawls.open_file(path, whole=not anywhere)


SOURCE = Source(
    "commoncrawl",
    warc.SCHEMA,
    read,
    options=CommonCrawlOptions,
    about="a crawl of Common Crawl by its name: pages (WARC, ARC) or texts (WET)",
    units=units,
    schema_of=schema_of,
    inputs=inputs,
    original=original,
)
