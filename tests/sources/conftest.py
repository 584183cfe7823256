"""What the tests of sources share: reading bytes as a source's one unit, and making WARC files."""

import gzip
import importlib.util
import io
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from pipeline.source import Reading, Source, Unit

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
