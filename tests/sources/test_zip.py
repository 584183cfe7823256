"""Entries of zip files: methods, names, damage, bombs."""

import io
import lzma
import random
import struct
import zipfile
import zlib
from datetime import datetime

import pytest
import zstandard

from pipeline.sources.archives import Member
from tests.sources.conftest import ARCHIVE_FILES, contents, faults, members_in, zipped


def test_nothing() -> None:
    assert members_in(zipped({})) == []


def test_names_in_zip_files() -> None:
    assert list(contents(zipped({"é.txt": b"1"}))) == ["é.txt"]
    unmarked = zipped({"XX.txt": b"1"})
    assert list(contents(unmarked.replace(b"XX", b"\x82\xe1"))) == ["éß.txt"]  # code page 437
    assert list(contents(unmarked.replace(b"XX", "é".encode()))) == ["é.txt"]  # UTF-8 all the same


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip(method: int, forward: bool) -> None:
    files = {**ARCHIVE_FILES, "text": b"again and again " * 5000}
    assert contents(zipped(files, method), forward) == files
    assert contents(zipped(files, method, forward=True), forward) == files


def test_what_a_zip_says_of_an_entry() -> None:
    data = zipped({"a": b"12345", "b": b"6"})
    assert members_in(data)[0] == Member("a", 0, 5, datetime(2023, 11, 14, 22, 13, 20), b"12345")
    assert members_in(b"#!/bin/sh\n" + data)[0].offset == 10


def test_zip_of_other_methods() -> None:
    text = b"again and again " * 500
    for method, pack in ((93, zstandard.compress), (95, lzma.compress)):
        data = pack(text)
        stored = zipped({"a": data}, zipfile.ZIP_STORED)
        crc = struct.pack("<I", zlib.crc32(data))
        new = struct.pack("<I", zlib.crc32(text))
        local, central = stored.index(b"PK\3\4"), stored.index(b"PK\1\2")
        patched = bytearray(stored.replace(crc, new))
        patched[local + 8 : local + 10] = patched[central + 10 : central + 12] = struct.pack("<H", method)
        patched[local + 22 : local + 26] = patched[central + 24 : central + 28] = struct.pack("<I", len(text))
        assert contents(bytes(patched)) == {"a": text}
    unknown = bytearray(zipped({"a": b"1"}))
    at = unknown.index(b"PK\1\2")
    unknown[at + 10 : at + 12] = struct.pack("<H", 97)
    assert faults(bytes(unknown)) == [("a", "unsupported")]


def test_zip_of_links_folders_and_secrets() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.mkdir("folder") if hasattr(archive, "mkdir") else archive.writestr("folder/", b"")
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, b"/etc/passwd")
        pipe = zipfile.ZipInfo("pipe")
        pipe.create_system, pipe.external_attr = 3, 0o010777 << 16
        archive.writestr(pipe, b"")
        archive.writestr("secret", b"1")
        archive.writestr("open", b"1")
    data = bytearray(sink.getvalue())
    at = data.rindex(b"PK\1\2", 0, data.rindex(b"secret"))
    data[at + 8] |= 1
    assert faults(bytes(data)) == [
        ("link", "link"),
        ("pipe", "special"),
        ("secret", "encrypted"),
        ("open", ""),
    ]


def test_a_damaged_entry_costs_that_entry() -> None:
    data = bytearray(zipped({"a": b"1" * 50, "b": b"secret", "c": b"3"}, zipfile.ZIP_STORED))
    data[data.index(b"secret")] ^= 1
    assert faults(bytes(data)) == [("a", ""), ("b", "corrupt"), ("c", "")]


def test_a_zip_of_more_than_65_535_entries() -> None:
    data = zipped({f"{at}": b"" for at in range(70_000)}, zipfile.ZIP_STORED)
    assert len(members_in(data)) == 70_000


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_that_is_cut_is_read_by_its_local_headers(method: int, forward: bool) -> None:
    files = {f"member-{at}": random.Random(at).randbytes(500) for at in range(9)}
    data = zipped(files, method, forward)
    cut = data[: data.index(b"member-7") + 200]
    every = members_in(cut)
    assert {m.name: m.data for m in every if not m.fault} == {
        f"member-{at}": files[f"member-{at}"] for at in range(7)
    }
    assert [m.fault for m in every if m.fault] == ["truncated"]
    lost = data[: data.index(b"PK\1\2") + 10]
    assert {m.name: m.data for m in members_in(lost) if not m.fault} == files
    assert [m.fault for m in members_in(lost) if m.fault] == ["corrupt"]


def test_bombs_of_zips(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({"zeros": b"\0" * (4 << 20), "last": b"1"})
    assert faults(data, max_bytes=2 << 20) == [("zeros", "bomb"), ("last", "")]
    assert faults(data, max_bytes=8 << 20) == [("zeros", ""), ("last", "")]
    monkeypatch.setattr("pipeline.sources.archives.zip.BOMB_BYTES", 1 << 20)
    assert faults(data, max_bytes=8 << 20) == [("zeros", ""), ("last", "bomb")]


def test_entries_that_share_their_bytes() -> None:
    kernel = zipped({"kernel": b"\0" * 100_000})
    local = kernel[: kernel.index(b"PK\1\2")]
    central = bytearray(kernel[kernel.index(b"PK\1\2") : kernel.index(b"PK\5\6")])
    heads: list[bytes] = []
    for at in range(3):  # stored entries, each around all that follows
        inner = b"".join(heads[::-1]) + local
        head = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0x5821, 0, len(inner), len(inner), 1, 0)
        heads.append(head + b"%d" % at)
    body = b"".join(heads[::-1]) + local
    directory = b""
    place = 0
    for at in (2, 1, 0):
        size = len(body) - place - 31
        directory += (
            struct.pack(
                "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0x5821, 0, size, size, 1, 0, 0, 0, 0, 0, place
            )
            + b"%d" % at
        )
        place += 31
    central[42:46] = struct.pack("<I", place)
    directory += bytes(central)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 4, 4, len(directory), len(body), 0)
    assert faults(body + directory + end) == [("2", "bomb"), ("1", "bomb"), ("0", "bomb"), ("kernel", "")]
