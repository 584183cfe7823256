"""Large WARC and ARC files in several units: the same records wherever the cuts are."""

import gzip
import io
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.inputs import InputFile
from pipeline.source import Reading, Source, Unit, document_id
from pipeline.sources import commoncrawl, warc, wet
from pipeline.sources.crawl import parts

COUNT = 12


def page(number: int) -> bytes:
    noise = random.Random(number).randbytes(40 + 90 * (number % 3)).hex()
    return f"<html><title>Page {number}</title><p>{noise}</p></html>".encode()


def response(number: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page(number)


def warc_record(number: int, length: int | None = None, anonymous: bool = False) -> bytes:
    block = response(number)
    name = "" if anonymous else f"WARC-Record-ID: <urn:test:{number}>\r\n"
    head = f"WARC/1.0\r\nWARC-Type: response\r\n{name}Content-Length: {length or len(block)}\r\n\r\n"
    return head.encode() + block + b"\r\n\r\n"


def arc_record(number: int) -> bytes:
    block = response(number)
    return b"http://example.org/%d 1.2.3.4 20080509190241 text/html %d\n%s\n" % (number, len(block), block)


WARC = [warc_record(number, anonymous=number % 4 == 0) for number in range(COUNT)]
ARC = [
    b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 11\n1 0 Winnow\n\n",
    *(arc_record(number) for number in range(COUNT)),
]


def packed(records: Sequence[bytes]) -> bytes:
    return b"".join(gzip.compress(record, mtime=0) for record in records)


def damaged(data: bytes, at: int, size: int = 3) -> bytes:
    return data[:at] + bytes(byte ^ 0xA5 for byte in data[at : at + size]) + data[at + size :]


LINES = b"".join(WARC)
LAYOUTS = {
    "nothing": b"",
    "padding": b"\r\n" * 900,
    "plain": LINES,
    "packed": packed(WARC),
    "one member": gzip.compress(LINES),
    "three members": packed([b"".join(WARC[:5]), b"".join(WARC[5:6]), b"".join(WARC[6:])]),
    "zstandard": b"".join(zstandard.compress(record) for record in WARC),
    "blocks": packed([LINES[at : at + 700] for at in range(0, len(LINES), 700)]),
    "padded": b"".join(gzip.compress(record + b"\r\n" * 9) + b"\0" * 512 for record in WARC),
    "a crawl in a crawl": packed([*WARC[:3], gzip.compress(packed(WARC[3:5]), 0), *WARC[5:]]),
    "arc": b"".join(ARC),
    "arc, packed": packed(ARC),
    "arc in one member": gzip.compress(b"".join(ARC)),
    "a member damaged": damaged(packed(WARC), len(packed(WARC[:4])) + 60),
    "the first damaged": damaged(packed(WARC), 60),
    "the first of an arc damaged": damaged(packed(ARC), 30),
    "the last damaged": damaged(packed(WARC), len(packed(WARC[:-1])) + 60),
    "its end missing": packed(WARC)[:-30],
    "junk between": packed(WARC[:4]) + b"junk" * 40 + packed(WARC[4:]),
    "junk before": b"junk\n" + LINES,
    "something else": b'{"text": "a"}\n' * 300,
    "a length too large": packed([*WARC[:3], warc_record(3, length=10**9), *WARC[4:]]),
    "a length too small": b"".join([*WARC[:3], warc_record(3, length=9), *WARC[4:]]),
}  # fmt: skip


def read(data: bytes, cuts: Sequence[int] = (), source: Source = warc.SOURCE) -> tuple[list[Any], Any]:
    rows: list[Any] = []
    skipped: Counter[str] = Counter()
    for part in list(pairwise((0, *cuts, len(data)))) if cuts else [None]:
        rows += [row for table in source.read(reading(data, part, skipped)) for row in table.to_pylist()]
    return rows, skipped


def reading(data: bytes, part: tuple[int, int] | None, skipped: Counter[str]) -> Reading:
    unit = Unit("s", "u", "file", "file", len(data), "", part)
    return Reading(unit, warc.SOURCE.options(), lambda: io.BytesIO(data), skipped)


@pytest.mark.parametrize("sure", [400, parts.SURE])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_cut_anywhere_changes_nothing(layout: str, sure: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SURE", sure)
    data = LAYOUTS[layout]
    whole = read(data)
    step = max(1, len(data) // 90)
    for cut in [*range(1, len(data), step), len(data) - 1]:
        if 0 < cut < len(data):
            assert read(data, [cut]) == whole, cut


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(LAYOUTS)), st.sets(st.integers(1, 10**6), max_size=8))
def test_any_cuts_change_nothing(layout: str, places: set[int]) -> None:
    data = LAYOUTS[layout]
    cuts = sorted({place % len(data) for place in places} - {0}) if data else []
    assert read(data, cuts) == read(data)


@pytest.mark.parametrize("layout", ["plain", "packed", "arc, packed"])
def test_the_work_is_shared(layout: str) -> None:
    data = LAYOUTS[layout]
    shares = [
        len(read_part(data, part)) for part in pairwise((0, len(data) // 3, len(data) * 2 // 3, len(data)))
    ]
    assert sum(shares) == COUNT and min(shares) >= 3


def read_part(data: bytes, part: tuple[int, int]) -> list[Any]:
    return [row for table in warc.SOURCE.read(reading(data, part, Counter())) for row in table.to_pylist()]


def test_a_file_packed_as_a_whole_is_the_first_units() -> None:
    data = LAYOUTS["one member"]
    assert [len(read_part(data, part)) for part in pairwise((0, 500, 1000, len(data)))] == [COUNT, 0, 0]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, len(LAYOUTS["packed"]) - 1),
    st.integers(1, 900),
    st.integers(1, len(LAYOUTS["packed"]) - 1),
    st.sampled_from(["packed", "plain", "arc", "arc, packed"]),
)
def test_no_page_is_lost_or_doubled_by_a_cut_near_damage(at: int, size: int, cut: int, layout: str) -> None:
    data = damaged(LAYOUTS[layout], at, size)
    whole, counted = read(data)
    rows, skipped = read(data, [cut % len(data) or 1])
    assert {row["address"] for row in whole} <= {row["address"] for row in rows}
    assert len({row["offset"] for row in rows}) == len(rows)
    assert abs(skipped.total() - counted.total()) <= 2


@pytest.mark.parametrize("layout", ["plain", "packed", "arc, packed"])
def test_original_of_a_part(layout: str) -> None:
    data = LAYOUTS[layout]
    part = (len(data) // 2, len(data))
    found = read_part(data, part)
    assert found and warc.SOURCE.original is not None
    for row in found:
        row["id"] = document_id("s", row["address"])
        number = int(row["html"].split("Page ")[1].split("<")[0])
        assert warc.SOURCE.original(reading(data, part, Counter()), row).endswith(page(number))


def test_a_file_that_cannot_seek() -> None:
    class Forward(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, offset: int, whence: int = 0) -> int:
            raise OSError(29, f"no seek to {offset}, {whence}")

    data = LAYOUTS["packed"]
    rows = []
    for part in pairwise((0, 900, 2000, len(data))):
        unit = Unit("s", "u", "file", "file", len(data), "", part)
        forward = Reading(unit, warc.SOURCE.options(), lambda: Forward(data), Counter())
        rows += [row for table in warc.SOURCE.read(forward) for row in table.to_pylist()]
    assert rows == read(data)[0]


def test_reading_a_part_reads_little_else() -> None:
    size = 0

    class Watched(io.BytesIO):
        def read(self, count: int | None = -1) -> bytes:
            nonlocal size
            data = super().read(count)
            size += len(data)
            return data

    records = [b"WARC/1.0\r\nWARC-Type: resource\r\nContent-Length: 200000\r\n\r\n%s\r\n\r\n" % noise
               for noise in (random.Random(n).randbytes(200_000) for n in range(100))]  # fmt: skip
    data = packed(records)
    unit = Unit("s", "u", "file", "file", len(data), "", (8 << 20, 12 << 20))

    def opened() -> BinaryIO:
        return Watched(data)

    skipped: Counter[str] = Counter()
    assert list(warc.SOURCE.read(Reading(unit, warc.SOURCE.options(), opened, skipped))) == []
    assert 19 <= skipped["resource"] <= 22
    assert size < 13 << 20  # the unit itself, and megabytes at either end


def test_units(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [InputFile("/a/small", "small", 199, "1"), InputFile("/a/large", "large", 240, "1")]
    monkeypatch.setattr(parts, "UNIT_BYTES", 100)
    for source in (warc.SOURCE, wet.SOURCE, commoncrawl.SOURCE):
        assert source.units is not None
        assert source.units("s", [], source.options()) == []
        found = source.units("s", files, source.options())
        assert [unit.part for unit in found] == [None, (0, 100), (100, 240)]
        assert len({unit.name for unit in found}) == 3


def test_files_of_the_web_and_of_unknown_size_are_one_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "UNIT_BYTES", 100)
    files = [
        InputFile("https://example.org/a", "a", 1000, "1"),
        InputFile("s3://bucket/b", "b", 0, ""),
        InputFile("s3://bucket/c", "c", 1000, ""),
    ]
    found = commoncrawl.units("s", files, commoncrawl.CommonCrawlOptions())
    assert [(unit.logical, unit.part is None) for unit in found if unit.part is None] == [
        ("a", True),
        ("b", True),
    ]
    assert len(found) == 2 + 10


def test_real_files(real_data: Path) -> None:
    for name in (
        "CC-MAIN-20200808165417-20200808195417-00395.resiliparse-sample.warc.gz",
        "cc-arc-2008-1213893279526_0.arc",
        "resiliparse-clipped.warc.gz",
        "py-wacz-example-iana.warc",
    ):
        data = (real_data / "warc" / name).read_bytes()
        cuts = sorted({len(data) * place // 7 for place in range(1, 7)})
        assert read(data, cuts) == read(data), name
