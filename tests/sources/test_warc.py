"""The WARC source: rows, reasons, damage, and real files to their end."""

import gzip
import io
import tracemalloc
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.source import Reading, Unit, document_id
from pipeline.sources import warc, wet

SOURCE = warc.SOURCE
PAGES = [f"<html><title>Page {n}</title><p>{'words and more ' * n * 9}</p></html>".encode() for n in range(5)]


@pytest.fixture
def five(make: Any) -> list[bytes]:
    """Five records, a page each."""
    return [make.record(make.http(page)) for page in PAGES]


def test_nothing(read_bytes: Any) -> None:
    assert read_bytes(SOURCE, b"") == ([], {})
    assert read_bytes(SOURCE, gzip.compress(b"")) == ([], {})
    assert read_bytes(SOURCE, b"\r\n\r\n") == ([], {})


def test_one_response(read_bytes: Any, make: Any) -> None:
    page = make.record(make.http("<p>Straße".encode()), WARC_Record_ID="<urn:uuid:1>")
    info = make.record(b"software: x\r\n", kind="warcinfo", Content_Type="application/warc-fields")
    rows, skipped = read_bytes(SOURCE, info + page)
    assert skipped == {"warcinfo": 1}
    assert rows == [
        {
            "address": "<urn:uuid:1>",
            "url": "http://example.org/",
            "date": datetime(2024, 5, 6, 7, 8, 9),
            "origin": "folder/file",
            "offset": len(info),
            "server": None,
            "stated_language": None,
            "html": "<p>Straße",
        }
    ]


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("layout", ["plain", "packed", "one member", "zstd", "blocks", "padded"])
def test_every_layout_gives_the_same_rows(
    read_bytes: Any, make: Any, five: list[bytes], layout: str, forward: bool
) -> None:
    whole = b"".join(five)
    data = {
        "plain": whole,
        "packed": make.packed(five),
        "one member": gzip.compress(whole),
        "zstd": b"".join(zstandard.compress(record) for record in five),
        "blocks": make.packed(whole[at : at + 700] for at in range(0, len(whole), 700)),
        "padded": b"".join(gzip.compress(record + b"\r\n" * 9) + b"\0" * 512 for record in five),
    }[layout]
    rows, skipped = read_bytes(SOURCE, data, forward=forward)
    assert [row["html"].encode() for row in rows] == PAGES
    assert skipped == {}


def test_offset_is_where_to_start_reading(read_bytes: Any, make: Any, five: list[bytes]) -> None:
    data = make.packed(five)
    rows, _ = read_bytes(SOURCE, data)
    for row in rows:
        again, _ = read_bytes(SOURCE, data[row["offset"] :])
        assert again[0]["html"] == row["html"]


def test_address_without_record_id(read_bytes: Any, make: Any) -> None:
    records = [make.record(make.http(page), WARC_Record_ID="") for page in PAGES]
    for data in (b"".join(records), make.packed(records), gzip.compress(b"".join(records))):
        rows, _ = read_bytes(SOURCE, data)
        assert len({row["address"] for row in rows}) == len(PAGES)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"", "not_http"),
        (b"20240506 1.2.3.4\n", "not_http"),
        (b"HTTP/1.1 404 Gone\r\nContent-Type: text/html\r\n\r\n<p>no", "http_status"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG", "not_html"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n%PDF-1.4 ", "not_html"),
        (b"HTTP/1.1 200 OK\r\n\r\nplain text", "not_html"),
        (b"HTTP/1.1 200 OK\r\n\r\n  <!doctype html><p>x", ""),
        (b"HTTP/1.1 200 OK\nContent-Type: TEXT/HTML;charset=utf-8\n\n<p>x", ""),
        (b"HTTP/1.0 200 OK\r\nContent-Type: application/xhtml+xml\r\n\r\n<p>x", ""),
        (b"HTTP/1.0 200 OK\r\nContent-Type: text/html", ""),
    ],
)
def test_which_responses_are_pages(read_bytes: Any, make: Any, block: bytes, reason: str) -> None:
    rows, skipped = read_bytes(SOURCE, make.record(block))
    assert (len(rows), skipped) == ((0, {reason: 1}) if reason else (1, {}))


