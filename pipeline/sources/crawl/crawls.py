"""From the name of a crawl to its files: `CC-MAIN-2024-10`, files 0 to 99.

Each crawl of Common Crawl has lists of its files, `crawl-data/CRAWL/warc.paths.gz` and the like. One
of them is read, and nothing is asked of the files themselves: a crawl has ninety thousand.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.faults import choose
from pipeline.inputs import InputFile
from pipeline.sources.crawl.download import Download
from pipeline.sources.streams import chunks

BASE = "https://data.commoncrawl.org/"
ALL = "all"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_RANGE = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?")

Span = tuple[int, int]
"""First and last number of files, both included."""


@dataclass(frozen=True)
class CrawlFile(InputFile):
    """A file that a crawl's list names; its size and version are not known unless it is local."""


def parse_files(value: Any) -> str | tuple[Span, ...]:
    """Numbers of files, from 0: 7, "0-99", "0-9, 50", [0, "5-9"], or "all"."""
    if value == ALL:
        return ALL
    given = value if isinstance(value, list | tuple) else [value]
    spans: list[Span] = []
    for each in given:
        if isinstance(each, tuple | list) and len(each) == 2:  # what this has returned
            each = f"{each[0]}-{each[1]}"
        for part in str(each).split(","):
            found = None if isinstance(each, bool | float) else _RANGE.fullmatch(part.strip())
            last = int(found[2] or found[1]) if found else -1
            if found is None or last < int(found[1]):
                raise ValueError(
                    f"{value!r} found; expected numbers of files from 0 such as 7, 0-99 or [0, 5-9], or all"
                )
            spans.append((int(found[1]), last))
    if not spans:
        raise ValueError("an empty list found; expected numbers of files such as 0-99, or all")
    return tuple(spans)


def open_file(path: str, whole: bool = True) -> BinaryIO:
    """A file for reading: from the web in one request, where no other way is configured.

    whole   it is read from its first byte on; else nothing is asked for before a place is sought
    """
    if store.protocol_of(path) in ("http", "https") and not store.configured(path):
        try:
            return cast(BinaryIO, Download(path, asks=whole))
        except OSError as fault:
            raise SourceError(f"{path}: cannot be opened: {fault.strerror or fault}") from fault
    return store.open_input(path)


def crawl_files(base: str, crawl: str, kind: str, files: str | tuple[Span, ...]) -> list[CrawlFile]:
    """The files of a crawl, in the order of its list; each number once.

    base   where `crawl-data/` is: a web address, a bucket or a folder
    kind   warc, wet or arc
    Raises PlanError for a crawl that is not there and for numbers that it does not have.
    """
    if not _NAME.fullmatch(crawl):
        raise PlanError(f"crawl {crawl!r}: expected a name such as CC-MAIN-2024-10")
    paths = _paths(base, crawl, kind)
    if files == ALL:
        numbers: Sequence[int] = range(len(paths))
    else:
        spans = cast(tuple[Span, ...], files)
        for first, last in spans:
            if last >= len(paths):
                raise PlanError(
                    f"crawl {crawl!r} has {len(paths):,} {kind} files, 0 to {len(paths) - 1}; "
                    f"files names {first if first == last else f'{first}-{last}'}"
                )
        numbers = sorted({number for first, last in spans for number in range(first, last + 1)})
    return [_file(base, paths[number]) for number in numbers]


def _paths(base: str, crawl: str, kind: str) -> list[str]:
    place = f"{base.rstrip('/')}/crawl-data/{crawl}/{kind}.paths.gz"
    try:
        with open_file(place) as file:
            pieces = []
            for chunk in chunks(file):
                if chunk.fault:
                    raise SourceError(f"{place}: the list of files is {chunk.fault}")
                pieces.append(chunk.data)
    except SourceError as fault:
        if isinstance(fault.__cause__, FileNotFoundError | NotADirectoryError):
            raise PlanError(_unknown(base, crawl, kind, place)) from fault
        raise
    except OSError as fault:
        raise SourceError(f"{place}: cannot be read: {fault}") from fault
    paths = [line.strip().lstrip("/") for line in b"".join(pieces).decode("utf-8", "replace").splitlines()]
    return [path for path in paths if path]


def _unknown(base: str, crawl: str, kind: str, place: str) -> str:
    folder = f"{base.rstrip('/')}/crawl-data"
    there = store.names(folder) if store.is_local(folder) else []
    hint = choose(crawl, there) if there else "its crawls are listed at https://commoncrawl.org/get-started"
    return f"crawl {crawl!r}: there is no {place}, the list of its {kind} files; {hint}"


def _file(base: str, path: str) -> CrawlFile:
    full = f"{base.rstrip('/')}/{path}"
    if not store.is_local(full):
        return CrawlFile(full, path, 0, "")
    full = os.path.expanduser(full.removeprefix("file://"))
    try:
        status = os.stat(full)
    except OSError as fault:
        raise SourceError(f"{full}: named by the crawl's list, but {fault.strerror}") from fault
    return CrawlFile(full, path, status.st_size, str(status.st_mtime_ns))
