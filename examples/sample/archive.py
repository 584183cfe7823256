"""Writes captures as a WARC file the way Common Crawl does: a packed member for every record."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from captures import CRAWLED, Capture, moment, packed
from pages import number_of
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

AGENT = "samplebot/1.0 (+https://samplebot.example/)"


@dataclass(frozen=True)
class Archive:
    """The file's bytes, the offset and record id of each capture, and records by type."""

    data: bytes
    offsets: Sequence[int]
    ids: Sequence[str]
    records: Counter[str]


def write(captures: Sequence[Capture]) -> Archive:
    """One file: a warcinfo record, then request, response and, for pages, metadata of each capture."""
    data = bytearray()
    records: Counter[str] = Counter()
    offsets, ids = [], []

    def add(kind: str, record: bytes, damage: str = "") -> int:
        offset = len(data)
        member = packed(_wrong_length(record) if damage == "length" else record)
        data.extend(_damaged(member, damage))
        records[kind] += 1
        return offset

    about = {
        "software": AGENT,
        "format": "WARC File Format 1.0",
        "isPartOf": "winnow-sample",
        "description": "Invented pages of invented sites, with all the troubles of a real crawl",
    }
    fields = "".join(f"{key}: {value}\r\n" for key, value in about.items()).encode()
    add(
        "warcinfo",
        record("warcinfo", "sample.warc.gz", moment(CRAWLED, 0), fields, "application/warc-fields"),
    )
    for position, one in enumerate(captures):
        when = moment(one.crawled, position)
        if one.record == "response":
            asked = record("request", one.url, when, b"", http=_request(one.url))
            add("request", asked)
        if one.record == "resource":
            found = record("resource", one.url, when, one.body, "text/html")
        else:
            answer = StatusAndHeaders(one.status, list(one.headers), protocol="HTTP/1.1")
            found = record(one.record, one.url, when, one.body, http=answer)
        offsets.append(add(one.record, found, one.damage))
        ids.append(_id(one.record, one.url, when))
        if one.record == "response" and one.status.startswith("200") and not one.damage:
            took = b"fetchTimeMs: %d\r\n" % (80 + number_of(one.url) % 900)
            add("metadata", record("metadata", one.url, when, took, "application/warc-fields"))
    return Archive(bytes(data), offsets, ids, records)


def record(
    kind: str,
    url: str,
    when: datetime,
    payload: bytes,
    media_type: str = "",
    http: StatusAndHeaders | None = None,
) -> bytes:
    """One WARC record, not packed."""
    buffer = io.BytesIO()
    writer = WARCWriter(buffer, gzip=False, warc_version="1.0")
    fields = {"WARC-Record-ID": f"<{_id(kind, url, when)}>", "WARC-Date": f"{when:%Y-%m-%dT%H:%M:%SZ}"}
    if kind == "warcinfo":
        fields["WARC-Filename"] = url
    elif kind == "revisit":
        fields["WARC-Profile"] = "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"
    made = writer.create_warc_record(
        "" if kind == "warcinfo" else url,
        kind,
        payload=io.BytesIO(payload),
        length=len(payload),
        warc_content_type=media_type,
        warc_headers_dict=fields,
        http_headers=http,
    )
    writer.write_record(made)
    return buffer.getvalue()


def _id(kind: str, url: str, when: datetime) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{kind} {url} {when:%Y-%m-%d}')}"


def _request(url: str) -> StatusAndHeaders:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = [
        ("Host", parts.netloc),
        ("User-Agent", AGENT),
        ("Accept", "text/html,application/xhtml+xml"),
        ("Accept-Encoding", "gzip, deflate"),
    ]
    return StatusAndHeaders(f"GET {target} HTTP/1.1", headers, is_http_request=True)


def _wrong_length(content: bytes) -> bytes:
    """The record with a Content-Length of 500 bytes too many."""
    head, rest = content.split(b"Content-Length: ", 1)
    length, rest = rest.split(b"\r\n", 1)
    return head + b"Content-Length: %d\r\n" % (int(length) + 500) + rest


def _damaged(member: bytes, damage: str) -> bytes:
    middle = len(member) // 2
    if damage == "corrupt":
        flipped = bytes(byte ^ 0x5A for byte in member[middle : middle + 24])
        return member[:middle] + flipped + member[middle + 24 :]
    return member[:middle] if damage == "truncated" else member