def test_payload_type_seen_by_the_crawler_wins(read_bytes: Any, make: Any) -> None:
    pdf = make.record(make.http(b"x"), WARC_Identified_Payload_Type="application/pdf")
    page = make.record(make.http(b"<p>", content_type=""), WARC_Identified_Payload_Type="text/html")
    rows, skipped = read_bytes(SOURCE, pdf + page)
    assert (len(rows), skipped) == (1, {"not_html": 1})


def test_other_types_are_counted_by_name(read_bytes: Any, make: Any) -> None:
    kinds = ["request", "metadata", "revisit", "resource", "conversion", "continuation", "warcinfo", "novel"]
    rows, skipped = read_bytes(SOURCE, make.packed(make.record(b"x: y\r\n", kind=kind) for kind in kinds))
    assert rows == []
    assert skipped == {"other_type" if kind == "novel" else kind: 1 for kind in kinds}


def test_statuses_are_an_option(read_bytes: Any, make: Any) -> None:
    data = make.record(make.http(b"<p>", status=203)) + make.record(make.http(b"<p>", status=404))
    rows, skipped = read_bytes(SOURCE, data, statuses=(200, 203))
    assert (len(rows), skipped) == (1, {"http_status": 1})


def test_too_large(read_bytes: Any, make: Any, five: list[bytes]) -> None:
    big = make.record(make.http(b"<p>" + b"x" * 100_000))
    bomb = make.record(make.http(gzip.compress(b"<p>" + b"x" * 100_000), Content_Encoding="gzip"))
    for data in (five[0] + big + bomb + five[1], make.packed([five[0], big, bomb, five[1]])):
        rows, skipped = read_bytes(SOURCE, data, max_record_bytes=50_000)
        assert [row["html"].encode() for row in rows] == PAGES[:2]
        assert skipped == {"too_large": 2}


def test_length_far_too_large_hides_no_record(read_bytes: Any, make: Any, five: list[bytes]) -> None:
    wrong = make.record(make.http(PAGES[2]), Content_Length="99999999999")
    for data in (b"".join([*five[:2], wrong, *five[3:]]), make.packed([*five[:2], wrong, *five[3:]])):
        rows, skipped = read_bytes(SOURCE, data)
        assert [row["html"].encode() for row in rows] == [*PAGES[:2], *PAGES[3:]]
        assert skipped == {"corrupt": 1}


@pytest.mark.parametrize("length", ["0", "10", "300", "", "-5", "1e3", "²"])
def test_wrong_length_costs_one_record(read_bytes: Any, make: Any, five: list[bytes], length: str) -> None:
    wrong = make.record(make.http(PAGES[2]), Content_Length=length)
    rows, skipped = read_bytes(SOURCE, b"".join([*five[:2], wrong, *five[3:]]))
    assert [row["html"].encode() for row in rows] == [*PAGES[:2], *PAGES[3:]]
    assert skipped == {"corrupt": 1}


def test_what_the_server_says_of_itself_and_the_page(read_bytes: Any, make: Any) -> None:
    told = make.record(make.http(b"<p>", Server="nginx/1.25", Content_Language="de-AT"))
    many = make.record(make.http(b"<p>", Server=" ", Content_Language="en, fr"))
    rows, _ = read_bytes(SOURCE, told + many)
    assert [(row["server"], row["stated_language"]) for row in rows] == [("nginx/1.25", "de"), (None, None)]


def test_original(make: Any, five: list[bytes]) -> None:
    anonymous = [make.record(make.http(page), WARC_Record_ID="") for page in PAGES]
    layouts = [
        make.packed(five),
        b"".join(five),
        gzip.compress(b"".join(five)),
        gzip.compress(b"".join(anonymous)),
    ]
    for data in layouts:
        reading = _reading(data)
        rows = [row for table in SOURCE.read(reading) for row in table.to_pylist()]
        assert len(rows) == 5
        assert SOURCE.original is not None
        for row, page in zip(rows, PAGES, strict=True):
            row["id"] = document_id("s", row["address"])
            found = SOURCE.original(reading, row)
            assert found.startswith(b"WARC/1.0\r\n") and found.endswith(page)
        with pytest.raises(SourceError, match="no record of this document at byte 0"):
            SOURCE.original(reading, {**rows[0], "id": "0"})


