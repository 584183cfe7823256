"""Reads the HTML pages of a WARC file, or of an ARC file, Common Crawl's or another crawler's.

A record becomes a row if it is a response with HTTP status 200 that holds HTML or XHTML. Every
other record is counted under one of these reasons:

    warcinfo, request, metadata, revisit, resource, conversion, continuation
                    of this type, not a response
    other_type      of a type that the standard does not know
    not_http        a response of another protocol (DNS, FTP)
    http_status     a status that `statuses` does not hold
    not_html        an image, a PDF …: by WARC-Identified-Payload-Type, else by Content-Type, else
                    by the first bytes
    too_large       longer than `max_record_bytes`, as recorded or unpacked
    truncated       the file ends within it
    corrupt         damaged; a damaged stretch counts as one record, whatever stood in it
    not_warc        the whole file is something else

A page that the crawler itself cut off (WARC-Truncated) is a row like any other. Large files are read in
several units (`pipeline.sources.crawl.parts`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from pydantic import Field

from pipeline.errors import SourceError
from pipeline.inputs import InputFile
from pipeline.source import (
    ADDRESS,
    BASE_SCHEMA,
    STATED_LANGUAGE,
    Reading,
    Source,
    Unit,
    document_id,
    tables,
    transient,
)
from pipeline.sources import charset, dates
from pipeline.sources.crawl import parts
from pipeline.sources.crawl.http import Response, TooLargeError, response
from pipeline.sources.crawl.parts import records_of
from pipeline.sources.crawl.records import TOO_LARGE, Record, records
from pipeline.sources.language_tags import language_code
from pipeline.sources.streams import move_to, opened
from pipeline.stage import Options

SCHEMA = pa.schema(
    [
        ADDRESS,
        *(BASE_SCHEMA.field(name) for name in ("url", "date", "origin", "offset")),
        pa.field("server", pa.string(), metadata={"about": "software that served the page, as it says"}),
        STATED_LANGUAGE,
        transient(pa.field("html", pa.string(), metadata={"about": "the page, decoded"})),
    ]
)

_TYPES = frozenset(
    ("warcinfo", "response", "request", "metadata", "revisit", "resource", "conversion", "continuation")
)
_HTML = frozenset(("text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"))
# What a page starts with (MIME sniffing standard), after white space.
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?[\s\0]*<(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a|style"
    rb"|title|b|body|br|p|meta|!--|\?xml[^>]*>\s*<(?:!doctype\s+)?html)[\s>]",
    re.IGNORECASE,
)
# Formats that servers send as text/html by mistake.
_BINARY = (b"%PDF-", b"PK\x03\x04", b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"\xd0\xcf\x11\xe0")


class WarcOptions(Options):
    """Options of `read: warc`."""

    max_record_bytes: int = Field(
        default=32 << 20, gt=0, description="a longer record, or page once unpacked, is left out"
    )
    statuses: tuple[int, ...] = Field(default=(200,), description="HTTP status codes of pages to read")


def units(name: str, files: Sequence[InputFile], options: Options) -> list[Unit]:
    """A unit for each file, several for a large one."""
    del options
    return parts.units(name, files)


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of `SCHEMA`, a row for each page, in the order of the file."""
    return tables(_rows(reading), SCHEMA, weigh="html")


def _rows(reading: Reading) -> Iterator[dict[str, Any]]:
    options: WarcOptions = reading.options
    for record in records_of(reading, ("response",), options.max_record_bytes):
        page = _page(record, options)
        if isinstance(page, str):
            reading.skipped[page] += 1
        else:
            headers, body = page
            text = charset.decode(body, charset.of_content_type(headers.get("content-type", "")))
            yield {
                **provenance(reading, record),
                "server": headers.get("server") or None,
                "stated_language": language_code(headers.get("content-language")),
                "html": text,
            }


def provenance(reading: Reading, record: Record) -> dict[str, Any]:
    """Address, url, date, origin and offset of a record's row."""
    headers = record.headers
    where = f"{reading.unit.logical}@{record.offset}+{record.index}"
    return {
        "address": headers.get("warc-record-id") or where,
        "url": headers.get("warc-target-uri", "").strip("<>") or None,
        "date": dates.parse(headers.get("warc-date")),
        "origin": reading.unit.logical,
        "offset": record.offset,
    }


def unwanted(record: Record, wanted: str) -> str:
    """Why a record is not one of the `wanted` type: its fault or its type; "" if it is."""
    if record.fault:
        return record.fault
    kind = record.headers.get("warc-type", "").lower()
    if kind == wanted:
        return ""
    return kind if kind in _TYPES else "other_type"


def _page(record: Record, options: WarcOptions) -> tuple[Mapping[str, str], bytes] | str:
    """The page's HTTP fields and its bytes, or the reason why the record holds no page."""
    reason = unwanted(record, "response")
    if reason:
        return reason
    answer = response(record.block)
    if answer is None and record.headers.get("content-type", "").lower() in _HTML:
        # The first version of HTTP, which old ARC files hold, sends the page and nothing else.
        answer = Response(200, {}, record.block) if _PAGE.match(record.block, 0, 4096) else None
    if answer is None:
        return "not_http"
    if answer.status not in options.statuses:
        return "http_status"
    media_type = _media_type(record, answer)
    if media_type and media_type not in _HTML:
        return "not_html"
    try:
        body = answer.body(options.max_record_bytes)
    except TooLargeError:
        return TOO_LARGE
    if body.startswith(_BINARY) or not (media_type or _PAGE.match(body, 0, 4096)):
        return "not_html"
    return answer.headers, body


def _media_type(record: Record, answer: Response) -> str:
    """The media type in lower case, without parameters: what the crawler saw, else what was said."""
    stated = record.headers.get("warc-identified-payload-type") or answer.headers.get("content-type", "")
    media_type = re.split(r"[;,\s]", stated.strip(), maxsplit=1)[0].lower()
    return media_type if "/" in media_type else ""


def original(reading: Reading, row: Mapping[str, Any]) -> bytes:
    """The record of a document as it stands in the file, unpacked: its head and its block."""
    start = int(row["offset"])
    with opened(reading) as file:
        move_to(file, start)
        for record in records(file, _TYPES, reading.options.max_record_bytes):
            here = replace(record, offset=record.offset + start)
            if here.offset > start and here.index == 0:
                break
            address = provenance(reading, here)["address"]
            if document_id(reading.unit.source, address) == row["id"]:
                return record.head + record.block
    raise SourceError(
        f"{reading.unit.path}: no record of this document at byte {start:,}; has the file changed since?"
    )


SOURCE = Source(
    "warc",
    SCHEMA,
    read,
    options=WarcOptions,
    about="HTML pages of WARC and ARC files, packed or not; damaged records are counted and passed over",
    units=units,
    original=original,
)
