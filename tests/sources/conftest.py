"""What the tests of sources share: reading bytes as a source's one unit, WARC files, archives, and
repositories of code."""

import gzip
import importlib.util
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from pipeline import store
from pipeline.inputs import expand
from pipeline.source import Reading, Source, Unit
from pipeline.sources import archives, github
from pipeline.sources.archives import Member

Read = Callable[..., tuple[list[dict[str, Any]], dict[str, int]]]
Warc = Callable[..., bytes]


class Forward(io.RawIOBase):
    """A file that can only be read forwards, and in small pieces, as from a network."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 1000) if size >= 0 else 1000)

    def readable(self) -> bool:
        return True


@pytest.fixture
def read_bytes() -> Read:
    """Reads `data` as one file of `source`: the rows and what was skipped."""

    def read(source: Source, data: bytes, forward: bool = False, **options: Any) -> Any:
        def opened() -> BinaryIO:
            return Forward(data) if forward else io.BytesIO(data)  # type: ignore[return-value]

        unit = Unit("web", "web-file", "file", "folder/file", len(data), "1")
        reading = Reading(unit, source.options(**options), opened, Counter())
        schema = source.schema if source.schema_of is None else source.schema_of([], reading.options)
        rows = []
        for table in source.read(reading):
            assert table.schema.equals(schema)
            rows += table.to_pylist()
        return rows, dict(reading.skipped)

    return read


def record(block: bytes, kind: str = "response", **fields: str) -> bytes:
    """One WARC record with the header fields given (`_` for `-`); a field of "" is left out."""
    named = {
        "WARC-Record-ID": f"<urn:test:{len(block)}-{hash_of(block)}>",
        "WARC-Date": "2024-05-06T07:08:09Z",
        "WARC-Target-URI": "http://example.org/",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    lines = [
        f"WARC/1.0\r\nWARC-Type: {kind}",
        *(f"{name}: {value}" for name, value in named.items() if value),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def hash_of(block: bytes) -> int:
    return sum(at * byte for at, byte in enumerate(block, 1)) % 999983


def http(body: bytes, content_type: str = "text/html", status: int = 200, **fields: str) -> bytes:
    """An HTTP response as a WARC record's block."""
    head = [f"HTTP/1.1 {status} Whatever"]
    if content_type:
        head.append(f"Content-Type: {content_type}")
    head += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def packed(records: Iterable[bytes]) -> bytes:
    """A gzip member for each record, as crawlers write them."""
    return b"".join(gzip.compress(record, mtime=0) for record in records)


@pytest.fixture
def make() -> Any:
    """The makers of records, responses and packed files, as attributes."""

    class Makers:
        record = staticmethod(record)
        http = staticmethod(http)
        packed = staticmethod(packed)

    return Makers


@pytest.fixture(scope="session")
def git() -> Any:
    """The makers of git's objects, packs and bundles (`git_files.py`), as attributes."""
    place = Path(__file__).with_name("git_files.py")
    spec = importlib.util.spec_from_file_location("git_files", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Rows = list[dict[str, Any]]

CODE_LICENSE = b"MIT License\n"
CODE_FILES = {
    "LICENSE": CODE_LICENSE,
    "README.md": b"# Name\n\nWhat it does.\n",
    "src/main.py": b"from src import util\n\nprint(util.one())\n",
    "src/util.py": b"# SPDX-License-Identifier: GPL-2.0-only\n\n\ndef one():\n    return 1\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\0\0\0",
}


def write_files(folder: Path, files: dict[str, bytes] = CODE_FILES) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def code_units(*patterns: str | Path, **options: Any) -> list[Unit]:
    files = expand(list(map(str, patterns)), folders=True)
    return github.units("code", files, github.GithubOptions(**options))


def read_code_units(units: list[Unit], **options: Any) -> tuple[Rows, dict[str, int]]:
    skipped: Counter[str] = Counter()
    rows: Rows = []
    for unit in units:
        opened = partial(store.open_input, unit.path)
        for table in github.SOURCE.read(Reading(unit, github.GithubOptions(**options), opened, skipped)):
            assert table.schema.equals(github.SCHEMA)
            rows += table.to_pylist()
    return rows, dict(skipped)


def read_code(*patterns: str | Path, **options: Any) -> tuple[Rows, dict[str, int]]:
    """The rows of the repositories that the patterns match, and what was skipped."""
    return read_code_units(code_units(*patterns, **options), **options)


ARCHIVE_FILES = {"a.txt": b"first", "folder/b.txt": b"x" * 2000, "empty": b"", "größe.txt": "größer".encode()}


def zipped(
    files: dict[str, bytes] = ARCHIVE_FILES, method: int = zipfile.ZIP_DEFLATED, forward: bool = False
) -> bytes:
    """A zip file; `forward`: as written to a pipe, with lengths behind the data."""
    sink = io.BytesIO()
    target: Any = sink
    if forward:
        sink.seekable = lambda: False  # type: ignore[method-assign]
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20))
            info.compress_type = method
            archive.writestr(info, data)
    return sink.getvalue()


def members_in(data: bytes, forward: bool = False, **options: Any) -> list[Member]:
    """The members of an archive, of a megabyte at most if nothing else is said."""
    file = cast(BinaryIO, Forward(data) if forward else io.BytesIO(data))
    return list(archives.members(file, **{"max_bytes": 1 << 20, **options}))


def contents(data: bytes, forward: bool = False, **options: Any) -> dict[str, bytes]:
    """The data of each member; none has a fault."""
    every = members_in(data, forward, **options)
    assert [member.fault for member in every] == [""] * len(every)
    return {member.name: member.data for member in every}


def faults(data: bytes, **options: Any) -> list[tuple[str, str]]:
    return [(member.name, member.fault) for member in members_in(data, **options)]