def test_not_warc(read_bytes: Any) -> None:
    assert read_bytes(SOURCE, b'{"text": "a"}\n' * 9999) == ([], {"not_warc": 1})
    assert read_bytes(SOURCE, gzip.compress(b"plain text")) == ([], {"not_warc": 1})
    assert read_bytes(SOURCE, b"filedesc://x.arc 0.0.0.0 today text/plain 76\n1 0 X\n") == (
        [],
        {"not_warc": 1},
    )


def test_junk_before_and_between(read_bytes: Any, five: list[bytes]) -> None:
    data = b"junk\n" + five[0] + b"\0" * 99 + five[1] + b"more junk: WARC/1.0 it is not" + five[2]
    rows, skipped = read_bytes(SOURCE, data)
    assert [row["html"].encode() for row in rows] == PAGES[:3]
    assert skipped == {"corrupt": 2}


def test_cut_at_every_byte(read_bytes: Any, make: Any, five: list[bytes]) -> None:
    three = five[:3]
    data = make.packed(three)
    ends = [len(make.packed(three[:count])) for count in range(4)]
    for size in range(len(data)):
        rows, skipped = read_bytes(SOURCE, data[:size])
        whole = sum(end <= size for end in ends) - 1
        # A member that lacks no more than its checksum may count as whole.
        assert whole <= len(rows) <= whole + 1
        assert [row["html"].encode() for row in rows] == PAGES[: len(rows)]
        assert bool(skipped) == (size not in ends), (size, skipped)


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_damage_at_every_byte_of_a_member(read_bytes: Any, make: Any, five: list[bytes], mask: int) -> None:
    start, end = len(make.packed(five[:2])), len(make.packed(five[:3]))
    whole = make.packed(five)
    for at in range(start, end):
        data = bytearray(whole)
        data[at] ^= mask
        rows, skipped = read_bytes(SOURCE, bytes(data))
        pages = [row["html"].encode() for row in rows]
        # Only in the member's own header can a changed byte change nothing.
        assert pages in ([*PAGES[:2], *PAGES[3:]], PAGES if at < start + 10 else [])
        assert skipped == ({} if pages == PAGES else {"corrupt": 1}), (at, skipped)


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_damage_at_every_byte_of_a_plain_record(read_bytes: Any, five: list[bytes], mask: int) -> None:
    start, end = len(b"".join(five[:2])), len(b"".join(five[:3]))
    for at in range(start, end):
        data = bytearray(b"".join(five))
        data[at] ^= mask
        rows, skipped = read_bytes(SOURCE, bytes(data))
        pages = [row["html"].encode() for row in rows]
        assert pages[:2] == PAGES[:2] and pages[-2:] == PAGES[3:], at
        assert len(rows) + sum(skipped.values()) == 5, (at, skipped)


def test_last_members_damaged(read_bytes: Any, make: Any, five: list[bytes]) -> None:
    data = bytearray(make.packed(five))
    data[len(make.packed(five[:3])) + 40] ^= 0xFF
    rows, skipped = read_bytes(SOURCE, bytes(data))
    assert [row["html"].encode() for row in rows] == [*PAGES[:3], PAGES[4]]
    assert skipped == {"corrupt": 1}


def test_endless_padding_is_not_held(read_bytes: Any, five: list[bytes]) -> None:
    padding = b"\r\n" * (32 << 20)
    data = [five[0] + padding + five[1] + bytes(64 << 20), gzip.compress(five[0] + padding + five[1])]
    for each in data:
        tracemalloc.start()
        rows, skipped = read_bytes(SOURCE, each)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (len(rows), skipped) == (2, {})
        assert peak < 40 << 20


