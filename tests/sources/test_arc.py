"""ARC files through the WARC source: the same pages as from WARC, old headers, padding, wrong lengths."""

import gzip
import io
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.source import Reading, Unit, document_id
from pipeline.sources import warc
from pipeline.sources.crawl import arc

SOURCE = warc.SOURCE
VERSION_1 = b"1 0 Somebody\nURL IP-address Archive-date Content-type Archive-length\n"
HEAD = b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain %d\n%s\n" % (len(VERSION_1), VERSION_1)
PAGES = [f"<html><title>Page {n}</title>\n<p>{'words and more ' * n * 9}</p>\n".encode() for n in range(5)]


def response(page: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nServer: Apache\r\nContent-Type: text/html\r\n\r\n" + page


def record(page: bytes, number: int = 0, length: int | None = None, block: bytes | None = None) -> bytes:
    """A record of version 1, with the line break that ends it."""
    block = response(page) if block is None else block
    line = b"http://example.org/%d 1.2.3.4 20080509190241 text/html %d\n" % (
        number,
        len(block) if length is None else length,
    )
    return line + block + b"\n"


FIVE = [record(page, number) for number, page in enumerate(PAGES)]


def pages(rows: list[dict[str, Any]]) -> list[bytes]:
    return [row["html"].encode() for row in rows]


def test_nothing_but_the_head(read_bytes: Any) -> None:
    assert read_bytes(SOURCE, HEAD) == ([], {"warcinfo": 1})
    assert read_bytes(SOURCE, gzip.compress(HEAD)) == ([], {"warcinfo": 1})


def test_one_page(read_bytes: Any) -> None:
    rows, skipped = read_bytes(SOURCE, HEAD + FIVE[1])
    [row] = rows
    assert skipped == {"warcinfo": 1}
    assert row["address"].startswith("http://example.org/1 20080509190241 ")
    assert row["url"] == "http://example.org/1"
    assert row["date"] == datetime(2008, 5, 9, 19, 2, 41)
    assert row["server"] == "Apache"
    assert row["offset"] == len(HEAD)
    assert row["html"].encode() == PAGES[1]


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("layout", ["plain", "packed", "one member", "padded", "close", "no end"])
def test_every_layout_gives_the_same_rows(read_bytes: Any, layout: str, forward: bool) -> None:
    whole = HEAD + b"".join(FIVE)
    data = {
        "plain": whole,
        "packed": b"".join(map(gzip.compress, [HEAD, *FIVE])),
        "one member": gzip.compress(whole),
        "padded": HEAD + b"\n\0\0\n".join(each + b"\n" * 700 for each in FIVE),
        "close": HEAD + b"".join(each[:-1] for each in FIVE),  # no line break between records
        "no end": whole[:-1],
    }[layout]
    if layout == "close":
        data = HEAD + b"".join(
            record(page, n, block=response(page) + b"\n")[:-1] for n, page in enumerate(PAGES)
        )
    rows, skipped = read_bytes(SOURCE, data, forward=forward)
    assert [page.rstrip(b"\n") for page in pages(rows)] == [page.rstrip(b"\n") for page in PAGES]
    assert skipped == {"warcinfo": 1}


def test_addresses_do_not_depend_on_the_layout(read_bytes: Any) -> None:
    plain, _ = read_bytes(SOURCE, HEAD + b"".join(FIVE))
    packed, _ = read_bytes(SOURCE, b"".join(map(gzip.compress, [HEAD, *FIVE])))
    assert [row["address"] for row in plain] == [row["address"] for row in packed]
    assert len({row["address"] for row in plain}) == 5


def test_version_2_has_more_fields(read_bytes: Any) -> None:
    block = response(PAGES[1])
    line = b"http://example.org/a b 1.2.3.4 19970417175710 text/html 200 e1d9 - 1234 IA-01.arc %d\n" % len(
        block
    )
    rows, skipped = read_bytes(SOURCE, HEAD + line + block + b"\n" + FIVE[2])
    assert pages(rows) == PAGES[1:3]
    assert rows[0]["url"] == "http://example.org/a b"
    assert rows[0]["date"] == datetime(1997, 4, 17, 17, 57, 10)
    assert skipped == {"warcinfo": 1}


@pytest.mark.parametrize("length", [0, 10, 100, 5000])
def test_a_wrong_length_costs_nothing_where_the_next_record_shows_the_end(
    read_bytes: Any, length: int
) -> None:
    wrong = record(PAGES[2], 2, length=length)
    rows, skipped = read_bytes(SOURCE, HEAD + b"".join([*FIVE[:2], wrong, *FIVE[3:]]))
    assert pages(rows) == PAGES
    assert skipped == {"warcinfo": 1}


def test_a_last_record_that_is_cut(read_bytes: Any) -> None:
    rows, skipped = read_bytes(SOURCE, (HEAD + b"".join(FIVE))[:-50])
    assert pages(rows) == PAGES[:4]
    assert skipped == {"warcinfo": 1, "truncated": 1}


def test_damage_of_a_packed_record_costs_that_record(read_bytes: Any) -> None:
    members = list(map(gzip.compress, [HEAD, *FIVE]))
    broken = bytearray(members[3])
    broken[40] ^= 0xFF
    members[3] = bytes(broken)
    rows, skipped = read_bytes(SOURCE, b"".join(members))
    assert pages(rows) == [*PAGES[:2], *PAGES[3:]]
    assert skipped == {"warcinfo": 1, "corrupt": 1}


def test_junk_before_and_between(read_bytes: Any) -> None:
    rows, skipped = read_bytes(SOURCE, b"junk\n" + HEAD + FIVE[0] + b"junk: more of it\n" + FIVE[1])
    assert pages(rows) == PAGES[:2]
    assert skipped == {"corrupt": 2, "warcinfo": 1}


def test_what_is_no_page(read_bytes: Any) -> None:
    name = b"dns:example.org 1.2.3.4 20080430204825 text/dns 15\n20080430204825\n\n"
    gone = record(b"", block=b"HTTP/1.0 404 Gone\r\nContent-Type: text/html\r\n\r\n<p>no")
    image = record(b"", block=b"HTTP/1.0 200 OK\r\nContent-Type: image/gif\r\n\r\nGIF89a")
    rows, skipped = read_bytes(SOURCE, HEAD + name + gone + image + FIVE[3])
    assert pages(rows) == PAGES[3:4]
    assert skipped == {"warcinfo": 1, "not_http": 1, "http_status": 1, "not_html": 1}


def test_a_page_of_the_first_http_has_no_head(read_bytes: Any) -> None:
    rows, skipped = read_bytes(SOURCE, HEAD + record(b"", block=b"<HTML><BODY>old</BODY></HTML>"))
    assert (pages(rows), skipped) == ([b"<HTML><BODY>old</BODY></HTML>"], {"warcinfo": 1})


def test_too_large(read_bytes: Any) -> None:
    big = record(b"<p>" + b"x\n" * 100_000, 9)
    rows, skipped = read_bytes(SOURCE, HEAD + FIVE[0] + big + FIVE[1], max_record_bytes=50_000)
    assert pages(rows) == PAGES[:2]
    assert skipped == {"warcinfo": 1, "too_large": 1}


def test_original() -> None:
    for data in (HEAD + b"".join(FIVE), b"".join(map(gzip.compress, [HEAD, *FIVE]))):
        reading = _reading(data)
        rows = [row for table in SOURCE.read(reading) for row in table.to_pylist()]
        assert SOURCE.original is not None
        for row, whole in zip(rows, FIVE, strict=True):
            row["id"] = document_id("s", row["address"])
            assert SOURCE.original(reading, row) + b"\n" == whole


@pytest.mark.parametrize(
    ("line", "url"),
    [
        (b"http://a/ 1.2.3.4 20080509190241 text/html 7", "http://a/"),
        (b"http://a/ 1.2.3.4 200805091902 text/html 7", "http://a/"),
        (b"http://a/ 1.2.3.4 today text/html 7", None),
        (b"http://a/ 1.2.3.4 20080509190241 text/html -7", None),
        (b"http://a/ here 20080509190241 text/html 7", None),
        (b"", None),
    ],
)
def test_which_lines_start_a_record(line: bytes, url: str | None) -> None:
    found = arc.fields(line)
    assert (found["warc-target-uri"] if found else None) == url
    assert found is None or len(found["warc-date"]) == 14


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([HEAD, *FIVE[:2], b"http://", b"\n"])), max_size=8
    )
)
def test_any_bytes_are_read_to_the_end(parts: list[bytes]) -> None:
    reading = _reading(HEAD + b"".join(parts))
    rows = sum(len(table) for table in SOURCE.read(reading))
    assert rows + sum(reading.skipped.values()) > 0


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "block", [b"a:" * 1_000_000, b"http://a/ 1.1.1.1 2008 x 1\n" * 50_000, b"a:b\n" * 400_000]
)
def test_hostile_blocks_take_no_time(read_bytes: Any, block: bytes) -> None:
    rows, skipped = read_bytes(SOURCE, HEAD + record(b"", block=block, length=5) + FIVE[1])
    assert pages(rows)[-1:] == PAGES[1:2]
    assert sum(skipped.values()) >= 1