@pytest.mark.parametrize(
    "body",
    [
        b"<?xml version='1.0'?>" + b"<!---->" * 100_000,
        b"<meta " * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b" \n" * 1_000_000,
        b"<!--" * 200_000,
        b"1\r\na\r\n" * 100_000,
        b"WARC/1.0\r\nContent-Length: 900000\r\n\r\n" * 20_000,
    ],
)
@pytest.mark.timeout(20)
def test_hostile_pages_take_no_time(read_bytes: Any, make: Any, body: bytes) -> None:
    data = make.record(make.http(body, content_type="", Transfer_Encoding="chunked")) + make.record(body)
    rows, skipped = read_bytes(SOURCE, data)
    assert len(rows) + sum(skipped.values()) == 2
    rows, skipped = read_bytes(SOURCE, body)
    assert rows == [] and sum(skipped.values()) >= 1


def test_trouble_with_the_store_is_no_damage() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, f"Input/output error after {size} bytes")

    unit = Unit("s", "u", "far/away.warc.gz", "away.warc.gz", 1, "")
    reading = Reading(unit, SOURCE.options(), Broken, Counter())
    with pytest.raises(SourceError, match=r"far/away\.warc\.gz: cannot be read.*Input/output error"):
        list(SOURCE.read(reading))
    assert not reading.skipped


STARTS = [b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\0"]
PARTS = [
    b"\r\n\r\n",
    b"WARC/1.0\r\nWARC-Type: response\r\n",
    b"Content-Length: 7\r\n",
    b"HTTP/1.1 200 \r\n\r\n",
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(STARTS),
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(PARTS)), max_size=8),
)
def test_any_bytes_are_read_to_the_end(start: bytes, rest: list[bytes]) -> None:
    data = start + b"".join(rest)
    reading = _reading(data)
    rows = sum(len(table) for table in SOURCE.read(reading))
    assert rows + sum(reading.skipped.values()) > 0 or not data.strip(b"\0\r\n\t ")


def _reading(data: bytes) -> Reading:
    unit = Unit("s", "u", "file", "file", len(data), "")
    return Reading(unit, SOURCE.options(), lambda: io.BytesIO(data), Counter())


# File, rows, HTML responses with status 200 as counted by warcio and FastWARC.
REAL = {
    "CC-MAIN-20150226074105-00336-ip-10-28-5-156.ec2.internal.sample.warc.gz": 12,
    "CC-MAIN-20200808165417-20200808195417-00395.resiliparse-sample.warc.gz": 16,
    "CC-whirlwind.warc.gz": 1,
    "IAH-20080430204825-00000-blackbook.warc.gz": 94,
    "IAH-urls-wget.warc.gz": 2,
    "dolma-sample-0000.warc.gz": 22,
    "pywb-iana.warc.gz": 16,
    "py-wacz-example-iana.warc": 6,
    "ukwa-BL-20140325121225068-00000-32090~opera~8443.warc.gz": 32,
    "ukwa-BL-20140325122341434-00000-32090~opera~8443.warc.gz": 6,
}
DAMAGED = {
    "resiliparse-clipped.warc.gz": {"truncated": 1},
    "ccscala-appended_zip_fragment_unexpected_eof.wet.gz": {"warcinfo": 1, "truncated": 1},
    "ccscala-fragment1_incomplete_last.wet.gz": {"warcinfo": 1, "truncated": 1},
}


def test_real_files_to_their_end(real_data: Path) -> None:
    seen = 0
    for path in sorted((real_data / "warc").iterdir()):
        if path.suffix == ".md":
            continue
        source = wet.SOURCE if ".wet" in path.name else SOURCE
        unit = Unit("s", "u", str(path), path.name, path.stat().st_size, "")
        reading = Reading(unit, source.options(), lambda path=path: path.open("rb"), Counter())  # type: ignore[misc]
        rows = sum(len(table) for table in source.read(reading))
        total = rows + sum(reading.skipped.values())
        if ".arc" in path.name:
            continue  # test_arc.py
        types: Counter[int] = Counter(
            int(record.record_type) for record in ArchiveIterator(path.open("rb"), parse_http=False)
        )
        assert total == sum(types.values()), path.name
        if path.name in DAMAGED:
            assert reading.skipped == DAMAGED[path.name], path.name
        for kind in ("request", "metadata", "revisit"):
            assert reading.skipped[kind] == types[int(getattr(WarcRecordType, kind))], path.name
        if path.name in REAL:
            assert rows == REAL[path.name], path.name
        seen += 1
    assert seen >= 20