def _reading(data: bytes) -> Reading:
    unit = Unit("s", "u", "file", "file", len(data), "")
    return Reading(unit, SOURCE.options(), lambda: io.BytesIO(data), Counter())


def _real(path: Path) -> tuple[list[dict[str, Any]], Counter[str]]:
    unit = Unit("s", "u", str(path), path.name, path.stat().st_size, "")
    reading = Reading(unit, SOURCE.options(), lambda: path.open("rb"), Counter())
    return [row for table in SOURCE.read(reading) for row in table.to_pylist()], reading.skipped


def test_the_same_crawl_as_arc_and_as_warc(real_data: Path) -> None:
    name = "IAH-20080430204825-00000-blackbook"
    old, skipped = _real(real_data / "warc" / f"{name}.arc.gz")
    new, _ = _real(real_data / "warc" / f"{name}.warc.gz")
    assert len(old) == 94
    assert sorted((row["url"], row["html"]) for row in old) == sorted(
        (row["url"], row["html"]) for row in new
    )
    assert skipped == {"warcinfo": 1, "not_http": 38, "not_html": 120, "http_status": 47}


def test_real_files_to_their_end(real_data: Path) -> None:
    rows, skipped = _real(real_data / "warc" / "cc-arc-2008-1213893279526_0.arc")
    assert (len(rows), skipped) == (125, {"warcinfo": 1, "not_html": 6, "http_status": 14})
    assert len({row["address"] for row in rows}) == 125
    rows, skipped = _real(real_data / "warc" / "jwat-small_BNF.arc")
    assert (len(rows), skipped) == (3, {"warcinfo": 1, "not_html": 2})
